"""What the probe sends, decoded once: after this there are only types.

Everything that comes from a kernel passes through here, so this is where its text is made safe to
display (``kernelscope.text``) and where its size is bounded.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from kernelscope.domain.facts import Cost, Movement, ObjectFacts, Observation, Snapshot
from kernelscope.text import clean, clean_block, is_plain

WIRE = 2
"""The version that this side speaks; the probe's is in ``kernelscope/probe/agent.py``."""

_LONGEST = 64_000_000
_LONGEST_PUSH = 16_000_000
"""Characters of one observation or pulse.  A cell that makes 3,000 fitted models is told in some 4,000,000."""
MOST_VALUES = 2_000_000
"""Values in one text, counted by its commas: reading these takes about half a second.  An answer with 3,000 models
and 4 MB of history has some 600,000."""
_MOST_ENTRIES = 20_000
"""Entries of one list or object below: what is beyond that was made up.  One look of the probe names 10,000 models; of the 4,000,000 bytes of history that it keeps, one run takes at least 200."""
_MOST: dict[object, int] = {
    **dict.fromkeys(("names", "unreached", "unreadable", "objects", "history", "cut"), _MOST_ENTRIES),
    **dict.fromkeys(("params", "learned", "parts", "not_evaluated", "partners", "bases"), _MOST_ENTRIES),
    **dict.fromkeys(("calls", "locals", "files", "methods", "assigned", "copies", "moved"), 4_096),
}
"""By key, whatever object it is in.  (Calls: the probe watches 256 objects; the rest is read from one cell of
65,536 characters and the functions that it reaches.)"""
_AT_ONCE = 64
"""Objects that are read before others have their turn: a few milliseconds."""
_LONGEST_LINE = 4_096
_BLOCKS = frozenset({("run", "code")})
"""Where text keeps its line ends: a key, and the key of the object that has it."""


T = TypeVar("T")
Look = TypeVar("Look", Observation, Snapshot)


class WireError(ValueError):
    """What came does not have the form that the probe gives it; the message names the field."""


class KernelReply(Struct, frozen=True):
    """What the probe says of its kernel."""

    python: str
    pid: int
    execution_count: int
    notebook: str | None = None
    ipykernel: str = ""
    cwd: str = ""
    sees_calls: bool = False


class AttachReply(Struct, frozen=True):
    """The probe's answer to an attach."""

    wire: int
    nonce: str
    comm_id: str
    version: str
    seq: int
    kernel: KernelReply
    base: Snapshot
    history: tuple[Observation, ...]
    local: bool = True
    """The probe sees this watcher's process; to one that it does not see it must give signs of life."""
    pulses: bool = False
    """While a run lasts it gives signs of life, so that their absence tells something."""
    cost: Cost = Cost()


class Refusal(Struct, frozen=True):
    """Why the loader did not put the probe in."""

    error: str
    detail: str = ""


class Greeting(Struct, frozen=True):
    """The loader's answer to a greeting: who is there."""

    session: str
    """The kernel's: another one is another process."""
    clock: float
    """Seconds, of a clock of the kernel's process that nobody sets."""
    nonce: str | None = None
    """Names the probe that is in the kernel; ``None``: there is none."""
    hooked: bool | None = None
    """Whether that probe's hooks are still where it put them."""
    seq: int = 0
    """Of the latest observation that it sent."""


class TakenOut(Struct, frozen=True):
    """The loader's answer to a detach."""

    detached: bool
    """Whether there was a probe."""


class Push(Struct, frozen=True):
    """One message of the probe on its comm."""

    nonce: str
    kind: str
    observation: str = ""
    pulse: str = ""
    reason: str = ""


class Pulse(Struct, frozen=True):
    """A run is still at work."""

    execution_count: int
    seconds: float
    """For which it has been running."""
    next: float
    """Seconds until the next of these, unless the run ends before."""
    moved: tuple[Movement, ...] = ()


def decode_answer(text: str, wanted: type[T]) -> T | Refusal:
    """What the loader answered to a question.

    Args:
        wanted: what it answers to that question, unless it refuses.

    Raises:
        WireError: it has another form; the message names the field.
    """
    found = read_json(text)
    refused = isinstance(found, dict) and "error" in found
    return converted(found, Refusal) if refused else converted(found, wanted)


