"""Widgets that show or read text: they accept lines only, so that nothing bypasses the gate."""

from __future__ import annotations

from collections.abc import Iterable

from textual.widgets import Input, Static

from kernelscope.text import clean
from kernelscope.tui.render import highlight_source, to_content
from kernelscope.tui.state.spans import Line, plain


class TextPane(Static):
    """A pane that shows lines or source."""

    def __init__(self, *lines: Line, id: str) -> None:  # noqa: A002 - Textual's own word
        super().__init__(to_content(lines), id=id, markup=False)

    def show_lines(self, lines: Iterable[Line]) -> None:
        """Replace the text by these lines."""
        self.update(to_content(lines))

    def show_source(self, code: str) -> None:
        """Replace the text by a cell's source."""
        self.update(highlight_source(code))


class SafeInput(Input):
    """A field for typed or pasted text."""

    def __init__(self, placeholder: Line, *, id: str) -> None:  # noqa: A002 - Textual's own word
        super().__init__(placeholder=plain(placeholder), id=id)

    def validate_value(self, value: str) -> str:
        """Remove control characters: pasted text may contain any."""
        return clean(value)
