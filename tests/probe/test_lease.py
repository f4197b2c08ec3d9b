"""Tests the list of watchers, and how long the probe stays after the last one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from kernelscope.probe import keep_alive
from kernelscope.probe import lease as lease_module
from kernelscope.probe.keep_alive import KeepAlive
from kernelscope.probe.lease import REMOTE_RUNS, Lease, Watcher
from kernelscope.probe.processes import machine_mark, may_have_ended, start_mark


class Loop:
    """An event loop whose clock only a test advances."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[tuple[float, Any, tuple[object, ...]]] = []

    def add_callback(self, function: Any, *arguments: object) -> None:
        function(*arguments)

    def call_later(self, seconds: float, function: Any, *arguments: object) -> object:
        self.timers.append((self.now + seconds, function, arguments))
        return self.timers[-1]

    def remove_timeout(self, timer: Any) -> None:
        self.timers.remove(timer)

    def advance(self, seconds: float) -> None:
        self.now += seconds
        due = [timer for timer in self.timers if timer[0] <= self.now]
        self.timers = [timer for timer in self.timers if timer not in due]
        for _, function, arguments in due:
            function(*arguments)


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    loop = Loop()
    monkeypatch.setattr(keep_alive, "monotonic", lambda: loop.now)
    return loop


def watcher(name: str, *, is_remote: bool = False, poll: float | None = None) -> Watcher:
    """Build a watcher in this process, or in a remote one."""
    request: Any = {
        "watcher": name,
        "pid": -1 if is_remote else os.getpid(),
        "process_started": "never" if is_remote else start_mark(os.getpid()),
        "machine": "another" if is_remote else machine_mark(),
        "poll": poll,
    }
    return Watcher(request)


def make_lease(loop: Loop, expire: Callable[[], bool] = lambda: True) -> Lease:
    """One whose probe stays whatever happens."""
    return Lease(KeepAlive(loop, expire), lambda: None)


def record_expiry(expired: list[float], loop: Loop) -> bool:
    expired.append(loop.now)
    return True


def test_the_probe_is_abandoned_with_its_last_watcher(loop: Loop) -> None:
    lease = make_lease(loop)
    assert lease.is_over()
    lease.add(watcher("a"), 0.0)
    lease.add(watcher("b"), 0.0)
    assert lease.count_watchers() == 2
    lease.remove("a")
    assert not lease.is_over()
    assert not lease.is_abandoned()
    lease.remove("b")
    lease.remove("b")
    assert lease.is_over()
    assert lease.is_abandoned()


def test_the_probe_is_uninstalled_only_after_its_last_watcher(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []
    lease = Lease(KeepAlive(loop, lambda: True), lambda: ended.append("uninstalled"))
    lease.add(watcher("a"), 0.0)
    assert (lease.uninstall_if_over(), lease.uninstall_if_abandoned(), ended) == (False, False, [])
    monkeypatch.setattr(lease_module, "start_mark", lambda _: "")
    assert (lease.uninstall_if_over(), ended) == (False, []), "it is listed still"
    assert (lease.uninstall_if_abandoned(), ended) == (True, ["uninstalled"])
    lease.remove("a")
    assert (lease.uninstall_if_over(), len(ended)) == (True, 2)


def test_a_local_watcher_is_gone_with_its_process(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = make_lease(loop)
    lease.add(watcher("a"), 0.0)
    for _ in range(REMOTE_RUNS + 1):
        lease.remove_gone()
    assert lease.is_watched()
    monkeypatch.setattr(lease_module, "start_mark", lambda _: "")
    assert lease.is_abandoned()
    monkeypatch.setattr(lease_module, "CHECK_AGAIN_S", 0.0)
    lease.remove_gone()
    assert lease.watchers == {}


@pytest.mark.kernel
def test_a_process_that_has_ended_is_known_to_have_whether_or_not_its_parent_has_waited() -> None:
    assert not may_have_ended(os.getpid())
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert not may_have_ended(child.pid)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert may_have_ended(child.pid), "it is not waited for yet"
    assert may_have_ended(child.pid)
    assert may_have_ended(os.getpid(), platform="darwin"), "nothing is known there at that price"


def test_runs_in_quick_succession_ask_for_a_process_once(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = make_lease(loop)
    lease.add(watcher("a"), 0.0)
    asked: list[int] = []
    mark = start_mark

    def ask(pid: int) -> str:
        asked.append(pid)
        return mark(pid)

    monkeypatch.setattr(lease_module, "CHECK_AGAIN_S", 3_600.0)
    monkeypatch.setattr(lease_module, "start_mark", ask)
    for _ in range(100):
        lease.remove_gone()
    assert len(asked) == 1


def test_a_remote_watcher_is_gone_after_many_runs_without_a_renewal(loop: Loop) -> None:
    lease = make_lease(loop)
    lease.add(watcher("far", is_remote=True), 0.0)
    for _ in range(REMOTE_RUNS):
        lease.remove_gone()
    lease.renew("far")
    lease.renew("an unknown watcher")
    for _ in range(REMOTE_RUNS):
        lease.remove_gone()
    assert lease.is_watched()
    lease.remove_gone()
    assert not lease.is_watched()


def test_the_shortest_poll_interval_counts(loop: Loop) -> None:
    lease = make_lease(loop)
    assert lease.min_poll() is None
    for name, poll in (("a", None), ("b", 5.0), ("c", 2.0)):
        lease.add(watcher(name, poll=poll), 0.0)
    assert lease.min_poll() == 2.0


def test_the_keep_alive_timer_starts_once_after_the_last_watcher(loop: Loop) -> None:
    expired: list[float] = []
    lease = make_lease(loop, lambda: record_expiry(expired, loop))
    lease.add(watcher("a"), 60.0)
    loop.advance(100.0)
    assert expired == []
    lease.remove("a")
    assert not lease.is_over()
    loop.advance(30.0)
    assert not lease.is_over(), "asking does not extend it"
    loop.advance(30.0)
    assert expired == [160.0]
    assert lease.is_over()


def test_a_watcher_stops_the_timer(loop: Loop) -> None:
    expired: list[float] = []
    lease = make_lease(loop, lambda: record_expiry(expired, loop))
    lease.add(watcher("a"), 60.0)
    lease.remove("a")
    assert not lease.is_over()
    lease.add(watcher("b"), 10.0)
    assert loop.timers == []
    loop.advance(100.0)
    assert expired == []
    lease.remove("b")
    assert not lease.is_over(), "the longest requested time counts"
    lease.keep_alive.cancel()
    assert loop.timers == []


def test_uninstalling_the_probe_is_retried_if_it_is_busy(loop: Loop) -> None:
    answers = [False, True]
    timer = KeepAlive(loop, lambda: answers.pop(0))
    timer.suspend(5.0)
    timer.start()
    loop.advance(5.0)
    assert len(loop.timers) == 1
    loop.advance(keep_alive.RETRY_S)
    assert answers == []
    assert loop.timers == []


@pytest.mark.parametrize("error", [ZeroDivisionError("of the probe's"), KeyboardInterrupt()])
def test_the_timer_passes_on_only_exceptions_of_the_user(loop: Loop, error: BaseException) -> None:
    def expire() -> bool:
        raise error

    expire.__code__ = expire.__code__.replace(co_filename=keep_alive.__file__)
    timer = KeepAlive(loop, expire)
    timer.suspend(5.0)
    timer.start()
    if isinstance(error, KeyboardInterrupt):
        with pytest.raises(KeyboardInterrupt):
            loop.advance(5.0)
    else:
        loop.advance(5.0)
        assert len(loop.timers) == 1, "it tries again"
