"""What makes every forecast of a cell doubtful."""

from __future__ import annotations

from kernelscope.domain.names import root_of
from kernelscope.forecast.reasons import Doubt, EndedEarly, NeedsName, PartlySeen
from kernelscope.forecast.simulation import CellSimulation


def find_doubt(simulation: CellSimulation) -> Doubt | None:
    """Why its last run does not tell all that it would do."""
    run = simulation.run
    if run.facts.status != "ok":
        return EndedEarly(run.facts.status)
    if run.facts.code_cut or not simulation.effects.readable:
        return PartlySeen("code unreadable")
    if run.cut:
        return PartlySeen("look cut")
    return None if simulation.seen.code.complete else PartlySeen("calls not followed")


def find_missing_name(simulation: CellSimulation) -> NeedsName | None:
    """A name that it needs and would not find, so that it would raise."""
    needs, now = simulation.effects.needs - simulation.names_bound, simulation.now
    for name in simulation.effects.consumes:
        if name not in now.names:
            return NeedsName(name, "deletes it itself")
    for name in simulation.names_then:
        if name in needs and name not in now.names:
            return NeedsName(name, "no model")
    for root in dict.fromkeys(map(root_of, simulation.names_then)):
        if root in needs and not any(name in now.names for name in now.names_by_root[root]):
            return NeedsName(root, "no models")
    return None
