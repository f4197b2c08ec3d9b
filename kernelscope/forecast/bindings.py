"""What the names would hold after the cell: its bindings and deletes, in the order of its statements."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from kernelscope.cellcode.effects import Binding, Origin
from kernelscope.cellcode.known_calls import COPIES_WITHOUT_LEARNED_STATE
from kernelscope.domain.changes import Identity
from kernelscope.domain.names import names_through, root_of
from kernelscope.forecast.makers import would_bind, would_make
from kernelscope.forecast.reasons import (
    BindsObjectOf,
    BindsSameObject,
    Conditional,
    ContainerChanged,
    MissingByNow,
    Unreadable,
)
from kernelscope.forecast.simulation import CellSimulation


def bind_names(cell: CellSimulation) -> None:
    """Bind and delete names as the cell would."""
    pending = {name for name in cell.names_made if would_make(cell, name)}
    step, names = 0, cell.names
    for binding in cell.effects.bindings:
        if not would_bind(cell, binding):
            continue
        if binding.step != step:
            step, names = binding.step, dict(cell.names)
        _bind(cell, binding, names, pending)
    for name in sorted(pending):
        cell.names[name] = cell.successor(cell.names_then[name])
    _rebind_known_objects(cell)
    _follow_loops(cell)
    _delete_names(cell)


def _bind(cell: CellSimulation, binding: Binding, names: Mapping[str, int], pending: set[str]) -> None:
    """One binding.

    Args:
        cell: whose names change.
        binding: of the cell.
        names: what the names hold when its statement begins.
        pending: names that get a new object, and did not get it yet.
    """
    if binding.some_item:
        _bind_some_items(cell, binding.target, pending)
    elif binding.origin is Origin.ALIAS:
        _bind_alias(cell, binding, names)
    else:
        _bind_value(cell, binding, pending)
    missing, target = binding.guard.missing, binding.target
    if missing is not None and not binding.some_item and _is_unchanged_model(cell, target):
        cell.decide(target, None, MissingByNow(missing))


def _is_unchanged_model(cell: CellSimulation, name: str) -> bool:
    return name in cell.now.names_by_root and name not in cell.changes


def _bind_some_items(cell: CellSimulation, container: str, pending: set[str]) -> None:
    """Items that the source does not tell: those that the last run bound."""
    for name in sorted(pending):
        if name.startswith(f"{container}["):
            cell.names[name] = cell.successor(cell.names_then[name])


def _bind_alias(cell: CellSimulation, binding: Binding, names: Mapping[str, int]) -> None:
    """``c = a``: whatever is reached through ``a`` is reached through ``c`` as well."""
    source, target = binding.value.text, binding.target
    rows = cell.rows(root_of(source), names)
    if source in rows:
        reached = {target: rows[source]}
    else:
        reached = {target + name[len(source) :]: rows[name] for name in names_through(source, rows)}
    if not reached:
        return
    for name in names_through(target, cell.names):
        del cell.names[name]
    cell.names.update(reached)
    cell.origins.update(dict.fromkeys(reached, BindsObjectOf(source)))


def _bind_value(cell: CellSimulation, binding: Binding, pending: set[str]) -> None:
    """A value that no other name holds: items that the target had before, and would not have again, are gone."""
    then = names_through(binding.target, cell.names_then)
    explained = [n for n in then if n in pending or (n in cell.changes and n not in cell.decided)]
    if binding.origin is Origin.LOOP or (then and not explained):
        return
    if not then and binding.origin is not Origin.CONSTANT:
        return
    for name in names_through(binding.target, cell.names):
        if name not in then:
            del cell.names[name]
    for name in then:
        token = cell.successor(cell.names_then[name])
        if name in pending or cell.is_there(token):
            cell.names[name] = token
            _copy_state(cell, binding, token)
        pending.discard(name)


def _copy_state(cell: CellSimulation, binding: Binding, token: int) -> None:
    """A copy is made of what there is now, not of what there was."""
    source = cell.names.get(binding.value.copied or "")
    model = cell.facts_of(source) if source is not None else None
    copy = cell.objects.get(token)
    if model is None or copy is None or model.parts or model.cls != copy.cls:
        return
    learned = {name: replace(signature, serial=1) for name, signature in model.learned.items()}
    if binding.value.text in COPIES_WITHOUT_LEARNED_STATE:
        learned = {}
    cell.objects[token] = replace(copy, params=model.params, learned=learned)


def _rebind_known_objects(cell: CellSimulation) -> None:
    """Names that the last run bound to an object known before, other than by a plain ``c = a``."""
    aliases = {b.target for b in cell.effects.exact_bindings if b.origin is Origin.ALIAS}
    for name, change in cell.changes.items():
        if change.identity is not Identity.REBOUND or name in aliases:
            continue
        binding = cell.effects.binding_of(name)
        if binding is None:
            cell.decide(name, None, Unreadable("binding"))
        elif not would_bind(cell, binding):
            cell.decide(name, None, Conditional("binding"))
        elif cell.is_there(token := cell.successor(cell.names_then[name])):
            cell.names[name] = token
            if binding.origin is not Origin.LOOP:
                cell.unsure.add(name)
            cell.origins[name] = BindsSameObject(change.cls)


def _follow_loops(cell: CellSimulation) -> None:
    """A loop through a container that has other items by now acts on other objects."""
    for binding in cell.effects.exact_bindings:
        container = binding.value.text
        if binding.origin is not Origin.LOOP or not container or binding.is_conditional:
            continue
        then, now = names_through(container, cell.names_then), names_through(container, cell.names)
        if set(then) == set(now):
            continue
        for name in (*now, binding.target):
            if (name not in then or name == binding.target) and name in cell.now.names:
                cell.decide(name, None, ContainerChanged(container))


def _delete_names(cell: CellSimulation) -> None:
    for target in cell.effects.deletes:
        if target not in cell.names_bound:
            for name in names_through(target, cell.names):
                del cell.names[name]
