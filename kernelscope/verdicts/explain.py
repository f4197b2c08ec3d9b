"""What a colleague would say about a change, in one or two sentences."""

from __future__ import annotations

import re

import msgspec

from kernelscope.domain.changes import Change, Identity, Learned, Verdict
from kernelscope.domain.facts import ObjectFacts, Opaque, Value
from kernelscope.libraries.networks import BATCH_STATISTICS, KERAS_BATCH_STATISTICS
from kernelscope.libraries.registry import card_for
from kernelscope.verdicts.context import JudgingContext
from kernelscope.verdicts.findings import attribute_changes
from kernelscope.verdicts.networks import was_fitted

_SHOWN_PARAMS = 3
_FRACTION = re.compile(r"(?<![\w.])-?\d+\.\d+(e[+-]?\d+)?(?![\w.])")
_LONG = 10
"""Characters of a fraction that nobody wrote like that: ``0.0010000000000000002``."""
_BETWEEN = "Between runs, by no cell:"
_LATE = "Between runs, or in one that could not be looked at:"
_MAY_BE_EARLIER = "an earlier look failed or did not reach everything, so this may have happened before"


def explain(change: Change, context: JudgingContext) -> Change:
    """The change with its ``explanation`` filled in."""
    run, late = context.observation.run, context.observation.late
    if late:
        change = msgspec.structs.replace(
            change,
            certainty="inferred" if change.certainty == "observed" else change.certainty,
            evidence=(*change.evidence, _MAY_BE_EARLIER),
        )
    where = f"In [{run.execution_count}]" if run else _LATE if late else _BETWEEN
    parts = [f"{where} {_what(change, context)}."]
    if change.identity is Identity.REBOUND and change.verdict is not Verdict.ALIASED:
        parts.append(f"{change.name} holds that object now; it was there before.")
    if _told_params(change) and change.verdict is not Verdict.DELETED:
        parts.append(f"{_params(change, _words(change, context))}.")
    if change.persistence is not None and change.persistence.action == "loaded":
        parts += _what_the_file_held(change, context)
    if change.stale:
        parts.append(f"{_stale(change, context)}.")
    return msgspec.structs.replace(change, explanation=" ".join(parts) + _why(change))


def is_late(change: Change) -> bool:
    """Whether it may have happened before the run, or the look, that it is told of."""
    return _MAY_BE_EARLIER in change.evidence


def gist(change: Change) -> str:
    """The explanation without the run and the evidence, for where both stand beside it."""
    told = (
        change.explanation.removesuffix(_why(change)).removeprefix(_BETWEEN + " ").removeprefix(_LATE + " ")
    )
    head, found, rest = told.partition("] ")
    return rest if found and head.startswith("In [") else told


def _why(change: Change) -> str:
    if not change.evidence or change.verdict is Verdict.DELETED:
        return ""
    lead = {"observed": "Seen", "inferred": "Inferred", "unknown": "Known"}[change.certainty]
    return f" {lead}: {'; '.join(change.evidence)}."


