"""Reads the events of a recording, without the judgements that were stored with them."""

from __future__ import annotations

from pathlib import Path

from kernelscope.domain.events import Event, ReplayedEvent
from kernelscope.storage.recording import RecordingSource


async def events_in(path: Path) -> list[Event]:
    """Return the events in the order in which they were recorded."""
    events = [event async for event in RecordingSource(path).events()]
    return [event.event if isinstance(event, ReplayedEvent) else event for event in events]
