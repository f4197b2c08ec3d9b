"""The sentence under the grid and the inspector beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import VerticalScroll
from textual.content import Content
from textual.highlight import highlight
from textual.widgets import Static

from kernelscope.text import clean_block
from kernelscope.tui.ink import content
from kernelscope.tui.model.board import Board
from kernelscope.tui.views.inspector import cell_title, inspector
from kernelscope.tui.views.sentence import sentence

if TYPE_CHECKING:
    from textual.app import ComposeResult

_HIGHLIGHTED = 20_000
"""Longer cells are shown without colours: finding those takes too long."""


class Sentence(Static):
    """What the selected run did to the selected row."""

    def __init__(self, board: Board) -> None:
        super().__init__(id="sentence", markup=False)
        self._board = board

    def show(self) -> None:
        """Show the board as it is now."""
        self.update(content(sentence(self._board)))


class Inspector(VerticalScroll, can_focus=False):
    """Everything about the selected row at the selected moment."""

    def __init__(self, board: Board) -> None:
        super().__init__(id="inspector")
        self._board = board
        self._shown: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        """The widgets, top to bottom."""
        yield Static(id="inspected", markup=False)
        yield Static(id="cell-title", markup=False)
        yield Static(id="cell", markup=False)

    def show(self) -> None:
        """Show the board as it is now."""
        if not self.display:
            return
        self.query_one("#inspected", Static).update(content(inspector(self._board)))
        self.query_one("#cell-title", Static).update(content([cell_title(self._board)]))
        run = self._board.run
        self.query_one("#cell", Static).update(source(run.facts.code) if run is not None else "")


def source(code: str) -> Content:
    """A cell's source, safe and highlighted."""
    text = clean_block(code).expandtabs(4)
    return highlight(text, language="python") if len(text) <= _HIGHLIGHTED else Content(text)
