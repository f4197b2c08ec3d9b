"""Why a verdict was given: evidence as values, each with what it is about in its fields.

``kernelscope.presentation.evidence`` makes a sentence of each; nothing else does, and nothing reads one.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from msgspec import Struct


class Circumstance(StrEnum):
    """Evidence that needs no fields: it says one thing, about the object that the change is about."""

    # The object itself.
    ADDRESS_REUSED = "address-reused"
    """Its ``id()`` is that of the object before it, and it is another one."""
    NO_WEAK_REFERENCES = "no-weak-references"
    """Its class allows none: it may be another object at the same address."""
    NO_MODEL_NOW = "no-model-now"
    """The name holds no model any more."""
    NAME_NOT_REACHED = "name-not-reached"
    """The look did not reach the name, and the object that it held is gone."""
    NO_GLOBAL_NAME = "no-global-name"
    """No global name reaches the object."""

    # Its parameters and its state.
    PARAMS_DIFFER = "params-differ"
    STATE_DIFFERS = "state-differs"
    """Its recorded state differs, and nothing more is known."""
    PART_NOT_READ = "part-not-read"
    """It was done to one of many parts, which are recorded as one value."""
    PART_REPLACED = "part-replaced"
    """A part that it works with is another one."""
    ONLY_STATISTICS_DIFFER = "only-statistics-differ"
    """Nothing but batch statistics, which a forward pass in training mode updates."""
    MOST_WEIGHTS_EQUAL = "most-weights-equal"
    WRITTEN_OFTEN = "written-often"
    """Its weights were written more often than making it does, by code that was not followed."""
    STATE_UNREADABLE = "state-unreadable"
    """What it has learned cannot be read."""

    CHANGED_UNSEEN = "changed-unseen"
    """It changed before in a way that was not seen: whether it had learned anything by then is not known."""

    # Where its learned state comes from.
    STATE_PUT_IN = "state-put-in"
    """``__setstate__`` was seen."""
    FROM_ANOTHER_PROCESS = "from-another-process"
    """It was sent back by another process."""
    COPIED_IN_MEMORY = "copied-in-memory"
    """``copy`` made it."""
    PARTS_KEEP_STATE = "parts-keep-state"
    """Its parts were there before, and keep what they have learned."""
    UNFITTED_MODEL_MENTIONED = "unfitted-model-mentioned"
    """The cell mentions an unfitted model of the same class: it may have fitted clones of that model."""
    NO_LOAD_IN_CODE = "no-load-in-code"
    """It is fitted, and no load or copy is in the code."""
    ORIGIN_NOT_SEEN = "origin-not-seen"
    """It came with a learned state, and where that came from was not seen."""
    EQUALS_KNOWN_STATE = "equals-known-state"
    """Its learned state equals one that was known: learned once more, or brought in."""
    EQUALS_KNOWN_NETWORK = "equals-known-network"
    """Its weights are those of a network that was known before."""
    EQUALS_UNTRAINED_NETWORK = "equals-untrained-network"
    CONTAINS_TRAINED_COPY = "contains-trained-copy"
    """It is made of a copy of a network that had learned before."""
    EQUAL_AFTER_CALL = "equal-after-call"
    """A call ran to its end, and what was learned is equal to what was known before."""
    EQUAL_CONTENT = "equal-content"
    """What it holds is equal to what it held before."""

    # What the code can have done.
    FIT_REFUSED = "fit-refused"
    """Nothing differs but what ``fit`` sets before it learns."""
    GRADIENT_STEP_IN_CODE = "gradient-step-in-code"
    """The cell writes weights in place by their gradients, as an optimizer does."""
    NO_LEARNING_CALL_IN_CODE = "no-learning-call-in-code"
    NO_LEARNING_CALL_SEEN = "no-learning-call-seen"
    MAY_BE_SKIPPED = "may-be-skipped"
    """The code may have gone past the call."""
    ORDER_UNKNOWN = "order-unknown"
    """Which of several calls came last is not known."""
    REFIT_OR_CONTINUATION = "refit-or-continuation"
    """The code can do either, and calls were not seen."""


class _Evidence(Struct, frozen=True, tag=True, omit_defaults=True):
    """What all evidence with fields has in common: how it is stored."""


class CallSeen(_Evidence, frozen=True):
    """Calls of one method were seen as they happened."""

    method: str
    times: int = 1
    inside: str | None = None
    """The user's function in which the first was made."""
    came_back: bool = True
    """False where that matters and none of them returned."""
    running: bool = False
    """One of them was still at work."""


