"""Hyper-parameters that the cell would set."""

from __future__ import annotations

from msgspec.structs import replace

from kernelscope.cellcode.effects import Setting, ValueSource
from kernelscope.domain.changes import Identity
from kernelscope.domain.facts import Value
from kernelscope.domain.names import root_of
from kernelscope.forecast.simulation import CellSimulation
from kernelscope.forecast.stand_ins import make_changed_value

_NESTED = "__"
"""Between the key of a part and its hyper-parameter: ``clf__C`` (sklearn/base.py ``set_params``)."""


def set_parameters(simulation: CellSimulation) -> None:
    """Set what the last run set; then what the source sets, which it tells better."""
    for change in simulation.run.changes:
        if change.identity is Identity.SAME and change.name in simulation.now.names:
            for path, (_, value) in (change.params or {}).items():
                _set(simulation, simulation.now.names[change.name], path, value)
    for setting in simulation.effects.settings:
        token = simulation.resolve(setting.receiver)
        if token is not None and setting.attribute is not None:
            _apply(simulation, token, setting.attribute, setting)


def _apply(simulation: CellSimulation, token: int, attribute: str, setting: Setting) -> None:
    if setting.has_value and not setting.some_item:
        _set(simulation, token, attribute, setting.value)
    elif setting.source is ValueSource.ITSELF and _was_changed(simulation, setting):
        facts = simulation.facts_of(token)
        _set(
            simulation,
            token,
            attribute,
            make_changed_value(facts.params.get(attribute) if facts is not None else None),
        )


def _was_changed(simulation: CellSimulation, setting: Setting) -> bool:
    """Whether the last run changed a hyper-parameter of this name, so that it is one."""
    root = root_of(setting.receiver)
    params = (path for n, c in simulation.changes.items() if root_of(n) == root for path in c.params or {})
    return any(own_name(path) == setting.attribute for path in params)


def _set(simulation: CellSimulation, token: int, path: str, value: Value) -> None:
    """Set a hyper-parameter of an object that is there already, or of the part that its name begins with."""
    facts = simulation.facts_of(token)
    if facts is None or simulation.is_simulated(token):
        return
    if path in facts.params:
        simulation.objects[token] = replace(facts, params={**facts.params, path: value})
        return
    key, nested, rest = path.partition(_NESTED)
    for part in facts.parts if nested else ():
        if part.key == key:
            _set(simulation, part.token, rest, value)


def own_name(path: str) -> str:
    """``C`` of ``clf__C``."""
    return path.rsplit(_NESTED, 1)[-1]
