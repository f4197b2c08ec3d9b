"""What became of expectations, and why, as values; ``presentation`` makes sentences of them."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from kernelscope.domain.changes import Change, Verdict
from kernelscope.expectations.language import Expectation

Outcome = Literal["holds", "broken", "unknown"]


class ChangeCounts(Struct, frozen=True):
    """The finding's change is one of those that the expectation counts."""

    times: int | None = None
    """How many there were by then, if some are allowed."""
    may_be_more: bool = False
    """More may have happened than was seen."""


class TooFew(Struct, frozen=True):
    """What is expected happened too seldom."""

    words: frozenset[Verdict]
    times: int


class NeverSeen(Struct, frozen=True):
    """No model ever had the name."""

    is_pattern: bool
    close_names: tuple[str, ...] = ()
    """Names that may be meant."""


class NotWatched(Struct, frozen=True):
    """The expectation is also about runs before the attach."""

    last: int


class KnownAtAttach(Struct, frozen=True):
    """The name held a model before any run was seen."""

    after: int
    """Execution count of the last run before; 0: there was none.  So it is for all reasons."""


class ObservationsLost(Struct, frozen=True):
    """Observations got lost on the way."""

    count: int
    after: int


class KernelDied(Struct, frozen=True):
    """The kernel died, perhaps in a cell that was not observed."""

    after: int


class LookCutShort(Struct, frozen=True):
    """A run could not be looked at, and no later look saw everything."""

    execution_count: int


class StillRunning(Struct, frozen=True):
    """A cell was still running when the watching ended."""

    after: int


BlindSpot = NotWatched | KnownAtAttach | ObservationsLost | KernelDied | LookCutShort | StillRunning
"""What was not seen."""
Reason = ChangeCounts | TooFew | NeverSeen | BlindSpot


class Finding(Struct, frozen=True):
    """One reason why an expectation does not hold, or why that cannot be decided."""

    outcome: Outcome
    reason: Reason
    name: str
    """As the timeline spells it, or as the expectation does if it means no name."""
    epoch: int = 0
    execution_count: int | None = None
    """Of the run that decided it."""
    change: Change | None = None


class Result(Struct, frozen=True):
    """What became of one expectation."""

    expectation: Expectation
    outcome: Outcome
    findings: tuple[Finding, ...] = ()
