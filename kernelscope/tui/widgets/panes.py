"""The sentence under the grid and the inspector beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import VerticalScroll

from kernelscope.tui.state.view_state import ViewState
from kernelscope.tui.views.inspector import cell_title, inspector
from kernelscope.tui.views.sentence import sentence
from kernelscope.tui.widgets.text import TextPane

if TYPE_CHECKING:
    from textual.app import ComposeResult


class Sentence(TextPane):
    """What the selected run did to the selected row."""

    def __init__(self, view: ViewState) -> None:
        super().__init__(id="sentence")
        self._view = view

    def show(self) -> None:
        """Show the view as it is now."""
        self.show_lines(sentence(self._view))


class Inspector(VerticalScroll, can_focus=False):
    """Everything about the selected row at the selected moment."""

    def __init__(self, view: ViewState) -> None:
        super().__init__(id="inspector")
        self._view = view
        self._last_shown: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        """The widgets, top to bottom."""
        yield TextPane(id="inspected")
        yield TextPane(id="cell-title")
        yield TextPane(id="cell")

    def show(self) -> None:
        """Show the view as it is now."""
        if not self.display:
            return
        self.query_one("#inspected", TextPane).show_lines(inspector(self._view))
        self.query_one("#cell-title", TextPane).show_lines([cell_title(self._view)])
        run = self._view.run
        self.query_one("#cell", TextPane).show_source(run.facts.code if run is not None else "")
