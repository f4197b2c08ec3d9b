"""Shows everything known about the selected change, in tabs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalScroll
from textual.widgets import Tabs

from kernelscope.tui.commands.base import bindings
from kernelscope.tui.commands.other_screens import EVIDENCE
from kernelscope.tui.render import make_tab
from kernelscope.tui.screens.scrolling import RowTextScreen
from kernelscope.tui.state.spans import Line, Span, line
from kernelscope.tui.state.view_state import ViewState
from kernelscope.tui.views.evidence_lines import TABS, evidence_lines, evidence_title
from kernelscope.tui.widgets.text import TextPane

if TYPE_CHECKING:
    from textual.binding import BindingType
    from textual.widget import Widget


class EvidenceScreen(RowTextScreen):
    """Follows the cursor of the view, and moves it along the row."""

    COMMANDS_HERE = EVIDENCE
    BINDINGS: ClassVar[list[BindingType]] = bindings("evidence", EVIDENCE)

    def __init__(self, view: ViewState, tab: str = "happened") -> None:
        super().__init__(view, id="evidence")
        self._first_tab = tab

    def body(self) -> Sequence[Widget]:
        """Title, tabs and text: see ``CommandScreen``."""
        tabs = Tabs(
            *(make_tab(line(Span(label)), id_) for id_, label in TABS.items()), active=self._first_tab
        )
        tabs.can_focus = False
        scroll = VerticalScroll(
            TextPane(id="evidence-text"),
            TextPane(id="evidence-code"),
            id="evidence-scroll",
        )
        scroll.can_focus = False
        return (TextPane(id="evidence-title"), tabs, scroll)

    @property
    def tab(self) -> str:
        """The id of the active tab."""
        return self.query_one(Tabs).active or self._first_tab

    def refresh_view(self) -> None:
        """Redraw the active tab."""
        self.query_one("#evidence-title", TextPane).show_lines([evidence_title(self.view)])
        self.query_one("#evidence-text", TextPane).show_lines(evidence_lines(self.view, self.tab))
        code = self.query_one("#evidence-code", TextPane)
        run = self.view.run
        code.display = self.tab == "cell" and run is not None
        if run is not None and code.display:
            code.show_source(run.facts.code)

    def on_tabs_tab_activated(self) -> None:
        """Show the newly active tab."""
        self.refresh_view()

    @property
    def tabs(self) -> Tabs:
        """The row of tabs."""
        return self.query_one(Tabs)

    @property
    def lines(self) -> tuple[Line, ...]:
        """The headline and the text of the active tab, for copying."""
        return (evidence_title(self.view), *evidence_lines(self.view, self.tab))
