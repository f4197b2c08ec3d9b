"""The live source: attach when the kernel lets us, then listen.

::

    open ── attach ── listen ──(another process on the same ports)── attach, next epoch
              │          └──(gone for good)── UnreachableError
              └──(wrong key, no IPython, refusal)── KernelError
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

from kernelscope.errors import KernelError, ProbeError, UnreachableError, UnsupportedKernelError
from kernelscope.kernel.channels import Link, Message
from kernelscope.kernel.conversation import BEAT_S, Answer, Conversation
from kernelscope.kernel.files import read_connection_file
from kernelscope.kernel.inject import attach_expression, detach_expression
from kernelscope.protocol.wire import (
    WIRE,
    AttachReply,
    Pulse,
    Refusal,
    WireError,
    decode_detached,
    decode_observation,
    decode_pulse,
    decode_push,
    decode_reply,
)
from kernelscope.text import clean
from kernelscope.timeline.events import (
    Attached,
    Detached,
    Event,
    KernelChanged,
    KernelState,
    Lost,
    Observed,
    Progress,
)
from kernelscope.timeline.facts import KernelFacts

DOWN_S = 1.0
"""Seconds that a connection may be down before the kernel counts as dead: a restart is told as such."""
GONE_S = 12.0
"""Seconds after which a dead kernel counts as gone for good, while its connection file stays."""
GONE_WITHOUT_FILE_S = 3.0
"""The same once the file is gone, too: servers remove it when they shut a kernel down."""
FIRST_PULSE_S = 1.0
"""Seconds after which a run that lasts gives its first sign of life."""
QUIET_S = 5.0
"""Seconds by which a sign of life may be late before a kernel that runs a cell counts as not answering."""
LEAVE_S = 1.0
"""Seconds that leaving may take."""


class LiveSource:
    """Events of one live kernel.

    Args:
        path: its connection file.
        keep: seconds for which the probe stays in the kernel after the last watcher has left.
        poll: seconds between looks while no cell runs; ``None``: none.
        limit: seconds that the first attach may take; ``None``: as long as the kernel is busy.
        insecure: accept a connection file without a key, of a kernel on another machine, too.
        insecure_file: accept a connection file that others can read or change.

    Raises:
        ConnectionFileError: the file cannot be used.
    """

    def __init__(
        self,
        path: Path,
        *,
        keep: float = 0.0,
        poll: float | None = None,
        limit: float | None = None,
        insecure: bool = False,
        insecure_file: bool = False,
    ) -> None:
        self._info = read_connection_file(path, insecure=insecure, insecure_file=insecure_file)
        self._keep, self._poll, self._limit = keep, poll, limit
        self._watcher = uuid.uuid4().hex
        self._conversation: Conversation | None = None
        self._epoch = 0
        self._reply: AttachReply | None = None
        self._session = ""
        self._seq = 0
        self._beaten = 0.0
        self._beats = True
        self._awaited: float | None = None
        """When the probe should have given a sign of life at the latest; ``None``: no run lasts."""
        self._mute = ""
        """Why the kernel counts as not answering; empty where it does not."""
        self._taken_out = False
        self._owes_renewal = False

    @property
    def signed(self) -> bool:
        """Whether the kernel's messages are verified: not without a key in the file."""
        return self._info.signed

    async def events(self) -> AsyncIterator[Event]:
        """Until the kernel is gone for good, or somebody took the probe out (``Detached``).

        Raises:
            UnreachableError: nobody answers, or not any more.
            KeyMismatchError: somebody answers, with another key.
            UnsupportedKernelError: no IPython kernel.
            ProbeError: the probe could not be put in.
            TimedOutError: ``limit`` ran out.
        """
        talk = self._conversation = Conversation(self._info, limit=self._limit)
        await talk.open()
        while not self._taken_out:
            async for event in self._attach(talk):
                yield event
            async for event in self._listen(talk):
                yield event

    async def look_between_runs(self, seconds: float | None) -> None:
        """Asks the probe to look while no cell runs as well, that often; ``None``: no more.

        A busy kernel reads it when its cell has ended.
        """
        self._poll = seconds
        if self._conversation is not None and self._reply is not None:
            told = {"watcher": self._watcher, "poll": seconds or 0}
            self._conversation.channels.tell(self._reply.comm_id, told)

    async def close(self) -> None:
        """Takes this watcher's lease back and lets go of the sockets."""
        talk, self._conversation = self._conversation, None
        if talk is None:
            return
        try:
            if self._reply is not None:
                await self._leave(talk, self._reply)
        finally:
            await talk.close()

    async def _attach(self, talk: Conversation) -> AsyncIterator[Event]:
        """Puts the probe in, or joins it; ends with ``Attached``."""
        self._reply = None
        while self._reply is None:
            async for found in talk.ask(attach_expression(self._watcher, keep=self._keep, poll=self._poll)):
                if isinstance(found, Answer):
                    self._reply, self._session = accepted(found.text), found.session
                elif isinstance(found, Link):
                    async for event in self._until_back(talk):
                        yield event
                else:
                    yield found
        self._epoch += 1
        self._seq = self._reply.seq
        reply = self._reply
        yield Attached(self._epoch, self._facts(reply), reply.base, reply.history, reply.cost)

    def _facts(self, reply: AttachReply) -> KernelFacts:
        said = reply.kernel
        return KernelFacts(
            connection_file=clean(str(self._info.path)),
            python=said.python,
            pid=said.pid,
            execution_count=said.execution_count,
            notebook=said.notebook or self._info.notebook,
            ipykernel=said.ipykernel,
            cwd=said.cwd,
            sees_calls=said.sees_calls,
        )

    async def _listen(self, talk: Conversation) -> AsyncIterator[Event]:
        """Until another process answers on the same ports; raises where none ever does."""
        early, talk.pushed = talk.pushed, []
        for message in early:
            for event in self._pushed(message):
                yield event
        self._beaten, self._beats, self._awaited, self._mute = time.monotonic(), True, None, ""
        while True:
            signal = await talk.signal(BEAT_S)
            if isinstance(signal, Link) and not signal.up:
                async for event in self._until_back(talk):
                    yield event
                return
            if isinstance(signal, Message) and signal.session != self._session:
                yield KernelChanged(self._epoch, "restarted")
                return
            heard = self._heard(signal) if isinstance(signal, Message) else []
            for event in [*heard, *await self._signs_of_life(talk)]:
                yield event
                self._renew_after(event, talk)
            if self._reply is None:
                return

    def _renew_after(self, event: Event, talk: Conversation) -> None:
        """From another machine, once per run and after it: nothing else tells the probe of us."""
        self._owes_renewal = self._owes_renewal or isinstance(event, Observed)
        idle = isinstance(event, KernelChanged) and event.state == "idle"
        if idle and self._owes_renewal and self._reply is not None and not self._reply.local:
            talk.channels.tell(self._reply.comm_id, {"renew": self._watcher})
            self._owes_renewal = False

    async def _signs_of_life(self, talk: Conversation) -> list[Event]:
        """What heartbeats and pulses, or their absence, tell that they did not tell before."""
        if time.monotonic() - self._beaten > BEAT_S:
            self._beats = await talk.heart.beat(BEAT_S)
            self._beaten = time.monotonic()
        mute = "" if self._beats else "its process does not answer: it may be stopped"
        if not mute and self._awaited is not None and time.monotonic() > self._awaited + QUIET_S:
            mute = "its process lives, and code that is not Python holds its interpreter"
        if bool(mute) == bool(self._mute):
            return []
        self._mute = mute
        return [KernelChanged(self._epoch, "unreachable" if mute else "back", mute)]

    def _heard(self, message: Message) -> list[Event]:
        if self._awaited is not None:
            self._awaited = max(self._awaited, time.monotonic())
        if message.type == "comm_msg":
            return self._pushed(message)
        state = message.content.get("execution_state")
        if (
            message.type == "status"
            and message.parent_type == "execute_request"
            and state in ("busy", "idle")
        ):
            pulses = self._reply is not None and self._reply.pulses
            self._awaited = time.monotonic() + FIRST_PULSE_S if pulses and state == "busy" else None
            return [KernelChanged(self._epoch, _state(state))]
        return []

    def _pushed(self, message: Message) -> list[Event]:
        """What the probe pushed; a gap in its numbers is a loss, and is told."""
        if self._reply is None or message.content.get("comm_id") != self._reply.comm_id:
            return []
        try:
            push = decode_push(message.content.get("data"))
            if push is None or push.nonce != self._reply.nonce:
                return []
            if push.kind == "detached":
                self._reply, self._taken_out = None, True
                return [Detached(push.reason)]
            if push.kind == "gone":
                raise ProbeError("the probe took itself out of the kernel", push.reason)
            if push.kind == "pulse":
                return self._progress(decode_pulse(push.pulse))
            observation = decode_observation(push.observation)
        except WireError as error:
            raise ProbeError("what the probe sent cannot be read", clean(str(error))) from error
        if observation.seq <= self._seq:
            return []  # the answer to the attach held it already
        missing = observation.seq - self._seq - 1
        self._seq = observation.seq
        lost: list[Event] = [Lost(self._epoch, missing)] if missing else []
        return [*lost, Observed(self._epoch, observation)]

    def _progress(self, pulse: Pulse) -> list[Event]:
        self._awaited = time.monotonic() + pulse.next
        return [Progress(self._epoch, pulse.execution_count, pulse.seconds, pulse.moved)]

    async def _until_back(self, talk: Conversation) -> AsyncIterator[Event]:
        """The connection broke: waits for a kernel to come back on the same ports.

        Raises:
            UnreachableError: none did.
        """
        down, died = time.monotonic(), False
        while True:
            signal = await talk.signal(0.25)
            gone = time.monotonic() - down
            if isinstance(signal, Link) and signal.up:
                yield KernelChanged(self._epoch, "restarted")
                return
            if not died and gone > DOWN_S:
                died = True
                yield KernelChanged(self._epoch, "died")
            if gone > (GONE_S if self._info.path.exists() else GONE_WITHOUT_FILE_S):
                self._reply = None
                raise UnreachableError(
                    f"the kernel of {talk.shown} has ended",
                    "Start it again and attach anew. `kernelscope ls` shows the kernels that live.",
                )

    async def _leave(self, talk: Conversation, reply: AttachReply) -> None:
        """Tells the probe to go; a busy kernel will read it when its cell has ended."""
        request = talk.channels.tell(reply.comm_id, {"leave": self._watcher})
        end = time.monotonic() + LEAVE_S
        while (left := end - time.monotonic()) > 0:
            signal = await talk.signal(left)
            if isinstance(signal, Link) and not signal.up:
                return
            if isinstance(signal, Message) and signal.is_idle_after(request):
                return


