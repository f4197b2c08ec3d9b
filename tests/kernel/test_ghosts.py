"""Checks kernelscope's requests: they are sent once, to the intended kernel, and not if no kernel answers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import zmq
import zmq.asyncio
from jupyter_client.connect import write_connection_file

from kernelscope.domain.events import KernelChanged, Waiting
from kernelscope.errors import KeyMismatchError, ProbeError
from kernelscope.kernel import client as kernel_client
from kernelscope.kernel import inject, live_source
from kernelscope.kernel.client import Answer, KernelClient
from kernelscope.kernel.connection_file import read_connection_file
from kernelscope.kernel.inject import GREETING, attach
from kernelscope.kernel.live_source import LiveSource
from kernelscope.kernel.replies import decode_reply
from kernelscope.kernel.request_lock import RequestLock
from kernelscope.libraries.registry import registry
from kernelscope.protocol.wire import Greeting
from tests.kernel.watching import INSTALLED, LONG, Watcher, evaluate, watching
from tests.support.kernels import KernelProcess

if TYPE_CHECKING:
    from jupyter_client.blocking.client import BlockingKernelClient

COUNTED = "ip = get_ipython(); asked = []; ip.events.register('post_execute', lambda: asked.append(1))"
BUSY = "import pathlib\nwhile not pathlib.Path('go').exists(): pass\npathlib.Path('go').unlink()"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelProcess]:
    """A kernel that several tests share; each leaves it as it was."""
    with KernelProcess(tmp_path_factory.mktemp("kernel")) as kernel:
        yield kernel


async def greeting_of(kernel: KernelProcess) -> Greeting:
    client = KernelClient(read_connection_file(kernel.connection_file))
    try:
        await client.open()
        async for answer in client.ask(GREETING):
            if isinstance(answer, Answer):
                return decode_reply(answer.text, Greeting)
    finally:
        await client.close()
    raise AssertionError("no answer")


@pytest.mark.fault(20, 21)
async def test_a_request_for_another_kernel_or_a_late_one_installs_nothing(
    shared: KernelProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = shared.client()
    greeting = await greeting_of(shared)
    of_the_dead = attach("ghost", Greeting("another session", greeting.clock)).expression()
    assert json.loads(evaluate(client, of_the_dead)) == {"error": "stale"}
    assert evaluate(client, INSTALLED) is False

    with monkeypatch.context() as patience:
        patience.setattr(inject, "FRESH_S", 0.0)
        late = attach("left meanwhile", greeting).expression()
    assert json.loads(evaluate(client, late)) == {"error": "stale"}
    assert evaluate(client, INSTALLED) is False

    # A waiting client is informed and sends its request again, a limited number of times.
    with monkeypatch.context() as patience:
        patience.setattr(inject, "FRESH_S", -1.0)
        async with watching(shared) as watch:
            error = await watch.wait_for_error()
    assert isinstance(error, ProbeError)
    assert "in time" in error.title
    assert evaluate(client, INSTALLED) is False


@pytest.mark.fault(21)
async def test_a_kernel_that_dies_before_it_answers_leaves_no_request_to_the_next(
    tmp_path: Path,
) -> None:
    with KernelProcess(tmp_path) as kernel:
        for _ in range(3):
            kernel.queue(BUSY)
            async with watching(kernel) as watch:
                await watch.wait_until(lambda w: any(isinstance(e, Waiting) for e in w.events))
                kernel.restart()
                kernel.run(COUNTED)
                attached = await watch.wait_for_attach()
                assert attached.epoch == 1
                assert attached.kernel.pid == kernel.pid
                requests = evaluate(kernel.client(), "len(asked)")
            assert requests <= 4, "its own cell, a greeting, an attach, and this request"
            assert evaluate(kernel.client(), INSTALLED) is False


async def test_replacing_a_checked_file_does_not_change_the_watched_kernel(
    shared: KernelProcess, tmp_path: Path
) -> None:
    path = tmp_path / "kernel-a.json"
    path.write_bytes(shared.connection_file.read_bytes())
    path.chmod(0o600)
    info = read_connection_file(path)
    write_connection_file(str(path), key=b"another's")
    client = KernelClient(info)
    try:
        await client.open()
        answers = [item async for item in client.ask(GREETING) if isinstance(item, Answer)]
    finally:
        await client.close()
    assert decode_reply(answers[0].text, Greeting).session == (await greeting_of(shared)).session


@asynccontextmanager
async def impostor(path: Path, *, beats: bool) -> AsyncIterator[list[list[bytes]]]:
    """Run another program at a kernel's ports; yields what it receives at the shell port."""
    raw = json.loads(path.read_text())  # noqa: ASYNC240 - of a few hundred bytes
    context = zmq.asyncio.Context()
    received: list[list[bytes]] = []
    sockets = {}
    for name, kind in (("shell", zmq.ROUTER), ("iopub", zmq.PUB), ("hb", zmq.REP)):
        if name != "hb" or beats:
            sockets[name] = context.socket(kind)
            sockets[name].bind(f"tcp://127.0.0.1:{raw[f'{name}_port']}")

    async def listen() -> None:
        while True:
            received.append(await sockets["shell"].recv_multipart())

    async def echo() -> None:
        while True:
            await sockets["hb"].send(await sockets["hb"].recv())

    tasks = [asyncio.create_task(work()) for work in ((listen, echo) if beats else (listen,))]
    try:
        yield received
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        context.destroy(linger=0)


