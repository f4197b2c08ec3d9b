"""Tests ports at which no kernel answers: commands say what is there and end with one clear line."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import zmq

from kernelscope.errors import KernelError, KeyMismatchError, UnreachableError
from kernelscope.kernel import client, diagnosis
from kernelscope.kernel.connection_file import read_connection_file
from kernelscope.kernel.live_source import LiveSource, detach_probe
from kernelscope.session import Session
from kernelscope.tui.app import KernelscopeApp
from kernelscope.tui.screens.failure import FailureScreen
from tests.kernel.watching import LONG
from tests.support.kernels import KernelProcess
from tests.tui.helpers import settle

PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")


@pytest.fixture(autouse=True)
def short_heartbeat_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "HEARTBEAT_S", 0.5)


def write_file(folder: Path, port: int, **changes: Any) -> Path:
    """Write a connection file with this port for the heartbeat."""
    others = {name: number for number, name in enumerate(PORTS, 1)}
    raw = {**others, "hb_port": port, "ip": "127.0.0.1", "transport": "tcp", "key": "a", **changes}
    path = folder / "kernel-a.json"
    path.write_text(json.dumps({name: value for name, value in raw.items() if value is not ...}))
    path.chmod(0o600)
    return path


async def errors_of(path: Path) -> list[KernelError]:
    """Return the errors of attaching and detaching, which must come in time."""
    source = LiveSource(path)
    async with asyncio.timeout(LONG):
        with pytest.raises(KernelError) as attaching:
            async for _ in source.events():
                pass
        await source.close()
        with pytest.raises(KernelError) as detaching:
            await detach_probe(path)
    raised = [attaching.value, detaching.value]
    assert {error.exit_code for error in raised} == {3}
    assert all("`kernelscope ls`" in error.hint for error in raised)
    return raised


class Page(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def a_web_server() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def a_program(reply: bytes | None) -> Iterator[int]:
    """Run a program that sends this to each client and closes the connection; ``None``: it sends nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server, ExitStack() as connections:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                connections.enter_context(connection)
                if reply is not None:
                    with connection:
                        connection.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


@contextmanager
def a_zmq_socket(kind: int) -> Iterator[int]:
    """Run a ZMQ socket that accepts every message and answers none."""
    with zmq.Context() as context, context.socket(kind) as server:
        server.linger = 0
        yield server.bind_to_random_port("tcp://127.0.0.1")


@contextmanager
def a_closed_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    yield port


TAKEN: dict[str, tuple[Callable[[], Any], str]] = {
    "a closed port": (a_closed_port, "no kernel answers at the ports"),
    "a web server": (a_web_server, "is no kernel"),
    "an ssh server": (lambda: a_program(b"SSH-2.0-OpenSSH_9.2\r\n"), "is no kernel"),
    "one that hangs up": (lambda: a_program(b""), "is no kernel"),
    "one that says nothing": (lambda: a_program(None), "no kernel answers at the ports"),
    "a pull socket": (lambda: a_zmq_socket(zmq.PULL), "no kernel answers at the ports"),
    "a router": (lambda: a_zmq_socket(zmq.ROUTER), "no kernel answers at the ports"),
}


@pytest.mark.parametrize("who", TAKEN)
async def test_the_error_says_what_answers_at_the_port(tmp_path: Path, who: str) -> None:
    program, words = TAKEN[who]
    with program() as port:
        for error in await errors_of(write_file(tmp_path, port)):
            assert isinstance(error, UnreachableError)
            assert words in error.title
            assert ("gives no sign" in error.hint) == (
                who in {"one that says nothing", "a pull socket", "a router"}
            )


async def test_the_dashboard_shows_what_answers_at_the_port(tmp_path: Path) -> None:
    with a_web_server() as port:
        app = KernelscopeApp(Session(LiveSource(write_file(tmp_path, port))))
        async with app.run_test() as pilot:
            async with asyncio.timeout(LONG):
                while not isinstance(app.screen, FailureScreen):
                    await pilot.pause()
            await settle(pilot)
            message = str(app.screen.query_one("#failure-text").render())
            assert f"port {port}" in message
            assert "kernelscope ls" in message
            await pilot.press("q")
    assert app.return_value == 3


async def test_no_address_is_looked_up(tmp_path: Path) -> None:
    info = read_connection_file(write_file(tmp_path, 9, ip="kernel.example"))
    assert await diagnosis.find_port_occupant(info) == "nothing"


async def test_sockets_in_files_are_diagnosed(tmp_path: Path) -> None:
    path = write_file(tmp_path, 9, transport="ipc", ip=str(tmp_path / "ipc"))
    assert await diagnosis.find_port_occupant(read_connection_file(path)) == "nothing"
    with zmq.Context() as context, context.socket(zmq.PULL) as server:
        server.bind(f"ipc://{tmp_path / 'ipc'}-9")
        assert await diagnosis.find_port_occupant(read_connection_file(path)) == "plain"


# --- 13: encryption -----------------------------------------------------------------------------------


def keys() -> dict[str, str]:
    public, secret = (key.decode() for key in zmq.curve_keypair())
    return {"curve_publickey": public, "curve_secretkey": secret}


@contextmanager
def a_kernel(folder: Path, **extra: Any) -> Iterator[tuple[KernelProcess, dict[str, Any]]]:
    with KernelProcess(folder, extra=extra) as kernel:
        yield kernel, json.loads(kernel.connection_file.read_text())


@pytest.mark.fault(13)
@pytest.mark.skipif(not zmq.has("curve"), reason="this libzmq has no CurveZMQ")
async def test_an_encrypted_kernel_answers_only_with_its_own_file(tmp_path: Path) -> None:
    (folder := tmp_path / "kernel").mkdir()
    with a_kernel(folder, **{name: key.encode() for name, key in keys().items()}) as (kernel, raw):
        before = kernel.log.read_text()
        plain = write_file(tmp_path, 1, **{**raw, **dict.fromkeys(keys(), ...)})
        for error in await errors_of(plain):
            assert isinstance(error, KeyMismatchError)
            assert "encrypted connections only" in error.title
        for error in await errors_of(write_file(tmp_path, 1, **{**raw, **keys()})):
            assert isinstance(error, KeyMismatchError)
            assert "encryption keys" in error.title
        assert kernel.log.read_text() == before
        assert kernel.run("1")["execution_count"] == 1
        assert not await detach_probe(kernel.connection_file), "with its own file it answers"


@pytest.mark.fault(13)
@pytest.mark.skipif(not zmq.has("curve"), reason="this libzmq has no CurveZMQ")
async def test_keys_for_a_kernel_that_does_not_encrypt_are_an_error(tmp_path: Path) -> None:
    """ipykernel 6 accepts such a file and ignores the keys."""
    (folder := tmp_path / "kernel").mkdir()
    with a_kernel(folder) as (kernel, raw):
        for error in await errors_of(write_file(tmp_path, 1, **{**raw, **keys()})):
            assert isinstance(error, KeyMismatchError)
            assert "does not encrypt" in error.title
        assert kernel.run("1")["execution_count"] == 1
