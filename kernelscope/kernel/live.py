"""The live source: attach when the kernel lets us, then listen.

::

    open ── attach ── listen ──(the connection broke)── until back ── attach: the same probe goes on,
              │          │                                  │                 another one is the next epoch
              │          │                                  └──(gone for good)── UnreachableError
              │          └──(taken out)── Detached
              └──(wrong key, no IPython, refusal)── KernelError

Somebody who only visits attaches and has left with the answer.

Which process answers is told by the session in its messages, never by its ports: a tunnel that drops and
comes back leads to the same kernel, and what was missed meanwhile is in the probe's history.
"""

from __future__ import annotations

import asyncio
import math
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TypeVar

from kernelscope.domain.events import (
    SHUT_DOWN,
    Attached,
    Detached,
    Event,
    KernelChanged,
    KernelState,
    Lost,
    Observed,
    Progress,
    Waiting,
)
from kernelscope.domain.facts import KernelFacts, Observation
from kernelscope.errors import (
    ConnectionFileError,
    KernelError,
    ProbeError,
    UnreachableError,
    UnsupportedKernelError,
)
from kernelscope.kernel.channels import Link, Message
from kernelscope.kernel.conversation import BEAT_S, Answer, Conversation
from kernelscope.kernel.counted import Counted
from kernelscope.kernel.files import Connection, ConnectionInfo, display_connection, read_connection
from kernelscope.kernel.inject import DETACH, GREETING, Question, attach
from kernelscope.protocol.wire import (
    WIRE,
    AttachReply,
    DetachReply,
    Greeting,
    Pulse,
    Refusal,
    WireError,
    decode_answer,
    decode_attach_in_steps,
    decode_observation,
    decode_pulse,
    decode_push,
)
from kernelscope.system import has_ended, is_stopped, start_mark
from kernelscope.text import clean
from kernelscope.turns import Turns

DOWN_S = 1.0
"""Seconds that a connection may be down before the kernel counts as dead: a restart is told as such."""
GONE_S = 12.0
"""Seconds after which a dead kernel counts as gone for good, while its connection file stays."""
GONE_WITHOUT_FILE_S = 3.0
"""The same once the file is gone, too: servers remove it when they shut a kernel down."""
AWAY_S = 900.0
"""Seconds after which a kernel on another machine counts as gone: its tunnel may come back."""
MOST_STALE = 20
"""Attaches in a row that the kernel may read too late."""
FIRST_PULSE_S = 1.0
"""Seconds after which a run that lasts gives its first sign of life."""
QUIET_S = 5.0
"""Seconds by which a sign of life may be late before a kernel that runs a cell counts as not answering."""
LEAVE_S = 1.0
"""Seconds that leaving may take."""

T = TypeVar("T")

_TICK_S = 0.25
_ATTACH_ANEW = "It was not put in again behind your back: attach anew to go on."


