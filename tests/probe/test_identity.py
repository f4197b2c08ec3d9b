from __future__ import annotations

import gc
import sys
import threading
import weakref
from typing import Any

import numpy as np
import pytest
from msgspec import convert
from sklearn.linear_model import LogisticRegression

from kernelscope.domain.changes import Change
from kernelscope.domain.events import Attached, Observed
from kernelscope.domain.evidence import Circumstance
from kernelscope.domain.facts import KernelFacts, Observation, Snapshot
from kernelscope.probe.identity import Binding, Tokens
from kernelscope.timeline.timeline import Timeline
from tests.support.probe import make_scanner


class Thing:
    """Allows weak references."""


class Slots:
    """Allows none."""

    __slots__ = ()


class Unweak:
    """A model that allows none."""

    __slots__ = ("__dict__",)

    def __init__(self) -> None:
        self.coef_ = 1

    def fit(self) -> None: ...

    def get_params(self) -> None: ...


@pytest.mark.fault(53)
def test_an_id_that_is_handed_out_again_is_another_token() -> None:
    tokens, addresses, numbers = Tokens(), set(), set()
    for _ in range(50):
        thing = Thing()
        addresses.add(id(thing))
        numbers.add(tokens.of(thing))
        assert tokens.of(thing) == tokens.find_token(thing)
        del thing
    assert len(addresses) < 50, "no address came back: the test proves nothing"
    assert numbers == set(range(1, 51))


@pytest.mark.fault(52)
def test_an_object_without_weak_references_is_told_as_perhaps_another() -> None:
    tokens, space = Tokens(), {"m": Unweak(), "plain": LogisticRegression()}
    assert tokens.of(space["m"]) == tokens.of(space["m"])
    assert tokens.find_token(Thing()) is None
    references = sys.getrefcount(space["m"])
    timeline, look = Timeline(), make_scanner(space)
    timeline.apply(Attached(1, KernelFacts("file", "3.13.0", 1, 0), Snapshot(), ()))
    changes: list[Change] = []
    for seq in (1, 2):
        seen = convert({"seq": seq, **look.scan()}, Observation)
        for moment in timeline.apply(Observed(1, seen)).moments:
            changes += moment.changes
        space["m"].coef_ = space["plain"].coef_ = 2
    assert [f.by_address for f in timeline.objects.values()] == [True, False]
    flagged = [c.name for c in changes if Circumstance.NO_WEAK_REFERENCES in c.evidence]
    assert flagged == ["m"]
    assert [c.certainty for c in changes if c.identity == "same" and c.name == "m"] != ["observed"]
    now = sys.getrefcount(space["m"])
    assert now == references, "and nothing holds it"


@pytest.mark.parametrize("slots", [(), ("__weakref__",)])
def test_neither_the_object_nor_its_class_is_kept(slots: tuple[str, ...]) -> None:
    tokens, binding = Tokens(), Binding()
    kind = type("Mine", (), {"__slots__": slots})
    thing = kind()
    before = sys.getrefcount(thing)
    tokens.of(thing)
    binding.bind(thing)
    assert sys.getrefcount(thing) == before
    gone = weakref.ref(kind)
    del kind, thing
    gc.collect()
    assert gone() is None


@pytest.mark.fault(54)
def test_no_death_calls_us() -> None:
    """A callback could run in the middle of anything, also of what holds a lock."""
    space = {"m": LogisticRegression().fit([[0.0], [1.0]], [0, 1])}
    look = make_scanner(space)
    look.scan()
    held = [space["m"], *vars(space["m"]).values()]
    references = [r for h in held for r in weakref.getweakrefs(h)]
    assert references
    assert [r for r in references if r.__callback__ is not None] == []


def test_the_table_is_swept() -> None:
    tokens = Tokens()
    kept = [Thing() for _ in range(10)]
    first = [tokens.of(t) for t in kept]
    many = [Thing() for _ in range(3_000)]
    for thing in many:
        tokens.of(thing)
    del many, thing
    gc.collect()
    more = [Thing() for _ in range(3_000)]
    for thing in more:
        tokens.of(thing)
    assert len(tokens._by_id) < 6_000
    assert [tokens.of(t) for t in kept] == first


def test_threads_get_no_token_twice() -> None:
    tokens, things = Tokens(), [[Thing() for _ in range(2_000)] for _ in range(4)]
    got: list[list[int]] = [[] for _ in things]
    every = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        workers = [
            threading.Thread(target=lambda i=i: got[i].extend(tokens.of(t) for t in things[i]))
            for i in range(4)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        sys.setswitchinterval(every)
    assert len({n for numbers in got for n in numbers}) == 8_000


def test_a_float_that_is_set_twice_at_one_address() -> None:
    """Without keeping the float, its address comes back and the change is missed."""
    binding, serials = Binding(), []
    for number in range(50):
        value: Any = number + 0.5
        if not binding.holds(value):
            binding.bind(value)
        serials.append(binding.serial)
        del value
    assert serials == list(range(50))


def test_a_view_at_the_address_of_the_last_one() -> None:
    binding, whole = Binding(), np.zeros(3)
    for _ in range(50):
        value = whole[:]
        assert not binding.holds(value)
        binding.bind(value)
        assert binding.holds(value)
        del value
    assert binding.serial == 49


def test_an_array_that_owns_its_memory_can_be_resized_in_place() -> None:
    binding, value = Binding(), np.zeros(3)
    binding.bind(value)
    assert binding.holds(value)
    assert not binding.holds(np.zeros(3))
    value.resize(6)
    assert value.shape == (6,)


@pytest.mark.parametrize("value", [float("nan"), None, "text", 10**30, b"x", True, int, len, Slots()])
def test_the_same_object_is_held(value: object) -> None:
    binding = Binding()
    assert not binding.holds(value)
    binding.bind(value)
    assert binding.holds(value)
    assert binding.serial == 0
    assert not binding.holds([1])
