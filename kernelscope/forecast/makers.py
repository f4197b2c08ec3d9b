"""Whether the cell would make another new object for a name, and how it would do that."""

from __future__ import annotations

from collections.abc import Iterable

from kernelscope.cellcode.effects import Binding, Origin
from kernelscope.domain.changes import Change, Identity, Verdict
from kernelscope.domain.names import NamePath, root_of
from kernelscope.forecast.reasons import (
    Appends,
    AppendsBehind,
    Conditional,
    ContainerChanged,
    MakesNewObject,
    OnlyIfMissing,
    PerhapsStored,
    Reason,
    ReplacesObject,
    Unreadable,
)
from kernelscope.forecast.simulation import CellSimulation

_FROM_CONTAINER = (Origin.LOOP, Origin.ITEM)


def would_make(simulation: CellSimulation, name: str) -> bool:
    """Whether a name that got a new object in the last run would get another one.

    If it is known that it would not, or if that is not known, the forecast is decided here.
    """
    if simulation.names_then.get(name) not in simulation.run.fresh:
        return False
    binding = simulation.effects.binding_of(name)
    if binding is None:
        return _would_make_out_of_sight(simulation, name, simulation.changes[name])
    simulation.origins[name] = _maker(binding, simulation.changes[name].cls)
    if (existing := find_blocking_name(simulation, binding)) is not None:
        simulation.decide(name, Verdict.UNTOUCHED, OnlyIfMissing(existing))
        return False
    obstacle = _obstacle(simulation, binding)
    if obstacle is not None:
        simulation.decide(name, None, obstacle)
    return obstacle is None


def find_blocking_name(simulation: CellSimulation, binding: Binding) -> str | None:
    """The name that keeps the binding from being reached, which is only while it is not defined."""
    return binding.guard.missing if binding.guard.missing in simulation.now.names else None


def would_bind(simulation: CellSimulation, binding: Binding) -> bool:
    """Whether the binding would be reached for certain."""
    return not binding.is_conditional and find_blocking_name(simulation, binding) is None


def _obstacle(simulation: CellSimulation, binding: Binding) -> Reason | None:
    """Why it is not known whether this binding would make a new object."""
    container = binding.value.text
    if binding.is_conditional:
        return Conditional("making")
    if binding.origin in _FROM_CONTAINER and not _is_container_new(simulation, container):
        return Unreadable("origin")
    if binding.origin is Origin.ALIAS and not _is_source_changed(simulation, container):
        return Unreadable("origin")
    if binding.origin is Origin.PERHAPS_STORED:
        return PerhapsStored(binding.value.text or None)
    return None


def _is_source_changed(simulation: CellSimulation, name: str) -> bool:
    """Whether the cell makes what an alias stands for: ``search.best_estimator_`` after ``search.fit(X, y)``."""
    root = root_of(name)
    return root in simulation.names_bound or any(root_of(changed) == root for changed in simulation.changes)


def _is_container_new(simulation: CellSimulation, name: str) -> bool:
    """Whether the cell makes the container that it takes items from, with all that it holds."""
    binding = simulation.effects.binding_of(name)
    return binding is not None and binding.origin is Origin.NEW and would_bind(simulation, binding)


def _maker(binding: Binding, cls: str | None) -> Reason:
    maker = binding.value.text
    is_class_itself = maker == (cls or "").rpartition(".")[2]
    if binding.origin in (Origin.ALIAS, *_FROM_CONTAINER) or not maker or is_class_itself:
        return MakesNewObject(cls)
    return MakesNewObject(cls, maker, verified=binding.origin is not Origin.PERHAPS_STORED)


# Names that the source does not bind.


def _would_make_out_of_sight(simulation: CellSimulation, name: str, change: Change) -> bool:
    path = NamePath.parse(name)
    container = str(path.outer) if path.item is not None else ""
    if container in simulation.effects.appends_to:
        _append(simulation, name, container)
        return False
    if change.identity is Identity.RECREATED:
        simulation.unsure.add(name)
        simulation.origins[name] = ReplacesObject(change.cls)
        return True
    simulation.decide(name, None, Unreadable("maker"))
    return False


def _append(simulation: CellSimulation, name: str, container: str) -> None:
    """The item stays as it is, and another one is appended behind the last."""
    index = NamePath.parse(name).index
    now = _indices(container, simulation.now.names)
    if index is None or not now or max(now) != max(_indices(container, simulation.names_then)):
        simulation.decide(name, None, ContainerChanged(container))
        return
    simulation.decide(name, Verdict.UNTOUCHED, AppendsBehind())
    appended = len(_indices(container, simulation.recreated_names))
    behind = f"{container}[{index + appended}]"
    simulation.names[behind] = simulation.successor(simulation.names_then[name])
    simulation.origins[behind] = Appends(simulation.changes[name].cls, container)


def _indices(container: str, names: Iterable[str]) -> list[int]:
    """The places in a list that have one of these names."""
    paths = (NamePath.parse(name) for name in names if name.startswith(f"{container}["))
    return [path.index for path in paths if path.index is not None and str(path.outer) == container]
