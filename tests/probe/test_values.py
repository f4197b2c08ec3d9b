from __future__ import annotations

import json
import sys
import time
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided
from scipy.sparse import csr_matrix  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from kernelscope.probe import values
from kernelscope.probe.identity import Binding, Tokens
from kernelscope.probe.tensors import Tensors
from kernelscope.probe.values import ValueReader
from tests.support.probe import make_types

LONG = 60.0


@pytest.fixture
def reader() -> ValueReader:
    value_reader = ValueReader(make_types(), Tokens(), Tensors())
    value_reader.begin(LONG)
    return value_reader


def digest(reader: ValueReader, value: Any) -> Any:
    signature = reader.signature(value, Binding())
    json.dumps(signature)
    return signature.get("digest")


@pytest.mark.parametrize(
    "value",
    [
        None, True, 3, 10**40, -(10**9_000), 1.5, 1j, "text", "\ud800", b"bytes", [], (1, "a"), {"a": [1, {}]},
        np.arange(4), np.float32(2.5), np.str_("x"), np.datetime64("2026-01-01"), np.ones((3, 4), order="F"),
        np.array([1, "a", None], dtype=object), len, dict, csr_matrix(np.eye(3)), np.ma.MaskedArray([1, 2], [False, True]),
        [np.ones(2), {"k": (np.zeros(1),)}], np.array(3.0), np.zeros((0, 3)), json.dumps,
    ],
    ids=lambda v: str(type(v).__name__),
)  # fmt: skip
def test_small_values_have_an_exact_digest(reader: ValueReader, value: Any) -> None:
    exact = digest(reader, value)
    assert exact
    assert not exact.startswith("~")
    assert exact == digest(reader, value)


def different_values() -> list[Any]:
    array = np.arange(6.0)
    return [
        [0.0, -0.0, 0, False, None, "", b"", "0", b"0", float("nan"), float("inf"), -float("inf"), 0j, 1, True],
        [[], (), {}, [[]], [()], ["ab"], ["a", "b"], {"a": "b"}, [["a", "b"]], [1], [1.0], ["1"]],
        [array, array.reshape(2, 3), array.astype("f4"), array[::-1], array + 1, list(array), array.astype(">f8")],
        [np.float64(1), np.float32(1), 1.0, np.int64(1), np.bool_(True)],
        [10**9_000, 10**9_000 + 1, -(10**9_000), 2**2_000_000, 2**2_000_000 + 1, 2**2_000_001],
        ["x" * 10**6, "x" * (10**6 - 1) + "y", b"x" * 10**6, "x" * (10**6 + 1)],
        [np.ma.MaskedArray([1, 2], [False, True]), np.ma.MaskedArray([1, 3], [False, True]), np.ma.MaskedArray([1, 2], [False, False])],
        [csr_matrix(np.eye(3)), csr_matrix(np.eye(3) * 2), csr_matrix(np.eye(4))],
        [lambda x: x + 1, lambda x: x + 2, lambda x: -x, lambda x, y=1: x + 1, lambda x, y=2: x + 1, abs],
        [np.array([1, None], dtype=object), np.array([2, None], dtype=object), np.array([None, 1], dtype=object)],
    ]  # fmt: skip


@pytest.mark.parametrize("values", different_values())
def test_different_values_have_different_digests(reader: ValueReader, values: list[Any]) -> None:
    digests = [digest(reader, v) for v in values]
    assert None not in digests
    assert len(set(digests)) == len(values), digests


def test_functions_are_identified_by_their_code(reader: ValueReader) -> None:
    def make(k: int) -> Any:
        return lambda x: x + k

    assert digest(reader, make(1)) is None, "closures are not read"
    one, two = (eval("lambda x: x * 3") for _ in range(2))
    assert digest(reader, one) == digest(reader, two)


@pytest.mark.parametrize(
    "value",
    [{1, 2}, Decimal(1), object(), np.random.RandomState(0), iter([]), open, sys, [object()], {"a": {1}}],
)
def test_an_unreadable_value_has_no_digest(reader: ValueReader, value: Any) -> None:
    if value is not open:
        assert digest(reader, value) is None
    assert reader.signature(value, Binding())["text"]


class Loud:
    def __repr__(self) -> str:
        raise AssertionError("repr was run")

    __str__ = __repr__


class LoudText(str):
    __slots__ = ()

    def __repr__(self) -> str:
        raise AssertionError("repr was run")

    __str__ = __format__ = __repr__  # type: ignore[assignment]


def test_reading_text_runs_no_repr(reader: ValueReader) -> None:
    void = np.zeros((), dtype=[("f", object)])
    void["f"] = Loud()
    values: list[Any] = [
        Loud(),
        LoudText("x"),
        [Loud()],
        {"a": Loud()},
        {LoudText("k"): 1},
        (LoudText("y"),),
        void[()],
    ]
    for value in values:
        for reading in (reader.signature(value, Binding()), reader.parameter(value, Binding())):
            assert "Loud" in json.dumps(reading) or "void" in json.dumps(reading)


def test_numbers_are_sent_as_valid_json(reader: ValueReader) -> None:
    for value in (float("nan"), float("inf"), 2**60, "x" * 500, 10**5_000):
        reading = reader.parameter(value, Binding())
        assert isinstance(reading, dict)
        json.dumps(reading, allow_nan=False)
    assert reader.parameter(-0.0, Binding()) == 0.0
    assert reader.signature(3, Binding())["number"] == 3.0
    assert "number" not in reader.signature(True, Binding())
    assert reader.parameter(10**5_000, Binding())["text"] == "int of 16610 bits"  # type: ignore[index]


