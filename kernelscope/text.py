"""Text from a kernel is hostile: the one gate through which all of it passes.

Escape sequences, bidirectional overrides and other invisible characters are shown as visible
escapes, so that no byte of them reaches a terminal.  Markup is not dealt with here: nothing in
kernelscope parses kernel text as markup.
"""

from __future__ import annotations

import re
import unicodedata

_SUSPECT = re.compile("[^\x20-\x7e]")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_COMBINING = frozenset({"Mn", "Me"})
_MOST_COMBINING = 4
"""Marks on one character beyond these are shown as escapes; real scripts stack fewer."""


def clean(text: str, *, limit: int = 200) -> str:
    """One line that is safe to print; longer text ends in ``…``.

    Args:
        limit: the most characters of the text that are shown, ``…`` among them; what is shown as an
            escape counts as the one character that it is.
    """
    return _visible(_cut(text, limit), keep="")


def clean_block(text: str, *, limit: int = 65_536) -> str:
    """Like ``clean`` for source code: line ends and tabs stay."""
    return _visible(_cut(text.replace("\r\n", "\n"), limit), keep="\n\t")


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return text[: limit - 1] + "…" if limit > 0 else ""


_SAYS_LITTLE = (
    "import ",
    "from ",
    "def ",
    "async def ",
    "class ",
    "@",
    "#",
    "%",
    "with ",
    "if ",
    "for ",
    ")",
    "]",
    "}",
)


def headline(source: str) -> str:
    """The line by which a cell is known: the first that does something, else the first there is.

    Imports, definitions and what is indented come first in many cells and tell little of them.
    """
    lines = [line.rstrip() for line in source.splitlines() if line.strip()]
    does = (line for line in lines if not line[0].isspace() and not line.startswith(_SAYS_LITTLE))
    says = (line.strip() for line in lines if not line.lstrip().startswith("#"))
    found = next(does, None) or next(says, None) or (lines[0].strip() if lines else "(empty cell)")
    return found if len(lines) < 2 else f"{found} …"


def _visible(text: str, keep: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    marks = 0
    shown: list[str] = []
    for char in text:
        if not _SUSPECT.match(char) or char in keep:
            marks = 0
            shown.append(char)
            continue
        category = unicodedata.category(char)
        marks = marks + 1 if category in _COMBINING else 0
        hidden = category in _HIDDEN or marks > _MOST_COMBINING
        shown.append(_escape(char) if hidden else char)
    return "".join(shown)


def _escape(char: str) -> str:
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