def _what(change: Change, context: JudgingContext) -> str:  # noqa: C901 - one case per verdict
    name, cls = change.name, short_class(change.cls)
    this, that = _numbered(change.generation), _numbered(change.previous_generation)
    source, words = _file(change), _words(change, context)
    if change.verdict in (Verdict.FITTED, Verdict.CONTINUED) and _only_statistics(change, context):
        return f"{name} ran in training mode: the same {words.noun} ({this}); its batch statistics moved, its weights did not"
    match change.verdict:
        case Verdict.DELETED:
            return f"{name} was removed: it holds no model any more; it held {that}"
        case Verdict.UNKNOWN if change.identity is Identity.GONE:
            return f"{name} no longer holds {that}; whether it holds another model is not known"
        case Verdict.CREATED if change.scope == "local":
            return f"{name}() fitted {_a(cls)} of its own ({this}) inside the call; no global model was touched by that"
        case Verdict.CREATED:
            return f"{name} was created: {_a(cls)} ({this}), {_state(change, words)}"
        case Verdict.RESET:
            return f"{name} was replaced: a new {cls} ({this}), {_state(change, words)}; {_fate(change, context)}"
        case Verdict.RESTORED if change.identity in (Identity.SAME, Identity.REBOUND):
            return f"{name} got a learned state back{source}: the same {words.noun} ({this}), other contents"
        case Verdict.RESTORED:
            return f"{name} was loaded{source}: a new {cls} ({this}) with the learned state it was saved with"
        case Verdict.COPIED if change.learned is Learned.CONTINUED:
            return f"{name} goes on from a copy: a new {cls} ({this}) that learned on from a state in memory"
        case Verdict.COPIED:
            now = "" if change.identity is Identity.NEW else " now"
            return (
                f"{name} is a copy{now}: a new {cls} ({this}) that carries over a learned state from memory"
            )
        case Verdict.ALIASED:
            return f"{name} now holds {this}, {_a(cls)} that was there before{_known_as(change, context)}"
        case Verdict.REFITTED:
            return f"{name} {words.began_anew}: the same {words.noun} ({this}), learned anew; what it had learned before is gone"
        case Verdict.CONTINUED:
            return f"{name} {words.went_on}: the same {words.noun} ({this}), from where it was"
        case Verdict.FITTED:
            return f"{name} {words.began}: the same {words.noun} ({this})"
        case Verdict.CLEARED:
            return f"{name} lost {words.learned}: the same {words.noun} ({this}), {words.blank.removesuffix(' yet')} any more"
        case Verdict.EDITED:
            return f"{name} had {words.values} changed by hand: the same {words.noun} ({this})"
        case Verdict.PARAMS:
            return f"{name} got other {words.params}; {words.learned} stays as it was ({this})"
        case Verdict.SAVED:
            return f"{name} was saved{source}; nothing about it changed ({this})"
        case _:
            return f"{name} changed ({this}), and it cannot be told how"


def _only_statistics(change: Change, context: JudgingContext) -> bool:
    """Whether a network passed data forward and nothing trained it: no optimizer reached its weights."""
    after = _now(change, context)
    before = context.before.get(after.token) if after is not None else None
    if after is None or before is None or not card_for(after).by_history:
        return False
    changes = attribute_changes(before, after)
    names = (*changes.written, *changes.bound, *changes.lost)
    kinds = {n.replace("/", ".").rpartition(".")[2] for n in names}
    return bool(kinds) and kinds <= BATCH_STATISTICS | KERAS_BATCH_STATISTICS


class _Words(msgspec.Struct, frozen=True):
    """How one speaks of models of a kind."""

    noun: str = "object"
    fitted: str = "fitted"
    blank: str = "not fitted yet"
    began: str = "was fitted for the first time"
    began_anew: str = "was fitted again"
    went_on: str = "learned on"
    learned: str = "what it has learned"
    values: str = "learned attributes"
    params: str = "hyper-parameters"


_NETWORK = _Words(
    noun="network",
    fitted="trained",
    blank="not trained yet",
    began="was trained, having learned nothing before",  # or nothing that was left: it may have been cleared
    began_anew="was trained again",
    went_on="was trained further",
    values="weights",
)
_OPTIMIZER = _Words(
    noun="optimizer",
    fitted="with steps on record",
    blank="with no steps on record",  # plain SGD records none, ever
    began="took its first steps",
    began_anew="began its record of steps anew",
    went_on="took further steps",
    learned="its record of steps",
    values="its record of steps",
    params="settings",
)
_WORDS = {"torch": _NETWORK, "keras": _NETWORK, "torch.optim": _OPTIMIZER}


def _words(change: Change, context: JudgingContext) -> _Words:
    facts = _now(change, context)
    return _WORDS.get(facts.library, _Words()) if facts is not None else _Words()


def standing(facts: ObjectFacts, *, fitted: bool) -> str:
    """Whether it has learned anything, as one says it of models of its kind: ``fitted``, ``not trained``."""
    words = _WORDS.get(facts.library, _Words())
    return words.fitted if fitted else words.blank.removesuffix(" yet")


def _stale(change: Change, context: JudgingContext) -> str:
    """Who still holds what is gone, and what that means where it is an optimizer or a scheduler."""
    that, one = _numbered(change.previous_generation), len(change.stale) == 1
    told = f"{_and(change.stale)} still {'holds' if one else 'hold'} {that}"
    held = [context.after[context.names_after[n]] for n in change.stale if n in context.names_after]
    now = "the new one" if change.identity is Identity.RECREATED else f"what {change.name} holds now"
    if held and all(f.library == "torch.optim" for f in held):
        return f"{told}: {'its' if one else 'their'} steps do not reach {now}"
    if held and all(f.helper for f in held):
        return f"{told}: {'it does' if one else 'they do'} not change the settings of {now}"
    return told


