"""Shows why kernelscope cannot attach, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Center, Middle

from kernelscope.errors import KernelscopeError
from kernelscope.tui.commands.base import bindings
from kernelscope.tui.commands.other_screens import FAILURE
from kernelscope.tui.screens.base import CommandScreen
from kernelscope.tui.state.spans import line, safe_span
from kernelscope.tui.widgets.text import TextPane

if TYPE_CHECKING:
    from textual.binding import BindingType
    from textual.widget import Widget


class FailureScreen(CommandScreen[None]):
    """Shows an error's title and hint; the app then exits with the error's exit status."""

    COMMANDS_HERE = FAILURE
    BINDINGS: ClassVar[list[BindingType]] = bindings("failure", FAILURE)

    def __init__(self, error: KernelscopeError) -> None:
        super().__init__(id="failure")
        self._error = error

    def body(self) -> Sequence[Widget]:
        """The error in a box: see ``CommandScreen``."""
        hint = [line(safe_span(text, limit=2_000)) for text in self._error.hint.splitlines()]
        message = TextPane(
            line(safe_span(self._error.title, "strong loss", limit=1_000)), (), *hint, id="failure-text"
        )
        return (Middle(Center(message), id="failure-middle"),)

    async def go_back(self) -> None:
        """Quit: there is no screen to go back to."""
        await self.app.action_quit()
