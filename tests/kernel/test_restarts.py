"""Restarts of every kind, and what is left of the kernel before in the one after: nothing."""

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
from tests.kernel.watching import INSTALLED, LONG, Watcher, evaluate, watching
from tests.support.kernels import KernelProcess
from tests.support.zygote import Nursery

MODEL = """
class Model:
    def get_params(self, deep=True): return {}
    def fit(self): self.learned_ = 1
m, other = Model(), Model()
"""
"""Two models without an import that takes its time."""

Told = list[tuple[str, float]]
"""Per restart: its kind, and the seconds from the kernel's first answer to the next epoch."""


class Lane:
    """One kernel that is watched and restarted again and again."""

    def __init__(self, watch: Watcher) -> None:
        self.watch = watch
        self.epoch = 1
        self.told: Told = []

    async def begun(self, kind: str, pid: int, answered: float) -> None:
        """The next epoch is there, in order, and holds nothing of the one before."""
        # A kernel that lived a moment between two others may be attached to, or passed over.
        await self.watch.wait_until(lambda w: w.attaches and w.attaches[-1].kernel.pid == pid)
        self.told.append((kind, max(0.0, time.monotonic() - answered)))
        found = self.watch.attaches[-1]
        assert (found.base.names, found.history, found.kernel.execution_count) == ({}, (), 0)
        epochs = [a.epoch for a in self.watch.attaches]
        assert epochs == list(range(1, len(epochs) + 1))
        assert len(epochs) > self.epoch
        self.epoch = len(epochs)
        states = [e.state for e in self.watch.events if isinstance(e, KernelChanged)]
        assert states.count("restarted") == self.epoch - 1
        place = self.watch.events.index(found)
        told = [e for e in self.watch.events[:place] if not isinstance(e, Waiting)]
        assert told[-1] == KernelChanged(self.epoch - 1, "restarted"), "told before the attach"

    async def works(self, run: Callable[[str], Awaitable[Any]]) -> None:
        """A run in this epoch is told as its first, with generations numbered from 1."""
        await run(MODEL)
        epoch = self.epoch
        await self.watch.wait_until(
            lambda w: w.events and isinstance(w.events[-1], KernelChanged | Observed) and _runs(w, epoch)
        )
        (run_told,) = _runs(self.watch, epoch)
        assert run_told.observation.seq == 1
        assert sorted(o.generation or 0 for o in run_told.observation.objects) == [1, 2]


def _runs(watch: Watcher, epoch: int) -> list[Observed]:
    return [e for e in watch.events if isinstance(e, Observed) and e.epoch == epoch and e.observation.run]


@asynccontextmanager
async def another_hand() -> AsyncIterator[Callable[..., Awaitable[Any]]]:
    """Calls what blocks in one thread of its own, in which jupyter_client makes one event loop."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as thread:
        yield lambda call, *given: loop.run_in_executor(thread, call, *given)
        await loop.run_in_executor(thread, lambda: ensure_event_loop().close())


async def by_hand(folder: Path, kinds: list[str]) -> Told:
    """A kernel that is killed, or asked to go, and started again on the same file."""
    with Nursery(sys.executable, ()) as nursery:  # one per lane: it serves one thread
        async with another_hand() as hand:
            kernel = await hand(lambda: KernelProcess(folder, nursery=nursery))
            try:
                return await _by_hand(hand, kernel, kinds)
            finally:
                await hand(kernel.stop)


async def _by_hand(hand: Callable[..., Awaitable[Any]], kernel: KernelProcess, kinds: list[str]) -> Told:
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        lane = Lane(watch)
        for kind in kinds:
            await hand(HOW[kind], kernel)
            await lane.begun(kind, kernel.pid, time.monotonic())
            await lane.works(lambda code: hand(kernel.run, code))
    assert await hand(lambda: evaluate(kernel.client(), INSTALLED)) is False
    assert kernel.log.read_text().count("No such comm") == 0
    return lane.told


def forced(kernel: KernelProcess) -> None:
    kernel.restart()


def graceful(kernel: KernelProcess) -> None:
    client = kernel.client()
    client.control_channel.send(client.session.msg("shutdown_request", {"restart": True}))
    kernel.process.wait(LONG)
    kernel.restart()


def during_a_run(kernel: KernelProcess) -> None:
    kernel.queue("import pathlib; pathlib.Path('runs').touch()\nwhile True: pass")
    _wait_for(kernel.folder / "runs")
    kernel.restart()


def by_its_own_cell(kernel: KernelProcess) -> None:
    kernel.queue("import os; os._exit(1)")
    kernel.process.wait(LONG)
    kernel.restart()


def thrice(kernel: KernelProcess) -> None:
    for _ in range(3):
        kernel.restart()


def and_busy_at_once(kernel: KernelProcess) -> None:
    """As "Restart and run all": our question comes behind the notebook's."""
    kernel.restart()
    kernel.wait(kernel.queue("import time; time.sleep(0.3)", store_history=False))


HOW: dict[str, Callable[[KernelProcess], None]] = {
    how.__name__: how for how in (forced, graceful, during_a_run, by_its_own_cell, thrice, and_busy_at_once)
}


def _wait_for(path: Path) -> None:
    end = time.monotonic() + LONG
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(0.01)
    path.unlink()


@asynccontextmanager
async def managed(folder: Path) -> AsyncIterator[AsyncIOLoopKernelManager]:
    """A kernel that Jupyter's own manager starts, and starts again when it dies."""
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


async def by_jupyter(folder: Path, kinds: list[str]) -> Told:
    async with managed(folder) as manager:
        await answers(manager)
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
            run = await answers(manager)
            await lane.begun(kind, pid_of(manager), time.monotonic())
            await lane.works(run)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await watch.source.close()
    return lane.told


async def answers(manager: AsyncIOLoopKernelManager) -> Callable[[str], Awaitable[Any]]:
    """The kernel answers; what comes back runs a cell in it."""
    client = manager.client()
    client.start_channels(stdin=False, control=False, hb=False)
    try:
        asked = client.kernel_info()
        while (await client.get_shell_msg(timeout=LONG))["parent_header"].get("msg_id") != asked:
            pass
    finally:
        client.stop_channels()

    async def run(code: str) -> None:
        client = manager.client()
        client.start_channels(stdin=False, control=False, hb=False)
        try:
            asked = client.execute(code)
            while (await client.get_shell_msg(timeout=LONG))["parent_header"].get("msg_id") != asked:
                pass
        finally:
            client.stop_channels()

    return run


@pytest.mark.fault(85)
async def test_a_hundred_restarts_of_every_kind_are_a_hundred_epochs(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    kinds = [*HOW] * 12
    random.Random(4).shuffle(kinds)
    folders = [tmp_path / f"lane{n}" for n in range(3)]
    for folder in folders:
        folder.mkdir()
    jupyters = ["by Jupyter, now", "by Jupyter, asked", "to new ports", *["autorestarted"] * 5] * 4
    lanes = await asyncio.gather(
        by_hand(folders[0], kinds[::2]), by_hand(folders[1], kinds[1::2]), by_jupyter(folders[2], jupyters)
    )
    told = [one for lane in lanes for one in lane]
    assert len(told) >= 100
    lines = []
    for kind in (*HOW, *dict.fromkeys(jupyters)):
        seconds = [s for k, s in told if k == kind]
        lines.append(f"{kind:<20} {len(seconds):>4} {statistics.median(seconds):>8.2f} {max(seconds):>8.2f}")
    seconds = [s for _, s in told]
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
