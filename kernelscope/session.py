"""One session: a source of events, the timeline they make, and those who listen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from kernelscope.domain.events import Attached, Detached, Event, Recalled, is_passing
from kernelscope.errors import KernelscopeError
from kernelscope.timeline.timeline import Timeline, Update
from kernelscope.turns import Turns

if TYPE_CHECKING:
    from kernelscope.storage.recorder import Recorder, RecordingResult


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


class Session:
    """Feeds every event of a source to the timeline, then to each listener, in order."""

    def __init__(self, source: Source, timeline: Timeline | None = None) -> None:
        self.source = source
        self.timeline = timeline or Timeline()
        self._listeners: list[Listener] = []
        self._past: list[Update] = []
        """For a recording that is begun later."""
        self._recorder: Recorder | None = None

    def listen(self, listener: Listener) -> None:
        """``listener`` is called with every update from now on, in the session's own task."""
        self._listeners.append(listener)

    @property
    def past(self) -> Iterator[Recalled]:
        """All that was told so far, with what was made of it; of the passing moment, nothing."""
        return (Recalled(update.event, update.judgements) for update in self._past)

    # Recording.

    @property
    def recording(self) -> Path | None:
        """The file that is being written; ``None``: none is."""
        return self._recorder.path if self._recorder is not None and not self._recorder.ended else None

    def record(self, file: Path, on_failure: Callable[[str], None]) -> None:
        """Writes all that was told, and all that will be, until ``stop_recording``.

        Args:
            file: that is not there yet.
            on_failure: told, once, why the recording ended early.

        Raises:
            RecordingError: the file is there already, or cannot be made.
        """
        from kernelscope.storage.recorder import Recorder

        self.stop_recording()
        self._recorder = Recorder(file, on_failure)
        self._recorder.take(self._past)
        self.listen(self._recorder)

    def stop_recording(self) -> RecordingResult | None:
        """Finish the file, and tell what is in it; ``None`` when nothing was recorded."""
        recorder, self._recorder = self._recorder, None
        if recorder is None:
            return None
        self._listeners.remove(recorder)
        recorder.close()
        return recorder.result

    async def run(self) -> None:
        """Until the source ends; what the source raises is raised here, after it was closed.

        However it ends after an attach, the listeners are told by a ``Detached``.
        """
        try:
            turns = Turns()
            async for event in self.source.events():
                self._deliver(await turns.finished(self.timeline.applying(event)))
                await turns.pause()
        except KernelscopeError as error:
            self._tell_the_end(error.title)
            raise
        except asyncio.CancelledError:
            self._tell_the_end("asked to leave")
            raise
        finally:
            await self.source.close()

    def _deliver(self, update: Update) -> None:
        if not is_passing(update.event):
            self._past.append(update)
        for listener in self._listeners:
            listener(update)

    def _tell_the_end(self, reason: str) -> None:
        if any(isinstance(update.event, Attached) for update in self._past):
            self._deliver(self.timeline.apply(Detached(reason)))
