"""Compares forecasts with what then happened in a real kernel.

Cells run while kernelscope records them.  Then the recording is read: before each re-run of a cell the forecast
is computed, and it is compared with what the run did.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from kernelscope.domain.changes import Run
from kernelscope.domain.events import Event, Observed
from kernelscope.forecast.forecaster import Forecaster
from kernelscope.forecast.outlook import Outlook
from kernelscope.presentation.reasons import reason_text
from kernelscope.timeline.timeline import Timeline
from kernelscope.timeline.view import TimelineView
from tests.support.kernels import KernelProcess
from tests.support.recordings import events_in
from tests.support.scenarios import WatchProcess
from tests.support.zygote import nursery


class Comparison(NamedTuple):
    """The forecast for one name, and the verdict that was then observed."""

    code: str
    name: str
    forecast: str | None
    """The verdict; ``None``: the forecast says that it is not known; ``""``: it does not mention the name."""
    observed: str
    sure: bool
    reason: str
    doubt: str | None
    """Why the whole outlook was uncertain."""

    @property
    def kind(self) -> str:
        """``right``, ``wrong``, ``silent`` (the forecast does not know), ``missed`` (it does not mention the name)
        or ``open`` (the run's verdict is unknown, which proves nothing)."""
        if self.forecast is None:
            return "silent"
        if self.forecast == "":
            return "missed"
        if self.forecast != self.observed == "unknown":
            return "open"
        return "right" if self.forecast == self.observed else "wrong"


def play(cells: Iterable[str], folder: Path, python: str) -> list[Comparison]:
    """Run the cells in this order in one kernel; returns the comparisons for each that had run before."""
    recording = folder / "played.kscope"
    with KernelProcess(folder, python, nursery=nursery(python)) as kernel:
        process = WatchProcess(kernel.connection_file, "--record", str(recording))
        try:
            process.wait_attached(1)
            for code in cells:
                process.wait_run(1, kernel.run(code)["execution_count"])
        finally:
            messages = process.stop()
    assert "Traceback" not in messages, messages
    return list(compare_events(asyncio.run(events_in(recording))))


def compare_events(events: Iterable[Event]) -> Iterator[Comparison]:
    """Compare every re-run of a cell with its forecast."""
    timeline = Timeline()
    for event in events:
        code = event.observation.run.code if isinstance(event, Observed) and event.observation.run else None
        cell = next((c for c in TimelineView(timeline).cells() if c.code == code), None)
        outlook = Forecaster(TimelineView(timeline)).of(cell.runs[-1]) if cell is not None else None
        update = timeline.apply(event)
        if outlook is not None and update.moments[0].run is not None:
            yield from compare(outlook, update.moments[0].run)


def compare(outlook: Outlook, run: Run) -> Iterator[Comparison]:
    """Compare the outlook with the run, name by name; skip names that neither mentions."""
    forecasts = {f.name: f for f in outlook.forecasts}
    verdicts = {c.name: str(c.verdict) for c in run.changes}
    doubt = reason_text(outlook.doubt) if outlook.doubt is not None else None
    for name in dict.fromkeys((*forecasts, *verdicts)):
        forecast, observed = forecasts.get(name), verdicts.get(name, "untouched")
        if forecast is None:
            yield Comparison(run.facts.code, name, "", observed, doubt is None, "", doubt)
        else:
            verdict = None if forecast.verdict is None else str(forecast.verdict)
            reason = reason_text(forecast.reason)
            yield Comparison(run.facts.code, name, verdict, observed, forecast.sure, reason, doubt)


def cells_by_kernel(scenario: dict[str, Any]) -> list[list[str]]:
    """The cells of a labelled notebook in the order in which they run, one list for each start of the kernel."""
    by_step: list[str] = []
    kernels: list[list[str]] = [[]]
    for step in scenario["step"]:
        if step.get("restart"):
            by_step.append("")
            kernels.append([])
        else:
            by_step.append(step["code"] if "code" in step else by_step[step["again"] - 1])
            kernels[-1].append(by_step[-1])
    kernels[0] = [*scenario.get("before", ()), *kernels[0]]
    return kernels


def repeat_each(cells: Iterable[str]) -> list[str]:
    """Repeat each cell once, right after it."""
    return [cell for cell in cells for _ in range(2)]
