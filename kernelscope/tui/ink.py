"""From roles to styles: the one table, in the two forms that Textual wants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.content import Content

from kernelscope.timeline.changes import Verdict
from kernelscope.tui.model.said import HUES, Line, Said

_LOSS = (Verdict.RESET, Verdict.CLEARED, Verdict.DELETED)
_DOUBT = (Verdict.REFITTED, Verdict.EDITED, Verdict.UNKNOWN)

_INKS: dict[str, tuple[str, str]] = {
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
    **{f"verdict.{verdict}": ("ks-doubt", "bold") for verdict in _DOUBT},
    **{f"verdict.{verdict}": ("ks-loss", "bold") for verdict in _LOSS},
}
"""Per role the variable of its colour, and its attributes."""


@lru_cache(maxsize=512)
def style_name(role: str) -> str:
    """A role, or several, as a style of ``Content``."""
    parts: list[str] = []
    for one in role.split():
        colour, attributes = _INKS[one]
        parts += [attributes] if attributes else []
        parts += [f"${colour}"] if colour else []
    return " ".join(parts)


def content(lines: Iterable[Line]) -> Content:
    """Lines for a widget; never parsed as markup."""
    return Content("\n").join(
        [Content.assemble(*((p.text, style_name(p.role)) for p in line)) for line in lines]
    )


class Inks:
    """Roles as styles of segments, for one theme."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._styles: dict[str, Style] = {}

    def style(self, role: str) -> Style:
        """Of a role, or of several."""
        found = self._styles.get(role)
        if found is None:
            found = self._styles[role] = self._made(role)
        return found

    def background(self, variable: str, *, bold: bool = False, reverse: bool = False) -> Style:
        """Something that lies under the text."""
        return Style(bgcolor=self._variables[variable], bold=bold or None, reverse=reverse or None)

    def segments(self, pieces: Iterable[Said]) -> list[Segment]:
        """Pieces for a strip; empty ones are left out."""
        return [Segment(piece.text, self.style(piece.role)) for piece in pieces if piece.text]

    def _made(self, role: str) -> Style:
        made = Style.null()
        for one in role.split():
            colour, attributes = _INKS[one]
            made += Style(
                color=self._variables[colour] if colour else None,
                bold=attributes == "bold" or None,
                italic=attributes == "italic" or None,
            )
        return made
