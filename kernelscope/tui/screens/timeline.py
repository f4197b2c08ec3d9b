"""The main screen: the timeline, its sentence and, on wide terminals, the inspector."""

from __future__ import annotations

import re
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Horizontal, Vertical

from kernelscope.tui.commands.base import bindings
from kernelscope.tui.commands.timeline import TIMELINE
from kernelscope.tui.render import show_notice
from kernelscope.tui.screens.base import CommandScreen
from kernelscope.tui.state.spans import Span, line
from kernelscope.tui.state.view_state import ViewState
from kernelscope.tui.views.header import empty_lines
from kernelscope.tui.widgets.bars import Banner, HeaderBar, Legend
from kernelscope.tui.widgets.filter_input import FilterInput
from kernelscope.tui.widgets.grid import Grid
from kernelscope.tui.widgets.panes import Inspector, Sentence
from kernelscope.tui.widgets.text import TextPane

if TYPE_CHECKING:
    from textual.binding import BindingType
    from textual.widget import Widget
    from textual.widgets import Input


_FRAME_S = 1 / 30
"""Seconds between two checks whether the next moment of a recording is due."""
_SEEK = re.compile(r"(?:(?:seek|go\s?to)\s*)?(?:(?P<epoch>\d{1,6}):)?(?P<count>\d{1,9})")


class TimelineScreen(CommandScreen[None]):
    """Shows a ``ViewState``; its commands move the cursor."""

    COMMANDS_HERE = TIMELINE
    BINDINGS: ClassVar[list[BindingType]] = bindings("timeline", TIMELINE)

    def __init__(self, view: ViewState, title: str | None = None) -> None:
        super().__init__(id="timeline")
        self.view = view
        self._title = title
        self._ticked = 0.0

    def on_mount(self) -> None:
        """Create the clock that plays recordings, paused."""
        self._clock = self.set_interval(_FRAME_S, self._tick, pause=True)

    def body(self) -> Sequence[Widget]:
        """Header, banner, grid, inspector, filter, sentence and legend: see ``CommandScreen``."""
        upper = Vertical(Grid(self.view), TextPane(id="empty"), id="upper")
        filter_ = FilterInput(line(Span("filter by name or class · enter keeps · esc clears")), id="filter")
        return (
            HeaderBar(self.view, self._title),
            Banner(self.view),
            Horizontal(upper, Inspector(self.view), id="middle"),
            filter_,
            Sentence(self.view),
            Legend(self.view),
        )

    def refresh_view(self) -> None:
        """Redraw every widget from the view."""
        has_rows = bool(self.view.lines)
        grid, empty = self.query_one(Grid), self.query_one("#empty", TextPane)
        grid.display, empty.display = has_rows, not has_rows
        if not has_rows:
            empty.show_lines(empty_lines(self.view))
        grid.show()
        self.query_one(HeaderBar).refresh()
        self.query_one(Banner).show()
        self.query_one(Sentence).show()
        self.query_one(Inspector).show()
        self.query_one(Legend).refresh()

    def recolour(self) -> None:
        """Redraw in the colours of the new theme."""
        self.query_one(Grid).recolour()
        self.refresh_view()

    def on_screen_resume(self) -> None:
        """Redraw after another screen closed: it may have moved the cursor."""
        self.refresh_view()

    def on_grid_picked(self) -> None:
        """Redraw after the mouse moved the cursor."""
        self.refresh_view()

    @property
    def page(self) -> int:
        """Half the height of the grid, in lines."""
        return self.query_one(Grid).page

    def show_jump(self, has_moved: bool, excuse: str) -> None:
        """Redraw after a jump; if the cursor has not moved, say why."""
        if not has_moved:
            show_notice(self, line(Span(excuse)), seconds=2)
        self.refresh_view()

    # Playing a recording.

    def action_for(self, query: str) -> tuple[str, str] | None:
        """Parse ``seek 42``, ``42`` or, for a run of the second epoch, ``seek 2:42``."""
        match = _SEEK.fullmatch(query.strip())
        if match is None:
            return None
        epoch, count = match["epoch"], int(match["count"])
        where = f" of epoch {epoch}" if epoch else ""
        return f"seek({count}, {epoch or None})", f"Show the timeline as of In [{count}]{where}"

    def action_seek(self, execution_count: int, epoch: int | None = None) -> None:
        """Show the timeline as it was after a run."""
        if not self.view.playback.seek(execution_count, epoch):
            show_notice(self, line(Span(f"This timeline has no In [{execution_count}]")), seconds=4)
        self.show_playback()

    def play(self) -> None:
        """Play the recording from here; at its end, from the start."""
        self.view.playback.play()
        self.show_playback()

    def show_playback(self) -> None:
        """Redraw after the playback has moved, paused or resumed."""
        self.view.follow = True
        self.view.update()
        if self.view.playback.playing:
            self._ticked = monotonic()
            self._clock.resume()
        else:
            self._clock.pause()
        self.refresh_view()

    def _tick(self) -> None:
        now = monotonic()
        passed, self._ticked = now - self._ticked, now
        if self.view.playback.advance(passed):
            self.show_playback()

    # The filter.

    def open_filter(self) -> None:
        """Show the filter field."""
        self.query_one(FilterInput).open(self.view.query)

    def action_clear_filter(self) -> None:
        """Clear the filter and hide its field."""
        self.query_one(FilterInput).value = ""
        self.view.filter("")
        self._close_filter()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while typing."""
        self.view.filter(event.value)
        self.refresh_view()

    def on_input_submitted(self) -> None:
        """Keep the filter."""
        self._close_filter()

    def _close_filter(self) -> None:
        self.query_one(FilterInput).display = False
        self.set_focus(None)
        self.refresh_view()

    async def go_back(self) -> None:
        """Clear the filter; without one, quit."""
        if self.view.query:
            self.action_clear_filter()
            return
        await self.app.action_quit()
