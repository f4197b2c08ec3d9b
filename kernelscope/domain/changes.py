"""The words of the product: what one run did to one name."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from msgspec import Struct

from kernelscope.domain.facts import ObjectFacts, Observation, RunFacts, Value

Certainty = Literal["observed", "inferred", "unknown"]
MomentKind = Literal["attached", "run", "between"]
Scope = Literal["global", "local"]


class Verdict(StrEnum):
    """The word the reader sees first.  Where several apply, the first in this order wins."""

    DELETED = "deleted"
    RESET = "reset"
    CLEARED = "cleared"
    REFITTED = "refitted"
    RESTORED = "restored"
    COPIED = "copied"
    ALIASED = "aliased"
    CREATED = "created"
    EDITED = "edited"
    UNKNOWN = "unknown"
    CONTINUED = "continued"
    FITTED = "fitted"
    PARAMS = "params"
    SAVED = "saved"
    UNTOUCHED = "untouched"


class Identity(StrEnum):
    """Which object the name holds, compared with the one that it held."""

    NEW = "new"
    RECREATED = "recreated"
    REBOUND = "rebound"
    SAME = "same"
    GONE = "gone"


class Learned(StrEnum):
    """What happened to what the model has learned."""

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
    """A learned state that went to a file or came from one."""

    action: Literal["saved", "loaded"]
    file: str | None
    call: str


class Change(Struct, frozen=True):
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
    evidence: tuple[str, ...]
    explanation: str
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


class Run(Struct, frozen=True):
    """One run, judged."""

    epoch: int
    facts: RunFacts
    rerun_of: int | None
    """The latest earlier run, in this epoch, of the same source or the same notebook cell."""
    changes: tuple[Change, ...]
    local: tuple[Change, ...] = ()
    """Models with ``scope`` ``local``: fitted inside a call, and reached by no name."""
    sees_calls: bool = False
    cut: tuple[str, ...] = ()
    hook_seconds: float = 0.0
    seen: Observation = Observation(0)
    """What it was judged from: what running it again would do is told from that, too."""
    fresh: frozenset[int] = frozenset()
    """Tokens of the objects that were seen for the first time in it."""
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
    """Of the run; of the last run before it, for the other kinds."""
    run: Run | None = None
    changes: tuple[Change, ...] = ()


class Held(Struct, frozen=True):
    """What a name held from one moment on."""

    moment: int
    """Index of the column from which on this holds."""
    facts: ObjectFacts | None
    """``None``: the name held no model."""
    change: Change | None
    """How it came about; ``None`` for what was there at the attach."""
    fitted: bool | None = None
    """Whether it had learned anything; ``None``: the name held no model."""

    @property
    def is_out_of_reach(self) -> bool:
        """Whether the name may hold a model all the same: the one it held is gone, and no look has reached it since."""
        return self.facts is None and self.change is not None and self.change.verdict is Verdict.UNKNOWN


class Found(Struct, frozen=True, omit_defaults=True):
    """What one look made of one row: a name, or a part of the composite that a name holds."""

    name: str
    whole: str | None = None
    """The name of the whole; ``None`` for a name of its own, and for what is gone."""
    token: int | None = None
    """Of the object that it holds now; ``None``: no model."""
    fitted: bool | None = None
    """Whether that had learned anything."""
    change: Change | None = None
    part: bool = False
    """It is a part before and after: its change is told under its whole."""


class Judgement(Struct, frozen=True, omit_defaults=True):
    """All that was made of one look: with what was seen in it, all that a timeline takes in."""

    rows: tuple[Found, ...] = ()
    """Those that changed, or that hold other facts than before."""
    local: tuple[Change, ...] = ()
    """Models with ``scope`` ``local``."""
    taught: dict[int, bool] = {}
    """Of the networks that were touched, by token: whether they have learned anything now."""

    @property
    def changes(self) -> tuple[Change, ...]:
        """Of the names, parts under their wholes."""
        return tuple(row.change for row in self.rows if row.change is not None and not row.part)
