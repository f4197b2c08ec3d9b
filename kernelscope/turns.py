"""Long work in short turns, so that the event loop is served in between (Ctrl-C, the screen).

Work that may take long is a generator that yields between its steps; it does no I/O and knows nothing of
asyncio.  ``Turns.run`` runs it to its end and gives up the event loop about every ``TURN_S``.
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
    """Measures the work of one task since it last gave up the event loop."""

    def __init__(self) -> None:
        self._since = monotonic()

    async def pause(self) -> None:
        """Serves the event loop if the task has worked for ``TURN_S``; a cancellation is raised here."""
        if monotonic() - self._since > TURN_S:
            await asyncio.sleep(0)
            self._since = monotonic()

    async def run(self, steps: Generator[None, None, T]) -> T:
        """Runs the steps and returns their result; serves the event loop between them."""
        while True:
            try:
                next(steps)
            except StopIteration as end:
                result: T = end.value
                return result
            await self.pause()
