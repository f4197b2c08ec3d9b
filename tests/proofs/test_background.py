"""Tests that output of a cell's background work reaches that cell, whatever kernelscope sends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from kernelscope.kernel.live_source import detach_probe
from tests.kernel.watching import LONG, evaluate, watching
from tests.support.kernels import KernelProcess, wait_until_ready

if TYPE_CHECKING:
    from jupyter_client.blocking.client import BlockingKernelClient

PREPARE = """
import asyncio, pathlib, threading, time
from concurrent.futures import ThreadPoolExecutor
from IPython.display import display

def speak(say, stages):
    for stage in stages.split():
        while not pathlib.Path(stage).exists():
            time.sleep(0.002)
        say(stage)

async def speak_later(say, stages):
    for stage in stages.split():
        while not pathlib.Path(stage).exists():
            await asyncio.sleep(0.002)
        say(stage)

def printed(stage):
    print(stage, flush=True)
"""

SHAPES = {
    "thread print": "threading.Thread(target=speak, args=(printed, '{stages}')).start()",
    "thread display": "threading.Thread(target=speak, args=(display, '{stages}')).start()",
    "pool": "pool = ThreadPoolExecutor(1)\nfuture = pool.submit(speak, printed, '{stages}')",
    "Timer": "threading.Timer(0.001, speak, (display, '{stages}')).start()",
    "display handle": (
        "handle = display('shown', display_id=True)\n"
        "threading.Thread(target=speak, args=(handle.update, '{stages}')).start()"
    ),
    "asyncio print": "task = asyncio.get_event_loop().create_task(speak_later(printed, '{stages}'))",
    "asyncio display": "task = asyncio.get_event_loop().create_task(speak_later(display, '{stages}'))",
}
FIRST = ("unwatched", "attached", "attached twice", "left once", "left", "detached")
LATER = ("watched", "attached twice", "left once", "left")
UNKNOWN = {"Timer": "of a thread with a `run` of its own ipykernel 6 notes no cell"}
"""What cannot be avoided at a first attach to ipykernel 6: until the next cell runs, output reaches the kernelscope
that attached."""


@pytest.fixture(scope="module")
def kernel(python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelProcess]:
    with KernelProcess(tmp_path_factory.mktemp("background"), python) as process:
        process.run(PREPARE)
        yield process


def parent_of(client: BlockingKernelClient, stage: str) -> str:
    """Wait for this stage's output; returns the id of the request that it belongs to."""
    while True:
        message = client.get_iopub_msg(timeout=LONG)
        content = message["content"]
        text = content.get("text") or content.get("data", {}).get("text/plain", "")
        if stage in text and message["msg_type"] in ("stream", "display_data", "update_display_data"):
            return str(message["parent_header"].get("msg_id"))


@pytest.mark.fault(38)
@pytest.mark.parametrize("shape", SHAPES)
async def test_background_output_reaches_its_cell(
    kernel: KernelProcess, shape: str, record_property: Callable[[str, Any], None]
) -> None:
    client = kernel.client()
    wait_until_ready(client)

    def start(part: str, stages: tuple[str, ...]) -> Callable[[str], None]:
        marks = {stage: f"{shape} {part} {stage}".replace(" ", "-") for stage in stages}
        cell = client.execute(SHAPES[shape].format(stages=" ".join(marks.values())), allow_stdin=False)
        client.get_shell_msg(timeout=LONG)

        def speak(stage: str) -> None:
            (kernel.folder / marks[stage]).touch()
            reached[f"{part}: {stage}"] = parent_of(client, marks[stage]) == cell

        return speak

    reached: dict[str, bool] = {}
    speak = start("before the first attach", FIRST)
    speak("unwatched")
    async with watching(kernel) as first:
        await first.wait_for_attach()
        speak("attached")
        async with watching(kernel) as second:
            await second.wait_for_attach()
            speak("attached twice")
        speak("left once")
    speak("left")
    await detach_probe(kernel.connection_file)
    speak("detached")
    async with watching(kernel) as first:
        await first.wait_for_attach()
        speak = start("while watched", LATER)
        await first.wait_for_runs(1)
        speak("watched")
        async with watching(kernel) as second:
            await second.wait_for_attach()
            speak("attached twice")
        speak("left once")
    speak("left")
    table = "\n".join(f"{'its cell' if ok else 'LOST    '}  {stage}" for stage, ok in reached.items())
    record_property("table", table)
    missing = {stage for stage, ok in reached.items() if not ok}
    unknown = shape in UNKNOWN and evaluate(client, "__import__('ipykernel').version_info[0]") == 6
    assert missing == ({f"before the first attach: {stage}" for stage in FIRST[1:]} if unknown else set())
