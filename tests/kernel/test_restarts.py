"""Restarts kernels in every way: nothing of the previous kernel is left in the timeline."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.ioloop.manager import AsyncIOLoopKernelManager
from jupyter_core.utils import ensure_event_loop
from traitlets.config import Config

from kernelscope.domain.events import KernelChanged, Observed, Waiting
from kernelscope.kernel.live_source import LiveSource
from kernelscope.kernel.signals import ConnectionStatus, Message, Signal
from tests.kernel.watching import INSTALLED, LONG, Watcher, evaluate, watching
from tests.support.kernels import KernelProcess
from tests.support.zygote import Nursery

MODEL = """
class Model:
    def get_params(self, deep=True): return {}
    def fit(self): self.learned_ = 1
m, other = Model(), Model()
"""
"""Two models without a slow import."""

Restarts = list[tuple[str, float]]
"""For each restart its kind, and the seconds from the kernel's first answer to the next epoch."""


class Lane:
    """Watches one kernel that is restarted again and again, and measures the restarts."""

    def __init__(self, watch: Watcher) -> None:
        self.watch = watch
        self.epoch = 1
        self.restarts: Restarts = []

    async def check_begin(self, kind: str, pid: int, answered: float) -> None:
        """Check that the next epoch has begun, and has nothing of the previous one."""
        # A kernel that lived for a moment between two others may be attached to or skipped.
        await self.watch.wait_until(lambda w: w.attaches and w.attaches[-1].kernel.pid == pid)
        self.restarts.append((kind, max(0.0, time.monotonic() - answered)))
        attached = self.watch.attaches[-1]
        assert (attached.base.names, attached.history, attached.kernel.execution_count) == ({}, (), 0)
        epochs = [a.epoch for a in self.watch.attaches]
        assert epochs == list(range(1, len(epochs) + 1))
        assert len(epochs) > self.epoch
        self.epoch = len(epochs)
        states = [e.state for e in self.watch.events if isinstance(e, KernelChanged)]
        assert states.count("restarted") == self.epoch - 1
        place = self.watch.events.index(attached)
        before = [e for e in self.watch.events[:place] if not isinstance(e, Waiting)]
        assert before[-1] == KernelChanged(self.epoch - 1, "restarted"), "reported before the attach"

    async def check_run(self, run: Callable[[str], Awaitable[Any]]) -> None:
        """Check that a run is the first of its epoch, with generations numbered from 1."""
        await run(MODEL)
        epoch = self.epoch
        await self.watch.wait_until(
            lambda w: w.events and isinstance(w.events[-1], KernelChanged | Observed) and _runs(w, epoch)
        )
        (observed,) = _runs(self.watch, epoch)
        assert observed.observation.seq == 1
        assert sorted(o.generation or 0 for o in observed.observation.objects) == [1, 2]


def _runs(watch: Watcher, epoch: int) -> list[Observed]:
    return [e for e in watch.events if isinstance(e, Observed) and e.epoch == epoch and e.observation.run]


