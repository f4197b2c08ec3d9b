"""The comm between the probe and its watchers: the kernel's end of it, and what is sent."""

from __future__ import annotations

from contextlib import suppress

# By name, here and in the other modules: what the user puts in their place later is not run.
from json import dumps
from typing import TYPE_CHECKING, Any, Callable, Iterable

from .cost import CostMeter
from .guard import FailureGuard, guarded

if TYPE_CHECKING:
    from . import wire


class CommEnd:
    """The kernel's end of the comm: receives what watchers send between runs.

    It stands in the comm manager in place of a ``Comm``, whose ``handle_msg`` would fire the user's
    ``pre_execute`` and ``post_execute`` callbacks.
    """

    # fault: 41a
    target_name = "kernelscope"
    _closed = False

    def __init__(self, comm_id: str, guard: FailureGuard, on_message: Callable[[Any], None]) -> None:
        self.comm_id = comm_id
        self.guard = guard
        self._on_message = on_message

    @guarded
    def handle_msg(self, msg: dict[str, Any]) -> None:
        """Called by the comm manager for each message of a watcher, or of any other client."""
        self._on_message(msg)

    def handle_close(self, _msg: dict[str, Any]) -> None:
        """Ignore a front end that closes comms that it does not know."""

    def close(self, *_args: object, **_kwargs: object) -> None:
        """Ignore it, as ``handle_close`` does."""


class BackgroundParent:
    """The message that output of the user's threads and tasks belongs to: the request of the latest cell."""

    def __init__(self, ip: Any) -> None:
        self._ip = ip
        self.message: Any = None

    def adopt(self, message: Any) -> Any:
        """Return the request of the latest cell; before the first one, remember and return ``message``."""
        if self.message is None:
            self.message = message
        return self.message

    def restore(self) -> None:
        """Give background output back to the cell that it belongs to."""
        if self.message is not None:
            with suppress(Exception):  # a stream of the user's that refuses refuses every request
                self._ip.set_parent(self.message)


class Sender:
    """Sends messages on iopub, and waits for nothing."""

    def __init__(
        self, kernel: Any, comm_id: str, nonce: str, parent: BackgroundParent, cost: CostMeter
    ) -> None:
        self._kernel, self._comm_id, self._nonce = kernel, comm_id, nonce
        self._parent, self._cost = parent, cost

    def send(self, message: wire.Message, publish: Any = None) -> None:
        """Send one message.

        Args:
            publish: sends the frames; ``None`` for what ipykernel uses in the thread that runs cells.
        """
        # fault: 41b
        content = {"comm_id": self._comm_id, "data": {"kernelscope": {"nonce": self._nonce, **message}}}
        texts: Iterable[Any] = message.values()
        self._cost.sent += sum(map(len, texts))
        session = self._kernel.session
        comm_msg = session.msg("comm_msg", content, parent=self._parent.message or {})
        frames = session.serialize(comm_msg, ident=b"comm-" + self._comm_id.encode())
        # Not by `session.send`: of what is long pyzmq would keep no copy, and start a thread that stays.
        (publish or self._kernel.iopub_socket.send_multipart)(frames, copy=True)

    def send_pulse(self, pulse: wire.Pulse) -> None:
        """Send a sign of life from the thread that publishes."""
        # Not through `iopub_socket`, which would make one more socket for this thread.
        publish = getattr(self._kernel.iopub_thread, "_really_send", self._kernel.iopub_socket.send_multipart)
        self.send({"kind": "pulse", "pulse": dumps(pulse)}, publish)
