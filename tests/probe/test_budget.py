"""Tests how long the probe may work, and what does not count as work."""

from __future__ import annotations

import gc

import pytest

from kernelscope.probe import budget as module
from kernelscope.probe.budget import PATIENCE, Budget


class Clocks:
    """Clocks that a test sets; ``work`` also advances this thread's CPU time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = self.worked = 100.0
        self.collections = 7
        monkeypatch.setattr(module, "perf_counter", lambda: self.now)
        monkeypatch.setattr(module, "thread_time", lambda: self.worked)
        monkeypatch.setattr(module, "get_stats", lambda: [{"collections": self.collections}])

    def work(self, seconds: float) -> None:
        self.now += seconds
        self.worked += seconds

    def wait(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


def test_work_spends_the_budget(clocks: Clocks) -> None:
    budget = Budget(0.05)
    clocks.work(0.04)
    assert not budget.is_spent()
    clocks.work(0.02)
    assert budget.is_spent()


def test_waiting_for_the_lock_spends_nothing(clocks: Clocks) -> None:
    budget = Budget(0.05)
    clocks.wait(0.2)
    assert not budget.is_spent()
    clocks.work(0.06)
    assert budget.is_spent()


def test_a_garbage_collection_spends_nothing(clocks: Clocks) -> None:
    budget = Budget(0.05)
    clocks.collections += 1
    clocks.work(0.08)
    assert not budget.is_spent()
    clocks.work(0.06)
    assert budget.is_spent()


def test_a_disproportionate_step_exhausts_the_budget(clocks: Clocks) -> None:
    budget = Budget(0.05)
    clocks.wait(PATIENCE * 0.05 + 0.01)
    assert budget.is_spent()


@pytest.mark.parametrize(("seconds", "spent"), [(-1.0, True), (float("inf"), False)])
def test_an_empty_and_an_unlimited_budget(seconds: float, spent: bool) -> None:
    budget = Budget(seconds)
    gc.collect()
    assert budget.is_spent() is spent
