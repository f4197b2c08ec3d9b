"""Asks for the format of an export."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from kernelscope.export.files import FORMS, Form
from kernelscope.tui.commands.base import bindings
from kernelscope.tui.commands.other_screens import EXPORT
from kernelscope.tui.screens.lists import ListScreen, make_list
from kernelscope.tui.state.spans import Span, fit, line
from kernelscope.tui.widgets.text import TextPane

if TYPE_CHECKING:
    from textual.binding import BindingType
    from textual.widget import Widget

DESCRIPTIONS: dict[Form, str] = {
    "html": "one self-contained page: the timeline with its evidence",
    "markdown": "for a pull request: what was reset, by which cells, and why",
    "csv": "one row per change, for a spreadsheet or pandas",
    "jsonl": "the records of watch --json, one per line",
}
_FORMS = sorted(FORMS, key=list(DESCRIPTIONS).index)


class ExportScreen(ListScreen[Form | None]):
    """Returns the format, or ``None`` if the reader went back."""

    COMMANDS_HERE = EXPORT
    BINDINGS: ClassVar[list[BindingType]] = bindings("export", EXPORT)

    def __init__(self) -> None:
        super().__init__(id="export")

    def body(self) -> Sequence[Widget]:
        """Title and list: see ``CommandScreen``."""
        title = line(Span(" Export the whole timeline to the working directory as …", "strong"))
        return (TextPane(title, id="export-title"), make_list())

    def refresh_view(self) -> None:
        """List the formats."""
        self.fill(
            [line(Span(fit(f" {form}", 12), "strong"), Span(DESCRIPTIONS[form], "dim")) for form in _FORMS]
        )

    def open_line(self) -> None:
        """Return the highlighted format."""
        place = self.list.highlighted
        self.dismiss(_FORMS[place] if place is not None else None)

    async def go_back(self) -> None:
        """Return without a format."""
        self.dismiss(None)
