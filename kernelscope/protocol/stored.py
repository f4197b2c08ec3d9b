"""Events, and what was made of them, as they are stored: JSON of the timeline's own types.

It is checked and made safe when it is read, for a recording may come from a stranger.
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
    """What a recording tells of itself."""

    version: str = ""
    """Of the kernelscope that wrote it and gave the verdicts in it."""
    started: float | None = None
    """Seconds since the epoch, UTC, by the recorder's clock."""
    ended: float | None = None
    """``None``: it is being written, or its writer was killed."""
    kernel: KernelFacts | None = None
    """The latest that it tells of."""


_EVENT: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_JUDGEMENTS = msgspec.json.Decoder(tuple[Judgement, ...])
_SOURCES = msgspec.json.Decoder(tuple[int, ...])
_ABOUT = msgspec.json.Decoder(About)


def encode_event(event: Event) -> tuple[str, tuple[str, ...]]:
    """One event as JSON without the source of its cells, and these: one per run in it, in order."""
    match event:
        case Observed(observation=observation):
            told: Event = replace(event, observation=_without_source(observation))
            looks: Sequence[Observation] = (observation,)
        case Attached(history=looks):
            told = replace(event, history=tuple(_without_source(look) for look in looks))
        case _:
            told, looks = event, ()
    return _text(told), tuple(look.run.code for look in looks if look.run is not None)


def decode_event(text: str, sources: Sequence[str] = ()) -> Event:
    """One event.

    Args:
        sources: of its cells, already safe (``decode_source``); none where they are in the text.

    Raises:
        WireError: the text is none, or it has another number of cells; the message names the field.
    """
    event = _decoded(text, _EVENT)
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
    """What was made of one event, as one JSON text."""
    return _text(judgements)


def decode_judgements(text: str) -> tuple[Judgement, ...]:
    """What was made of one event.

    Raises:
        WireError: the text is none; the message names the field.
    """
    return _decoded(text, _JUDGEMENTS)


def encode_about(about: About) -> str:
    """As one JSON text."""
    return _text(about)


def decode_about(text: str) -> About:
    """What a recording tells of itself.

    Raises:
        WireError: the text is none; the message names the field.
    """
    return _decoded(text, _ABOUT)


def encode_sources(places: Sequence[int]) -> str:
    """Which sources an event's cells have, by their numbers in the recording."""
    return _text(places)


def decode_sources(text: str) -> tuple[int, ...]:
    """The same, read again.

    Raises:
        WireError: the text is none.
    """
    return _decoded(text, _SOURCES)


def decode_source(text: str) -> str:
    """The source of a cell, safe to display."""
    return clean_block(text)


def _text(told: object) -> str:
    return msgspec.json.encode(told).decode()


def _decoded(text: str, decoder: msgspec.json.Decoder[T]) -> T:
    try:
        if is_harmless(text):  # nearly all is, and read some ten times as fast
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
