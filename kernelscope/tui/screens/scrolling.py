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

    def scroll_text(self, lines: int) -> None:
        """Scroll down by so many lines; up if negative."""
        self.query_one(f"#{self.id}-scroll").scroll_relative(y=lines, animate=False)


class RowTextScreen(ScrollingScreen):
    """About the selected change; its commands move the cursor along the row."""
