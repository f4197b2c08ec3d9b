"""Asking a kernel for one thing, in the way that harms nobody.

A question is one silent request with no code and one expression.  It is asked once, waits as long as
the kernel is busy, and is repeated only where a failing cell of somebody else's aborted it.  While the
question of another kernelscope waits in the kernel, none is asked.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from msgspec import Struct

from kernelscope.domain.events import Waiting
from kernelscope.errors import (
    KernelError,
    KeyMismatchError,
    ProbeError,
    TimedOutError,
    UnsupportedKernelError,
)
from kernelscope.kernel.channels import BadSignature, Channels, Link, Message, Signal, TooLong
from kernelscope.kernel.files import ConnectionInfo
from kernelscope.kernel.heartbeat import Heartbeat
from kernelscope.kernel.inject import Question, value_of
from kernelscope.kernel.ports import heartbeat_peer, no_beat
from kernelscope.kernel.processes import started_from
from kernelscope.kernel.turn import Turn
from kernelscope.text import clean

BEAT_S = 3.0
"""Seconds in which a kernel must answer a heartbeat."""
SLOW_S = 1.0
"""Seconds without an answer after which the wait is told."""
KEY_S = 8.0
"""Seconds without a signed message after which the key is doubted."""
ABORTED_RETRY_S = 0.02
"""A failing cell aborts what is queued, until this long after the kernel is idle again (facts)."""
ATTEMPTS = 20
AT_REST_S = 0.25
"""Seconds without a word after idle in which a kernel would have begun what still waits in it."""
SILENT_S = 600.0
"""Seconds without a word of a kernel after which it is asked although another question should wait."""
_TICK_S = 0.5
_QUEUED = "the kernel is busy, and a question of another kernelscope waits in it already: one is enough"
_BUSY = "the kernel is busy: kernelscope attaches when its running cell has ended"
_SILENT = "no answer yet: the kernel is busy with a cell, or the key in the file is not its own"


class Answer(Struct, frozen=True):
    """What the expression evaluated to."""

    text: str
    session: str
    """The kernel's own session: another one on the same ports is another process."""


class _Pending:
    """One request on its way: what has come of it so far."""

    def __init__(self, request: str) -> None:
        self._request = request
        self._since = time.monotonic()
        self._idle = False
        self.reply: Message | None = None

    @property
    def done(self) -> bool:
        return self.reply is not None and self._idle

    def quiet(self) -> float:
        """Seconds since it was sent or, after the reply, since that came."""
        return time.monotonic() - self._since

    def takes(self, message: Message) -> bool:
        """Whether the message has to do with it."""
        if message.parent_id != self._request:
            return False
        if message.type == "execute_reply":
            self.reply, self._since = message, time.monotonic()
        elif message.type == "status":
            self._idle = message.content.get("execution_state") == "idle"
        return True


