"""The base of both apps: themes, palette, keys, filters for everything drawn, and an orderly exit."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from textual.app import App
from textual.binding import Binding, BindingType

from kernelscope.presentation.colours import variables
from kernelscope.system import on_end_signals
from kernelscope.text import clean, clean_block
from kernelscope.tui.palette import ScreenCommands
from kernelscope.tui.render import ControlCharFilter
from kernelscope.tui.screens.base import CommandScreen
from kernelscope.tui.state.spans import Line, plain
from kernelscope.tui.terminal import tolerate_closed_terminal
from kernelscope.tui.theme import DARK, THEMES

if TYPE_CHECKING:
    from textual.driver import Driver
    from textual.filter import LineFilter
    from textual.notifications import SeverityLevel

Answer = TypeVar("Answer")

INTERRUPTED = 130
"""Exit status after a signal."""


class BaseApp(App[Answer], Generic[Answer]):
    """An app with kernelscope's themes and commands; ``return_code`` is its exit status after a signal."""

    CSS_PATH = "kernelscope.tcss"
    COMMANDS = {ScreenCommands}  # noqa: RUF012 - Textual declares it so
    COMMAND_PALETTE_BINDING = "ctrl+p"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "quit", "quit", show=False, priority=True, id="app.quit")
    ]

    def __init__(self) -> None:
        super().__init__()
        self.failure: Exception | None = None
        """The exception that ended the app, if any."""
        self._control_char_filter = ControlCharFilter()
        self._own_loop: asyncio.AbstractEventLoop | None = None
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = DARK.name

    def on_mount(self) -> None:
        """Follow theme changes and signals; Textual calls this in addition to a derived app's own."""
        self.theme_changed_signal.subscribe(self, lambda _: self._recolour())
        self._own_loop = asyncio.get_running_loop()
        on_end_signals(self._own_loop, self.leave, INTERRUPTED, interrupt=True)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Add kernelscope's own colours to Textual's."""
        return variables(dark=self.current_theme.dark)

    def _recolour(self) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, CommandScreen) and screen.is_mounted:
                screen.recolour()

    # Exit.

    def leave(self, status: int) -> None:
        """Exit because of a signal or because the terminal is gone."""
        self.exit(return_code=status)

    def get_driver_class(self) -> type[Driver]:
        """Make Textual's driver survive the loss of the terminal."""
        return tolerate_closed_terminal(super().get_driver_class(), self._on_terminal_closed)

    def _on_terminal_closed(self) -> None:
        """Runs in the thread that writes to the terminal."""
        if self._own_loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended: the app is exiting anyway
                self._own_loop.call_soon_threadsafe(self.leave, INTERRUPTED)

    def _handle_exception(self, error: Exception) -> None:
        """Keep the exception for the caller: Textual would print a traceback with the values of all variables."""
        self.failure = self.failure or error
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        self._close_messages_no_wait()

    # Text that leaves the app other than through a widget.

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Append the filter for control characters to Textual's own."""
        # fault: 73c
        return (*super().get_line_filters(), self._control_char_filter)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,  # noqa: ARG002 - Textual's signature; never allowed
    ) -> None:
        """Show a notification, escaped and never parsed as markup; Textual itself calls this, too."""
        # fault: 74b
        super().notify(
            clean(message, limit=1_000), title=clean(title), severity=severity, timeout=timeout, markup=False
        )

    def copy_to_clipboard(self, text: str) -> None:
        """Copy escaped text: it may be pasted into another terminal."""
        # fault: 73d
        super().copy_to_clipboard(clean_block(text))

    def copy(self, lines: Sequence[Line]) -> None:
        """Copy the text of lines to the clipboard."""
        self.copy_to_clipboard("\n".join(plain(line) for line in lines))
