"""Inspects a kernel from inside before it is watched, while it is, and after.

All three inspections use one connection, so that the kernel's sockets for it are no difference between them.
"""

from __future__ import annotations

import time
import uuid

from kernelscope.domain.events import Event, Lost, Observed
from kernelscope.kernel.attach_options import AttachOptions
from kernelscope.kernel.attachment import Attachment
from kernelscope.kernel.client import HEARTBEAT_S, KernelClient, connect_to_kernel
from kernelscope.kernel.connection_file import Connection
from kernelscope.kernel.discovery import kernel_id_of
from kernelscope.kernel.inject import ProbeRequest, look_inside
from kernelscope.kernel.replies import build_request, decode_reply, receive_reply
from kernelscope.kernel.runtime_dirs import runtime_dirs
from kernelscope.kernel.servers import fetch_served_kernels
from kernelscope.kernel.signals import ConnectionStatus, Message
from kernelscope.protocol.audit import Activity, Audit, Inspection
from kernelscope.text import clean


async def audit(connection: Connection, *, seconds: float, options: AttachOptions | None = None) -> Audit:
    """Watches a kernel for so many seconds, between inspections from inside.

    Args:
        connection: its connection file, or the connection info from standard input.

    Raises:
        KernelError: as ``LiveSource.events``.
        TimedOutError: the limit ran out.
    """
    async with connect_to_kernel(connection, options or AttachOptions()) as client:
        return await _Auditor(client).audit(seconds)


class _Auditor:
    """One audit: it attaches as a live source does, and gives up if the connection breaks."""

    def __init__(self, client: KernelClient) -> None:
        self._client = client
        self._watcher = uuid.uuid4().hex
        self._attachment = Attachment(client.name, notebook=client.info.notebook)
        self._requests = 0
        self._runs: list[int] = []
        self._lost = 0

    async def audit(self, seconds: float) -> Audit:
        before = await self._inspect()
        await self._attach()
        reply = self._attachment.reply
        if reply is None:
            raise RuntimeError("the attachment has no reply")
        try:
            during = await self._inspect()
            begun = time.monotonic()
            first = await self._fetch_activity()
            await self._listen(seconds)
            last = await self._fetch_activity()
            lasted = time.monotonic() - begun
            watched = await self._inspect()
        finally:
            self._requests += 1
            await self._client.give_lease_back(reply.comm_id, self._watcher)
        after = await self._inspect()
        return Audit(
            kernel=clean(reply.kernel.notebook or self._client.info.notebook or self._client.name),
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

    async def _attach(self) -> None:
        while self._attachment.request is not None:
            request = build_request(self._attachment, self._watcher, AttachOptions())
            answer = await self._ask(request)
            self._count(await receive_reply(self._attachment, answer, time.monotonic()))
        if self._attachment.error is not None:
            raise self._attachment.error

    async def _inspect(self) -> Inspection:
        return decode_reply(await self._ask(look_inside()), Inspection)

    async def _ask(self, request: ProbeRequest) -> str:
        self._requests += 1
        return await self._client.fetch_answer(request, self._receive)

    async def _listen(self, seconds: float) -> None:
        """Sends nothing but heartbeats meanwhile."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            signal = await self._client.signal(min(left, HEARTBEAT_S))
            if isinstance(signal, ConnectionStatus) and not signal.up:
                raise self._client.gone_error("during the audit")
            if isinstance(signal, Message):
                self._receive(signal)
            elif signal is None:
                await self._client.heart.beat(HEARTBEAT_S)

    def _receive(self, message: Message) -> None:
        if self._attachment.session in ("", message.session):  # not a stranger's
            self._count(self._attachment.receive_message(message, time.monotonic()))
        if self._attachment.error is not None:
            raise self._attachment.error

    def _count(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Observed) and event.observation.run is not None:
                self._runs.append(event.observation.run.execution_count)
            if isinstance(event, Lost):
                self._lost += event.count

    async def _fetch_activity(self) -> float | None:
        path = self._client.info.path
        if path is None:
            return None
        served = await fetch_served_kernels(runtime_dirs())
        kernel = served.get(kernel_id_of(path))
        return None if kernel is None else kernel.last_activity