class LiveSource:
    """Events of one live kernel.

    Args:
        connection: its connection file, or what came over standard input.
        keep: seconds for which the probe stays in the kernel after the last watcher has left.
        poll: seconds between looks while no cell runs; ``None``: none.
        limit: seconds that the first attach may take; ``None``: as long as the kernel is busy.
        insecure: accept a connection file without a key, of a kernel on another machine, too.
        insecure_file: accept a connection file that others can read or change.
        visits: only attach, and end: what is known until now.  Nobody else's stay is prolonged or cut short.

    Raises:
        ConnectionFileError: the file cannot be used.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        keep: float = 0.0,
        poll: float | None = None,
        limit: float | None = None,
        insecure: bool = False,
        insecure_file: bool = False,
        visits: bool = False,
    ) -> None:
        self._connection, self._insecure, self._insecure_file = connection, insecure, insecure_file
        self._file = _mark_of(connection)
        self._info = self._read()
        self._keep, self._poll, self._limit = keep, poll, limit
        self._visits = visits
        self._watcher = uuid.uuid4().hex
        self._conversation: Conversation | None = None
        self._epoch = 0
        self._reply: AttachReply | None = None
        """Of the probe that we listen to; ``None`` where its kernel has ended, or it has left."""
        self._session = ""
        """Of the kernel that it is in."""
        self._strangers: set[str] = set()
        """Sessions that are not the kernel's, or not any more: what comes late, or is sent again."""
        self._process: tuple[int, str] | None = None
        """The kernel's, where it runs on this machine."""
        self._seq = 0
        self._early: list[Message] = []
        """Messages on comms that came before the probe's answer."""
        self._counted = Counted()
        self._beaten = 0.0
        self._beats = True
        self._awaited: float | None = None
        """When the probe should have given a sign of life at the latest; ``None``: no run lasts."""
        self._mute = ""
        """Why the kernel counts as not answering; empty where it does not."""
        self._taken_out = False
        self._shut_down: bool | None = None
        """The kernel said that it was told to end: for good (``True``), or to begin anew."""
        self._end_expected = False
        """Whoever started the kernel is about to end it."""
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
            for stage in (self._attach, self._listen, self._until_back):
                async for event in stage():
                    yield event
                if self._taken_out:
                    return
                if self._visits and self._reply is not None:
                    self._reply = None  # there is no lease to give back
                    yield Detached("only asked what is known")
                    return

    async def look_between_runs(self, seconds: float | None) -> None:
        """Asks the probe to look while no cell runs as well, that often; ``None``: no more.

        A busy kernel reads it when its cell has ended.
        """
        self._poll = seconds
        if self._conversation is not None and self._reply is not None:
            told = {"watcher": self._watcher, "poll": seconds or 0}
            await self._conversation.channels.tell(self._reply.comm_id, told)

    def expect_end(self) -> None:
        """Whoever started the kernel ends it now: its silence from here on is no fault of it."""
        self._end_expected = True

    async def close(self) -> None:
        """Takes this watcher's lease back and lets go of the sockets."""
        talk, self._conversation = self._conversation, None
        if talk is None:
            return
        try:
            if self._reply is not None and talk.channels.up and talk.session == self._session:
                await self._leave(talk, self._reply)
        finally:
            await talk.close()

    @property
    def _talk(self) -> Conversation:
        if self._conversation is None:
            raise RuntimeError("it is closed")
        return self._conversation

    def _read(self) -> ConnectionInfo:
        return read_connection(self._connection, insecure=self._insecure, insecure_file=self._insecure_file)

    async def _attach(self) -> AsyncIterator[Event]:
        """Puts the probe in, or joins it; ends with ``Attached`` unless it is the probe from before."""
        for _ in range(MOST_STALE):
            async for met in self._greet():
                if not isinstance(met, Greeting):
                    yield met
                    continue
                question = attach(self._watcher, met, keep=self._keep, poll=self._poll, visits=self._visits)
                async for found in self._ask(question):
                    reply = await accepted(found.text) if isinstance(found, Answer) else None
                    for event in self._joined(reply, met.session) if reply is not None else ():
                        yield event
                    if reply is not None:
                        return
                    if not isinstance(found, Answer):
                        yield found
        raise ProbeError(
            f"the kernel of {self._talk.shown} read too late what it was asked, {MOST_STALE} times",
            "Cells came between each time. Try again when the notebook is at rest.",
        )

    async def _greet(self) -> AsyncIterator[Event | Greeting]:
        """Ends with who is there; another one than before is a restart."""
        greeting: Greeting | None = None
        while greeting is None:  # where the connection breaks, another process may answer
            async for found in self._ask(GREETING):
                if isinstance(found, Answer):
                    greeting = answered(found.text, Greeting)
                else:
                    yield found
        if greeting.session != self._session:
            for event in self._restarted():
                yield event
        yield greeting

    async def _ask(self, question: Question) -> AsyncIterator[Event | Answer]:
        """Ends with the answer or, where the connection broke before there was one, when it is back."""
        async for found in self._talk.ask(question):
            if isinstance(found, Link):
                async for event in self._until_back():
                    yield event
            elif isinstance(found, Message):
                self._early += [found] if found.type == "comm_msg" else []
            else:
                yield found

    def _joined(self, reply: AttachReply, session: str) -> Iterator[Event]:
        before, self._reply = self._reply, reply
        self._strangers.discard(session)
        self._session = session
        self._process = (reply.kernel.pid, start_mark(reply.kernel.pid)) if reply.local else None
        self._shut_down, self._end_expected = None, False
        self._counted.forget()
        mute, self._mute = self._mute, ""
        if mute and before is not None:
            yield KernelChanged(self._epoch, "back")
        # fault: 17a
        if before is not None and before.nonce == reply.nonce:
            for observation in reply.history:
                yield from self._in_order(observation)
            yield from self._gap(reply.seq)
            return
        # fault: 85a
        self._epoch += 1
        self._seq = reply.seq
        yield Attached(self._epoch, self._facts(reply), reply.base, reply.history, reply.cost)

    def _restarted(self) -> Iterator[Event]:
        """Another process has taken the kernel's place; told once."""
        if self._session:
            self._strangers.add(self._session)
            self._session, self._reply, self._process, self._mute = "", None, None, ""
            yield KernelChanged(self._epoch, "restarted")

    def _facts(self, reply: AttachReply) -> KernelFacts:
        said = reply.kernel
        return KernelFacts(
            connection_file=display_connection(self._connection),
            python=said.python,
            pid=said.pid,
            execution_count=said.execution_count,
            notebook=said.notebook or self._info.notebook,
            ipykernel=said.ipykernel,
            cwd=said.cwd,
            sees_calls=said.sees_calls,
        )

    async def _listen(self) -> AsyncIterator[Event]:
        """Until the connection breaks, another process answers, or the probe was taken out."""
        talk = self._talk
        early, self._early = self._early, []
        for message in early:
            for event in self._pushed(message):
                yield event
        self._beaten, self._beats, self._awaited = time.monotonic(), True, None
        while self._reply is not None and talk.channels.up:
            # fault: 45a
            # fault: 44a
            # fault: 37a
            signal = await talk.signal(BEAT_S)
            if isinstance(signal, Message) and signal.session != self._session:
                if signal.session in self._strangers:
                    continue
                self._strangers.add(signal.session)  # unless it turns out to be the kernel's now
                return
            heard = self._heard(signal) if isinstance(signal, Message) else []
            for event in [*heard, *await self._signs_of_life(talk)]:
                yield event
                await self._renew_after(event, talk)
            # fault: 34a
            if self._counted.missed and isinstance(signal, Message) and _is_idle(signal):
                async for event in self._ask_for_the_hooks(talk):
                    yield event

    async def _ask_for_the_hooks(self, talk: Conversation) -> AsyncIterator[Event]:
        """A run was counted and not told.

        Raises:
            ProbeError: the probe's hooks, or the probe, are there no more.
        """
        self._counted.forget()
        async for found in talk.ask(GREETING):
            if isinstance(found, Message) and found.session == self._session:
                for event in self._heard(found):
                    yield event
            if not isinstance(found, Answer):
                continue  # a broken connection is seen by who called
            greeting = answered(found.text, Greeting)
            if self._reply is not None and greeting.nonce != self._reply.nonce:
                raise ProbeError("the probe is not in the kernel any more", _ATTACH_ANEW)
            if not greeting.hooked:
                raise ProbeError("the notebook removed the probe's hooks", _ATTACH_ANEW)
            for event in self._gap(greeting.seq):
                yield event

    async def _renew_after(self, event: Event, talk: Conversation) -> None:
        """From another machine, once per run and after it: nothing else tells the probe of us."""
        self._owes_renewal = self._owes_renewal or isinstance(event, Observed)
        idle = isinstance(event, KernelChanged) and event.state == "idle"
        if idle and self._owes_renewal and self._reply is not None and not self._reply.local:
            await talk.channels.tell(self._reply.comm_id, {"renew": self._watcher})
            self._owes_renewal = False

    async def _signs_of_life(self, talk: Conversation) -> list[Event]:
        """What heartbeats and pulses, or their absence, tell that they did not tell before."""
        if time.monotonic() - self._beaten > BEAT_S:
            self._beats = await talk.heart.beat(BEAT_S)
            self._beaten = time.monotonic()
        if self._is_ending():
            return []
        mute = "" if self._beats else self._why_mute()
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
        if message.type == "execute_input":
            if message.subshell:
                self._counted.forget()  # it counts beside the others
            else:
                self._counted.announced(message.content.get("execution_count"))
        if message.type == "shutdown_reply":
            self._shut_down = message.content.get("restart") is False
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
            # fault: 83b
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
        return list(self._in_order(observation))

    def _in_order(self, observation: Observation) -> Iterator[Event]:
        """What was told already is not told again; nor is what comes after a later one, and was told
        as lost: each is a difference to the one before."""
        # fault: 83a
        if observation.seq <= self._seq:
            return
        yield from self._gap(observation.seq - 1)
        self._seq = observation.seq
        if observation.run is not None:
            self._counted.told()
        yield Observed(self._epoch, observation)

    def _gap(self, seq: int) -> Iterator[Event]:
        """The numbers up to this one that never came."""
        if seq > self._seq:
            # fault: 89a
            # fault: 82a
            yield Lost(self._epoch, seq - self._seq)
            self._seq = seq

    def _progress(self, pulse: Pulse) -> list[Event]:
        self._awaited = time.monotonic() + pulse.next
        return [Progress(self._epoch, pulse.execution_count, pulse.seconds, pulse.moved)]

    async def _until_back(self) -> AsyncIterator[Event]:
        """Nothing is sent until a kernel answers again, on the same ports or on those that the file
        names by then.

        Raises:
            UnreachableError: none did.
        """
        down, told = time.monotonic(), "unreachable" if self._mute else ""
        while not self._taken_out:
            talk = self._talk
            # fault: 21b
            back = talk.channels.up and await talk.heart.beat(BEAT_S)
            async for event in self._still_heard(talk):
                yield event
            ended, away = self._has_ended(), time.monotonic() - down
            if back:
                for event in self._restarted() if ended else ():
                    yield event
                return
            if ended and self._shut_down:
                raise self._gone(talk)
            # fault: 86a
            # fault: 17b
            state: KernelState = "died" if ended else "unreachable"
            # fault: 47a
            if away > DOWN_S and told != state and (ended or not self._is_ending()):
                told = state
                yield self._away(state)
            if away > self._patience(ended):
                raise self._gone(talk)
            if ended is not False:
                await self._follow_the_file(talk)

    def _gone(self, talk: Conversation) -> UnreachableError:
        self._reply = None
        return UnreachableError(
            f"the kernel of {talk.shown} has ended",
            "Start it again and attach anew. `kernelscope ls` shows the kernels that live.",
        )

    async def _still_heard(self, talk: Conversation) -> AsyncIterator[Event]:
        """What the kernel had said before the connection broke."""
        wait = _TICK_S if not talk.channels.up else 0.0
        while (signal := await talk.signal(wait)) is not None:
            wait = 0.0
            if isinstance(signal, Message) and signal.session == self._session:
                for event in self._heard(signal):
                    yield event

    def _has_ended(self) -> bool | None:
        """Whether the kernel's process has; ``None`` where that cannot be known from here."""
        # fault: 86b
        return None if self._process is None else has_ended(*self._process)

    def _is_ending(self) -> bool:
        """Whether the kernel was told to end, or has: it closes its sockets seconds before its process ends,
        and is silent in between."""
        return self._shut_down is not None or self._end_expected or self._has_ended() is True

    def _away(self, state: KernelState) -> Event:
        if not self._session:
            return Waiting(
                "the connection to the kernel broke: it may have ended, or be about to start again"
            )
        self._mute = self._why_mute() if state == "unreachable" else ""
        requested = state == "died" and self._shut_down is not None
        return KernelChanged(self._epoch, state, SHUT_DOWN if requested else self._mute, requested)

    def _why_mute(self) -> str:
        if self._process is None:
            return "nothing comes over the connection to its machine"
        stopped = is_stopped(self._process[0])
        return "its process is stopped" if stopped else "its process lives and does not answer"

    def _patience(self, ended: bool | None) -> float:
        """Seconds for which a kernel that does not answer is waited for."""
        if ended is False:
            return math.inf
        if isinstance(self._connection, Path) and not self._connection.exists():
            return GONE_WITHOUT_FILE_S
        return AWAY_S if ended is None and self._session else GONE_S

    async def _follow_the_file(self, talk: Conversation) -> None:
        """The connection file may have been written anew, for a kernel at other ports."""
        mark = _mark_of(self._connection)
        # fault: 16a
        if mark is None or mark == self._file:
            return
        self._file = mark
        try:
            self._info = self._read()
        except ConnectionFileError:
            return  # such as one that is still being written: its mark will change once more
        await talk.close()
        self._conversation = Conversation(self._info, limit=self._limit)
        self._conversation.channels.open()

    async def _leave(self, talk: Conversation, reply: AttachReply) -> None:
        """Tells the probe to go; a busy kernel will read it when its cell has ended."""
        request = await talk.channels.tell(reply.comm_id, {"leave": self._watcher})
        end = time.monotonic() + LEAVE_S
        while (left := end - time.monotonic()) > 0:
            signal = await talk.signal(left)
            if isinstance(signal, Link) and not signal.up:
                return
            if isinstance(signal, Message) and signal.is_idle_after(request):
                return


