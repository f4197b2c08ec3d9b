"""What both apps share: themes, palette, keys, the gate's last part, and how they come to an end."""

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
from kernelscope.tui.terminal import patient
from kernelscope.tui.theme import DARK, THEMES

if TYPE_CHECKING:
    from textual.driver import Driver
    from textual.filter import LineFilter
    from textual.notifications import SeverityLevel

Answer = TypeVar("Answer")

INTERRUPTED = 130
"""Exit status after a signal."""


class BaseApp(App[Answer], Generic[Answer]):
    """An app in the product's colours; what ``run()`` does not give back is in ``return_code``."""

    CSS_PATH = "kernelscope.tcss"
    COMMANDS = {ScreenCommands}  # noqa: RUF012 - Textual declares it so
    COMMAND_PALETTE_BINDING = "ctrl+p"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "quit", "quit", show=False, priority=True, id="app.quit")
    ]

    def __init__(self) -> None:
        super().__init__()
        self.failure: Exception | None = None
        """What brought the app down, if anything did."""
        self._control_char_filter = ControlCharFilter()
        self._own_loop: asyncio.AbstractEventLoop | None = None
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = DARK.name

    def on_mount(self) -> None:
        """Textual calls this beside the one of the app that derives from it."""
        self.theme_changed_signal.subscribe(self, lambda _: self._recolour())
        self._own_loop = asyncio.get_running_loop()
        on_end_signals(self._own_loop, self.leave, INTERRUPTED, interrupt=True)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The product's own variables."""
        return variables(dark=self.current_theme.dark)

    def _recolour(self) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, CommandScreen) and screen.is_mounted:
                screen.recolour()

    # How it ends.

    def leave(self, status: int) -> None:
        """TextPane to by a signal, or because the terminal is gone."""
        self.exit(return_code=status)

    def get_driver_class(self) -> type[Driver]:
        """Textual's, on a terminal that may be gone from one moment to the next."""
        return patient(super().get_driver_class(), self._on_terminal_closed)

    def _on_terminal_closed(self) -> None:
        """Called in the thread that writes to it."""
        if self._own_loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended: we were leaving anyway
                self._own_loop.call_soon_threadsafe(self.leave, INTERRUPTED)

    def _handle_exception(self, error: Exception) -> None:
        """Textual would print a traceback with the values of all variables in it, unsifted."""
        self.failure = self.failure or error
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        self._close_messages_no_wait()

    # Every way out for text that is not a widget's.

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's, and then the net below everything that is drawn."""
        # fault: 73c
        return (*super().get_line_filters(), self._control_char_filter)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,  # noqa: ARG002 - it never is
    ) -> None:
        """Never parsed as markup; Textual itself notifies, too."""
        # fault: 74b
        super().notify(
            clean(message, limit=1_000), title=clean(title), severity=severity, timeout=timeout, markup=False
        )

    def copy_to_clipboard(self, text: str) -> None:
        """What is pasted elsewhere is as safe as what is shown here."""
        # fault: 73d
        super().copy_to_clipboard(clean_block(text))

    def copy(self, lines: Sequence[Line]) -> None:
        """To the clipboard."""
        self.copy_to_clipboard("\n".join(plain(one) for one in lines))
