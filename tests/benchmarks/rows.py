"""What a benchmark measures: rows with a median, a spread and a goal; printed as a table, and kept as JSON."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec


class Row(msgspec.Struct, frozen=True):
    """One figure."""

    topic: str
    name: str
    value: float
    """The median."""
    unit: str
    spread: float = 0.0
    """Half of the range in which the middle half lies, in the same unit."""
    goal: float | None = None
    """The most that it may be; ``None``: it is measured for comparison."""

    @property
    def key(self) -> tuple[str, str]:
        """What the same figure of another commit has, too."""
        return self.topic, self.name


def row_of(topic: str, name: str, values: Sequence[float], unit: str, goal: float | None = None) -> Row:
    """The row of repeated measurements."""
    quarters = statistics.quantiles(values, n=4) if len(values) > 1 else [values[0]] * 3
    return Row(topic, name, statistics.median(values), unit, (quarters[2] - quarters[0]) / 2, goal)


def table_of(rows: Iterable[Row]) -> str:
    """A line for each row, under a heading for each topic; a missed goal is marked."""
    lines, topic = [], None
    for row in rows:
        if row.topic != topic:
            topic = row.topic
            lines.append(f"\n{topic}\n{'':<46} {'median':>10} {'spread':>9}          {'goal':>8}")
        goal = "" if row.goal is None else f"{row.goal:8.3g}"
        missed = "  MISSED" if row.goal is not None and row.value > row.goal else ""
        lines.append(f"  {row.name:<44} {row.value:10.3f} {row.spread:9.3f} {row.unit:<8} {goal:>8}{missed}")
    return "\n".join(lines)


def comparison_of(old: Iterable[Row], new: Iterable[Row]) -> str:
    """How the figures of two commits relate."""
    before = {row.key: row for row in old}
    lines = [f"{'':<58} {'old':>10} {'new':>10} {'ratio':>7}"]
    for row in new:
        known = before.get(row.key)
        if known is not None:
            ratio = row.value / known.value if known.value else float("nan")
            name = f"{row.topic}: {row.name}"
            lines.append(f"{name:<58} {known.value:10.3f} {row.value:10.3f} {ratio:7.2f}")
    return "\n".join(lines)


def write(rows: Sequence[Row], path: Path) -> None:
    """Write the rows as JSON."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(rows)))


def read(path: Path) -> list[Row]:
    """Read what ``write`` has written."""
    return msgspec.json.decode(path.read_bytes(), type=list[Row])


def show(text: str) -> None:
    """Print, and flush: a benchmark lasts minutes."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
