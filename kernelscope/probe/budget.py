"""A bound on the time that the probe takes of the kernel."""

from __future__ import annotations

from gc import get_stats
from time import perf_counter, thread_time

PATIENCE = 10
"""How many times its length a budget may last where others took the time meanwhile."""


class Budget:
    """So many seconds of this thread's own work.

    Neither waiting for a turn on a busy machine is counted, nor a garbage collection that falls into
    it (80 ms with scikit-learn loaded): either can take longer than a whole look, and a look that
    gave up for that would miss what the run did.  Only what is out of all proportion ends it.
    """

    __slots__ = ("_collections", "_latest", "_seconds", "_until", "_work")

    def __init__(self, seconds: float) -> None:
        now = perf_counter()
        self._seconds, self._until, self._latest = seconds, now + seconds, now + PATIENCE * seconds
        self._work = thread_time() + seconds
        self._collections = _collections()

    def is_spent(self) -> bool:
        """Whether nothing is left; the clocks that are dear to read are read only late."""
        now = perf_counter()
        if now <= self._until:
            return False
        if now > self._latest:
            return True
        worked = thread_time()
        if worked > self._work and self._collections != _collections():
            self._collections, self._work = _collections(), worked + self._seconds
        return worked > self._work


def _collections() -> int:
    """How often all that lives was gone through."""
    return int(get_stats()[-1]["collections"])
