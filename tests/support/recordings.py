"""What is in a recording, as it was seen and without what was made of it."""

from __future__ import annotations

from pathlib import Path

from kernelscope.domain.events import Event, ReplayedEvent
from kernelscope.storage.recording import RecordingSource


async def events_in(path: Path) -> list[Event]:
    told = [event async for event in RecordingSource(path).events()]
    return [event.event if isinstance(event, ReplayedEvent) else event for event in told]
