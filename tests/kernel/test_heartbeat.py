from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import zmq
import zmq.asyncio

from kernelscope.kernel.connection_file import ConnectionInfo, read_connection_file
from kernelscope.kernel.heartbeat import Heartbeat, has_heartbeat
from kernelscope.kernel.processes import has_kernel_process
from tests.support.kernels import KernelProcess

LONG = 120.0
SHORT = 0.3


@pytest.fixture(params=["tcp", "ipc"])
def kernel(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KernelProcess]:
    with KernelProcess(tmp_path, transport=request.param) as process:
        yield process


@pytest.fixture
def context() -> Iterator[zmq.asyncio.Context]:
    context = zmq.asyncio.Context()
    yield context
    context.term()  # hangs if a socket is still open


async def test_a_kernel_beats_until_it_dies(kernel: KernelProcess, context: zmq.asyncio.Context) -> None:
    info = read_connection_file(kernel.connection_file)
    heartbeat = Heartbeat(info, context)
    assert [await heartbeat.beat(LONG) for _ in range(3)] == [True, True, True]
    assert await has_heartbeat(info, LONG)
    kernel.kill()
    assert not await heartbeat.beat(SHORT)
    assert not await heartbeat.beat(SHORT), "a second time, without an error"
    kernel.restart()
    assert await heartbeat.beat(LONG)
    heartbeat.close()
    heartbeat.close()


async def test_a_busy_kernel_beats_and_a_stopped_one_does_not(tmp_path: Path) -> None:
    with KernelProcess(tmp_path) as kernel:
        info = read_connection_file(kernel.connection_file)
        waiting = kernel.queue("import pathlib\nwhile not pathlib.Path('go').exists(): pass")
        assert await has_heartbeat(info, LONG)
        kernel.pause()
        assert not await has_heartbeat(info, SHORT)
        os.kill(kernel.pid, signal.SIGCONT)
        assert await has_heartbeat(info, LONG)
        (tmp_path / "go").touch()
        assert kernel.wait(waiting)["status"] == "ok"


async def test_heartbeats_do_not_disturb_the_kernel(tmp_path: Path) -> None:
    with KernelProcess(tmp_path) as kernel:
        info = read_connection_file(kernel.connection_file)
        printed = kernel.log.read_text()
        for _ in range(20):
            assert await has_heartbeat(info, LONG)
        assert kernel.run("1")["execution_count"] == 1
        assert kernel.log.read_text() == printed


async def test_another_program_at_the_port_does_not_beat(context: zmq.asyncio.Context) -> None:
    """One port accepts and never answers, one answers something else."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not await has_heartbeat(info_for_port(silent.getsockname()[1]), SHORT)
    other = context.socket(zmq.REP)
    port = other.bind_to_random_port("tcp://127.0.0.1")
    heartbeat = Heartbeat(info_for_port(port), context)

    async def answer() -> None:
        assert await other.recv() == b"ping"
        await other.send(b"something else")

    beat, _ = await asyncio.gather(heartbeat.beat(LONG), answer())
    assert not beat
    heartbeat.close()
    other.close(linger=0)


async def test_an_unreachable_address_does_not_beat() -> None:
    too_long = replace(info_for_port(1), transport="ipc", ip="/tmp/" + "a" * 200)
    assert not await has_heartbeat(too_long, SHORT)
    assert not await has_heartbeat(replace(info_for_port(1), ip="[nonsense"), SHORT)


async def test_the_time_limit_is_kept() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        assert not await has_heartbeat(info_for_port(silent.getsockname()[1]), SHORT)
        assert SHORT <= time.monotonic() - began < LONG


@pytest.mark.skipif(not zmq.has("curve"), reason="this libzmq has no CurveZMQ")
async def test_an_encrypted_kernel_beats(tmp_path: Path) -> None:
    public, secret = zmq.curve_keypair()
    with KernelProcess(tmp_path, extra={"curve_publickey": public, "curve_secretkey": secret}) as kernel:
        info = read_connection_file(kernel.connection_file)
        assert await has_heartbeat(info, LONG)
        assert not await has_heartbeat(replace(info, curve_publickey=None), SHORT)
        assert not await has_heartbeat(replace(info, curve_publickey=zmq.curve_keypair()[0]), SHORT)
        assert has_kernel_process(kernel.connection_file) is True


def info_for_port(port: int) -> ConnectionInfo:
    return ConnectionInfo(
        connection=Path("kernel-none.json"),
        transport="tcp",
        ip="127.0.0.1",
        shell_port=1,
        iopub_port=1,
        stdin_port=1,
        control_port=1,
        hb_port=port,
        key="a",
        signature_scheme="hmac-sha256",
        kernel_name=None,
        jupyter_session=None,
        written=0.0,
    )
