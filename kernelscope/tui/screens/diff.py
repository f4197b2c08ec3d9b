"""Compares two moments of one row side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalScroll

from kernelscope.tui.commands.base import bindings
from kernelscope.tui.commands.other_screens import DIFF
from kernelscope.tui.screens.scrolling import RowTextScreen
from kernelscope.tui.state.spans import line, safe_span
from kernelscope.tui.state.view_state import ViewState
from kernelscope.tui.views.diff_lines import diff_lines
from kernelscope.tui.widgets.text import TextPane

if TYPE_CHECKING:
    from textual.binding import BindingType
    from textual.widget import Widget


class DiffScreen(RowTextScreen):
    """Compares the mark with the cursor; without a mark, before and after the selected moment."""

    COMMANDS_HERE = DIFF
    BINDINGS: ClassVar[list[BindingType]] = bindings("diff", DIFF)

    def __init__(self, view: ViewState) -> None:
        super().__init__(view, id="diff")
        self._show_equal = False

    def body(self) -> Sequence[Widget]:
        """Title and text: see ``CommandScreen``."""
        scroll = VerticalScroll(TextPane(id="diff-text"), id="diff-scroll")
        scroll.can_focus = False
        return (TextPane(id="diff-title"), scroll)

    def refresh_view(self) -> None:
        """Redraw the comparison."""
        what = "mark and cursor" if self.view.mark_column is not None else "before and after"
        title = line(safe_span(f" {self.view.row}", "strong"), safe_span(f"  {what}", "dim"))
        self.query_one("#diff-title", TextPane).show_lines([title])
        lines = diff_lines(self.view, max(40, self.size.width - 4), show_equal=self._show_equal)
        self.query_one("#diff-text", TextPane).show_lines(lines)

    def toggle_equal(self) -> None:
        """Show or hide unchanged values."""
        self._show_equal = not self._show_equal
        self.refresh_view()
