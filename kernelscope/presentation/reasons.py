"""Why a forecast says what it says, in words that a colleague would use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from string import Formatter
from typing import Any

from kernelscope.domain.display import format_value, short_class
from kernelscope.forecast.reasons import (
    ActsOnEarlierObject,
    Appends,
    AppendsBehind,
    BindsKnownObject,
    BindsObjectOf,
    BindsSameObject,
    ClearsState,
    Conditional,
    ConditionalCall,
    ContainerChanged,
    ContentAlready,
    ContinuesLearning,
    Copies,
    EndedEarly,
    FileChanged,
    FitsFirstTime,
    FittedIndirectly,
    HoldsItAlready,
    KernelRestarted,
    Learns,
    LoadsFile,
    MakesNewObject,
    MissingByNow,
    NeedsName,
    NoModelByNow,
    NotUnderstoodBefore,
    OnlyIfMissing,
    ParameterChange,
    ParametersAlready,
    PartFitted,
    PartlySeen,
    PerhapsStored,
    Reason,
    RemovesModel,
    ReplacesObject,
    RestoresState,
    SavesFile,
    SetsParameters,
    SetsResultOfCall,
    StartsOver,
    Unreadable,
    WarmStartUnreadable,
    WrapsFittedParts,
    WritesAttributes,
)
from kernelscope.presentation.segments import Segment, Sentence, join, quote, sentence, text_of

_MOST_VALUES = 2
"""Hyper-parameters that one sentence names."""

_FORMS: dict[type[Reason], str] = {
    ReplacesObject: "it replaced the earlier object by a new {cls}",
    Appends: "it appends another {cls} to {container}",
    AppendsBehind: "another one is appended after it",
    WrapsFittedParts: "it makes a new {cls} around parts that keep what they learned",
    Copies: "it makes another copy each time",
    BindsObjectOf: "it binds the name to what {source} holds",
    BindsSameObject: "it binds the name to the same {cls} as before",
    BindsKnownObject: "it binds the name to an object that was there before",
    RemovesModel: "it leaves no model in the name",
    LoadsFile: "it loads {file} again",
    RestoresState: "it restores a saved state again",
    FitsFirstTime: "it has learned nothing yet, and {method} is called",
    ClearsState: "it discards what was learned",
    Learns: "it learns",
    OnlyIfMissing: "it is made only if {missing} is not defined",
    ActsOnEarlierObject: "it holds another object now; the cell acts on the earlier one",
    HoldsItAlready: "it holds that object already",
    ContentAlready: "it already has the values that the cell writes",
    NotUnderstoodBefore: "what it did last time is unknown, too",
    MissingByNow: "it would be made now, because {missing} is not defined",
    ConditionalCall: "{method} is called only under a condition",
    ContainerChanged: "{container} has other items now",
    FileChanged: "{file} was overwritten since then",
    WarmStartUnreadable: "what it sets warm_start to could not be read",
    SetsResultOfCall: "what it sets is the result of a call",
    NoModelByNow: "it holds no model any more",
    KernelRestarted: "the kernel was restarted after it ran",
}
"""Reasons with one wording; the fields in braces are text from the kernel."""

_BY_VALUE: dict[Reason, str] = {
    Conditional("making"): "it is made only under a condition",
    Conditional("binding"): "it is bound only under a condition",
    Unreadable("origin"): "it was there before, and the code does not show where it came from",
    Unreadable("maker"): "the code does not show where it is made",
    Unreadable("binding"): "the code does not show how it gets that object",
    Unreadable("removal"): "the code does not show how it was removed",
    Unreadable("setting"): "the code does not show what it sets",
    Unreadable("effect"): "the code does not show what it does",
    FittedIndirectly(starts_over=True): "another object refits it",
    FittedIndirectly(starts_over=False): "another object trains it",
    PartFitted(starts_over=True): "its part is refitted",
    PartFitted(starts_over=False): "its part learns",
    EndedEarly("error"): "it raised an error",
    EndedEarly("interrupted"): "it was interrupted",
    PartlySeen("code unreadable"): "its code could not be read",
    PartlySeen("look cut"): "part of what it did was not seen",
    PartlySeen("calls not followed"): "part of its code could not be followed",
}
"""Reasons with a few fixed values; they quote nothing from the kernel."""

_NEEDS = {
    "deletes it itself": "it needs {name}, which it deletes itself",
    "no model": "it needs {name}, which holds no model any more",
    "no models": "it needs models in {name}, which holds none any more",
}


def reason_sentence(reason: Reason) -> Sentence:
    """The reason as one clause, without a full stop."""
    match reason:
        case SetsParameters(changes=changes):
            return sentence("it ", _first(map(_change, changes)))
        case ParametersAlready(values=values):
            clauses = (sentence(quote(name), " is ", quote(format_value(value))) for name, value in values)
            return sentence(join(" and ", list(clauses)[:_MOST_VALUES]), " already")
    return _fill(reason, _BY_VALUE.get(reason) or _FORMS.get(type(reason)) or _form_of(reason))


def reason_text(reason: Reason) -> str:
    """The same as plain text."""
    return text_of(reason_sentence(reason))


def _fill(reason: Reason, form: str) -> Sentence:
    """The form with the fields of the reason in the places of their names."""
    pieces: list[str | Segment] = []
    for words, field, _, _ in Formatter().parse(form):
        pieces.append(words)
        if field:
            pieces.append(quote(_FIELDS.get(field, str)(getattr(reason, field))))
    return sentence(*pieces)


def _first(clauses: Iterable[Sentence]) -> Sentence:
    """The first clauses, and whether there are more."""
    every = list(clauses)
    first = join(" and ", every[:_MOST_VALUES])
    return first if len(every) <= _MOST_VALUES else sentence(first, " and more")


def _change(change: ParameterChange) -> Sentence:
    name = quote(change.name)
    if not change.is_known:
        return sentence("changes ", name, " once more")
    return sentence(
        "sets ", name, " to ", quote(format_value(change.then)), ", now ", quote(format_value(change.now))
    )


def _form_of(reason: Reason) -> str:
    """The wording of a reason that has several."""
    match reason:
        case MakesNewObject(maker=None):
            return "it makes a new {cls} each time"
        case MakesNewObject(verified=False):
            return "{maker} made a new {cls}, and is assumed to do so each time"
        case MakesNewObject():
            return "{maker} makes a new {cls} each time"
        case SavesFile(file=file):
            return "it writes {file} again" if file else "it writes the file again"
        case WritesAttributes(attributes=attributes):
            return "it writes to {attributes} again" if attributes else "it writes to what it learned again"
        case ContinuesLearning(by_warm_start=decides):
            return "{method} continues: warm_start is True" if decides else "{method} continues"
        case StartsOver(no_warm_start=decides):
            return "{method} starts over: warm_start is False" if decides else "{method} starts over"
        case PerhapsStored(maker=maker):
            return f"{'{maker}' if maker else 'what makes it'} may return one that it stored"
        case NeedsName(why=why):
            return _NEEDS[why]
    raise NotImplementedError(reason)


def _as_call(name: str) -> str:
    return f"{name}()"


def _base_name(file: str) -> str:
    return file.rsplit("/", 1)[-1]


_FIELDS: dict[str, Callable[[Any], str]] = {
    "cls": short_class,
    "file": _base_name,
    "maker": _as_call,
    "method": _as_call,
    "attributes": " and ".join,
}
"""How fields are shown that are not shown as they are."""
