"""Whether a run gets dearer with what did not change: runs behind it, data, objects that are no models."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from tests.benchmarks.kernels import fill, kernel_process, time_hooks, watched
from tests.benchmarks.rows import Row, row_of

TOPIC = "growth"
CELLS = 40
RUNS = 10_000
FILLED = {
    "20,000 objects of the user's class": (
        "class Thing:\n    def __init__(self, n): self.n, self.text, self.items = n, str(n), [n]\n"
        "globals().update({f'thing{n}': Thing(n) for n in range(20_000)})",
        5.0,
    ),
    "1,000,000 floats": ("globals().update({f'float{n}': n + 0.5 for n in range(1_000_000)})", 30.0),
    "a list of 1,000,000 floats": ("floats = [n + 0.5 for n in range(1_000_000)]", None),
    "an array of 1 GB": ("array = np.ones((128, 1 << 20))", None),
    "100 lists in a dict": ("nested = {n: [[n], [n]] for n in range(100)}", None),
}


def measure() -> Iterator[Row]:
    """Rows for what fills the namespace, and for the number of runs."""
    with kernel_process() as kernel:
        fill(kernel, 10)
        with watched(kernel):
            plain = time_hooks(kernel, ["1"] * CELLS)
    yield row_of(TOPIC, "10 models", plain[2:], "ms")
    for name, (cell, goal) in FILLED.items():
        with kernel_process() as kernel:
            fill(kernel, 10)
            kernel.run(cell)
            with watched(kernel):
                yield row_of(
                    TOPIC, f"10 models beside {name}", time_hooks(kernel, ["1"] * CELLS)[2:], "ms", goal
                )
    with kernel_process() as kernel:
        fill(kernel, 10)
        with watched(kernel):
            early = time_hooks(kernel, ["m0 = LogisticRegression().fit(X, y); m0"] * CELLS)[2:]
            for _ in range(RUNS // 100):
                asked = [kernel.queue("m0 = LogisticRegression().fit(X, y); m0") for _ in range(100)]
                for request in asked:
                    kernel.wait(request)
            late = time_hooks(kernel, ["m0 = LogisticRegression().fit(X, y); m0"] * CELLS)[2:]
    yield row_of(TOPIC, "at the beginning", early, "ms")
    yield row_of(TOPIC, f"after {RUNS:,} runs", late, "ms")
    ratio = statistics.median(late) / statistics.median(early)
    yield Row(TOPIC, f"after {RUNS:,} runs, of that at the beginning", ratio, "", goal=1.2)
