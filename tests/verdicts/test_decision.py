"""The decision table by itself: each situation has one row, and each row a situation."""

from __future__ import annotations

import itertools

import pytest

from kernelscope.domain.changes import Learned
from kernelscope.domain.evidence import CallInCode, CallSeen
from kernelscope.libraries.base import Effect
from kernelscope.verdicts.causes import Cause
from kernelscope.verdicts.decision import TABLE, Basis, Difference, Outcome, Ruling, decide, outcome_of

BASES: tuple[Basis, ...] = ("seen", "sure", "possible")


def test_every_combination_has_a_row_and_every_row_a_combination() -> None:
    used = {
        id(decide(difference, outcome, basis))
        for difference, outcome, basis in itertools.product(Difference, Outcome, BASES)
    }
    assert [row for row in TABLE if id(row) not in used] == []


@pytest.mark.parametrize("ruling", Ruling)
def test_no_ruling_says_more_than_there_was(ruling: Ruling) -> None:
    """Only a model that had learned something can be refitted, go on, lose or keep what it had learned."""
    without = ruling.learned(was=False, now=True)
    assert without not in (Learned.REFITTED, Learned.CONTINUED, Learned.CLEARED, Learned.SAME)


def test_what_does_not_differ_is_only_changed_by_what_must_have_happened() -> None:
    for outcome in Outcome:
        row = decide(Difference.NONE, outcome, "possible")
        assert row.ruling is Ruling.UNTOUCHED, outcome


def seen(*effects: Effect) -> list[Cause]:
    return [Cause(e, CallSeen(e.value), seen=True, sure=True) for e in effects]


def in_code(*effects: tuple[Effect, bool]) -> list[Cause]:
    return [Cause(e, CallInCode(e.value), seen=False, sure=sure) for e, sure in effects]


def test_of_calls_that_were_seen_the_strongest_decides() -> None:
    assert outcome_of(seen(Effect.CONTINUES)) is Outcome.ONWARD
    assert outcome_of(seen(Effect.CONTINUES, Effect.REFITS)) is Outcome.FROM_SCRATCH
    assert outcome_of(seen(Effect.CONTINUES, Effect.RESTORES)) is Outcome.PUT_IN
    assert outcome_of(seen(Effect.CLEARS)) is Outcome.EMPTIED
    assert outcome_of(seen(Effect.CLEARS, Effect.CONTINUES)) is Outcome.EMPTIED_THEN_ONWARD


def test_of_calls_in_the_code_only_one_that_cannot_be_skipped_decides_against_another() -> None:
    maybe, sure = False, True
    assert outcome_of(in_code((Effect.REFITS, maybe))) is Outcome.FROM_SCRATCH
    assert outcome_of(in_code((Effect.REFITS, maybe), (Effect.CONTINUES, sure))) is Outcome.EITHER
    assert outcome_of(in_code((Effect.REFITS, sure), (Effect.CONTINUES, maybe))) is Outcome.FROM_SCRATCH
    assert outcome_of(in_code((Effect.RESTORES, maybe), (Effect.CONTINUES, maybe))) is Outcome.ANY_ORDER
    assert outcome_of(in_code((Effect.RESTORES, sure), (Effect.CONTINUES, maybe))) is Outcome.PUT_IN
    assert outcome_of(in_code((Effect.CLEARS, maybe), (Effect.CONTINUES, maybe))) is Outcome.ANY_ORDER
