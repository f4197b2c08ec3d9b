"""Runs a live source and collects its events; evaluates expressions in a kernel with silent requests."""

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
"""Seconds after which a test gives up waiting, generous enough for a loaded machine."""

INSTALLED = "'_kernelscope_probe' in __import__('sys').modules"


class Watcher:
    """Collects the events of a source."""

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

    async def wait_until(self, condition: Callable[[Watcher], object], seconds: float = LONG) -> None:
        """Wait until the condition holds; on failure shows the events received."""
        try:
            async with asyncio.timeout(seconds):
                while not condition(self):
                    assert self.error is None, self.error
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            raise AssertionError(f"not in {seconds} s; events: {self.events}") from None

    async def wait_for_error(self, seconds: float = LONG) -> KernelscopeError:
        """Wait for the error that ends the source."""
        try:
            async with asyncio.timeout(seconds):
                while self.error is None:
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            raise AssertionError(f"no error in {seconds} s; events: {self.events}") from None
        return self.error

    async def wait_for_attach(self, epochs: int = 1) -> Attached:
        """Wait for so many attaches; returns the last."""
        await self.wait_until(lambda w: len(w.attaches) >= epochs)
        return self.attaches[epochs - 1]

    async def wait_for_runs(self, count: int) -> list[Observation]:
        """Wait for so many runs."""
        await self.wait_until(lambda w: len(w.runs) >= count)
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
async def watching(kernel: KernelProcess, **options: Any) -> AsyncIterator[Watcher]:
    """Run a source; it has detached when the context ends."""
    watch = Watcher(LiveSource(kernel.connection_file, AttachOptions(**options)))
    task = asyncio.create_task(watch.pump())
    try:
        yield watch
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await watch.source.close()


def evaluate(client: BlockingKernelClient, expression: str) -> Any:
    """Evaluate an expression with a silent request; its value must be a literal."""
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
            outcome = reply["content"]["user_expressions"]["v"]
            assert outcome["status"] == "ok", outcome
            return ast.literal_eval(outcome["data"]["text/plain"])


def run_cell(client: BlockingKernelClient, code: str) -> list[tuple[str, str]]:
    """Run one cell; returns everything that a front end shows for it."""
    shown: list[tuple[str, str]] = []

    def show(message: dict[str, Any]) -> None:
        content = message["content"]
        text = content.get("text") or content.get("evalue") or content.get("data", {}).get("text/plain")
        if message["msg_type"] not in ("status", "execute_input", "comm_msg"):
            shown.append((message["msg_type"], str(text)))

    client.execute_interactive(code, timeout=LONG, output_hook=show, allow_stdin=False, stop_on_error=False)
    return shown
