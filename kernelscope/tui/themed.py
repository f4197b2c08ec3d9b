"""What both apps share: the themes, the style sheet, the palette, and keys of their own."""

from __future__ import annotations

from typing import ClassVar, Generic, TypeVar

from textual.app import App
from textual.binding import Binding, BindingType

from kernelscope.tui.palette import ScreenCommands
from kernelscope.tui.screens.base import CommandScreen
from kernelscope.tui.theme import DARK, THEMES, variables

Answer = TypeVar("Answer")


class ThemedApp(App[Answer], Generic[Answer]):
    """An app in the product's colours."""

    CSS_PATH = "kernelscope.tcss"
    COMMANDS = {ScreenCommands}  # noqa: RUF012 - Textual declares it so
    COMMAND_PALETTE_BINDING = "ctrl+p"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "quit", "quit", show=False, priority=True, id="app.quit")
    ]

    def __init__(self) -> None:
        super().__init__()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = DARK.name

    def on_mount(self) -> None:
        """Textual calls this beside the one of the app that derives from it."""
        self.theme_changed_signal.subscribe(self, lambda _: self._recolour())

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The product's own variables."""
        return variables(dark=self.current_theme.dark)

    def _recolour(self) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, CommandScreen) and screen.is_mounted:
                screen.recolour()
