"""What a colleague would say about a change, in one or two sentences."""

from __future__ import annotations

import msgspec

from kernelscope.timeline.changes import Change, Identity, Learned, Verdict
from kernelscope.timeline.facts import Opaque, Value
from kernelscope.timeline.world import World

_SHOWN_PARAMS = 3
_BETWEEN = "Between runs, by no cell:"


def explain(change: Change, world: World) -> Change:
    """The change with its ``explanation`` filled in."""
    run = world.observation.run
    where = f"In [{run.execution_count}]" if run else _BETWEEN
    parts = [f"{where} {_what(change, world)}."]
    if change.identity is Identity.REBOUND and change.verdict is not Verdict.ALIASED:
        parts.append(f"{change.name} holds that object now; it was there before.")
    if change.params and change.verdict is not Verdict.DELETED:
        parts.append(f"{_params(change)}.")
    if change.persistence is not None and change.persistence.action == "loaded":
        parts += _what_the_file_held(change, world)
    if change.stale:
        parts.append(
            f"{_and(change.stale)} still {'holds' if len(change.stale) == 1 else 'hold'} {_numbered(change.previous_generation)}."
        )
    return msgspec.structs.replace(change, explanation=" ".join(parts) + _why(change))


def gist(change: Change) -> str:
    """The explanation without the run and the evidence, for where both stand beside it."""
    told = change.explanation.removesuffix(_why(change)).removeprefix(_BETWEEN + " ")
    head, found, rest = told.partition("] ")
    return rest if found and head.startswith("In [") else told


def _why(change: Change) -> str:
    if not change.evidence or change.verdict is Verdict.DELETED:
        return ""
    lead = {"observed": "Seen", "inferred": "Inferred", "unknown": "Known"}[change.certainty]
    return f" {lead}: {'; '.join(change.evidence)}."


def _what(change: Change, world: World) -> str:  # noqa: C901 - one case per verdict
    name, cls = change.name, short_class(change.cls)
    this, that = _numbered(change.generation), _numbered(change.previous_generation)
    source = _file(change)
    match change.verdict:
        case Verdict.DELETED:
            return f"{name} was removed: it holds no model any more; it held {that}"
        case Verdict.CREATED if change.scope == "local":
            return f"{name}() fitted {_a(cls)} of its own ({this}) inside the call; no global model was touched by that"
        case Verdict.CREATED:
            return f"{name} was created: {_a(cls)} ({this}), {_state(change)}"
        case Verdict.RESET:
            return f"{name} was replaced: a new {cls} ({this}), {_state(change)}; {_fate(change, world)}"
        case Verdict.RESTORED if change.identity in (Identity.SAME, Identity.REBOUND):
            return f"{name} got a learned state back{source}: the same object ({this}), other contents"
        case Verdict.RESTORED:
            return f"{name} was loaded{source}: a new {cls} ({this}) with the learned state it was saved with"
        case Verdict.COPIED:
            return f"{name} is a copy now: a new {cls} ({this}) that carries over a learned state from memory"
        case Verdict.ALIASED:
            return f"{name} now holds {this}, {_a(cls)} that was there before{_known_as(change, world)}"
        case Verdict.REFITTED:
            return f"{name} was fitted again: the same object ({this}), learned anew; what it had learned before is gone"
        case Verdict.CONTINUED:
            return f"{name} learned on: the same object ({this}), from where it was"
        case Verdict.FITTED:
            return f"{name} was fitted for the first time: the same object ({this})"
        case Verdict.CLEARED:
            return f"{name} lost what it had learned: the same object ({this}), not fitted any more"
        case Verdict.EDITED:
            return f"{name} had learned attributes changed by hand: the same object ({this})"
        case Verdict.PARAMS:
            return f"{name} got other hyper-parameters; what it has learned stays as it was ({this})"
        case Verdict.SAVED:
            return f"{name} was saved{source}; nothing about it changed ({this})"
        case _:
            return f"{name} changed ({this}), and it cannot be told how"


def _state(change: Change) -> str:
    if not change.fitted:
        return "not fitted yet"
    return "with a learned state of unknown origin" if change.learned is Learned.UNKNOWN else "fitted"


def _fate(change: Change, world: World) -> str:
    """What became of the generation that was replaced."""
    that = _numbered(change.previous_generation)
    previous = next((f for f in world.before.values() if f.generation == change.previous_generation), None)
    others = world.names_of(previous.token) if previous else ()
    if others:
        return f"{that} lives on as {_and(others)}"
    if change.stale:
        return f"{that} has no name any more"
    return f"what {that} had learned is gone"


def _numbered(generation: int | None) -> str:
    return "a part without a name of its own" if generation is None else f"generation {generation}"


def _known_as(change: Change, world: World) -> str:
    others = tuple(
        n for n, t in world.names_after.items() if n != change.name and _has(world, t, change.generation)
    )
    return f" as {_and(others)}" if others else ""


def _has(world: World, token: int, generation: int | None) -> bool:
    facts = world.after.get(token)
    return facts is not None and facts.generation == generation


def _file(change: Change) -> str:
    if change.persistence is None or change.persistence.file is None:
        return ""
    preposition = "from" if change.persistence.action == "loaded" else "to"
    return f" {preposition} {change.persistence.file.rsplit('/', 1)[-1]}"


def _what_the_file_held(change: Change, world: World) -> list[str]:
    """Which generation went into the file, and which one memory held until now."""
    path = change.persistence.file if change.persistence else None
    kept = world.kept.get(path) if path is not None else None
    if kept is None:
        return []
    before = "" if kept.epoch == world.epoch else " before the kernel was restarted"
    held = f"The file holds {_numbered(kept.generation)}, as saved in In [{kept.execution_count}]{before}"
    if change.previous_generation is None:
        return [held + "."]
    if change.previous_generation == kept.generation and kept.epoch == world.epoch:
        return [f"{held}; what {change.name} has learned since is gone."]
    return [f"{held}; memory held {_numbered(change.previous_generation)}."]


def _params(change: Change) -> str:
    items = list((change.params or {}).items())
    told = ", ".join(f"{name} {shown(a)} → {shown(b)}" for name, (a, b) in items[:_SHOWN_PARAMS])
    more = f" and {len(items) - _SHOWN_PARAMS} more" if len(items) > _SHOWN_PARAMS else ""
    return f"Hyper-parameters: {told}{more}"


def shown(value: Value) -> str:
    """A parameter value as it stands in a sentence."""
    return value.text if isinstance(value, Opaque) else repr(value)


def short_class(cls: str | None) -> str:
    """The last part of a qualified class name."""
    return cls.rsplit(".", 1)[-1] if cls else "model"


def _a(noun: str) -> str:
    """With its article; a name that begins with initials (SGDClassifier) is spelt out in speech."""
    spelt_out = noun[:2].isupper()
    vowel = noun[:1] in ("AEFHILMNORSX" if spelt_out else "AEIOU")
    return f"an {noun}" if vowel else f"a {noun}"


def _and(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
