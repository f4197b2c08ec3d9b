"""Tests stand-ins for objects and values that do not exist."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from kernelscope.domain.facts import Opaque, Value
from kernelscope.forecast.stand_ins import StandIns, make_changed_value, rebind_signature
from kernelscope.verdicts.context import differing_values
from kernelscope.verdicts.learned_finding import attribute_changes
from tests.support.facts import model, rebind, signature


def test_each_created_object_has_one_stand_in_that_equals_no_real_object() -> None:
    stand_ins = StandIns([7, 3])

    tokens = [stand_ins.of(token) for token in (3, 7)]

    assert len(set(tokens)) == 2
    assert all(t is not None and t not in (3, 7) and stand_ins.is_simulated(t) for t in tokens)
    assert stand_ins.of(5) is None
    assert not stand_ins.is_simulated(3)


@pytest.mark.parametrize("value", [None, 1.0, "a", Opaque("list of 2", None, 3), Opaque("", "d", 0)])
def test_a_changed_value_differs_from_the_one_before(value: Value) -> None:
    assert list(differing_values({"C": value}, {"C": make_changed_value(value)})) == ["C"]


@pytest.mark.parametrize("digest", [None, "d", "~sample"])
def test_a_rebound_attribute_counts_as_different(digest: str | None) -> None:
    before = replace(rebind(model(1)), learned={"coef_": signature(digest)})
    after = replace(before, learned={"coef_": rebind_signature(before.learned["coef_"])})

    assert attribute_changes(before, after).bound == ("coef_",)
    assert not attribute_changes(before, after).renewed
