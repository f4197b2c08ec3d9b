"""Attaches and detaches hundreds of times, in every state, and compares the kernel before and after."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from kernelscope.errors import UnreachableError
from kernelscope.kernel.live_source import LiveSource, detach_probe
from kernelscope.system import has_ended, start_mark
from tests.kernel.watching import INSTALLED, LONG, evaluate, watching
from tests.support.kernels import KernelProcess
from tests.support.zygote import Zygote

CHANNELS = ("iopub_port", "stdin_port", "control_port", "hb_port")
ESTABLISHED = "01"
"""The code of an established connection in ``/proc/net/tcp``."""
CYCLES = 500
KILLS = 36

STATE = """
def files():
    import collections, os
    sockets = {}
    for row in open("/proc/self/net/tcp").readlines()[1:]:
        local, _, state, *_, inode = row.split()[1:10]
        sockets["socket:[%s]" % inode] = "%d %s" % (int(local.partition(":")[2], 16), state)
    numbers = [os.path.join("/proc/self/fd", number) for number in os.listdir("/proc/self/fd")]
    names = [os.readlink(number) for number in numbers if os.path.islink(number)]
    # IPython's own thread keeps the last two open while it writes the history.
    return dict(collections.Counter(
        sockets.get(name, name) for name in names if not name.endswith(("-journal", "/profile_default"))
    ))
def state():
    import gc, linecache, sys, threading, warnings
    ip = get_ipython()
    monitoring = getattr(sys, "monitoring", None)
    gc.collect()
    return {
        "callbacks": {event: len(held) for event, held in ip.events.callbacks.items()},
        "modules": len(sys.modules), "comms": len(ip.kernel.comm_manager.comms),
        "threads": threading.active_count(), "files": files(),
        "linecache": len(linecache.cache), "filters": len(warnings.filters),
        "tools": [monitoring.get_tool(i) for i in range(6)] if monitoring else [],
        "count": ip.execution_count, "history": len(ip.history_manager.input_hist_raw),
        "objects": len(gc.get_objects()), "pages": int(open("/proc/self/statm").read().split()[1]),
    }
"""
EXPRESSION = f"(lambda s: (exec({STATE!r}, s), s['state']())[1])({{'get_ipython': get_ipython}})"
BUSY = "import pathlib\nwhile not pathlib.Path('go').exists(): pass\npathlib.Path('go').unlink()"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelProcess]:
    with KernelProcess(tmp_path_factory.mktemp("kernel")) as kernel:
        yield kernel


async def warm_up(kernel: KernelProcess, client: Any) -> dict[str, Any]:
    """Run cells until ipykernel has created its own sockets; returns the kernel's state.

    A client that is answered need not be connected on all its channels yet: each connects by itself, and the
    heartbeat from a thread of its own.
    """
    (kernel.folder / "go").touch()
    kernel.run(BUSY)
    kernel.run("import warnings")
    ports = json.loads(kernel.connection_file.read_text())
    # The shell is left out: it answered the client, and ipykernel has a connection to itself.
    wanted = {f"{ports[name]} {ESTABLISHED}": kernel.clients for name in CHANNELS}
    state: dict[str, Any] = {}

    def connected() -> dict[str, int]:
        state.update(evaluate(client, EXPRESSION))
        return {channel: state["files"].get(channel, 0) for channel in wanted}

    await wait_until_equal(connected, wanted)
    return state


async def wait_until_settled(client: Any, wanted: dict[str, Any]) -> dict[str, Any]:
    """Return the kernel's state once it has closed the sockets of detached clients."""
    state: dict[str, Any] = {}

    def files() -> dict[str, int]:
        state.update(evaluate(client, EXPRESSION))
        return dict(state["files"])

    await wait_until_equal(files, wanted["files"])
    return state


async def wait_until_equal(ask: Callable[[], dict[str, int]], wanted: dict[str, int]) -> None:
    """Wait until ``ask`` returns ``wanted``; the assertion shows the last answer."""
    answer: dict[str, int] = {}

    def has_answer() -> bool:
        nonlocal answer
        answer = ask()
        return answer == wanted

    with suppress(TimeoutError):
        await wait_until(has_answer)
    assert answer == wanted


