"""The first screen: the timeline, its sentence, and on wide terminals the inspector."""

from __future__ import annotations

import re
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Horizontal, Vertical

from kernelscope.tui.commands import TIMELINE, bindings
from kernelscope.tui.ink import tell
from kernelscope.tui.model.board import Board
from kernelscope.tui.model.said import Said, line
from kernelscope.tui.screens.base import CommandScreen
from kernelscope.tui.views.header import empty
from kernelscope.tui.views.sentence import sentence
from kernelscope.tui.widgets.bars import Banner, HeaderBar, Legend
from kernelscope.tui.widgets.filtering import FilterInput
from kernelscope.tui.widgets.grid import Grid
from kernelscope.tui.widgets.panes import Inspector, Sentence
from kernelscope.tui.widgets.told import Told

if TYPE_CHECKING:
    from textual.binding import BindingType
    from textual.widget import Widget
    from textual.widgets import Input


_FRAME = 1 / 30
"""Seconds between two looks at whether another moment of a recording is due."""
_SEEK = re.compile(r"(?:(?:seek|go\s?to)\s*)?(?:(?P<epoch>\d{1,6}):)?(?P<count>\d{1,9})")


class TimelineScreen(CommandScreen[None]):
    """Moves on a ``Board`` and shows it."""

    COMMANDS_HERE = TIMELINE
    BINDINGS: ClassVar[list[BindingType]] = bindings("timeline", TIMELINE)

    def __init__(self, board: Board, title: str | None = None) -> None:
        super().__init__(id="timeline")
        self.board = board
        self._title = title
        self._ticked = 0.0

    def on_mount(self) -> None:
        """What a recording is played by stands still until it plays."""
        self._ticks = self.set_interval(_FRAME, self._tick, pause=True)

    def body(self) -> Sequence[Widget]:
        """See ``CommandScreen``."""
        upper = Vertical(Grid(self.board), Told(id="empty"), id="upper")
        filter_ = FilterInput(line(Said("only names or classes with …")), id="filter")
        return (
            HeaderBar(self.board, self._title),
            Banner(self.board),
            Horizontal(upper, Inspector(self.board), id="middle"),
            filter_,
            Sentence(self.board),
            Legend(self.board),
        )

    def refresh_view(self) -> None:
        """Show the board as it is now."""
        rows = bool(self.board.lines)
        grid, nothing = self.query_one(Grid), self.query_one("#empty", Told)
        grid.display, nothing.display = rows, not rows
        if not rows:
            nothing.tell(empty(self.board))
        grid.show()
        self.query_one(HeaderBar).refresh()
        self.query_one(Banner).show()
        self.query_one(Sentence).show()
        self.query_one(Inspector).show()
        self.query_one(Legend).refresh()

    def recolour(self) -> None:
        """Draw in the colours of the new theme."""
        self.query_one(Grid).recolour()
        self.refresh_view()

    def on_screen_resume(self) -> None:
        """The board may have moved meanwhile."""
        self.refresh_view()

    def on_grid_picked(self) -> None:
        """The mouse moved the cursor."""
        self.refresh_view()

    # Moves.

    def action_left(self) -> None:
        """One run back."""
        self.board.move_columns(-1)
        self.refresh_view()

    def action_right(self) -> None:
        """One run on."""
        self.board.move_columns(1)
        self.refresh_view()

    def action_up(self) -> None:
        """One line up."""
        self.board.move_lines(-1)
        self.refresh_view()

    def action_down(self) -> None:
        """One line down."""
        self.board.move_lines(1)
        self.refresh_view()

    def action_page_down(self) -> None:
        """Half a screen down."""
        self.board.move_lines(self.query_one(Grid).page)
        self.refresh_view()

    def action_page_up(self) -> None:
        """Half a screen up."""
        self.board.move_lines(-self.query_one(Grid).page)
        self.refresh_view()

    def action_top(self) -> None:
        """To the first line."""
        self.board.move_lines(-len(self.board.lines))
        self.refresh_view()

    def action_bottom(self) -> None:
        """To the last line."""
        self.board.move_lines(len(self.board.lines))
        self.refresh_view()

    def action_first(self) -> None:
        """To the first column."""
        self.board.go_to(0)
        self.refresh_view()

    def action_live(self) -> None:
        """To the newest column, and stay there."""
        self.board.go_live()
        self.refresh_view()

    # How the moments come.

    def action_pause(self) -> None:
        """Or on."""
        self.board.playback.toggle()
        self._played()

    def action_step(self) -> None:
        """One moment more."""
        self.board.playback.step(1)
        self._played()

    def action_step_back(self) -> None:
        """One moment less."""
        self.board.playback.step(-1)
        self._played()

    def spoken(self, query: str) -> tuple[str, str] | None:
        """``seek 42``, ``42`` or, in the second epoch, ``seek 2:42``."""
        found = _SEEK.fullmatch(query.strip())
        if found is None:
            return None
        epoch, count = found["epoch"], int(found["count"])
        where = f" of epoch {epoch}" if epoch else ""
        return f"seek({count}, {epoch or None})", f"Show what was known after In [{count}]{where}"

    def action_seek(self, execution_count: int, epoch: int | None = None) -> None:
        """What was known after that run."""
        if not self.board.playback.seek(execution_count, epoch):
            tell(self, line(Said(f"There is no In [{execution_count}] here")), seconds=4)
        self._played()

    def action_faster(self) -> None:
        """The next speed."""
        self.board.playback.faster(1)
        self.refresh_view()

    def action_slower(self) -> None:
        """The speed before."""
        self.board.playback.faster(-1)
        self.refresh_view()

    def play(self) -> None:
        """From where it is, or from the start."""
        self.board.playback.play()
        self._played()

    def _played(self) -> None:
        self.board.follow = True
        self.board.update()
        if self.board.playback.playing:
            self._ticked = monotonic()
            self._ticks.resume()
        else:
            self._ticks.pause()
        self.refresh_view()

    def _tick(self) -> None:
        now = monotonic()
        passed, self._ticked = now - self._ticked, now
        if self.board.playback.advance(passed):
            self._played()

    def action_next_change(self) -> None:
        """Within the row."""
        self._jumped(self.board.next_change(1), "No later change in this row")

    def action_previous_change(self) -> None:
        """Within the row."""
        self._jumped(self.board.next_change(-1), "No earlier change in this row")

    def action_next_run(self) -> None:
        """Whatever row it changed."""
        self._jumped(self.board.next_run(1), "No later run changed a model")

    def action_previous_run(self) -> None:
        """Whatever row it changed."""
        self._jumped(self.board.next_run(-1), "No earlier run changed a model")

    def action_next_name(self) -> None:
        """Round and round."""
        self.board.next_name(1)
        self.refresh_view()

    def action_previous_name(self) -> None:
        """Round and round."""
        self.board.next_name(-1)
        self.refresh_view()

    def _jumped(self, found: bool, otherwise: str) -> None:
        if not found:
            tell(self, line(Said(otherwise)), seconds=2)
        self.refresh_view()

    # What changes the picture.

    def action_unfold(self) -> None:
        """Hyper-parameters and parts of the row."""
        self.board.unfold()
        self.refresh_view()

    def action_mark(self) -> None:
        """For the diff."""
        self.board.mark()
        self.refresh_view()

    def action_zoom(self) -> None:
        """Other column widths."""
        self.board.zoom()
        self.refresh_view()

    def action_sort(self) -> None:
        """The next order."""
        self.board.sort()
        tell(self, line(Said(f"Sorted by {self.board.order}")), seconds=2)
        self.refresh_view()

    def action_filter(self) -> None:
        """Opens the line to type in."""
        self.query_one(FilterInput).open(self.board.wanted)

    def action_drop_filter(self) -> None:
        """Shows all names again."""
        self.query_one(FilterInput).value = ""
        self.board.filter("")
        self._close_filter()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while typing."""
        self.board.filter(event.value)
        self.refresh_view()

    def on_input_submitted(self) -> None:
        """Enter in the line that is typed in."""
        self._close_filter()

    def _close_filter(self) -> None:
        self.query_one(FilterInput).display = False
        self.set_focus(None)
        self.refresh_view()

    # Other screens.

    def action_evidence(self) -> None:
        """What happened here, and why we know."""
        self.guide.open_evidence()

    def action_value(self) -> None:
        """All parameters and the learned state."""
        self.guide.open_evidence("parameters")

    def action_diff(self) -> None:
        """Two moments side by side."""
        self.guide.open_diff()

    def action_cells(self) -> None:
        """A row per cell."""
        self.guide.open_cells()

    def action_record(self) -> None:
        """Begins or ends."""
        self.guide.toggle_recording()

    def action_export(self) -> None:
        """Asks in which form."""
        self.guide.open_export()

    def action_cost(self) -> None:
        """What is asked of the kernel."""
        self.guide.open_cost()

    def action_poll(self) -> None:
        """Asks before anything changes in the kernel."""
        self.guide.offer_poll()

    def action_copy(self) -> None:
        """The sentence and its evidence."""
        self.guide.copy_lines(sentence(self.board))

    async def action_back(self) -> None:
        """From the first screen there is no way back but out."""
        if self.board.wanted:
            self.action_drop_filter()
            return
        await self.app.action_quit()
