"""The probe of a watcher on another machine is uninstalled when its lease is no longer renewed.

``test_manners.py`` tests that renewing the lease keeps the probe.
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
    """Hide this process from the kernel, as if it were on another machine."""
    monkeypatch.setattr(inject, "machine_mark", lambda: "another machine")
    monkeypatch.setattr(inject, "start_mark", lambda _pid: "another process")


async def test_a_watcher_that_does_not_renew_its_lease_is_removed(
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
