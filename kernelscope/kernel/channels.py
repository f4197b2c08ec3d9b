"""The shell and iopub channels of one kernel, as signals in order of arrival.

Nothing is sent but the caller's requests, and those only over a connection that stands: a request that ZMQ
queues for a dead kernel would run in the next one (facts).  Whether the kernel is there is known from the
sockets themselves (a TCP connection that closes) and from heartbeats; neither is a request.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, cast

import zmq
import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from zmq.utils.monitor import recv_monitor_message

from kernelscope.kernel.connection_file import ConnectionInfo
from kernelscope.kernel.signals import BadSignature, ConnectionStatus, Message, Signal, TooLong

if TYPE_CHECKING:
    from jupyter_client.connect import KernelConnectionInfo

MOST_WAITING = 256_000_000
"""Bytes of messages that may wait in the queue; beyond that, the probe's messages are dropped."""
_LINGER_MS = 500
"""How long the last message may take to be sent when the sockets are closed."""
_CONNECT_MS = 3_000
"""How long a message waits for a connection before it is given up."""
_BACK_OFF_MS = (100, 1_000)
"""Between attempts to reconnect: at first, and at most."""
_KEEP_ALIVE = {
    "tcp_keepalive": 1,
    "tcp_keepalive_idle": 30,
    "tcp_keepalive_intvl": 10,
    "tcp_keepalive_cnt": 3,
}
"""Detects that the other end of a tunnel is gone without closing it; the kernel does not notice these probes."""
_READ = frozenset(
    [
        *("status", "execute_input", "iopub_welcome", "comm_msg"),
        *("execute_reply", "kernel_info_reply", "shutdown_reply"),
    ]
)
"""The types whose content is read; of other messages only the header is kept, for outputs can be large."""
LONGEST_HEADER = 65_536
"""Bytes of a header or a parent's header; a kernel's have a few hundred."""
LONGEST_UNREAD = 1_000_000
"""Bytes of a message of another type up to which its signature is checked; a longer one is dropped at once.
A user's output can have hundreds of megabytes, and a signature takes a second for each few hundred.
(ZMQ_MAXMSGSIZE does not help: it ends the connection to a kernel that sends more.)"""
LONGEST_CONTENT = 32_000_000
"""Bytes of a message's content that are read.  The largest is the answer to an attach: 3,000 models and
4 MB of history, packed, have less than 4 MB."""
_DELIMITER = b"<IDS|MSG>"
_PARTS = 5
"""Frames of a message after its delimiter: signature, header, parent's header, metadata, content."""
_REMEMBERED = 65_536
"""Signatures kept to recognise a replayed message; as many as jupyter_client keeps."""


class _Context(zmq.asyncio.Context):
    """Monitors its channels before they connect, so that an immediate connection is noticed."""

    def socket(self, socket_type: int, *args: Any, **options: Any) -> Any:
        socket = super().socket(socket_type, *args, **options)
        if socket_type in (zmq.SUB, zmq.DEALER):
            socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
        return socket


