"""Turns spans into what Textual draws; no other module of kernelscope hands text to Textual.

One table maps roles to styles.  Text is never parsed as markup and comes only from ``Span``.  ``ControlCharFilter``
is the second line of defence: it sees every line on its way to the terminal, including those of Textual's own
widgets.
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
"""Characters of source: highlighting more takes too long, so longer cells are shown without colours."""
_LINES = 500
"""Lines of source: Textual lays out each of them on every draw."""

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
"""By role: the theme variable of its colour, and its text attributes."""


@lru_cache(maxsize=512)
def style_name(role: str) -> str:
    """The style of one or several roles, in the language of ``Content``."""
    parts: list[str] = []
    for one in role.split():
        colour, attributes = _STYLES[one]
        parts += [attributes] if attributes else []
        parts += [f"${colour}"] if colour else []
    return " ".join(parts)


def to_content(lines: Iterable[Line]) -> Content:
    """Build what a widget shows from lines; never parsed as markup."""
    # fault: 74a
    return Content("\n").join(
        [Content.assemble(*((span.text, style_name(span.role)) for span in line)) for line in lines]
    )


def highlight_source(code: str) -> Content:
    """Build what a widget shows from a cell's source: escaped, cut and highlighted."""
    lines = clean_block(code).expandtabs(4).split("\n")
    # fault: 77c
    if len(lines) > _LINES:
        lines[_LINES:] = [f"… {len(lines) - _LINES:,} more lines"]
    text = "\n".join(lines)
    return highlight(text, language="python") if len(text) <= _HIGHLIGHTED else Content(text)


def make_option(label: Line, id: str | None = None, *, disabled: bool = False) -> Option:  # noqa: A002 - Textual's own word
    """Build an entry of a list."""
    return Option(to_content([label]), id, disabled=disabled)


def make_tab(label: Line, id: str) -> Tab:  # noqa: A002 - Textual's own word
    """Build one of several tabs."""
    return Tab(to_content([label]), id=id)


def make_hit(
    label: Line, about: Line, run: Callable[[], Awaitable[object]], score: float | None = None
) -> Hit | DiscoveryHit:
    """Build an entry of the palette with its help below; without a score it comes from no search."""
    both = to_content([label, about])
    if score is None:
        return DiscoveryHit(both, run, plain(label))
    return Hit(score, both, run, plain(label))


def show_notice(
    where: Widget | App[Any], label: Line, *, seconds: float = 3.0, warning: bool = False
) -> None:
    """Show a line in the corner for some seconds."""
    where.notify(
        plain(label),
        title="kernelscope" if warning else "",
        severity="warning" if warning else "information",
        timeout=seconds,
        markup=False,
    )


class ControlCharFilter(LineFilter):
    """Removes control characters from every line on its way to the terminal.

    Spans contain none, but Textual's own widgets show typed and pasted text unchanged.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        """Remove them from one line; they have no width, so the line keeps its own."""
        if all(segment.text.isprintable() for segment in segments):
            return segments
        return [
            s if s.text.isprintable() else Segment(_remove_controls(s.text), s.style, s.control)
            for s in segments
        ]


def _remove_controls(text: str) -> str:
    return "".join(char for char in text if char.isprintable() or category(char) == "Zs")


class StyleTable:
    """Looks up the style of a role in one theme, for widgets that draw segments."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._styles: dict[str, Style] = {}

    def style(self, role: str) -> Style:
        """The style of one or several roles."""
        style = self._styles.get(role)
        if style is None:
            style = self._styles[role] = self._build_style(role)
        return style

    def background(self, variable: str, *, bold: bool = False, reverse: bool = False) -> Style:
        """A background style in the colour of a theme variable."""
        return Style(bgcolor=self._variables[variable], bold=bold or None, reverse=reverse or None)

    def segments(self, spans: Iterable[Span]) -> list[Segment]:
        """Convert spans to segments, without empty ones."""
        return [Segment(span.text, self.style(span.role)) for span in spans if span.text]

    def strip(self, spans: Iterable[Span]) -> Strip:
        """Convert spans to a line of a widget."""
        return Strip(self.segments(spans))

    def restyle(self, strip: Strip, style: Style) -> Strip:
        """Draw the text of a strip in one style only."""
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
