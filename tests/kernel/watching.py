"""A live source and its events; and a kernel asked behind its user's back."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from kernelscope.domain.events import Attached, Event, Observed
from kernelscope.domain.facts import Observation
from kernelscope.errors import KernelscopeError
from kernelscope.kernel.attach_options import AttachOptions
from kernelscope.kernel.live_source import LiveSource
from tests.support.kernels import KernelProcess

if TYPE_CHECKING:
    from jupyter_client.blocking.client import BlockingKernelClient

LONG = 120.0
"""Seconds after which something counts as never happening, on a loaded machine, too."""

INSTALLED = "'_kernelscope_probe' in __import__('sys').modules"


class Watching:
    """What a source has told so far."""

    def __init__(self, source: LiveSource) -> None:
        self.source = source
        self.events: list[Event] = []
        self.error: KernelscopeError | None = None
        self._more = asyncio.Event()

    async def pump(self) -> None:
        try:
            async for event in self.source.events():
                self.events.append(event)
                self._more.set()
        except KernelscopeError as error:
            self.error = error
        self._more.set()

    async def until(self, condition: Callable[[Watching], object], seconds: float = LONG) -> None:
        """Waits for a fact; fails with all that was told instead."""
        try:
            async with asyncio.timeout(seconds):
                while not condition(self):
                    assert self.error is None, self.error
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            raise AssertionError(f"not in {seconds} s; told: {self.events}") from None

    async def failure(self, seconds: float = LONG) -> KernelscopeError:
        """The error that it ends with."""
        try:
            async with asyncio.timeout(seconds):
                while self.error is None:
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            raise AssertionError(f"no error in {seconds} s; told: {self.events}") from None
        return self.error

    async def attached(self, epochs: int = 1) -> Attached:
        """The last one of so many."""
        await self.until(lambda w: len(w.attaches) >= epochs)
        return self.attaches[epochs - 1]

    async def ran(self, count: int) -> list[Observation]:
        """That many runs."""
        await self.until(lambda w: len(w.runs) >= count)
        return self.runs

    @property
    def attaches(self) -> list[Attached]:
        return [e for e in self.events if isinstance(e, Attached)]

    @property
    def observations(self) -> list[Observation]:
        return [e.observation for e in self.events if isinstance(e, Observed)]

    @property
    def runs(self) -> list[Observation]:
        return [o for o in self.observations if o.run is not None]

    @property
    def codes(self) -> list[str]:
        return [o.run.code for o in self.runs if o.run is not None]

    @property
    def statuses(self) -> list[str]:
        return [o.run.status for o in self.runs if o.run is not None]


@asynccontextmanager
async def watching(kernel: KernelProcess, **options: Any) -> AsyncIterator[Watching]:
    """A source at work; it has left when this ends."""
    watch = Watching(LiveSource(kernel.connection_file, AttachOptions(**options)))
    task = asyncio.create_task(watch.pump())
    try:
        yield watch
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await watch.source.close()


def value(client: BlockingKernelClient, expression: str) -> Any:
    """The value of an expression, by a silent request; what it is must be a literal."""
    content = {
        "code": "",
        "silent": True,
        "store_history": False,
        "user_expressions": {"v": expression},
        "allow_stdin": False,
        "stop_on_error": False,
    }
    message = client.session.msg("execute_request", content)
    client.shell_channel.send(message)
    while True:
        reply = client.get_shell_msg(timeout=LONG)
        if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
            told = reply["content"]["user_expressions"]["v"]
            assert told["status"] == "ok", told
            return ast.literal_eval(told["data"]["text/plain"])


def played(client: BlockingKernelClient, code: str) -> list[tuple[str, str]]:
    """Runs one cell; all that a front end shows of it."""
    shown: list[tuple[str, str]] = []

    def show(message: dict[str, Any]) -> None:
        content = message["content"]
        text = content.get("text") or content.get("evalue") or content.get("data", {}).get("text/plain")
        if message["msg_type"] not in ("status", "execute_input", "comm_msg"):
            shown.append((message["msg_type"], str(text)))

    client.execute_interactive(code, timeout=LONG, output_hook=show, allow_stdin=False, stop_on_error=False)
    return shown
