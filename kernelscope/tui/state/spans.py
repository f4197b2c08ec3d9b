"""Styled text without Textual: the gate that all text on the screen passes.

A ``Span`` cannot hold control characters, however it is built.  Textual draws nothing but spans: see
``kernelscope.tui.render``, the only module that hands text to it.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import force_setattr
from rich.cells import cell_len, set_cell_size

from kernelscope.text import clean

_LONGEST = 65_536
"""Characters of a span: longer text was not meant for one line."""

_MIN_CELLS_FOR_BOTH_ENDS = 8
"""In fewer terminal cells a long name keeps only its beginning."""


class Span(Struct, frozen=True):
    """A piece of text, escaped on construction, and the role that decides its style."""

    text: str
    role: str = ""

    def __post_init__(self) -> None:
        """Keep one line without control characters, whatever was passed in."""
        safe = clean(self.text, limit=_LONGEST)
        # fault: 73b
        if safe is not self.text:
            force_setattr(self, "text", safe)


Line = tuple[Span, ...]
"""One line of styled text."""


def safe_span(text: object, role: str = "", *, limit: int = 300) -> Span:
    """Build a span from text of the kernel or the user, cut to ``limit`` characters."""
    return Span(clean(str(text), limit=limit), role)


def line(*spans: Span | str) -> Line:
    """Build a line; plain strings are kernelscope's own words."""
    return tuple(span if isinstance(span, Span) else Span(span) for span in spans)


def width(spans: Iterable[Span]) -> int:
    """The width in terminal cells."""
    return sum(cell_len(span.text) for span in spans)


def plain(spans: Iterable[Span]) -> str:
    """The text without its roles."""
    return "".join(span.text for span in spans)


def fit(text: str, cells: int) -> str:
    """Pad text to exactly ``cells``, or cut it with an ellipsis; measures the escaped text."""
    if cells <= 0:
        return ""
    # fault: 75b
    text = clean(text, limit=_LONGEST)
    if cell_len(text) > cells:
        text = set_cell_size(text, cells - 1) + "…" if cells > 1 else "…"
    return set_cell_size(text, cells)


def fit_name(name: str, cells: int) -> str:
    """Like ``fit``, with a space at the end, but cut in the middle: ``layers.3.…2.weight``.

    The names of a network's tensors differ at their ends.
    """
    room = cells - 1
    name = clean(name, limit=_LONGEST)
    if cell_len(name) <= room or room < _MIN_CELLS_FOR_BOTH_ENDS:
        return fit(name, cells)
    head = set_cell_size(name, room * 2 // 5)
    tail = name
    while cell_len(tail) > room - cell_len(head) - 1:
        tail = tail[1:]
    return fit(f"{head}…{tail}", cells)


def truncate(spans: Iterable[Span], cells: int) -> Line:
    """Cut a line that is wider than ``cells``."""
    result: list[Span] = []
    for span in spans:
        room = cells - width(result)
        if cell_len(span.text) > room:
            result.append(Span(fit(span.text, room), span.role))
            break
        result.append(span)
    return tuple(result)
