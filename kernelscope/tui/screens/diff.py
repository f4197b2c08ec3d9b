"""Two moments of one row, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalScroll

from kernelscope.tui.commands import DIFF, bindings
from kernelscope.tui.model.board import Board
from kernelscope.tui.model.said import line, say
from kernelscope.tui.screens.reading import ReadingScreen
from kernelscope.tui.views.diff import diff
from kernelscope.tui.widgets.told import Told

if TYPE_CHECKING:
    from textual.binding import BindingType
    from textual.widget import Widget


class DiffScreen(ReadingScreen):
    """Compares the mark with the cursor; without a mark, before and after the cursor's moment."""

    COMMANDS_HERE = DIFF
    BINDINGS: ClassVar[list[BindingType]] = bindings("diff", DIFF)

    def __init__(self, board: Board) -> None:
        super().__init__(board, id="diff")
        self._equal = False

    def body(self) -> Sequence[Widget]:
        """See ``CommandScreen``."""
        scroll = VerticalScroll(Told(id="diff-text"), id="diff-scroll")
        scroll.can_focus = False
        return (Told(id="diff-title"), scroll)

    def refresh_view(self) -> None:
        """Show the board as it is now."""
        how = "the mark and the cursor" if self.board.marked is not None else "before and after"
        title = line(say(f" {self.board.row}", "strong"), say(f"  {how}", "dim"))
        self.query_one("#diff-title", Told).tell([title])
        told = diff(self.board, max(40, self.size.width - 4), equal=self._equal)
        self.query_one("#diff-text", Told).tell(told)

    def action_fold(self) -> None:
        """Shows or hides what is equal."""
        self._equal = not self._equal
        self.refresh_view()
