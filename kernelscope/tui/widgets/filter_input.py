"""The field for a filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kernelscope.tui.widgets.text import SafeInput

if TYPE_CHECKING:
    from textual.binding import BindingType


class FilterInput(SafeInput):
    """A field for a filter: enter keeps it, escape lets the screen clear it."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "screen.clear_filter", "clear filter")]

    def open(self, query: str) -> None:
        """Show the field with the current filter."""
        self.display = True
        self.value = query
        self.focus()
