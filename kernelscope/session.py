"""One session: a source of events, the timeline that they make, and its listeners."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from kernelscope.domain.events import Attached, Detached, Event, ReplayedEvent, is_transient
from kernelscope.errors import KernelscopeError
from kernelscope.timeline.timeline import Timeline, Update
from kernelscope.timeline.view import TimelineView
from kernelscope.turns import Turns

if TYPE_CHECKING:
    from kernelscope.storage.recorder import Recorder, RecordingResult


class Source(Protocol):
    """Where events come from: a live kernel, a recording or a test; the screen cannot tell which."""

    def events(self) -> AsyncIterator[Event | ReplayedEvent]:
        """Events in order, until the source ends with ``Detached``; those of a recording with their verdicts.

        Raises a ``KernelscopeError`` if no attach is possible.
        """
        ...

    async def close(self) -> None:
        """Closes the source and leaves a live kernel as it was.  May be called twice."""
        ...


@runtime_checkable
class LooksBetweenRuns(Protocol):
    """A source that can also look while no cell runs; a recording cannot."""

    async def look_between_runs(self, seconds: float | None) -> None:
        """Look this often from now on; ``None``: after each run only."""
        ...


Listener = Callable[[Update], None]


class Session:
    """Feeds every event of a source to the timeline, then to each listener, in order."""

    def __init__(self, source: Source, timeline: Timeline | None = None) -> None:
        self.source = source
        self.timeline = timeline or Timeline()
        self._listeners: list[Listener] = []
        self._past: list[Update] = []
        """All updates so far, for a recording that starts later."""
        self._recorder: Recorder | None = None

    @property
    def view(self) -> TimelineView:
        """The timeline, to be asked."""
        return TimelineView(self.timeline)

    def listen(self, listener: Listener) -> None:
        """Calls ``listener`` with every update from now on, in the session's own task."""
        self._listeners.append(listener)

    @property
    def past(self) -> Iterator[ReplayedEvent]:
        """All events so far with their verdicts, without the kernel's passing states."""
        return (ReplayedEvent(update.event, update.judgements) for update in self._past)

    # Recording.

    @property
    def recording(self) -> Path | None:
        """The file that is being written; ``None`` while nothing is recorded."""
        return self._recorder.path if self._recorder is not None and not self._recorder.ended else None

    def record(self, file: Path, on_failure: Callable[[str], None]) -> None:
        """Writes all events so far and those to come into a file, until ``stop_recording``.

        Args:
            file: a file that does not exist yet.
            on_failure: called once, with the reason, if the recording ends early.

        Raises:
            RecordingError: the file exists already, or cannot be created.
        """
        from kernelscope.storage.recorder import Recorder

        self.stop_recording()
        self._recorder = Recorder(file, on_failure)
        self._recorder.write(self._past)
        self.listen(self._recorder)

    def stop_recording(self) -> RecordingResult | None:
        """Finishes the file and returns what it holds; ``None`` if nothing was recorded."""
        recorder, self._recorder = self._recorder, None
        if recorder is None:
            return None
        self._listeners.remove(recorder)
        recorder.close()
        return recorder.result

    async def run(self) -> None:
        """Runs until the source ends; an error of the source is raised here, after it was closed.

        However it ends after an attach, the last event for the listeners is a ``Detached``.
        """
        try:
            turns = Turns()
            async for event in self.source.events():
                self._deliver(await turns.run(self.timeline.apply_in_steps(event)))
                await turns.pause()
        except KernelscopeError as error:
            self._report_end(error.title)
            raise
        except asyncio.CancelledError:
            self._report_end("on request")
            raise
        finally:
            await self.source.close()

    def _deliver(self, update: Update) -> None:
        if not is_transient(update.event):
            self._past.append(update)
        for listener in self._listeners:
            listener(update)

    def _report_end(self, reason: str) -> None:
        if any(isinstance(update.event, Attached) for update in self._past):
            self._deliver(self.timeline.apply(Detached(reason)))
