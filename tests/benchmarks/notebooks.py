"""What watching adds to each cell of real notebooks, beside two plain kernels, FlowBook and ipyflow.

The notebooks are examples of scikit-learn's gallery that need no download.  Each is run in one kernel after another; what
is compared are the times of the same cell, from the request to the reply.
"""

from __future__ import annotations

import contextlib
import random
import re
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.benchmarks.kernels import watched
from tests.benchmarks.peers import environment, gallery
from tests.benchmarks.rows import Row
from tests.support.kernels import KernelProcess

TOPIC = "notebooks"
NOTEBOOKS = 20
LONGEST_S = 15.0
"""Seconds that a notebook may take in a plain kernel."""
ROUNDS = 2
_CELL = re.compile(r"^(?:# %%.*|#{20,})$", flags=re.MULTILINE)
_NEEDS_MORE = re.compile(
    r"fetch_|plotly|load_files|urlopen|seaborn|skimage|polars|n_jobs|__file__|%matplotlib"
)
_PLAIN = ("-m", "ipykernel_launcher")
_LAUNCHERS = {
    "another plain kernel": _PLAIN,
    "kernelscope": _PLAIN,
    "FlowBook": ("-m", "flowbook.kernel"),
    "ipyflow": ("-m", "ipyflow.kernel"),
}
_SAMPLES = 2_000


def measure() -> Iterator[Row]:
    """For each tool the extra milliseconds of a cell: the median, and half of its 95 % confidence interval."""
    extra: dict[str, list[float]] = {tool: [] for tool in _LAUNCHERS}
    notebooks = 0
    for path in _selection():
        cells = cells_of(path.read_text(encoding="utf-8"))
        plain = _best(cells, _PLAIN)
        if plain is None or sum(plain) > LONGEST_S * 1_000:
            continue
        for tool, launcher in _LAUNCHERS.items():
            times = _best(cells, launcher, is_watched=tool == "kernelscope")
            if times is not None:
                extra[tool] += [taken - before for taken, before in zip(times, plain, strict=True)][1:]
        notebooks += 1
        if notebooks == NOTEBOOKS:
            break
    (noise, width) = _median_and_interval(extra["another plain kernel"])
    for tool, differences in extra.items():
        median, half = _median_and_interval(differences)
        goal = abs(noise) + width + half if tool == "kernelscope" else None
        yield Row(
            TOPIC, f"{tool}, {len(differences)} cells of {notebooks} notebooks", median, "ms", half, goal
        )


def cells_of(source: str) -> list[str]:
    """The code cells of an example, as the gallery shows them."""
    cells = [cell.strip() for cell in _CELL.split(source)]
    return [cell for cell in cells if any(line and not line.startswith("#") for line in cell.splitlines())]


def _selection() -> list[Path]:
    """Examples in an order that is the same each time."""
    fitting = [p for p in gallery() if not _NEEDS_MORE.search(p.read_text(encoding="utf-8"))]
    random.Random(0).shuffle(fitting)
    return [path for path in fitting if len(cells_of(path.read_text(encoding="utf-8"))) >= 4]


def _best(cells: Sequence[str], launcher: Sequence[str], *, is_watched: bool = False) -> list[float] | None:
    """The shortest time of each cell in some rounds, in milliseconds; ``None`` if one fails."""
    rounds = [_run(cells, launcher, is_watched=is_watched) for _ in range(ROUNDS)]
    return None if None in rounds else [min(times) for times in zip(*(r for r in rounds if r), strict=True)]


def _run(cells: Sequence[str], launcher: Sequence[str], *, is_watched: bool) -> list[float] | None:
    with tempfile.TemporaryDirectory() as folder:
        kernel = KernelProcess(Path(folder), str(environment()), launcher=launcher)
        with kernel, watched(kernel) if is_watched else contextlib.nullcontext():
            kernel.run(
                "import matplotlib; matplotlib.use('Agg')\nimport warnings; warnings.simplefilter('ignore')"
            )
            times = []
            for cell in cells:
                begun = time.perf_counter()
                if kernel.run(cell, timeout=120)["status"] != "ok":
                    return None
                times.append((time.perf_counter() - begun) * 1_000)
    return times


def _median_and_interval(values: Sequence[float]) -> tuple[float, float]:
    """The median, and half of its 95 % confidence interval, by resampling."""
    if not values:
        return float("nan"), float("nan")
    draw = random.Random(0)
    medians = sorted(statistics.median(draw.choices(values, k=len(values))) for _ in range(_SAMPLES))
    return statistics.median(values), (medians[int(_SAMPLES * 0.975)] - medians[int(_SAMPLES * 0.025)]) / 2
