"""What the probe costs its kernel, counted by itself."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import wire

WINDOW = 1_000
"""Of so many latest hooks the median and the 99th percentile are sent."""


class CostMeter:
    """Running figures, in the form of ``domain.facts.Cost``.

    Seconds are of wall time, as the user waits them.
    """

    def __init__(self) -> None:
        self._latest: deque[float] = deque()
        self._in_order: list[float] = []
        self._hooks = 0
        self._longest = 0.0
        self.sent = 0
        self.not_evaluated = 0

    def add_hook(self, seconds: float) -> None:
        """Count one hook that took so long."""
        self._hooks += 1
        self._longest = max(self._longest, seconds)
        self._latest.append(seconds)
        insort(self._in_order, seconds)
        if len(self._latest) > WINDOW:
            del self._in_order[bisect_left(self._in_order, self._latest.popleft())]

    def summarize(self, failures: int) -> wire.Cost:
        """The figures as they are sent, with the failures that were counted elsewhere."""
        ordered = self._in_order
        return {
            "hooks": self._hooks,
            "median": ordered[len(ordered) // 2] if ordered else 0.0,
            "p99": ordered[len(ordered) * 99 // 100] if ordered else 0.0,
            "longest": self._longest,
            "sent": self.sent,
            "not_evaluated": self.not_evaluated,
            "failures": failures,
        }
