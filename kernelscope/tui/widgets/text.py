"""Where text is shown and typed: widgets that take lines, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from textual.widgets import Input, Static

from kernelscope.text import clean
from kernelscope.tui.render import content, source
from kernelscope.tui.state.spans import Line, plain


class TextPane(Static):
    """Shows lines."""

    def __init__(self, *lines: Line, id: str) -> None:  # noqa: A002 - Textual's own word
        super().__init__(content(lines), id=id, markup=False)

    def show_lines(self, lines: Iterable[Line]) -> None:
        """These, in place of what it showed."""
        self.update(content(lines))

    def show_source(self, code: str) -> None:
        """A cell's source, in place of what it showed."""
        self.update(source(code))


class SafeInput(Input):
    """A line in which something is typed or pasted."""

    def __init__(self, placeholder: Line, *, id: str) -> None:  # noqa: A002 - Textual's own word
        super().__init__(placeholder=plain(placeholder), id=id)

    def validate_value(self, value: str) -> str:
        """What was pasted may come from anywhere."""
        return clean(value)
