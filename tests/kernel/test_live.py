"""Tests the live source with real kernels, dead ones, and programs that only look like one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import zmq
from jupyter_client.connect import write_connection_file
from jupyter_client.session import Session

from kernelscope.domain.events import Attached, KernelChanged, Observed, Waiting
from kernelscope.errors import (
    KernelscopeError,
    KeyMismatchError,
    TimedOutError,
    UnreachableError,
    UnsupportedKernelError,
)
from kernelscope.kernel import client, live_source, signs_of_life
from kernelscope.kernel.attach_options import AttachOptions
from kernelscope.kernel.live_source import LiveSource, detach_probe
from tests.conftest import interpreter
from tests.kernel.watching import INSTALLED, LONG, evaluate, watching
from tests.support.kernels import KernelProcess


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[KernelProcess]:
    with KernelProcess(tmp_path) as process:
        yield process


async def error_of(path: Path, **options: Any) -> KernelscopeError:
    """Return the error that ends an attach."""
    source = LiveSource(path, AttachOptions(**options))
    events: AsyncIterator[object] = source.events()
    try:
        async with asyncio.timeout(LONG):
            async for _ in events:
                pass
    except KernelscopeError as error:
        return error
    finally:
        await source.close()
    raise AssertionError("it attached")


async def test_every_run_of_a_burst_is_reported_in_order(kernel: KernelProcess) -> None:
    async with watching(kernel) as watch:
        attached = await watch.wait_for_attach()
        assert attached.kernel.execution_count == 0
        assert attached.kernel.pid == kernel.pid
        cells = [f"a = {n}" for n in range(10)] + ["1 / 0"] + [f"b = {n}" for n in range(10)]
        requests = [kernel.queue(cell, cell_id=f"cell {n}") for n, cell in enumerate(cells)]
        runs = await watch.wait_for_runs(len(cells))
        assert [r.run.code for r in runs if r.run] == cells
        assert [r.run.execution_count for r in runs if r.run] == list(range(1, 22))
        assert watch.statuses == ["ok"] * 10 + ["error"] + ["ok"] * 10
        assert [r.seq for r in runs] == list(range(1, 22))
        if attached.kernel.ipykernel.startswith("7"):
            assert [r.run.cell_id for r in runs if r.run] == [f"cell {n}" for n in range(21)]
        for request in requests:
            kernel.wait(request)


async def test_an_attach_succeeds_while_a_failing_queue_runs(kernel: KernelProcess, tmp_path: Path) -> None:
    """The failing cell aborts what is queued, including the attach, which is sent again."""
    waiting = kernel.queue("import pathlib\nwhile not pathlib.Path('go').exists(): pass\n1 / 0")
    async with watching(kernel) as watch:
        await watch.wait_until(lambda w: any(isinstance(e, Waiting) for e in w.events))
        (tmp_path / "go").touch()
        kernel.wait(waiting)
        await watch.wait_for_attach()
        kernel.run("a = 1")
        await watch.wait_for_runs(1)
        assert isinstance(watch.events[0], Waiting)
        assert len(watch.attaches) == 1


async def test_an_attach_ends_at_its_time_limit(kernel: KernelProcess, tmp_path: Path) -> None:
    waiting = kernel.queue("import pathlib\nwhile not pathlib.Path('go').exists(): pass")
    assert isinstance(await error_of(kernel.connection_file, limit=1.0), TimedOutError)
    (tmp_path / "go").touch()
    kernel.wait(waiting)


async def test_a_restart_begins_an_epoch(kernel: KernelProcess) -> None:
    async with watching(kernel) as watch:
        first = await watch.wait_for_attach()
        kernel.run("from sklearn.svm import SVC\nold = SVC()")
        await watch.wait_for_runs(1)
        await asyncio.to_thread(kernel.restart)
        second = await watch.wait_for_attach(2)
        assert (first.epoch, second.epoch) == (1, 2)
        assert second.kernel.pid == kernel.pid != first.kernel.pid
        assert second.base.names == {}
        assert second.history == ()
        assert [e.state for e in watch.events if isinstance(e, KernelChanged)].count("restarted") == 1
        kernel.run("new = 1")
        runs = await watch.wait_for_runs(2)
        assert [r.run.execution_count for r in runs if r.run] == [1, 1]
        epochs = [e.epoch for e in watch.events if isinstance(e, Observed)]
        assert epochs == [1, 2]
    assert evaluate(kernel.client(), INSTALLED) is False


@pytest.mark.parametrize("removed", [False, True])
async def test_a_dead_kernel_ends_the_source(
    kernel: KernelProcess, monkeypatch: pytest.MonkeyPatch, removed: bool
) -> None:
    monkeypatch.setattr(signs_of_life, "GONE_WITHOUT_FILE_S" if removed else "GONE_S", 1.5)
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        if removed:
            kernel.connection_file.unlink()
        kernel.kill()
        assert isinstance(await watch.wait_for_error(8), UnreachableError)
        assert isinstance(watch.events[-1], KernelChanged)
        assert watch.events[-1].state == "died"


async def test_a_stopped_kernel_is_unreachable_and_comes_back(
    kernel: KernelProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_source, "HEARTBEAT_S", 0.3)
    states = []
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        os.kill(kernel.pid, signal.SIGSTOP)
        await watch.wait_until(lambda w: any(getattr(e, "state", "") == "unreachable" for e in w.events))
        os.kill(kernel.pid, signal.SIGCONT)
        await watch.wait_until(lambda w: any(getattr(e, "state", "") == "back" for e in w.events))
        kernel.run("a = 1")
        await watch.wait_for_runs(1)
        states = [e.state for e in watch.events if isinstance(e, KernelChanged)]
    assert states.count("unreachable") == states.count("back") == 1


@pytest.mark.fault(12)
@pytest.mark.parametrize("version", ["own", "3.9"])
@pytest.mark.parametrize("how", ["changed", "copied"])
async def test_a_wrong_key_sends_at_most_one_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, how: str
) -> None:
    if (version, how) != ("own", "changed"):
        monkeypatch.setattr(client, "KEY_S", 1.5)
    with KernelProcess(tmp_path, interpreter(version)) as kernel:
        raw = json.loads(kernel.connection_file.read_text())
        path = kernel.connection_file if how == "changed" else tmp_path / "copy.json"
        path.write_text(json.dumps({**raw, "key": "0" * 32}))
        path.chmod(0o600)
        os.utime(path, (time.time() + 60, time.time() + 60))  # not while the kernel starts
        before = kernel.log.read_text()
        start = time.monotonic()
        assert isinstance(await error_of(path), KeyMismatchError)
        assert time.monotonic() - start < LONG / 2
        log = kernel.log.read_text()[len(before) :]
        # Not at all if another message of the kernel came first and failed verification.
        assert log.count("Invalid Signature") <= 1, log


@pytest.mark.fault(10)
async def test_closed_ports_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "kernel-dead.json"
    write_connection_file(str(path), key=b"a")
    error = await error_of(path)
    assert isinstance(error, UnreachableError)
    assert error.title.startswith("no kernel answers at the ports")


async def test_a_silent_port_is_an_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        path = tmp_path / "kernel-silent.json"
        ports = {"shell_port": 1, "iopub_port": 2, "stdin_port": 3, "control_port": 4}
        ports["hb_port"] = silent.getsockname()[1]
        path.write_text(json.dumps({**ports, "ip": "127.0.0.1", "transport": "tcp", "key": "a"}))
        path.chmod(0o600)
        assert isinstance(await error_of(path), UnreachableError)


@contextmanager
def foreign_kernel(path: Path) -> Iterator[None]:
    """Run a kernel that follows the protocol and evaluates no expressions."""
    context = zmq.Context()
    sockets = {n: context.socket(k) for n, k in (("shell", zmq.ROUTER), ("iopub", zmq.PUB), ("hb", zmq.REP))}
    ports: dict[str, Any] = {
        f"{n}_port": s.bind_to_random_port("tcp://127.0.0.1") for n, s in sockets.items()
    }
    write_connection_file(str(path), key=b"secret", **ports)
    stop = threading.Event()

    def answer() -> None:
        session = Session(key=b"secret")
        poller = zmq.Poller()
        for name in ("shell", "hb"):
            poller.register(sockets[name], zmq.POLLIN)
        while not stop.is_set():
            ready = dict(poller.poll(50))
            if sockets["hb"] in ready:
                sockets["hb"].send(sockets["hb"].recv())
            if sockets["shell"] in ready:
                idents, request = session.recv(sockets["shell"], mode=0)
                assert request is not None
                kind = request["header"]["msg_type"].replace("_request", "_reply")
                content: dict[str, Any] = {"status": "ok", "execution_count": 1}
                if kind == "kernel_info_reply":
                    content["language_info"] = {"name": "R\x1b[2J"}
                session.send(sockets["iopub"], "status", {"execution_state": "busy"}, parent=request)
                session.send(sockets["shell"], kind, content, parent=request, ident=idents)
                session.send(sockets["iopub"], "status", {"execution_state": "idle"}, parent=request)

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        for one in sockets.values():
            one.close(linger=0)
        context.term()


async def test_a_kernel_of_another_language(tmp_path: Path) -> None:
    path = tmp_path / "kernel-r.json"
    with foreign_kernel(path):
        error = await error_of(path)
    assert isinstance(error, UnsupportedKernelError)
    assert "speaks R" in error.title
    assert "\x1b" not in error.title


async def test_detaching_uninstalls_the_probe(kernel: KernelProcess) -> None:
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        assert await detach_probe(kernel.connection_file)
        assert not await detach_probe(kernel.connection_file)
        assert evaluate(kernel.client(), INSTALLED) is False
        kernel.run("a = 1")
    assert not any(isinstance(e, Observed) for e in watch.events)
    with suppress(AssertionError):
        assert isinstance(watch.events[0], Attached)


async def test_runs_right_after_an_attach_are_never_lost(kernel: KernelProcess) -> None:
    """Cells are queued right behind the attach."""
    for number in range(3):
        async with watching(kernel) as watch:
            waiting = [kernel.queue(f"x = {number}, {n}") for n in range(5)]
            await watch.wait_for_attach()
            waiting += [kernel.queue(f"y = {number}, {n}") for n in range(5)]
            await watch.wait_until(
                lambda w: w.codes and w.codes[-1].startswith("y") and w.codes[-1].endswith("4")
            )
            for request in waiting:
                kernel.wait(request)
            first = watch.attaches[0].kernel.execution_count + 1
            counts = [o.run.execution_count for o in watch.runs if o.run]
            assert counts == list(range(first, first + len(counts)))
