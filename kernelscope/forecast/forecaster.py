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
from kernelscope.forecast.causes import cause_of, open_question
from kernelscope.forecast.doubts import doubt_about, missing_name
from kernelscope.forecast.observation import observe
from kernelscope.forecast.outlook import Forecast, Outlook
from kernelscope.forecast.parameters import set_parameters
from kernelscope.forecast.present import Present
from kernelscope.forecast.reasons import FileChanged, KernelRestarted, NotUnderstoodBefore
from kernelscope.forecast.simulation import CellSimulation
from kernelscope.forecast.unchanged import forecast_unchanged
from kernelscope.timeline.view import History
from kernelscope.verdicts.context import JudgingContext, rows_of
from kernelscope.verdicts.judge import judge

_LEARNING = (Verdict.REFITTED, Verdict.CONTINUED, Verdict.FITTED)


class Forecaster:
    """Makes forecasts from what a timeline knows at this moment; another moment needs another one.

    Args:
        timeline: what is asked.
        notebook: what the cells until now define, if that is known already.
    """

    def __init__(self, timeline: History, notebook: NotebookDefinitions | None = None) -> None:
        self._present = Present(timeline, notebook)

    def of(self, run: Run) -> Outlook:
        """What running the same cell again would do now.

        Args:
            run: the latest run of the cell.
        """
        if run.epoch != self._present.epoch:
            return Outlook(doubt=KernelRestarted())
        return _outlook(CellSimulation(self._present, run))


def _outlook(cell: CellSimulation) -> Outlook:
    doubt, missing = doubt_about(cell), missing_name(cell)
    if missing is not None:
        silent = (Forecast(name, None, missing, sure=False) for name in cell.changes)
        return Outlook(tuple(silent), doubt or missing)
    bind_names(cell)
    set_parameters(cell)
    again = observe(cell)
    forecasts = _merge(cell, (_forecast(cell, change, again) for change in _judge(cell, again)))
    if doubt is not None:
        forecasts = {name: replace(forecast, sure=False) for name, forecast in forecasts.items()}
    return Outlook(tuple(forecasts.values()), doubt)


def _merge(cell: CellSimulation, judged: Iterable[Forecast]) -> dict[str, Forecast]:
    """One forecast for each name: the judge's, what was decided without it, what is left as it is."""
    forecasts = {forecast.name: forecast for forecast in judged}
    for name, forecast in cell.decided.items():
        if forecast.verdict is None or name not in forecasts:
            forecasts[name] = forecast
    for name, change in cell.changes.items():
        if name not in forecasts and (unchanged := forecast_unchanged(cell, change)) is not None:
            forecasts[name] = unchanged
    return forecasts


def _judge(cell: CellSimulation, again: Observation) -> Iterator[Change]:
    """What the judge makes of the simulated run, for the names (their parts under them)."""
    before = cell.now.objects
    after = {**before, **cell.objects}
    context = JudgingContext(again, before, after, cell.now.names, cell.names, taught=cell.now.trained)
    rows = (
        rows_of(_names_to_judge(cell, cell.now.names, context), before),
        rows_of(_names_to_judge(cell, cell.names, context), after),
    )
    for name, change in judge(context, *rows).items():
        if all(side[name][1] is None for side in rows if name in side):
            yield change


def _names_to_judge(
    cell: CellSimulation, names: Mapping[str, int], context: JudgingContext
) -> dict[str, int]:
    """The names that would hold another object, or one that would differ."""
    return {
        name: token
        for name, token in names.items()
        if cell.now.names.get(name) != cell.names.get(name)
        or token in context.touched
        or (context.after[token].parts and context.may_differ(context.after[token]))
    }


def _forecast(cell: CellSimulation, change: Change, again: Observation) -> Forecast:
    """The forecast for one name that the judge sees changed."""
    name, verdict, last = change.name, change.verdict, cell.changes.get(change.name)
    if Verdict.UNKNOWN in (verdict, last.verdict if last is not None else None):
        return Forecast(name, None, NotUnderstoodBefore(), sure=False)
    file = change.persistence.file if change.persistence is not None else None
    if verdict is Verdict.RESTORED and file and cell.now.was_saved_since(file, cell.run):
        return Forecast(name, None, FileChanged(file), sure=False)
    question = open_question(cell, name) if verdict in _LEARNING else None
    if question is not None:
        return Forecast(name, None, question, sure=False)
    return Forecast(name, verdict, cause_of(cell, change, again), name not in cell.unsure)
