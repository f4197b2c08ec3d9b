"""Watches kernels that others use too: other versions of kernelscope, tools, front ends, a stalled kernelscope."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.asynchronous.client import AsyncKernelClient

import kernelscope
from kernelscope.domain.events import Observed
from kernelscope.protocol.wire import WIRE
from kernelscope.storage.recorder import Recorder
from kernelscope.system import is_stopped
from kernelscope.timeline.timeline import Timeline
from tests.kernel.watching import INSTALLED, LONG, evaluate, watching
from tests.support.kernels import KernelProcess
from tests.support.recordings import events_in
from tests.support.scenarios import WatchProcess as Process

FLOOD = 400
WAVE = 50
"""Number of runs that the buffers between a kernel and a slow kernelscope certainly hold."""
PAD = "  # " + "x" * 20_000


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelProcess]:
    with KernelProcess(tmp_path_factory.mktemp("kernel")) as kernel:
        yield kernel


def copy_version(folder: Path, version: str, *, wire: int | None = None) -> Path:
    """Copy kernelscope as another version, with another probe."""
    package = folder / version / "kernelscope"
    shutil.copytree(Path(kernelscope.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    init = package / "__init__.py"
    init.write_text(f'{init.read_text()}\n__version__ = "{version}"\n')
    agent = package / "probe" / "agent.py"
    agent.write_text(agent.read_text() + f"\n# as it was in {version}\n")
    if wire is not None:
        for file in (agent, package / "protocol" / "wire.py"):
            source = file.read_text()
            assert source.count(f"\nWIRE = {WIRE}\n") == 1
            file.write_text(source.replace(f"\nWIRE = {WIRE}\n", f"\nWIRE = {wire}\n"))
    return folder / version


@contextmanager
def watch_process(where: Path, kernel: KernelProcess) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "kernelscope", "watch", str(kernel.connection_file), "--json"]
    env = {**os.environ, "PYTHONPATH": str(where)}
    with subprocess.Popen(
        command, cwd=where, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_record(process: subprocess.Popen[str], kind: str) -> dict[str, Any]:
    assert process.stdout is not None
    for text in process.stdout:
        record: dict[str, Any] = json.loads(text)
        if record["type"] == kind:
            return record
    raise AssertionError(
        f"it ended without a line of type {kind}: {process.stderr and process.stderr.read()}"
    )


@pytest.mark.fault(88)
async def test_compatible_versions_share_one_probe_and_others_leave_it_alone(
    shared: KernelProcess, tmp_path: Path
) -> None:
    client = shared.client()
    version = "__import__('sys').modules['_kernelscope_probe.probe.agent'].AGENT.version"
    older, newer = copy_version(tmp_path, "0.0.9"), copy_version(tmp_path, "9.0", wire=WIRE + 1)
    async with watching(shared) as watch:
        await watch.wait_for_attach()
        with watch_process(older, shared) as other:
            read_record(other, "attached")
            assert evaluate(client, version) == kernelscope.__version__, (
                "there is one, and it is the first one's"
            )
            shared.run("both = 1")
            assert read_record(other, "execution")["code"] == "both = 1"
            await watch.wait_for_runs(1)
            with watch_process(newer, shared) as stranger:
                assert stranger.wait(LONG) == 3
                assert stranger.stderr is not None
                assert (
                    f"another version of kernelscope ({kernelscope.__version__}) already watches"
                    in stranger.stderr.read()
                )
        shared.run("alone = 1")
        await watch.wait_for_runs(2)
    assert evaluate(client, INSTALLED) is False

    with watch_process(newer, shared) as first:
        read_record(first, "attached")
        first.kill()
        first.wait()
        async with watching(shared) as watch:  # that probe has lost its last watcher
            await watch.wait_for_attach()
            assert evaluate(client, version) == kernelscope.__version__
            shared.run("after = 1")
            await watch.wait_for_runs(1)
    assert evaluate(client, INSTALLED) is False
    assert evaluate(client, "str(get_ipython().events.callbacks).count('_kernelscope')") == 0


async def send_request(
    client: Any, kind: str, content: dict[str, Any], channel: str = "shell"
) -> dict[str, Any]:
    """Send a tool's request; returns the content of the reply."""
    message = client.session.msg(kind, content)
    getattr(client, f"{channel}_channel").send(message)
    read = client.get_shell_msg if channel == "shell" else client.get_control_msg
    while True:
        reply = await read(timeout=LONG)
        if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
            answer: dict[str, Any] = reply["content"]
            return answer


async def variable_viewer(client: Any, request_numbers: list[int]) -> None:
    """Send what VS Code's variable viewer sends: uncounted requests that are not silent, inspections, debug requests."""
    while True:
        number = len(request_numbers)
        content = {
            "code": f"__view = {number}",
            "silent": False,
            "store_history": False,
            "user_expressions": {"v": "__view"},
        }
        reply = await send_request(client, "execute_request", content)
        if reply["status"] == "ok":
            assert reply["user_expressions"]["v"]["data"]["text/plain"] == str(number)
        await send_request(client, "inspect_request", {"code": "len", "cursor_pos": 3, "detail_level": 0})
        debug = {"type": "request", "command": "debugInfo", "seq": number}
        assert (await send_request(client, "debug_request", debug, "control"))["success"]
        request_numbers.append(number)


