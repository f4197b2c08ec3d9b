"""What every screen has: its commands, a footer made of them, the palette, the help, the theme."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar, runtime_checkable

from textual.containers import Vertical
from textual.screen import Screen

from kernelscope.tui.commands import Command
from kernelscope.tui.screens.help import HelpScreen
from kernelscope.tui.state.spans import Line
from kernelscope.tui.views.header import too_small
from kernelscope.tui.widgets.bars import CommandBar
from kernelscope.tui.widgets.text import TextPane

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widget import Widget

SMALLEST = (60, 12)
"""Cells and lines below which there is only one line that says so."""


@runtime_checkable
class Navigator(Protocol):
    """Where screens lead: the app, as far as screens may know it."""

    def open_evidence(self, tab: str = "happened") -> None:
        """Of the change that the cursor is on."""

    def open_diff(self) -> None:
        """Of the row that the cursor is on."""

    def open_cells(self) -> None:
        """All cells."""

    def open_cost(self) -> None:
        """What kernelscope costs the kernel."""

    def offer_poll(self) -> None:
        """Asks whether to look between runs, or whether to stop doing so."""

    def toggle_recording(self) -> None:
        """Writes the session into a file, or no more."""

    def open_export(self) -> None:
        """Asks in which form to write the timeline."""

    def show_run(self, index: int) -> None:
        """The timeline, at this moment."""

    def copy_lines(self, lines: Sequence[Line]) -> None:
        """Out of the terminal."""


Answer = TypeVar("Answer")


class CommandScreen(Screen[Answer], Generic[Answer]):
    """A screen whose keys, footer, palette and help come from one list."""

    COMMANDS_HERE: ClassVar[Sequence[Command]] = ()
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

    def spoken(self, query: str) -> tuple[str, str] | None:
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
        """The app, for going to another screen."""
        if not isinstance(self.app, Navigator):
            raise TypeError(type(self.app))
        return self.app

    # What COMMON names.

    def action_palette(self) -> None:
        """Textual's palette, with the commands of this screen."""
        self.app.action_command_palette()

    def action_help(self) -> None:
        """All commands of this screen, to be searched and run."""

        def run(chosen: str | None) -> None:
            if chosen is not None:
                self.call_later(self.run_action, chosen)

        self.app.push_screen(HelpScreen(self.COMMANDS_HERE), run)

    def action_theme(self) -> None:
        """Dark to light, and back."""
        dark = self.app.current_theme.dark
        self.app.theme = "kernelscope-light" if dark else "kernelscope-dark"

    def action_suspend(self) -> None:
        """Where the terminal can do so."""
        self.app.action_suspend_process()

    async def action_back(self) -> None:
        """One screen back."""
        self.app.pop_screen()
