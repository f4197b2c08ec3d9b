"""What the probe sends, decoded once: after this there are only types.

Everything that comes from a kernel passes through here, so this is where its text is made safe to
display (``kernelscope.text``) and where its size is bounded.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from kernelscope.text import clean, clean_block, is_plain
from kernelscope.timeline.facts import Cost, Movement, Observation, Snapshot

WIRE = 1
"""The version that this side speaks; the probe's is in ``kernelscope/probe/agent.py``."""

_LONGEST = 64_000_000
_LONGEST_LINE = 4_096
_BLOCKS = frozenset({("run", "code")})
"""Where text keeps its line ends: a key, and the key of the object that has it."""


T = TypeVar("T")


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
    return converted(read_json(text), Observation)


def decode_pulse(text: str) -> Pulse:
    """One sign of life.

    Raises:
        WireError: it has another form.
    """
    return converted(read_json(text), Pulse)


def read_json(text: str) -> Any:
    """What the text says, bounded and safe to display.

    Raises:
        WireError: it is no JSON, or more than can be true.
    """
    if len(text) > _LONGEST:
        raise WireError(f"a message of {len(text)} characters is more than can be true")
    try:
        # The standard library's decoder takes lone surrogates, which a user's text may hold.
        return _cleaned(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise WireError(f"no JSON: {error}") from error


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
        return clean_block(value) if place in _BLOCKS else _line(value)
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if isinstance(value, dict):
        return {_line(name): _cleaned(item, (place[1], name)) for name, item in value.items()}
    return value


def _line(text: str) -> str:
    """Keys and values alike, so that what names one thing twice stays one name."""
    return clean(text, limit=_LONGEST_LINE)
