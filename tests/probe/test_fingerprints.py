"""Containers whose content is known to be the same without hashing it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from kernelscope.probe.identity import Tokens
from kernelscope.probe.library import Libraries
from kernelscope.probe.values import ValueReader
from tests.support.probe import make_libraries, make_types


@pytest.fixture(scope="module")
def libraries() -> Libraries:
    return make_libraries()


@pytest.fixture
def reader(libraries: Libraries) -> ValueReader:
    return ValueReader(make_types(), Tokens(), libraries.tensors)


def value() -> dict[str, Any]:
    masked = np.ma.MaskedArray([1.0, 2.0], mask=[False, True])
    return {
        "numbers": [1, 2.5, "x", None], "arrays": [np.arange(3.0), np.float64(2.0)], "nested": {"a": ({"b": [1]},)},
        "masked": masked, "model": LogisticRegression(), "state": np.random.RandomState(0),
    }  # fmt: skip


CHANGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a number": lambda v: v["numbers"].__setitem__(1, 2.75),
    "one more": lambda v: v["numbers"].append(3),
    "one less": lambda v: v["numbers"].pop(),
    "an array in place": lambda v: v["arrays"][0].__setitem__(0, 9.0),
    "its shape": lambda v: v["arrays"].__setitem__(0, v["arrays"][0].reshape(3, 1)),
    "a scalar": lambda v: v["arrays"].__setitem__(1, np.float64(3.0)),
    "far inside": lambda v: v["nested"]["a"][0]["b"].append(2),
    "a key": lambda v: v["nested"].update(c=v["nested"].pop("a")),
    "a masked array": lambda v: v["masked"].data.__setitem__(0, 7.0),
    "its mask": lambda v: v["masked"].mask.__setitem__(0, True),
    "the model": lambda v: v.update(model=LogisticRegression()),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_anywhere_in_a_value_is_seen(
    reader: ValueReader, change: Callable[[dict[str, Any]], Any]
) -> None:
    held = value()
    del held["state"]  # only a hash tells whether it has moved on
    taken = reader.fingerprints.take(held)
    assert taken is not None
    assert reader.fingerprints.is_same(held, taken)
    change(held)
    assert not reader.fingerprints.is_same(held, taken)


def test_what_only_a_hash_can_tell_has_no_fingerprint(reader: ValueReader) -> None:
    for one in (value(), list(range(10_000)), {"s": {1, 2}}, [np.zeros(100_000)], ["x" * 10_000]):
        assert reader.fingerprints.take(one) is None


def test_a_number_at_the_address_of_another_is_another(reader: ValueReader) -> None:
    held = [float(n) + 0.5 for n in range(50)]
    taken = reader.fingerprints.take(held)
    assert taken is not None
    for place in range(50):
        held[place] = held[place] * 2
    assert not reader.fingerprints.is_same(held, taken)


def test_an_equal_copy_is_hashed(reader: ValueReader) -> None:
    held = [0.5, [1.5]]
    taken = reader.fingerprints.take(held)
    assert taken is not None
    assert not reader.fingerprints.is_same(copy.deepcopy(held), taken)
