"""The base of all screens: commands, footer, palette, help, and how one screen reaches another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, runtime_checkable

from textual.containers import Vertical
from textual.screen import Screen

from kernelscope.tui.commands.base import RunsCommands
from kernelscope.tui.state.spans import Line
from kernelscope.tui.views.header import too_small_line
from kernelscope.tui.widgets.bars import CommandBar
from kernelscope.tui.widgets.text import TextPane

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widget import Widget

SMALLEST = (60, 12)
"""Terminal cells and lines; a smaller terminal gets one line that says so."""


class Navigator(Protocol):
    """Opens screens, and starts the tasks that belong to none; keeps screens from importing one another."""

    def open_evidence(self, tab: str = "happened") -> None:
        """Open the evidence for the selected change."""

    def open_diff(self) -> None:
        """Open the comparison for the selected row."""

    def open_cells(self) -> None:
        """Open the list of cells."""

    def open_cost(self) -> None:
        """Open the costs."""

    def offer_poll(self) -> None:
        """Ask whether to start or stop polling between runs."""

    def toggle_recording(self) -> None:
        """Start or stop recording."""

    def open_export(self) -> None:
        """Ask for a format, then export the timeline."""

    def show_run(self, index: int) -> None:
        """Return to the timeline, with the cursor at this moment."""

    def copy_lines(self, lines: Sequence[Line]) -> None:
        """Copy lines to the clipboard, and to a file."""


@runtime_checkable
class HasNavigator(Protocol):
    """The part of the app that screens know."""

    navigator: Navigator


Answer = TypeVar("Answer")


class CommandScreen(RunsCommands, Screen[Answer], Generic[Answer]):
    """A screen whose keys, footer, palette and help come from ``COMMANDS_HERE``."""

    AUTO_FOCUS = ""

    def compose(self) -> ComposeResult:
        """Put the body above the footer, with the notice for small terminals."""
        yield TextPane(id="too-small")
        yield Vertical(*self.body(), CommandBar(self.COMMANDS_HERE), id="all")

    def body(self) -> Sequence[Widget]:
        """The widgets above the footer, top to bottom."""
        return ()

    def refresh_view(self) -> None:
        """Redraw after the timeline or the reader's place has changed."""

    def action_for(self, query: str) -> tuple[str, str] | None:
        """Parse text typed in the palette into an action and its help; ``None`` if it is no action."""

    def recolour(self) -> None:
        """Redraw after the theme has changed."""
        self.refresh_view()

    def on_resize(self) -> None:
        """Adapt the layout to the size of the terminal."""
        width, height = self.app.size
        small = width < SMALLEST[0] or height < SMALLEST[1]
        self.set_class(small, "-too-small")
        self.set_class(height < 20, "-low")
        self.set_class(width >= 110, "-wide")
        self.query_one("#too-small", TextPane).show_lines([too_small_line(width, height)])
        self.call_after_refresh(self.refresh_view)

    @property
    def navigator(self) -> Navigator:
        """The app's navigator."""
        if not isinstance(self.app, HasNavigator):
            raise TypeError(type(self.app))
        return self.app.navigator

    async def go_back(self) -> None:
        """Close this screen."""
        self.app.pop_screen()
