"""Measures what recording a long session costs, and how long it takes to replay it.

Run by hand, on a quiet machine: ``python tests/benchmarks/recordings.py [RUNS [MODELS]]``.  Each run changes
one model, or two in five none; the kernel is busy before it and idle after it.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from kernelscope.domain.events import Event, KernelChanged
from kernelscope.domain.facts import ObjectFacts
from kernelscope.session import Session
from kernelscope.storage.recorder import Recorder
from kernelscope.storage.recording import RecordingSource
from kernelscope.timeline.timeline import Timeline
from kernelscope.timeline.view import TimelineView
from kernelscope.tui.app import KernelscopeApp
from kernelscope.tui.state.grid_cells import paint
from tests.support.script import FOREST, LOGISTIC, SCALER, SGD, Story, call, learn, with_params
from tests.support.terminal import Terminal

WINDOW = 100
"""Columns that are visible at once."""


def main(runs: int = 5_000, models: int = 50) -> None:
    """Print a line per figure."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.kscope"
        record(path, list(session(runs, models)), runs)
        timeline = open_twice(path)
        look(timeline)
        asyncio.run(draw(path, len(timeline.moments)))
        start(path)


def session(runs: int, models: int) -> Iterator[Event]:
    """Yield a session that creates models, then fits, replaces and reconfigures them at random."""
    chance, story, models_by_name = random.Random(5), Story(), dict[str, ObjectFacts]()
    story.attach()
    names = [f"models['m{n}']" if n % 5 else f"model_{n}" for n in range(models)]
    for number in range(runs):
        name = names[number] if number < models else chance.choice(names)
        source = (
            f"{name} = build({name!r})\n{name}.fit(X_train, y_train)\nprint(score({name}, X_test, y_test))"
        )
        source += f"  # {number % (runs // 3)}"
        kind = chance.random()
        if name not in models_by_name or kind < 0.2:
            cls = (LOGISTIC, SGD, SCALER, FOREST)[names.index(name) % 4]
            params = {"C": chance.random(), "max_iter": 100, "tol": 1e-4, "random_state": None}
            models_by_name[name] = learn(story.new(cls, params), tag=str(number))
            story.run(source, names={name: models_by_name[name]}, calls=[call(models_by_name[name])])
        elif kind < 0.5:
            models_by_name[name] = learn(models_by_name[name], tag=str(number))
            story.run(source, objects=[models_by_name[name]], calls=[call(models_by_name[name])])
        elif kind < 0.6:
            models_by_name[name] = with_params(models_by_name[name], C=float(number))
            story.run(f"{name}.set_params(C={number})", objects=[models_by_name[name]])
        else:
            story.run("print(X_test.describe())")
    for event in story.events:
        yield KernelChanged(1, "busy")
        yield event
        yield KernelChanged(1, "idle")


def record(path: Path, events: list[Event], runs: int) -> None:
    """Record three events per run, as a live kernel sends them."""
    timeline, recorder = Timeline(), Recorder(path, lambda why: sys.exit(why))
    judging = writing = 0.0
    for event in events:
        start_time = time.perf_counter()
        update = timeline.apply(event)
        judged = time.perf_counter()
        recorder(update)
        judging += judged - start_time
        writing += time.perf_counter() - judged
    recorder.close()
    say("judged, per run", judging / runs)
    say("recorded, per run", writing / runs)
    sys.stdout.write(f"{'size of the file':<36} {path.stat().st_size / 1e6:9.1f} MB\n")


def open_twice(path: Path) -> Timeline:
    """Open the recording with stored verdicts, then rejudged."""
    for what, rejudge in (("read as it was judged", False), ("read and rejudged", True)):
        start_time = time.perf_counter()
        read = Session(RecordingSource(path, rejudge=rejudge))
        asyncio.run(read.run())
        say(what, time.perf_counter() - start_time)
    return read.timeline


def look(timeline: Timeline) -> None:
    """Draw every row in a window, at places all over the session."""
    app = KernelscopeApp(Session(RecordingSource(Path("none"))))
    app.view.whole, app.view.timeline = timeline, TimelineView(timeline)
    app.view.columns.moments = timeline.moments
    app.view.update()
    took = []
    for first in range(0, len(timeline.moments) - WINDOW, 97):
        start_time = time.perf_counter()
        for line in app.view.lines:
            paint(TimelineView(timeline), line.key, app.view.columns, first, first + WINDOW)
        took.append(time.perf_counter() - start_time)
    say(f"{len(app.view.lines)} rows × {WINDOW} columns, median", statistics.median(took))
    say("the same, at most", max(took))


async def draw(path: Path, moments: int) -> None:
    """Run the dashboard in this process until the end of the session is on the screen."""
    source = RecordingSource(path, follow=True)
    app = KernelscopeApp(Session(source), about=source.about())
    start_time = time.perf_counter()
    async with app.run_test(size=(120, 36)) as pilot:
        while app.view.columns.count < moments:
            await pilot.pause()
        say("opened in the dashboard", time.perf_counter() - start_time)


def start(path: Path) -> None:
    """Run the dashboard in a process on a terminal, from its start until the end of the session is on the screen."""
    start_time = time.perf_counter()
    with Terminal("-m", "kernelscope", "replay", str(path)) as terminal:
        terminal.wait_until_shown("space plays it")
        say("kernelscope replay, from its start", time.perf_counter() - start_time)


def say(what: str, seconds: float) -> None:
    """Print one figure."""
    sys.stdout.write(f"{what:<36} {seconds * 1_000:9.2f} ms\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
