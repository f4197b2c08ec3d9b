"""Everything that can be asked of a timeline, as it stands or as it was at an earlier moment."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import cached_property

from kernelscope.domain.changes import Change, Moment, TrackEntry, Verdict
from kernelscope.domain.events import KernelState, Progress
from kernelscope.domain.facts import Cost, KernelFacts, NotCompared, ObjectFacts, SwitchedOff
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
        self._past = None if upto is None else _Past(timeline, timeline.moments[: max(upto, 1)])

    @property
    def is_live(self) -> bool:
        """Whether it follows the timeline as that goes on."""
        return self._past is None

    # The kernel and the connection: only the present is known of most of it.

    @property
    def kernel(self) -> KernelFacts | None:
        """The kernel of the epoch; ``None`` until the first attach."""
        return self._timeline.kernels.get(self.epoch)

    @property
    def epoch(self) -> int:
        """The epoch of the latest moment."""
        return self._timeline.epoch if self._past is None else self._past.last.epoch

    @property
    def state(self) -> KernelState:
        """The kernel's state."""
        return self._timeline.state if self._past is None else "idle"

    @property
    def detail(self) -> str:
        """Why the state is what it is, if that is known."""
        return self._timeline.detail if self._past is None else ""

    @property
    def progress(self) -> Progress | None:
        """The progress of the cell that is running; ``None`` if none is, or none has run for long."""
        return self._timeline.progress if self._past is None else None

    @property
    def waiting(self) -> str | None:
        """Why there is no attach yet."""
        return self._timeline.waiting if self._past is None else None

    @property
    def ended(self) -> str | None:
        """Why nothing follows any more."""
        return self._timeline.ended if self._past is None else None

    @property
    def lost(self) -> int:
        """Observations that were sent and never arrived, in all: they have no moment."""
        return self._timeline.lost

    @property
    def cut(self) -> tuple[str, ...]:
        """What the latest look left out, and why; empty if it saw everything."""
        return self._timeline.cut

    @property
    def cut_count(self) -> int:
        """How much that is in all."""
        return self._timeline.cut_count

    @property
    def cost(self) -> Cost | None:
        """What the probe has cost the kernel of this epoch; ``None`` until it has reported it."""
        return self._timeline.cost if self._past is None else self._past.cost

    @property
    def switched_off(self) -> tuple[SwitchedOff, ...]:
        """Libraries whose objects are not read, as of the latest run."""
        return self._timeline.switched_off if self._past is None else self._past.switched_off

    @property
    def not_compared(self) -> NotCompared | None:
        """The models whose content had no turn in the latest look; ``None`` if all had one."""
        return self._timeline.not_compared if self._past is None else self._past.not_compared

    # Moments, and what the rows held.

    @property
    def moments(self) -> Sequence[Moment]:
        """The columns, oldest first."""
        return self._timeline.moments if self._past is None else self._past.moments

    @property
    def verdicts(self) -> Set[Verdict]:
        """Every verdict that was given."""
        return self._timeline.verdicts if self._past is None else self._past.verdicts

    def rows(self) -> tuple[Row, ...]:
        """Names in the order in which they were first seen, each followed by its parts."""
        rows = tuple(_in_order(self._timeline.rows_by_name.values()))
        return rows if self._past is None else tuple(row for row in rows if self.track(row.name))

    def track(self, name: str) -> Sequence[TrackEntry]:
        """Everything that the row held, oldest first; empty if there is no such row."""
        track = self._timeline.tracks.get(name, ())
        return track if self._past is None else self._past.part_of(track)

    def entry_at(self, name: str, moment: int) -> TrackEntry | None:
        """What the row held after the moment with this index; ``None`` before its first sight."""
        track = self._timeline.tracks.get(name, ())
        place = bisect_right(track, min(moment, len(self.moments) - 1), key=lambda entry: entry.moment)
        return track[place - 1] if place else None

    def change_at(self, name: str, moment: int) -> Change | None:
        """What that very moment did to the row."""
        entry = self.entry_at(name, moment)
        return entry.change if entry is not None and entry.moment == moment else None

    # Objects and cells.

    @property
    def objects(self) -> Mapping[int, ObjectFacts]:
        """Every object that is known, by token; of an earlier moment, those that the rows held."""
        return self._timeline.objects if self._past is None else self._past.objects

    @property
    def names(self) -> Mapping[str, int]:
        """The token of what every name holds."""
        return self._timeline.names if self._past is None else self._past.names

    @property
    def trained(self) -> Mapping[int, bool | None]:
        """Whether networks have learned anything, by token."""
        return self._timeline.trained if self._past is None else self._past.trained

    def cells(self) -> tuple[Cell, ...]:
        """Every cell that ran, and what re-running it did, in order of first run."""
        cells = self._timeline.cell_index.cells()
        return cells if self._past is None else tuple(self._past.cells(cells))


