"""The demo: a kernel of its own, a notebook that is played in it, and a source that watches it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from importlib.resources import files

from msgspec import Struct

from kernelscope.domain.events import Attached, Detached, Event, Observed
from kernelscope.kernel.live import LiveSource
from kernelscope.kernel.owned import OwnedKernel

NOTEBOOK = "demo.ipynb"


class Step(Struct, frozen=True):
    """One cell to run."""

    cell_id: str
    code: str


def steps() -> tuple[Step, ...]:
    """The notebook's cells in the order in which they are played; some come twice."""
    notebook = json.loads((files("kernelscope") / "demo" / NOTEBOOK).read_text(encoding="utf-8"))
    code = {cell["id"]: "".join(cell["source"]) for cell in notebook["cells"]}
    return tuple(Step(cell, code[cell]) for cell in notebook["metadata"]["kernelscope"]["play"])


class DemoSource:
    """A live source of a kernel that it starts, plays a notebook in, and ends.

    Args:
        pause: seconds between two cells, for somebody to watch.
        stay: whether the kernel stays once the notebook has been played, until ``close``; else
            the source ends then.
    """

    def __init__(self, *, pause: float = 0.0, stay: bool = False) -> None:
        self._pause, self._stay = pause, stay
        self._kernel = OwnedKernel(NOTEBOOK)
        self._live: LiveSource | None = None
        self._player: asyncio.Task[None] | None = None

    async def events(self) -> AsyncIterator[Event]:
        """The kernel's events; the first cell runs after the attach.

        Raises:
            KernelError: as ``LiveSource.events``, and where the kernel does not start.
        """
        self._live = LiveSource(await self._kernel.start())
        played = 0
        async for event in self._live.events():
            yield event
            if isinstance(event, Attached) and self._player is None:
                self._player = asyncio.create_task(self._play())
            played += isinstance(event, Observed) and event.observation.run is not None
            if played == len(steps()) and not self._stay:
                break
        await self._live.close()
        yield Detached("the notebook has been played")

    async def look_between_runs(self, seconds: float | None) -> None:
        """As ``LiveSource.look_between_runs``."""
        if self._live is not None:
            await self._live.look_between_runs(seconds)

    async def close(self) -> None:
        """Leaves the kernel, then ends it: it is the demo's own."""
        if self._player is not None:
            self._player.cancel()
            await asyncio.gather(self._player, return_exceptions=True)
        if self._live is not None:
            await self._live.close()
        await self._kernel.stop()

    async def _play(self) -> None:
        for step in steps():
            await self._kernel.run(step.code, step.cell_id)
            await asyncio.sleep(self._pause)
