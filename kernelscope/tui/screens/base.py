"""What every screen has: its commands, a footer made of them, the palette, the help, the theme."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, runtime_checkable

from textual.containers import Vertical
from textual.screen import Screen

from kernelscope.tui.commands.base import RunsCommands
from kernelscope.tui.state.spans import Line
from kernelscope.tui.views.header import too_small
from kernelscope.tui.widgets.bars import CommandBar
from kernelscope.tui.widgets.text import TextPane

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widget import Widget

SMALLEST = (60, 12)
"""Cells and lines below which there is only one line that says so."""


class Navigator(Protocol):
    """Leads from one screen to another."""

    def open_evidence(self, tab: str = "happened") -> None:
        """Of the change that the cursor is on."""

    def open_diff(self) -> None:
        """Of the row that the cursor is on."""

    def open_cells(self) -> None:
        """All cells."""

    def open_cost(self) -> None:
        """What kernelscope costs the kernel."""

    def offer_poll(self) -> None:
        """Ask whether to start, or to stop, looking between runs."""

    def toggle_recording(self) -> None:
        """Start or stop recording."""

    def open_export(self) -> None:
        """Ask in which form to write the timeline."""

    def show_run(self, index: int) -> None:
        """The timeline, at this moment."""

    def copy_lines(self, lines: Sequence[Line]) -> None:
        """Out of the terminal."""


@runtime_checkable
class HasNavigator(Protocol):
    """The app, as far as screens know it."""

    navigator: Navigator


Answer = TypeVar("Answer")


class CommandScreen(RunsCommands, Screen[Answer], Generic[Answer]):
    """A screen whose keys, footer, palette and help come from one list."""

    AUTO_FOCUS = ""

    def compose(self) -> ComposeResult:
        """The widgets, top to bottom."""
        yield TextPane(id="too-small")
        yield Vertical(*self.body(), CommandBar(self.COMMANDS_HERE), id="all")

    def body(self) -> Sequence[Widget]:
        """What stands between the top and the footer."""
        return ()

    def refresh_view(self) -> None:
        """The timeline got longer, or the reader moved."""

    def action_for(self, query: str) -> tuple[str, str] | None:
        """The action that words in the palette stand for, and what it does; ``None`` where they stand for none."""

    def recolour(self) -> None:
        """The theme is another one."""
        self.refresh_view()

    def on_resize(self) -> None:
        """Another size may show other things."""
        width, height = self.app.size
        small = width < SMALLEST[0] or height < SMALLEST[1]
        self.set_class(small, "-too-small")
        self.set_class(height < 20, "-low")
        self.set_class(width >= 110, "-wide")
        self.query_one("#too-small", TextPane).show_lines([too_small(width, height)])
        self.call_after_refresh(self.refresh_view)

    @property
    def navigator(self) -> Navigator:
        """Leads to other screens."""
        if not isinstance(self.app, HasNavigator):
            raise TypeError(type(self.app))
        return self.app.navigator

    async def go_back(self) -> None:
        """One screen back."""
        self.app.pop_screen()
