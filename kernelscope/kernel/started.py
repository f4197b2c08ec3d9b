"""The kernels that a command starts, each watched from before its first cell.

The command finds a provisioner in its environment (``kernelscope.kernel.provisioner``), which tells of
each kernel at a socket of ours and holds it back until it is let go.  The kernels are the command's own:
nothing here ends one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from kernelscope.domain.events import SHUT_DOWN, Attached, Detached, Event, KernelChanged, Waiting
from kernelscope.errors import KernelError, UnreachableError, UsageError
from kernelscope.kernel.live import LiveSource
from kernelscope.kernel.processes import end
from kernelscope.kernel.provisioner import CHOOSES, MEETING, NAME
from kernelscope.system import has_ended, start_local_server, start_mark
from kernelscope.text import clean

START_S = 60.0
"""Seconds in which a kernel must answer after its process was started."""
LINGER_S = 15.0
"""Seconds for which a kernel is watched on that outlives its command."""
END_S = 10.0
"""Seconds that the command may take to end after it was asked to, before it is killed."""
_LONGEST_PATH = 100
"""Bytes that the path of a socket may have everywhere."""


class _Announced(Struct):
    """A kernel that waits to be let go."""

    path: Path
    pid: int
    mark: str
    let_go: asyncio.Event
    ends: bool = False
    """Whoever started it has said that it ends now."""

    @property
    def lives(self) -> bool:
        return not has_ended(self.pid, self.mark)


class CommandSource:
    """Runs a command, and tells the events of the kernels that it starts, one after another.

    Each kernel is an epoch.  One that starts while another still lives is not watched.

    Args:
        command: its name and arguments; what it prints goes to standard error.
        unwatched: told why a kernel of the command's is not watched.
        options: as ``LiveSource`` takes them.
    """

    def __init__(self, command: Sequence[str], unwatched: Callable[[str], None], **options: Any) -> None:
        self._command, self._unwatched, self._options = list(command), unwatched, options
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        """Where the socket lies, while there is one."""
        self._server: asyncio.Server | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._over: asyncio.Task[None] | None = None
        self._waiting: asyncio.Queue[_Announced] = asyncio.Queue()
        self._now: _Announced | None = None
        self._live: LiveSource | None = None
        self._epoch = 0
        self.kernels = 0
        """How many were watched."""
        self.status: int | None = None
        """The command's exit status, as a shell has it; ``None`` until it has ended."""

    async def events(self) -> AsyncIterator[Event]:
        """Until the command has ended, and with it its kernels.

        Raises:
            UsageError: there is no such command.
        """
        self._folder = _folder()
        meeting = Path(self._folder.name) / "meeting"
        self._server = await start_local_server(self._met, meeting)
        process = await self._started(meeting)
        self._over = asyncio.create_task(self._is_over(process))
        ended = asyncio.create_task(process.wait())
        while (kernel := await self._next(ended)) is not None:
            self._now = kernel
            try:
                async for event in self._followed(kernel):
                    yield event
            finally:
                kernel.let_go.set()
                self._now = None
        self.status = _as_a_shell_has_it(await ended)
        yield Detached(f"{self.shown} has ended")

    @property
    def shown(self) -> str:
        """The command, as it is spoken of."""
        return clean(" ".join(self._command))

    async def close(self) -> None:
        """Leaves the kernel, and ends the command where it has not ended."""
        if self._over is not None:
            self._over.cancel()
        await self._leave()
        server, self._server = self._server, None
        if server is not None:
            server.close()
        process = self._process
        if process is not None and process.returncode is None:
            await end(process, END_S)
        folder, self._folder = self._folder, None
        if folder is not None:
            await asyncio.to_thread(folder.cleanup)

    async def _started(self, meeting: Path) -> asyncio.subprocess.Process:
        environment = {**os.environ, CHOOSES: NAME, MEETING: str(meeting)}
        try:
            self._process = await asyncio.create_subprocess_exec(*self._command, env=environment, stdout=2)
        except OSError as error:
            why = error.strerror or str(error)
            raise UsageError(f"{self.shown} cannot be run: {clean(why)}") from error
        return self._process

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Somebody tells of a kernel, and holds it back until this ends."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            await self._take(json.loads(await reader.readline()))
            writer.write(b"go\n")
            await writer.drain()
        writer.close()

    async def _take(self, told: dict[str, Any]) -> None:
        """Until whoever told it may go on."""
        if "ends" in told:
            if self._now is not None and self._now.pid == told["ends"]:
                self._now.ends = True
                if self._live is not None:
                    self._live.expect_end()
            return
        pid = int(told["pid"])
        kernel = _Announced(Path(told["connection_file"]), pid, start_mark(pid), asyncio.Event())
        if self._now is not None and self._now.lives:
            self._unwatched(f"a kernel started beside another one is not watched: {kernel.path}")
        else:
            self._waiting.put_nowait(kernel)
            await kernel.let_go.wait()

    async def _next(self, ended: asyncio.Task[int]) -> _Announced | None:
        """The next kernel; ``None`` once the command has ended."""
        announced = asyncio.create_task(self._waiting.get())
        await asyncio.wait({announced, ended}, return_when=asyncio.FIRST_COMPLETED)
        if announced.done():
            return announced.result()
        announced.cancel()
        return None

    async def _followed(self, kernel: _Announced) -> AsyncIterator[Event]:
        """Until the kernel has ended, or the command long has."""
        before, since = self._epoch, time.monotonic()
        while True:
            try:
                async for event in self._until_over(LiveSource(kernel.path, **self._options)):
                    if isinstance(event, Attached):
                        self._epoch = before + event.epoch
                        self.kernels += event.epoch == 1
                        kernel.let_go.set()
                    if isinstance(event, KernelChanged) and event.state == "died" and kernel.ends:
                        event = replace(event, detail=SHUT_DOWN, requested=True)
                    if not isinstance(event, (Detached, Waiting)):
                        yield replace(event, epoch=before + event.epoch)
            except UnreachableError:
                if self._epoch == before and kernel.lives and time.monotonic() - since < START_S:
                    continue  # it is about to start
                if self._epoch == before:
                    self._unwatched(f"a kernel ended before it was watched: {kernel.path}")
            except KernelError as error:
                self._unwatched(f"{error.title}. {error.hint}".rstrip(" ."))
            finally:
                await self._leave()
            return

    async def _until_over(self, live: LiveSource) -> AsyncIterator[Event]:
        self._live, over = live, self._over
        events = live.events()
        while over is not None:
            coming = asyncio.ensure_future(anext(events, None))
            await asyncio.wait({coming, over}, return_when=asyncio.FIRST_COMPLETED)
            if not coming.done():
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)
                return
            event = coming.result()
            if event is None:
                return
            yield event

    async def _leave(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            await live.close()

    @staticmethod
    async def _is_over(process: asyncio.subprocess.Process) -> None:
        await process.wait()
        await asyncio.sleep(LINGER_S)


def _folder() -> tempfile.TemporaryDirectory[str]:
    """Ours alone, and with a short enough path for a socket in it; it goes at the latest when the process ends,
    also if a second Ctrl-C cuts the leaving short."""
    made = tempfile.TemporaryDirectory(prefix="kernelscope-", ignore_cleanup_errors=True)
    if len(os.fsencode(made.name)) > _LONGEST_PATH - len("/meeting"):
        made.cleanup()
        made = tempfile.TemporaryDirectory(prefix="kernelscope-", dir="/tmp", ignore_cleanup_errors=True)
    return made


def _as_a_shell_has_it(status: int) -> int:
    return 128 - status if status < 0 else status