def _state(change: Change, words: _Words) -> str:
    if not change.fitted:
        return words.blank
    return "with a learned state of unknown origin" if change.learned is Learned.UNKNOWN else words.fitted


def _fate(change: Change, context: JudgingContext) -> str:
    """What became of the generation that was replaced."""
    that = "the one before" if change.previous_generation is None else _numbered(change.previous_generation)
    held = (change.previous_generation, change.previous_id)
    previous = next((f for f in context.before.values() if (f.generation, f.id) == held), None)
    others = context.names_of(previous.token) if previous else ()
    if others:
        return f"{that} lives on as {_and(others)}"
    if change.stale:
        return f"{that} has no name any more"
    optimizes = previous is not None and previous.library == "torch.optim"
    if previous is not None and not _had_learned(previous, context):
        return f"{that} had no steps on record" if optimizes else f"{that} had learned nothing"
    return f"the record of {that}'s steps is gone" if optimizes else f"what {that} had learned is gone"


def _had_learned(facts: ObjectFacts, context: JudgingContext) -> bool:
    card = card_for(facts)
    return was_fitted(facts, context) if card.by_history else card.is_fitted(facts, context.before)


def _numbered(generation: int | None) -> str:
    return "a part" if generation is None else f"generation {generation}"


def _now(change: Change, context: JudgingContext) -> ObjectFacts | None:
    """What the name holds after the run; parts have no number, so the address tells them apart."""
    held = (change.generation, change.id)
    return next((f for f in context.after.values() if (f.generation, f.id) == held), None)


def _known_as(change: Change, context: JudgingContext) -> str:
    others = tuple(
        n for n, t in context.names_after.items() if n != change.name and _has(context, t, change.generation)
    )
    return f" as {_and(others)}" if others else ""


def _has(context: JudgingContext, token: int, generation: int | None) -> bool:
    facts = context.after.get(token)
    return facts is not None and facts.generation == generation


def _file(change: Change) -> str:
    if change.persistence is None or change.persistence.file is None:
        return ""
    preposition = "from" if change.persistence.action == "loaded" else "to"
    return f" {preposition} {change.persistence.file.rsplit('/', 1)[-1]}"


def _what_the_file_held(change: Change, context: JudgingContext) -> list[str]:
    """Which generation went into the file, and which one memory held until now."""
    path = change.persistence.file if change.persistence else None
    kept = context.kept.get((path, change.cls)) if path is not None and change.cls is not None else None
    if kept is None:
        return []
    before = "" if kept.epoch == context.epoch else " before the kernel was restarted"
    held = f"The file holds {_numbered(kept.generation)}, as saved in In [{kept.execution_count}]{before}"
    if change.previous_generation is None:
        return [held + "."]
    if change.previous_generation == kept.generation and kept.epoch == context.epoch:
        return [f"{held}; anything that {change.name} has learned since is gone."]
    return [f"{held}; memory held {_numbered(change.previous_generation)}."]


def _params(change: Change, words: _Words) -> str:
    items = list(_told_params(change).items())
    told = ", ".join(f"{name} {_pair(a, b)}" for name, (a, b) in items[:_SHOWN_PARAMS])
    more = f" and {len(items) - _SHOWN_PARAMS} more" if len(items) > _SHOWN_PARAMS else ""
    return f"{words.params.capitalize()}: {told}{more}"


def _told_params(change: Change) -> dict[str, tuple[Value, Value]]:
    """Without those that read alike, as the steps of a pipeline that is replaced by another; where the
    parameters are all that changed, nothing is left out."""
    params = change.params or {}
    if change.verdict is Verdict.PARAMS:
        return params
    return {name: (a, b) for name, (a, b) in params.items() if shown(a) != shown(b)}


def _pair(before: Value, after: Value) -> str:
    """Both values, long fractions rounded where that leaves them different."""
    pair = (before, after)
    exact = [shown(value) for value in pair]
    short = [
        e if isinstance(v, str) else _FRACTION.sub(_rounded, e) for v, e in zip(pair, exact, strict=True)
    ]
    return " → ".join(short if short[0] != short[1] else exact)


def _rounded(number: re.Match[str]) -> str:
    return f"{float(number[0]):.6g}" if len(number[0]) > _LONG else number[0]


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
