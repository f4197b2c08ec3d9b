"""From what is said to what Textual draws: nothing else in kernelscope hands text to it.

Roles become styles by one table.  Text is never parsed as markup, and it comes from ``Span`` alone;
``ControlCharFilter`` is the net below: it sees every line on its way to the terminal, those of Textual's own
widgets too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from unicodedata import category

from rich.segment import Segment
from rich.style import Style
from textual.command import DiscoveryHit, Hit
from textual.content import Content
from textual.filter import LineFilter
from textual.highlight import highlight
from textual.strip import Strip
from textual.widgets import Tab
from textual.widgets.option_list import Option

from kernelscope.domain.changes import Verdict
from kernelscope.presentation.colours import HUES
from kernelscope.presentation.glyphs import DOUBT, LOSS
from kernelscope.text import clean_block
from kernelscope.tui.state.spans import Line, Span, plain

if TYPE_CHECKING:
    from textual.app import App
    from textual.color import Color
    from textual.widget import Widget

_HIGHLIGHTED = 20_000
"""Characters: longer cells are shown without colours, finding those takes too long."""
_LINES = 500
"""Of a cell: each is laid out again whenever it is drawn."""

_STYLES: dict[str, tuple[str, str]] = {
    "": ("", ""),
    "dim": ("ks-dim", ""),
    "hatch": ("ks-dim", ""),
    "rule": ("ks-rule", ""),
    "wall": ("ks-wall", ""),
    "part": ("ks-wall", ""),
    "strong": ("", "bold"),
    "number": ("", "bold"),
    "warn": ("ks-doubt", ""),
    "loss": ("ks-loss", ""),
    "old": ("ks-loss", ""),
    "new": ("ks-new", "bold"),
    "value": ("", ""),
    "forecast": ("ks-dim", "italic"),
    "forecast.strong": ("", "italic"),
    "section": ("ks-section", "bold"),
    "key": ("ks-section", "bold"),
    **{f"gen.{place}": (f"ks-gen-{place}", "") for place in range(HUES)},
    **{f"verdict.{verdict}": ("ks-glyph", "bold") for verdict in Verdict},
    **{f"verdict.{verdict}": ("ks-doubt", "bold") for verdict in DOUBT},
    **{f"verdict.{verdict}": ("ks-loss", "bold") for verdict in LOSS},
}
"""Per role the variable of its colour, and its attributes."""


@lru_cache(maxsize=512)
def style_name(role: str) -> str:
    """A role, or several, as a style of ``Content``."""
    parts: list[str] = []
    for one in role.split():
        colour, attributes = _STYLES[one]
        parts += [attributes] if attributes else []
        parts += [f"${colour}"] if colour else []
    return " ".join(parts)


def content(lines: Iterable[Line]) -> Content:
    """Lines for a widget; never parsed as markup."""
    # fault: 74a
    return Content("\n").join(
        [Content.assemble(*((p.text, style_name(p.role)) for p in line)) for line in lines]
    )


def source(code: str) -> Content:
    """A cell's source, safe and highlighted."""
    lines = clean_block(code).expandtabs(4).split("\n")
    # fault: 77c
    if len(lines) > _LINES:
        lines[_LINES:] = [f"… {len(lines) - _LINES:,} more lines"]
    text = "\n".join(lines)
    return highlight(text, language="python") if len(text) <= _HIGHLIGHTED else Content(text)


def option(label: Line, id: str | None = None, *, disabled: bool = False) -> Option:  # noqa: A002 - Textual's own word
    """A line of a list."""
    return Option(content([label]), id, disabled=disabled)


def tab(label: Line, id: str) -> Tab:  # noqa: A002 - Textual's own word
    """One of several tabs."""
    return Tab(content([label]), id=id)


def hit(
    label: Line, about: Line, run: Callable[[], Awaitable[object]], score: float | None = None
) -> Hit | DiscoveryHit:
    """A line of the palette, and below it what the command is about; without a score it was not searched."""
    both = content([label, about])
    if score is None:
        return DiscoveryHit(both, run, plain(label))
    return Hit(score, both, run, plain(label))


def show_notice(
    where: Widget | App[Any], label: Line, *, seconds: float = 3.0, warning: bool = False
) -> None:
    """A line in the corner that goes by itself."""
    where.notify(
        plain(label),
        title="kernelscope" if warning else "",
        severity="warning" if warning else "information",
        timeout=seconds,
        markup=False,
    )


class ControlCharFilter(LineFilter):
    """Drops from every line that is drawn what could steer a terminal.

    Our own text holds none of it.  Textual's widgets show what is typed and pasted as it came.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        """The line without it; what is dropped has no width, so the line keeps its own."""
        if all(segment.text.isprintable() for segment in segments):
            return segments
        return [
            s if s.text.isprintable() else Segment(_remove_controls(s.text), s.style, s.control)
            for s in segments
        ]


def _remove_controls(text: str) -> str:
    return "".join(char for char in text if char.isprintable() or category(char) == "Zs")


class StyleTable:
    """Roles as styles of segments, for one theme."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._styles: dict[str, Style] = {}

    def style(self, role: str) -> Style:
        """Of a role, or of several."""
        style = self._styles.get(role)
        if style is None:
            style = self._styles[role] = self._build_style(role)
        return style

    def background(self, variable: str, *, bold: bool = False, reverse: bool = False) -> Style:
        """Something that lies under the text."""
        return Style(bgcolor=self._variables[variable], bold=bold or None, reverse=reverse or None)

    def segments(self, pieces: Iterable[Span]) -> list[Segment]:
        """Pieces for a strip; empty ones are left out."""
        return [Segment(piece.text, self.style(piece.role)) for piece in pieces if piece.text]

    def strip(self, pieces: Iterable[Span]) -> Strip:
        """Pieces as a line of a widget."""
        return Strip(self.segments(pieces))

    def over(self, strip: Strip, style: Style) -> Strip:
        """The same text in another style alone."""
        return Strip([Segment(Span(strip.text).text, style)])

    def _build_style(self, role: str) -> Style:
        style = Style.null()
        for one in role.split():
            colour, attributes = _STYLES[one]
            style += Style(
                color=self._variables[colour] if colour else None,
                bold=attributes == "bold" or None,
                italic=attributes == "italic" or None,
            )
        return style
