"""Measures how often a timeout or Stop has no effect, in an unwatched and in a watched kernel.

Run by hand: ``python tests/benchmarks/interrupts.py [PYTHON]``, with an interpreter that has ipykernel and
scikit-learn; calls are seen from Python 3.12 on.  ipykernel itself loses an interrupt that falls between two requests.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.long_runs import print_row, watching
from tests.kernel.test_interrupts import LOOP, SETUP
from tests.support.kernels import KernelProcess

ATTEMPTS, ROUNDS, CELLS = 30, 15, 30


def main() -> None:
    """Print for each kind of interrupt how often it had no effect."""
    python = sys.argv[1] if len(sys.argv) > 1 else sys.executable
    print_row(f"{'without effect':<44} {'alone':>9} {'watched':>9}")
    for name, with_signal in (
        ("SIGALRM in a loop of small fits", True),
        ("exception from another thread", False),
    ):
        print_row(
            row(name, ATTEMPTS, *(count_ignored(python, with_signal, watched) for watched in (False, True)))
        )
    for models, seconds in ((0, 0.05), (300, 0.05), (1_000, 0.05), (2_000, 0.02)):
        name = f"Stop in {CELLS} cells of {seconds * 1_000:.0f} ms, {models:,} models"
        print_row(
            row(
                name, ROUNDS, *(count_survived(python, models, seconds, watched) for watched in (False, True))
            )
        )


def row(name: str, of: int, alone: int, watched: int) -> str:
    """Return one line of the table."""
    return f"{name:<44} {alone:>3} of {of:<3}{watched:>3} of {of}"


def count_ignored(python: str, with_signal: bool, watched: bool) -> int:
    """Count the timeouts that did not end the loop."""
    cell = LOOP.replace("KIND", "TimeoutError").replace("WITH_SIGNAL", str(with_signal))
    with tempfile.TemporaryDirectory() as folder, KernelProcess(Path(folder), python) as kernel:
        kernel.run(SETUP)
        with watching(kernel) if watched else contextlib.nullcontext():
            kernel.run("m")
            file = Path(folder) / "result"
            kernel.run(
                cell.replace("ATTEMPTS", str(ATTEMPTS)).replace("+ 20", "+ 0.3")
                + f"\n_ = open({str(file)!r}, 'w').write(str(ignored))"
            )
            return int(file.read_text())


def count_survived(python: str, models: int, seconds: float, watched: bool) -> int:
    """Count the queues that ran to their end although Stop was pressed once."""
    survivors, moments = 0, random.Random(0)
    with tempfile.TemporaryDirectory() as folder, KernelProcess(Path(folder), python) as kernel:
        kernel.run("from sklearn.linear_model import LogisticRegression")
        kernel.run(f"for n in range({models}): globals()[f'm{{n}}'] = LogisticRegression()")
        with watching(kernel) if watched else contextlib.nullcontext():
            for _ in range(ROUNDS):
                requests = [kernel.queue(f"import time; time.sleep({seconds})") for _ in range(CELLS)]
                kernel.wait(requests.pop(0))
                time.sleep(moments.uniform(0.0, 10 * seconds))
                os.kill(kernel.pid, signal.SIGINT)
                survivors += set(kernel.statuses(requests)) == {"ok"}
    return survivors


if __name__ == "__main__":
    main()
