"""The live source: the I/O around an ``Attachment``, which holds its states.

It sends the requests that the attachment asks for, passes in what arrives and what it measures, and reports the
events that come back.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

from msgspec.structs import replace

from kernelscope.domain.events import Event, Waiting
from kernelscope.errors import ConnectionFileError
from kernelscope.kernel.attach_options import AttachOptions
from kernelscope.kernel.attachment import Attachment
from kernelscope.kernel.attachment_states import State
from kernelscope.kernel.client import HEARTBEAT_S, Answer, KernelClient, connect_to_kernel
from kernelscope.kernel.connection_file import (
    Connection,
    ConnectionInfo,
    display_connection,
    read_connection,
)
from kernelscope.kernel.inject import DETACH
from kernelscope.kernel.replies import build_request, decode_reply, receive_reply
from kernelscope.kernel.signals import ConnectionStatus, Message, Signal
from kernelscope.kernel.signs_of_life import ProcessStatus
from kernelscope.protocol.wire import DetachReply
from kernelscope.system import has_ended, is_stopped, start_mark

_TICK_S = 0.25
"""Seconds between two looks at a connection that is broken."""


class LiveSource:
    """Events of one live kernel.

    Args:
        connection: its connection file, or the connection info from standard input.

    Raises:
        ConnectionFileError: the file cannot be used.
    """

    def __init__(self, connection: Connection, options: AttachOptions | None = None) -> None:
        self._connection, self._options = connection, options or AttachOptions()
        self._file = _file_identity(connection)
        self._info = self._read_connection()
        self._watcher = uuid.uuid4().hex
        self._client: KernelClient | None = None
        self._attachment = Attachment(
            display_connection(connection), notebook=self._info.notebook, visits=self._options.visits
        )
        self._process: tuple[int, str] | None = None
        """The kernel's process id and start mark, if it runs on this machine."""
        self._has_heartbeat, self._heartbeat_at = True, 0.0

    @property
    def is_signed(self) -> bool:
        """Whether the kernel's messages are verified; without a key in the file they are not."""
        return self._info.is_signed

    async def events(self) -> AsyncIterator[Event]:
        """Until the kernel is gone for good, the probe was detached, or the source is closed.

        Raises:
            UnreachableError: no kernel answers, or none does any longer.
            KeyMismatchError: the kernel answers with another key.
            UnsupportedKernelError: it is not an IPython kernel.
            ProbeError: the probe could not be installed.
            TimedOutError: the limit ran out.
        """
        self._client = KernelClient(self._info, limit=self._options.limit)
        await self._client.open()
        steps = {
            State.GREETING: self._ask,
            State.ATTACHING: self._ask,
            State.CHECKING: self._ask,
            State.LISTENING: self._listen,
            State.AWAY: self._await_return,
        }
        while self._client is not None and (step := steps.get(self._attachment.state)) is not None:
            async for event in step():
                yield event
        if self._attachment.error is not None:
            raise self._attachment.error

    async def look_between_runs(self, seconds: float | None) -> None:
        """Lets the probe look this often while no cell runs; ``None``: after each run only.

        A busy kernel reads the message when its cell has ended.
        """
        self._options = replace(self._options, poll=seconds)
        reply = self._attachment.reply
        if self._client is not None and reply is not None:
            message = {"watcher": self._watcher, "poll": seconds or 0}
            await self._client.channels.send_to_comm(reply.comm_id, message)

    def expect_end(self) -> None:
        """The program that started the kernel ends it: its silence from here on is no fault."""
        self._attachment.expect_end()

    async def close(self) -> None:
        """Gives the lease back and closes the sockets."""
        client, self._client = self._client, None
        if client is None:
            return
        reply = self._attachment.reply
        try:
            if reply is not None and client.channels.up and client.session == self._attachment.session:
                await client.give_lease_back(reply.comm_id, self._watcher)
        finally:
            await client.close()

    @property
    def _open_client(self) -> KernelClient:
        if self._client is None:
            raise RuntimeError("it is closed")
        return self._client

    def _read_connection(self) -> ConnectionInfo:
        options = self._options
        return read_connection(
            self._connection, insecure=options.insecure, insecure_file=options.insecure_file
        )

    # One step in each state.

    async def _ask(self) -> AsyncIterator[Event]:
        """Sends the request that the attachment asks for, until it is answered or the connection breaks."""
        is_checking = self._attachment.state is State.CHECKING
        request = build_request(self._attachment, self._watcher, self._options)
        async with aclosing(self._open_client.ask(request)) as items:
            async for item in items:
                for event in await self._receive(item):
                    if not (is_checking and isinstance(event, Waiting)):
                        yield event
                if self._attachment.state is State.ENDED:
                    return

    async def _receive(self, item: Waiting | Answer | Signal) -> list[Event]:
        now = time.monotonic()
        match item:
            case Waiting():
                return [item]
            case Message():
                return self._attachment.receive_message(item, now)
            case ConnectionStatus(up=False):
                self._attachment.lose_connection(now)
            case Answer():
                return await self._receive_answer(item, now)
        return []

    async def _receive_answer(self, answer: Answer, now: float) -> list[Event]:
        was_attaching = self._attachment.state is State.ATTACHING
        events = await receive_reply(self._attachment, answer.text, now)
        if was_attaching and self._attachment.state is State.LISTENING:
            pid = self._attachment.local_pid
            self._process = None if pid is None else (pid, start_mark(pid))
            self._has_heartbeat, self._heartbeat_at = True, now
        return events

    async def _listen(self) -> AsyncIterator[Event]:
        """Takes the next signal, if one comes, and looks for signs of life."""
        client = self._open_client
        if not client.channels.up:
            self._attachment.lose_connection(time.monotonic())
            return
        # fault: 45a
        # fault: 44a
        # fault: 37a
        signal = await client.signal(HEARTBEAT_S)
        # A connection that broke counts even if it stands again by now: it may lead to another process.
        events = await self._receive(signal) if signal is not None else []
        if self._attachment.state in (State.LISTENING, State.CHECKING):
            events += await self._check_life(client)
        for event in events:
            yield event
        reply = self._attachment.reply
        if self._attachment.take_renewal() and reply is not None:
            await client.channels.send_to_comm(reply.comm_id, {"renew": self._watcher})

    async def _check_life(self, client: KernelClient) -> list[Event]:
        if time.monotonic() - self._heartbeat_at > HEARTBEAT_S:
            self._has_heartbeat = await client.heart.beat(HEARTBEAT_S)
            self._heartbeat_at = time.monotonic()
            self._attachment.signs_of_life.receive_heartbeat(self._has_heartbeat)
        process = self._process_status(is_silent=not self._has_heartbeat)
        return self._attachment.check_life(time.monotonic(), process)

    async def _await_return(self) -> AsyncIterator[Event]:
        """Looks once whether a kernel answers, on the same ports or on those that the file names by then.

        Nothing is sent to the kernel but heartbeats.
        """
        client = self._open_client
        # fault: 21b
        answers = client.channels.up and await client.heart.beat(HEARTBEAT_S)
        async for event in self._drain(client):
            yield event
        process = self._process_status(is_silent=True)
        for event in self._attachment.check_return(
            time.monotonic(), process, answers=answers, has_file=self._has_file()
        ):
            yield event
        if self._attachment.state is State.AWAY and process.ended is not False:
            await self._follow_file(client)

    async def _drain(self, client: KernelClient) -> AsyncIterator[Event]:
        """What the kernel had sent before the connection broke."""
        wait = _TICK_S if not client.channels.up else 0.0
        while (signal := await client.signal(wait)) is not None:
            wait = 0.0
            for event in await self._receive(signal) if isinstance(signal, Message) else ():
                yield event

    # What is measured.

    def _process_status(self, *, is_silent: bool) -> ProcessStatus:
        """What is known about the kernel's process; why it is silent only if it is."""
        pid, ended = self._attachment.local_pid, self._has_ended()
        return ProcessStatus(ended, stopped=is_silent and pid is not None and is_stopped(pid))

    def _has_ended(self) -> bool | None:
        """Whether the kernel's process has ended; ``None`` if this cannot be known from here."""
        process = self._process if self._attachment.local_pid is not None else None
        # fault: 86b
        return None if process is None else has_ended(*process)

    def _has_file(self) -> bool:
        return not isinstance(self._connection, Path) or self._connection.exists()

    async def _follow_file(self, client: KernelClient) -> None:
        """Connects to the ports that the connection file names now, if it was written again."""
        identity = _file_identity(self._connection)
        # fault: 16a
        if identity is None or identity == self._file:
            return
        self._file = identity
        try:
            self._info = self._read_connection()
        except ConnectionFileError:
            return  # it may still be being written: then it changes once more
        self._attachment.notebook = self._info.notebook
        await client.close()
        if self._client is None:
            return  # the source was closed meanwhile
        self._client = KernelClient(self._info, limit=self._options.limit)
        self._client.channels.open()


async def detach_probe(connection: Connection, options: AttachOptions | None = None) -> bool:
    """Removes the probe from a kernel, no matter which kernelscope installed it.

    Returns:
        whether there was a probe.

    Raises:
        KernelError: as ``LiveSource.events``.
        TimedOutError: the limit ran out.
    """
    async with connect_to_kernel(connection, options or AttachOptions()) as client:
        return decode_reply(await client.fetch_answer(DETACH), DetachReply).detached


def _file_identity(connection: Connection) -> tuple[int, ...] | None:
    """Tells a connection file from one that took its place; ``None`` if there is none."""
    if not isinstance(connection, Path):
        return None
    try:
        status = connection.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size
