"""The sentence under the grid and the inspector beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import VerticalScroll

from kernelscope.tui.model.board import Board
from kernelscope.tui.views.inspector import cell_title, inspector
from kernelscope.tui.views.sentence import sentence
from kernelscope.tui.widgets.told import Told

if TYPE_CHECKING:
    from textual.app import ComposeResult


class Sentence(Told):
    """What the selected run did to the selected row."""

    def __init__(self, board: Board) -> None:
        super().__init__(id="sentence")
        self._board = board

    def show(self) -> None:
        """Show the board as it is now."""
        self.tell(sentence(self._board))


class Inspector(VerticalScroll, can_focus=False):
    """Everything about the selected row at the selected moment."""

    def __init__(self, board: Board) -> None:
        super().__init__(id="inspector")
        self._board = board
        self._shown: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        """The widgets, top to bottom."""
        yield Told(id="inspected")
        yield Told(id="cell-title")
        yield Told(id="cell")

    def show(self) -> None:
        """Show the board as it is now."""
        if not self.display:
            return
        self.query_one("#inspected", Told).tell(inspector(self._board))
        self.query_one("#cell-title", Told).tell([cell_title(self._board)])
        run = self._board.run
        self.query_one("#cell", Told).tell_source(run.facts.code if run is not None else "")
