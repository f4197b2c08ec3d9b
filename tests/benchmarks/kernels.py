"""Kernels for benchmarks: filled with models, watched, and timed from inside by callbacks around the probe's."""

from __future__ import annotations

import ast
import contextlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.kernels import KernelProcess

MODELS = """
import warnings; warnings.filterwarnings("ignore")
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
X = np.random.RandomState(0).rand(100, 5); y = (X[:, 0] > 0.5).astype(int)
kinds = (
    LogisticRegression, StandardScaler, lambda: make_pipeline(StandardScaler(), LogisticRegression()),
    lambda: RandomForestClassifier({trees}), lambda: GridSearchCV(LogisticRegression(), {{"C": [0.1, 1.0]}}, cv=2),
    lambda: MLPClassifier((64, 32), max_iter=5),
)
for i in range({models}): globals()[f"m{{i}}"] = kinds[i % 6]().fit(X, y)
for i in range(100): globals()[f"v{{i}}"] = [i, float(i), str(i), [1, 2, 3], {{"a": 1}}, np.zeros(10)][i % 6]
"""
"""Six classes of estimators beside 100 other variables."""

_AROUND = """
def around():
    import time
    # Not by its plain name: before the run after a cell with that word the probe looks each time.
    hooks, spent = getattr(get_ipython(), "ev" "ents"), []
    def begin(*_): spent.append([-time.perf_counter()])
    def end(*_): spent[-1][-1] += time.perf_counter()
    def again(*_): spent[-1].append(-time.perf_counter())
    for event, first in (("pre_run_cell", begin), ("post_run_cell", again)):
        hooks.callbacks[event].insert(0, first)
        hooks.callbacks[event].append(end)
    return spent
spent = around()
"""


def fill(kernel: KernelProcess, models: int) -> None:
    """Fit so many models; forests are smaller if there are many, as fitting them would take minutes."""
    kernel.run(MODELS.format(models=models, trees=100 if models <= 100 else 10), timeout=600)


def value_in(kernel: KernelProcess, expression: str) -> Any:
    """What a literal expression gives in the kernel."""
    client = kernel.client()
    try:
        request = client.execute("", silent=True, user_expressions={"value": expression})
        while True:
            reply = client.get_shell_msg(timeout=60)
            if reply["parent_header"].get("msg_id") == request:
                return ast.literal_eval(reply["content"]["user_expressions"]["value"]["data"]["text/plain"])
    finally:
        client.stop_channels()


@contextlib.contextmanager
def kernel_process(python: str = sys.executable) -> Iterator[KernelProcess]:
    """A kernel in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder, KernelProcess(Path(folder), python) as kernel:
        yield kernel


class Watch:
    """``kernelscope watch --json`` beside a kernel; notes when each line comes."""

    def __init__(self, kernel: KernelProcess, *options: str) -> None:
        command = [
            sys.executable,
            "-m",
            "kernelscope",
            "watch",
            str(kernel.connection_file),
            "--json",
            *options,
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        self._came = threading.Condition()
        self.records: list[dict[str, Any]] = []
        self.times: dict[int, float] = {}
        """By execution count, when its line came, by ``perf_counter``."""
        self.sizes: dict[int, int] = {}
        """By execution count, the bytes of its line."""
        threading.Thread(target=self._read, daemon=True).start()
        self._wait(lambda: any(record["type"] == "attached" for record in self.records))

    def wait_for(self, execution_count: int) -> float:
        """When the line of this run came."""
        self._wait(lambda: execution_count in self.times)
        return self.times[execution_count]

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait()

    def _wait(self, condition: Any) -> None:
        with self._came:
            if not self._came.wait_for(condition, 300):
                raise TimeoutError("the line did not come")

    def _read(self) -> None:
        for line in self._process.stdout or ():
            now = time.perf_counter()
            record = json.loads(line)
            with self._came:
                self.records.append(record)
                if record["type"] == "execution":
                    self.times[record["execution_count"]] = now
                    self.sizes[record["execution_count"]] = len(line)
                self._came.notify_all()


@contextlib.contextmanager
def watched(kernel: KernelProcess, *options: str) -> Iterator[Watch]:
    """A watcher, until the end of the block."""
    watch = Watch(kernel, *options)
    try:
        yield watch
    finally:
        watch.close()


def time_hooks(kernel: KernelProcess, cells: list[str]) -> list[float]:
    """Milliseconds that the hooks before and after each of these cells take, as callbacks around them measure it."""
    kernel.run(_AROUND)
    for cell in cells:
        kernel.run(cell)
    kernel.run("1")
    spent: list[list[float]] = value_in(kernel, "spent")
    # The first has no beginning: its cell has put the callbacks there. The last is that of the `1`.
    return [sum(times) * 1_000 for times in spent[1 : len(cells) + 1]]
