"""Looks at a kernel from inside before it is watched, while it is, and after.

All three are asked over one connection, which is there throughout, so that the kernel's sockets for it
are no difference between them.
"""

from __future__ import annotations

import time
import uuid

from kernelscope.errors import ProbeError, UnreachableError
from kernelscope.kernel.channels import Link, Message
from kernelscope.kernel.conversation import BEAT_S, Answer, Conversation
from kernelscope.kernel.discovery import kernel_id_of
from kernelscope.kernel.files import Connection, read_connection
from kernelscope.kernel.inject import GREETING, Question, attach, look_inside
from kernelscope.kernel.live import LEAVE_S, MOST_STALE, accepted, answered
from kernelscope.kernel.places import runtime_dirs
from kernelscope.kernel.servers import served_kernels
from kernelscope.protocol.audit import Activity, Audit, Look
from kernelscope.protocol.wire import AttachReply, Greeting, decode_observation, decode_push
from kernelscope.text import clean


async def audit(
    connection: Connection,
    *,
    seconds: float,
    limit: float | None = None,
    insecure: bool = False,
    insecure_file: bool = False,
) -> Audit:
    """Watches a kernel for so many seconds, between looks at it from inside.

    Args:
        connection: its connection file, or what came over standard input.
        limit: seconds that each request may take; ``None``: as long as the kernel is busy.
        insecure: as in ``LiveSource``.
        insecure_file: the same.

    Raises:
        KernelError: as ``LiveSource.events``.
        TimedOutError: ``limit`` ran out.
    """
    info = read_connection(connection, insecure=insecure, insecure_file=insecure_file)
    talk = Conversation(info, limit=limit)
    try:
        await talk.open()
        return await _Auditor(talk).audit(seconds)
    finally:
        await talk.close()


class _Auditor:
    """One audit under way."""

    def __init__(self, talk: Conversation) -> None:
        self._talk = talk
        self._watcher = uuid.uuid4().hex
        self._requests = 0
        self._early: list[Message] = []
        self._runs: list[int] = []
        self._seq = 0
        self._lost = 0

    async def audit(self, seconds: float) -> Audit:
        before = await self._look()
        reply = await self._attach()
        self._seq = reply.seq
        try:
            during = await self._look()
            begun = time.monotonic()
            first = await self._activity()
            await self._listen(reply, seconds)
            last = await self._activity()
            lasted = time.monotonic() - begun
            watched = await self._look()
        finally:
            await self._leave(reply)
        after = await self._look()
        return Audit(
            kernel=clean(reply.kernel.notebook or self._talk.info.notebook or self._talk.info.name),
            before=before,
            during=during,
            after=after,
            cost=watched.probe.cost if watched.probe is not None else reply.cost,
            seconds=lasted,
            requests=self._requests,
            runs=tuple(self._runs),
            lost=self._lost,
            activity=Activity(first, last) if first is not None and last is not None else None,
        )

    async def _attach(self) -> AttachReply:
        for _ in range(MOST_STALE):
            greeting = answered(await self._ask(GREETING), Greeting)
            reply = await accepted(await self._ask(attach(self._watcher, greeting)))
            if reply is not None:
                return reply
        raise ProbeError(f"the kernel of {self._talk.shown} read too late what it was asked")

    async def _look(self) -> Look:
        return answered(await self._ask(look_inside()), Look)

    async def _ask(self, question: Question) -> str:
        self._requests += 1
        async for found in self._talk.ask(question):
            self._early += [found] if isinstance(found, Message) else []
            if isinstance(found, Answer):
                return found.text
        raise UnreachableError(f"the kernel of {self._talk.shown} went away before it answered")

    async def _listen(self, reply: AttachReply, seconds: float) -> None:
        """Only heartbeats are sent meanwhile."""
        end = time.monotonic() + seconds
        early, self._early = self._early, []
        for message in early:
            self._heard(message, reply)
        while (left := end - time.monotonic()) > 0:
            signal = await self._talk.signal(min(left, BEAT_S))
            if isinstance(signal, Link) and not signal.up:
                raise UnreachableError(f"the kernel of {self._talk.shown} went away while it was watched")
            if isinstance(signal, Message):
                self._heard(signal, reply)
            elif signal is None:
                await self._talk.heart.beat(BEAT_S)

    def _heard(self, message: Message, reply: AttachReply) -> None:
        if message.type != "comm_msg" or message.content.get("comm_id") != reply.comm_id:
            return
        push = decode_push(message.content.get("data"))
        if push is None or push.kind != "observation":
            return
        observation = decode_observation(push.observation)
        self._lost += max(observation.seq - self._seq - 1, 0)
        self._seq = max(observation.seq, self._seq)
        if observation.run is not None:
            self._runs.append(observation.run.execution_count)

    async def _leave(self, reply: AttachReply) -> None:
        self._requests += 1
        request = await self._talk.channels.tell(reply.comm_id, {"leave": self._watcher})
        end = time.monotonic() + LEAVE_S
        while (left := end - time.monotonic()) > 0:
            signal = await self._talk.signal(left)
            if isinstance(signal, Message) and signal.is_idle_after(request):
                return

    async def _activity(self) -> float | None:
        path = self._talk.info.path
        if path is None:
            return None
        served = await served_kernels(runtime_dirs())
        kernel = served.get(kernel_id_of(path))
        return None if kernel is None else kernel.last_activity
