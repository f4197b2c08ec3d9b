"""Explains a change as a colleague would, in one or two sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kernelscope.domain.changes import Change, Identity, Learned, SavedState, Verdict
from kernelscope.domain.display import format_value, short_class
from kernelscope.domain.evidence import LayersReplaced, LibraryNotRead
from kernelscope.domain.facts import Value
from kernelscope.libraries.registry import registry
from kernelscope.presentation.evidence import evidence_text, generation_name
from kernelscope.presentation.moments import run_label
from kernelscope.presentation.segments import (
    Segment,
    Sentence,
    enumerate_names,
    join,
    quote,
    sentence,
)
from kernelscope.presentation.words import ModelWords, article, words_for

_SHOWN_PARAMS = 3
_FRACTION = re.compile(r"(?<![\w.])-?\d+\.\d+(e[+-]?\d+)?(?![\w.])")
_LONG = 10
"""Characters of a fraction that is an artefact of arithmetic: ``0.0010000000000000002``."""
_LEADS = {"observed": "Seen", "inferred": "Inferred", "unknown": "Known"}


def explain(change: Change) -> Sentence:
    """The whole explanation: the run, what happened, and how that is known."""
    if change.old_words is not None:
        return (quote(change.old_words.explanation),)
    return sentence(_when(change), " ", gist(change), _why(change))


def gist(change: Change) -> Sentence:
    """The explanation without the run and the evidence, for places that show both beside it."""
    if change.old_words is not None:
        return (quote(change.old_words.gist),)
    return join(" ", _sentences(change))


def _sentences(change: Change) -> Iterator[Sentence]:
    yield sentence(_what(change), ".")
    if change.identity is Identity.REBOUND and change.verdict is not Verdict.ALIASED:
        yield sentence(quote(change.name), " holds that object now; it was there before.")
    if change.verdict is not Verdict.DELETED and (params := _params_to_mention(change)):
        yield sentence(_params(params, _words(change)), ".")
    if change.background.file_state is not None:
        yield _file_state(change, change.background.file_state)
    if change.stale:
        yield sentence(_stale(change), ".")


def _when(change: Change) -> Sentence:
    if change.execution_count is not None:
        return run_label(change.execution_count)
    if change.late is not None:
        return sentence("Between runs, or in one that could not be looked at:")
    return sentence("Between runs, by no cell:")


def _why(change: Change) -> Sentence:
    evidence = evidence_text(change)
    if not evidence or change.verdict is Verdict.DELETED:
        return ()
    return sentence(f" {_LEADS[change.certainty]}: ", evidence, ".")


def _words(change: Change) -> ModelWords:
    return words_for(change.background.library)


def _what(change: Change) -> Sentence:
    if change.scope == "local":
        return _local(change)
    if change.verdict in (Verdict.FITTED, Verdict.CONTINUED) and change.background.only_statistics:
        return sentence(
            quote(change.name),
            f" ran in training mode: {_the_same(change)}; its batch statistics moved, its weights did not",
        )
    if change.identity is Identity.GONE:
        return _what_is_gone(change)
    if change.identity in (Identity.NEW, Identity.RECREATED) or change.verdict is Verdict.ALIASED:
        return _what_it_holds(change)
    return _what_became_of_it(change)


def _local(change: Change) -> Sentence:
    return sentence(
        quote(f"{change.name}()"),
        " fitted ",
        _a_model(change),
        f" of its own ({_this(change)}) inside the call; no global model was touched by that",
    )


def _what_it_holds(change: Change) -> Sentence:
    """The change of a name that holds another object than before."""
    name, cls, words = quote(change.name), quote(short_class(change.cls)), _words(change)
    this = f" ({_this(change)})"
    match change.verdict:
        case Verdict.CREATED:
            return sentence(name, " was created: ", _a_model(change), f"{this}, {_state(change, words)}")
        case Verdict.RESET:
            state = f"{this}, {_state(change, words)}; "
            return sentence(name, " was replaced: a new ", cls, state, _fate(change))
        case Verdict.RESTORED:
            return sentence(
                name, " was loaded", _file(change), ": a new ", cls,
                f"{this} with the learned state it was saved with",
            )  # fmt: skip
        case Verdict.COPIED if change.learned is Learned.CONTINUED:
            return sentence(
                name, " goes on from a copy: a new ", cls, f"{this} that learned on from a state in memory"
            )
        case Verdict.COPIED:
            now = "" if change.identity is Identity.NEW else " now"
            return sentence(
                name, f" is a copy{now}: a new ", cls, f"{this} that carries over a learned state from memory"
            )
        case Verdict.ALIASED:
            return sentence(
                name, f" now holds {_this(change)}, ", _a_model(change), " that was there before",
                _aliases(change),
            )  # fmt: skip
    return _what_became_of_it(change)


def _what_is_gone(change: Change) -> Sentence:
    name, that = quote(change.name), _that(change)
    if change.verdict is Verdict.DELETED:
        return sentence(name, f" was removed: it holds no model any more; it held {that}")
    if any(isinstance(evidence, LibraryNotRead) for evidence in change.evidence):
        return sentence(name, f" is not followed any more: what it holds cannot be read; it held {that}")
    return sentence(name, f" no longer holds {that}; whether it holds another model is not known")


def _what_became_of_it(change: Change) -> Sentence:
    """The change of an object that the name held before."""
    name, words, same = quote(change.name), _words(change), _the_same(change)
    match change.verdict:
        case Verdict.RESTORED:
            return sentence(name, " got a learned state back", _file(change), f": {same}, other contents")
        case Verdict.COPIED:
            return sentence(name, f" got the learned state of another {words.noun}: {same}")
        case Verdict.REFITTED:
            return sentence(
                name,
                f" {words.began_again}: {same}, learned from scratch; what it had learned before is gone",
            )
        case Verdict.CONTINUED:
            return sentence(name, f" {words.went_on}: {same}, from where it was")
        case Verdict.FITTED:
            return sentence(name, f" {words.began}: {same}")
        case Verdict.CLEARED:
            return sentence(name, f" lost {words.learned}: {same}, {words.blank} any more")
        case Verdict.EDITED if any(isinstance(each, LayersReplaced) for each in change.evidence):
            return sentence(name, f" got other layers, and lost what the old ones had learned: {same}")
        case Verdict.EDITED:
            return sentence(name, f" had {words.values} changed by hand: {same}")
        case Verdict.FAILED:
            return sentence(name, f" was left unfinished by a call that raised: {same}")
    return _what_else(change)


def _what_else(change: Change) -> Sentence:
    """A change of hyper-parameters, a save, or a change without a known cause."""
    name, words = quote(change.name), _words(change)
    if change.verdict is Verdict.PARAMS:
        return sentence(name, f" got other {words.params}; {words.learned} stays as it was ({_this(change)})")
    if change.verdict is Verdict.SAVED:
        return sentence(name, " was saved", _file(change), f"; nothing about it changed ({_this(change)})")
    return sentence(name, f" changed ({_this(change)}), and it is not known how")


def _this(change: Change) -> str:
    return generation_name(change.generation)


def _that(change: Change) -> str:
    return generation_name(change.previous_generation)


def _the_same(change: Change) -> str:
    return f"the same {_words(change).noun} ({_this(change)})"


def _a_model(change: Change) -> Sentence:
    cls = short_class(change.cls)
    return sentence(f"{article(cls)} ", quote(cls))


def _state(change: Change, words: ModelWords) -> str:
    if change.fitted is False:
        return words.blank_yet
    if change.learned is Learned.UNKNOWN:
        return "with a learned state of unknown origin"
    return words.fitted if change.fitted else words.perhaps


def _fate(change: Change) -> Sentence:
    """What became of the generation that was replaced."""
    that = "the one before" if change.previous_generation is None else _that(change)
    background = change.background
    if background.previous_names:
        return sentence(f"{that} lives on as ", enumerate_names(background.previous_names))
    if change.stale:
        return sentence(f"{that} has no name any more")
    optimizes = registry().rules_of_kind(background.previous_library or "").is_optimizer
    if background.previous_fitted is False:
        return sentence(f"{that} had no steps on record" if optimizes else f"{that} had learned nothing")
    if background.previous_fitted is None:
        return sentence(f"whether {that} had learned anything is not known")
    if optimizes:
        return sentence(f"the record of {that}'s steps is gone")
    return sentence(f"{that} and what it had learned were discarded")


def _aliases(change: Change) -> Sentence:
    others = change.background.other_names
    return sentence(" as ", enumerate_names(others)) if others else ()


def _file(change: Change) -> Sentence:
    stored = change.persistence
    if stored is None or stored.file is None:
        return ()
    preposition = "from" if stored.action == "loaded" else "to"
    return sentence(f" {preposition} ", quote(stored.file.rsplit("/", 1)[-1]))


def _file_state(change: Change, state: SavedState) -> Sentence:
    """Which generation the file holds, and which one memory held until now."""
    before = " before the kernel was restarted" if state.before_restart else ""
    holds = sentence(
        f"The file holds {generation_name(state.generation)}, as saved in ",
        run_label(state.execution_count),
        before,
    )
    if change.previous_generation is None:
        return sentence(holds, ".")
    if change.previous_generation == state.generation and not state.before_restart:
        return sentence(holds, "; anything that ", quote(change.name), " has learned since is gone.")
    return sentence(holds, f"; memory held {_that(change)}.")


def _stale(change: Change) -> Sentence:
    """Which partners still hold what is gone, and what that means for optimizers and schedulers."""
    one = len(change.stale) == 1
    holders = sentence(enumerate_names(change.stale), f" still {'holds' if one else 'hold'} {_that(change)}")
    if change.identity is Identity.RECREATED:
        now = sentence("the new one")
    else:
        now = sentence("what ", quote(change.name), " holds now")
    if change.background.stale_kind == "optimizers":
        return sentence(holders, f": {'its' if one else 'their'} steps do not reach ", now)
    if change.background.stale_kind == "schedulers":
        return sentence(holders, f": {'it does' if one else 'they do'} not change the settings of ", now)
    return holders


def _params(params: dict[str, tuple[Value, Value]], words: ModelWords) -> Sentence:
    items = list(params.items())
    pairs = join(", ", (sentence(quote(name), " ", _pair(a, b)) for name, (a, b) in items[:_SHOWN_PARAMS]))
    more = f" and {len(items) - _SHOWN_PARAMS} more" if len(items) > _SHOWN_PARAMS else ""
    return sentence(f"{words.params.capitalize()}: ", pairs, more)


def _params_to_mention(change: Change) -> dict[str, tuple[Value, Value]]:
    """The parameters worth a mention: those that differ and also read differently (a replaced pipeline has equal
    ``steps``), or all if nothing else changed."""
    params = change.params or {}
    if change.verdict is Verdict.PARAMS:
        return params
    return {name: (a, b) for name, (a, b) in params.items() if format_value(a) != format_value(b)}


def _pair(before: Value, after: Value) -> Segment:
    """Both values; long fractions are rounded if that leaves them different."""
    pair = (before, after)
    exact = [format_value(value) for value in pair]
    short = [
        e if isinstance(v, str) else _FRACTION.sub(_round_long, e) for v, e in zip(pair, exact, strict=True)
    ]
    return quote(" → ".join(short if short[0] != short[1] else exact))


def _round_long(number: re.Match[str]) -> str:
    return f"{float(number[0]):.6g}" if len(number[0]) > _LONG else number[0]
