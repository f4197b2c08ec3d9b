"""How long a large recording takes to open, and a key to have its first effect; and the memory that it takes."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from kernelscope.domain.events import Observed
from kernelscope.storage.recorder import Recorder
from kernelscope.timeline.timeline import Timeline, Update
from tests.benchmarks.rows import Row, row_of
from tests.support.facts import Watch, model, observation, rebind, run_facts
from tests.support.terminal import Terminal

TOPIC = "screen"
NAMES, RUNS = 500, 10_000
OPENINGS, KEYS = 5, 60
_IMPORTS = "import textual.app, jupyter_client"


def measure() -> Iterator[Row]:
    """Rows for opening the recording, for keys, and for memory."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.kscope"
        _record(path, NAMES, RUNS)
        small = Path(folder) / "small.kscope"
        _record(small, 3, 10)
        command = ("-m", "kernelscope", "replay")
        openings = [_open((*command, str(path)), f"{RUNS}") for _ in range(OPENINGS)]
        yield row_of(TOPIC, f"{NAMES} names × {RUNS:,} runs: to the first screen", openings, "s", 1.5)
        with Terminal(*command, str(path), controlling=False) as terminal:
            terminal.wait_until_shown("m0")
            terminal.wait_until_quiet()
            keys = [_press(terminal, key) for key in ("\x1b[D", "\x1b[B") for _ in range(KEYS)]
            resident = psutil.Process(terminal.process.pid).memory_info().rss / 1e6
        yield row_of(TOPIC, "first byte after a key", keys[5:], "ms", 16.0)
        yield Row(TOPIC, "resident memory", resident, "MB", goal=150.0)
        few = [_open((*command, str(small)), "m0") for _ in range(OPENINGS)]
        imports = [_run([sys.executable, "-c", _IMPORTS]) for _ in range(OPENINGS)]
        yield row_of(TOPIC, "a small recording: to the first screen", few, "s")
        ratio = statistics.median(few) / statistics.median(imports)
        yield Row(TOPIC, "a small recording, of the imports", ratio, "", goal=1.5)


def _record(path: Path, names: int, runs: int) -> None:
    models = {f"m{place}": model(place + 1) for place in range(names)}
    watch = Watch(**models)
    timeline = Timeline()
    updates: list[Update] = [timeline.apply(event) for event in watch.events]
    for count in range(1, runs + 1):
        name = f"m{count % names}"
        models[name] = rebind(models[name])
        code = f"{name}.fit(X, y)  # {count}"
        seen = observation(count, run_facts(count, code), None, [models[name]])
        updates.append(timeline.apply(Observed(1, seen)))
    recorder = Recorder(path, lambda _: None)
    recorder.write(updates)
    recorder.close()


def _open(command: tuple[str, ...], text: str) -> float:
    begun = time.perf_counter()
    with Terminal(*command, controlling=False) as terminal:
        terminal.wait_until_shown(text)
        return time.perf_counter() - begun


def _press(terminal: Terminal, key: str) -> float:
    """Milliseconds until the first byte of output."""
    begun = time.perf_counter()
    terminal.press(key)
    terminal.wait_for_output()
    taken = (time.perf_counter() - begun) * 1_000
    terminal.wait_until_quiet()
    return taken


def _run(command: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - begun
