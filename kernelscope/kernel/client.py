"""Sends requests to one kernel in a way that harms no other user of it.

A request is one silent ``execute_request`` without code and with one expression.  It is sent once, waits as
long as the kernel is busy, and is sent again only if a failing cell aborted it.  While another
kernelscope's request waits in the kernel, none is sent.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager

from msgspec import Struct

from kernelscope.domain.events import Waiting
from kernelscope.errors import (
    KernelError,
    KeyMismatchError,
    ProbeError,
    TimedOutError,
    UnreachableError,
    UnsupportedKernelError,
)
from kernelscope.kernel.attach_options import AttachOptions
from kernelscope.kernel.channels import Channels
from kernelscope.kernel.connection_file import Connection, ConnectionInfo, read_connection
from kernelscope.kernel.diagnosis import find_port_occupant, no_heartbeat_error
from kernelscope.kernel.heartbeat import Heartbeat
from kernelscope.kernel.inject import ProbeRequest, value_of
from kernelscope.kernel.processes import has_kernel_process
from kernelscope.kernel.request_lock import RequestLock
from kernelscope.kernel.signals import BadSignature, ConnectionStatus, Message, Signal, TooLong
from kernelscope.text import clean

HEARTBEAT_S = 3.0
"""Seconds in which a kernel must answer a heartbeat."""
SLOW_S = 1.0
"""Seconds without a reply after which the wait is reported."""
KEY_S = 8.0
"""Seconds without a signed message after which the key is doubted."""
ABORTED_RETRY_S = 0.02
"""A failing cell aborts what is queued, until this long after the kernel is idle again (facts)."""
ATTEMPTS = 20
AT_REST_S = 0.25
"""An idle kernel that is silent for so many seconds has no request left in its queue."""
HAND_OVER_S = 1.0
"""Seconds after which ZMQ has handed a request over to the kernel, in its own thread.  A message that comes earlier
does not show that: a watcher that is killed then may leave a lock for a request that was never sent."""
SILENT_S = 600.0
"""After so many seconds of silence, another watcher's request lock is ignored."""
LEAVE_S = 1.0
"""Seconds that giving the lease back may take."""
_TICK_S = 0.5
_QUEUED = "another kernelscope is already waiting for this busy kernel; not queueing a second request"
_BUSY = "the kernel is busy: kernelscope attaches when the running cell has ended"
_SILENT = "no reply yet: the kernel is busy with a cell, or the key in the connection file is not its own"


class Answer(Struct, frozen=True):
    """The value of the expression."""

    text: str
    session: str
    """The kernel's session id: another one on the same ports is another process."""


class _Pending:
    """One request that was sent, and what has come back so far."""

    def __init__(self, request: str) -> None:
        self._request = request
        self._since = time.monotonic()
        self._idle = False
        self.reply: Message | None = None

    @property
    def is_done(self) -> bool:
        return self.reply is not None and self._idle

    def seconds_of_silence(self) -> float:
        """Since it was sent or, after the reply, since that came."""
        return time.monotonic() - self._since

    def accept(self, message: Message) -> bool:
        """Takes a message that belongs to this request; false for any other."""
        if message.parent_id != self._request:
            return False
        if message.type == "execute_reply":
            self.reply, self._since = message, time.monotonic()
        elif message.type == "status":
            self._idle = message.content.get("execution_state") == "idle"
        return True


