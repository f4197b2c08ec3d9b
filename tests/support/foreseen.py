"""Holds forecasts against what then happened, in a real kernel.

Cells are played while a recording is made; on the way through the recording a forecast is asked for right
before every run of a cell that ran before, and compared with what that run then did.
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
from tests.support.kernels import KernelProcess
from tests.support.recordings import events_in
from tests.support.scenarios import Watching
from tests.support.zygote import nursery


class Compared(NamedTuple):
    """One name's forecast and what was then observed."""

    code: str
    name: str
    foreseen: str | None
    """``None``: the forecast says that it cannot be told; ``""``: it does not name it."""
    observed: str
    sure: bool
    reason: str
    doubt: str | None
    """Why the whole forecast was less sure."""

    @property
    def kind(self) -> str:
        """``right``, ``wrong``, ``silent`` (it says that it cannot tell), ``missed`` (it does not name it)
        or ``open`` (what happened was not understood either, so that it decides nothing)."""
        if self.foreseen is None:
            return "silent"
        if self.foreseen == "":
            return "missed"
        if self.foreseen != self.observed == "unknown":
            return "open"
        return "right" if self.foreseen == self.observed else "wrong"


def played(cells: Iterable[str], folder: Path, python: str) -> list[Compared]:
    """The cells run in this order in one kernel; what was foreseen of each that had run before."""
    recording = folder / "played.kscope"
    with KernelProcess(folder, python, nursery=nursery(python)) as kernel:
        watching = Watching(kernel.connection_file, "--record", str(recording))
        try:
            watching.wait_attached(1)
            for code in cells:
                watching.wait_run(1, kernel.run(code)["execution_count"])
        finally:
            said = watching.stop()
    assert "Traceback" not in said, said
    return list(foreseen(asyncio.run(events_in(recording))))


def foreseen(events: Iterable[Event]) -> Iterator[Compared]:
    """Of every run of a cell that had run before: its forecast, and what it did."""
    timeline = Timeline()
    for event in events:
        code = event.observation.run.code if isinstance(event, Observed) and event.observation.run else None
        cell = next((c for c in timeline.cells() if c.code == code), None)
        outlook = Forecaster(timeline).of(cell.runs[-1]) if cell is not None else None
        update = timeline.apply(event)
        if outlook is not None and update.moments[0].run is not None:
            yield from compared(outlook, update.moments[0].run)


def compared(outlook: Outlook, run: Run) -> Iterator[Compared]:
    """The forecast, name by name, and what the run did; names that neither has are left out."""
    told = {f.name: f for f in outlook.forecasts}
    doubt = reason_text(outlook.doubt) if outlook.doubt is not None else None
    did = {c.name: str(c.verdict) for c in run.changes}
    for name in dict.fromkeys((*told, *did)):
        one, observed = told.get(name), did.get(name, "untouched")
        if one is None:
            yield Compared(run.facts.code, name, "", observed, doubt is None, "", doubt)
        else:
            verdict = None if one.verdict is None else str(one.verdict)
            yield Compared(run.facts.code, name, verdict, observed, one.sure, reason_text(one.reason), doubt)


def lives(scenario: dict[str, Any]) -> list[list[str]]:
    """The cells of a labelled notebook, in the order in which it runs them, a list per kernel."""
    told: list[str] = []
    found: list[list[str]] = [[]]
    for step in scenario["step"]:
        if step.get("restart"):
            told.append("")
            found.append([])
        else:
            told.append(step["code"] if "code" in step else told[step["again"] - 1])
            found[-1].append(told[-1])
    found[0] = [*scenario.get("before", ()), *found[0]]
    return found


def twice(cells: Iterable[str]) -> list[str]:
    """Each of them twice in a row."""
    return [cell for cell in cells for _ in range(2)]
