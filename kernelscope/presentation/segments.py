"""A sentence as a sequence of segments: the product's own words, and text that is quoted from elsewhere.

Each output treats the two by their kind: an export escapes what is quoted, the screen may colour
it.  So no sentence is ever taken apart again.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct


class Segment(Struct, frozen=True):
    """A stretch of one kind of text."""

    text: str
    is_quoted: bool = False
    """It is shown letter by letter: what a kernel says (a name, a class, a value, a path), or code."""


Sentence = tuple[Segment, ...]


def quote(text: str) -> Segment:
    """Text that is not ours, or code."""
    return Segment(text, is_quoted=True)


def sentence(*pieces: str | Segment | Sentence) -> Sentence:
    """One sentence of pieces; plain strings are the product's own words.

    Neighbours of one kind become one segment.
    """
    joined: list[Segment] = []
    for segment in _flat(pieces):
        if joined and joined[-1].is_quoted == segment.is_quoted:
            joined[-1] = Segment(joined[-1].text + segment.text, segment.is_quoted)
        elif segment.text:
            joined.append(segment)
    return tuple(joined)


def _flat(pieces: Iterable[str | Segment | Sentence]) -> Iterable[Segment]:
    for piece in pieces:
        if isinstance(piece, tuple):
            yield from piece
        else:
            yield Segment(piece) if isinstance(piece, str) else piece


def join(separator: str, sentences: Iterable[str | Segment | Sentence]) -> Sentence:
    """Joins sentences with our own words between them."""
    pieces: list[str | Segment | Sentence] = []
    for each in sentences:
        pieces += [separator, each] if pieces else [each]
    return sentence(*pieces)


def enumerate_names(names: Iterable[str]) -> Sentence:
    """Lists names as a sentence does: ``a``, ``a and b``, ``a, b and c``."""
    quoted = [quote(name) for name in names]
    if len(quoted) < 2:
        return sentence(*quoted)
    return sentence(join(", ", quoted[:-1]), " and ", quoted[-1])


def first_names(names: tuple[str, ...], most: int = 4) -> Sentence:
    """Lists the first names, and says how many more there are."""
    first = join(", ", map(quote, names[:most]))
    return first if len(names) <= most else sentence(first, f" and {len(names) - most} more")


def text_of(pieces: Sentence) -> str:
    """The sentence as plain text."""
    return "".join(segment.text for segment in pieces)