class _Past:
    """A timeline as it was after some of its moments."""

    def __init__(self, timeline: Timeline, moments: Sequence[Moment]) -> None:
        self._timeline = timeline
        self.moments = moments
        self.last = moments[-1]

    def part_of(self, track: Sequence[TrackEntry]) -> Sequence[TrackEntry]:
        return track[: bisect_right(track, self.last.index, key=lambda entry: entry.moment)]

    def cells(self, cells: Iterable[Cell]) -> Iterable[Cell]:
        for cell in cells:
            runs = tuple(run for run in cell.runs if run.moment <= self.last.index)
            if runs:
                yield Cell(runs[-1].facts.code, runs)

    @property
    def switched_off(self) -> tuple[SwitchedOff, ...]:
        """As of the last run then."""
        runs = (moment.run for moment in reversed(self.moments) if moment.epoch == self.last.epoch)
        return next((run.seen.switched_off for run in runs if run is not None), ())

    @property
    def not_compared(self) -> NotCompared | None:
        """Of the last run then."""
        runs = (moment.run for moment in reversed(self.moments) if moment.epoch == self.last.epoch)
        return next((run.seen.not_compared for run in runs if run is not None), None)

    @cached_property
    def cost(self) -> Cost | None:
        runs = (moment.run for moment in reversed(self.moments) if moment.epoch == self.last.epoch)
        return next((run.seen.cost for run in runs if run is not None and run.seen.cost is not None), None)

    @cached_property
    def verdicts(self) -> Set[Verdict]:
        return frozenset(change.verdict for moment in self.moments for change in moment.changes)

    @cached_property
    def _latest(self) -> Sequence[tuple[Row, TrackEntry]]:
        """What every row held at the end."""
        rows = _in_order(self._timeline.rows_by_name.values())
        tracks = ((row, self.part_of(self._timeline.tracks[row.name])) for row in rows)
        return [(row, track[-1]) for row, track in tracks if track]

    @cached_property
    def objects(self) -> Mapping[int, ObjectFacts]:
        return {entry.facts.token: entry.facts for _, entry in self._latest if entry.facts is not None}

    @cached_property
    def names(self) -> Mapping[str, int]:
        entry = ((row.name, entry.facts) for row, entry in self._latest if row.whole is None)
        return {name: facts.token for name, facts in entry if facts is not None}

    @cached_property
    def trained(self) -> Mapping[int, bool | None]:
        return {
            entry.facts.token: entry.fitted
            for _, entry in self._latest
            if entry.facts is not None and entry.facts.token in self._timeline.trained
        }


def _in_order(rows: Iterable[Row]) -> Iterable[Row]:
    """Names in the order in which they were first seen, each followed by its parts."""
    wholes: list[Row] = []
    parts: dict[str, list[Row]] = {}
    for row in rows:
        if row.whole is None:
            wholes.append(row)
        else:
            parts.setdefault(row.whole, []).append(row)
    for whole in wholes:
        yield whole
        yield from parts.get(whole.name, ())
