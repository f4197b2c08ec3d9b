"""Tests the channels to a kernel: every message that arrives is read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import zmq
from jupyter_client.connect import write_connection_file
from jupyter_client.session import Session

from kernelscope.kernel.channels import Channels
from kernelscope.kernel.connection_file import read_connection_file
from kernelscope.kernel.signals import ConnectionStatus, Message

LONG_S = 60


class Peer:
    """Stands for the kernel at its end of the shell and iopub channels."""

    def __init__(self, connection_file: Path) -> None:
        connection = json.loads(connection_file.read_text())
        self._session = Session(key=connection["key"].encode())
        self._context = zmq.Context()
        self._shell = self._context.socket(zmq.ROUTER)
        self._shell.bind(f"tcp://127.0.0.1:{connection['shell_port']}")
        self._iopub = self._context.socket(zmq.PUB)
        self._iopub.bind(f"tcp://127.0.0.1:{connection['iopub_port']}")

    def reply(self) -> None:
        """Wait for a request and answer it."""
        assert self._shell.poll(LONG_S * 1_000)
        identities, frames = self._session.feed_identities(self._shell.recv_multipart())
        request = self._session.deserialize(frames)
        self._session.send(self._shell, "execute_reply", {"status": "ok"}, parent=request, ident=identities)

    def close(self) -> None:
        self._context.destroy(linger=0)


@contextmanager
def peer(connection_file: Path) -> Iterator[Peer]:
    kernel = Peer(connection_file)
    try:
        yield kernel
    finally:
        kernel.close()


async def test_a_reply_that_came_just_before_a_request_was_sent_is_read(tmp_path: Path) -> None:
    """Sending consumes what has arrived, so that the event loop is never woken for it."""
    connection_file = tmp_path / "kernel.json"
    write_connection_file(str(connection_file), key=b"key")
    channels = Channels(read_connection_file(connection_file))
    channels.open()
    try:
        with peer(connection_file) as kernel:
            assert await channels.signal() == ConnectionStatus(up=True)
            first = await channels.execute("1")
            kernel.reply()  # while the event loop waits for us
            second = await channels.execute("2")
            kernel.reply()
            async with asyncio.timeout(LONG_S):
                replies = [await channels.signal(), await channels.signal()]
        assert [reply.parent_id for reply in replies if isinstance(reply, Message)] == [first, second]
    finally:
        await channels.close()
