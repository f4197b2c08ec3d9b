"""Plays notebooks as nbclient does, and collects what a front end, another client and the log see."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import signal
import tomllib
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from msgspec import Struct, convert
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from tests.support.kernels import KernelProcess

SETTLED_S = 60.0

_VARIES = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\d]*(Z|[+-]\d\d:\d\d)?"), "DATE"),
    (re.compile(r"0x[0-9a-f]+|(?<=object at )[0-9a-f]+|(?<=ipykernel_)\d+"), "ADDRESS"),
    (re.compile(r"(?<![0-9a-z])[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}(_\d+_\d+)?\b"), "UUID"),
    (re.compile(r"[\d.]+(e[+-]?\d+)? ?([µμnm]?s|us|min|seconds)\b"), "TIME"),
)
"""Patterns of what differs between two unwatched runs."""


class Notebook(Struct, frozen=True, forbid_unknown_fields=True):
    """Cells that run one after the other."""

    name: str
    cells: tuple[str, ...]
    answers: tuple[str, ...] = ()
    """What the user types when a cell asks for input."""
    needs: str = ""
    """A package that the kernel's interpreter may lack."""


@cache
def notebooks() -> tuple[Notebook, ...]:
    """Return all notebooks, in the order in which they are played."""
    document = tomllib.loads(Path(__file__).with_name("notebooks.toml").read_text(encoding="utf-8"))
    return convert(document["notebook"], tuple[Notebook, ...])


class Seen:
    """Everything that was seen of the notebooks played in one kernel."""

    def __init__(self, folder: Path) -> None:
        self.cells: dict[tuple[str, int], list[str]] = {}
        """The outputs of each cell, one text per message."""
        self.log = ""
        self.nbclient: list[str] = []
        """The warnings and errors that nbclient logged."""
        self.pushes = 0
        """Number of messages on the probe's comm."""
        self.replaced = 0
        """Number of places that differ between any two runs and were masked."""
        self._folder = str(folder)

    def mask(self, text: str) -> str:
        """Mask what differs between any two runs."""
        text = text.replace(self._folder, "FOLDER")
        for pattern, word in _VARIES:
            text, number = pattern.subn(word, text)
            self.replaced += number
        return text


class Player:
    """Plays notebooks with nbclient in one kernel, types and interrupts, and listens with a second client."""

    def __init__(self, kernel: KernelProcess) -> None:
        self._kernel = kernel
        self.seen = Seen(kernel.folder)
        self._messages: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._idle: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._requests: dict[tuple[str, int], str] = {}
        self._answers: list[str] = []
        self._context = zmq.asyncio.Context()
        self._context.rcvhwm = 0
        self._front, self._listener = self._client(), self._client()

    def _client(self) -> AsyncKernelClient:
        client = AsyncKernelClient(context=self._context)
        client.load_connection_file(str(self._kernel.connection_file))
        client.allow_stdin = True
        client.start_channels(hb=False)
        return client

    async def play(self, notebook: Notebook, before: Callable[[int], Awaitable[None]] | None = None) -> None:
        """Run the notebook's cells; ``before`` is awaited before each."""
        self._answers = list(notebook.answers)
        cells: list[Any] = [new_code_cell(source) for source in notebook.cells]  # type: ignore[no-untyped-call]
        client = NotebookClient(
            new_notebook(cells=cells),  # type: ignore[no-untyped-call]
            km=AsyncKernelManager(owns_kernel=False),
            timeout=int(SETTLED_S),
            allow_errors=True,
            record_timing=False,
            on_cell_executed=self._replied,
        )
        client.kc = self._front
        client.reset_execution_trackers()
        self._replies: list[dict[str, Any]] = []
        for number, cell in enumerate(cells):
            if before is not None:
                await before(number)
            if not cell.source:
                continue
            await client.async_execute_cell(cell, number)
            reply = self._replies.pop()
            request = self._requests[notebook.name, number] = reply["parent_header"]["msg_id"]
            content = {**reply["content"], "metadata": reply["metadata"]}
            outputs = [f"reply {_text(content)}", f"count {cell.execution_count}"]
            outputs += _merge((output["output_type"], output) for output in cell.outputs)
            self.seen.cells[notebook.name, number] = outputs
            async with asyncio.timeout(SETTLED_S):
                await self._idle[request].wait()
        client.set_widgets_metadata()
        models = client.nb.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {})
        states = sorted(self.seen.mask(_text(state)) for state in models.get("state", {}).values())
        self.seen.cells[notebook.name, len(cells)] = [f"widget {state}" for state in states]

    def _replied(self, cell: Any, cell_index: int, execute_reply: dict[str, Any]) -> None:
        self._replies.append(execute_reply)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[Player]:
        """Wait until the kernel is ready, and collect everything that it publishes until the context ends."""
        log = _Log()
        logging.getLogger("traitlets").addHandler(log)
        await self._front.wait_for_ready(timeout=SETTLED_S)
        tasks = [asyncio.create_task(task()) for task in (self._listen, self._type, self._interrupt)]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks)
            logging.getLogger("traitlets").removeHandler(log)
            for client in (self._front, self._listener):
                client.stop_channels()
            self._context.destroy(linger=0)
        for key, request in self._requests.items():
            messages = self._messages[request]
            self.seen.cells[key] += _merge(
                (m["msg_type"], {**m["content"], "metadata": m["metadata"]}) for m in messages
            )
        for key, outputs in self.seen.cells.items():
            self.seen.cells[key] = [self.seen.mask(text) for text in outputs]
        self.seen.log = self.seen.mask(self._kernel.log.read_text())
        self.seen.nbclient = log.lines

    async def _listen(self) -> None:
        while True:
            message = await self._listener.get_iopub_msg()
            parent = message["parent_header"].get("msg_id", "")
            if str(message["content"].get("comm_id")).startswith("kernelscope-"):
                self.seen.pushes += 1
                continue
            self._messages[parent].append(message)
            if message["content"].get("execution_state") == "idle":
                self._idle[parent].set()

    async def _type(self) -> None:
        while True:
            await self._front.get_stdin_msg()
            self._front.input(self._answers.pop(0))

    async def _interrupt(self) -> None:
        asleep = self._kernel.folder / "asleep"
        while True:
            if asleep.exists():
                asleep.unlink()
                os.kill(self._kernel.pid, signal.SIGINT)
            await asyncio.sleep(0.02)


class _Log(logging.Handler):
    """Collects warnings and errors."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def _text(content: Any) -> str:
    return json.dumps(content, sort_keys=True, default=str, ensure_ascii=False)


def _merge(outputs: Iterable[tuple[str, dict[str, Any]]]) -> list[str]:
    """Return one text per message; prints between two other messages are merged, since a timer splits them."""
    texts: list[str] = []
    printed: dict[str, str] = defaultdict(str)
    for kind, content in [*outputs, ("end", {})]:
        if kind == "stream":
            printed[content["name"]] += content["text"]
        else:
            texts += [f"{name} {printed[name]}" for name in sorted(printed)]
            texts += [f"{kind} {_text(content)}"]
            printed.clear()
    return texts[:-1]
