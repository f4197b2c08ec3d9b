"""What a long session costs to record, and how long it takes to look at it again.

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
"""Columns that are seen at once."""


def main(runs: int = 5_000, models: int = 50) -> None:
    """Prints a line per figure."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.kscope"
        record(path, list(session(runs, models)), runs)
        timeline = opened(path)
        look(timeline)
        asyncio.run(draw(path, len(timeline.moments)))
        start(path)


def session(runs: int, models: int) -> Iterator[Event]:
    """Models are made one after the other, then fitted, made anew, and given other parameters at random."""
    chance, story, held = random.Random(5), Story(), dict[str, ObjectFacts]()
    story.attach()
    names = [f"models['m{n}']" if n % 5 else f"model_{n}" for n in range(models)]
    for number in range(runs):
        name = names[number] if number < models else chance.choice(names)
        told = f"{name} = build({name!r})\n{name}.fit(X_train, y_train)\nprint(score({name}, X_test, y_test))"
        told += f"  # {number % (runs // 3)}"
        kind = chance.random()
        if name not in held or kind < 0.2:
            cls = (LOGISTIC, SGD, SCALER, FOREST)[names.index(name) % 4]
            params = {"C": chance.random(), "max_iter": 100, "tol": 1e-4, "random_state": None}
            held[name] = learn(story.new(cls, params), tag=str(number))
            story.run(told, names={name: held[name]}, calls=[call(held[name])])
        elif kind < 0.5:
            held[name] = learn(held[name], tag=str(number))
            story.run(told, objects=[held[name]], calls=[call(held[name])])
        elif kind < 0.6:
            held[name] = with_params(held[name], C=float(number))
            story.run(f"{name}.set_params(C={number})", objects=[held[name]])
        else:
            story.run("print(X_test.describe())")
    for event in story.events:
        yield KernelChanged(1, "busy")
        yield event
        yield KernelChanged(1, "idle")


def record(path: Path, events: list[Event], runs: int) -> None:
    """Per run: three events, as a live kernel sends them."""
    timeline, recorder = Timeline(), Recorder(path, lambda why: sys.exit(why))
    judging = writing = 0.0
    for event in events:
        begun = time.perf_counter()
        update = timeline.apply(event)
        judged = time.perf_counter()
        recorder(update)
        judging += judged - begun
        writing += time.perf_counter() - judged
    recorder.close()
    say("judged, per run", judging / runs)
    say("recorded, per run", writing / runs)
    sys.stdout.write(f"{'size of the file':<36} {path.stat().st_size / 1e6:9.1f} MB\n")


def opened(path: Path) -> Timeline:
    """As it was judged, and anew."""
    for what, anew in (("read as it was judged", False), ("read and judged anew", True)):
        begun = time.perf_counter()
        read = Session(RecordingSource(path, rejudge=anew))
        asyncio.run(read.run())
        say(what, time.perf_counter() - begun)
    return read.timeline


def look(timeline: Timeline) -> None:
    """Every row in a window, at places all over the session."""
    app = KernelscopeApp(Session(RecordingSource(Path("none"))))
    app.view.whole, app.view.timeline = timeline, TimelineView(timeline)
    app.view.columns.moments = timeline.moments
    app.view.update()
    took = []
    for first in range(0, len(timeline.moments) - WINDOW, 97):
        begun = time.perf_counter()
        for line in app.view.lines:
            paint(TimelineView(timeline), line.key, app.view.columns, first, first + WINDOW)
        took.append(time.perf_counter() - begun)
    say(f"{len(app.view.lines)} rows × {WINDOW} columns, median", statistics.median(took))
    say("the same, at most", max(took))


async def draw(path: Path, moments: int) -> None:
    """The dashboard in this process, until the end of the session is on the screen."""
    source = RecordingSource(path, follow=True)
    app = KernelscopeApp(Session(source), about=source.about())
    begun = time.perf_counter()
    async with app.run_test(size=(120, 36)) as pilot:
        while app.view.columns.count < moments:
            await pilot.pause()
        say("opened in the dashboard", time.perf_counter() - begun)


def start(path: Path) -> None:
    """A process of its own on a terminal, from its start until the end of the session is on the screen."""
    begun = time.perf_counter()
    with Terminal("-m", "kernelscope", "replay", str(path)) as terminal:
        terminal.wait_until_shown("space plays it")
        say("kernelscope replay, from its start", time.perf_counter() - begun)


def say(what: str, seconds: float) -> None:
    """One figure."""
    sys.stdout.write(f"{what:<36} {seconds * 1_000:9.2f} ms\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
