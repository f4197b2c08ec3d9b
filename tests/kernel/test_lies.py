"""Watches a kernel that signs lies: none exhausts the watcher's memory or disables Ctrl-C."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from kernelscope.domain.events import KernelChanged, Lost
from kernelscope.errors import ProbeError
from tests.kernel import lying
from tests.kernel.watching import watching
from tests.support.kernels import KernelProcess

LONG = 120.0
PROMPT = 10.0
"""CPU seconds that Ctrl-C may take; judging the attach in one step would take longer."""


@contextmanager
def lying_kernel(folder: Path, lie: str) -> Iterator[KernelProcess]:
    with KernelProcess(folder, launcher=(str(lying.__file__), lie)) as kernel:
        yield kernel


@contextmanager
def watch(kernel: KernelProcess) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "kernelscope", "watch", str(kernel.connection_file)]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_until(fact: Callable[[], object], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + LONG
    while not fact():
        assert process.poll() is None, "it ended first"
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("lie", "message"),
    [
        ("names", "`names` has 100000 entries, and the limit is 20000"),
        ("objects", "`objects` has 30000 entries, and the limit is 20000"),
        ("values", "3000000 values is larger than the limit of 2000000"),
        ("history", "`history` has 200000 entries, and the limit is 20000"),
        ("answer", "more than any answer can have"),
    ],
)
async def test_an_impossibly_large_message_is_refused_before_it_is_decoded(
    tmp_path: Path, lie: str, message: str
) -> None:
    with lying_kernel(tmp_path, lie) as kernel:
        async with watching(kernel) as watch:
            error = await watch.wait_for_error(LONG)
    assert isinstance(error, ProbeError)
    assert message in f"{error.title} {error.hint}"


def test_ctrl_c_ends_a_watch_that_still_judges_a_long_history(tmp_path: Path) -> None:
    with lying_kernel(tmp_path, "long history") as kernel, watch(kernel) as process:
        wait_until(lambda: "answered" in kernel.log.read_text(), process)
        busy = psutil.Process(process.pid)
        start = busy.cpu_times().user
        wait_until(lambda: busy.cpu_times().user > start + 1.0, process)

        process.send_signal(signal.SIGINT)
        ended_before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        until_signal = busy.cpu_times().user
        out, err = process.communicate(timeout=LONG)
        took = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - ended_before - until_signal

    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "attached" not in out, "it was still judging"
    assert took < PROMPT


def peak_of(tmp_path: Path, lie: str) -> int:
    """Return the peak memory, in bytes, of a watch that has reported the run after all outputs."""
    folder = tmp_path / lie
    folder.mkdir()
    with lying_kernel(folder, lie) as kernel, watch(kernel) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("In [1]"):
                break
        status = Path(f"/proc/{process.pid}/status").read_text()
    (peak,) = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(peak) * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_the_user_s_outputs_cost_the_watcher_hardly_any_memory(tmp_path: Path) -> None:
    control, peak = peak_of(tmp_path, "small outputs"), peak_of(tmp_path, "outputs")
    assert peak - control < 2.5 * lying.LARGE, f"{control / 1e6:.0f} MB, then {peak / 1e6:.0f} MB"


async def test_a_large_output_of_the_user_does_not_break_the_connection(tmp_path: Path) -> None:
    with KernelProcess(tmp_path) as kernel:
        async with watching(kernel) as watch:
            await watch.wait_for_attach()
            for _ in range(3):
                kernel.run("display({'text/plain': 'x' * 100_000_000}, raw=True)")
            kernel.run("a = 1")
            await watch.wait_for_runs(4)
    assert [code.split("(")[0] for code in watch.codes] == ["display"] * 3 + ["a = 1"]
    assert not [e for e in watch.events if isinstance(e, Lost)]
    states = [e.state for e in watch.events if isinstance(e, KernelChanged)]
    assert set(states) == {"busy", "idle"}
