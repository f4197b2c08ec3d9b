"""Measures whether the cost of watching grows with the session: the probe's time per run, at first and after thousands.

Run by hand, on a quiet machine: ``python tests/benchmarks/many_runs.py [RUNS]`` (5,000).  Each run leaves a fitted
model in ``Out`` and, as all do, its source in IPython's own names.  The median of the last 500 runs must stay
within 1.3 times that of the first 500.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.kernels import KernelProcess

SET_UP = (
    "from sklearn.linear_model import LogisticRegression\nfrom sklearn.pipeline import make_pipeline\n"
    "from sklearn.preprocessing import StandardScaler\nX, y = [[0.0], [1.0], [2.0]], [0, 1, 1]\n"
    "pipe = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)"
)
CELL = "m = LogisticRegression().fit(X, y)\nm"
BATCH, WINDOW, MOST = 100, 500, 1.3


def main() -> int:
    """Print a row per window; returns 1 if the last one costs too much."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    with tempfile.TemporaryDirectory() as folder, KernelProcess(Path(folder)) as kernel:
        kernel.run(SET_UP)
        command = [sys.executable, "-m", "kernelscope", "watch", str(kernel.connection_file), "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as watch:
            seconds: list[float] = []
            assert watch.stdout is not None
            watch.stdout.readline()
            medians = []
            while len(seconds) < runs:
                requests = [kernel.queue(CELL) for _ in range(BATCH)]
                for message in requests:
                    kernel.wait(message)
                query = len(seconds) + BATCH
                while len(seconds) < query:
                    record = json.loads(watch.stdout.readline())
                    if record["type"] == "execution":
                        seconds.append(record["hook_seconds"])
                if len(seconds) % WINDOW == 0:
                    medians.append(statistics.median(seconds[-WINDOW:]))
                    ratio = medians[-1] / medians[0]
                    sys.stdout.write(f"{len(seconds):>6} runs  {medians[-1] * 1_000:6.2f} ms  {ratio:5.2f}\n")
                    sys.stdout.flush()
            watch.terminate()
    return int(medians[-1] > MOST * medians[0])


if __name__ == "__main__":
    raise SystemExit(main())