class Channels:
    """The sockets to one kernel; ``signal`` returns what arrives, in order.

    Args:
        info: checked connection info; nothing else is read to connect.
    """

    def __init__(self, info: ConnectionInfo) -> None:
        self._signals: asyncio.Queue[tuple[int, Signal]] = asyncio.Queue()
        self._waiting = 0
        self.context = _Context()
        # Without a high-water mark this side drops nothing that the kernel sent (facts: a SUB socket
        # that is not read silently loses most of a flood).
        self.context.rcvhwm = 0
        self.context.reconnect_ivl, self.context.reconnect_ivl_max = _BACK_OFF_MS
        for option, value in _KEEP_ALIVE.items():
            setattr(self.context, option, value)
        self._client = AsyncKernelClient(context=self.context)
        self._client.load_connection_info(cast("KernelConnectionInfo", info.for_jupyter_client()))
        self._session = self._client.session
        self._seen: dict[bytes, None] = {}
        """Signatures of the latest messages, oldest first."""
        self._tasks: list[asyncio.Task[None]] = []
        self._connected: set[str] = set()
        self._shell: Any = None
        self._iopub: Any = None

    @property
    def up(self) -> bool:
        """Whether both channels are connected."""
        return self._connected == {"iopub", "shell"}

    def open(self) -> None:
        """Connects, and starts to listen."""
        self._iopub = self._client.connect_iopub()
        # A message goes to a connected kernel or is not sent at all.
        self.context.immediate = 1
        # fault: 40a
        self._shell = self._client.connect_shell(identity=self._session.bsession)
        self.context.immediate = 0
        for name, socket in (("iopub", self._iopub), ("shell", self._shell)):
            self._tasks.append(asyncio.create_task(self._read(name, socket)))
            self._tasks.append(asyncio.create_task(self._watch_connection(name, socket.get_monitor_socket())))

    async def signal(self) -> Signal:
        """The next signal, as soon as there is one."""
        size, signal = await self._signals.get()
        self._waiting -= size
        return signal

    async def execute(self, expression: str) -> str:
        """Sends a request for the value of one expression; leaves no trace (facts, "Requests").

        Returns:
            the request's message id; the answer comes as a signal.  Empty without a connection:
            then nothing was sent, and nothing will be.
        """
        # fault: 36b
        # fault: 36a
        # fault: 32a
        # fault: 14b
        content = {
            "code": "",
            "silent": True,
            "store_history": False,
            "user_expressions": {"kernelscope": expression},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        return await self._send("execute_request", content)

    async def kernel_info(self) -> str:
        """Requests the kernel's language and versions; returns the message id, as ``execute``."""
        return await self._send("kernel_info_request", {})

    async def send_to_comm(self, comm_id: str, data: dict[str, Any]) -> str:
        """Sends data to the probe; returns the message id, as ``execute``."""
        return await self._send("comm_msg", {"comm_id": comm_id, "data": data})

    async def close(self) -> None:
        """Closes the sockets; a message that was just sent still leaves."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        for socket in (self._iopub, self._shell):
            if socket is not None:
                with contextlib.suppress(zmq.ZMQError):
                    socket.disable_monitor()
                socket.close(linger=_LINGER_MS)
        self._iopub = self._shell = None
        self.context.destroy(linger=_LINGER_MS)

    async def _send(self, kind: str, content: dict[str, Any]) -> str:
        message = self._session.msg(kind, content)
        frames = self._session.serialize(message)
        # Without waiting if possible: a caller that is being cancelled gets no further than the first wait.
        if not self._try_to_send(frames):
            ready = await self._shell.poll(_CONNECT_MS, zmq.POLLOUT)
            if not ready or not self._try_to_send(frames):
                return ""
        return str(message["header"]["msg_id"])

    def _try_to_send(self, frames: list[bytes]) -> bool:
        """Not by the session's own `send`, which blocks if the connection has just broken.

        Nor by the plain ZMQ socket: sending notices that a connection was made, and unless the asynchronous
        socket looks for messages after that, it never learns of the first one that comes.
        """
        error = self._shell.send_multipart(frames, zmq.NOBLOCK).exception()  # it is done at once
        if error is not None and not isinstance(error, zmq.Again):
            raise error
        return error is None

    def _put(self, signal: Signal, size: int = 0) -> None:
        # fault: 82b
        if isinstance(signal, Message) and signal.type == "comm_msg" and self._waiting > MOST_WAITING:
            return  # the gap in the probe's numbers will show
        self._waiting += size
        self._signals.put_nowait((size, signal))

    async def _read(self, channel: str, socket: Any) -> None:
        while True:
            # Neither bound to a variable nor copied: a large message is freed before the next one comes.
            self._take(channel, await socket.recv_multipart(copy=False))

    def _take(self, channel: str, frames: list[zmq.Frame]) -> None:
        """Reads no more of a message than is used, and queues it.

        Not by jupyter_client's ``deserialize``, which parses all of it first.
        """
        try:
            parts = _parts(frames)
            header, parent = (_header(self._session.unpack, part) for part in parts[1:3])
            kind, size = str(header["msg_type"]), sum(map(len, parts))
            read = kind in _READ
            if not read and size > LONGEST_UNREAD:
                return
            if len(parts[4]) > LONGEST_CONTENT:
                self._put(TooLong(channel, kind, str(parent.get("msg_id", "")), size))
                return
            self._must_be_signed(parts)
            content = self._session.unpack(bytes(parts[4])) if read else {}
        except (ValueError, TypeError, KeyError, RecursionError):  # a wrong signature, a replay, or garbage
            self._put(BadSignature())
        else:
            self._put(_message(channel, kind, header, parent, content), size if read else 0)

    def _must_be_signed(self, parts: list[memoryview]) -> None:
        """As in jupyter_client, nothing is checked without a key.

        Raises:
            ValueError: the key in the file did not sign it, or it is a replay.
        """
        if self._session.auth is None:
            return
        signature = bytes(parts[0])
        if signature in self._seen or not compare_digest(signature, self._session.sign(parts[1:])):
            raise ValueError("signature")
        self._seen[signature] = None
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]

    async def _watch_connection(self, channel: str, monitor: Any) -> None:
        while True:
            event = await recv_monitor_message(monitor)
            was_up = self.up
            if event["event"] == zmq.EVENT_DISCONNECTED:
                self._connected.discard(channel)
            else:
                self._connected.add(channel)
            if self.up != was_up:
                self._put(ConnectionStatus(up=self.up))


def _parts(frames: list[zmq.Frame]) -> list[memoryview]:
    """The frames after the delimiter, without the buffers that may follow them.

    Raises:
        ValueError: it is not a Jupyter message.
    """
    for place, frame in enumerate(frames):
        if len(frame) == len(_DELIMITER) and frame.bytes == _DELIMITER:
            parts = [one.buffer for one in frames[place + 1 : place + 1 + _PARTS]]
            if len(parts) == _PARTS:
                return parts
            break
    raise ValueError("no delimiter, or too few frames")


def _header(unpack: Callable[[bytes], Any], part: memoryview) -> dict[str, Any]:
    """A header; that of a missing parent is empty.

    Raises:
        ValueError: it is not a JSON object, or too long.
    """
    if len(part) > LONGEST_HEADER:
        raise ValueError("a header is too long")
    header = unpack(bytes(part)) or {}
    if not isinstance(header, dict):
        raise ValueError("a header is no object")  # noqa: TRY004 - as for every other malformed message
    return header


def _message(
    channel: str, kind: str, header: dict[str, Any], parent: dict[str, Any], content: object
) -> Message:
    return Message(
        channel=channel,
        type=kind,
        session=str(header.get("session", "")),
        parent_id=str(parent.get("msg_id", "")),
        parent_type=str(parent.get("msg_type", "")),
        content=content if isinstance(content, dict) else {},
        subshell=parent.get("subshell_id") is not None,
    )
