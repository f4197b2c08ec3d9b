"""Where the reader is on the timeline: cursor, follow mode, folds, filter, order, zoom, mark."""

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
"""Cells per column, in the order in which ``z`` goes through them."""


class ViewState:
    """The reader's place; every move is a method, and what is shown follows from it."""

    def __init__(self, timeline: Timeline, *, at_rest: bool = False) -> None:
        self.whole = timeline
        self.timeline = TimelineView(timeline)
        """As far as it is shown."""
        self.playback = Playback(timeline.moments, at_rest=at_rest)
        self.columns = Columns(timeline.moments)
        self.follow = True
        """Stay on the newest column."""
        self.order = Order.SEEN
        self.query = ""
        """The filter over names."""
        self.mark_column: int | None = None
        """The moment that a diff compares with."""
        self.recording = False
        """The session is being written into a file."""
        self.about: About | None = None
        """Of the recording that is shown; ``None``: it is none."""
        self.poll: float | None = None
        """Seconds between two looks while no cell runs; ``None``: there are none."""
        self.revision = 0
        """Counts what changes the picture, the cursor's moves excluded."""
        self._unfolded: frozenset[str] = frozenset()
        self._key: Key | None = None
        self._row_picked = False
        """The reader picked a row; until then the cursor goes where something happens."""
        self._column = 0
        self.lines: tuple[GridLine, ...] = ()
        self.update()

    def update(self) -> None:
        """Take in what the timeline has got since, and where its playing is."""
        self.revision += 1
        self._show_as_far_as_it_is_played()
        self.lines = grid_lines(self.timeline, self._unfolded, self.query, self.order)
        if self.lines and self._key not in {line.key for line in self.lines}:
            nearest = next(
                (line.key for line in self.lines if self._key and line.key.row == self._key.row), None
            )
            self._key = nearest or self.lines[0].key
        if self.follow and not self._row_picked:
            self._go_where_it_happens()

    def _show_as_far_as_it_is_played(self) -> None:
        count = self.playback.shown
        if count is None and self.timeline.is_live:
            return
        self.timeline = TimelineView(self.whole, count)
        self.columns = Columns(self.timeline.moments, self.columns.cell)
        if self.mark_column is not None and self.mark_column >= self.columns.count:
            self.mark_column = None

    def _go_where_it_happens(self) -> None:
        here = {line.key for line in self.lines}
        for change in self.moment.changes if self.moment else ():
            if Key(change.name) in here:
                self._key = Key(change.name)
                return

    # Where the cursor is.

    @property
    def line_index(self) -> int:
        """The cursor's line; 0 where there is none."""
        return next((i for i, line in enumerate(self.lines) if line.key == self._key), 0)

    @property
    def line(self) -> GridLine | None:
        """The line that the cursor is on."""
        return self.lines[self.line_index] if self.lines else None

    @property
    def row(self) -> str | None:
        """The name of the row that the cursor is on, or in."""
        return self._key.row if self._key and self.lines else None

    @property
    def column(self) -> int:
        """The cursor's column; in follow mode always the newest."""
        newest = max(0, self.columns.count - 1)
        return newest if self.follow else min(self._column, newest)

    @property
    def moment(self) -> Moment | None:
        """The moment that the cursor is on."""
        return self.timeline.moments[self.column] if self.timeline.moments else None

    @property
    def run(self) -> Run | None:
        """The run of that moment, if it is one."""
        return self.moment.run if self.moment else None

    @property
    def held(self) -> TrackEntry | None:
        """What the selected row holds at the selected moment."""
        return self.timeline.entry_at(self.row, self.column) if self.row is not None else None

    @property
    def change(self) -> Change | None:
        """What the selected moment did to the selected row."""
        return self.timeline.change_at(self.row, self.column) if self.row is not None else None

    # Moves.

    def move_lines(self, by: int) -> None:
        """Down, or up where ``by`` is negative."""
        if self.lines:
            self._row_picked = True
            place = max(0, min(len(self.lines) - 1, self.line_index + by))
            self._key = self.lines[place].key

    def move_columns(self, by: int) -> None:
        """Towards the newest, or back; ends follow mode."""
        self.go_to(self.column + by)

    def go_to(self, column: int) -> None:
        """To a column, or the nearest there is; ends follow mode."""
        self._column = max(0, min(self.columns.count - 1, column))
        self.follow = False

    def go_live(self) -> None:
        """To the newest column, and stay there; what was paused goes on."""
        self.follow = True
        self.playback.end()
        self.update()

    def select(self, key: Key) -> None:
        """To a line, if it is there."""
        if any(line.key == key for line in self.lines):
            self._row_picked = True
            self._key = key

    def next_name(self, by: int) -> None:
        """To the next name, and round; hyper-parameters and parts are passed over."""
        names = [i for i, line in enumerate(self.lines) if line.depth == 0]
        if not names:
            return
        if by > 0:
            place = bisect_right(names, self.line_index) % len(names)
        else:
            place = bisect_left(names, self.line_index) - 1
        self._row_picked = True
        self._key = self.lines[names[place]].key

    def next_change(self, by: int) -> bool:
        """To the next change in the row, or the one before; says whether there is one."""
        if self.row is None:
            return False
        track = self.timeline.track(self.row)
        return _jump(self, [h.moment for h in track if h.change is not None], by)

    def next_run(self, by: int) -> bool:
        """To the next moment that changed anything, or the one before."""
        return _jump(self, [m.index for m in self.timeline.moments if m.changes], by)

    # What changes the picture.

    def unfold(self, open_: bool | None = None) -> None:
        """Show or hide what is under the row; ``None`` turns it over."""
        line = self.line
        if line is None or not (line.foldable or line.key.param is not None):
            return
        row = line.key.row
        want = row not in self._unfolded if open_ is None else open_
        self._unfolded = self._unfolded | {row} if want else self._unfolded - {row}
        if line.key.param is not None and not want:
            self._key = Key(row)
        self.update()

    def filter(self, query: str) -> None:
        """Only names and classes that have ``wanted`` in them."""
        self.query = query
        self.update()

    def sort(self) -> None:
        """The next of the orders."""
        orders = list(Order)
        self.order = orders[(orders.index(self.order) + 1) % len(orders)]
        self.update()

    def zoom(self) -> None:
        """The next column width."""
        place = ZOOMS.index(self.columns.cell)
        self.columns.cell = ZOOMS[(place + 1) % len(ZOOMS)]
        self.revision += 1

    def mark(self) -> None:
        """Mark the moment for the diff; a second time on the same one takes the mark away."""
        self.mark_column = None if self.mark_column == self.column else self.column
        self.revision += 1


def _jump(view: ViewState, columns: Sequence[int], by: int) -> bool:
    """Go to the next of these columns, or the one before; says whether there is one."""
    place = bisect_right(columns, view.column) if by > 0 else bisect_left(columns, view.column) - 1
    if not 0 <= place < len(columns):
        return False
    view.go_to(columns[place])
    return True


def moving_rows(timeline: TimelineView) -> frozenset[str]:
    """Rows that are seen to change while a cell still runs."""
    progress = timeline.progress
    return frozenset(movement.name for movement in progress.moved) if progress is not None else frozenset()
