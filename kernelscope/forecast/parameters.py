"""Hyper-parameters that the cell would set."""

from __future__ import annotations

from msgspec.structs import replace

from kernelscope.cellcode.effects import Setting, ValueSource
from kernelscope.domain.changes import Identity
from kernelscope.domain.facts import Value
from kernelscope.domain.names import root_of
from kernelscope.forecast.simulation import CellSimulation
from kernelscope.forecast.stand_ins import changed_value

_NESTED = "__"
"""Between the key of a part and its hyper-parameter: ``clf__C`` (sklearn/base.py ``set_params``)."""


def set_parameters(cell: CellSimulation) -> None:
    """Set what the last run set; then what the source sets, which it tells better."""
    for change in cell.run.changes:
        if change.identity is Identity.SAME and change.name in cell.now.names:
            for path, (_, value) in (change.params or {}).items():
                _set(cell, cell.now.names[change.name], path, value)
    for setting in cell.effects.settings:
        token = cell.resolve(setting.receiver)
        if token is not None and setting.attribute is not None:
            _apply(cell, token, setting.attribute, setting)


def _apply(cell: CellSimulation, token: int, attribute: str, setting: Setting) -> None:
    if setting.has_value and not setting.some_item:
        _set(cell, token, attribute, setting.value)
    elif setting.source is ValueSource.ITSELF and _was_changed(cell, setting):
        facts = cell.facts_of(token)
        _set(
            cell, token, attribute, changed_value(facts.params.get(attribute) if facts is not None else None)
        )


def _was_changed(cell: CellSimulation, setting: Setting) -> bool:
    """Whether the last run changed a hyper-parameter of this name, so that it is one."""
    root = root_of(setting.receiver)
    params = (path for n, c in cell.changes.items() if root_of(n) == root for path in c.params or {})
    return any(last_word(path) == setting.attribute for path in params)


def _set(cell: CellSimulation, token: int, path: str, value: Value) -> None:
    """Set a hyper-parameter of an object that is there already, or of the part that its name begins with."""
    facts = cell.facts_of(token)
    if facts is None or cell.is_simulated(token):
        return
    if path in facts.params:
        cell.objects[token] = replace(facts, params={**facts.params, path: value})
        return
    key, nested, rest = path.partition(_NESTED)
    for part in facts.parts if nested else ():
        if part.key == key:
            _set(cell, part.token, rest, value)


def last_word(path: str) -> str:
    """``C`` of ``clf__C``."""
    return path.rsplit(_NESTED, 1)[-1]
