"""The timeline as lines on standard output: text for people, or JSON lines."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import BinaryIO, TextIO

from kernelscope.cellcode.definitions import NotebookDefinitions
from kernelscope.domain.changes import Change, Run, Verdict
from kernelscope.domain.display import short_class
from kernelscope.domain.events import Attached, Detached, KernelChanged, Lost, Observed, Progress, Waiting
from kernelscope.forecast.forecaster import Forecaster
from kernelscope.presentation.explain import gist
from kernelscope.presentation.segments import text_of
from kernelscope.protocol.records import encode, records_of
from kernelscope.text import clean, escape_json, headline
from kernelscope.timeline.timeline import Update
from kernelscope.timeline.view import TimelineView

_LONGEST = 65_536
"""Characters of a line."""


class JsonLines:
    """Writes the records of each update, and flushes them at once.

    The history that an earlier watcher's probe kept is not written: the lines begin with the
    attach, and hold every run after it.
    """

    def __init__(self, timeline: TimelineView, out: BinaryIO | None = None) -> None:
        self._timeline = timeline
        self._out = out or sys.stdout.buffer
        self._definitions = NotebookDefinitions()

    def __call__(self, update: Update) -> None:
        """Writes what one event added, as JSON lines."""
        for moment in update.moments:
            if moment.run is not None:
                self._definitions.add(moment.run.facts.python)
        make_forecast = Forecaster(self._timeline, self._definitions).of
        for record in records_of(update, make_forecast):
            self._out.write(escape_json(encode(record)))
        self._out.flush()


class PlainLines:
    """Writes each update as text: a line for each run, with its changes below it."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout

    def __call__(self, update: Update) -> None:
        """Writes what one event added, as text."""
        for line in _lines(update):
            self._out.write(clean(line, limit=_LONGEST) + "\n")
        self._out.flush()


def _lines(update: Update) -> Iterator[str]:  # noqa: C901 - a case per kind of event
    match update.event:
        case Waiting(reason=reason):
            yield f"waiting: {reason}"
        case Attached(kernel=kernel):
            where = kernel.notebook or kernel.connection_file
            models = _model_names(update)
            yield f"attached to {where}, Python {kernel.python}, after In [{kernel.execution_count}]"
            yield f"  models: {models or 'none yet'}"
        case Observed():
            if update.models:
                yield f"there at the attach, too: {_model_names(update)}"
            for moment in update.moments:
                if moment.run is not None:
                    yield from _run_lines(moment.run)
                elif moment.changes:
                    yield "between runs"
                    yield from (_change_line(c) for c in moment.changes)
        case Progress(execution_count=count, seconds=seconds, moved=moved) if moved:
            names = ", ".join(f"{m.name} ({m.text})" for m in moved)
            yield f"In [{count}] runs for {seconds:.0f} s and changes {names}"
        case KernelChanged(state="unreachable", detail=detail):
            yield f"kernel not answering: {detail}" if detail else "kernel not answering"
        case KernelChanged(state=state) if state not in ("idle", "busy"):
            yield f"kernel {state}"
        case Lost(count=count):
            yield f"{count} observations were lost on the way"
        case Detached(reason=reason):
            yield f"detached: {reason}"


def _model_names(update: Update) -> str:
    return ", ".join(f"{model.name} ({short_class(model.facts.cls)})" for model in update.models)


def _run_lines(run: Run) -> Iterator[str]:
    again = f", again after [{run.rerun_of}]" if run.rerun_of is not None else ""
    status = "" if run.facts.status == "ok" else f", {run.facts.status}"
    line = headline(run.facts.code)
    shown = line if len(line) <= 60 else line[:59] + "…"
    yield f"In [{run.count}]{again}{status}  {shown}"
    changes = (*run.changes, *run.local)
    if not changes:
        yield "  every model untouched" if not run.cut else f"  not looked at: {'; '.join(run.cut)}"
    yield from (_change_line(change) for change in changes)


def _change_line(change: Change) -> str:
    verdict = "local" if change.scope == "local" else change.verdict
    sure = change.certainty == "observed" or change.verdict is Verdict.UNKNOWN
    return f"  {verdict:<9} {text_of(gist(change))}" + ("" if sure else f" ({change.certainty})")
