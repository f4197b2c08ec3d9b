"""Styled text before there is a screen: the one gate through which all text of the screen passes.

A ``Span`` cannot hold text that steers a terminal, however it is made.  What Textual draws is made
of nothing else: see ``kernelscope.tui.render``, the only module that hands text to it.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import force_setattr
from rich.cells import cell_len, set_cell_size

from kernelscope.text import clean

_LONGEST = 65_536
"""Characters of a piece: what is longer was not meant for one line."""

_HALVED = 8
"""In fewer cells a name only loses its end."""


class Span(Struct, frozen=True):
    """A piece of text and the role that its style is looked up by: the gate."""

    text: str
    role: str = ""

    def __post_init__(self) -> None:
        """Whatever came, what is kept is one line that is safe to show."""
        safe = clean(self.text, limit=_LONGEST)
        # fault: 73b
        if safe is not self.text:
            force_setattr(self, "text", safe)


Line = tuple[Span, ...]
"""One line of text."""


def safe_span(text: object, role: str = "", *, limit: int = 300) -> Span:
    """What comes from elsewhere, at most as long as this."""
    return Span(clean(str(text), limit=limit), role)


def line(*pieces: Span | str) -> Line:
    """A line of pieces; plain strings are the product's own words."""
    return tuple(p if isinstance(p, Span) else Span(p) for p in pieces)


def width(pieces: Iterable[Span]) -> int:
    """In terminal cells."""
    return sum(cell_len(piece.text) for piece in pieces)


def plain(pieces: Iterable[Span]) -> str:
    """The text alone."""
    return "".join(piece.text for piece in pieces)


def fit(text: str, cells: int) -> str:
    """Exactly ``cells`` wide: padded, or cut with an ellipsis; measured as it will be shown."""
    if cells <= 0:
        return ""
    # fault: 75b
    text = clean(text, limit=_LONGEST)
    if cell_len(text) > cells:
        text = set_cell_size(text, cells - 1) + "…" if cells > 1 else "…"
    return set_cell_size(text, cells)


def fit_name(name: str, cells: int) -> str:
    """Like ``fit``, with a space at the end; a long name loses its middle, for the tensors of a network
    differ at their ends: ``layers.3.…2.weight``."""
    room = cells - 1
    name = clean(name, limit=_LONGEST)
    if cell_len(name) <= room or room < _HALVED:
        return fit(name, cells)
    head = set_cell_size(name, room * 2 // 5)
    tail = name
    while cell_len(tail) > room - cell_len(head) - 1:
        tail = tail[1:]
    return fit(f"{head}…{tail}", cells)


def truncate(pieces: Iterable[Span], cells: int) -> Line:
    """At most ``cells`` wide."""
    pieces_: list[Span] = []
    for piece in pieces:
        room = cells - width(pieces_)
        if cell_len(piece.text) > room:
            pieces_.append(Span(fit(piece.text, room), piece.role))
            break
        pieces_.append(piece)
    return tuple(pieces_)
