"""What may be between a kernel and its clients: a tunnel that drops, and a meddler that changes messages."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import zmq
import zmq.asyncio

_PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")

Frames = list[bytes]


class Tunnel:
    """Forwards every port of a kernel, as ssh does, until it is cut.

    ``connection_file`` is a copy of the kernel's that names the tunnel's ends.
    """

    def __init__(self, kernels: Path, folder: Path) -> None:
        self._ports = {name: _free_port() for name in _PORTS}
        self._kernels = json.loads(kernels.read_text())
        self.connection_file = _copy_connection_file(kernels, folder / "kernel-tunnel.json", self._ports)
        self._servers: list[asyncio.Server] = []
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def mend(self) -> None:
        """Start forwarding, at the same ports as before."""
        for name, port in self._ports.items():
            server = await asyncio.start_server(self._to(self._kernels[name]), "127.0.0.1", port)
            self._servers.append(server)

    async def cut(self) -> None:
        """Break every connection, and accept no new one."""
        for server in self._servers:
            server.close()
        for writer in self._writers:
            writer.transport.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for server in self._servers:
            await server.wait_closed()
        self._servers, self._writers = [], []

    def _to(self, port: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(self._forward(port, reader, writer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        return accept

    async def _forward(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            theirs, ours = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.transport.abort()
            return
        self._writers += [writer, ours]
        await asyncio.gather(_copy(reader, ours), _copy(theirs, writer))


class Meddler:
    """Replaces a kernel's iopub channel: passes each message through ``treat``."""

    def __init__(self, kernels: Path, folder: Path) -> None:
        self.treat: Callable[[Frames], list[Frames]] = lambda frames: [frames]
        self.context = zmq.asyncio.Context()
        self._in = self.context.socket(zmq.SUB)
        self._in.rcvhwm = 0
        self._in.subscribe(b"")
        raw = json.loads(kernels.read_text())
        self._in.connect(f"tcp://127.0.0.1:{raw['iopub_port']}")
        self._out = self.context.socket(zmq.PUB)
        self._out.sndhwm = 0
        port = self._out.bind_to_random_port("tcp://127.0.0.1")
        self.connection_file = _copy_connection_file(
            kernels, folder / "kernel-meddler.json", {"iopub_port": port}
        )

    async def publish(self, frames: Frames) -> None:
        """Publish a message that the kernel did not send, or sent before."""
        await self._out.send_multipart(frames)

    async def work(self) -> None:
        """Pass messages on until cancelled."""
        while True:
            for frames in self.treat(await self._in.recv_multipart()):
                await self.publish(frames)

    def close(self) -> None:
        """Close the sockets."""
        self.context.destroy(linger=0)


@asynccontextmanager
async def meddling(kernels: Path, folder: Path) -> AsyncIterator[Meddler]:
    """Run a meddler."""
    meddler = Meddler(kernels, folder)
    task = asyncio.create_task(meddler.work())
    try:
        yield meddler
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        meddler.close()


@asynccontextmanager
async def tunnelled(kernels: Path, folder: Path) -> AsyncIterator[Tunnel]:
    """Run a tunnel that is open."""
    tunnel = Tunnel(kernels, folder)
    await tunnel.mend()
    try:
        yield tunnel
    finally:
        await tunnel.cut()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()


def _copy_connection_file(kernels: Path, path: Path, ports: dict[str, int]) -> Path:
    path.write_text(json.dumps({**json.loads(kernels.read_text()), **ports}))
    path.chmod(0o600)
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
