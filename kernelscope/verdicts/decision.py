"""The decision table: what happened to a learned state, from how it differs and what can have made it differ.

The table is about one object that is still the same object, an estimator or a network.  Its first row that applies
decides.  ``learned`` finds out which row that is, and what is evidence for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Literal, NamedTuple

from kernelscope.domain.changes import Learned
from kernelscope.domain.evidence import Circumstance
from kernelscope.libraries.base import Effect
from kernelscope.verdicts.causes import Cause


class Difference(StrEnum):
    """How the learned state differs between two looks."""

    NONE = "none"
    NOT_READ = "not read"
    """Nothing that was read differs; a budget left something out."""
    FOLDED = "folded"
    """Nothing that was read differs; something was done to one of many parts, of which each is not read."""
    UNREADABLE = "unreadable"
    """Nothing of it can be read."""
    CONVERTED = "converted"
    """Its element type or device, not its values."""
    RENEWED = "renewed"
    """Its content is equal, in other objects, and nothing learned: using a model can do that."""
    STATISTICS = "statistics"
    """What a forward pass updates, and nothing else."""
    VALIDATED = "validated"
    """What ``fit`` sets while it checks its input, and nothing else."""
    BUILT = "built"
    """Values that did not exist before, of a model that had learned nothing; or those of other layers, where nothing
    learned was lost."""
    IDLE = "idle"
    """It differs, and can be used neither before nor after."""
    LEARNED = "learned"
    """What it has learned."""


class Outcome(StrEnum):
    """What everything that can have changed the state amounts to."""

    FROM_SCRATCH = "from scratch"
    ONWARD = "onward"
    PUT_IN = "put in"
    """A state from elsewhere."""
    EMPTIED = "emptied"
    EMPTIED_THEN_ONWARD = "emptied, then onward"
    A_LAYER = "a layer"
    """Something was put in or emptied, and most weights are what they were."""
    EITHER = "either"
    """From scratch or onward."""
    ANY_ORDER = "any order"
    """Several that contradict one another."""
    RAISED = "raised"
    """A call was made and did not return."""
    RUNNING = "running"
    """A call that does not go on from what there was is still at work in a thread."""
    GRADIENT_STEP = "gradient step"
    """The code writes weights by their gradients."""
    ASSIGNED = "assigned"
    """The code writes to it."""
    WRITTEN = "written"
    """The code writes into something in place, which may be what differs, and nothing in it learns."""
    NO_CALL = "no call"
    """All of the code could be followed, and nothing in it learns."""
    UNSEEN = "unseen"
    """More may have happened than could be followed."""


Basis = Literal["seen", "sure", "possible"]
"""The causes were seen · stand in the code and cannot have been skipped · stand in the code."""


class Ruling(StrEnum):
    """What a row says; some depend on whether the object had learned anything before."""

    UNTOUCHED = "untouched"
    PUT_BACK = "put back"
    """A state is the one that was there, and was put in again; of a model without one, nothing happened."""
    REFITTED = "refitted"
    CONTINUED = "continued"
    CARRIED = "carried"
    CLEARED = "cleared"
    EDITED = "edited"
    UNKNOWN = "unknown"
    FAILED = "failed"
    """A learning call raised, and left something that is no finished learned state."""
    LEARNED = "learned"
    """Whether from scratch or onward is not known; of a model that had learned nothing these are the same."""

    def learned(self, *, was: bool, now: bool) -> Learned:
        """The axis of the change.

        Args:
            was: it had learned something before.
            now: it has learned something after.
        """
        match self:
            case Ruling.REFITTED | Ruling.CONTINUED | Ruling.LEARNED if not was:
                return Learned.FITTED if now else Learned.NONE
            case Ruling.CLEARED | Ruling.UNTOUCHED | Ruling.PUT_BACK if not was:
                return Learned.NONE
            case Ruling.UNTOUCHED:
                return Learned.SAME
            case Ruling.PUT_BACK:
                return Learned.CARRIED
            case Ruling.LEARNED | Ruling.FAILED:
                return Learned.UNKNOWN
            case _:
                return Learned(self.value)


class Row(NamedTuple):
    """One row of the table: what it applies to, and what it says."""

    differences: frozenset[Difference]
    outcomes: frozenset[Outcome]
    ruling: Ruling
    why: Circumstance | None = None
    """Evidence beside the causes and the attributes that differ."""
    bases: frozenset[Basis] = frozenset(("seen", "sure", "possible"))


_ALL = frozenset(Outcome)
_ANY = frozenset(Difference)
_WITHOUT_CALLS = frozenset(
    {
        Outcome.GRADIENT_STEP,
        Outcome.ASSIGNED,
        Outcome.WRITTEN,
        Outcome.NO_CALL,
        Outcome.UNSEEN,
        Outcome.RAISED,
        Outcome.RUNNING,
    }
)
_FOREIGN = frozenset(
    {Outcome.PUT_IN, Outcome.EMPTIED, Outcome.EMPTIED_THEN_ONWARD, Outcome.A_LAYER, Outcome.ANY_ORDER}
)
_CALLS = _ALL - _WITHOUT_CALLS
_NOTHING = frozenset({Difference.NONE, Difference.NOT_READ})
_SEEN: frozenset[Basis] = frozenset(("seen",))
_SURE: frozenset[Basis] = frozenset(("sure",))
_IN_CODE: frozenset[Basis] = frozenset(("sure", "possible"))


def _row(
    difference: Difference | frozenset[Difference],
    outcome: Outcome | frozenset[Outcome],
    ruling: Ruling,
    why: Circumstance | None = None,
    bases: frozenset[Basis] | None = None,
) -> Row:
    differences = frozenset({difference}) if isinstance(difference, Difference) else difference
    outcomes = frozenset({outcome}) if isinstance(outcome, Outcome) else outcome
    return Row(differences, outcomes, ruling, why, bases or frozenset(("seen", "sure", "possible")))


TABLE: tuple[Row, ...] = (
    # Values were only stored another way.
    _row(Difference.CONVERTED, _ALL, Ruling.UNTOUCHED),
    # The same state once more: only a call that was made, or must have been, tells.
    _row(_NOTHING, Outcome.FROM_SCRATCH, Ruling.REFITTED, Circumstance.EQUAL_CONTENT, _SEEN),
    _row(_NOTHING, Outcome.PUT_IN, Ruling.PUT_BACK, Circumstance.EQUAL_CONTENT, _SEEN),
    _row(_NOTHING, Outcome.ONWARD, Ruling.CONTINUED, Circumstance.EQUAL_CONTENT, _SEEN),
    _row(_NOTHING, Outcome.FROM_SCRATCH, Ruling.REFITTED, Circumstance.EQUAL_AFTER_CALL, _SURE),
    _row(_NOTHING, Outcome.PUT_IN, Ruling.PUT_BACK, Circumstance.EQUAL_AFTER_CALL, _SURE),
    _row(_NOTHING, Outcome.ONWARD, Ruling.CONTINUED, Circumstance.EQUAL_AFTER_CALL, _SURE),
    _row(_NOTHING, Outcome.EITHER, Ruling.LEARNED, bases=_SEEN),
    _row(Difference.NOT_READ, _CALLS, Ruling.UNKNOWN),
    _row(
        Difference.UNREADABLE, Outcome.FROM_SCRATCH, Ruling.REFITTED, Circumstance.STATE_UNREADABLE, _IN_CODE
    ),
    _row(Difference.UNREADABLE, Outcome.PUT_IN, Ruling.PUT_BACK, Circumstance.STATE_UNREADABLE, _IN_CODE),
    _row(Difference.UNREADABLE, Outcome.ONWARD, Ruling.CONTINUED, Circumstance.STATE_UNREADABLE, _IN_CODE),
    _row(Difference.FOLDED, Outcome.FROM_SCRATCH, Ruling.REFITTED, Circumstance.PART_NOT_READ),
    _row(Difference.FOLDED, Outcome.ONWARD, Ruling.CONTINUED, Circumstance.PART_NOT_READ),
    _row(Difference.FOLDED, Outcome.PUT_IN, Ruling.PUT_BACK, Circumstance.PART_NOT_READ),
    _row(Difference.FOLDED, _ALL, Ruling.UNTOUCHED),
    _row(Difference.UNREADABLE, _WITHOUT_CALLS, Ruling.UNTOUCHED),
    _row(_NOTHING, _ALL, Ruling.UNTOUCHED),
    # A forward pass in training mode.
    _row(
        Difference.STATISTICS,
        _ALL - _FOREIGN,
        Ruling.CONTINUED,
        Circumstance.ONLY_STATISTICS_DIFFER,
    ),
    # A call that was seen to return decides.
    _row(_ANY, Outcome.FROM_SCRATCH, Ruling.REFITTED, bases=_SEEN),
    _row(_ANY, Outcome.PUT_IN, Ruling.CARRIED, bases=_SEEN),
    _row(_ANY, Outcome.ONWARD, Ruling.CONTINUED, bases=_SEEN),
    # What may look like learning and is none.
    _row(Difference.RENEWED, _ALL, Ruling.UNTOUCHED),
    _row(Difference.VALIDATED, Outcome.RAISED, Ruling.FAILED, Circumstance.FIT_REFUSED),
    _row(_ANY, Outcome.RAISED, Ruling.FAILED),
    _row(_ANY, Outcome.RUNNING, Ruling.UNKNOWN),
    _row(Difference.VALIDATED, _ALL, Ruling.UNKNOWN, Circumstance.FIT_REFUSED),
    _row(Difference.IDLE, _ALL, Ruling.UNTOUCHED),
    _row(Difference.BUILT, _WITHOUT_CALLS, Ruling.UNTOUCHED),
    # What it has learned differs.
    _row(_ANY, Outcome.ANY_ORDER, Ruling.UNKNOWN, Circumstance.ORDER_UNKNOWN),
    _row(_ANY, Outcome.A_LAYER, Ruling.EDITED, Circumstance.MOST_WEIGHTS_EQUAL),
    _row(_ANY, Outcome.PUT_IN, Ruling.CARRIED),
    _row(_ANY, Outcome.EMPTIED, Ruling.CLEARED),
    _row(_ANY, Outcome.EMPTIED_THEN_ONWARD, Ruling.REFITTED),
    _row(_ANY, Outcome.EITHER, Ruling.LEARNED, Circumstance.REFIT_OR_CONTINUATION),
    _row(_ANY, Outcome.FROM_SCRATCH, Ruling.REFITTED),
    _row(_ANY, Outcome.ONWARD, Ruling.CONTINUED),
    _row(_ANY, Outcome.GRADIENT_STEP, Ruling.CONTINUED, Circumstance.GRADIENT_STEP_IN_CODE),
    _row(_ANY, Outcome.ASSIGNED, Ruling.EDITED),
    _row(_ANY, Outcome.WRITTEN, Ruling.EDITED, Circumstance.NO_LEARNING_CALL_IN_CODE),
    _row(_ANY, Outcome.NO_CALL, Ruling.UNKNOWN, Circumstance.NO_LEARNING_CALL_IN_CODE),
    _row(_ANY, Outcome.UNSEEN, Ruling.LEARNED, Circumstance.NO_LEARNING_CALL_SEEN),
)


def decide(difference: Difference, outcome: Outcome, basis: Basis) -> Row:
    """The first row that applies; the table covers every combination."""
    return next(
        row
        for row in TABLE
        if difference in row.differences and outcome in row.outcomes and basis in row.bases
    )


def outcome_of(causes: Sequence[Cause]) -> Outcome:
    """What calls amount to; of those that only stand in the code, such as cannot have been skipped decide."""
    effects = {c.effect for c in causes}
    sure = {c.effect for c in causes if c.sure}
    if all(c.seen for c in causes) and Effect.REFITS in effects:
        return Outcome.FROM_SCRATCH
    decides = len(effects) == 1
    if Effect.LEARNS in effects:
        return Outcome.EITHER
    if Effect.RESTORES in effects:
        return Outcome.PUT_IN if decides or Effect.RESTORES in sure else Outcome.ANY_ORDER
    if effects == {Effect.CLEARS, Effect.CONTINUES} and Effect.CLEARS in sure:
        return Outcome.EMPTIED_THEN_ONWARD
    if Effect.REFITS in effects:
        return Outcome.FROM_SCRATCH if decides or Effect.REFITS in sure else Outcome.EITHER
    if Effect.CLEARS in effects:
        return Outcome.EMPTIED if decides else Outcome.ANY_ORDER
    return Outcome.ONWARD


def basis_of(causes: Sequence[Cause]) -> Basis:
    """How sure it is that any of these causes happened."""
    if causes and all(c.seen for c in causes):
        return "seen"
    return "sure" if any(c.sure and c.direct for c in causes) else "possible"
