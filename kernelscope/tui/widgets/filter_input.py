"""The line in which a filter is typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kernelscope.tui.widgets.text import SafeInput

if TYPE_CHECKING:
    from textual.binding import BindingType


class FilterInput(SafeInput):
    """Filters while typing; enter keeps the filter, escape has the screen take it away."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "screen.drop_filter", "no filter")]

    def open(self, query: str) -> None:
        """Show it, with what is filtered by."""
        self.display = True
        self.value = query
        self.focus()
