"""Measures what watching costs a long running cell: its time watched over its time alone.

Run by hand, on a quiet machine: ``python tests/benchmarks/long_runs.py [SECONDS]``.  The two take turns on
one kernel, so that what else the machine does meets both; each ratio is of medians, beside the spread
of the unwatched runs among themselves.
"""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.kernels import KernelProcess

ROUNDS = 5
SET_UP = """
import time, numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import SGDClassifier
X = np.random.default_rng(0).normal(size=(2_000, 20)); y = (X[:, 0] > 0).astype(int)
sgd = SGDClassifier(); many = [SGDClassifier().fit(X[:50], y[:50]) for _ in range(60)]
def pure(n):
    total = 0
    for i in range(n): total += i
def epochs(n):
    for _ in range(n): sgd.partial_fit(X, y, classes=[0, 1])
def forests(n):
    for _ in range(n): RandomForestClassifier(10).fit(X, y)
def products(n):
    a = np.ones((400, 400))
    for _ in range(n): a @ a
def taken(work, n):
    begun = time.perf_counter(); work(n); return time.perf_counter() - begun
"""
WORK = {"pure": "a Python loop", "epochs": "partial_fit", "forests": "forests", "products": "matrix products"}


def main() -> None:
    """Print one row per kind of work."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 4.0
    print_row(f"{'':<16} {'watched / alone':>16} {'spread alone':>13}   (runs of {seconds:g} s)")
    with tempfile.TemporaryDirectory() as folder, KernelProcess(Path(folder)) as kernel:
        kernel.run(SET_UP)
        for work, name in WORK.items():
            times = evaluate_in_cell(kernel, f"int(10 * {seconds} / taken({work}, 10))")
            alone, watched = [], []
            for _ in range(ROUNDS):
                alone.append(evaluate_in_cell(kernel, f"taken({work}, {times:.0f})"))
                with watching(kernel):
                    watched.append(evaluate_in_cell(kernel, f"taken({work}, {times:.0f})"))
            ratio = statistics.median(watched) / statistics.median(alone)
            print_row(
                f"{name:<16} {ratio:>16.3f} {(max(alone) - min(alone)) / statistics.median(alone):>13.3f}"
            )


@contextlib.contextmanager
def watching(kernel: KernelProcess) -> Iterator[None]:
    """Watch in a process of its own; the context begins after its attach."""
    command = [sys.executable, "-m", "kernelscope", "watch", str(kernel.connection_file), "--json"]
    watch = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert watch.stdout is not None
    watch.stdout.readline()
    # Read its output: a full pipe would stop it.
    threading.Thread(target=watch.stdout.read, daemon=True).start()
    try:
        yield
    finally:
        watch.terminate()
        watch.wait()


def evaluate_in_cell(kernel: KernelProcess, expression: str) -> float:
    """Run a cell with this expression; returns its number, through a file."""
    place = kernel.folder / "result"
    kernel.run(f"open({str(place)!r}, 'w').write(str({expression}));")
    return float(place.read_text())


def print_row(row: str) -> None:
    """Print one row, unbuffered."""
    sys.stdout.write(row + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
