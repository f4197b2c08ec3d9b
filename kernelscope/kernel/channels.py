"""Shell and iopub of one kernel, turned into signals in order of arrival.

Nothing is sent but what a caller asks for.  Whether the kernel is there is told by the sockets
themselves (a TCP connection that closes) and by heartbeats; neither is a request.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import zmq
import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from msgspec import Struct
from zmq.utils.monitor import recv_monitor_message

from kernelscope.kernel.files import ConnectionInfo

_LINGER_MS = 500
"""How long a last message may take to leave when the sockets are closed."""


class Message(Struct, frozen=True):
    """One signed message of the kernel."""

    channel: str
    type: str
    session: str
    """Of the kernel: another one means another process."""
    parent_id: str
    parent_type: str
    content: dict[str, Any]

    def is_idle_after(self, request: str) -> bool:
        """Whether the kernel says that it is done with that request."""
        return self.parent_id == request and self.content.get("execution_state") == "idle"


class BadSignature(Struct, frozen=True):
    """A message that the key in the file did not sign."""


class Link(Struct, frozen=True):
    """The connection to iopub was made, or broke."""

    up: bool


Signal = Message | BadSignature | Link


class Channels:
    """The sockets to one kernel; ``signals`` holds what came, in order."""

    def __init__(self, info: ConnectionInfo) -> None:
        self.signals: asyncio.Queue[Signal] = asyncio.Queue()
        self.context = zmq.asyncio.Context()
        # Without a high-water mark nothing that the kernel sent is dropped here (facts: a SUB socket
        # that is not read loses most of a flood without a word).
        self.context.rcvhwm = 0
        self._client = AsyncKernelClient(context=self.context)
        self._client.load_connection_file(str(info.path))
        self._session = self._client.session
        self._tasks: list[asyncio.Task[None]] = []
        self._shell: Any = None
        self._iopub: Any = None

    def open(self) -> None:
        """Connects, and begins to listen."""
        self._iopub = self._client.connect_iopub()
        monitor = self._iopub.get_monitor_socket(
            zmq.EVENT_CONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED
        )
        self._shell = self._client.connect_shell(identity=self._session.bsession)
        self._tasks = [
            asyncio.create_task(self._read("iopub", self._iopub)),
            asyncio.create_task(self._read("shell", self._shell)),
            asyncio.create_task(self._watch_link(monitor)),
        ]

    def execute(self, expression: str) -> str:
        """Asks the kernel for the value of one expression; leaves no trace (facts, "Requests").

        Returns:
            the request's message id; the answer comes as a signal.
        """
        content = {
            "code": "",
            "silent": True,
            "store_history": False,
            "user_expressions": {"kernelscope": expression},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        return self._send("execute_request", content)

    def kernel_info(self) -> str:
        """Asks what kind of kernel this is; returns the request's message id."""
        return self._send("kernel_info_request", {})

    def tell(self, comm_id: str, data: dict[str, Any]) -> str:
        """Says something to the probe; returns the message id."""
        return self._send("comm_msg", {"comm_id": comm_id, "data": data})

    async def close(self) -> None:
        """Lets go of the sockets; what was sent just now still leaves."""
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

    def _send(self, kind: str, content: dict[str, Any]) -> str:
        message = self._session.msg(kind, content)
        self._session.send(self._shell, message)
        return str(message["header"]["msg_id"])

    async def _read(self, channel: str, socket: Any) -> None:
        while True:
            frames = await socket.recv_multipart()
            try:
                _, signed = self._session.feed_identities(frames)
                message = self._session.deserialize(signed)
            except (ValueError, TypeError, KeyError, UnicodeDecodeError):
                # jupyter_client raises ValueError for a wrong signature and for a message that it
                # has seen before, and whatever its decoder raises for garbage.
                self.signals.put_nowait(BadSignature())
            else:
                self.signals.put_nowait(_message(channel, message))

    async def _watch_link(self, monitor: Any) -> None:
        while True:
            event = await recv_monitor_message(monitor)
            if event["event"] == zmq.EVENT_DISCONNECTED:
                self.signals.put_nowait(Link(up=False))
            elif event["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self.signals.put_nowait(Link(up=True))


def _message(channel: str, message: dict[str, Any]) -> Message:
    header, parent = message["header"], message["parent_header"] or {}
    return Message(
        channel=channel,
        type=str(header.get("msg_type", "")),
        session=str(header.get("session", "")),
        parent_id=str(parent.get("msg_id", "")),
        parent_type=str(parent.get("msg_type", "")),
        content=message["content"] if isinstance(message["content"], dict) else {},
    )
