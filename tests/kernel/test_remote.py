"""A watcher on another machine that is not heard of any more: the probe leaves.

That one which is heard of is kept is in ``test_manners.py``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from kernelscope.kernel import inject
from kernelscope.kernel.attachment import Attachment
from kernelscope.probe.lease import REMOTE_RUNS
from tests.kernel.watching import INSTALLED, watching
from tests.support.kernels import KernelProcess


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process as a kernel on another machine would see it: not at all."""
    monkeypatch.setattr(inject, "machine_mark", lambda: "another machine")
    monkeypatch.setattr(inject, "start_mark", lambda _pid: "another process")


async def test_a_watcher_that_gives_none_is_let_go(
    tmp_path: Path, elsewhere: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Attachment, "take_renewal", lambda _: False)
    with KernelProcess(tmp_path) as kernel:
        async with watching(kernel) as watch:
            await watch.wait_for_attach()
            for _ in range(REMOTE_RUNS):
                kernel.queue("1")
            await watch.wait_for_runs(REMOTE_RUNS)
            assert kernel.run(f"assert not {INSTALLED}")["status"] == "ok"
            assert len(watch.runs) == REMOTE_RUNS