@pytest.mark.fault(21)
async def test_nothing_is_sent_without_a_heartbeat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program has opened the ports of a dead kernel, and echoes no heartbeat."""
    for module in (live_source, kernel_client):
        monkeypatch.setattr(module, "HEARTBEAT_S", 0.2)
    with KernelProcess(tmp_path) as kernel:
        async with watching(kernel) as watch:
            await watch.wait_for_attach()
            kernel.kill()
            async with impostor(kernel.connection_file, beats=False) as received:
                client = watch.source._open_client
                await wait_until(lambda: not client.channels.up)
                await wait_until(lambda: client.channels.up)
                await watch.wait_until(lambda w: w.events[-1] == KernelChanged(1, "died"))
                assert received == []
            await asyncio.to_thread(kernel.restart)
            await watch.wait_for_attach(2)


@asynccontextmanager
async def watching_at(path: Path) -> AsyncIterator[Watcher]:
    """Watch whatever is at the ports in a connection file."""
    watch = Watcher(LiveSource(path))
    task = asyncio.create_task(watch.pump())
    try:
        yield watch
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await watch.source.close()


async def wait_until(fact: Any) -> None:
    async with asyncio.timeout(LONG):
        while not fact():  # noqa: ASYNC110 - the sockets' own tasks make it true
            await asyncio.sleep(0.01)


@pytest.mark.fault(11, 12)
async def test_another_program_at_the_ports_gets_one_greeting_and_no_probe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_client, "KEY_S", 1.5)
    with KernelProcess(tmp_path) as kernel:
        path = kernel.connection_file
    async with impostor(path, beats=True) as received:
        async with watching_at(path) as watch:
            assert isinstance(await watch.wait_for_error(), KeyMismatchError)
            assert all(isinstance(event, Waiting) for event in watch.events)
        (one,) = received
        assert b"greet" in b"".join(one)
        assert inject._pack(registry())[0].encode() not in b"".join(one)


@pytest.mark.fault(18)
async def test_at_most_one_request_waits_in_a_busy_kernel_however_often_clients_come_and_go(
    shared: KernelProcess,
) -> None:
    client = shared.client()
    shared.run(COUNTED)
    before = evaluate(client, "len(asked)")
    waiting = shared.queue(BUSY)
    for _ in range(5):
        async with watching(shared) as watch:
            await watch.wait_until(lambda w: any(isinstance(e, Waiting) for e in w.events))
            assert watch.attaches == []
    async with watching(shared) as stays, watching(shared) as too:
        for watch in (stays, too):
            await watch.wait_until(lambda w: any(isinstance(e, Waiting) for e in w.events))
            (event,) = watch.events
            assert isinstance(event, Waiting)
            assert "already waiting" in event.reason
        (shared.folder / "go").touch()
        shared.wait(waiting)
        for watch in (stays, too):
            await watch.wait_for_attach()
        # The cell, the waiting greeting, a greeting and an attach of each client, and our own last request.
        assert evaluate(client, "len(asked)") - before == 1 + 1 + 4 + 1
    shared.run("ip.events.callbacks['post_execute'].clear()")
    assert evaluate(client, INSTALLED) is False


def queue_failing_cell(client: BlockingKernelClient) -> None:
    """Queue a cell that fails on a signal and then aborts what is queued behind it, as in a notebook."""
    content = {"code": BUSY + "\n1 / 0", "silent": False, "stop_on_error": True}
    client.shell_channel.send(client.session.msg("execute_request", content))


@pytest.mark.fault(19)
async def test_a_request_that_a_failing_cell_aborts_is_sent_again(shared: KernelProcess) -> None:
    client = shared.client()
    queue_failing_cell(client)
    async with watching(shared) as watch:
        await watch.wait_until(lambda w: any(isinstance(e, Waiting) for e in w.events))
        (shared.folder / "go").touch()
        await watch.wait_for_attach()
        assert len(watch.events) == 2, "waiting, attached"


@pytest.mark.fault(18)
async def test_an_unnoticed_aborted_request_does_not_block_others(shared: KernelProcess) -> None:
    """Its lock file is still there, but nothing waits in an idle kernel."""
    client = shared.client()
    queue_failing_cell(client)
    for _ in range(2):
        async with watching(shared) as watch:
            await watch.wait_until(lambda w: any(isinstance(e, Waiting) for e in w.events))
    async with watching(shared) as watch:
        await watch.wait_until(lambda w: any(isinstance(e, Waiting) for e in w.events))
        (shared.folder / "go").touch()
        await watch.wait_for_attach()
    assert evaluate(client, INSTALLED) is False


def acquire_lock_in_another_process(kernel: KernelProcess, *, and_asks: bool) -> None:
    """Acquire the request lock in a process that has ended when this returns."""
    code = "import pathlib, sys; from kernelscope.kernel.request_lock import RequestLock; lock = RequestLock(pathlib.Path(sys.argv[1]))"
    code += "; assert lock.acquire()" + "; lock.mark_sent()" * and_asks
    subprocess.run([sys.executable, "-c", code, str(kernel.connection_file)], check=True)


@pytest.mark.fault(18)
@pytest.mark.parametrize("step", ["pathlib.Path.write_text", "os.link"])
def test_a_process_that_is_killed_while_it_acquires_the_lock_leaves_none_behind(
    shared: KernelProcess, step: str
) -> None:
    code = "import os, pathlib, signal, sys\nfrom kernelscope.kernel.request_lock import RequestLock\n"
    code += "lock = RequestLock(pathlib.Path(sys.argv[1]))\n"
    code += f"{step} = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)\nlock.acquire()"
    killed = subprocess.run([sys.executable, "-c", code, str(shared.connection_file)], check=False)
    assert killed.returncode == -signal.SIGKILL
    lock = RequestLock(shared.connection_file)
    assert lock.acquire()
    assert [path.name for path in Path(lock.file).parent.glob("draft-*")] == []
    lock.release()


@pytest.mark.fault(18)
async def test_a_dead_process_blocks_others_only_if_its_request_waits(shared: KernelProcess) -> None:
    acquire_lock_in_another_process(shared, and_asks=False)
    async with watching(shared) as watch:
        await watch.wait_for_attach()

    waiting = shared.queue(BUSY)
    acquire_lock_in_another_process(shared, and_asks=True)
    async with watching(shared) as watch:
        await watch.wait_until(lambda w: any(isinstance(e, Waiting) for e in w.events))
        (event,) = watch.events
        assert isinstance(event, Waiting)
        assert "already waiting" in event.reason
        (shared.folder / "go").touch()
        shared.wait(waiting)
        await watch.wait_for_attach()


@pytest.mark.fault(16)
async def test_a_replaced_file_leads_to_the_kernel_that_it_names_now(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("old", "new")]
    for folder in folders:
        folder.mkdir()
    with KernelProcess(folders[0]) as old, KernelProcess(folders[1]) as new:
        async with watching(old) as watch:
            first = await watch.wait_for_attach()
            client = new.client()
            new.connection_file.replace(old.connection_file)
            old.run("a = 1")
            await watch.wait_for_runs(1)  # while the old one lives, it is the watched one
            assert len(watch.attaches) == 1
            old.kill()
            second = await watch.wait_for_attach(2)
            assert (first.kernel.pid, second.kernel.pid) == (old.pid, new.pid)
            new.run("b = 1")
            await watch.wait_for_runs(2)
            assert [e.state for e in watch.events if isinstance(e, KernelChanged)].count("restarted") == 1
            assert evaluate(client, INSTALLED) is True
        assert evaluate(client, INSTALLED) is False


@pytest.mark.fault(86)
async def test_gone_unreachable_and_busy_are_distinguished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_source, "HEARTBEAT_S", 0.3)
    with KernelProcess(tmp_path) as kernel:
        async with watching(kernel) as watch:
            await watch.wait_for_attach()
            waiting = kernel.queue(BUSY)
            await wait_until_last(watch, "busy", "")
            kernel.pause()
            await wait_until_last(watch, "unreachable", "its process is stopped")
            os.kill(kernel.pid, signal.SIGCONT)
            await wait_until_last(watch, "back", "")
            (tmp_path / "go").touch()
            kernel.wait(waiting)
            await watch.wait_for_runs(1)
            kernel.kill()
            await wait_until_last(watch, "died", "")
            states = [e.state for e in watch.events if isinstance(e, KernelChanged)]
            assert [s for s in states if s not in ("busy", "idle")] == ["unreachable", "back", "died"]


async def wait_until_last(watch: Watcher, state: str, detail: str) -> None:
    def is_last(w: Watcher) -> bool:
        changes = [e for e in w.events if isinstance(e, KernelChanged)]
        return bool(changes) and (changes[-1].state, changes[-1].detail) == (state, detail)

    await watch.wait_until(is_last)
