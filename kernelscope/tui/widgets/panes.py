"""The panes around the grid: the sentence below it and the inspector beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import VerticalScroll

from kernelscope.tui.state.view_state import ViewState
from kernelscope.tui.views.inspector import cell_title, inspector_lines
from kernelscope.tui.views.sentence import sentence_lines
from kernelscope.tui.widgets.text import TextPane

if TYPE_CHECKING:
    from textual.app import ComposeResult


class Sentence(TextPane):
    """Says what the selected run did to the selected row."""

    def __init__(self, view: ViewState) -> None:
        super().__init__(id="sentence")
        self._view = view

    def show(self) -> None:
        """Redraw from the view."""
        self.show_lines(sentence_lines(self._view))


class Inspector(VerticalScroll, can_focus=False):
    """Shows the selected row at the selected moment, and the cell that ran."""

    def __init__(self, view: ViewState) -> None:
        super().__init__(id="inspector")
        self._view = view

    def compose(self) -> ComposeResult:
        """Put the row above the cell and its source."""
        yield TextPane(id="inspected")
        yield TextPane(id="cell-title")
        yield TextPane(id="cell")

    def show(self) -> None:
        """Redraw from the view."""
        if not self.display:
            return
        self.query_one("#inspected", TextPane).show_lines(inspector_lines(self._view))
        self.query_one("#cell-title", TextPane).show_lines([cell_title(self._view)])
        run = self._view.run
        self.query_one("#cell", TextPane).show_source(run.facts.code if run is not None else "")
