"""Shows what kernelscope costs the kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalScroll

from kernelscope.tui.commands.base import bindings
from kernelscope.tui.commands.other_screens import COST
from kernelscope.tui.screens.scrolling import ScrollingScreen
from kernelscope.tui.state.spans import Line, Span, line
from kernelscope.tui.state.view_state import ViewState
from kernelscope.tui.views.cost_lines import cost_lines
from kernelscope.tui.widgets.text import TextPane

if TYPE_CHECKING:
    from textual.binding import BindingType
    from textual.widget import Widget


class CostScreen(ScrollingScreen):
    """Shows the latest figures from the probe."""

    COMMANDS_HERE = COST
    BINDINGS: ClassVar[list[BindingType]] = bindings("cost", COST)

    def __init__(self, view: ViewState) -> None:
        super().__init__(view, id="cost")

    def body(self) -> Sequence[Widget]:
        """Title and text: see ``CommandScreen``."""
        scroll = VerticalScroll(TextPane(id="cost-text"), id="cost-scroll")
        scroll.can_focus = False
        return (
            TextPane(line(Span(" What kernelscope costs this kernel", "strong")), id="cost-title"),
            scroll,
        )

    def refresh_view(self) -> None:
        """Redraw the figures."""
        self.query_one("#cost-text", TextPane).show_lines(self.lines)

    @property
    def lines(self) -> tuple[Line, ...]:
        """All lines, for copying."""
        return cost_lines(self.view)
