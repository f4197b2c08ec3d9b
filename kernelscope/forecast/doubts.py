"""What makes every forecast of a cell doubtful."""

from __future__ import annotations

from kernelscope.domain.names import root_of
from kernelscope.forecast.reasons import Doubt, EndedEarly, NeedsName, PartlySeen
from kernelscope.forecast.simulation import CellSimulation


def doubt_about(cell: CellSimulation) -> Doubt | None:
    """Why its last run does not tell all that it would do."""
    run = cell.run
    if run.facts.status != "ok":
        return EndedEarly(run.facts.status)
    if run.facts.code_cut or not cell.effects.readable:
        return PartlySeen("code unreadable")
    if run.cut:
        return PartlySeen("look cut")
    return None if cell.seen.code.complete else PartlySeen("calls not followed")


def missing_name(cell: CellSimulation) -> NeedsName | None:
    """A name that it needs and would not find, so that it would raise."""
    needs, now = cell.effects.needs - cell.names_bound, cell.now
    for name in cell.effects.consumes:
        if name not in now.names:
            return NeedsName(name, "deletes it itself")
    for name in cell.names_then:
        if name in needs and name not in now.names:
            return NeedsName(name, "no model")
    for root in dict.fromkeys(map(root_of, cell.names_then)):
        if root in needs and not any(name in now.names for name in now.names_by_root[root]):
            return NeedsName(root, "no models")
    return None
