"""How long something that a look finds late can have gone unseen."""

from __future__ import annotations

from collections.abc import Callable

from kernelscope.domain.facts import Observation, Snapshot


class Coverage:
    """Remembers after which run a look last saw everything, in one epoch.

    Args:
        base: of the attach.
        execution_count: of the last run before it.
        is_first: no look that the history tells of came between.
    """

    def __init__(self, base: Snapshot, execution_count: int, *, is_first: bool) -> None:
        self._partly_read = {f.token for f in base.objects if f.not_evaluated}
        is_complete = is_first and not base.cut and not self._partly_read
        self._complete_until = execution_count if is_complete else None

    def first_suspect(self, observation: Observation, execution_count: int) -> int | None:
        """The first run that can have done what a late observation found; ``None``: that is not known."""
        if not observation.late or self._complete_until is None:
            return None
        return min(self._complete_until + 1, execution_count)

    def add(
        self, observation: Observation, execution_count: int, in_use: Callable[[], frozenset[int]]
    ) -> None:
        """Takes in one look.

        Args:
            observation: what it found.
            execution_count: of the run, or of the last run before it.
            in_use: asked for the tokens that a name reaches now.
        """
        self._partly_read -= {f.token for f in observation.objects}
        self._partly_read |= {f.token for f in observation.objects if f.not_evaluated}
        if observation.cut or (self._partly_read and not self._partly_read.isdisjoint(in_use())):
            return
        self._complete_until = execution_count
