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
    made = OptionList(id="list", markup=False)
    made.can_focus = False
    return made


class ListScreen(CommandScreen[Answer], Generic[Answer]):
    """Moves in its list; ``action_open`` is enter."""

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
        self.action_open()

    def action_open(self) -> None:
        """What enter does."""

    def action_down(self) -> None:
        """One line."""
        self.list.action_cursor_down()

    def action_up(self) -> None:
        """One line."""
        self.list.action_cursor_up()

    def action_top(self) -> None:
        """The first line."""
        self.list.action_first()

    def action_bottom(self) -> None:
        """The last line."""
        self.list.action_last()
