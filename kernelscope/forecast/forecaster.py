"""What running a cell again *would* do: a forecast, and never to be taken for something observed.

It is made as a verdict is.  What the cell's last run did, what the names hold now and the libraries' rules
amount to the observation that the probe would make of one more run; the judge is asked about it as about any
other.  What the cell's source alone can tell (an assignment that is made only once, a setting that is there
already) is read from the source.  If neither tells, the forecast says so: a wrong one is worse than none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from kernelscope.cellcode.definitions import NotebookDefinitions
from kernelscope.domain.changes import Change, Run, Verdict
from kernelscope.domain.facts import Observation
from kernelscope.forecast.bindings import bind_names
from kernelscope.forecast.causes import find_cause, find_open_question
from kernelscope.forecast.doubts import find_doubt, find_missing_name
from kernelscope.forecast.observation import observe
from kernelscope.forecast.outlook import Forecast, Outlook
from kernelscope.forecast.parameters import set_parameters
from kernelscope.forecast.present import Present
from kernelscope.forecast.reasons import FileChanged, KernelRestarted, NotUnderstoodBefore
from kernelscope.forecast.simulation import CellSimulation
from kernelscope.forecast.unchanged import forecast_unchanged
from kernelscope.timeline.view import TimelineView
from kernelscope.verdicts.context import JudgingContext, rows_of
from kernelscope.verdicts.judge import judge

_UNDECIDED = frozenset({Verdict.UNKNOWN, Verdict.FAILED})
_LEARNING = (Verdict.REFITTED, Verdict.CONTINUED, Verdict.FITTED)


class Forecaster:
    """Makes forecasts from what a timeline knows at this moment; another moment needs another one.

    Args:
        timeline: what is known of the kernel.
        notebook: what the cells until now define, if that is known already.
    """

    def __init__(self, timeline: TimelineView, notebook: NotebookDefinitions | None = None) -> None:
        self._present = Present(timeline, notebook)

    def of(self, run: Run) -> Outlook:
        """What running the same cell again would do now.

        Args:
            run: the latest run of the cell.
        """
        if run.epoch != self._present.epoch:
            return Outlook(doubt=KernelRestarted())
        return _outlook(CellSimulation(self._present, run))


def _outlook(simulation: CellSimulation) -> Outlook:
    doubt, missing = find_doubt(simulation), find_missing_name(simulation)
    if missing is not None:
        silent = (Forecast(name, None, missing, sure=False) for name in simulation.changes)
        return Outlook(tuple(silent), doubt or missing)
    bind_names(simulation)
    set_parameters(simulation)
    again = observe(simulation)
    forecasts = _merge(
        simulation, (_forecast(simulation, change, again) for change in _judge(simulation, again))
    )
    if doubt is not None:
        forecasts = {name: replace(forecast, sure=False) for name, forecast in forecasts.items()}
    return Outlook(tuple(forecasts.values()), doubt)


def _merge(simulation: CellSimulation, judged: Iterable[Forecast]) -> dict[str, Forecast]:
    """One forecast for each name: the judge's, what was decided without it, what is left as it is."""
    forecasts = {forecast.name: forecast for forecast in judged}
    for name, forecast in simulation.decided.items():
        if forecast.verdict is None or name not in forecasts:
            forecasts[name] = forecast
    for name, change in simulation.changes.items():
        if name not in forecasts and (unchanged := forecast_unchanged(simulation, change)) is not None:
            forecasts[name] = unchanged
    return forecasts


def _judge(simulation: CellSimulation, again: Observation) -> Iterator[Change]:
    """What the judge makes of the simulated run, for the names (their parts under them)."""
    before = simulation.now.objects
    after = {**before, **simulation.objects}
    context = JudgingContext(
        again, before, after, simulation.now.names, simulation.names, trained=simulation.now.trained
    )
    rows = (
        rows_of(_names_to_judge(simulation, simulation.now.names, context), before),
        rows_of(_names_to_judge(simulation, simulation.names, context), after),
    )
    for name, change in judge(context, *rows).items():
        if all(side[name][1] is None for side in rows if name in side):
            yield change


def _names_to_judge(
    simulation: CellSimulation, names: Mapping[str, int], context: JudgingContext
) -> dict[str, int]:
    """The names that would hold another object, or one that would differ."""
    return {
        name: token
        for name, token in names.items()
        if simulation.now.names.get(name) != simulation.names.get(name)
        or token in context.touched
        or (context.after[token].parts and context.may_differ(context.after[token]))
    }


def _forecast(simulation: CellSimulation, change: Change, again: Observation) -> Forecast:
    """The forecast for one name that the judge sees changed."""
    name, verdict, last = change.name, change.verdict, simulation.changes.get(change.name)
    if not _UNDECIDED.isdisjoint((verdict, None if last is None else last.verdict)):
        return Forecast(name, None, NotUnderstoodBefore(), sure=False)
    file = change.persistence.file if change.persistence is not None else None
    if verdict is Verdict.RESTORED and file and simulation.now.was_saved_since(file, simulation.run):
        return Forecast(name, None, FileChanged(file), sure=False)
    question = find_open_question(simulation, name) if verdict in _LEARNING else None
    if question is not None:
        return Forecast(name, None, question, sure=False)
    return Forecast(name, verdict, find_cause(simulation, change, again), name not in simulation.unsure)