def test_writes_in_place_change_the_digest(reader: ValueReader) -> None:
    for size in (3, 3_000, 30_000):
        array, binding = np.zeros(size), Binding()
        before = reader.signature(array, binding)
        assert reader.signature(array, binding) == before
        array[-1] = 1e-300
        after = reader.signature(array, binding)
        assert after["digest"] != before["digest"]
        assert after["serial"] == before["serial"]
    nested: list[Any] = [{"a": [1]}]
    before = reader.signature(nested, binding := Binding())
    nested[0]["a"].append(2)
    assert reader.signature(nested, binding)["digest"] != before["digest"]


def test_a_large_array_is_sampled(reader: ValueReader) -> None:
    large = np.zeros(10**6)
    before = digest(reader, large)
    assert before.startswith("~")
    large[::1000] = 1
    assert digest(reader, large) != before


def one_item(large: Any) -> None:
    """Write in a place that is not sampled."""
    large.reshape(-1)[large.size // 2 + 12_000] += 1


@pytest.mark.parametrize(
    "wrap", [lambda a: a, lambda a: [a], lambda a: {"weights": (a,)}], ids=["", "list", "dict"]
)
def test_a_large_array_is_read_in_full_when_it_may_have_been_touched(reader: ValueReader, wrap: Any) -> None:
    large = np.zeros(10**6)
    value, binding = wrap(large), Binding()
    first = reader.signature(value, binding)
    one_item(large)
    reader.is_thorough = False
    assert reader.signature(value, binding) == first, "samples agree, and nothing more is known"
    reader.is_thorough = True
    second = reader.signature(value, binding)
    assert second["digest"] == first["digest"]
    assert second["full"] != first["full"]


def test_what_was_known_of_all_of_an_array_ends_with_its_samples(reader: ValueReader) -> None:
    large, binding = np.zeros(10**6), Binding()
    assert "full" in reader.signature(large, binding)
    large[:] = 1
    reader.is_thorough = False
    assert "full" not in reader.signature(large, binding)
    assert "full" not in reader.signature(large, binding)
    reader.is_thorough = True
    assert "full" in reader.signature(large, binding)


def test_equal_arrays_have_one_digest_whatever_their_order_in_memory(reader: ValueReader) -> None:
    large = np.arange(120_000.0).reshape(300, 400)
    copies = [large, np.asfortranarray(large), np.repeat(large, 2, axis=1)[:, ::2], large[::-1].copy()[::-1]]
    signatures = [reader.signature(copy, Binding()) for copy in copies]
    assert all(signature == signatures[0] for signature in signatures)
    assert "full" in signatures[0]


def test_one_look_reads_so_many_bytes_in_full_and_takes_samples_of_the_rest(
    reader: ValueReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(values, "IN_FULL", 3 * 800_000)
    for _ in range(2):
        reader.begin(LONG)
        arrays = [np.full(10**5, float(i)) for i in range(5)]
        signatures = [reader.signature(array, Binding()) for array in arrays]
        assert ["full" in signature for signature in signatures] == [True] * 3 + [False] * 2
        assert all(signature["digest"].startswith("~") for signature in signatures)


def huge() -> dict[str, Any]:
    circle: list[Any] = [1]
    circle.append(circle)
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    return {
        "10 GB that are one number": as_strided(np.zeros(1), (5 * 10**8, 3), (0, 0)),
        "broadcast": np.broadcast_to(np.float32(1), (10**6, 10**4)),
        "items of 50 MB": np.zeros(2, dtype="V50000000"),
        "circle": circle,
        "deep": deep,
        "million keys": dict.fromkeys(range(10**6)),
        "million lists": [[i] for i in range(10**5)] * 10,
        "text": "x" * 10**8,
        "bytes": bytes(10**8),
        "int": 1 << 10**8,
        "numpy text": np.str_("x" * 10**6),
        "objects": np.array([[None] * 10] * 10**4, dtype=object),
        "wide": [[[[[i] * 200] * 200] * 200] * 200 for i in range(200)],
    }


@pytest.mark.proof
def test_huge_values_take_bounded_time(reader: ValueReader) -> None:
    for what, value in huge().items():
        reader.begin(0.2)
        start = time.process_time()
        binding = Binding()
        signature = reader.signature(value, binding)
        reader.parameter(value, binding)
        assert time.process_time() - start < 1.0, what
        assert not signature.get("digest") or str(signature["digest"]).startswith("~") or what == "circle", (
            what
        )
        assert len(json.dumps(signature)) < 1_000


def test_a_reading_out_of_time_is_reported_and_completed_later(reader: ValueReader) -> None:
    array, binding = np.ones(10), Binding()
    reader.begin(-1.0)
    assert "digest" not in reader.signature(array, binding)
    assert not reader.is_still(array, binding)
    reader.begin(LONG)
    assert reader.signature(array, binding)["digest"]
    assert reader.is_still(array, binding)


def test_the_tree_behind_a_model_is_read(reader: ValueReader) -> None:
    x, y = np.arange(20.0).reshape(10, 2), np.arange(10) % 2
    one, same, other = (
        DecisionTreeClassifier(max_depth=d, random_state=0).fit(x, y) for d in (None, None, 1)
    )
    assert digest(reader, one.tree_) == digest(reader, same.tree_) != digest(reader, other.tree_)
    assert digest(reader, LogisticRegression()) != digest(reader, LogisticRegression()), (
        "models are identified by token"
    )