async def take_out(
    path: Path, *, limit: float | None = None, insecure: bool = False, insecure_file: bool = False
) -> bool:
    """Takes the probe out of a kernel, whoever put it in.

    Args:
        path: the connection file.
        limit: seconds that it may take; ``None``: as long as the kernel is busy.
        insecure: as in ``LiveSource``.
        insecure_file: the same.

    Returns:
        whether there was one.

    Raises:
        KernelError: as ``LiveSource.events``.
        TimedOutError: ``limit`` ran out.
    """
    info = read_connection_file(path, insecure=insecure, insecure_file=insecure_file)
    talk = Conversation(info, limit=limit)
    try:
        await talk.open()
        async for found in talk.ask(detach_expression()):
            if isinstance(found, Answer):
                return _gone(found.text)
        raise UnreachableError(f"the kernel of {talk.shown} went away before it answered")
    finally:
        await asyncio.shield(talk.close())


def accepted(text: str) -> AttachReply:
    """What the loader answered, as far as it is a yes.

    Raises:
        ProbeError: it is none, or cannot be read.
        UnsupportedKernelError: there is no IPython to attach to.
    """
    try:
        reply = decode_reply(text)
    except WireError as error:
        raise ProbeError("the kernel's answer cannot be read", clean(str(error))) from error
    if isinstance(reply, Refusal):
        raise _refused(reply)
    if reply.wire != WIRE:
        raise _refused(Refusal("version", reply.version))
    return reply


def _gone(text: str) -> bool:
    """What the loader answered to a detach."""
    try:
        told = decode_detached(text)
    except WireError as error:
        raise ProbeError("the kernel's answer cannot be read", clean(str(error))) from error
    if isinstance(told, Refusal):
        raise _refused(told)
    return told


def _refused(refusal: Refusal) -> KernelError:
    match refusal.error:
        case "unsupported":
            return UnsupportedKernelError(
                f"this kernel cannot be attached to: {refusal.detail}",
                "kernelscope attaches to IPython kernels: ipykernel 6 or 7.",
            )
        case "version":
            return ProbeError(
                f"another kernelscope ({refusal.detail}) watches this kernel already",
                "Leave that one, or use its version. `kernelscope detach` takes its probe out.",
            )
        case _:
            return ProbeError("the probe could not be put in; it took back all it did", refusal.detail)


def _state(word: object) -> KernelState:
    return "busy" if word == "busy" else "idle"
