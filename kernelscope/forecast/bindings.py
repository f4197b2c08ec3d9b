"""What the names would hold after the cell: its bindings and deletes, in the order of its statements."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from kernelscope.cellcode.effects import Binding, Origin
from kernelscope.domain.changes import Identity
from kernelscope.domain.names import names_through, root_of
from kernelscope.forecast.library_calls import is_clone
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


def bind_names(simulation: CellSimulation) -> None:
    """Bind and delete names as the cell would."""
    pending = {name for name in simulation.recreated_names if would_make(simulation, name)}
    step, names = 0, simulation.names
    for binding in simulation.effects.bindings:
        if not would_bind(simulation, binding):
            if binding.guard.missing is not None and not binding.some_item:
                simulation.keep(binding.target)
            continue
        if binding.step != step:
            step, names = binding.step, dict(simulation.names)
        _bind(simulation, binding, names, pending)
    for name in sorted(pending):
        simulation.names[name] = simulation.successor(simulation.names_then[name])
    _rebind_known_objects(simulation)
    _follow_loops(simulation)
    _delete_names(simulation)


def _bind(simulation: CellSimulation, binding: Binding, names: Mapping[str, int], pending: set[str]) -> None:
    """One binding.

    Args:
        simulation: its names change.
        binding: of the cell.
        names: what the names hold when its statement begins.
        pending: names that get a new object, and did not get it yet.
    """
    if binding.some_item:
        _bind_some_items(simulation, binding.target, pending)
    elif binding.origin is Origin.ALIAS:
        _bind_alias(simulation, binding, names)
    else:
        _bind_value(simulation, binding, pending)
    missing, target = binding.guard.missing, binding.target
    if missing is not None and not binding.some_item and _is_unchanged_model(simulation, target):
        simulation.decide(target, None, MissingByNow(missing))


def _is_unchanged_model(simulation: CellSimulation, name: str) -> bool:
    return name in simulation.now.names_by_root and name not in simulation.changes


def _bind_some_items(simulation: CellSimulation, container: str, pending: set[str]) -> None:
    """Items that the source does not tell: those that the last run bound."""
    for name in sorted(pending):
        if name.startswith(f"{container}["):
            simulation.names[name] = simulation.successor(simulation.names_then[name])


def _bind_alias(simulation: CellSimulation, binding: Binding, names: Mapping[str, int]) -> None:
    """``c = a``: all that is reached through ``a`` is reached through ``c`` as well."""
    source, target = binding.value.text, binding.target
    rows = simulation.rows(root_of(source), names)
    if source in rows:
        reached = {target: rows[source]}
    else:
        reached = {target + name[len(source) :]: rows[name] for name in names_through(source, rows)}
    if not reached:
        return
    for name in names_through(target, simulation.names):
        del simulation.names[name]
    simulation.names.update(reached)
    simulation.origins.update(dict.fromkeys(reached, BindsObjectOf(source)))


def _bind_value(simulation: CellSimulation, binding: Binding, pending: set[str]) -> None:
    """A value that no other name holds: items that the target had before, and would not have again, are gone."""
    then = names_through(binding.target, simulation.names_then)
    changed = [n for n in then if n in pending or (n in simulation.changes and n not in simulation.decided)]
    if binding.origin is Origin.LOOP or (then and not changed):
        return
    if not then and binding.origin is not Origin.CONSTANT:
        return
    for name in names_through(binding.target, simulation.names):
        if name not in then:
            del simulation.names[name]
    for name in then:
        token = simulation.successor(simulation.names_then[name])
        if name in pending or simulation.is_there(token):
            simulation.names[name] = token
            _copy_state(simulation, binding, token)
        pending.discard(name)


def _copy_state(simulation: CellSimulation, binding: Binding, token: int) -> None:
    """A copy is made of what there is now, not of what there was."""
    source = simulation.names.get(binding.value.copied or "")
    model = simulation.facts_of(source) if source is not None else None
    copy = simulation.objects.get(token)
    if model is None or copy is None or model.parts or model.cls != copy.cls:
        return
    learned = {name: replace(signature, serial=1) for name, signature in model.learned.items()}
    if is_clone(binding.value.text):
        learned = {}
    simulation.objects[token] = replace(copy, params=model.params, learned=learned)


def _rebind_known_objects(simulation: CellSimulation) -> None:
    """Names that the last run bound to an object known before, other than by a plain ``c = a``."""
    aliases = {b.target for b in simulation.effects.exact_bindings if b.origin is Origin.ALIAS}
    for name, change in simulation.changes.items():
        if change.identity is not Identity.REBOUND or name in aliases:
            continue
        binding = simulation.effects.binding_of(name)
        if binding is None:
            simulation.decide(name, None, Unreadable("binding"))
        elif not would_bind(simulation, binding):
            simulation.decide(name, None, Conditional("binding"))
        elif simulation.is_there(token := simulation.successor(simulation.names_then[name])):
            simulation.names[name] = token
            if binding.origin is not Origin.LOOP:
                simulation.unsure.add(name)
            simulation.origins[name] = BindsSameObject(change.cls)


def _follow_loops(simulation: CellSimulation) -> None:
    """A loop through a container that has other items by now acts on other objects."""
    for binding in simulation.effects.exact_bindings:
        container = binding.value.text
        if binding.origin is not Origin.LOOP or not container or binding.is_conditional:
            continue
        then = names_through(container, simulation.names_then)
        after = names_through(container, simulation.names)
        if set(then) == set(after):
            continue
        for name in (*after, binding.target):
            if (name not in then or name == binding.target) and name in simulation.now.names:
                simulation.decide(name, None, ContainerChanged(container))


def _delete_names(simulation: CellSimulation) -> None:
    for target in simulation.effects.deletes:
        if target not in simulation.names_bound:
            for name in names_through(target, simulation.names):
                del simulation.names[name]
