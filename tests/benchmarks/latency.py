"""Measures the time from a cell's end to the line of ``watch --json``, and the cost of the hook.

Run by hand, on a quiet machine: ``python tests/benchmarks/latency.py [N …]``.  Times are printed with
what they are measured beside: the round trip of an empty cell on the same kernel in the same run.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.kernels import KernelProcess

CELLS = 60
MAKE = """
from sklearn.linear_model import LogisticRegression, SGDClassifier, Ridge
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.naive_bayes import GaussianNB
X = [[0.0, 1.0], [1.0, 0.0], [2.0, 2.0], [3.0, 1.0]] * 10; y = [0, 0, 1, 1] * 10
kinds = [LogisticRegression, SGDClassifier, Ridge, StandardScaler, DecisionTreeClassifier, GaussianNB]
for i in range({n}):
    globals()[f"m{{i}}"] = kinds[i % 6]().fit(X, y)
others = {{f"v{{i}}": list(range(i)) for i in range(100)}}; globals().update(others)
"""


def main() -> None:
    """Print one row per number of models."""
    print_row(f"{'models':>7} {'line after reply':>17} {'hook':>8} {'empty round trip':>17}   (ms, medians)")
    for n in [int(a) for a in sys.argv[1:]] or [10, 100, 1000]:
        with tempfile.TemporaryDirectory() as folder:
            measure(n, Path(folder))


def measure(n: int, folder: Path) -> None:
    """Measure one kernel with ``n`` models and one watcher."""
    with KernelProcess(folder) as kernel:
        kernel.run(MAKE.format(n=n))
        bare = [_time_run(kernel, "1") for _ in range(CELLS)]
        watch = subprocess.Popen(
            [sys.executable, "-m", "kernelscope", "watch", str(kernel.connection_file), "--json"],
            stdout=subprocess.PIPE,
        )
        lines: dict[int, float] = {}
        records: list[dict[str, object]] = []
        ready = threading.Condition()

        def read() -> None:
            for line in watch.stdout or ():
                now = time.perf_counter()
                record = json.loads(line)
                with ready:
                    records.append(record)
                    if record["type"] == "execution":
                        lines[record["execution_count"]] = now
                    ready.notify_all()

        threading.Thread(target=read, daemon=True).start()
        with ready:
            ready.wait_for(lambda: bool(records), 30)
        lags = []
        for i in range(CELLS):
            code = "m0.fit(X, y)" if i % 2 else f"m{i % n}.set_params(); 1"
            count = kernel.run(code)["execution_count"]
            ended = time.perf_counter()
            with ready:
                ready.wait_for(partial(lines.__contains__, count), 30)
            lags.append(lines[count] - ended)
        watch.terminate()
        watch.wait()
        hook = statistics.median(float(str(r["hook_seconds"])) for r in records if r["type"] == "execution")
        print_row(
            f"{n:>7} {1e3 * statistics.median(lags):>17.2f} {1e3 * hook:>8.2f}"
            f" {1e3 * statistics.median(bare):>17.2f}"
        )


def print_row(row: str) -> None:
    """Print one row, unbuffered."""
    sys.stdout.write(row + "\n")
    sys.stdout.flush()


def _time_run(kernel: KernelProcess, code: str) -> float:
    start = time.perf_counter()
    kernel.run(code)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
