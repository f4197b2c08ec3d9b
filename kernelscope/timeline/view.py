"""A timeline as it was: what can be asked of one that goes on can be asked of any of its moments."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import cached_property
from typing import Protocol

from msgspec.structs import replace

from kernelscope.domain.changes import Change, Held, Moment, Verdict
from kernelscope.domain.events import KernelState, Progress
from kernelscope.domain.facts import Cost, KernelFacts, ObjectFacts, SwitchedOff
from kernelscope.timeline.cells import Cell
from kernelscope.timeline.timeline import Row, Timeline


class History(Protocol):
    """What can be asked of a ``Timeline``, and of its past; see there."""

    @property
    def kernel(self) -> KernelFacts | None: ...  # noqa: D102 - see Timeline, as for all of them
    @property
    def state(self) -> KernelState: ...  # noqa: D102
    @property
    def detail(self) -> str: ...  # noqa: D102
    @property
    def epoch(self) -> int: ...  # noqa: D102
    @property
    def lost(self) -> int: ...  # noqa: D102
    @property
    def cost(self) -> Cost | None: ...  # noqa: D102
    @property
    def switched_off(self) -> tuple[SwitchedOff, ...]: ...  # noqa: D102
    @property
    def progress(self) -> Progress | None: ...  # noqa: D102
    @property
    def waiting(self) -> str | None: ...  # noqa: D102
    @property
    def ended(self) -> str | None: ...  # noqa: D102
    @property
    def verdicts(self) -> Set[Verdict]: ...  # noqa: D102
    @property
    def moments(self) -> Sequence[Moment]: ...  # noqa: D102
    @property
    def objects(self) -> Mapping[int, ObjectFacts]: ...  # noqa: D102
    @property
    def names(self) -> Mapping[str, int]: ...  # noqa: D102
    @property
    def trained(self) -> Mapping[int, bool]: ...  # noqa: D102
    def rows(self) -> tuple[Row, ...]: ...  # noqa: D102
    def track(self, name: str) -> Sequence[Held]: ...  # noqa: D102
    def held_at(self, name: str, moment: int) -> Held | None: ...  # noqa: D102
    def change_at(self, name: str, moment: int) -> Change | None: ...  # noqa: D102
    def cells(self) -> tuple[Cell, ...]: ...  # noqa: D102


class Past:
    """A timeline as it was after so many moments; it may go on meanwhile.

    Args:
        whole: the timeline, with at least one moment.
        count: how many of its moments there had been, at least 1.
    """

    state: KernelState = "idle"
    detail = ""
    progress: Progress | None = None
    waiting: str | None = None
    ended: str | None = None
    """Of a moment that is over, none of these is known, or of interest."""

    def __init__(self, whole: Timeline, count: int) -> None:
        self._whole = whole
        self.moments: Sequence[Moment] = whole.moments[: max(count, 1)]
        self._last = self.moments[-1]

    @property
    def kernel(self) -> KernelFacts | None:
        """Of the epoch that was."""
        return self._whole.kernel_in(self._last.epoch)

    @property
    def epoch(self) -> int:
        """That was, then."""
        return self._last.epoch

    @property
    def lost(self) -> int:
        """In all: what got lost has no moment."""
        return self._whole.lost

    @property
    def switched_off(self) -> tuple[SwitchedOff, ...]:
        """As of the last run then."""
        runs = (moment.run for moment in reversed(self.moments) if moment.epoch == self.epoch)
        return next((run.seen.switched_off for run in runs if run is not None), ())

    @cached_property
    def cost(self) -> Cost | None:
        """As the last run told of it."""
        runs = (moment.run for moment in reversed(self.moments) if moment.epoch == self.epoch)
        return next((run.seen.cost for run in runs if run is not None and run.seen.cost is not None), None)

    @cached_property
    def verdicts(self) -> Set[Verdict]:
        """That had been given."""
        return frozenset(change.verdict for moment in self.moments for change in moment.changes)

    def rows(self) -> tuple[Row, ...]:
        """That had been seen."""
        return tuple(row for row in self._whole.rows() if self.track(row.name))

    def track(self, name: str) -> Sequence[Held]:
        """What the row had held until then."""
        track = self._whole.track(name)
        return track[: bisect_right(track, self._last.index, key=lambda held: held.moment)]

    def held_at(self, name: str, moment: int) -> Held | None:
        """See ``Timeline``."""
        return self._whole.held_at(name, min(moment, self._last.index))

    def change_at(self, name: str, moment: int) -> Change | None:
        """See ``Timeline``."""
        return self._whole.change_at(name, moment) if moment <= self._last.index else None

    @cached_property
    def objects(self) -> Mapping[int, ObjectFacts]:
        """Those that the rows held."""
        return {held.facts.token: held.facts for _, held in self._held if held.facts is not None}

    @cached_property
    def names(self) -> Mapping[str, int]:
        """The token of what every name held."""
        held = ((row.name, held.facts) for row, held in self._held if row.whole is None)
        return {name: facts.token for name, facts in held if facts is not None}

    @cached_property
    def trained(self) -> Mapping[int, bool]:
        """Of the networks among them: whether they had learned anything."""
        known = self._whole.trained
        return {
            held.facts.token: bool(held.fitted)
            for _, held in self._held
            if held.facts is not None and held.facts.token in known
        }

    @cached_property
    def _held(self) -> Sequence[tuple[Row, Held]]:
        tracks: Iterable[tuple[Row, Sequence[Held]]] = ((row, self.track(row.name)) for row in self.rows())
        return [(row, track[-1]) for row, track in tracks]

    def cells(self) -> tuple[Cell, ...]:
        """That had run, with the runs until then."""
        until = self._last.index
        cells = (
            replace(cell, runs=tuple(run for run in cell.runs if run.moment <= until))
            for cell in self._whole.cells()
        )
        return tuple(replace(cell, code=cell.runs[-1].facts.code) for cell in cells if cell.runs)
