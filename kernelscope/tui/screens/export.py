"""In which form the timeline is to be written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from kernelscope.export.files import FORMS, Form
from kernelscope.tui.commands.base import bindings
from kernelscope.tui.commands.other_screens import EXPORT
from kernelscope.tui.screens.lists import ListScreen, list_widget
from kernelscope.tui.state.spans import Span, fit, line
from kernelscope.tui.widgets.text import TextPane

if TYPE_CHECKING:
    from textual.binding import BindingType
    from textual.widget import Widget

ABOUT: dict[Form, str] = {
    "html": "one page that needs no network: the timeline, with its evidence",
    "markdown": "for a pull request: what was reset, by which cells, and why we know",
    "csv": "a row per change, for a spreadsheet or pandas",
    "jsonl": "the records of watch --json, one a line",
}
_SHOWN = sorted(FORMS, key=list(ABOUT).index)


class ExportScreen(ListScreen[Form | None]):
    """Gives back the form, or nothing."""

    COMMANDS_HERE = EXPORT
    BINDINGS: ClassVar[list[BindingType]] = bindings("export", EXPORT)

    def __init__(self) -> None:
        super().__init__(id="export")

    def body(self) -> Sequence[Widget]:
        """See ``CommandScreen``."""
        title = line(Span(" Write all of this timeline, into the working directory, as …", "strong"))
        return (TextPane(title, id="export-title"), list_widget())

    def refresh_view(self) -> None:
        """The forms."""
        self.fill([line(Span(fit(f" {form}", 12), "strong"), Span(ABOUT[form], "dim")) for form in _SHOWN])

    def open_line(self) -> None:
        """This one."""
        place = self.list.highlighted
        self.dismiss(_SHOWN[place] if place is not None else None)

    async def go_back(self) -> None:
        """Choose nothing."""
        self.dismiss(None)
