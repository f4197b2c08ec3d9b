"""Tests that a notebook has the same outputs with kernelscope and without."""

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

Records = list[dict[str, Any]]


@asynccontextmanager
async def watch_throughout(kernel: KernelProcess) -> AsyncIterator[Records]:
    """Watch with kernelscope as a user starts it; yields its records."""
    command = [sys.executable, "-m", "kernelscope", "watch", str(kernel.connection_file), "--json"]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, limit=1 << 26)
    assert process.stdout is not None
    records: Records = []
    attached = asyncio.Event()

    async def read(stream: asyncio.StreamReader) -> None:
        async for line in stream:
            records.append(json.loads(line))
            if records[-1]["type"] == "attached":
                attached.set()

    reading = asyncio.create_task(read(process.stdout))
    try:
        async with asyncio.timeout(LONG):
            await attached.wait()
        yield records
    finally:
        process.terminate()
        await process.wait()
        await reading


async def play(kernel: KernelProcess, chosen: list[Notebook], how: str) -> tuple[Seen, Records]:
    """Play the notebooks in one kernel that is unwatched, or watched in one of two ways."""
    records: Records = []
    async with AsyncExitStack() as stack, Player(kernel).at_work() as player:
        if how == "watched":
            records = await stack.enter_async_context(watch_throughout(kernel))
        for notebook in chosen:
            async with AsyncExitStack() as visit:

                async def join(number: int, middle: int = len(notebook.cells) // 2) -> None:
                    if how == "joined" and number == middle:
                        watch = await visit.enter_async_context(watching(kernel))
                        await watch.wait_for_attach()

                await player.play(notebook, join)
        if how == "watched":
            cells = sum(bool(cell) for notebook in chosen for cell in notebook.cells)
            async with asyncio.timeout(LONG):
                while sum(line["type"] == "execution" for line in records) < cells:  # noqa: ASYNC110 - another task reads
                    await asyncio.sleep(0.01)
        await stack.aclose()
    return player.seen, records


def differences(plain: Seen, other: Seen) -> list[str]:
    """Return what differs between the outputs of two kernels."""
    found_differences = []
    for key in plain.cells:
        if plain.cells[key] != other.cells[key]:
            pairs = zip_longest(plain.cells[key], other.cells[key], fillvalue="")
            found_differences += [f"{key}: {_around(a, b)}" for a, b in pairs if a != b]
    if plain.log != other.log:
        found_differences.append(
            "the kernel's log: " + "\n".join(difflib.ndiff(plain.log.splitlines(), other.log.splitlines()))
        )
    if plain.nbclient != other.nbclient:
        found_differences.append(f"nbclient's log: {plain.nbclient} {other.nbclient}")
    return found_differences


def _around(one: str, other: str) -> str:
    """Return the first place where two texts differ."""
    place = next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    begin, end = max(place - 80, 0), place + 200
    return f"{one[:40]!r} {one[begin:end]!r} ≠ {other[begin:end]!r}"


@pytest.mark.long
@pytest.mark.fault(42)
async def test_a_notebook_has_the_same_outputs_watched_or_not(
    python: str, tmp_path: Path, record_property: Callable[[str, Any], None]
) -> None:
    """One kernel is watched from before the first cell; one is joined in the middle of each notebook and left at
    its end; a second unwatched one shows what differs without kernelscope."""
    # matplotlib's first import searches for fonts in a thread, with modules that it never needs again.
    await asyncio.to_thread(
        subprocess.run, [python, "-c", "import matplotlib.font_manager"], check=False, capture_output=True
    )
    chosen = [n for n in notebooks() if not n.needs or _has(python, n.needs)]
    seen: dict[str, Seen] = {}
    records: Records = []
    others = ("control", "watched", "joined") if python == sys.executable else ("watched", "joined")
    for how in ("plain", *others):
        folder = tmp_path / how
        folder.mkdir()
        with KernelProcess(folder, python, env={"PYTHONHASHSEED": "0"}) as kernel:
            seen[how], lines = await play(kernel, chosen, how)
        records = records or lines
    problems = [f"{how} {text}" for how in others for text in differences(seen["plain"], seen[how])]
    assert not problems, "\n\n".join(problems)
    ran = [line["code"] for line in records if line["type"] == "execution"]
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
        outputs = [plain.cells[notebook.name, i] for i in range(len(notebook.cells)) if notebook.cells[i]]
        size = sum(len(text) for texts in outputs for text in texts)
        lines.append(f"{notebook.name:32} {len(outputs):5} {sum(map(len, outputs)):9} {size:11}")
    lines.append(
        f"{len(chosen)} notebooks; taken out as different in any two runs: {plain.replaced} spots; lines in the "
        f"kernel's log: {plain.log.count(chr(10))}; the probe's messages: {seen['watched'].pushes} while watched "
        f"throughout, {seen['joined'].pushes} while joined in the middle of each notebook"
    )
    return "\n".join(lines)
