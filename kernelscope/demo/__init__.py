"""The demo: a kernel of its own, a notebook that is run in it, and a source that watches it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from importlib.resources import files

from msgspec import Struct

from kernelscope.domain.events import Attached, Detached, Event, Observed
from kernelscope.kernel.demo_kernel import DemoKernel
from kernelscope.kernel.live_source import LiveSource

NOTEBOOK = "demo.ipynb"


class Step(Struct, frozen=True):
    """One cell to run."""

    cell_id: str
    code: str


def steps() -> tuple[Step, ...]:
    """The notebook's cells in the order in which they are run; some come twice."""
    notebook = json.loads((files("kernelscope") / "demo" / NOTEBOOK).read_text(encoding="utf-8"))
    code = {cell["id"]: "".join(cell["source"]) for cell in notebook["cells"]}
    return tuple(Step(cell, code[cell]) for cell in notebook["metadata"]["kernelscope"]["play"])


class DemoSource:
    """A live source that starts a kernel, runs a notebook in it, and ends it.

    Args:
        pause: seconds between two cells, so that a viewer can follow.
        stay: keep the kernel until ``close`` when the notebook has been run; otherwise the source ends then.
    """

    def __init__(self, *, pause: float = 0.0, stay: bool = False) -> None:
        self._pause, self._stay = pause, stay
        self._kernel = DemoKernel(NOTEBOOK)
        self._live: LiveSource | None = None
        self._runner: asyncio.Task[None] | None = None

    async def events(self) -> AsyncIterator[Event]:
        """The kernel's events; the first cell runs after the attach.

        Raises:
            KernelError: as ``LiveSource.events``, and if the kernel does not start.
        """
        self._live = LiveSource(await self._kernel.start())
        runs = 0
        async for event in self._live.events():
            yield event
            if isinstance(event, Attached) and self._runner is None:
                self._runner = asyncio.create_task(self._run_notebook())
            runs += isinstance(event, Observed) and event.observation.run is not None
            if runs == len(steps()) and not self._stay:
                break
        await self._live.close()
        yield Detached("the demo notebook has been run")

    async def look_between_runs(self, seconds: float | None) -> None:
        """As ``LiveSource.look_between_runs``."""
        if self._live is not None:
            await self._live.look_between_runs(seconds)

    async def close(self) -> None:
        """Leaves the kernel, then ends it: the demo owns it."""
        if self._runner is not None:
            self._runner.cancel()
            await asyncio.gather(self._runner, return_exceptions=True)
        if self._live is not None:
            await self._live.close()
        await self._kernel.stop()

    async def _run_notebook(self) -> None:
        for step in steps():
            await self._kernel.run(step.code, step.cell_id)
            await asyncio.sleep(self._pause)
