"""The first screen: the timeline, its sentence, and on wide terminals the inspector."""

from __future__ import annotations

import re
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Horizontal, Vertical

from kernelscope.tui.commands import TIMELINE, bindings
from kernelscope.tui.render import show_notice
from kernelscope.tui.screens.base import CommandScreen
from kernelscope.tui.state.spans import Span, line
from kernelscope.tui.state.view_state import ViewState
from kernelscope.tui.views.header import empty
from kernelscope.tui.views.sentence import sentence
from kernelscope.tui.widgets.bars import Banner, HeaderBar, Legend
from kernelscope.tui.widgets.filter_input import FilterInput
from kernelscope.tui.widgets.grid import Grid
from kernelscope.tui.widgets.panes import Inspector, Sentence
from kernelscope.tui.widgets.text import TextPane

if TYPE_CHECKING:
    from textual.binding import BindingType
    from textual.widget import Widget
    from textual.widgets import Input


_FRAME = 1 / 30
"""Seconds between two looks at whether another moment of a recording is due."""
_SEEK = re.compile(r"(?:(?:seek|go\s?to)\s*)?(?:(?P<epoch>\d{1,6}):)?(?P<count>\d{1,9})")


class TimelineScreen(CommandScreen[None]):
    """Moves on a ``ViewState`` and shows it."""

    COMMANDS_HERE = TIMELINE
    BINDINGS: ClassVar[list[BindingType]] = bindings("timeline", TIMELINE)

    def __init__(self, view: ViewState, title: str | None = None) -> None:
        super().__init__(id="timeline")
        self.view = view
        self._title = title
        self._ticked = 0.0

    def on_mount(self) -> None:
        """What a recording is played by stands still until it plays."""
        self._ticks = self.set_interval(_FRAME, self._tick, pause=True)

    def body(self) -> Sequence[Widget]:
        """See ``CommandScreen``."""
        upper = Vertical(Grid(self.view), TextPane(id="empty"), id="upper")
        filter_ = FilterInput(line(Span("only names or classes with …")), id="filter")
        return (
            HeaderBar(self.view, self._title),
            Banner(self.view),
            Horizontal(upper, Inspector(self.view), id="middle"),
            filter_,
            Sentence(self.view),
            Legend(self.view),
        )

    def refresh_view(self) -> None:
        """Show the view as it is now."""
        rows = bool(self.view.lines)
        grid, nothing = self.query_one(Grid), self.query_one("#empty", TextPane)
        grid.display, nothing.display = rows, not rows
        if not rows:
            nothing.show_lines(empty(self.view))
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
        """The view may have moved meanwhile."""
        self.refresh_view()

    def on_grid_picked(self) -> None:
        """The mouse moved the cursor."""
        self.refresh_view()

    # Moves.

    def action_left(self) -> None:
        """One run back."""
        self.view.move_columns(-1)
        self.refresh_view()

    def action_right(self) -> None:
        """One run on."""
        self.view.move_columns(1)
        self.refresh_view()

    def action_up(self) -> None:
        """One line up."""
        self.view.move_lines(-1)
        self.refresh_view()

    def action_down(self) -> None:
        """One line down."""
        self.view.move_lines(1)
        self.refresh_view()

    def action_page_down(self) -> None:
        """Half a screen down."""
        self.view.move_lines(self.query_one(Grid).page)
        self.refresh_view()

    def action_page_up(self) -> None:
        """Half a screen up."""
        self.view.move_lines(-self.query_one(Grid).page)
        self.refresh_view()

    def action_top(self) -> None:
        """To the first line."""
        self.view.move_lines(-len(self.view.lines))
        self.refresh_view()

    def action_bottom(self) -> None:
        """To the last line."""
        self.view.move_lines(len(self.view.lines))
        self.refresh_view()

    def action_first(self) -> None:
        """To the first column."""
        self.view.go_to(0)
        self.refresh_view()

    def action_live(self) -> None:
        """To the newest column, and stay there."""
        self.view.go_live()
        self.refresh_view()

    # How the moments come.

    def action_pause(self) -> None:
        """Or on."""
        self.view.playback.toggle()
        self._played()

    def action_step(self) -> None:
        """One moment more."""
        self.view.playback.step(1)
        self._played()

    def action_step_back(self) -> None:
        """One moment less."""
        self.view.playback.step(-1)
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
        if not self.view.playback.seek(execution_count, epoch):
            show_notice(self, line(Span(f"There is no In [{execution_count}] here")), seconds=4)
        self._played()

    def action_faster(self) -> None:
        """The next speed."""
        self.view.playback.faster(1)
        self.refresh_view()

    def action_slower(self) -> None:
        """The speed before."""
        self.view.playback.faster(-1)
        self.refresh_view()

    def play(self) -> None:
        """From where it is, or from the start."""
        self.view.playback.play()
        self._played()

    def _played(self) -> None:
        self.view.follow = True
        self.view.update()
        if self.view.playback.playing:
            self._ticked = monotonic()
            self._ticks.resume()
        else:
            self._ticks.pause()
        self.refresh_view()

    def _tick(self) -> None:
        now = monotonic()
        passed, self._ticked = now - self._ticked, now
        if self.view.playback.advance(passed):
            self._played()

    def action_next_change(self) -> None:
        """Within the row."""
        self._jumped(self.view.next_change(1), "No later change in this row")

    def action_previous_change(self) -> None:
        """Within the row."""
        self._jumped(self.view.next_change(-1), "No earlier change in this row")

    def action_next_run(self) -> None:
        """Whatever row it changed."""
        self._jumped(self.view.next_run(1), "No later run changed a model")

    def action_previous_run(self) -> None:
        """Whatever row it changed."""
        self._jumped(self.view.next_run(-1), "No earlier run changed a model")

    def action_next_name(self) -> None:
        """Round and round."""
        self.view.next_name(1)
        self.refresh_view()

    def action_previous_name(self) -> None:
        """Round and round."""
        self.view.next_name(-1)
        self.refresh_view()

    def _jumped(self, found: bool, otherwise: str) -> None:
        if not found:
            show_notice(self, line(Span(otherwise)), seconds=2)
        self.refresh_view()

    # What changes the picture.

    def action_unfold(self) -> None:
        """Hyper-parameters and parts of the row."""
        self.view.unfold()
        self.refresh_view()

    def action_mark(self) -> None:
        """For the diff."""
        self.view.mark()
        self.refresh_view()

    def action_zoom(self) -> None:
        """Other column widths."""
        self.view.zoom()
        self.refresh_view()

    def action_sort(self) -> None:
        """The next order."""
        self.view.sort()
        show_notice(self, line(Span(f"Sorted by {self.view.order}")), seconds=2)
        self.refresh_view()

    def action_filter(self) -> None:
        """Opens the line to type in."""
        self.query_one(FilterInput).open(self.view.wanted)

    def action_drop_filter(self) -> None:
        """Shows all names again."""
        self.query_one(FilterInput).value = ""
        self.view.filter("")
        self._close_filter()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while typing."""
        self.view.filter(event.value)
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
        self.navigator.open_evidence()

    def action_value(self) -> None:
        """All parameters and the learned state."""
        self.navigator.open_evidence("parameters")

    def action_diff(self) -> None:
        """Two moments side by side."""
        self.navigator.open_diff()

    def action_cells(self) -> None:
        """A row per cell."""
        self.navigator.open_cells()

    def action_record(self) -> None:
        """Begins or ends."""
        self.navigator.toggle_recording()

    def action_export(self) -> None:
        """Asks in which form."""
        self.navigator.open_export()

    def action_cost(self) -> None:
        """What is asked of the kernel."""
        self.navigator.open_cost()

    def action_poll(self) -> None:
        """Asks before anything changes in the kernel."""
        self.navigator.offer_poll()

    def action_copy(self) -> None:
        """The sentence and its evidence."""
        self.navigator.copy_lines(sentence(self.view))

    async def action_back(self) -> None:
        """From the first screen there is no way back but out."""
        if self.view.wanted:
            self.action_drop_filter()
            return
        await self.app.action_quit()
