"""Changes: what one run did to one name, in the words of the product."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from msgspec import Struct

from kernelscope.domain.evidence import Evidence
from kernelscope.domain.facts import ObjectFacts, Observation, RunFacts, Value

Certainty = Literal["observed", "inferred", "unknown"]
MomentKind = Literal["attached", "run", "between"]
Scope = Literal["global", "local"]
StaleKind = Literal["models", "optimizers", "schedulers"]
"""What all stale partners of one change are; ``models`` if they differ."""


class Verdict(StrEnum):
    """The word the reader sees first.  If several apply, the first in this order wins."""

    DELETED = "deleted"
    RESET = "reset"
    CLEARED = "cleared"
    REFITTED = "refitted"
    RESTORED = "restored"
    COPIED = "copied"
    ALIASED = "aliased"
    CREATED = "created"
    EDITED = "edited"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CONTINUED = "continued"
    FITTED = "fitted"
    PARAMS = "params"
    SAVED = "saved"
    UNTOUCHED = "untouched"


class Identity(StrEnum):
    """Which object the name holds, compared with the one that it held before."""

    NEW = "new"
    RECREATED = "recreated"
    REBOUND = "rebound"
    SAME = "same"
    GONE = "gone"


class Learned(StrEnum):
    """What happened to the learned state of the model."""

    NONE = "none"
    FITTED = "fitted"
    REFITTED = "refitted"
    CONTINUED = "continued"
    EDITED = "edited"
    CLEARED = "cleared"
    CARRIED = "carried"
    SAME = "same"
    UNKNOWN = "unknown"


class Persistence(Struct, frozen=True):
    """A learned state was written to a file or read from one."""

    action: Literal["saved", "loaded"]
    file: str | None
    call: str


class SavedState(Struct, frozen=True):
    """Which learned state a file holds, as far as its writing was seen."""

    generation: int | None
    execution_count: int
    """Of the run that wrote it."""
    before_restart: bool = False
    """The kernel was restarted since."""


class Late(Struct, frozen=True):
    """A change was found later than it can have happened: an earlier look failed, or did not reach everything."""

    since: int | None = None
    """The first run that can have made it; ``None``: one before the attach, or not known."""


class Background(Struct, frozen=True, omit_defaults=True):
    """What the sentences about a change need and its axes do not say."""

    library: str | None = None
    """Of the model that the name holds now."""
    only_statistics: bool = False
    """Nothing but a network's batch statistics moved: data passed through it, and nothing trained it."""
    other_names: tuple[str, ...] = ()
    """Of an alias: the other names of the object."""
    previous_library: str | None = None
    """Of a reset, as the next two: of the model that was replaced."""
    previous_fitted: bool | None = None
    """Whether it had learned anything."""
    previous_names: tuple[str, ...] = ()
    """The names that it still has."""
    stale_kind: StaleKind = "models"
    file_state: SavedState | None = None
    """Of a load: what the file held."""


class OldWords(Struct, frozen=True):
    """The sentences of a change in a recording of version 2, which stored them."""

    explanation: str
    gist: str
    """The explanation without the run and the evidence."""


class Change(Struct, frozen=True, omit_defaults=True):
    """What one run did to one name.

    On ``deleted`` everything about an object is ``None``: ``learned``, ``params``, ``cls``,
    ``generation``, ``id`` and ``fitted``; ``previous_generation`` and ``previous_id`` say what the
    name held.
    """

    name: str
    verdict: Verdict
    identity: Identity
    learned: Learned | None
    params: dict[str, tuple[Value, Value]] | None
    certainty: Certainty
    evidence: tuple[Evidence, ...]
    execution_count: int | None = None
    """Of the run; ``None``: it happened between runs."""
    late: Late | None = None
    """``None``: the look before it saw everything, so it happened in this very run."""
    cls: str | None = None
    generation: int | None = None
    previous_generation: int | None = None
    id: int | None = None
    previous_id: int | None = None
    fitted: bool | None = None
    persistence: Persistence | None = None
    scope: Scope = "global"
    stale: tuple[str, ...] = ()
    """Names of composites that still hold a generation which no name reaches any more."""
    parts: tuple[Change, ...] = ()
    background: Background = Background()
    old_words: OldWords | None = None
    """Only of a change in a recording of version 2."""


class RefusedCall(Struct, frozen=True):
    """A call that should have learned, raised, and changed nothing."""

    name: str
    """That reaches the model."""
    call: str
    """The method."""
    error: str | None = None
    """The class of what it raised; ``None``: it was caught, and not seen."""


class Run(Struct, frozen=True):
    """One run and its changes."""

    epoch: int
    facts: RunFacts
    rerun_of: int | None
    """The latest earlier run, in this epoch, of the same source or the same notebook cell."""
    changes: tuple[Change, ...]
    local: tuple[Change, ...] = ()
    """Models with ``scope`` ``local``: fitted inside a call, and reached by no name."""
    refused: tuple[RefusedCall, ...] = ()
    sees_calls: bool = False
    cut: tuple[str, ...] = ()
    hook_seconds: float = 0.0
    seen: Observation = Observation(0)
    """What it was judged from; forecasts are made from it, too."""
    fresh: frozenset[int] = frozenset()
    """Tokens of the objects that were first seen in it."""
    moment: int = 0
    """Index of its column."""

    @property
    def count(self) -> int:
        """Its execution count."""
        return self.facts.execution_count


class Moment(Struct, frozen=True):
    """One column of the timeline: an attach, a look between runs, or a run."""

    index: int
    epoch: int
    kind: MomentKind
    execution_count: int
    """Of the run or, for the other kinds, of the last run before it."""
    run: Run | None = None
    changes: tuple[Change, ...] = ()


class TrackEntry(Struct, frozen=True):
    """What a name held from one moment on."""

    moment: int
    """Index of the column that it begins at."""
    facts: ObjectFacts | None
    """``None``: the name held no model."""
    change: Change | None
    """The change that led to it; ``None`` for what was there at the attach."""
    fitted: bool | None = None
    """Whether it had learned anything; ``None``: the name held no model, or it is not known."""

    @property
    def is_out_of_reach(self) -> bool:
        """Whether the name may hold a model nevertheless: no look has reached it since its model was gone."""
        return self.facts is None and self.change is not None and self.change.verdict is Verdict.UNKNOWN


class RowState(Struct, frozen=True, omit_defaults=True):
    """What a row holds after one look: a name, or a part of the composite that a name holds."""

    name: str
    whole: str | None = None
    """The name of the whole; ``None`` for a name of its own, and for what is gone."""
    token: int | None = None
    """Of the object that it holds; ``None``: no model."""
    fitted: bool | None = None
    """Whether that object has learned anything; ``None``: it is not known."""
    change: Change | None = None
    part: bool = False
    """It was a part before, too: its change is listed under its whole."""


class Judgement(Struct, frozen=True, omit_defaults=True):
    """The result of judging one look: with the observation, all that a timeline takes in."""

    rows: tuple[RowState, ...] = ()
    """Rows that changed, or that hold other facts than before."""
    local: tuple[Change, ...] = ()
    """Models with ``scope`` ``local``."""
    trained: dict[int, bool | None] = {}
    """Whether the models that were touched and do not show it have learned anything, by token; ``None``: it is not
    known."""
    refused: tuple[RefusedCall, ...] = ()

    @property
    def changes(self) -> tuple[Change, ...]:
        """The changes of names; those of parts are under their wholes."""
        return tuple(row.change for row in self.rows if row.change is not None and not row.part)
