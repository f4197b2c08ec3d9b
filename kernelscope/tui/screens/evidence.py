"""Everything that is known about the selected change, in tabs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalScroll
from textual.widgets import Static, Tab, Tabs

from kernelscope.tui.commands import EVIDENCE, bindings
from kernelscope.tui.ink import content
from kernelscope.tui.model.board import Board
from kernelscope.tui.model.said import plain
from kernelscope.tui.screens.reading import ReadingScreen
from kernelscope.tui.views.evidence import TABS, evidence, title
from kernelscope.tui.widgets.panes import source

if TYPE_CHECKING:
    from textual.binding import BindingType
    from textual.widget import Widget


class EvidenceScreen(ReadingScreen):
    """Follows the board's cursor, and moves it along the row."""

    COMMANDS_HERE = EVIDENCE
    BINDINGS: ClassVar[list[BindingType]] = bindings("evidence", EVIDENCE)

    def __init__(self, board: Board, tab: str = "happened") -> None:
        super().__init__(board, id="evidence")
        self._first = tab

    def body(self) -> Sequence[Widget]:
        """See ``CommandScreen``."""
        tabs = Tabs(*(Tab(label, id=id_) for id_, label in TABS.items()), active=self._first)
        tabs.can_focus = False
        scroll = VerticalScroll(
            Static(id="evidence-text", markup=False),
            Static(id="evidence-code", markup=False),
            id="evidence-scroll",
        )
        scroll.can_focus = False
        return (Static(id="evidence-title", markup=False), tabs, scroll)

    @property
    def tab(self) -> str:
        """The id of the tab that is shown."""
        return self.query_one(Tabs).active or self._first

    def refresh_view(self) -> None:
        """Show the board as it is now."""
        self.query_one("#evidence-title", Static).update(content([title(self.board)]))
        self.query_one("#evidence-text", Static).update(content(evidence(self.board, self.tab)))
        code = self.query_one("#evidence-code", Static)
        run = self.board.run
        code.display = self.tab == "cell" and run is not None
        if run is not None and code.display:
            code.update(source(run.facts.code))

    def on_tabs_tab_activated(self) -> None:
        """Another tab."""
        self.refresh_view()

    def action_next_tab(self) -> None:
        """Round and round."""
        self.query_one(Tabs).action_next_tab()

    def action_previous_tab(self) -> None:
        """Round and round."""
        self.query_one(Tabs).action_previous_tab()

    def action_diff(self) -> None:
        """Of the same change."""
        self.guide.open_diff()

    def action_copy(self) -> None:
        """The headline and what the tab shows."""
        told = (title(self.board), *evidence(self.board, self.tab))
        self.guide.copy_text("\n".join(plain(one) for one in told))
