"""Events and judgements as recordings store them: JSON of the domain's own types.

All of it is checked and made safe when it is read, because a recording may come from a stranger.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from kernelscope.domain.changes import Judgement
from kernelscope.domain.events import Attached, Event, Observed
from kernelscope.domain.facts import KernelFacts, Observation
from kernelscope.protocol.wire import WireError, is_harmless, read_json
from kernelscope.text import clean_block

T = TypeVar("T")


class About(Struct, frozen=True):
    """What a recording says about itself."""

    version: str = ""
    """Of the kernelscope that wrote it and judged what it holds."""
    started: float | None = None
    """Seconds since the epoch, UTC, by the recorder's clock."""
    ended: float | None = None
    """``None``: it is being written, or its writer was killed."""
    kernel: KernelFacts | None = None
    """The latest kernel in it."""


_EVENT: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_JUDGEMENTS = msgspec.json.Decoder(tuple[Judgement, ...])
_SOURCES = msgspec.json.Decoder(tuple[int, ...])
_ABOUT = msgspec.json.Decoder(About)


def encode_event(event: Event) -> tuple[str, tuple[str, ...]]:
    """Encodes one event without the sources of its cells, and returns these beside it: one for each run, in order."""
    match event:
        case Observed(observation=observation):
            stripped: Event = replace(event, observation=_without_source(observation))
            looks: Sequence[Observation] = (observation,)
        case Attached(history=looks):
            stripped = replace(event, history=tuple(_without_source(look) for look in looks))
        case _:
            stripped, looks = event, ()
    return _text(stripped), tuple(look.run.code for look in looks if look.run is not None)


def decode_event(text: str, sources: Sequence[str] = ()) -> Event:
    """Decodes one event.

    Args:
        sources: of its cells, already safe (``decode_source``); none if they are in the text.

    Raises:
        WireError: the text is no event, or has another number of cells; the message names the field.
    """
    event = _decode(text, _EVENT)
    if not sources:
        return event
    left = iter(sources)
    match event:
        case Observed(observation=observation):
            event = replace(event, observation=_with_source(observation, left))
        case Attached(history=history):
            event = replace(event, history=tuple(_with_source(look, left) for look in history))
    if next(left, None) is not None:
        raise WireError("there are more sources than cells")
    return event


def encode_judgements(judgements: Sequence[Judgement]) -> str:
    """Encodes the judgements of one event."""
    return _text(judgements)


def decode_judgements(text: str) -> tuple[Judgement, ...]:
    """Decodes the judgements of one event.

    Raises:
        WireError: the text is something else; the message names the field.
    """
    return _decode(text, _JUDGEMENTS)


def encode_about(about: About) -> str:
    """Encodes what a recording says about itself."""
    return _text(about)


def decode_about(text: str) -> About:
    """Decodes what a recording says about itself.

    Raises:
        WireError: the text is something else; the message names the field.
    """
    return _decode(text, _ABOUT)


def encode_sources(places: Sequence[int]) -> str:
    """Encodes which sources an event's cells have, by their numbers in the recording."""
    return _text(places)


def decode_sources(text: str) -> tuple[int, ...]:
    """Decodes which sources an event's cells have.

    Raises:
        WireError: the text is something else.
    """
    return _decode(text, _SOURCES)


def decode_source(text: str) -> str:
    """Makes the source of a cell safe to display."""
    return clean_block(text)


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _decode(text: str, decoder: msgspec.json.Decoder[T]) -> T:
    try:
        if is_harmless(text):  # nearly all text is, and this reads it some ten times as fast
            return decoder.decode(text)
        decoded: T = msgspec.convert(read_json(text), decoder.type)
    except (msgspec.DecodeError, RecursionError) as error:
        raise WireError(str(error)) from error
    return decoded


def _without_source(look: Observation) -> Observation:
    return look if look.run is None else replace(look, run=replace(look.run, code=""))


def _with_source(look: Observation, sources: Iterator[str]) -> Observation:
    if look.run is None:
        return look
    source = next(sources, None)
    if source is None:
        raise WireError("there are more cells than sources")
    return replace(look, run=replace(look.run, code=source))