@asynccontextmanager
async def blocking_caller() -> AsyncIterator[Callable[..., Awaitable[Any]]]:
    """Call blocking functions in one other thread, in which jupyter_client creates one event loop."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as thread:
        yield lambda call, *arguments: loop.run_in_executor(thread, call, *arguments)
        await loop.run_in_executor(thread, lambda: ensure_event_loop().close())


async def restart_by_hand(folder: Path, kinds: list[str]) -> Restarts:
    """Restart a kernel on the same file, after killing it or asking it to shut down."""
    with Nursery(sys.executable, ()) as nursery:  # one per lane: it serves one thread
        async with blocking_caller() as call_blocking:
            kernel = await call_blocking(lambda: KernelProcess(folder, nursery=nursery))
            try:
                return await _restart_each(call_blocking, kernel, kinds)
            finally:
                await call_blocking(kernel.stop)


async def _restart_each(
    call_blocking: Callable[..., Awaitable[Any]], kernel: KernelProcess, kinds: list[str]
) -> Restarts:
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        lane = Lane(watch)
        for kind in kinds:
            await call_blocking(RESTARTS[kind], kernel)
            await lane.check_begin(kind, kernel.pid, time.monotonic())
            await lane.check_run(lambda code: call_blocking(kernel.run, code))
    assert await call_blocking(lambda: evaluate(kernel.client(), INSTALLED)) is False
    assert kernel.log.read_text().count("No such comm") == 0
    return lane.restarts


def restart_forced(kernel: KernelProcess) -> None:
    kernel.restart()


def restart_gracefully(kernel: KernelProcess) -> None:
    client = kernel.client()
    client.control_channel.send(client.session.msg("shutdown_request", {"restart": True}))
    kernel.process.wait(LONG)
    kernel.restart()


def restart_during_a_run(kernel: KernelProcess) -> None:
    kernel.queue("import pathlib; pathlib.Path('runs').touch()\nwhile True: pass")
    _wait_for(kernel.folder / "runs")
    kernel.restart()


def restart_by_own_cell(kernel: KernelProcess) -> None:
    kernel.queue("import os; os._exit(1)")
    kernel.process.wait(LONG)
    kernel.restart()


def restart_three_times(kernel: KernelProcess) -> None:
    for _ in range(3):
        kernel.restart()


def restart_when_busy(kernel: KernelProcess) -> None:
    """Restart and queue cells, like "Restart and run all": our request comes behind them."""
    kernel.restart()
    kernel.wait(kernel.queue("import time; time.sleep(0.3)", store_history=False))


RESTARTS: dict[str, Callable[[KernelProcess], None]] = {
    how.__name__: how
    for how in (
        restart_forced,
        restart_gracefully,
        restart_during_a_run,
        restart_by_own_cell,
        restart_three_times,
        restart_when_busy,
    )
}


def _wait_for(path: Path) -> None:
    end = time.monotonic() + LONG
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(0.01)
    path.unlink()


@asynccontextmanager
async def jupyter_manager(folder: Path) -> AsyncIterator[AsyncIOLoopKernelManager]:
    """Run a kernel whose Jupyter manager restarts it when it dies."""
    config = Config({"KernelRestarter": {"time_to_dead": 0.1, "stable_start_time": 0.0}})
    manager = AsyncIOLoopKernelManager(connection_file=str(folder / "kernel-managed.json"), config=config)
    with (folder / "kernel.log").open("ab") as log:
        await manager.start_kernel(
            cwd=str(folder), stdout=log, stderr=log, env={**os.environ, "IPYTHONDIR": str(folder)}
        )
        manager.start_restarter()
        try:
            yield manager
        finally:
            manager.stop_restarter()
            await manager.shutdown_kernel(now=True)


def pid_of(manager: AsyncIOLoopKernelManager) -> int:
    pid: int = getattr(manager.provisioner, "pid", 0)
    return pid


async def restart_by_jupyter(folder: Path, kinds: list[str]) -> Restarts:
    async with jupyter_manager(folder) as manager:
        await wait_until_it_answers(manager)
        watch = Watcher(LiveSource(folder / "kernel-managed.json"))
        task = asyncio.create_task(watch.pump())
        await watch.wait_for_attach()
        lane = Lane(watch)
        for kind in kinds:
            before = pid_of(manager)
            match kind:
                case "autorestarted":
                    os.kill(before, signal.SIGKILL)
                    async with asyncio.timeout(LONG):
                        while pid_of(manager) == before:  # noqa: ASYNC110 - the restarter polls, too
                            await asyncio.sleep(0.01)
                case "to new ports":
                    await manager.restart_kernel(now=True, newports=True)
                case _:
                    await manager.restart_kernel(now=kind == "by Jupyter, now")
            run = await wait_until_it_answers(manager)
            await lane.check_begin(kind, pid_of(manager), time.monotonic())
            await lane.check_run(run)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await watch.source.close()
    return lane.restarts


async def wait_until_it_answers(manager: AsyncIOLoopKernelManager) -> Callable[[str], Awaitable[Any]]:
    """Wait until the kernel answers; returns a function that runs a cell in it."""
    client = manager.client()
    client.start_channels(stdin=False, control=False, hb=False)
    try:
        request = client.kernel_info()
        while (await client.get_shell_msg(timeout=LONG))["parent_header"].get("msg_id") != request:
            pass
    finally:
        client.stop_channels()

    async def run(code: str) -> None:
        client = manager.client()
        client.start_channels(stdin=False, control=False, hb=False)
        try:
            request = client.execute(code)
            while (await client.get_shell_msg(timeout=LONG))["parent_header"].get("msg_id") != request:
                pass
        finally:
            client.stop_channels()

    return run


@pytest.mark.fault(85)
async def test_a_hundred_restarts_of_every_kind_are_a_hundred_epochs(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    kinds = [*RESTARTS] * 12
    random.Random(4).shuffle(kinds)
    folders = [tmp_path / f"lane{n}" for n in range(3)]
    for folder in folders:
        folder.mkdir()
    jupyters = ["by Jupyter, now", "by Jupyter, asked", "to new ports", *["autorestarted"] * 5] * 4
    lanes = await asyncio.gather(
        restart_by_hand(folders[0], kinds[::2]),
        restart_by_hand(folders[1], kinds[1::2]),
        restart_by_jupyter(folders[2], jupyters),
    )
    restarts = [one for lane in lanes for one in lane]
    assert len(restarts) >= 100
    lines = []
    for kind in (*RESTARTS, *dict.fromkeys(jupyters)):
        seconds = [s for k, s in restarts if k == kind]
        lines.append(f"{kind:<20} {len(seconds):>4} {statistics.median(seconds):>8.2f} {max(seconds):>8.2f}")
    seconds = [s for _, s in restarts]
    lines.append(f"{'all':<20} {len(seconds):>4} {statistics.median(seconds):>8.2f} {max(seconds):>8.2f}")
    record_property(
        "table",
        "\n".join(
            [
                f"{'restarted':<20} {'':>4} {'median':>8} {'max':>8}  s from the kernel's answer to its epoch",
                *lines,
            ]
        ),
    )


async def test_a_restart_during_one_heartbeat_is_noticed_although_the_new_kernel_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection breaks and stands again before the watcher looks at it, as it may on a loaded machine."""
    statuses: list[bool] = []
    beats, may_go_on = asyncio.Event(), asyncio.Event()

    async def beat(_: float) -> bool:
        beats.set()
        await may_go_on.wait()
        return True

    with KernelProcess(tmp_path) as kernel:
        async with watching(kernel) as watch:
            await watch.wait_for_attach()
            client = watch.source._client
            assert client is not None
            put, session = client.channels._put, client.session

            def put_what_is_heard(signal: Signal, size: int = 0) -> None:
                if isinstance(signal, ConnectionStatus):
                    statuses.append(signal.up)
                if not isinstance(signal, Message) or signal.session == session or may_go_on.is_set():
                    put(signal, size)

            monkeypatch.setattr(client.heart, "beat", beat)
            monkeypatch.setattr(client.channels, "_put", put_what_is_heard)
            await beats.wait()
            kernel.restart()
            async with asyncio.timeout(LONG):
                while statuses[-1:] != [True]:  # noqa: ASYNC110 - the sockets have no event for it
                    await asyncio.sleep(0.01)
            may_go_on.set()
            attached = await watch.wait_for_attach(epochs=2)
            assert attached.kernel.pid == kernel.pid
