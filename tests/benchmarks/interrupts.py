"""How often a timeout or Stop has no effect: in a kernel that nobody watches, and in one that is watched.

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

from tests.benchmarks.long_runs import say, watching
from tests.kernel.test_interrupts import LOOP, SETUP
from tests.support.kernels import KernelProcess

ATTEMPTS, ROUNDS, CELLS = 30, 15, 30


def main() -> None:
    """Prints a row per kind of interrupt: how often it had no effect."""
    python = sys.argv[1] if len(sys.argv) > 1 else sys.executable
    say(f"{'without effect':<44} {'alone':>9} {'watched':>9}")
    for name, with_signal in (
        ("SIGALRM in a loop of small fits", True),
        ("exception from another thread", False),
    ):
        say(row(name, ATTEMPTS, *(ignored(python, with_signal, watched) for watched in (False, True))))
    for models, seconds in ((0, 0.05), (300, 0.05), (1_000, 0.05), (2_000, 0.02)):
        name = f"Stop in {CELLS} cells of {seconds * 1_000:.0f} ms, {models:,} models"
        say(row(name, ROUNDS, *(survived(python, models, seconds, watched) for watched in (False, True))))


def row(name: str, of: int, alone: int, watched: int) -> str:
    """One line of the table."""
    return f"{name:<44} {alone:>3} of {of:<3}{watched:>3} of {of}"


def ignored(python: str, with_signal: bool, watched: bool) -> int:
    """Of so many timeouts, how many the loop outlasted."""
    cell = LOOP.replace("KIND", "TimeoutError").replace("WITH_SIGNAL", str(with_signal))
    with tempfile.TemporaryDirectory() as folder, KernelProcess(Path(folder), python) as kernel:
        kernel.run(SETUP)
        with watching(kernel) if watched else contextlib.nullcontext():
            kernel.run("m")
            told = Path(folder) / "told"
            kernel.run(
                cell.replace("ATTEMPTS", str(ATTEMPTS)).replace("+ 20", "+ 0.3")
                + f"\n_ = open({str(told)!r}, 'w').write(str(ignored))"
            )
            return int(told.read_text())


def survived(python: str, models: int, seconds: float, watched: bool) -> int:
    """Of so many queues, how many ran to their end although Stop was pressed once."""
    found, moments = 0, random.Random(0)
    with tempfile.TemporaryDirectory() as folder, KernelProcess(Path(folder), python) as kernel:
        kernel.run("from sklearn.linear_model import LogisticRegression")
        kernel.run(f"for n in range({models}): globals()[f'm{{n}}'] = LogisticRegression()")
        with watching(kernel) if watched else contextlib.nullcontext():
            for _ in range(ROUNDS):
                asked = [kernel.queue(f"import time; time.sleep({seconds})") for _ in range(CELLS)]
                kernel.wait(asked.pop(0))
                time.sleep(moments.uniform(0.0, 10 * seconds))
                os.kill(kernel.pid, signal.SIGINT)
                found += set(kernel.statuses(asked)) == {"ok"}
    return found


if __name__ == "__main__":
    main()
