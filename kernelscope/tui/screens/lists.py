"""Screens with a list, whose commands move the highlight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic

from textual.widgets import OptionList

from kernelscope.tui.render import make_option
from kernelscope.tui.screens.base import Answer, CommandScreen
from kernelscope.tui.state.spans import Line


def make_list() -> OptionList:
    """Build a list without focus: keys go to the screen, whose commands move the highlight."""
    widget = OptionList(id="list", markup=False)
    widget.can_focus = False
    return widget


class ListScreen(CommandScreen[Answer], Generic[Answer]):
    """Shows a list and opens its highlighted line."""

    @property
    def list(self) -> OptionList:
        """The list widget."""
        return self.query_one("#list", OptionList)

    def fill(self, lines: Sequence[Line]) -> None:
        """Replace the lines; the highlight keeps its position."""
        at = self.list.highlighted or 0
        self.list.clear_options()
        self.list.add_options([make_option(line) for line in lines])
        self.list.highlighted = min(at, len(lines) - 1) if lines else None

    def on_option_list_option_selected(self) -> None:
        """Open the line that was clicked."""
        self.open_line()

    def open_line(self) -> None:
        """Open the highlighted line."""
