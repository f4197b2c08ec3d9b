from __future__ import annotations

import gc
import sys
import threading
import weakref
from typing import Any

import numpy as np
import pytest

from kernelscope.probe.identity import Binding, Tokens


class Thing:
    """Allows weak references."""


class Slots:
    """Allows none."""

    __slots__ = ()


def test_an_id_that_is_handed_out_again_is_another_token() -> None:
    tokens, addresses, numbers = Tokens(), set(), set()
    for _ in range(50):
        thing = Thing()
        addresses.add(id(thing))
        numbers.add(tokens.of(thing))
        assert tokens.of(thing) == tokens.known(thing)
        del thing
    assert len(addresses) < 50, "no address came back: the test proves nothing"
    assert numbers == set(range(1, 51))


def test_an_object_without_weak_references() -> None:
    tokens = Tokens()
    thing = Slots()
    assert tokens.of(thing) == tokens.of(thing)
    assert tokens.known(Thing()) is None


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


def test_an_array_at_the_address_of_the_last_one() -> None:
    binding = Binding()
    for _ in range(50):
        value = np.zeros(3)
        assert not binding.holds(value)
        binding.bind(value)
        assert binding.holds(value)
        del value
    assert binding.serial == 49


@pytest.mark.parametrize("value", [float("nan"), None, "text", 10**30, b"x", True, int, len, Slots()])
def test_the_same_object_is_held(value: object) -> None:
    binding = Binding()
    assert not binding.holds(value)
    binding.bind(value)
    assert binding.holds(value)
    assert binding.serial == 0
    assert not binding.holds([1])