class KernelClient:
    """One kernel: its channels, its heartbeat, and requests to it.

    Args:
        info: its checked connection info.
        limit: seconds that a request may wait; ``None``: as long as the kernel is busy.
    """

    def __init__(self, info: ConnectionInfo, *, limit: float | None = None) -> None:
        self.info = info
        self.channels = Channels(info)
        self.heart = Heartbeat(info, self.channels.context)
        self.session = ""
        """The session id in the kernel's latest message."""
        self._limit = limit
        self._is_proven = False
        """A message came that the key in the file has signed."""

    @property
    def name(self) -> str:
        """The connection, safe to display."""
        return self.info.name

    async def open(self) -> None:
        """Connects.

        Raises:
            UnreachableError: nothing answers a heartbeat.
            KeyMismatchError: the kernel encrypts and the file does not, or the other way round.
        """
        self.channels.open()
        # fault: 10a
        if not await self.heart.beat(HEARTBEAT_S):
            raise no_heartbeat_error(self.info, await find_port_occupant(self.info))

    async def close(self) -> None:
        """Closes the sockets."""
        self.heart.close()
        await self.channels.close()

    async def signal(self, seconds: float) -> Signal | None:
        """The next signal, or ``None`` if none comes in that time."""
        # Not wait_for: before 3.12 it drops a cancellation that comes together with a signal.
        try:
            async with asyncio.timeout(seconds):
                signal = await self.channels.signal()
        except TimeoutError:
            return None
        if isinstance(signal, Message):
            self.session, self._is_proven = signal.session, True
        return signal

    async def ask(
        self, request: ProbeRequest
    ) -> AsyncGenerator[Waiting | Message | Answer | ConnectionStatus, None]:
        """Sends the request and ends with the ``Answer``, or with the ``ConnectionStatus`` that broke before it
        came; messages that belong to other requests are passed on.

        Raises:
            KeyMismatchError: the kernel does not sign with the key in the file.
            UnsupportedKernelError: it gives no value for a Python expression.
            TimedOutError: the limit ran out.
            ProbeError: every attempt was aborted.
        """
        begun = time.monotonic()
        for _ in range(ATTEMPTS):
            lock = RequestLock(self.info.path)
            async for item in self._acquire(lock, begun):
                yield item
                if isinstance(item, ConnectionStatus):
                    return
            sent = await self.channels.execute(request.expression(note=lock.file, token=lock.token))
            reply: Message | None = None
            sending = time.monotonic()
            try:
                async for received in self._reply_to(sent, begun) if sent else _report_broken():
                    if isinstance(received, Waiting) or time.monotonic() - sending > HAND_OVER_S:
                        lock.mark_sent()
                    if isinstance(received, Message) and received.channel == "shell":
                        reply = received
                    else:
                        yield received
            finally:
                lock.mark_sent()  # the request may still wait in the kernel when this watcher has left
            if reply is not None or not sent:
                lock.release()
            if reply is None:
                return
            # fault: 19a
            if reply.content.get("status") != "aborted":
                yield Answer(await self._value(reply), reply.session)
                return
            await asyncio.sleep(ABORTED_RETRY_S)
        raise ProbeError(
            f"the kernel of {self.name} aborted the request {ATTEMPTS} times",
            "A failing cell aborts what is queued behind it. Try again when the kernel is idle.",
        )

    async def fetch_answer(
        self, request: ProbeRequest, on_message: Callable[[Message], None] | None = None
    ) -> str:
        """Sends the request and returns the text of its ``Answer``.

        Args:
            on_message: called with each message that belongs to another request.

        Raises:
            UnreachableError: the kernel went away before it answered.
            KernelError: as ``ask``.
            TimedOutError: the limit ran out.
        """
        async with aclosing(self.ask(request)) as items:
            async for item in items:
                if isinstance(item, Message) and on_message is not None:
                    on_message(item)
                if isinstance(item, Answer):
                    return item.text
        raise self.gone_error("before it answered")

    def gone_error(self, when: str) -> UnreachableError:
        """The error of a program that does not wait until a kernel comes back."""
        return UnreachableError(
            f"the kernel of {self.name} went away {when}", "It may be restarting: try again in a moment."
        )

    async def give_lease_back(self, comm_id: str, watcher: str) -> None:
        """Tells the probe that this watcher leaves; a busy kernel reads it when its cell has ended."""
        request = await self.channels.send_to_comm(comm_id, {"leave": watcher})
        end = time.monotonic() + LEAVE_S
        while (left := end - time.monotonic()) > 0:
            signal = await self.signal(left)
            if isinstance(signal, ConnectionStatus) and not signal.up:
                return
            if isinstance(signal, Message) and signal.is_idle_after(request):
                return

    async def _acquire(
        self, lock: RequestLock, begun: float
    ) -> AsyncIterator[Waiting | Message | ConnectionStatus]:
        """Ends when the lock is acquired, or with the ``ConnectionStatus`` that broke."""
        has_reported, is_idle, latest = False, False, time.monotonic()
        while not lock.acquire():
            signal = await self.signal(AT_REST_S)
            if isinstance(signal, ConnectionStatus) and not signal.up:
                yield signal
                return
            if isinstance(signal, Message):
                yield signal
                latest = time.monotonic()
                is_idle = signal.content.get("execution_state") == "idle"
            # fault: 18b
            elif is_idle or time.monotonic() - latest > SILENT_S:
                lock.break_()
            else:
                self._doubt(time.monotonic() - begun)
                if not has_reported and time.monotonic() - begun > SLOW_S:
                    has_reported = True
                    yield Waiting(_QUEUED)

    async def _reply_to(
        self, request: str, begun: float
    ) -> AsyncIterator[Waiting | Message | ConnectionStatus]:
        """The reply, once iopub has reported idle after it: then its subscription is known to work."""
        pending = _Pending(request)
        has_reported = False
        while not pending.is_done:
            was_proven = self._is_proven
            signal = await self.signal(_TICK_S)
            if isinstance(signal, Message):
                if not pending.accept(signal) and signal.channel != "shell":
                    yield signal
            elif isinstance(signal, (BadSignature, TooLong)):
                self._check_unread(signal, request, was_proven)
            elif isinstance(signal, ConnectionStatus) and not signal.up:
                yield signal
                return
            elif signal is None and pending.seconds_of_silence() > SLOW_S:
                # fault: 12a
                if pending.reply is not None:
                    break  # the subscription came late; a push that it missed will show as a gap
                self._doubt(time.monotonic() - begun)
                if not has_reported:
                    has_reported = True
                    yield Waiting(_BUSY if self._is_proven else _SILENT)
        if pending.reply is not None:
            yield pending.reply

    def _check_unread(self, signal: BadSignature | TooLong, request: str, was_proven: bool) -> None:
        """Raises if a message that was not read must be the reply.

        Another message that is too long is another client's, or the probe's: then the gap in its numbers shows.
        """
        if isinstance(signal, BadSignature):
            if not was_proven:
                raise self._wrong_key()
        elif signal.parent_id == request and signal.channel == "shell":
            raise ProbeError(
                f"the kernel of {self.name} answered with {signal.size:,} bytes, more than any answer can have",
                "The answer was not read. Restart the kernel, or find out which other program uses its ports.",
            )

    def _doubt(self, waited: float) -> None:
        """A silent kernel is busy, unless the limit ran out or the key may be wrong."""
        if self._limit is not None and waited > self._limit:
            raise TimedOutError(
                f"the kernel of {self.name} did not answer in {self._limit:g} s",
                "It may be busy: wait longer, or without a limit.",
            )
        if not self._is_proven and waited > KEY_S and not self._may_own_key():
            raise self._wrong_key()

    def _may_own_key(self) -> bool:
        """Whether the key may be the kernel's although no message has proven it."""
        # fault: 11a
        return self.info.path is not None and has_kernel_process(self.info.path) is not False

    def _wrong_key(self) -> KernelError:
        return KeyMismatchError(
            f"the kernel does not answer to the key in {self.name}",
            "The file belongs to another kernel, or was changed after its kernel started. "
            "`kernelscope ls` lists the files of the running kernels.",
        )

    async def _value(self, reply: Message) -> str:
        expressions = reply.content.get("user_expressions")
        text = value_of(expressions.get("kernelscope")) if isinstance(expressions, dict) else None
        if text is None:
            raise await self._unsupported_error()
        return text

    async def _unsupported_error(self) -> KernelError:
        """Names the language of a kernel that gave no value for a Python expression."""
        request = await self.channels.kernel_info()
        language = "another language"
        end = time.monotonic() + HEARTBEAT_S
        while time.monotonic() < end:
            signal = await self.signal(SLOW_S)
            if isinstance(signal, Message) and signal.parent_id == request and signal.channel == "shell":
                info = signal.content.get("language_info")
                # fault: 14a
                language = str(info.get("name", language)) if isinstance(info, dict) else language
                break
        return UnsupportedKernelError(
            f"the kernel of {self.name} speaks {clean(language, limit=40)}: it gave no value for a Python expression",
            "kernelscope attaches to IPython kernels (ipykernel 6 or 7).",
        )


@asynccontextmanager
async def connect_to_kernel(connection: Connection, options: AttachOptions) -> AsyncIterator[KernelClient]:
    """Gives a client of one kernel that is connected, and closes it at the end.

    Args:
        connection: its connection file, or the connection info from standard input.

    Raises:
        KernelError: the file cannot be used, or as ``KernelClient.open``.
    """
    # fault: 7c
    info = read_connection(connection, insecure=options.insecure, insecure_file=options.insecure_file)
    client = KernelClient(info, limit=options.limit)
    try:
        await client.open()
        yield client
    finally:
        await asyncio.shield(client.close())


async def _report_broken() -> AsyncIterator[ConnectionStatus]:
    yield ConnectionStatus(up=False)
