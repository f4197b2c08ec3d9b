"""The reader's place on the timeline: cursor, follow mode, folds, filter, order, zoom, mark."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from kernelscope.domain.changes import Change, Moment, Run, TrackEntry
from kernelscope.protocol.stored import About
from kernelscope.timeline.timeline import Timeline
from kernelscope.timeline.view import TimelineView
from kernelscope.tui.state.columns import Columns
from kernelscope.tui.state.grid_lines import GridLine, Key, Order, grid_lines
from kernelscope.tui.state.playback import Playback

ZOOMS = (2, 4, 1)
"""Terminal cells per column, in the order in which ``z`` cycles through them."""


class ViewState:
    """The reader's place; every move is a method, and the screen is drawn from it."""

    def __init__(self, timeline: Timeline, *, at_rest: bool = False) -> None:
        self.whole = timeline
        self.timeline = TimelineView(timeline)
        """The part of ``whole`` that is shown."""
        self.playback = Playback(timeline.moments, at_rest=at_rest)
        self.columns = Columns(timeline.moments)
        self.follow = True
        """Whether the cursor stays on the newest column."""
        self.order = Order.SEEN
        self.query = ""
        """The filter for names and classes."""
        self.mark_column: int | None = None
        """The column that the comparison starts from."""
        self.recording = False
        """Whether the session is being recorded."""
        self.about: About | None = None
        """Describes the recording that is replayed; ``None``: this is no replay."""
        self.poll: float | None = None
        """Seconds between two polls; ``None``: the probe does not poll between runs."""
        self.revision = 0
        """Counts changes to what is drawn, except for moves of the cursor."""
        self._unfolded: frozenset[str] = frozenset()
        self._key: Key | None = None
        self._row_is_pinned = False
        """Whether the reader chose a row; until then the cursor jumps to the row that changes."""
        self._column = 0
        self.lines: tuple[GridLine, ...] = ()
        self.update()

    def update(self) -> None:
        """Recompute the lines after the timeline, the playback or the filter has changed."""
        self.revision += 1
        self._apply_playback()
        self.lines = grid_lines(self.timeline, self._unfolded, self.query, self.order)
        if self.lines and self._key not in {line.key for line in self.lines}:
            nearest = next(
                (line.key for line in self.lines if self._key and line.key.row == self._key.row), None
            )
            self._key = nearest or self.lines[0].key
        if self.follow and not self._row_is_pinned:
            self._go_to_change()

    def _apply_playback(self) -> None:
        count = self.playback.limit
        if count is None and self.timeline.is_live:
            return
        self.timeline = TimelineView(self.whole, count)
        self.columns = Columns(self.timeline.moments, self.columns.cell)
        if self.mark_column is not None and self.mark_column >= self.columns.count:
            self.mark_column = None

    def _go_to_change(self) -> None:
        keys = {line.key for line in self.lines}
        for change in self.moment.changes if self.moment else ():
            if Key(change.name) in keys:
                self._key = Key(change.name)
                return

    # The cursor.

    @property
    def line_index(self) -> int:
        """The index of the cursor's line; 0 if there are no lines."""
        return next((i for i, line in enumerate(self.lines) if line.key == self._key), 0)

    @property
    def line(self) -> GridLine | None:
        """The cursor's line."""
        return self.lines[self.line_index] if self.lines else None

    @property
    def row(self) -> str | None:
        """The row that the cursor's line belongs to."""
        return self._key.row if self._key and self.lines else None

    @property
    def column(self) -> int:
        """The cursor's column; in follow mode, the newest."""
        newest = max(0, self.columns.count - 1)
        return newest if self.follow else min(self._column, newest)

    @property
    def moment(self) -> Moment | None:
        """The selected moment."""
        return self.timeline.moments[self.column] if self.timeline.moments else None

    @property
    def run(self) -> Run | None:
        """The run of the selected moment, if it is one."""
        return self.moment.run if self.moment else None

    @property
    def entry(self) -> TrackEntry | None:
        """What the selected row holds at the selected moment."""
        return self.timeline.entry_at(self.row, self.column) if self.row is not None else None

    @property
    def change(self) -> Change | None:
        """What the selected moment did to the selected row."""
        return self.timeline.change_at(self.row, self.column) if self.row is not None else None

    # Moves.

    def move_lines(self, by: int) -> None:
        """Move the cursor down, or up if ``by`` is negative."""
        if self.lines:
            self._row_is_pinned = True
            place = max(0, min(len(self.lines) - 1, self.line_index + by))
            self._key = self.lines[place].key

    def move_columns(self, by: int) -> None:
        """Move the cursor towards the newest column, or back if ``by`` is negative; ends follow mode."""
        self.go_to(self.column + by)

    def go_to(self, column: int) -> None:
        """Move the cursor to a column, or the nearest that exists; ends follow mode."""
        self._column = max(0, min(self.columns.count - 1, column))
        self.follow = False

    def follow_latest(self) -> None:
        """Move the cursor to the newest column and keep it there; ends a pause."""
        self.follow = True
        self.playback.end()
        self.update()

    def select(self, key: Key) -> None:
        """Move the cursor to a line, if it exists."""
        if any(line.key == key for line in self.lines):
            self._row_is_pinned = True
            self._key = key

    def next_name(self, by: int) -> None:
        """Move the cursor to the next name, and from the last to the first; skips hyper-parameters and parts."""
        names = [i for i, line in enumerate(self.lines) if line.depth == 0]
        if not names:
            return
        if by > 0:
            place = bisect_right(names, self.line_index) % len(names)
        else:
            place = bisect_left(names, self.line_index) - 1
        self._row_is_pinned = True
        self._key = self.lines[names[place]].key

    def next_change(self, by: int) -> bool:
        """Move the cursor to the next change in the row, or the previous one; returns whether there is one."""
        if self.row is None:
            return False
        track = self.timeline.track(self.row)
        return _jump(self, [h.moment for h in track if h.change is not None], by)

    def next_run(self, by: int) -> bool:
        """Move the cursor to the next moment with any change, or the previous one; returns whether there is one."""
        return _jump(self, [m.index for m in self.timeline.moments if m.changes], by)

    # Folds, filter, order, zoom, mark.

    def unfold(self, open_: bool | None = None) -> None:
        """Show or hide the hyper-parameters and parts of the row; ``None`` toggles."""
        line = self.line
        if line is None or not (line.foldable or line.key.param is not None):
            return
        row = line.key.row
        unfold = row not in self._unfolded if open_ is None else open_
        self._unfolded = self._unfolded | {row} if unfold else self._unfolded - {row}
        if line.key.param is not None and not unfold:
            self._key = Key(row)
        self.update()

    def filter(self, query: str) -> None:
        """Show only names and classes that contain ``query``."""
        self.query = query
        self.update()

    def sort(self) -> None:
        """Sort by the next order."""
        orders = list(Order)
        self.order = orders[(orders.index(self.order) + 1) % len(orders)]
        self.update()

    def zoom(self) -> None:
        """Change to the next column width."""
        place = ZOOMS.index(self.columns.cell)
        self.columns.cell = ZOOMS[(place + 1) % len(ZOOMS)]
        self.revision += 1

    def mark(self) -> None:
        """Mark the selected moment for the comparison; if it is marked already, remove the mark."""
        self.mark_column = None if self.mark_column == self.column else self.column
        self.revision += 1


def _jump(view: ViewState, columns: Sequence[int], by: int) -> bool:
    """Move the cursor to the next of these columns, or the previous one; returns whether there is one."""
    place = bisect_right(columns, view.column) if by > 0 else bisect_left(columns, view.column) - 1
    if not 0 <= place < len(columns):
        return False
    view.go_to(columns[place])
    return True


def moving_rows(timeline: TimelineView) -> frozenset[str]:
    """Rows that change while a cell still runs."""
    progress = timeline.progress
    return frozenset(movement.name for movement in progress.moved) if progress is not None else frozenset()