async def take_out(
    connection: Connection,
    *,
    limit: float | None = None,
    insecure: bool = False,
    insecure_file: bool = False,
) -> bool:
    """Takes the probe out of a kernel, whoever put it in.

    Args:
        connection: as in ``LiveSource``.
        limit: seconds that it may take; ``None``: as long as the kernel is busy.
        insecure: as in ``LiveSource``.
        insecure_file: the same.

    Returns:
        whether there was one.

    Raises:
        KernelError: as ``LiveSource.events``.
        TimedOutError: ``limit`` ran out.
    """
    # fault: 7c
    info = read_connection(connection, insecure=insecure, insecure_file=insecure_file)
    talk = Conversation(info, limit=limit)
    try:
        await talk.open()
        async for found in talk.ask(DETACH):
            if isinstance(found, Answer):
                return answered(found.text, DetachReply).detached
        raise UnreachableError(f"the kernel of {talk.shown} went away before it answered")
    finally:
        await asyncio.shield(talk.close())


def answered(text: str, wanted: type[T]) -> T:
    """What the loader answered, as far as it did what was asked.

    Args:
        wanted: what it then answers.

    Raises:
        ProbeError: it did not, or its answer cannot be read.
        UnsupportedKernelError: there is no IPython to attach to.
    """
    found = _read(text, wanted)
    # fault: 15d
    if isinstance(found, Refusal):
        raise _refused(found)
    return found


async def accepted(text: str) -> AttachReply | None:
    """As ``answered``, to an attach; ``None`` where the kernel read the question too late.

    A long history is read in turns: a signal that comes meanwhile is served.
    """
    try:
        reply = await Turns().finished(decode_attach_in_steps(text))
    except WireError as error:
        raise _unreadable(error) from error
    if isinstance(reply, Refusal) and reply.error == "stale":
        return None
    if isinstance(reply, Refusal):
        raise _refused(reply)
    if reply.wire != WIRE:
        raise _refused(Refusal("version", reply.version))
    return reply


def _read(text: str, wanted: type[T]) -> T | Refusal:
    try:
        return decode_answer(text, wanted)
    except WireError as error:
        raise _unreadable(error) from error


def _unreadable(error: WireError) -> KernelError:
    return ProbeError("the kernel's answer cannot be read", clean(str(error)))


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


def _is_idle(message: Message) -> bool:
    return message.type == "status" and message.content.get("execution_state") == "idle"


def _mark_of(connection: Connection) -> tuple[int, ...] | None:
    """What tells a file from one that took its place; ``None`` where there is none."""
    if not isinstance(connection, Path):
        return None
    try:
        status = connection.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size
