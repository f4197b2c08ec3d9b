"""How long the command takes to start, beside importing what it is made of."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from tests.benchmarks.rows import Row, row_of

TOPIC = "start"
TIMES = 9
_BESIDE = "import textual.app, jupyter_client"


def measure() -> Iterator[Row]:
    """Rows for ``--help``, ``ls`` and the imports."""
    imports = _time([sys.executable, "-c", _BESIDE])
    yield row_of(TOPIC, "importing Textual and jupyter_client", imports, "s")
    beside = statistics.median(imports)
    for arguments, most in ((("--help",), 0.4), (("ls",), 0.6)):
        times = _time([sys.executable, "-m", "kernelscope", *arguments])
        name = " ".join(("kernelscope", *arguments))
        yield row_of(TOPIC, name, times, "s")
        yield Row(TOPIC, f"{name}, of the imports", statistics.median(times) / beside, "", goal=most)


def _time(command: list[str]) -> list[float]:
    taken = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        taken.append(time.perf_counter() - begun)
    return taken
