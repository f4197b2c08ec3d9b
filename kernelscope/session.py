"""One session: a source of events, the timeline they make, and those who listen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Protocol, runtime_checkable

from kernelscope.errors import KernelscopeError
from kernelscope.timeline.events import Detached, Event, Recalled
from kernelscope.timeline.timeline import Timeline, Update


class Source(Protocol):
    """Where events come from: a live kernel, a recording or a test; the screen cannot tell which."""

    def events(self) -> AsyncIterator[Event | Recalled]:
        """Events in order, until the source ends with ``Detached``; those of a recording as they were judged.

        Raises a ``KernelscopeError`` where no attach is possible.
        """
        ...

    async def close(self) -> None:
        """Let go of the source; leaves a live kernel as it was.  May be called twice."""
        ...


@runtime_checkable
class LooksBetweenRuns(Protocol):
    """A source that can look while no cell runs as well; a recording cannot."""

    async def look_between_runs(self, seconds: float | None) -> None:
        """That often from now on; ``None``: no more."""
        ...


Listener = Callable[[Update], None]

_AT_ONCE = 64
"""Events that a source may tell without a pause before others have their turn: a recording tells all it
has, and the reader wants to leave meanwhile."""


class Session:
    """Feeds every event of a source to the timeline, then to each listener, in order."""

    def __init__(self, source: Source, timeline: Timeline | None = None) -> None:
        self.source = source
        self.timeline = timeline or Timeline()
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """``listener`` is called with every update from now on, in the session's own task."""
        self._listeners.append(listener)

    async def run(self) -> None:
        """Until the source ends; what the source raises is raised here, after it was closed.

        However it ends after an attach, the listeners are told by a ``Detached``.
        """
        try:
            told = 0
            async for event in self.source.events():
                self._tell(event)
                told += 1
                if told % _AT_ONCE == 0:
                    await asyncio.sleep(0)
        except KernelscopeError as error:
            self._tell_the_end(error.title)
            raise
        except asyncio.CancelledError:
            self._tell_the_end("asked to leave")
            raise
        finally:
            await self.source.close()

    def _tell(self, event: Event | Recalled) -> None:
        update = self.timeline.apply(event)
        for listener in self._listeners:
            listener(update)

    def _tell_the_end(self, reason: str) -> None:
        if self.timeline.kernel is not None:
            self._tell(Detached(reason))
