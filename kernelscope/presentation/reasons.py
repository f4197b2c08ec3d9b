"""Why a forecast says what it says, in words that a colleague would use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from string import Formatter
from typing import Any

from kernelscope.domain.display import short_class, shown
from kernelscope.forecast.reasons import (
    ActsOnEarlierObject,
    Appends,
    AppendsBehind,
    BindsKnownObject,
    BindsObjectOf,
    BindsSameObject,
    Conditional,
    ConditionalCall,
    ContainerChanged,
    ContentAlready,
    ContinuesLearning,
    Copies,
    EndedEarly,
    FileChanged,
    FitsFirstTime,
    FitsPart,
    FittedByWhole,
    HoldsItAlready,
    KernelRestarted,
    Learns,
    LoadsFile,
    MadeOnlyIfMissing,
    MakesNewObject,
    MissingByNow,
    NeedsName,
    NoModelByNow,
    NotUnderstoodBefore,
    ParameterChange,
    ParametersAlready,
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

_MOST_VALUES = 2
"""Hyper-parameters that one sentence names."""

_FORMS: dict[type[Reason], str] = {
    ReplacesObject: "it put a new {cls} in place of the old one",
    Appends: "it appends another {cls} to {container}",
    AppendsBehind: "another one is appended behind it",
    WrapsFittedParts: "it makes a new {cls} around parts that keep what they learned",
    Copies: "it makes another copy each time",
    BindsObjectOf: "it gives it what {source} holds",
    BindsSameObject: "it gives it the {cls} that it gave it before",
    BindsKnownObject: "it gives it an object known before",
    RemovesModel: "it leaves no model in it",
    LoadsFile: "it loads {file} again",
    RestoresState: "it brings a saved state back again",
    FitsFirstTime: "it has learned nothing yet, and {method} is called",
    Learns: "it learns",
    MadeOnlyIfMissing: "it is made only while there is no {missing}",
    ActsOnEarlierObject: "it holds another object by now than the one this acts on",
    HoldsItAlready: "it holds that object already",
    ContentAlready: "it holds what it would write already",
    NotUnderstoodBefore: "what it did last time could not be told either",
    MissingByNow: "it would be made now, since there is no {missing}",
    ConditionalCall: "{method} is called only under a condition",
    ContainerChanged: "{container} has other items now",
    FileChanged: "{file} was written anew since",
    WarmStartUnreadable: "what it sets warm_start to could not be read",
    SetsResultOfCall: "what it sets is the result of a call",
    NoModelByNow: "it holds no model any more",
    KernelRestarted: "the kernel was restarted after it ran",
}
"""Reasons that are said in one way; text from the kernel stands in braces."""

_BY_VALUE: dict[Reason, str] = {
    Conditional("making"): "it is made only under a condition",
    Conditional("binding"): "it is bound only under a condition",
    Unreadable("origin"): "it was there before, and where it came from could not be read",
    Unreadable("maker"): "where it is made could not be read",
    Unreadable("binding"): "how it gets that object could not be read",
    Unreadable("removal"): "how it went could not be read",
    Unreadable("setting"): "what it sets could not be read from its code",
    Unreadable("effect"): "what it does could not be read from its code",
    FittedByWhole(starts_over=True): "a pipeline learns anew",
    FittedByWhole(starts_over=False): "a pipeline learns in it",
    FitsPart(starts_over=True): "its part learns anew",
    FitsPart(starts_over=False): "its part learns in it",
    EndedEarly("error"): "it raised an error",
    EndedEarly("interrupted"): "it was interrupted",
    PartlySeen("code unreadable"): "its code could not be read",
    PartlySeen("look cut"): "not all that it did was seen",
    PartlySeen("calls not followed"): "not all of its code could be followed",
}
"""Reasons of few values, none of which comes from the kernel."""

_NEEDS = {
    "deletes it itself": "it needs {name}, which it deletes itself",
    "no model": "it needs {name}, which holds no model any more",
    "no models": "it needs {name}, which holds no models any more",
}


class _Quoted(str):
    """Text that comes from the kernel, or code."""

    __slots__ = ()


def reason_text(reason: Reason) -> str:
    """The reason as one clause, without a full stop."""
    return "".join(_pieces(reason))


def _pieces(reason: Reason) -> Iterator[str]:
    """The clause in pieces, each of them either our own words or quoted."""
    match reason:
        case SetsParameters(changes=changes):
            yield "it "
            yield from _first(map(_change, changes))
        case ParametersAlready(values=values):
            yield from _first(
                (_Quoted(name), " is ", _Quoted(shown(value))) for name, value in values[:_MOST_VALUES]
            )
            yield " already"
        case _:
            yield from _filled(reason, _BY_VALUE.get(reason) or _FORMS.get(type(reason)) or _form_of(reason))


def _filled(reason: Reason, form: str) -> Iterator[str]:
    """The form with the fields of the reason in the places of their names."""
    for words, field, _, _ in Formatter().parse(form):
        yield words
        if field:
            yield _Quoted(_FIELDS.get(field, str)(getattr(reason, field)))


def _first(clauses: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """The first clauses, and whether there are more."""
    for place, clause in enumerate(clauses):
        if place == _MOST_VALUES:
            yield " and more"
            return
        yield from (" and ", *clause) if place else clause


def _change(change: ParameterChange) -> tuple[str, ...]:
    name = _Quoted(change.name)
    if not change.is_known:
        return "changes ", name, " once more"
    return "sets ", name, " to ", _Quoted(shown(change.then)), ", now ", _Quoted(shown(change.now))


def _form_of(reason: Reason) -> str:
    """Of a reason that is said in several ways."""
    match reason:
        case MakesNewObject(maker=None):
            return "it makes a new {cls} each time"
        case MakesNewObject(verified=False):
            return "{maker} made a new {cls}, and is taken to do so each time"
        case MakesNewObject():
            return "{maker} makes a new {cls} each time"
        case SavesFile(file=file):
            return "it writes {file} again" if file else "it writes the file again"
        case WritesAttributes(attributes=attributes):
            return "it writes to {attributes} again" if attributes else "it writes to what it learned again"
        case ContinuesLearning(by_warm_start=decides):
            return "{method} goes on: warm_start is True" if decides else "{method} goes on"
        case StartsOver(no_warm_start=decides):
            return "{method} begins anew: warm_start is False" if decides else "{method} begins anew"
        case PerhapsStored(maker=maker):
            return f"{'{maker}' if maker else 'what makes it'} may hand out one that it kept"
        case NeedsName(why=why):
            return _NEEDS[why]
    raise NotImplementedError(reason)


def _called(name: str) -> str:
    return f"{name}()"


def _base_name(file: str) -> str:
    return file.rsplit("/", 1)[-1]


_FIELDS: dict[str, Callable[[Any], str]] = {
    "cls": short_class,
    "file": _base_name,
    "maker": _called,
    "method": _called,
    "attributes": " and ".join,
}
"""How fields are shown that are not shown as they are."""
