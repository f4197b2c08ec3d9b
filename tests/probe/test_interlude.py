"""Whether something can have happened between two runs."""

from __future__ import annotations

import asyncio
import types
from typing import Any

import pytest

from kernelscope.probe.interlude import Interlude


class Session:
    """Counts the messages that it sends, as jupyter_client's does."""

    def __init__(self) -> None:
        self.message_count = 10


class Kernel:
    """What an interlude reads of a kernel."""

    def __init__(self, loop: Any = None) -> None:
        self.session = Session()
        self.eventloop: object = None
        self.io_loop = types.SimpleNamespace(asyncio_loop=loop)

    def send(self, messages: int) -> None:
        self.session.message_count += messages


def after(kernel: Kernel, source: str = "x = 1") -> Interlude:
    interlude = Interlude(kernel)
    interlude.begin(source)
    return interlude


def test_the_four_messages_between_two_runs_are_quiet_and_a_fifth_is_not() -> None:
    kernel = Kernel()
    interlude = after(kernel)
    kernel.send(4)
    assert interlude.is_quiet()
    kernel.send(1)
    assert not interlude.is_quiet()


def test_it_is_not_quiet_before_the_first_run_and_after_something_else() -> None:
    kernel = Kernel()
    assert not Interlude(kernel).is_quiet()
    interlude = after(kernel)
    interlude.disturb()
    assert not interlude.is_quiet()
    interlude.begin("x = 2")
    assert interlude.is_quiet()


@pytest.mark.parametrize("source", ["await step()", "asyncio.create_task(go())", "signal.setitimer(0, 1)"])
def test_a_cell_that_may_leave_something_behind_ends_all_quiet(source: str) -> None:
    interlude = after(Kernel(), source)
    interlude.begin("x = 1")
    assert not interlude.is_quiet()


def test_a_graphical_interface_is_not_quiet() -> None:
    kernel = Kernel()
    interlude = after(kernel)
    kernel.eventloop = object()
    assert not interlude.is_quiet()


async def test_a_timer_is_not_quiet() -> None:
    loop = asyncio.get_running_loop()
    kernel = Kernel(loop)
    interlude = after(kernel)
    timer = loop.call_later(3_600, print)
    interlude.begin("x = 1")
    assert not interlude.is_quiet()
    timer.cancel()


async def go_on(started: asyncio.Event) -> None:
    started.set()
    await asyncio.Event().wait()


async def test_a_task_is_not_quiet() -> None:
    started = asyncio.Event()
    task = asyncio.ensure_future(go_on(started))
    await started.wait()
    assert not after(Kernel(asyncio.get_running_loop())).is_quiet()
    task.cancel()


def test_a_kernel_that_counts_no_messages_is_never_quiet() -> None:
    kernel = Kernel()
    del kernel.session
    assert not after(kernel).is_quiet()
