"""What became of expectations, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kernelscope.text import clean
from kernelscope.timeline.expecting import Result

_LONGEST = 65_536
_OUTCOMES = {"holds": "holds", "broken": "BROKEN", "unknown": "UNTOLD"}
"""``UNTOLD``: it cannot be told, which is no pass."""


def result_lines(results: Sequence[Result]) -> Iterator[str]:
    """A line per expectation; below one that does not hold, a line per reason."""
    for result in results:
        yield f"{_OUTCOMES[result.outcome]:<6}  {clean(result.expectation.text, limit=_LONGEST)}"
        yield from (f"        {clean(f.sentence, limit=_LONGEST)}" for f in result.findings)
