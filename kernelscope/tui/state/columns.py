"""The horizontal geometry of the grid: maps moments to terminal cells."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from kernelscope.domain.changes import Moment

_STRIDES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
"""Execution counts between two labels on the axis: the smallest that leaves a gap is used."""


class Columns:
    """Moments side by side, each ``cell`` terminal cells wide, after a prelude for unknown history."""

    def __init__(self, moments: Sequence[Moment], cell: int = 2) -> None:
        self.moments = moments
        self.cell = cell
        self._walls: list[int] = []
        self._scanned = 0

    @property
    def count(self) -> int:
        """The number of columns."""
        return len(self.moments)

    @property
    def prelude(self) -> int:
        """Terminal cells before the first column, if cells had run before the attach; else 0."""
        return 4 if self.moments and self.moments[0].execution_count > 0 else 0

    @property
    def width(self) -> int:
        """The width in terminal cells, including the prelude."""
        return self.prelude + self.count * self.cell

    @property
    def walls(self) -> Sequence[int]:
        """Indexes of the attaches; scans only the moments that were added since the last call."""
        for index in range(self._scanned, self.count):
            if self.moments[index].kind == "attached":
                self._walls.append(index)
        self._scanned = self.count
        return self._walls

    def walls_between(self, first: int, last: int) -> Sequence[int]:
        """The walls in [first, last)."""
        walls = self.walls
        return walls[bisect_left(walls, first) : bisect_left(walls, last)]

    def x_of(self, index: int) -> int:
        """The first terminal cell of a column."""
        return self.prelude + index * self.cell

    def index_at(self, x: int) -> int:
        """The column that a terminal cell belongs to, or the nearest one."""
        return max(0, min(self.count - 1, (x - self.prelude) // self.cell))

    def label(self, index: int) -> str:
        """The label above a column: its execution count, or a sign for what is no run."""
        moment = self.moments[index]
        return (
            str(moment.execution_count) if moment.kind == "run" else "┃" if moment.kind == "attached" else "·"
        )

    def axis(self, first: int, last: int, cursor: int | None = None) -> str:
        """The labels above the columns [first, last), exactly as wide as these; ``cursor`` always has its label."""
        cells = [" "] * ((last - first) * self.cell)
        stride = self._stride(first, last)
        for index in range(first, last):
            moment = self.moments[index]
            if moment.kind != "run" or moment.execution_count % stride == 0 or index == 1:
                _write(cells, (index - first) * self.cell, self.label(index))
        if cursor is not None and first <= cursor < last:
            at = (cursor - first) * self.cell
            _write(cells, at, self.label(cursor), force=True)
        return "".join(cells)

    def _stride(self, first: int, last: int) -> int:
        longest = max((len(str(self.moments[i].execution_count)) for i in range(first, last)), default=1)
        return next((s for s in _STRIDES if s * self.cell > longest + 1), _STRIDES[-1])


def _write(cells: list[str], at: int, text: str, *, force: bool = False) -> None:
    """Put ``text`` at a place if there is room; ``force`` makes room."""
    text = text[-len(cells) :] if cells else ""
    at = max(0, min(at, len(cells) - len(text)))
    room = cells[max(0, at - 1) : at + len(text) + 1]
    if not force and any(c != " " for c in room):
        return
    if force:
        low, high = at, at + len(text)
        while low > 0 and cells[low - 1].isdigit():
            low -= 1
        while high < len(cells) and cells[high].isdigit():
            high += 1
        cells[low:high] = " " * (high - low)
    cells[at : at + len(text)] = text
