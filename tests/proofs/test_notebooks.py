"""A notebook is the same with kernelscope and without."""

from __future__ import annotations

import asyncio
import difflib
import importlib.util
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.watching import LONG, watching
from tests.proofs.playing import Notebook, Player, Seen, notebooks
from tests.support.kernels import KernelProcess

Told = list[dict[str, Any]]


@asynccontextmanager
async def watched_throughout(kernel: KernelProcess) -> AsyncIterator[Told]:
    """By kernelscope as a user starts it; what it writes."""
    command = [sys.executable, "-m", "kernelscope", "watch", str(kernel.connection_file), "--json"]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, limit=1 << 26)
    assert process.stdout is not None
    told: Told = []
    attached = asyncio.Event()

    async def read(stream: asyncio.StreamReader) -> None:
        async for line in stream:
            told.append(json.loads(line))
            if told[-1]["type"] == "attached":
                attached.set()

    reading = asyncio.create_task(read(process.stdout))
    try:
        async with asyncio.timeout(LONG):
            await attached.wait()
        yield told
    finally:
        process.terminate()
        await process.wait()
        await reading


async def played(kernel: KernelProcess, chosen: list[Notebook], how: str) -> tuple[Seen, Told]:
    """All of them in one kernel that nobody watches, or in one of two ways."""
    told: Told = []
    async with AsyncExitStack() as stack, Player(kernel).at_work() as player:
        if how == "watched":
            told = await stack.enter_async_context(watched_throughout(kernel))
        for notebook in chosen:
            async with AsyncExitStack() as visit:

                async def joined(number: int, middle: int = len(notebook.cells) // 2) -> None:
                    if how == "joined" and number == middle:
                        watch = await visit.enter_async_context(watching(kernel))
                        await watch.wait_for_attach()

                await player.play(notebook, joined)
        await stack.aclose()
    return player.seen, told


def differences(plain: Seen, other: Seen) -> list[str]:
    """What one showed and the other did not."""
    found = []
    for key in plain.cells:
        if plain.cells[key] != other.cells[key]:
            pairs = zip_longest(plain.cells[key], other.cells[key], fillvalue="")
            found += [f"{key}: {_around(a, b)}" for a, b in pairs if a != b]
    if plain.log != other.log:
        found.append(
            "the kernel's log: " + "\n".join(difflib.ndiff(plain.log.splitlines(), other.log.splitlines()))
        )
    if plain.nbclient != other.nbclient:
        found.append(f"nbclient's log: {plain.nbclient} {other.nbclient}")
    return found


def _around(one: str, other: str) -> str:
    """The first place where they differ."""
    place = next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    begin, end = max(place - 80, 0), place + 200
    return f"{one[:40]!r} {one[begin:end]!r} ≠ {other[begin:end]!r}"


@pytest.mark.long
@pytest.mark.fault(42)
async def test_a_notebook_is_the_same(
    python: str, tmp_path: Path, record_property: Callable[[str, Any], None]
) -> None:
    """In a kernel that is watched from before the first cell on, and in one that is joined in the middle of
    each notebook and left at its end; a second one that nobody watches shows what differs by itself."""
    # It looks for fonts when it is first there, in a thread, with modules that it needs at no other time.
    await asyncio.to_thread(
        subprocess.run, [python, "-c", "import matplotlib.font_manager"], check=False, capture_output=True
    )
    chosen = [n for n in notebooks() if not n.needs or _has(python, n.needs)]
    seen: dict[str, Seen] = {}
    told: Told = []
    others = ("control", "watched", "joined") if python == sys.executable else ("watched", "joined")
    for how in ("plain", *others):
        folder = tmp_path / how
        folder.mkdir()
        with KernelProcess(folder, python, env={"PYTHONHASHSEED": "0"}) as kernel:
            seen[how], lines = await played(kernel, chosen, how)
        told = told or lines
    found = [f"{how} {told}" for how in others for told in differences(seen["plain"], seen[how])]
    assert not found, "\n\n".join(found)
    ran = [line["code"] for line in told if line["type"] == "execution"]
    cells = [cell for notebook in chosen for cell in notebook.cells if cell]
    assert ran == cells, "kernelscope saw every run"
    record_property("table", table(chosen, seen))


def _has(python: str, package: str) -> bool:
    if python == sys.executable:
        return importlib.util.find_spec(package) is not None
    return subprocess.run([python, "-c", f"import {package}"], stderr=subprocess.DEVNULL).returncode == 0


def table(chosen: list[Notebook], seen: dict[str, Seen]) -> str:
    plain = seen["plain"]
    lines = [f"{'notebook':32} cells  messages  characters"]
    for notebook in chosen:
        shown = [plain.cells[notebook.name, i] for i in range(len(notebook.cells)) if notebook.cells[i]]
        size = sum(len(text) for texts in shown for text in texts)
        lines.append(f"{notebook.name:32} {len(shown):5} {sum(map(len, shown)):9} {size:11}")
    lines.append(
        f"{len(chosen)} notebooks; taken out as different in any two runs: {plain.replaced} spots; lines in the "
        f"kernel's log: {plain.log.count(chr(10))}; the probe's messages: {seen['watched'].pushes} while watched "
        f"throughout, {seen['joined'].pushes} while joined in the middle of each notebook"
    )
    return "\n".join(lines)
