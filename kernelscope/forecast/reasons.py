"""Why a forecast says what it says, as values; ``kernelscope.presentation.reasons`` makes the sentences.

``Reason`` is the union of all of them.  Text in them is the kernel's: names, classes, files, calls.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from kernelscope.domain.facts import Value


class _Reason(Struct, frozen=True):
    pass


# The cell makes an object, or binds one.


class MakesNewObject(_Reason, frozen=True):
    """It makes a new object each time."""

    cls: str | None
    maker: str | None = None
    """The function or method that does, if the cell does not name the class itself."""
    verified: bool = True
    """Whether the code of ``maker`` could be read, so that it is known to make a new one."""


class ReplacesObject(_Reason, frozen=True):
    """It put a new object in place of the earlier one, in a way that could not be read."""

    cls: str | None


class Appends(_Reason, frozen=True):
    """It appends another object to a list."""

    cls: str | None
    container: str


class AppendsBehind(_Reason, frozen=True):
    """It appends to the list that the name is an item of: another object, behind this one."""


class WrapsFittedParts(_Reason, frozen=True):
    """It makes a new composite of parts that keep what they learned."""

    cls: str | None


class Copies(_Reason, frozen=True):
    """It makes another copy each time."""


class BindsObjectOf(_Reason, frozen=True):
    """It makes another name for what ``source`` holds."""

    source: str


class BindsSameObject(_Reason, frozen=True):
    """It binds the name to the object that it bound it to before."""

    cls: str | None


class BindsKnownObject(_Reason, frozen=True):
    """It binds the name to an object that was there before."""


class RemovesModel(_Reason, frozen=True):
    """It leaves no model in the name."""


# The cell reads or writes a file.


class LoadsFile(_Reason, frozen=True):
    """It loads this file again."""

    file: str


class RestoresState(_Reason, frozen=True):
    """It puts a saved state back again; no file is known."""


class SavesFile(_Reason, frozen=True):
    """It writes the file again."""

    file: str | None


# The cell sets something.


class ParameterChange(Struct, frozen=True):
    """What would become of one hyper-parameter."""

    name: str
    now: Value
    then: Value
    is_known: bool = True
    """Whether ``then`` is known; if not, the value would be another one than ``now``."""


class SetsParameters(_Reason, frozen=True):
    """It sets these hyper-parameters to other values than they have."""

    changes: tuple[ParameterChange, ...]


class WritesAttributes(_Reason, frozen=True):
    """It writes these learned attributes again; which ones may not be known."""

    attributes: tuple[str, ...] = ()


# The cell fits something.


class FitsFirstTime(_Reason, frozen=True):
    """The model has learned nothing yet, and this method would fit it."""

    method: str


class ContinuesLearning(_Reason, frozen=True):
    """This method continues from what the model has learned."""

    method: str
    by_warm_start: bool = False
    """Because ``warm_start`` is set."""


class StartsOver(_Reason, frozen=True):
    """This method starts over, and discards what the model has learned."""

    method: str
    no_warm_start: bool = False
    """``warm_start`` is there, and not set."""


class FittedIndirectly(_Reason, frozen=True):
    """Another object fits the model: a pipeline that holds it, an optimizer."""

    starts_over: bool


class PartFitted(_Reason, frozen=True):
    """A part of the model is fitted."""

    starts_over: bool


class ClearsState(_Reason, frozen=True):
    """It discards what the model has learned, and nothing takes its place."""


class Learns(_Reason, frozen=True):
    """It learns; nothing more is known."""


# The cell would change nothing.


class OnlyIfMissing(_Reason, frozen=True):
    """The object is made only while a name is not defined, and it is."""

    missing: str


class ActsOnEarlierObject(_Reason, frozen=True):
    """The name holds another object than the one that the cell acts on."""


class HoldsItAlready(_Reason, frozen=True):
    """The name holds the very object that it would be bound to."""


class ParametersAlready(_Reason, frozen=True):
    """The hyper-parameters have the values that it sets."""

    values: tuple[tuple[str, Value], ...]


class ContentAlready(_Reason, frozen=True):
    """The learned attributes have the values that it writes."""


# Nothing is known.


class NotUnderstoodBefore(_Reason, frozen=True):
    """What its last run did to the name is unknown, too."""


class MissingByNow(_Reason, frozen=True):
    """It would make the object, as the name that it tests is not defined any more."""

    missing: str


class Conditional(_Reason, frozen=True):
    """Some condition decides about it."""

    step: Literal["making", "binding"]


class ConditionalCall(_Reason, frozen=True):
    """Some condition decides whether this method is called."""

    method: str


class PerhapsStored(_Reason, frozen=True):
    """A call may return an object that it stored instead of making one."""

    maker: str | None


class ContainerChanged(_Reason, frozen=True):
    """A container has other items than when the cell ran."""

    container: str


class FileChanged(_Reason, frozen=True):
    """The file was written since the cell ran."""

    file: str


class WarmStartUnreadable(_Reason, frozen=True):
    """``warm_start`` is set to a value that could not be read."""


class SetsResultOfCall(_Reason, frozen=True):
    """What it sets is the result of a call."""


class NoModelByNow(_Reason, frozen=True):
    """The name holds no model any more."""


class Unreadable(_Reason, frozen=True):
    """The code does not tell the one thing that decides."""

    what: Literal["origin", "maker", "binding", "removal", "setting", "effect"]
    """``origin``: where the object that was there before came from · ``maker``: where it is made · ``binding``:
    how the name gets its object · ``removal``: how the name lost its model · ``setting``: what it sets ·
    ``effect``: what it does."""


# What makes every forecast of a cell doubtful.


class KernelRestarted(_Reason, frozen=True):
    """The kernel was restarted after the cell ran."""


class EndedEarly(_Reason, frozen=True):
    """The cell's last run did not reach its end."""

    status: Literal["error", "interrupted"]


class PartlySeen(_Reason, frozen=True):
    """Not all that the last run did is known."""

    what: Literal["code unreadable", "look cut", "calls not followed"]


class NeedsName(_Reason, frozen=True):
    """It needs a name that it would not find as it was."""

    name: str
    why: Literal["deletes it itself", "no model", "no models"]
    """``no models``: none of the items or attributes through which it reached models holds one."""


Reason = (
    MakesNewObject
    | ReplacesObject
    | Appends
    | AppendsBehind
    | WrapsFittedParts
    | Copies
    | BindsObjectOf
    | BindsSameObject
    | BindsKnownObject
    | RemovesModel
    | LoadsFile
    | RestoresState
    | SavesFile
    | SetsParameters
    | WritesAttributes
    | FitsFirstTime
    | ContinuesLearning
    | StartsOver
    | FittedIndirectly
    | PartFitted
    | ClearsState
    | Learns
    | OnlyIfMissing
    | ActsOnEarlierObject
    | HoldsItAlready
    | ParametersAlready
    | ContentAlready
    | NotUnderstoodBefore
    | MissingByNow
    | Conditional
    | ConditionalCall
    | PerhapsStored
    | ContainerChanged
    | FileChanged
    | WarmStartUnreadable
    | SetsResultOfCall
    | NoModelByNow
    | Unreadable
    | KernelRestarted
    | EndedEarly
    | PartlySeen
    | NeedsName
)
Doubt = KernelRestarted | EndedEarly | PartlySeen | NeedsName
