"""Asks for confirmation before something is done to the kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Vertical
from textual.screen import ModalScreen

from kernelscope.tui.commands.base import RunsCommands, bindings
from kernelscope.tui.commands.other_screens import CONFIRM
from kernelscope.tui.state.spans import Line
from kernelscope.tui.widgets.bars import CommandBar
from kernelscope.tui.widgets.text import TextPane

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType


class ConfirmScreen(RunsCommands, ModalScreen[bool]):
    """Returns whether the reader confirmed."""

    COMMANDS_HERE = CONFIRM
    BINDINGS: ClassVar[list[BindingType]] = bindings("confirm", CONFIRM)

    def __init__(self, lines: Sequence[Line]) -> None:
        super().__init__()
        self._lines = lines

    def compose(self) -> ComposeResult:
        """Put the question above its keys."""
        with Vertical(id="confirm"):
            yield TextPane(*self._lines, id="confirm-text")
            yield CommandBar(CONFIRM)
