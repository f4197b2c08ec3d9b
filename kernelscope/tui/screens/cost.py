"""What kernelscope costs the kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalScroll

from kernelscope.tui.commands import COST, bindings
from kernelscope.tui.model.board import Board
from kernelscope.tui.model.said import Said, line
from kernelscope.tui.screens.reading import ScrollingScreen
from kernelscope.tui.views.cost import cost
from kernelscope.tui.widgets.told import Told

if TYPE_CHECKING:
    from textual.binding import BindingType
    from textual.widget import Widget


class CostScreen(ScrollingScreen):
    """The probe's own figures, as it last told them."""

    COMMANDS_HERE = COST
    BINDINGS: ClassVar[list[BindingType]] = bindings("cost", COST)

    def __init__(self, board: Board) -> None:
        super().__init__(board, id="cost")

    def body(self) -> Sequence[Widget]:
        """See ``CommandScreen``."""
        scroll = VerticalScroll(Told(id="cost-text"), id="cost-scroll")
        scroll.can_focus = False
        return (Told(line(Said(" What kernelscope costs this kernel", "strong")), id="cost-title"), scroll)

    def refresh_view(self) -> None:
        """Show the board as it is now."""
        self.query_one("#cost-text", Told).tell(cost(self.board))

    def action_copy(self) -> None:
        """All of it."""
        self.guide.copy_lines(cost(self.board))
