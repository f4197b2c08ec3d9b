"""Events as they are stored: the JSON of the timeline's own types, checked and made safe when read."""

from __future__ import annotations

import msgspec

from kernelscope.protocol.wire import converted, read_json
from kernelscope.timeline.events import Event


def encode_event(event: Event) -> str:
    """One event as one JSON text."""
    return msgspec.json.encode(event).decode()


def decode_event(text: str) -> Event:
    """One event.

    Raises:
        WireError: the text is none; the message names the field.
    """
    event: Event = converted(read_json(text), Event)  # type: ignore[arg-type] # a union is no class
    return event
