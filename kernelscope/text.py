"""Makes text harmless to display; text from a kernel or a file is hostile.

Escape sequences, bidirectional overrides and other invisible characters become visible escapes, so that
none of them reaches a terminal and the rest is as wide as it looks.  Markup is not handled here: nothing in
kernelscope parses such text as markup.
"""

from __future__ import annotations

import json
import re
import unicodedata
from functools import lru_cache

_PLAIN_CHARACTERS = "\x20-\x7e\xa1-\xac\xae-\u02ff\u2010-\u2027\u2190-\u23ff\u2500-\u27bf"
_PLAIN = re.compile(f"[{_PLAIN_CHARACTERS}]*")
"""No character in it hides or combines: kernelscope's own glyphs, and most ordinary text."""
_PLAIN_BLOCK = re.compile(f"[\n\t{_PLAIN_CHARACTERS}]*")
_SUSPECT = re.compile("[^\x20-\x7e]")
# fault: 76a
# fault: 73a
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
    "\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff]"
)
"""Letters and marks that no font draws, and those that select how another is drawn (flags and skin
colours, too): terminals disagree about their width."""
_COMBINING = frozenset({"Mn", "Mc", "Me"})
_JOINING = re.compile("[\u1160-\u11ff\ud7b0-\ud7fb]")
"""Vowels and finals of Hangul: letters that combine with the one before them."""
# fault: 75a
_MOST_COMBINING = 4
"""Further marks on one character become escapes; real scripts stack fewer."""


def clean(text: str, *, limit: int = 200) -> str:
    """One line that is safe to print; longer text ends in ``…``.

    Args:
        limit: the most characters of the text that are shown, ``…`` included; an escape counts as the one
            character that it stands for.
    """
    return _visible(_cut(text, limit), keep="")


def clean_block(text: str, *, limit: int = 65_536) -> str:
    """Like ``clean`` for source code: line ends and tabs stay."""
    # Cut first: of 50 MB no more is read than can be shown.
    # fault: 77b
    return _visible(_cut(text[: 2 * max(limit, 0) + 2].replace("\r\n", "\n"), limit), keep="\n\t")


def escape_json(encoded: bytes) -> bytes:
    """The same JSON on the same lines, with control and invisible characters written as escapes."""
    text = encoded.decode()
    if all(line.isprintable() for line in text.split("\n")):
        return encoded
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text).encode()


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
    """The line that stands for a cell: the first that does something, else the first.

    Many cells begin with imports and definitions, which say little about them.
    """
    lines = [line.rstrip() for line in source.splitlines() if line.strip()]
    does = (line for line in lines if not line[0].isspace() and not line.startswith(_SAYS_LITTLE))
    says = (line.strip() for line in lines if not line.lstrip().startswith("#"))
    line = next(does, None) or next(says, None) or (lines[0].strip() if lines else "(empty cell)")
    return line if len(lines) < 2 else f"{line} …"


def is_plain(text: str) -> bool:
    """Whether ``clean`` would change nothing but its length."""
    return _PLAIN.fullmatch(text) is not None


def _visible(text: str, keep: str) -> str:
    if (_PLAIN_BLOCK if keep else _PLAIN).fullmatch(text):
        return text
    return _escape_characters(text, keep) if len(text) > _LONGEST_CACHED else _escape_cached(text, keep)


_LONGEST_CACHED = 200
"""Characters of the longest text that is cached: names and values are shown again and again."""


@lru_cache(maxsize=4_096)
def _escape_cached(text: str, keep: str) -> str:
    return _escape_characters(text, keep)


def _escape_characters(text: str, keep: str) -> str:
    marks = 0
    shown: list[str] = []
    for char in text:
        if not _SUSPECT.match(char) or char in keep:
            marks = 0
            shown.append(char)
            continue
        category = unicodedata.category(char)
        stacked = category in _COMBINING or _JOINING.match(char)
        marks = marks + 1 if stacked else 0
        hidden = category in _HIDDEN or marks > _MOST_COMBINING or _INVISIBLE.match(char)
        shown.append(_escape(char) if hidden else char)
    return "".join(shown)


def _escape(char: str) -> str:
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
