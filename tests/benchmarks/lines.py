"""When the line of a run stands on the standard output of ``watch --json`` after the reply, and how long it is."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

from tests.benchmarks.kernels import fill, kernel_process, watched
from tests.benchmarks.rows import Row, row_of

TOPIC = "lines"
CELLS = 200
EARLIER = 10_000
"""Runs that have been watched before, in the last row."""
CELL = "m0.fit(X, y)"


def measure() -> Iterator[Row]:
    """Rows for 10, 100 and 1,000 models, and for 1,000 with 10,000 runs behind them."""
    for models, earlier in ((10, 0), (100, 0), (1_000, 0), (1_000, EARLIER)):
        with kernel_process() as kernel:
            fill(kernel, models)
            with watched(kernel) as watch:
                for _ in range(earlier // 100):
                    for request in [kernel.queue("v0 = 1") for _ in range(100)]:
                        kernel.wait(request)
                lags, counts = [], []
                for _ in range(CELLS):
                    count = kernel.run(CELL)["execution_count"]
                    replied = time.perf_counter()
                    lags.append((watch.wait_for(count) - replied) * 1_000)
                    counts.append(count)
                unchanged = kernel.run("1")["execution_count"]
                watch.wait_for(unchanged)
                name = f"{models:,} models" + (f", {earlier:,} runs before" if earlier else "")
                goal = 10.0 if models == 1_000 else None
                yield row_of(TOPIC, f"{name}: after the reply", lags, "ms", goal)
                p99 = statistics.quantiles(lags, n=100)[98]
                yield Row(TOPIC, f"{name}: after the reply, p99", p99, "ms", goal=goal and 30.0)
                beside_code = [watch.sizes[count] - len(CELL) for count in counts]
                yield row_of(TOPIC, f"{name}: a line with one change", beside_code, "bytes")
                yield Row(TOPIC, f"{name}: a line without changes", watch.sizes[unchanged], "bytes")
