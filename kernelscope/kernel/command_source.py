"""Watches the kernels that a command starts, each from before its first cell.

The command finds a provisioner in its environment (``kernelscope.kernel.provisioner``), which announces each
kernel at a local socket and delays its first cell until it is released.  The kernels belong to the command:
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
from kernelscope.kernel.attach_options import AttachOptions
from kernelscope.kernel.live_source import LiveSource
from kernelscope.kernel.processes import terminate
from kernelscope.kernel.provisioner import MEETING, NAME, SELECTS
from kernelscope.system import has_ended, start_local_server, start_mark
from kernelscope.text import clean

START_S = 60.0
"""Seconds in which a kernel must answer after its process was started."""
LINGER_S = 15.0
"""Seconds for which a kernel that outlives its command is still watched."""
END_S = 10.0
"""Seconds that the command may take to end on request, before it is killed."""
_LONGEST_PATH = 100
"""Bytes that the path of a socket may have on every system."""


class _AnnouncedKernel(Struct):
    """A kernel that waits for its release."""

    path: Path
    pid: int
    mark: str
    released: asyncio.Event
    ends: bool = False
    """The command has announced its end."""

    @property
    def is_alive(self) -> bool:
        return not has_ended(self.pid, self.mark)


class CommandSource:
    """Runs a command and reports the events of the kernels that it starts, one after another.

    Each kernel is an epoch.  One that starts while another is still alive is not watched.

    Args:
        command: its name and arguments; its output goes to standard error.
        report_unwatched: called with the reason when a kernel of the command is not watched.
        options: how its kernels are attached to.
    """

    def __init__(
        self,
        command: Sequence[str],
        report_unwatched: Callable[[str], None],
        options: AttachOptions | None = None,
    ) -> None:
        self._command, self._report_unwatched = list(command), report_unwatched
        self._options = options or AttachOptions()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        """The folder of the socket, while there is one."""
        self._server: asyncio.Server | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._end: asyncio.Task[None] | None = None
        self._announced: asyncio.Queue[_AnnouncedKernel] = asyncio.Queue()
        self._current: _AnnouncedKernel | None = None
        self._live: LiveSource | None = None
        self._epoch = 0
        self.kernels = 0
        """How many were watched."""
        self.status: int | None = None
        """The command's exit status, as a shell has it; ``None`` until it has ended."""

    async def events(self) -> AsyncIterator[Event]:
        """Until the command has ended, and its kernels with it.

        Raises:
            UsageError: the command cannot be run.
        """
        self._folder = _make_folder()
        meeting = Path(self._folder.name) / "meeting"
        self._server = await start_local_server(self._receive, meeting)
        process = await self._start(meeting)
        self._end = asyncio.create_task(self._wait_for_end(process))
        ended = asyncio.create_task(process.wait())
        while (kernel := await self._next(ended)) is not None:
            self._current = kernel
            try:
                async for event in self._follow(kernel):
                    yield event
            finally:
                kernel.released.set()
                self._current = None
        self.status = _shell_status(await ended)
        yield Detached(f"{self.shown} has ended")

    @property
    def shown(self) -> str:
        """The command, safe to display."""
        return clean(" ".join(self._command))

    async def close(self) -> None:
        """Leaves the kernel, and ends the command if it still runs."""
        if self._end is not None:
            self._end.cancel()
        await self._leave()
        server, self._server = self._server, None
        if server is not None:
            server.close()
        process = self._process
        if process is not None and process.returncode is None:
            await terminate(process, END_S)
        folder, self._folder = self._folder, None
        if folder is not None:
            await asyncio.to_thread(folder.cleanup)

    async def _start(self, meeting: Path) -> asyncio.subprocess.Process:
        environment = {**os.environ, SELECTS: NAME, MEETING: str(meeting)}
        try:
            self._process = await asyncio.create_subprocess_exec(*self._command, env=environment, stdout=2)
        except OSError as error:
            why = error.strerror or str(error)
            raise UsageError(
                f"{self.shown} cannot be run: {clean(why)}", "Write the command after -- as in a shell."
            ) from error
        return self._process

    async def _receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A provisioner announces something and waits for a line."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            await self._wait_until_released(json.loads(await reader.readline()))
            writer.write(b"go\n")
            await writer.drain()
        writer.close()

    async def _wait_until_released(self, news: dict[str, Any]) -> None:
        """Returns when the provisioner may go on."""
        if "ends" in news:
            if self._current is not None and self._current.pid == news["ends"]:
                self._current.ends = True
                if self._live is not None:
                    self._live.expect_end()
            return
        pid = int(news["pid"])
        kernel = _AnnouncedKernel(Path(news["connection_file"]), pid, start_mark(pid), asyncio.Event())
        if self._current is not None and self._current.is_alive:
            self._report_unwatched(f"a kernel that started beside another one is not watched: {kernel.path}")
        else:
            self._announced.put_nowait(kernel)
            await kernel.released.wait()

    async def _next(self, ended: asyncio.Task[int]) -> _AnnouncedKernel | None:
        """The next kernel; ``None`` once the command has ended."""
        announced = asyncio.create_task(self._announced.get())
        await asyncio.wait({announced, ended}, return_when=asyncio.FIRST_COMPLETED)
        if announced.done():
            return announced.result()
        announced.cancel()
        return None

    async def _follow(self, kernel: _AnnouncedKernel) -> AsyncIterator[Event]:
        """Until the kernel has ended, or the command ended some time ago."""
        before, since = self._epoch, time.monotonic()
        while True:
            try:
                async for event in self._until_end(LiveSource(kernel.path, self._options)):
                    if isinstance(event, Attached):
                        self._epoch = before + event.epoch
                        self.kernels += event.epoch == 1
                        kernel.released.set()
                    if isinstance(event, KernelChanged) and event.state == "died" and kernel.ends:
                        event = replace(event, detail=SHUT_DOWN, requested=True)
                    if not isinstance(event, (Detached, Waiting)):
                        yield replace(event, epoch=before + event.epoch)
            except UnreachableError:
                if self._epoch == before and kernel.is_alive and time.monotonic() - since < START_S:
                    continue  # it is still starting
                if self._epoch == before:
                    self._report_unwatched(f"a kernel ended before it could be watched: {kernel.path}")
            except KernelError as error:
                self._report_unwatched(f"{error.title}. {error.hint}".rstrip(" ."))
            finally:
                await self._leave()
            return

    async def _until_end(self, live: LiveSource) -> AsyncIterator[Event]:
        self._live, end = live, self._end
        events = live.events()
        while end is not None:
            coming = asyncio.ensure_future(anext(events, None))
            await asyncio.wait({coming, end}, return_when=asyncio.FIRST_COMPLETED)
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
    async def _wait_for_end(process: asyncio.subprocess.Process) -> None:
        await process.wait()
        await asyncio.sleep(LINGER_S)


def _make_folder() -> tempfile.TemporaryDirectory[str]:
    """A private folder with a path short enough for a socket in it.

    Removed at the latest when this process ends, even if a second Ctrl-C cuts ``close`` short.
    """
    folder = tempfile.TemporaryDirectory(prefix="kernelscope-", ignore_cleanup_errors=True)
    if len(os.fsencode(folder.name)) > _LONGEST_PATH - len("/meeting"):
        folder.cleanup()
        folder = tempfile.TemporaryDirectory(prefix="kernelscope-", dir="/tmp", ignore_cleanup_errors=True)
    return folder


def _shell_status(status: int) -> int:
    """The exit status as a shell reports it: a signal is 128 and its number."""
    return 128 - status if status < 0 else status
