"""The dark and the light theme, built from ``kernelscope.presentation.colours``."""

from __future__ import annotations

from textual.theme import Theme

from kernelscope.presentation import colours

DARK = Theme(name="kernelscope-dark", **colours.DARK)
LIGHT = Theme(name="kernelscope-light", **colours.LIGHT, dark=False)
THEMES = (DARK, LIGHT)
