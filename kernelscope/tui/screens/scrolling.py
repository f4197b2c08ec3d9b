"""Screens with a text that may be longer than the terminal."""

from __future__ import annotations

from kernelscope.tui.screens.base import CommandScreen
from kernelscope.tui.state.view_state import ViewState


class ScrollingScreen(CommandScreen[None]):
    """A screen that scrolls its text.

    Args:
        id: the id of the screen; its text is in ``#diff-scroll`` if the screen is ``diff``.
    """

    def __init__(self, view: ViewState, *, id: str) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self.view = view

    def scroll_text(self, lines: int) -> None:
        """Scroll down, or up if ``lines`` is negative."""
        self.query_one(f"#{self.id}-scroll").scroll_relative(y=lines, animate=False)


class RowTextScreen(ScrollingScreen):
    """A text about the selected change; its commands move the cursor along the row."""
