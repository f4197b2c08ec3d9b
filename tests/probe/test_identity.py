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
    """Allows no weak references."""

    __slots__ = ()


class Unweak:
    """A model that allows no weak references."""

    __slots__ = ("__dict__",)

    def __init__(self) -> None:
        self.coef_ = 1

    def fit(self) -> None: ...

    def get_params(self) -> None: ...


@pytest.mark.fault(53)
def test_an_object_at_a_reused_id_gets_another_token() -> None:
    tokens, addresses, numbers = Tokens(), set(), set()
    for _ in range(50):
        thing = Thing()
        addresses.add(id(thing))
        numbers.add(tokens.of(thing))
        assert tokens.of(thing) == tokens.find_token(thing)
        del thing
    assert len(addresses) < 50, "no address was reused: the test proves nothing"
    assert numbers == set(range(1, 51))


@pytest.mark.fault(52)
def test_an_object_without_weak_references_is_reported_as_possibly_another() -> None:
    tokens, space = Tokens(), {"m": Unweak(), "plain": LogisticRegression()}
    assert tokens.of(space["m"]) == tokens.of(space["m"])
    assert tokens.find_token(Thing()) is None
    references = sys.getrefcount(space["m"])
    timeline, look = Timeline(), make_scanner(space)
    timeline.apply(Attached(1, KernelFacts("file", "3.13.0", 1, 0), Snapshot(), ()))
    changes: list[Change] = []
    for seq in (1, 2):
        observation = convert({"seq": seq, **look.scan()}, Observation)
        for moment in timeline.apply(Observed(1, observation)).moments:
            changes += moment.changes
        space["m"].coef_ = space["plain"].coef_ = 2
    assert [f.by_address for f in timeline.objects.values()] == [True, False]
    flagged = [c.name for c in changes if Circumstance.NO_WEAK_REFERENCES in c.evidence]
    assert flagged == ["m"]
    assert [c.certainty for c in changes if c.identity == "same" and c.name == "m"] != ["observed"]
    now = sys.getrefcount(space["m"])
    assert now == references, "nothing else refers to it"


@pytest.mark.parametrize("slots", [(), ("__weakref__",)])
def test_neither_the_object_nor_its_class_is_kept_alive(slots: tuple[str, ...]) -> None:
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
def test_the_death_of_an_object_calls_no_code_of_the_probe() -> None:
    """A weak reference's callback could run at any moment, even while a lock is acquired."""
    space = {"m": LogisticRegression().fit([[0.0], [1.0]], [0, 1])}
    look = make_scanner(space)
    look.scan()
    targets = [space["m"], *vars(space["m"]).values()]
    references = [r for h in targets for r in weakref.getweakrefs(h)]
    assert references
    assert [r for r in references if r.__callback__ is not None] == []


def test_dead_objects_are_removed_from_the_table() -> None:
    tokens = Tokens()
    things = [Thing() for _ in range(10)]
    first = [tokens.of(t) for t in things]
    many = [Thing() for _ in range(3_000)]
    for thing in many:
        tokens.of(thing)
    del many, thing
    gc.collect()
    more = [Thing() for _ in range(3_000)]
    for thing in more:
        tokens.of(thing)
    assert len(tokens._by_id) < 6_000
    assert [tokens.of(t) for t in things] == first


def test_concurrent_threads_get_different_tokens() -> None:
    tokens, things = Tokens(), [[Thing() for _ in range(2_000)] for _ in range(4)]
    tokens_by_thread: list[list[int]] = [[] for _ in things]
    every = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        workers = [
            threading.Thread(target=lambda i=i: tokens_by_thread[i].extend(tokens.of(t) for t in things[i]))
            for i in range(4)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        sys.setswitchinterval(every)
    assert len({n for numbers in tokens_by_thread for n in numbers}) == 8_000


def test_a_new_float_at_the_old_address_is_noticed() -> None:
    """Unless the probe keeps the float, its address is reused and the change is missed."""
    binding, serials = Binding(), []
    for number in range(50):
        value: Any = number + 0.5
        if not binding.holds(value):
            binding.bind(value)
        serials.append(binding.serial)
        del value
    assert serials == list(range(50))


def test_a_new_view_at_the_old_address_is_noticed() -> None:
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
def test_a_binding_recognizes_the_same_object(value: object) -> None:
    binding = Binding()
    assert not binding.holds(value)
    binding.bind(value)
    assert binding.holds(value)
    assert binding.serial == 0
    assert not binding.holds([1])
