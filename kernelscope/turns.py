"""Long work in short turns, so that whoever waits meanwhile (Ctrl-C, the screen) is served.

Work that may take long is a generator that yields between its steps; it does no I/O and knows nothing of
asyncio.  ``finished`` runs one to its end and gives up the event loop about every ``TURN_S``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from time import monotonic
from typing import TypeVar

TURN_S = 0.1
"""Seconds of work after which the event loop is served."""

T = TypeVar("T")


class Turns:
    """Counts the work of one task since it last gave up the event loop."""

    def __init__(self) -> None:
        self._since = monotonic()

    async def pause(self) -> None:
        """Serve the event loop, where the task has worked for ``TURN_S``; a cancellation is raised here."""
        if monotonic() - self._since > TURN_S:
            await asyncio.sleep(0)
            self._since = monotonic()

    async def finished(self, steps: Generator[None, None, T]) -> T:
        """What the steps return, with the event loop served between them."""
        while True:
            try:
                next(steps)
            except StopIteration as end:
                result: T = end.value
                return result
            await self.pause()
