"""The language of ``--expect``: a parser for what ``kernelscope.expectations.grammar`` describes.

``kernelscope.expectations.checker`` checks what is parsed here against a timeline.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Sequence

from msgspec import Struct

from kernelscope.domain.changes import Verdict
from kernelscope.domain.names import canonical_name
from kernelscope.errors import UsageError

WORDS = tuple(sorted(str(v.value) for v in Verdict if v is not Verdict.UNTOUCHED))
"""The verdicts that a change can have."""
KEYWORDS = ("not", "never", "only", "untouched", "once", "twice", "times", "at", "least", "most")
WHEN = ("after", "before", "in", "between")

_TOKEN = re.compile(r"\[\d+\]|\w+|,|[^\s\w,]+")
_JOINTS = frozenset({",", "or", "and", "nor"})
_COUNTS = {"once": 1, "twice": 2}
_MOST_COUNTED = 1_000_000


class Window(Struct, frozen=True):
    """A range of execution counts; what happened between In [12] and the next run lies at 12.5."""

    first: float = -math.inf
    last: float = math.inf

    @property
    def is_bounded(self) -> bool:
        """Whether the expectation names a range."""
        return self.first > -math.inf or self.last < math.inf

    def contains(self, first: float, last: float) -> bool | None:
        """Whether something between these two places lies in it; ``None`` if that cannot be decided."""
        if self.first <= first and last <= self.last:
            return True
        return None if self.first <= last and first <= self.last else False


class Expectation(Struct, frozen=True):
    """One expectation, parsed."""

    text: str
    """As it was written."""
    name: str
    """As the timeline spells it; a pattern unless ``is_exact``."""
    is_exact: bool
    words: frozenset[Verdict]
    only: bool = False
    """Counts changes that are none of ``words``, instead of those that are."""
    least: int = 0
    most: float = math.inf
    window: Window = Window()

    def means(self, name: str, *, part: bool = False) -> bool:
        """Whether it is about this name; patterns do not match parts of models.

        Args:
            name: as the timeline spells it.
            part: it is the name of a part.
        """
        if self.is_exact:
            return name == self.name
        return not part and _pattern(self.name).fullmatch(name) is not None


def _pattern(text: str) -> re.Pattern[str]:
    """A pattern in which only ``*`` is special: names have brackets in them."""
    return re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL)


def parse(text: str) -> Expectation:
    """Parses one expectation.

    Raises:
        UsageError: it cannot be parsed; says where, and what may have been meant.
    """
    return _Parser(text).expectation()


class _Parser:
    """Parses one text, word by word."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._colon = _end_of_name(text)
        after = max(self._colon + 1, 0)
        self._words = [(m[0], m.start()) for m in _TOKEN.finditer(text, after)]
        self._next = 0

    def expectation(self) -> Expectation:
        if self._colon < 0:
            raise self._wrong("there is no colon after the name", len(self._text), "model: not reset")
        name, exact = self._name()
        words, only, least, most = self._claim()
        window = self._window()
        if self._next < len(self._words):
            word = self._words[self._next][0]
            raise self._unexpected("nothing more is expected here", _near(word, (*WHEN, *KEYWORDS)))
        return Expectation(self._text.strip(), name, exact, words, only, least, most, window)

    def _name(self) -> tuple[str, bool]:
        written = self._text[: self._colon].strip()
        if not written:
            raise self._wrong("there is no name before the colon", 0, "model: not reset, or *: never unknown")
        if len(written) > 2 and written[0] == written[-1] == '"':
            return written[1:-1], True
        return canonical_name(written), "*" not in written

    def _claim(self) -> tuple[frozenset[Verdict], bool, int, float]:
        word = self._peek()
        if word in ("not", "never"):
            self._next += 1
            if self._peek() == "untouched":
                raise self._unexpected("that no run touches it is `untouched`; that some run does, name it")
            return self._verdicts(), False, 0, 0
        if word == "only":
            self._next += 1
            return self._verdicts(), True, 0, 0
        if word == "untouched":
            self._next += 1
            return frozenset(), True, 0, 0
        return self._verdicts(), False, *self._times()

    def _verdicts(self) -> frozenset[Verdict]:
        verdicts = {self._verdict()}
        while self._peek() in _JOINTS:
            self._next += 1
            if self._peek() in _JOINTS:  # "a, b, and c"
                self._next += 1
            verdicts.add(self._verdict())
        return frozenset(verdicts)

    def _verdict(self) -> Verdict:
        word = self._peek()
        if word == "untouched":
            raise self._unexpected("`untouched` stands alone: it excludes every verdict")
        if word not in WORDS:
            first = self._next == 0
            hint = _near(word, (*WORDS, *KEYWORDS[:4]) if first else WORDS) if word else ""
            raise self._unexpected("a verdict is expected here", hint or f"The verdicts: {', '.join(WORDS)}.")
        self._next += 1
        return Verdict(word)

    def _times(self) -> tuple[int, float]:
        bound = None
        if self._peek() == "at":
            self._next += 1
            bound = self._peek()
            if bound not in ("least", "most"):
                raise self._unexpected("`at least` or `at most` is expected here")
            self._next += 1
        elif self._peek() not in _COUNTS and not (self._peek() or "").isdecimal():
            return 1, math.inf
        count = self._count()
        return (0 if bound == "most" else count), (math.inf if bound == "least" else count)

    def _count(self) -> int:
        word = self._peek() or ""
        if word in _COUNTS:
            self._next += 1
            return _COUNTS[word]
        count = self._number("`once`, `twice` or a number of times is expected here")
        if self._peek() != "times":
            raise self._unexpected("`times` is expected here", f"{count} times")
        self._next += 1
        return count

    def _window(self) -> Window:
        word = self._peek()
        if word not in WHEN:
            return Window()
        self._next += 1
        number = self._number("an execution count is expected here")
        if word == "after":
            return Window(first=number + 0.5)
        if word == "before":
            return Window(last=number - 0.5)
        if word == "in":
            return Window(number, number)
        if self._peek() != "and":
            raise self._unexpected("`and` is expected here", f"between {number} and {number + 5}")
        self._next += 1
        last = self._number("an execution count is expected here")
        if last < number:
            self._next -= 1
            raise self._unexpected("the later run comes last", f"between {last} and {number}")
        return Window(number, last)

    def _number(self, wanted: str) -> int:
        word = (self._peek() or "").strip("[]")
        if not word.isascii() or not word.isdecimal() or int(word[:9]) > _MOST_COUNTED:
            raise self._unexpected(wanted)
        self._next += 1
        return int(word)

    def _peek(self) -> str | None:
        """The next word in lower case; ``None`` at the end."""
        return self._words[self._next][0].lower() if self._next < len(self._words) else None

    def _unexpected(self, why: str, hint: str = "") -> UsageError:
        if self._next == len(self._words):
            return self._wrong(f"{why}, and it ends", len(self._text.rstrip()), hint)
        word, place = self._words[self._next]
        return self._wrong(why, place, hint, len(word))

    def _wrong(self, why: str, place: int, hint: str, length: int = 1) -> UsageError:
        before = self._text[:place].replace("\n", " ").replace("\t", " ")
        line = self._text.replace("\n", " ").replace("\t", " ")
        mark = f"\n  {' ' * len(before)}{'^' * length}"
        return UsageError(f"an expectation cannot be read: {why}", f"{line}{mark} {hint}".rstrip())


def _end_of_name(text: str) -> int:
    """The index of the colon after the name; a colon in quotes or brackets is part of the name."""
    quote, depth = "", 0
    for place, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in "[]":
            depth += 1 if char == "[" else -1
        elif char == ":" and depth <= 0:
            return place
    return -1


def _near(word: str | None, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(word or "", known, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else ""
