"""Cells and their runs: what does running this cell again do?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from msgspec import Struct

from kernelscope.domain.changes import Change, Run, Verdict
from kernelscope.domain.facts import RunFacts


class CellEffect(Struct, frozen=True):
    """What re-running one cell did to one name, in how many of its re-runs."""

    name: str
    verdict: Verdict
    times: int
    """How many re-runs ended in ``verdict``."""
    of: int
    """How many re-runs there were."""


class Cell(Struct, frozen=True):
    """One cell: runs of the same source, or of the same notebook cell."""

    code: str
    """The source as it last ran."""
    runs: tuple[Run, ...]
    """Oldest first, over all epochs."""

    @property
    def reruns(self) -> tuple[Run, ...]:
        """The runs that repeated an earlier one of the same epoch."""
        return tuple(r for r in self.runs if r.rerun_of is not None)

    @property
    def effects(self) -> tuple[CellEffect, ...]:
        """What the re-runs did to each name that any of them changed, the most frequent first."""
        return count_effects(self.reruns)

    @property
    def first_effects(self) -> tuple[CellEffect, ...]:
        """What the latest first run did, for a cell that was never run twice."""
        return count_effects(tuple(r for r in self.runs if r.rerun_of is None)[-1:])


def count_effects(runs: tuple[Run, ...], *, parts: bool = False) -> tuple[CellEffect, ...]:
    """Counts what these runs did to each name.

    Args:
        runs: of one cell.
        parts: count what happened to parts of composites, too, under their own names.
    """
    seen: dict[str, Counter[Verdict]] = {}
    for run in runs:
        for change in _each(run.changes) if parts else run.changes:
            seen.setdefault(change.name, Counter())[change.verdict] += 1
    return tuple(
        CellEffect(name, verdict, times, len(runs))
        for name, verdicts in seen.items()
        for verdict, times in verdicts.most_common()
    )


def _each(changes: tuple[Change, ...]) -> Iterator[Change]:
    for change in changes:
        yield change
        yield from _each(change.parts)


class CellIndex:
    """Finds the cell that a run belongs to."""

    def __init__(self) -> None:
        self._by_hash: dict[str, int] = {}
        self._by_cell_id: dict[str, int] = {}
        self._cells: list[list[Run]] = []
        self._cell_of_hash: dict[str, int] = {}
        self._cell_of_id: dict[str, int] = {}

    def begin_epoch(self) -> None:
        """Forgets which cells have run, after a restart; which runs belong to one cell is kept."""
        self._by_hash.clear()
        self._by_cell_id.clear()

    def earlier(self, run: RunFacts) -> int | None:
        """The execution count of the latest earlier run of the same source or notebook cell."""
        counts = [self._by_hash.get(run.code_hash)]
        if run.cell_id is not None:
            counts.append(self._by_cell_id.get(run.cell_id))
        return max((c for c in counts if c is not None), default=None)

    def add(self, run: Run) -> None:
        """Adds a run to its cell, which may be a new one."""
        facts = run.facts
        self._by_hash[facts.code_hash] = facts.execution_count
        place = self._cell_of_hash.get(facts.code_hash)
        if facts.cell_id is not None:
            self._by_cell_id[facts.cell_id] = facts.execution_count
            place = self._cell_of_id.get(facts.cell_id, place)
        if place is None:
            place = len(self._cells)
            self._cells.append([])
        self._cells[place].append(run)
        self._cell_of_hash[facts.code_hash] = place
        if facts.cell_id is not None:
            self._cell_of_id[facts.cell_id] = place

    def cells(self) -> tuple[Cell, ...]:
        """Every cell, in order of first run."""
        return tuple(Cell(runs[-1].facts.code, tuple(runs)) for runs in self._cells)