class LayersReplaced(_Evidence, frozen=True):
    """Layers of a network are other ones, or are gone, and with them what they had learned."""

    names: tuple[str, ...]


class CallInCode(_Evidence, frozen=True):
    """The cell's source, or a function that it reaches, contains a call."""

    method: str
    inside: str | None = None
    """The user's function that contains it."""


class LoadInCode(_Evidence, frozen=True):
    """The cell's source loads a learned state."""

    call: str
    path: str | None = None
    """``None``: the source does not say."""


class CopyInCode(_Evidence, frozen=True):
    """The cell's source makes copies in memory."""

    calls: tuple[str, ...]


class StateReadFromFile(_Evidence, frozen=True):
    """Its state was seen being put in while a file was read."""

    function: str
    """That read it, as the user's code called it."""
    path: str | None = None


class SaveInCode(_Evidence, frozen=True):
    """The cell's source saves the object."""

    call: str
    path: str | None = None
    written: bool = False
    """The file was written during the run."""


class AttributesSetInCode(_Evidence, frozen=True):
    """The cell's source writes to these attributes."""

    names: tuple[str, ...]


class AttributesChanged(_Evidence, frozen=True):
    """Learned attributes that differ between two looks, all in the same way."""

    how: Literal["bound", "written", "lost"]
    """Bound to another object, or there for the first time · written in place · gone."""
    names: tuple[str, ...]
    sampled: tuple[str, ...] = ()
    """Those among them that were not read in full: samples of them differ, and more is not known."""


class AttributesNotRead(_Evidence, frozen=True):
    """Learned attributes that a budget left out."""

    names: tuple[str, ...]


class LibraryNotRead(_Evidence, frozen=True):
    """Objects of a library are not read any more, because reading one of them raised."""

    library: str
    error: str


class CounterFell(_Evidence, frozen=True):
    """A counter of updates is lower than it was: learning began from nothing."""

    name: str
    before: str
    after: str


class NewObject(_Evidence, frozen=True):
    """The object was first seen in this run."""

    generation: int | None = None
    """``None``: it is a part."""


class KnownObject(_Evidence, frozen=True):
    """The object had been seen before this run."""

    generation: int | None = None
    """``None``: as a part."""


class SeenAtAttach(_Evidence, frozen=True):
    """A model whose state does not show whether it had learned before, and which was there at the attach: what is known
    of that."""

    had_learned: bool | None
    """``None``: nothing."""


class PartEvidence(_Evidence, frozen=True):
    """Evidence about a part, for the change of its whole."""

    label: str
    """How the part is reached from its whole, e.g. ``['clf']``."""
    evidence: Evidence


class OldSentence(_Evidence, frozen=True):
    """A sentence from a recording in whose form evidence was English."""

    text: str


Evidence = (
    CallSeen
    | CallInCode
    | LayersReplaced
    | LoadInCode
    | CopyInCode
    | SaveInCode
    | StateReadFromFile
    | AttributesSetInCode
    | AttributesChanged
    | AttributesNotRead
    | LibraryNotRead
    | CounterFell
    | NewObject
    | KnownObject
    | SeenAtAttach
    | PartEvidence
    | OldSentence
    | Circumstance
)
"""One reason for a verdict."""
