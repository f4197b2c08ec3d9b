"""The first screen: the timeline, its sentence, and on wide terminals the inspector."""

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
from kernelscope.tui.views.header import empty
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

    @property
    def page(self) -> int:
        """Half a screen, in lines."""
        return self.query_one(Grid).page

    def show_jump(self, moved: bool, otherwise: str) -> None:
        """Show where the cursor is, or say that there was nowhere to go."""
        if not moved:
            show_notice(self, line(Span(otherwise)), seconds=2)
        self.refresh_view()

    # Playing a recording.

    def action_for(self, query: str) -> tuple[str, str] | None:
        """``seek 42``, ``42`` or, in the second epoch, ``seek 2:42``."""
        match = _SEEK.fullmatch(query.strip())
        if match is None:
            return None
        epoch, count = match["epoch"], int(match["count"])
        where = f" of epoch {epoch}" if epoch else ""
        return f"seek({count}, {epoch or None})", f"Show what was known after In [{count}]{where}"

    def action_seek(self, execution_count: int, epoch: int | None = None) -> None:
        """What was known after that run."""
        if not self.view.playback.seek(execution_count, epoch):
            show_notice(self, line(Span(f"There is no In [{execution_count}] here")), seconds=4)
        self.show_playback()

    def play(self) -> None:
        """From where it is, or from the start."""
        self.view.playback.play()
        self.show_playback()

    def show_playback(self) -> None:
        """Show as far as the recording has been played."""
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
            self.show_playback()

    # The filter.

    def open_filter(self) -> None:
        """Open the line to type in."""
        self.query_one(FilterInput).open(self.view.query)

    def action_drop_filter(self) -> None:
        """Show all names again."""
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

    async def go_back(self) -> None:
        """From the first screen there is no way back but out."""
        if self.view.query:
            self.action_drop_filter()
            return
        await self.app.action_quit()
