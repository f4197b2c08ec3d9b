"""Everything that is known about the selected change, in tabs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalScroll
from textual.widgets import Tabs

from kernelscope.tui.commands import EVIDENCE, bindings
from kernelscope.tui.ink import tab
from kernelscope.tui.model.board import Board
from kernelscope.tui.model.said import Said, line
from kernelscope.tui.screens.reading import ReadingScreen
from kernelscope.tui.views.evidence import TABS, evidence, title
from kernelscope.tui.widgets.told import Told

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
        tabs = Tabs(*(tab(line(Said(label)), id_) for id_, label in TABS.items()), active=self._first)
        tabs.can_focus = False
        scroll = VerticalScroll(
            Told(id="evidence-text"),
            Told(id="evidence-code"),
            id="evidence-scroll",
        )
        scroll.can_focus = False
        return (Told(id="evidence-title"), tabs, scroll)

    @property
    def tab(self) -> str:
        """The id of the tab that is shown."""
        return self.query_one(Tabs).active or self._first

    def refresh_view(self) -> None:
        """Show the board as it is now."""
        self.query_one("#evidence-title", Told).tell([title(self.board)])
        self.query_one("#evidence-text", Told).tell(evidence(self.board, self.tab))
        code = self.query_one("#evidence-code", Told)
        run = self.board.run
        code.display = self.tab == "cell" and run is not None
        if run is not None and code.display:
            code.tell_source(run.facts.code)

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
        self.guide.copy_lines((title(self.board), *evidence(self.board, self.tab)))