def decoding_attach(text: str) -> Generator[None, None, AttachReply | Refusal]:
    """The same of an answer to an attach, which may be long: yields between steps of some milliseconds.

    Raises:
        WireError: it has another form.
    """
    raw = _parsed(text, _LONGEST)
    yield
    if not isinstance(raw, dict) or "error" in raw:
        refused = isinstance(raw, dict)
        return converted(_cleaned(raw), Refusal) if refused else converted(raw, AttachReply)
    base, history = raw.pop("base", None), raw.pop("history", None)
    reply = converted({**_cleaned(raw), "base": {}, "history": []}, AttachReply)
    snapshot = yield from _decoding_look("base", base, Snapshot)
    _must_be_list("history", history)
    looks: list[Observation] = []
    for place, look in enumerate(history):
        looks.append((yield from _decoding_look(f"history[{place}]", look, Observation)))
        yield
    return replace(reply, base=snapshot, history=tuple(looks))


def _decoding_look(place: str, raw: object, wanted: type[Look]) -> Generator[None, None, Look]:
    """An observation or snapshot, its objects a few at a time."""
    try:
        if not isinstance(raw, dict):
            return converted(raw, wanted)
        told = raw.pop("objects", [])
        rest = converted(_cleaned(raw), wanted)
        _must_be_list("objects", told)
        objects: list[ObjectFacts] = []
        for first in range(0, len(told), _AT_ONCE):
            objects += converted(_cleaned(told[first : first + _AT_ONCE]), list[ObjectFacts])
            yield
    except WireError as error:
        raise WireError(f"{error} in {place}") from error
    return replace(rest, objects=tuple(objects))


def _must_be_list(name: str, told: object) -> None:
    if not isinstance(told, list):
        raise WireError(f"{name} is no list")
    _must_be_possible(name, told)


def decode_push(data: object) -> Push | None:
    """A comm message's data; ``None`` for one that is not the probe's.  Its ``observation`` and
    ``pulse`` are still to be decoded.

    Raises:
        WireError: it is the probe's and has another form.
    """
    ours = data.get("kernelscope") if isinstance(data, dict) else None
    if ours is None:
        return None
    push = converted(ours, Push)
    return Push(_line(push.nonce), _line(push.kind), push.observation, push.pulse, _line(push.reason))


def decode_observation(text: str) -> Observation:
    """One observation.

    Raises:
        WireError: it has another form.
    """
    return converted(read_json(text, _LONGEST_PUSH), Observation)


def decode_pulse(text: str) -> Pulse:
    """One sign of life.

    Raises:
        WireError: it has another form.
    """
    return converted(read_json(text, _LONGEST_PUSH), Pulse)


def read_json(text: str, longest: int = _LONGEST) -> Any:
    """What the text says, bounded and safe to display.

    Args:
        longest: the most characters that it may have.

    Raises:
        WireError: it is no JSON, or more than can be true.
    """
    try:
        return _cleaned(_parsed(text, longest))
    except RecursionError as error:
        raise WireError(f"no JSON: {error}") from error


def _parsed(text: str, longest: int) -> Any:
    """What the text says, as it stands there."""
    # fault: 81b
    if len(text) > longest:
        raise WireError(f"a message of {len(text)} characters is more than can be true")
    values = text.count(",")
    if values > MOST_VALUES:
        raise WireError(f"a message of {values} values is more than can be true")
    try:
        # The standard library's decoder takes lone surrogates, which a user's text may hold.
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WireError(f"no JSON: {error}") from error


def _must_be_possible(name: object, value: object) -> None:
    """Whether so many entries can be true; a look at the length, before anything is done for each of them."""
    if isinstance(value, (list, dict)) and len(value) > _MOST.get(name, MOST_VALUES):
        raise WireError(f"{name} has {len(value)} entries, more than can be true")


def is_harmless(text: str) -> bool:
    """Whether nothing in this JSON would be changed where it is made safe: it has no character that hides,
    no escape that could stand for one, and no text that is too long."""
    if not is_plain(text) or "\\" in text:
        return False
    return len(text) <= _LONGEST_LINE or max(map(len, text.split('"'))) <= _LONGEST_LINE


def converted(found: Any, wanted: type[T]) -> T:
    """``found`` as the type that it must have.

    Raises:
        WireError: it has not; the message names the field.
    """
    try:
        return msgspec.convert(found, wanted)
    except msgspec.ValidationError as error:
        raise WireError(str(error)) from error


def _cleaned(value: Any, place: tuple[str, str] = ("", "")) -> Any:
    """Every text in it made safe to display; keys are text as well."""
    if isinstance(value, str):
        # fault: 81a
        return clean_block(value) if place in _BLOCKS else _line(value)
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if isinstance(value, dict):
        for name, item in value.items():
            _must_be_possible(name, item)
        return {_line(name): _cleaned(item, (place[1], name)) for name, item in value.items()}
    return value


def _line(text: str) -> str:
    """Keys and values alike, so that what names one thing twice stays one name."""
    return clean(text, limit=_LONGEST_LINE)
