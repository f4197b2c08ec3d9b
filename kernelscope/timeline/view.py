"""Everything that can be asked of a timeline, as it stands or as it was at an earlier moment."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence, Set
from functools import cached_property

from msgspec.structs import replace

from kernelscope.domain.changes import Change, Moment, TrackEntry, Verdict
from kernelscope.domain.events import KernelState, Progress
from kernelscope.domain.facts import Cost, KernelFacts, ObjectFacts
from kernelscope.timeline.cells import Cell
from kernelscope.timeline.timeline import Row, Timeline


class TimelineView:
    """Answers questions about a timeline; it never changes it.

    Args:
        timeline: may go on meanwhile.
        upto: only the first moments, at least one, are seen; ``None``: all that there are, whenever asked.
    """

    def __init__(self, timeline: Timeline, upto: int | None = None) -> None:
        self._timeline = timeline
        self._last = None if upto is None else timeline.moments[: max(upto, 1)][-1]

    @property
    def is_live(self) -> bool:
        """Whether it follows the timeline as that goes on."""
        return self._last is None

    # The kernel and the connection: only the present is known of most of it.

    @property
    def kernel(self) -> KernelFacts | None:
        """The kernel of the epoch; ``None`` until the first attach."""
        return self._timeline.kernels.get(self.epoch)

    @property
    def epoch(self) -> int:
        """The epoch of the latest moment."""
        return self._timeline.epoch if self._last is None else self._last.epoch

    @property
    def state(self) -> KernelState:
        """The kernel's state."""
        return self._timeline.state if self._last is None else "idle"

    @property
    def detail(self) -> str:
        """Why the state is what it is, if that is known."""
        return self._timeline.detail if self._last is None else ""

    @property
    def progress(self) -> Progress | None:
        """The progress of the cell that is running; ``None`` if none is, or none has run for long."""
        return self._timeline.progress if self._last is None else None

    @property
    def waiting(self) -> str | None:
        """Why there is no attach yet."""
        return self._timeline.waiting if self._last is None else None

    @property
    def ended(self) -> str | None:
        """Why nothing follows any more."""
        return self._timeline.ended if self._last is None else None

    @property
    def lost(self) -> int:
        """Observations that were sent and never arrived, in all: they have no moment."""
        return self._timeline.lost

    @property
    def cut(self) -> tuple[str, ...]:
        """What the latest look left out, and why; empty if it saw everything."""
        return self._timeline.cut

    @property
    def cost(self) -> Cost | None:
        """What the probe has cost the kernel of this epoch; ``None`` until it has said so."""
        if self._last is None:
            return self._timeline.cost
        runs = (moment.run for moment in reversed(self.moments) if moment.epoch == self.epoch)
        return next((run.seen.cost for run in runs if run is not None and run.seen.cost is not None), None)

    # Moments, and what the rows held.

    @property
    def moments(self) -> Sequence[Moment]:
        """The columns, oldest first."""
        return self._timeline.moments if self._last is None else self._past_moments

    @cached_property
    def _past_moments(self) -> Sequence[Moment]:
        return self._timeline.moments[: self._end + 1]

    @property
    def _end(self) -> int:
        """Index of the last moment that is seen."""
        return len(self._timeline.moments) - 1 if self._last is None else self._last.index

    @property
    def verdicts(self) -> Set[Verdict]:
        """Every verdict that was given."""
        return self._timeline.verdicts if self._last is None else self._past_verdicts

    @cached_property
    def _past_verdicts(self) -> Set[Verdict]:
        return frozenset(change.verdict for moment in self.moments for change in moment.changes)

    def rows(self) -> tuple[Row, ...]:
        """Names in the order in which they were first seen, each followed by its parts."""
        parts: dict[str, list[Row]] = {}
        for row in self._timeline.rows_by_name.values():
            if row.whole is not None:
                parts.setdefault(row.whole, []).append(row)
        wholes = (r for r in self._timeline.rows_by_name.values() if r.whole is None)
        rows = tuple(row for name in wholes for row in (name, *parts.get(name.name, ())))
        return rows if self._last is None else tuple(row for row in rows if self.track(row.name))

    def track(self, name: str) -> Sequence[TrackEntry]:
        """Everything that the row held, oldest first; empty if there is no such row."""
        track = self._timeline.tracks.get(name, ())
        if self._last is None:
            return track
        return track[: bisect_right(track, self._last.index, key=lambda held: held.moment)]

    def held_at(self, name: str, moment: int) -> TrackEntry | None:
        """What the row held after the moment with this index; ``None`` before its first sight."""
        track = self._timeline.tracks.get(name, ())
        place = bisect_right(track, min(moment, self._end), key=lambda held: held.moment)
        return track[place - 1] if place else None

    def change_at(self, name: str, moment: int) -> Change | None:
        """What that very moment did to the row."""
        held = self.held_at(name, moment)
        return held.change if held is not None and held.moment == moment else None

    # Objects.

    @property
    def objects(self) -> Mapping[int, ObjectFacts]:
        """Every object that is known, by token; of an earlier moment, those that the rows held."""
        return self._timeline.objects if self._last is None else self._past_objects

    @cached_property
    def _past_objects(self) -> Mapping[int, ObjectFacts]:
        return {held.facts.token: held.facts for _, held in self._latest if held.facts is not None}

    @property
    def names(self) -> Mapping[str, int]:
        """The token of what every name holds."""
        return self._timeline.names if self._last is None else self._past_names

    @cached_property
    def _past_names(self) -> Mapping[str, int]:
        held = ((row.name, held.facts) for row, held in self._latest if row.whole is None)
        return {name: facts.token for name, facts in held if facts is not None}

    @property
    def trained(self) -> Mapping[int, bool]:
        """Whether networks have learned anything, by token."""
        return self._timeline.trained if self._last is None else self._past_trained

    @cached_property
    def _past_trained(self) -> Mapping[int, bool]:
        return {
            held.facts.token: bool(held.fitted)
            for _, held in self._latest
            if held.facts is not None and held.facts.token in self._timeline.trained
        }

    @cached_property
    def _latest(self) -> Sequence[tuple[Row, TrackEntry]]:
        """What every row held at an earlier moment."""
        return [(row, self.track(row.name)[-1]) for row in self.rows()]

    # Cells.

    def cells(self) -> tuple[Cell, ...]:
        """Every cell that ran, and what re-running it did, in order of first run."""
        cells = self._timeline.cell_index.cells()
        if self._last is None:
            return cells
        until = self._last.index
        past = (replace(c, runs=tuple(run for run in c.runs if run.moment <= until)) for c in cells)
        return tuple(replace(cell, code=cell.runs[-1].facts.code) for cell in past if cell.runs)
