"""The wire: what the probe in a kernel sends, and what this side makes of it.

**Messages.**  The loader answers each request of ours with one JSON text: a ``Greeting`` (is a probe there?), an
``AttachReply`` (everything that is known), a ``DetachReply``, or a ``Refusal``.  From the attach on the probe
pushes messages on its comm (``Push``): an ``observation`` per run, whose text is an ``Observation``, a ``pulse``
while a run lasts (``Pulse``), and at the end ``detached`` or ``gone`` with the reason.  Observations are numbered
without gaps and are differences: each one to that before it, the first one to the ``Snapshot`` of the attach reply.

**Fields** are those of the structs here and in ``kernelscope.domain.facts``.  The probe declares the same keys in
``kernelscope/probe/wire.py``; ``tests/protocol/test_forms.py`` compares them.  A key that this side does not
know is ignored, and a field with a default may be missing.

**Versions.**  ``WIRE`` grows when a key or a method that the loader calls is renamed or changes its meaning; probes
and watchers of one number understand each other, whichever version of kernelscope each is.  It is independent of
``SCHEMA``, the version of the JSON records for users (``kernelscope.protocol.records``), and of ``VERSION``, that of
the recordings (``kernelscope.storage.schema``).

**Trust.**  A kernel may send anything.  All of it passes through here once, where its size is bounded and its text
made safe to display (``kernelscope.text``); beyond this module there are only checked types.
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
"""The version that this side speaks; that of the probe is in ``kernelscope/probe/agent.py``."""

_MAX_CHARACTERS = 64_000_000
_MAX_PUSH_CHARACTERS = 16_000_000
"""Of one observation or pulse.  A cell that makes 3,000 fitted models takes some 4,000,000."""
MAX_VALUES = 2_000_000
"""Values in one text, counted by its commas: reading these takes about half a second.  An answer with 3,000 models
and 4 MB of history has some 600,000."""
_MAX_ENTRIES = 20_000
"""Entries of one list or object below.  One look of the probe names at most 10,000 models; of the 4,000,000 bytes of
history that it keeps, one run takes at least 200."""
_MAX_BY_KEY: dict[object, int] = {
    **dict.fromkeys(("names", "unreached", "unreadable", "objects", "history", "cut", "after"), _MAX_ENTRIES),
    "compared_after": _MAX_ENTRIES,
    **dict.fromkeys(("params", "learned", "parts", "not_evaluated", "partners", "bases"), _MAX_ENTRIES),
    **dict.fromkeys(
        (
            "calls",
            "locals",
            "files",
            "methods",
            "assigned",
            "copies",
            "classes_copied",
            "classes_called",
            "moved",
        ),
        4_096,
    ),
}
"""By key, whatever object it is in.  (Calls: the probe watches 256 objects; the rest is read from one cell of
65,536 characters and the functions that it reaches.)"""
_STEP_OBJECTS = 64
"""Objects that are decoded before other tasks have their turn: a few milliseconds."""
_MAX_LINE = 4_096
_BLOCKS = frozenset({("run", "code"), ("run", "transformed")})
"""Text that keeps its line ends: the key of the object that has it, and its own."""


T = TypeVar("T")
F = TypeVar("F", Observation, Snapshot)


class WireError(ValueError):
    """A message has another form than the probe gives it; the text names the field."""


class KernelReply(Struct, frozen=True):
    """Which kernel the probe is in."""

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
    """The probe sees this watcher's process; otherwise the watcher must renew its lease."""
    pulses: bool = False
    """The probe sends pulses while a run lasts, so that their absence means something."""
    cost: Cost = Cost()


class Refusal(Struct, frozen=True):
    """Why the loader did not do what was asked."""

    error: str
    detail: str = ""


class Greeting(Struct, frozen=True):
    """The answer to a greeting: which kernel this is, and whether it has a probe."""

    session: str
    """The kernel's: another one is another process."""
    clock: float
    """Seconds, of a monotonic clock in the kernel's process."""
    nonce: str | None = None
    """Identifies the probe that is in the kernel; ``None`` if there is none."""
    hooked: bool | None = None
    """Whether that probe's hooks are still in place."""
    seq: int = 0
    """Of the latest observation that it sent."""


class DetachReply(Struct, frozen=True):
    """The answer to a detach."""

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
    """Since it began."""
    next: float
    """Seconds until the next of these, unless the run ends before."""
    moved: tuple[Movement, ...] = ()


def decode_answer(text: str, wanted: type[T]) -> T | Refusal:
    """Decode the loader's answer to a request.

    Args:
        wanted: the type of the answer to that request, unless it is refused.

    Raises:
        WireError: it has another form; the text names the field.
    """
    answer = read_json(text)
    is_refusal = isinstance(answer, dict) and "error" in answer
    return convert(answer, Refusal) if is_refusal else convert(answer, wanted)


