"""A watcher on another machine: the probe does not see its process, and hears of it once per run."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernelscope.kernel import inject
from kernelscope.kernel.live import LiveSource
from kernelscope.probe.agent import REMOTE_RUNS
from tests.kernel.watching import INSTALLED, watching
from tests.support.kernels import KernelProcess


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process as a kernel on another machine would see it: not at all."""
    monkeypatch.setattr(inject, "machine_mark", lambda: "another machine")
    monkeypatch.setattr(inject, "start_mark", lambda _pid: "another process")


async def test_a_watcher_that_gives_signs_of_life_is_kept(tmp_path: Path, elsewhere: None) -> None:
    with KernelProcess(tmp_path) as kernel:
        async with watching(kernel) as watch:
            await watch.attached()
            for run in range(1, REMOTE_RUNS + 10):
                kernel.queue("1")
                await watch.ran(run)


async def test_a_watcher_that_gives_none_is_let_go(
    tmp_path: Path, elsewhere: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LiveSource, "_renew_after", lambda *_: None)
    with KernelProcess(tmp_path) as kernel:
        async with watching(kernel) as watch:
            await watch.attached()
            for _ in range(REMOTE_RUNS):
                kernel.queue("1")
            await watch.ran(REMOTE_RUNS)
            assert kernel.run(f"assert not {INSTALLED}")["status"] == "ok"
            assert len(watch.runs) == REMOTE_RUNS
