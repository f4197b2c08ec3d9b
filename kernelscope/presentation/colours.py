"""All colours: for dark and for light backgrounds, and for the generations."""

from __future__ import annotations

from typing import TypedDict

HUES = 8
"""How many colours distinguish generations."""


class Base(TypedDict):
    """The colours of a theme, by the names that Textual gives them."""

    primary: str
    secondary: str
    accent: str
    warning: str
    error: str
    success: str
    foreground: str
    background: str
    surface: str
    panel: str


DARK: Base = {
    "primary": "#4cc2ff",
    "secondary": "#a08cff",
    "accent": "#ffb454",
    "warning": "#ffb454",
    "error": "#ff6b6b",
    "success": "#7fd962",
    "foreground": "#d8dee6",
    "background": "#12161c",
    "surface": "#181d25",
    "panel": "#222936",
}
LIGHT: Base = {
    "primary": "#0069b4",
    "secondary": "#5a3fd0",
    "accent": "#a04f00",
    "warning": "#a04f00",
    "error": "#c01f2f",
    "success": "#2f7d1b",
    "foreground": "#20242a",
    "background": "#fbfbf8",
    "surface": "#f1f1ec",
    "panel": "#e3e4dd",
}

_DARK_GENERATIONS = ("#4cc2ff", "#ffb454", "#7fd962", "#f07ad4", "#f2e05c", "#a08cff", "#3fd9c0", "#ff8f6b")
_LIGHT_GENERATIONS = ("#0069b4", "#b35900", "#2f7d1b", "#b0238c", "#857000", "#5a3fd0", "#007a6c", "#b8402a")

_DARK_VARIABLES = {
    "ks-dim": "#7d8896",
    "ks-rule": "#3d4654",
    "ks-glyph": "#ffffff",
    "ks-loss": "#ff6b6b",
    "ks-doubt": "#ffd166",
    "ks-new": "#7fd962",
    "ks-wall": "#a3adba",
    "ks-section": "#4cc2ff",
    "ks-row": "#1f2733",
    "ks-column": "#1b222d",
    "ks-cursor": "#3a4a63",
    "ks-mark": "#5a4a1e",
}
_LIGHT_VARIABLES = {
    "ks-dim": "#6a717b",
    "ks-rule": "#c4c7c0",
    "ks-glyph": "#000000",
    "ks-loss": "#c01f2f",
    "ks-doubt": "#8a5a00",
    "ks-new": "#2f7d1b",
    "ks-wall": "#6a717b",
    "ks-section": "#0069b4",
    "ks-row": "#e8ecf1",
    "ks-column": "#eef1f4",
    "ks-cursor": "#c3d4ea",
    "ks-mark": "#f3dfa0",
}


def hue(epoch: int, generation: int) -> int:
    """The colour of a generation; neighbours differ, also across a restart."""
    return (generation - 1 + 3 * (epoch - 1)) % HUES


def variables(*, dark: bool) -> dict[str, str]:
    """The variables of the product itself, for a dark or a light background."""
    generations = _DARK_GENERATIONS if dark else _LIGHT_GENERATIONS
    hues = {f"ks-gen-{place}": colour for place, colour in enumerate(generations)}
    return {**(_DARK_VARIABLES if dark else _LIGHT_VARIABLES), **hues}
