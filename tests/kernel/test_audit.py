"""Audits real kernels: kernelscope leaves nothing, every change is found, changes by others are not blamed on it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernelscope.errors import TimedOutError
from kernelscope.export.audit import is_clean, json_text, rows, table
from kernelscope.kernel.attach_options import AttachOptions
from kernelscope.kernel.auditor import audit
from kernelscope.protocol.audit import Audit
from tests.kernel.watching import INSTALLED, evaluate, run_cell, watching
from tests.support.kernels import KernelProcess
from tests.support.pythons import environment_name, oldest_and_newest

MODELS = "from sklearn.linear_model import SGDClassifier\nm = SGDClassifier()\n"


@pytest.fixture(params=oldest_and_newest(), ids=environment_name)
def kernel(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[KernelProcess]:
    with KernelProcess(tmp_path, request.param) as process:
        yield process


def finding_by_subject(report: Audit) -> dict[str, str]:
    return {row.what: row.finding for row in rows(report)}


async def test_only_the_probe_is_there_during_a_watch_and_nothing_afterwards(kernel: KernelProcess) -> None:
    kernel.run(MODELS + "m")
    kernel.run("1 / 0")
    log = kernel.log.read_text()
    report = await audit(kernel.connection_file, seconds=0.0)
    assert is_clean(report), table(report)
    ours = {what for what, finding in finding_by_subject(report).items() if finding == "ours"}
    assert ours - {"tracing"} == {"callbacks", "modules", "comms"}
    assert "everything is unchanged" in table(report)
    assert report.requests == 7
    assert (report.before.probe, report.after.probe) == (None, None)
    assert report.during.probe is not None
    assert report.during.probe.watchers == 1
    assert report.cost.hooks == 1
    assert report.activity is None
    assert evaluate(kernel.client(), INSTALLED) is False
    assert kernel.log.read_text() == log


async def test_a_long_list_of_modules_starts_no_thread_in_the_kernel(kernel: KernelProcess) -> None:
    kernel.run("import sys, types\nsys.modules.update((f'made.up.{i}' * 9, types) for i in range(4_000))")
    report = await audit(kernel.connection_file, seconds=0.0)
    assert finding_by_subject(report)["threads"] == "same"
    assert len(report.before.report["modules"]) > 4_000


async def test_changes_by_cells_are_theirs_and_unexplained_changes_are_reported(tmp_path: Path) -> None:
    with KernelProcess(tmp_path) as kernel:
        kernel.run(MODELS)
        client = kernel.client()
        auditing = asyncio.create_task(audit(kernel.connection_file, seconds=3.0))
        while not evaluate(client, INSTALLED):
            assert not auditing.done()
            await asyncio.sleep(0)
        run_cell(client, "added = 1")
        report = await auditing
        assert report.runs == (2,)
        assert finding_by_subject(report)["names"] == "theirs"
        assert is_clean(report)
        assert "In [2] ran" in table(report)
        assert json.loads(json_text(report))["clean"] is True

        late = "\n".join(
            (
                "import sys, threading, warnings",
                "def change():",
                "    while '_kernelscope_probe' not in sys.modules: pass",
                "    get_ipython().events.callbacks['post_execute'].append(print)",
                "threading.Thread(target=change).start()",
            )
        )
        kernel.run(late)
        report = await audit(kernel.connection_file, seconds=0.1)
        assert finding_by_subject(report)["callbacks"] == "changed"
        assert not is_clean(report)
        assert "CHANGED: + post_execute: <builtin_function_or_method>" in table(report)


async def test_another_watcher_does_not_count_as_a_change(tmp_path: Path) -> None:
    with KernelProcess(tmp_path) as kernel:
        async with watching(kernel) as watch:
            await watch.wait_for_attach()
            kernel.run(MODELS)
            await watch.wait_for_runs(1)
            report = await audit(kernel.connection_file, seconds=0.0)
            assert is_clean(report)
            assert report.after.probe is not None
            assert report.after.probe.watchers == 1
            assert report.cost.hooks == 2, "the attach, and one run"
            assert report.cost.sent > 100
            assert "another kernelscope was watching already" in table(report)


async def test_the_wait_for_a_busy_kernel_ends_at_the_limit(tmp_path: Path) -> None:
    with KernelProcess(tmp_path) as kernel:
        kernel.run("import threading; event = threading.Event()")
        kernel.queue("event.wait()")
        with pytest.raises(TimedOutError):
            await audit(kernel.connection_file, seconds=0.0, options=AttachOptions(limit=0.5))
