"""What kernelscope costs the kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalScroll

from kernelscope.tui.commands.base import bindings
from kernelscope.tui.commands.other_screens import COST
from kernelscope.tui.screens.scrolling import ScrollingScreen
from kernelscope.tui.state.spans import Line, Span, line
from kernelscope.tui.state.view_state import ViewState
from kernelscope.tui.views.cost_lines import cost
from kernelscope.tui.widgets.text import TextPane

if TYPE_CHECKING:
    from textual.binding import BindingType
    from textual.widget import Widget


class CostScreen(ScrollingScreen):
    """The figures that the probe sent last."""

    COMMANDS_HERE = COST
    BINDINGS: ClassVar[list[BindingType]] = bindings("cost", COST)

    def __init__(self, view: ViewState) -> None:
        super().__init__(view, id="cost")

    def body(self) -> Sequence[Widget]:
        """See ``CommandScreen``."""
        scroll = VerticalScroll(TextPane(id="cost-text"), id="cost-scroll")
        scroll.can_focus = False
        return (
            TextPane(line(Span(" What kernelscope costs this kernel", "strong")), id="cost-title"),
            scroll,
        )

    def refresh_view(self) -> None:
        """Show the figures as they are now."""
        self.query_one("#cost-text", TextPane).show_lines(self.shown_lines)

    @property
    def shown_lines(self) -> tuple[Line, ...]:
        """All of it."""
        return cost(self.view)
