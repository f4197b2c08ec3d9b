"""The live source: attach when the kernel lets us, then listen.

::

    open ── heartbeat ── attach ── listening ──(link down, other session)── attach, next epoch
                           │           └──(gone for good)── UnreachableError
                           └──(wrong key, no IPython, refusal)── KernelError
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

from kernelscope.errors import (
    KernelError,
    KeyMismatchError,
    ProbeError,
    TimedOutError,
    UnreachableError,
    UnsupportedKernelError,
)
from kernelscope.kernel.channels import BadSignature, Channels, Link, Message, Signal
from kernelscope.kernel.files import ConnectionInfo, read_connection_file
from kernelscope.kernel.heartbeat import Heartbeat
from kernelscope.kernel.inject import attach_expression, value_of
from kernelscope.kernel.processes import started_from
from kernelscope.protocol.wire import (
    WIRE,
    AttachReply,
    Refusal,
    WireError,
    decode_observation,
    decode_push,
    decode_reply,
)
from kernelscope.text import clean
from kernelscope.timeline.events import (
    Attached,
    Event,
    KernelChanged,
    KernelState,
    Lost,
    Observed,
    Waiting,
)
from kernelscope.timeline.facts import KernelFacts

BEAT_S = 3.0
"""Seconds in which a kernel must answer a heartbeat; also how often one is sent."""
SLOW_S = 1.0
"""Seconds without an answer after which the wait is told."""
KEY_S = 8.0
"""Seconds without a signed message after which the key is doubted."""
DOWN_S = 1.0
"""Seconds that a connection may be down before the kernel counts as dead: a restart is told as such."""
GONE_S = 12.0
"""Seconds after which a dead kernel counts as gone for good, while its connection file stays."""
GONE_WITHOUT_FILE_S = 3.0
"""The same once the file is gone, too: servers remove it when they shut a kernel down."""
LEAVE_S = 1.0
"""Seconds that leaving may take."""
ABORTED_RETRY_S = 0.02
"""A failing cell aborts what is queued, until this long after the kernel is idle again (facts)."""
ATTEMPTS = 20


class LiveSource:
    """Events of one live kernel.

    Args:
        path: its connection file.
        keep: seconds for which the probe stays in the kernel after the last watcher has left.
        poll: seconds between looks while no cell runs; ``None``: none.
        limit: seconds that the first attach may take; ``None``: as long as the kernel is busy.
        insecure: accept a connection file without a key.
    """

    def __init__(
        self,
        path: Path,
        *,
        keep: float = 0.0,
        poll: float | None = None,
        limit: float | None = None,
        insecure: bool = False,
    ) -> None:
        self._info: ConnectionInfo = read_connection_file(path, insecure=insecure)
        self._keep, self._poll, self._limit = keep, poll, limit
        self._watcher = uuid.uuid4().hex
        self._channels: Channels | None = None
        self._heart: Heartbeat | None = None
        self._epoch = 0
        self._reply: AttachReply | None = None
        self._session = ""
        """The kernel's own session: another one on the same ports is another process."""
        self._proven = False
        """A message that the key signed has come."""
        self._seq = 0
        self._early: list[Message] = []
        """Pushes that came before the answer to the attach."""

    async def events(self) -> AsyncIterator[Event]:
        """Until the kernel is gone for good.

        Raises:
            UnreachableError: nobody answers, or not any more.
            KeyMismatchError: somebody answers, with another key.
            UnsupportedKernelError: no IPython kernel.
            ProbeError: the probe could not be put in.
            TimedOutError: ``limit`` ran out.
        """
        self._channels = Channels(self._info)
        self._heart = Heartbeat(self._info, self._channels.context)
        self._channels.open()
        if not await self._heart.beat(BEAT_S):
            raise UnreachableError(
                f"no kernel answers at the ports in {self._shown}",
                "It has ended, or the file is stale. `kernelscope ls` shows the kernels that live.",
            )
        while True:
            async for event in self._attach():
                yield event
            async for event in self._listen():
                yield event

    async def close(self) -> None:
        """Takes this watcher's lease back and lets go of the sockets."""
        channels, self._channels = self._channels, None
        if channels is None:
            return
        try:
            if self._reply is not None:
                await self._leave(channels, self._reply)
        finally:
            if self._heart is not None:
                self._heart.close()
            await channels.close()

    @property
    def _shown(self) -> str:
        return clean(str(self._info.path))

    # Attaching.

    async def _attach(self) -> AsyncIterator[Event]:
        """Puts the probe in, or joins it; ends with ``Attached``."""
        self._reply, self._early = None, []
        begun = time.monotonic()
        for _ in range(ATTEMPTS):
            request = self._wire.execute(attach_expression(self._watcher, keep=self._keep, poll=self._poll))
            answer: Message | None = None
            idle = False
            async for found in self._answer(request, begun):
                if isinstance(found, Message):
                    idle = idle or found.type == "status"
                    answer = found if found.channel == "shell" else answer
                else:
                    yield found
            if answer is None:
                continue  # the kernel went away in the middle: once more, with the one that came
            if answer.content.get("status") == "aborted":
                await asyncio.sleep(ABORTED_RETRY_S)
                continue
            self._reply = await self._accepted(answer)
            self._session = answer.session
            break
        else:
            raise ProbeError(
                f"the kernel of {self._shown} took no request in {ATTEMPTS} attempts",
                "Every one was aborted by a failing cell. Try again when the notebook is at rest.",
            )
        self._epoch += 1
        self._seq = self._reply.seq
        yield Attached(self._epoch, self._facts(self._reply), self._reply.base, self._reply.history)

    async def _answer(self, request: str, begun: float) -> AsyncIterator[Message | Event]:
        """Waits for the shell's answer and for iopub to say idle after it: with both, the
        subscription is known to work.  Ends without a shell answer where the kernel went away."""
        told = answered = idle = False
        sent = time.monotonic()
        while not (answered and idle):
            signal = await self._signal(SLOW_S / 2)
            now = time.monotonic()
            if isinstance(signal, Message):
                self._proven = True
                if signal.type == "comm_msg":
                    self._early.append(signal)
                if signal.parent_id == request and signal.type == "execute_reply":
                    answered, sent = True, now
                    yield signal
                elif signal.parent_id == request and signal.content.get("execution_state") == "idle":
                    idle = True
                    yield signal
            elif isinstance(signal, BadSignature) and not self._proven:
                raise self._wrong_key()
            elif isinstance(signal, Link) and not signal.up:
                async for event in self._until_back():
                    yield event
                return
            elif signal is None and answered and now - sent > SLOW_S:
                # The answer came and iopub stayed silent: the subscription was late.  What ran
                # meanwhile was pushed past us; the next answer's history has it.
                return
            elif signal is None and not answered and now - sent > SLOW_S:
                self._doubt(now - begun)
                if not told:
                    told = True
                    yield Waiting("the kernel is busy: kernelscope attaches when its running cell ends")

    def _doubt(self, waited: float) -> None:
        """Silence is a busy kernel, unless something says otherwise."""
        if self._limit is not None and waited > self._limit:
            raise TimedOutError(f"the kernel was busy for all of {self._limit:g} s", "Wait longer, or without limit.")
        if not self._proven and waited > KEY_S and started_from(self._info.path) is not True:
            raise self._wrong_key()

    def _wrong_key(self) -> KernelError:
        return KeyMismatchError(
            f"the kernel does not answer to the key in {self._shown}",
            "The file belongs to another kernel, or is a copy from before a change of key. "
            "`kernelscope ls` shows the files of the kernels that live.",
        )

    async def _accepted(self, answer: Message) -> AttachReply:
        """What the loader answered, as far as it is a yes."""
        expressions = answer.content.get("user_expressions")
        text = value_of(expressions.get("kernelscope")) if isinstance(expressions, dict) else None
        if text is None:
            raise await self._unsupported()
        try:
            reply = decode_reply(text)
        except WireError as error:
            raise ProbeError("the kernel's answer cannot be read", clean(str(error))) from error
        if isinstance(reply, Refusal):
            raise _refused(reply)
        if reply.wire != WIRE:
            raise _refused(Refusal("version", reply.version))
        return reply

    async def _unsupported(self) -> KernelError:
        """Names the language of a kernel that gave no value for a Python expression."""
        request = self._wire.kernel_info()
        language = "another language"
        end = time.monotonic() + BEAT_S
        while time.monotonic() < end:
            signal = await self._signal(SLOW_S)
            if isinstance(signal, Message) and signal.parent_id == request and signal.channel == "shell":
                language = str(signal.content.get("language_info", {}).get("name", language))
                break
        return UnsupportedKernelError(
            f"the kernel of {self._shown} speaks {clean(language, limit=40)}, and gave no value for a Python expression",
            "kernelscope attaches to IPython kernels (ipykernel 6 or 7).",
        )

    def _facts(self, reply: AttachReply) -> KernelFacts:
        said = reply.kernel
        return KernelFacts(
            connection_file=self._shown,
            python=said.python,
            pid=said.pid,
            execution_count=said.execution_count,
            notebook=said.notebook or self._info.jupyter_session or None,
            ipykernel=said.ipykernel,
            cwd=said.cwd,
            sees_calls=said.sees_calls,
        )

    # Listening.

    async def _listen(self) -> AsyncIterator[Event]:
        """Until the kernel was restarted; raises where it is gone for good."""
        for message in self._early:
            async for event in self._pushed(message):
                yield event
        self._early = []
        quiet_since, silent = time.monotonic(), False
        while True:
            signal = await self._signal(BEAT_S)
            if isinstance(signal, Link) and not signal.up:
                async for event in self._until_back():
                    yield event
                return
            if isinstance(signal, Message):
                if signal.session != self._session:
                    yield self._changed("restarted")
                    return
                async for event in self._message(signal):
                    yield event
            if time.monotonic() - quiet_since > BEAT_S:
                beats = await self._beating.beat(BEAT_S)
                quiet_since = time.monotonic()
                if beats == silent:
                    silent = not beats
                    yield self._changed("back" if beats else "unreachable")

    async def _message(self, message: Message) -> AsyncIterator[Event]:
        if message.type == "comm_msg":
            async for event in self._pushed(message):
                yield event
        elif message.type == "status" and message.parent_type == "execute_request":
            state = message.content.get("execution_state")
            if state == "busy" or state == "idle":
                yield self._changed(state)

    async def _pushed(self, message: Message) -> AsyncIterator[Event]:
        """What the probe pushed; what is missing before it is fetched, or told as lost."""
        reply = self._attached
        if message.content.get("comm_id") != reply.comm_id:
            return
        try:
            push = decode_push(message.content.get("data"))
            if push is None or push.nonce != reply.nonce:
                return
            if push.kind == "gone":
                raise ProbeError("the probe took itself out of the kernel", push.reason)
            observation = decode_observation(push.observation)
        except WireError:
            yield Lost(self._epoch, 1)
            return
        if observation.seq <= self._seq:
            return  # the answer to the attach held it already
        if observation.seq > self._seq + 1:
            yield Lost(self._epoch, observation.seq - self._seq - 1)
        self._seq = observation.seq
        yield Observed(self._epoch, observation)

    async def _until_back(self) -> AsyncIterator[Event]:
        """The connection broke: waits for a kernel to come back on the same ports.

        Raises:
            UnreachableError: none did.
        """
        down, died = time.monotonic(), False
        while True:
            signal = await self._signal(0.25)
            gone = time.monotonic() - down
            if isinstance(signal, Link) and signal.up:
                yield self._changed("restarted")
                return
            if not died and gone > DOWN_S:
                died = True
                yield self._changed("died")
            limit = GONE_S if self._info.path.exists() else GONE_WITHOUT_FILE_S
            if gone > limit:
                self._reply = None
                raise UnreachableError(
                    f"the kernel of {self._shown} has ended",
                    "Start it again and attach anew. `kernelscope ls` shows the kernels that live.",
                )

    # Small things.

    async def _leave(self, channels: Channels, reply: AttachReply) -> None:
        """Tells the probe to go; a busy kernel will read it when its cell has ended."""
        request = channels.tell(reply.comm_id, {"leave": self._watcher})
        end = time.monotonic() + LEAVE_S
        while (left := end - time.monotonic()) > 0:
            try:
                signal = await asyncio.wait_for(channels.signals.get(), left)
            except TimeoutError:
                return
            if isinstance(signal, Message) and signal.parent_id == request:
                if signal.content.get("execution_state") == "idle":
                    return
            elif isinstance(signal, Link) and not signal.up:
                return

    async def _signal(self, seconds: float) -> Signal | None:
        """The next signal, or ``None`` when none came in that time."""
        try:
            return await asyncio.wait_for(self._wire.signals.get(), seconds)
        except TimeoutError:
            return None

    def _changed(self, state: KernelState) -> KernelChanged:
        return KernelChanged(self._epoch, state)

    @property
    def _wire(self) -> Channels:
        assert self._channels is not None, "events() opens the channels"
        return self._channels

    @property
    def _beating(self) -> Heartbeat:
        assert self._heart is not None, "events() opens the heartbeat"
        return self._heart

    @property
    def _attached(self) -> AttachReply:
        assert self._reply is not None, "listening begins after the attach"
        return self._reply


def _refused(refusal: Refusal) -> KernelError:
    match refusal.error:
        case "unsupported":
            return UnsupportedKernelError(
                f"nothing to attach to: {refusal.detail}", "kernelscope attaches to IPython kernels."
            )
        case "version":
            return ProbeError(
                f"another kernelscope ({refusal.detail}) watches this kernel already",
                "Leave that one, or use its version. `kernelscope detach` takes its probe out.",
            )
        case _:
            return ProbeError("the probe could not be put in; it took back all it did", refusal.detail)
