"""Heartbeats: whether the kernel's process is there, without a request to the kernel.

A kernel echoes them from a thread that needs no Python.  So a beat proves the process, and neither that the
kernel is idle nor that the key in the file is its own.
"""

from __future__ import annotations

import asyncio

import zmq
import zmq.asyncio

from kernelscope.kernel.connection_file import ConnectionInfo

_PING = b"ping"


class Heartbeat:
    """Sends heartbeats to one kernel, one at a time.

    Args:
        context: belongs to the caller, who ends it after ``close``.
    """

    def __init__(self, info: ConnectionInfo, context: zmq.asyncio.Context) -> None:
        self._info = info
        self._context = context
        self._socket: zmq.asyncio.Socket | None = None

    async def beat(self, timeout: float) -> bool:  # noqa: ASYNC109 - the answer is False, no error
        """Whether the kernel's process answers within ``timeout`` seconds."""
        has_answered = False
        try:
            async with asyncio.timeout(timeout):
                has_answered = await self._echo()
        except (TimeoutError, zmq.ZMQError):
            pass
        finally:
            if not has_answered:
                self.close()  # a REQ socket without an answer cannot send again
        return has_answered

    def close(self) -> None:
        """Closes the socket at once; ``beat`` may be called again and opens another."""
        if self._socket is not None:
            self._socket.close(linger=0)
            self._socket = None

    async def _echo(self) -> bool:
        if self._socket is None:
            self._socket = self._connect()
        await self._socket.send(_PING)
        return bool(await self._socket.recv() == _PING)

    def _connect(self) -> zmq.asyncio.Socket:
        socket = self._context.socket(zmq.REQ)
        try:
            socket.linger = 0
            if self._info.curve_publickey is not None:
                socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
                socket.curve_serverkey = self._info.curve_publickey
            socket.connect(self._info.heartbeat_url)
        except zmq.ZMQError:  # such as a socket path that is too long
            socket.close(linger=0)
            raise
        return socket


async def has_heartbeat(info: ConnectionInfo, timeout: float) -> bool:  # noqa: ASYNC109 - as in Heartbeat.beat
    """Whether the kernel's process answers one heartbeat within ``timeout`` seconds."""
    context = zmq.asyncio.Context()
    heartbeat = Heartbeat(info, context)
    try:
        return await heartbeat.beat(timeout)
    finally:
        heartbeat.close()
        context.term()