@pytest.mark.long
@pytest.mark.fault(55)
async def test_hundreds_of_attaches_leave_nothing_behind(
    shared: KernelProcess, record_property: Callable[[str, object], None]
) -> None:
    client = shared.client()
    untouched = await warm_up(shared, client)
    for _ in range(5):
        async with watching(shared) as watch:
            await watch.wait_for_attach()
    before = await wait_until_settled(client, untouched)
    for _ in range(CYCLES):
        async with watching(shared) as watch:
            await watch.wait_for_attach()
    after = await wait_until_settled(client, untouched)
    states = [{**state, "files": sum(state["files"].values())} for state in (before, after)]
    lines = [
        f"{what:<12} {states[0][what]!s:>24} {states[1][what]!s:>24}"
        for what in before
        if what != "callbacks"
    ]
    record_property("table", "\n".join([f"{'':<12} {'before':>24} {f'after {CYCLES} cycles':>24}", *lines]))
    grown = {what: after.pop(what) - before.pop(what) for what in ("objects", "pages")}
    assert after == before
    assert {**untouched, **after} == untouched
    assert grown["objects"] < 100
    # Between 13 and 17 MB were measured, and no object more: half a megabyte per attach would be 250 MB.
    assert grown["pages"] < 8_192, "32 MB, which the allocator keeps: it grows less and less"


@pytest.mark.long
@pytest.mark.fault(56)
async def test_the_run_after_a_watcher_is_killed_removes_its_probe(
    shared: KernelProcess, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    client = shared.client()
    chance = random.Random(56)
    before = await warm_up(shared, client)
    caught = dict.fromkeys(("in the attach", "at rest", "at a push", "in a run"), 0)
    there = 0
    with Zygote() as zygote:
        for number in range(KILLS):
            moment = list(caught)[number % 4]
            out = tmp_path / f"{number}.jsonl"
            watcher = zygote.start(out, "watch", str(shared.connection_file), "--json")
            if moment == "in the attach":
                await asyncio.sleep(chance.uniform(0.0, 0.2))  # any moment will do
                await kill(watcher)
            else:
                await wait_for_line(out, '"attached"')
                there += evaluate(client, INSTALLED)
                waiting = (
                    shared.queue(BUSY if moment == "in a run" else "x = 1") if moment != "at rest" else ""
                )
                await kill(watcher)
                (shared.folder / "go").touch()
                if waiting:
                    shared.wait(waiting)
            caught[moment] += 1
            # The kernel may read its last message after ours: then the run after that one removes the probe.
            await wait_until_settled(client, before)
            shared.run("'the next run'")
            assert evaluate(client, INSTALLED) is False, (number, moment)
            (shared.folder / "go").unlink(missing_ok=True)
    after = await wait_until_settled(client, before)
    assert there == KILLS * 3 // 4
    same = [what for what in before if what not in ("objects", "pages", "count", "history", "linecache")]
    assert {what: after[what] for what in same} == {what: before[what] for what in same}
    record_property(
        "table", "killed " + ", ".join(f"{how}: {n}" for how, n in caught.items()) + "; clean each time"
    )


async def kill(pid: int) -> None:
    mark = start_mark(pid)
    os.kill(pid, signal.SIGKILL)
    await wait_until(lambda: has_ended(pid, mark))


async def wait_for_line(out: Path, what: str) -> None:
    await wait_until(lambda: out.exists() and what in out.read_text())


async def wait_until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(LONG):
        while not fact():  # noqa: ASYNC110 - other processes make it true
            await asyncio.sleep(0.01)


@pytest.mark.fault(55)
async def test_detaching_from_a_busy_kernel_twice_and_from_a_dead_one_works(tmp_path: Path) -> None:
    with KernelProcess(tmp_path) as kernel:
        client = kernel.client()
        before = await warm_up(kernel, client)
        async with watching(kernel) as watch:
            await watch.wait_for_attach()
            waiting = kernel.queue(BUSY)
            await watch.wait_until(lambda w: any(getattr(e, "state", "") == "busy" for e in w.events))
        await watch.source.close()  # a second time
        (tmp_path / "go").touch()
        kernel.wait(waiting)
        after = await wait_until_settled(client, before)
        changed = ("objects", "pages", "count", "history", "linecache", "modules")
        assert {k: v for k, v in after.items() if k not in changed} == {
            k: v for k, v in before.items() if k not in changed
        }
        assert evaluate(client, INSTALLED) is False

        async with watching(kernel) as watch:
            await watch.wait_for_attach()
            assert [await detach_probe(kernel.connection_file) for _ in range(3)] == [True, False, False]
        assert evaluate(client, INSTALLED) is False

        async with watching(kernel) as watch:
            await watch.wait_for_attach()
            kernel.kill()
        await watch.source.close()
        with pytest.raises(UnreachableError):
            await detach_probe(kernel.connection_file)
        source = LiveSource(kernel.connection_file)
        await source.close()