class Conversation:
    """One kernel that can be asked and listened to.

    Args:
        info: its checked connection file.
        limit: seconds for which a question may wait; ``None``: as long as the kernel is busy.
    """

    def __init__(self, info: ConnectionInfo, *, limit: float | None = None) -> None:
        self.info = info
        self.channels = Channels(info)
        self.heart = Heartbeat(info, self.channels.context)
        self.session = ""
        """The kernel's, as its latest message has it."""
        self._limit = limit
        self._proven = False
        """A message that the key in the file signed has come."""

    @property
    def shown(self) -> str:
        """The connection file, safe to display."""
        return self.info.name

    async def open(self) -> None:
        """Connects.

        Raises:
            UnreachableError: nothing answers a heartbeat.
            KeyMismatchError: what is there encrypts and the file does not, or the other way round.
        """
        self.channels.open()
        # fault: 10a
        if not await self.heart.beat(BEAT_S):
            raise no_beat(self.info, self.shown, await heartbeat_peer(self.info))

    async def close(self) -> None:
        """Lets go of the sockets."""
        self.heart.close()
        await self.channels.close()

    async def signal(self, seconds: float) -> Signal | None:
        """The next signal, or ``None`` when none came in that time."""
        # Not wait_for: before 3.12 it drops a cancellation that comes together with a signal.
        try:
            async with asyncio.timeout(seconds):
                signal = await self.channels.signal()
        except TimeoutError:
            return None
        if isinstance(signal, Message):
            self.session, self._proven = signal.session, True
        return signal

    async def ask(self, question: Question) -> AsyncIterator[Waiting | Message | Answer | Link]:
        """Ends with the answer, or with the ``Link`` that broke before there was one; on the way come the
        messages that have to do with other things.

        Raises:
            KeyMismatchError: the kernel does not sign with the key in the file.
            UnsupportedKernelError: it gives no value for a Python expression.
            TimedOutError: the limit ran out.
            ProbeError: every attempt was aborted.
        """
        begun = time.monotonic()
        for _ in range(ATTEMPTS):
            turn = Turn(self.info.path)
            async for met in self._turn(turn, begun):
                yield met
                if isinstance(met, Link):
                    return
            request = await self.channels.execute(question.expression(note=turn.note, token=turn.token))
            reply: Message | None = None
            try:
                async for found in self._reply_to(request, begun) if request else _broken():
                    turn.asked()
                    if isinstance(found, Message) and found.channel == "shell":
                        reply = found
                    else:
                        yield found
            finally:
                turn.asked()  # it may still wait in the kernel, whoever has left
            if reply is not None or not request:
                turn.give_back()
            if reply is None:
                return
            # fault: 19a
            if reply.content.get("status") != "aborted":
                yield Answer(await self._value(reply), reply.session)
                return
            await asyncio.sleep(ABORTED_RETRY_S)
        raise ProbeError(
            f"the kernel of {self.shown} took no request in {ATTEMPTS} attempts",
            "Every one was aborted by a failing cell. Try again when the notebook is at rest.",
        )

    async def _turn(self, turn: Turn, begun: float) -> AsyncIterator[Waiting | Message | Link]:
        """Ends when it is our turn to ask, or with the ``Link`` that broke."""
        told, idle, heard = False, False, time.monotonic()
        while not turn.take():
            signal = await self.signal(AT_REST_S)
            if isinstance(signal, Link) and not signal.up:
                yield signal
                return
            if isinstance(signal, Message):
                yield signal
                heard = time.monotonic()
                idle = signal.content.get("execution_state") == "idle"
            # fault: 18b
            elif idle or time.monotonic() - heard > SILENT_S:
                turn.overrule()
            else:
                self._doubt(time.monotonic() - begun)
                if not told and time.monotonic() - begun > SLOW_S:
                    told = True
                    yield Waiting(_QUEUED)

    async def _reply_to(self, request: str, begun: float) -> AsyncIterator[Waiting | Message | Link]:
        """The reply, once iopub has said idle after it: then its subscription is known to work."""
        pending = _Pending(request)
        told = False
        while not pending.done:
            proven = self._proven
            signal = await self.signal(_TICK_S)
            if isinstance(signal, Message):
                if not pending.takes(signal) and signal.channel != "shell":
                    yield signal
            elif isinstance(signal, (BadSignature, TooLong)):
                self._must_not_answer(signal, request, proven)
            elif isinstance(signal, Link) and not signal.up:
                yield signal
                return
            elif signal is None and pending.quiet() > SLOW_S:
                # fault: 12a
                if pending.reply is not None:
                    break  # the subscription came late; a push that it missed will show as a gap
                self._doubt(time.monotonic() - begun)
                if not told:
                    told = True
                    yield Waiting(_BUSY if self._proven else _SILENT)
        if pending.reply is not None:
            yield pending.reply

    def _must_not_answer(self, signal: BadSignature | TooLong, request: str, proven: bool) -> None:
        """Raises where what cannot be read must be the answer.

        Another message that is too long is none of ours, or the probe's: then the gap in its numbers tells.
        """
        if isinstance(signal, BadSignature):
            if not proven:
                raise self._wrong_key()
        elif signal.parent_id == request and signal.channel == "shell":
            raise ProbeError(
                f"the kernel of {self.shown} answered with {signal.size:,} bytes, more than any answer can have",
                "The answer was not read. Restart the kernel, or look for what else listens at its ports.",
            )

    def _doubt(self, waited: float) -> None:
        """Silence is a busy kernel, unless something says otherwise."""
        if self._limit is not None and waited > self._limit:
            raise TimedOutError(
                f"the kernel of {self.shown} gave no answer in {self._limit:g} s",
                "It may be busy: wait longer, or without a limit.",
            )
        if not self._proven and waited > KEY_S and not self._may_be_the_kernels():
            raise self._wrong_key()

    def _may_be_the_kernels(self) -> bool:
        """Whether the key may be the kernel's although no message has proven it."""
        # fault: 11a
        return self.info.path is not None and started_from(self.info.path) is not False

    def _wrong_key(self) -> KernelError:
        return KeyMismatchError(
            f"the kernel does not answer to the key in {self.shown}",
            "The file belongs to another kernel, or was changed after its kernel started. "
            "`kernelscope ls` shows the files of the kernels that live.",
        )

    async def _value(self, reply: Message) -> str:
        expressions = reply.content.get("user_expressions")
        text = value_of(expressions.get("kernelscope")) if isinstance(expressions, dict) else None
        if text is None:
            raise await self._unsupported()
        return text

    async def _unsupported(self) -> KernelError:
        """Names the language of a kernel that gave no value for a Python expression."""
        request = await self.channels.kernel_info()
        language = "another language"
        end = time.monotonic() + BEAT_S
        while time.monotonic() < end:
            signal = await self.signal(SLOW_S)
            if isinstance(signal, Message) and signal.parent_id == request and signal.channel == "shell":
                info = signal.content.get("language_info")
                # fault: 14a
                language = str(info.get("name", language)) if isinstance(info, dict) else language
                break
        return UnsupportedKernelError(
            f"the kernel of {self.shown} speaks {clean(language, limit=40)}: no value came for a Python expression",
            "kernelscope attaches to IPython kernels (ipykernel 6 or 7).",
        )


async def _broken() -> AsyncIterator[Link]:
    yield Link(up=False)
