"""Names that the last run changed, and that one more run would leave as they are, as far as the judge sees."""

from __future__ import annotations

from kernelscope.cellcode.effects import ValueSource
from kernelscope.domain.changes import Change, Identity, Verdict
from kernelscope.domain.names import is_reached_through
from kernelscope.forecast.outlook import Forecast
from kernelscope.forecast.parameters import own_name
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


def forecast_unchanged(simulation: CellSimulation, change: Change) -> Forecast | None:
    """The forecast for such a name; ``None``: there is nothing left that it could do to it."""
    name = change.name
    if change.verdict is Verdict.DELETED:
        is_gone = name not in simulation.now.names and _tells_removal(simulation, name)
        return None if is_gone else _silent(name, Unreadable("removal"))
    if name not in simulation.now.names:
        return _silent(name, NoModelByNow())
    then = simulation.names_then.get(name)
    if (
        change.identity is Identity.SAME
        and then is not None
        and simulation.successor(then) != simulation.now.names[name]
    ):
        return Forecast(name, Verdict.UNTOUCHED, ActsOnEarlierObject())
    if change.verdict is Verdict.ALIASED:
        return Forecast(name, Verdict.UNTOUCHED, HoldsItAlready(), name not in simulation.unsure)
    if change.verdict is Verdict.PARAMS:
        return _parameters(simulation, change)
    if change.verdict is Verdict.EDITED and _writes_what_is_there(simulation, name):
        return Forecast(name, Verdict.UNTOUCHED, ContentAlready())
    return _silent(name, Unreadable("effect"))


def _silent(name: str, reason: Reason) -> Forecast:
    return Forecast(name, None, reason, sure=False)


def _tells_removal(simulation: CellSimulation, name: str) -> bool:
    """Whether the source says how the name lost its model."""
    ends = (*simulation.effects.deletes, *simulation.names_bound)
    return any(is_reached_through(name, end) for end in ends)


def _parameters(simulation: CellSimulation, change: Change) -> Forecast:
    params = change.params or {}
    words = {own_name(path) for path in params}
    sources = {
        s.source for s in simulation.effects.settings if s.attribute is None or own_name(s.attribute) in words
    }
    if not sources:
        return _silent(change.name, Unreadable("setting"))
    if ValueSource.CALL in sources:
        return _silent(change.name, SetsResultOfCall())
    values = tuple((path, after) for path, (_, after) in params.items())
    return Forecast(change.name, Verdict.UNTOUCHED, ParametersAlready(values))


def _writes_what_is_there(simulation: CellSimulation, name: str) -> bool:
    """Whether all that it writes to the model comes from constants and names, which have not changed."""
    token = simulation.now.names[name]
    attributes = {a for t, a in simulation.seen.code.assigned if simulation.successor(t) == token}
    sources = {s.source for s in simulation.effects.settings if s.attribute in attributes}
    return bool(sources) and sources <= {ValueSource.CONSTANT, ValueSource.NAMES}
