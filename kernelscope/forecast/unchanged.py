"""Names that the last run changed, and that one more run would leave as they are, as far as the judge sees."""

from __future__ import annotations

from kernelscope.cellcode.effects import ValueSource
from kernelscope.domain.changes import Change, Identity, Verdict
from kernelscope.domain.names import is_reached_through
from kernelscope.forecast.outlook import Forecast
from kernelscope.forecast.parameters import last_word
from kernelscope.forecast.reasons import (
    ActsOnEarlierObject,
    ContentAlready,
    HoldsItAlready,
    NoModelByNow,
    ParametersAlready,
    Reason,
    SetsResultOfCall,
    Unreadable,
)
from kernelscope.forecast.simulation import CellSimulation


def forecast_unchanged(cell: CellSimulation, change: Change) -> Forecast | None:
    """The forecast for such a name; ``None``: there is nothing left that it could do to it."""
    name = change.name
    if change.verdict is Verdict.DELETED:
        is_gone = name not in cell.now.names and _tells_removal(cell, name)
        return None if is_gone else _silent(name, Unreadable("removal"))
    if name not in cell.now.names:
        return _silent(name, NoModelByNow())
    then = cell.names_then.get(name)
    if change.identity is Identity.SAME and then is not None and cell.successor(then) != cell.now.names[name]:
        return Forecast(name, Verdict.UNTOUCHED, ActsOnEarlierObject())
    if change.verdict is Verdict.ALIASED:
        return Forecast(name, Verdict.UNTOUCHED, HoldsItAlready(), name not in cell.unsure)
    if change.verdict is Verdict.PARAMS:
        return _parameters(cell, change)
    if change.verdict is Verdict.EDITED and _writes_what_is_there(cell, name):
        return Forecast(name, Verdict.UNTOUCHED, ContentAlready())
    return _silent(name, Unreadable("effect"))


def _silent(name: str, reason: Reason) -> Forecast:
    return Forecast(name, None, reason, sure=False)


def _tells_removal(cell: CellSimulation, name: str) -> bool:
    """Whether the source says how the name lost its model."""
    ends = (*cell.effects.deletes, *cell.names_bound)
    return any(is_reached_through(name, end) for end in ends)


def _parameters(cell: CellSimulation, change: Change) -> Forecast:
    params = change.params or {}
    words = {last_word(path) for path in params}
    sources = {
        s.source for s in cell.effects.settings if s.attribute is None or last_word(s.attribute) in words
    }
    if not sources:
        return _silent(change.name, Unreadable("setting"))
    if ValueSource.CALL in sources:
        return _silent(change.name, SetsResultOfCall())
    values = tuple((path, after) for path, (_, after) in params.items())
    return Forecast(change.name, Verdict.UNTOUCHED, ParametersAlready(values))


def _writes_what_is_there(cell: CellSimulation, name: str) -> bool:
    """Whether all that it writes to the model comes from constants and names, which have not changed."""
    token = cell.now.names[name]
    attributes = {a for t, a in cell.seen.code.assigned if cell.successor(t) == token}
    sources = {s.source for s in cell.effects.settings if s.attribute in attributes}
    return bool(sources) and sources <= {ValueSource.CONSTANT, ValueSource.NAMES}
