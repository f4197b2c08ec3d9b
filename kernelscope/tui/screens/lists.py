"""Screens whose body is a list that their own commands move in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic

from textual.widgets import OptionList

from kernelscope.tui.render import option
from kernelscope.tui.screens.base import Answer, CommandScreen
from kernelscope.tui.state.spans import Line


def list_widget() -> OptionList:
    """The list; keys go to the screen, which moves in it."""
    widget = OptionList(id="list", markup=False)
    widget.can_focus = False
    return widget


class ListScreen(CommandScreen[Answer], Generic[Answer]):
    """Shows a list and opens the line that is picked."""

    @property
    def list(self) -> OptionList:
        """The widget that shows the lines."""
        return self.query_one("#list", OptionList)

    def fill(self, lines: Sequence[Line]) -> None:
        """Show these lines; the highlight stays where it is."""
        at = self.list.highlighted or 0
        self.list.clear_options()
        self.list.add_options([option(one) for one in lines])
        self.list.highlighted = min(at, len(lines) - 1) if lines else None

    def on_option_list_option_selected(self) -> None:
        """The mouse picked a line."""
        self.open_line()

    def open_line(self) -> None:
        """Open the highlighted line."""