def decode_attach_in_steps(text: str) -> Generator[None, None, AttachReply | Refusal]:
    """Decode the answer to an attach, which may be long: yields between steps of a few milliseconds.

    Raises:
        WireError: it has another form.
    """
    raw = _parse(text, _MAX_CHARACTERS)
    yield
    if not isinstance(raw, dict):
        return convert(raw, AttachReply)
    if "error" in raw:
        return convert(_clean(raw), Refusal)
    base, history = raw.pop("base", None), raw.pop("history", None)
    reply = convert({**_clean(raw), "base": {}, "history": []}, AttachReply)
    snapshot = yield from _decode_look("base", base, Snapshot)
    _check_list("history", history)
    observations: list[Observation] = []
    for place, item in enumerate(history):
        observations.append((yield from _decode_look(f"history[{place}]", item, Observation)))
        yield
    return replace(reply, base=snapshot, history=tuple(observations))


def _decode_look(place: str, raw: object, wanted: type[F]) -> Generator[None, None, F]:
    """Decode an observation or a snapshot, its objects a few at a time."""
    try:
        if not isinstance(raw, dict):
            return convert(raw, wanted)
        raw_objects = raw.pop("objects", [])
        rest = convert(_clean(raw), wanted)
        _check_list("objects", raw_objects)
        objects: list[ObjectFacts] = []
        for first in range(0, len(raw_objects), _STEP_OBJECTS):
            objects += convert(_clean(raw_objects[first : first + _STEP_OBJECTS]), list[ObjectFacts])
            yield
    except WireError as error:
        raise WireError(f"{error} in {place}") from error
    return replace(rest, objects=tuple(objects))


def _check_list(name: str, value: object) -> None:
    if not isinstance(value, list):
        raise WireError(f"`{name}` is not a list")
    _check_size(name, value)


def decode_push(data: object) -> Push | None:
    """Decode the data of a comm message; ``None`` if the probe did not send it.

    The texts in ``observation`` and ``pulse`` are JSON that is still to be decoded.

    Raises:
        WireError: the probe sent it, and it has another form.
    """
    message = data.get("kernelscope") if isinstance(data, dict) else None
    if message is None:
        return None
    push = convert(message, Push)
    return Push(_line(push.nonce), _line(push.kind), push.observation, push.pulse, _line(push.reason))


def decode_observation(text: str) -> Observation:
    """Decode one observation.

    Raises:
        WireError: it has another form.
    """
    return convert(read_json(text, _MAX_PUSH_CHARACTERS), Observation)


def decode_pulse(text: str) -> Pulse:
    """Decode one pulse.

    Raises:
        WireError: it has another form.
    """
    return convert(read_json(text, _MAX_PUSH_CHARACTERS), Pulse)


def read_json(text: str, max_characters: int = _MAX_CHARACTERS) -> Any:
    """Read JSON of a bounded size; its text is safe to display.

    Raises:
        WireError: it is not JSON, or larger than what the probe sends.
    """
    try:
        return _clean(_parse(text, max_characters))
    except RecursionError as error:
        raise WireError(f"not JSON: {error}") from error


def _parse(text: str, max_characters: int) -> Any:
    """Read JSON of a bounded size; its text is as it was sent."""
    # fault: 81b
    if len(text) > max_characters:
        raise WireError(f"a message of {len(text)} characters is larger than the limit of {max_characters}")
    values = text.count(",")
    if values > MAX_VALUES:
        raise WireError(f"a message of {values} values is larger than the limit of {MAX_VALUES}")
    try:
        # The standard library's decoder accepts lone surrogates, which a user's text may contain.
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WireError(f"not JSON: {error}") from error


def _check_size(name: object, value: object) -> None:
    """Check the number of entries, before any of them is read."""
    limit = _MAX_BY_KEY.get(name, MAX_VALUES)
    if isinstance(value, (list, dict)) and len(value) > limit:
        raise WireError(f"`{name}` has {len(value)} entries, and the limit is {limit}")


def is_harmless(text: str) -> bool:
    """Whether making this JSON safe would change nothing: it has no invisible character, no escape that could
    stand for one, and no text that is too long."""
    if not is_plain(text) or "\\" in text:
        return False
    return len(text) <= _MAX_LINE or max(map(len, text.split('"'))) <= _MAX_LINE


def convert(raw: Any, wanted: type[T]) -> T:
    """Convert what was read from JSON to its type.

    Raises:
        WireError: it has another form; the text names the field.
    """
    try:
        return msgspec.convert(raw, wanted)
    except msgspec.ValidationError as error:
        raise WireError(str(error)) from error


def _clean(value: Any, place: tuple[str, str] = ("", "")) -> Any:
    """Make every text in a value safe to display, keys as well."""
    if isinstance(value, str):
        # fault: 81a
        return clean_block(value) if place in _BLOCKS else _line(value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        for name, item in value.items():
            _check_size(name, item)
        return {_line(name): _clean(item, (place[1], name)) for name, item in value.items()}
    return value


def _line(text: str) -> str:
    """Make one line safe; keys and values alike, so that a name stays the same name wherever it is."""
    return clean(text, limit=_MAX_LINE)