async def test_kernelscope_and_a_variable_viewer_do_not_disturb_each_other(shared: KernelProcess) -> None:
    codes = [f"print('out {n}')\nvalue_{n} = {n}\nvalue_{n} * 2" for n in range(12)]
    viewer = AsyncKernelClient()
    viewer.load_connection_file(str(shared.connection_file))
    viewer.start_channels(stdin=False, hb=False)
    request_numbers: list[int] = []
    async with watching(shared) as watch:
        first = (await watch.wait_for_attach()).kernel.execution_count + 1
        viewing = asyncio.create_task(variable_viewer(viewer, request_numbers))
        for number, code in enumerate(codes, 1):
            shared.queue(code)
            await watch.wait_for_runs(number)
            async with asyncio.timeout(LONG):
                while len(request_numbers) < number:  # noqa: ASYNC110 - the viewer's own task
                    await asyncio.sleep(0.01)
        assert not viewing.done(), viewing
        viewing.cancel()
        await asyncio.gather(viewing, return_exceptions=True)
        assert watch.codes == codes
        assert [o.run.execution_count for o in watch.runs if o.run] == list(range(first, first + len(codes)))
        assert len(request_numbers) >= len(codes)
    viewer.stop_channels()
    viewer.context.destroy(linger=0)


def flood(
    kernel: KernelProcess, mark: str, after_wave: Callable[[int], object] = lambda execution_count: None
) -> float:
    """Send a flood of runs, in waves; their code is padded, so that no buffer holds them all.

    Args:
        kernel: the kernel to send them to.
        mark: the name that each run binds.
        after_wave: called with the execution count of each wave's last run.

    Returns:
        the seconds that the kernel took.
    """
    seconds, execution_count = 0.0, 0
    for first in range(0, FLOOD, WAVE):
        start = time.monotonic()
        for request in [kernel.queue(f"{mark} = {n}{PAD}") for n in range(first, first + WAVE)]:
            execution_count = kernel.wait(request)["execution_count"]
        seconds += time.monotonic() - start
        after_wave(execution_count)
    return seconds


@pytest.mark.fault(89)
def test_a_stalled_kernelscope_does_not_stall_the_kernel_and_later_reports_what_it_missed(
    shared: KernelProcess, record_property: Callable[[str, object], None]
) -> None:
    plain = flood(shared, "plain")
    process = Process(shared.connection_file)
    try:
        process.wait_attached(1)
        # Wait for each wave: a kernelscope that gets less time than the kernel loses runs and reports it.
        watched = flood(shared, "watched", lambda count: process.wait_run(1, count))
        process.wait_run(1, shared.run("between = 1")["execution_count"])
        os.kill(process._process.pid, signal.SIGSTOP)
        end = time.monotonic() + LONG
        while not is_stopped(process._process.pid):
            assert time.monotonic() < end
        stalled = flood(shared, "stalled")  # it would not end if the kernel waited for kernelscope
        os.kill(process._process.pid, signal.SIGCONT)
        extra, count = 0, 0
        while not process.has_run("extra", seconds=1.0):  # runs are lost until it has read what waits
            count = shared.run("extra = 1")["execution_count"]
            extra += 1
        process.wait_run(1, count)
        codes = [r["code"].partition(" ")[0] for r in process.records_of("execution")]
        lost = sum(r["count"] for r in process.records_of("lost"))
    finally:
        process.stop()
    received = codes.count("stalled")
    assert codes.count("watched") == FLOOD
    assert received + codes.count("extra") + lost == FLOOD + extra
    assert lost > 0, "the flood was too small to show anything"
    record_property(
        "table",
        f"{FLOOD} runs while kernelscope was stopped: {received} received, {lost} reported as lost\n"
        f"time for them against an unwatched kernel's: watched ×{watched / plain:.2f}, stalled ×{stalled / plain:.2f}",
    )


CLOCK = """
import sys, time
clock = []
def replace_clock(real, clock, frame):
    # The kernel itself would fail with some of them.
    ours = lambda: clock[-1] if frame(1).f_globals["__name__"].startswith("_kernelscope") else real()
    return ours
time.time = replace_clock(time.time, clock, sys._getframe)
"""


@pytest.mark.fault(87)
async def test_the_order_of_runs_does_not_depend_on_clocks(tmp_path: Path) -> None:
    """The clock is set back, forward, beyond 2038 and beyond every calendar, before and after the attach."""
    recording = tmp_path / "clocks.kscope"
    with KernelProcess(tmp_path) as kernel:
        kernel.run(CLOCK)
        timeline, recorder = Timeline(), Recorder(recording, lambda why: pytest.fail(why))
        async with watching(kernel) as watch:
            await watch.wait_for_attach()
            clocks = [1.8e9, 1.8e9 - 3_600, 2**31 + 5.0, -5.0, 9e15, float("nan"), 1.8e9 - 7_200]
            for number, clock in enumerate(clocks):
                kernel.run(f"clock.append(float('{clock}'))", store_history=False)
                kernel.run(f"n = {number}")
            runs = await watch.wait_for_runs(len(clocks))
            for event in watch.events:
                recorder(timeline.apply(event))
        recorder.close()
        assert watch.codes == [f"n = {number}" for number in range(len(clocks))]
        assert [r.seq for r in runs] == list(range(1, len(clocks) + 1))
        assert all(0 <= r.run.seconds < LONG for r in runs if r.run)
        assert [r.run.started for r in runs if r.run] == [0.0 if c != c else c for c in clocks], (
            "the time is only a label"
        )
        again = [e.observation for e in await events_in(recording) if isinstance(e, Observed)]
        assert [o.run.code for o in again if o.run] == watch.codes
        assert evaluate(kernel.client(), INSTALLED) is False
