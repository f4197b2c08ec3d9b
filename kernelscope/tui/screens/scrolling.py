"""Texts that are longer than the screen."""

from __future__ import annotations

from kernelscope.tui.screens.base import CommandScreen
from kernelscope.tui.state.view_state import ViewState


class ScrollingScreen(CommandScreen[None]):
    """Scrolls its text.

    Args:
        id: also names the scrolled part: ``#diff-scroll`` on the screen ``diff``.
    """

    def __init__(self, view: ViewState, *, id: str) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self.view = view

    def action_down(self) -> None:
        """One line."""
        self._scroll(1)

    def action_up(self) -> None:
        """One line."""
        self._scroll(-1)

    def action_page_down(self) -> None:
        """Half a screen."""
        self._scroll(self.size.height // 2)

    def action_page_up(self) -> None:
        """Half a screen."""
        self._scroll(-(self.size.height // 2))

    def _scroll(self, lines: int) -> None:
        self.query_one(f"#{self.id}-scroll").scroll_relative(y=lines, animate=False)


class RowTextScreen(ScrollingScreen):
    """About the selected change; moves the board's cursor along the row."""

    def action_next_change(self) -> None:
        """Within the row."""
        self.view.next_change(1)
        self.refresh_view()

    def action_previous_change(self) -> None:
        """Within the row."""
        self.view.next_change(-1)
        self.refresh_view()
