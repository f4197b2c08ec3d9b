"""An audit of real kernels: nothing is left, what is changed is seen, what others do is theirs."""

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


def found(told: Audit) -> dict[str, str]:
    return {row.what: row.finding for row in rows(told)}


async def test_nothing_is_left_and_nothing_but_the_probe_is_there_meanwhile(kernel: KernelProcess) -> None:
    kernel.run(MODELS + "m")
    kernel.run("1 / 0")
    log = kernel.log.read_text()
    told = await audit(kernel.connection_file, seconds=0.0)
    assert is_clean(told), table(told)
    ours = {what for what, finding in found(told).items() if finding == "ours"}
    assert ours - {"tracing"} == {"callbacks", "modules", "comms"}
    assert "everything is unchanged" in table(told)
    assert told.requests == 7
    assert (told.before.probe, told.after.probe) == (None, None)
    assert told.during.probe is not None
    assert told.during.probe.watchers == 1
    assert told.cost.hooks == 1
    assert told.activity is None
    assert evaluate(kernel.client(), INSTALLED) is False
    assert kernel.log.read_text() == log


async def test_a_long_list_of_modules_starts_no_thread_in_the_kernel(kernel: KernelProcess) -> None:
    kernel.run("import sys, types\nsys.modules.update((f'made.up.{i}' * 9, types) for i in range(4_000))")
    told = await audit(kernel.connection_file, seconds=0.0)
    assert found(told)["threads"] == "same"
    assert len(told.before.report["modules"]) > 4_000


async def test_what_cells_do_meanwhile_is_theirs_and_what_nobody_explains_is_told(tmp_path: Path) -> None:
    with KernelProcess(tmp_path) as kernel:
        kernel.run(MODELS)
        client = kernel.client()
        auditing = asyncio.create_task(audit(kernel.connection_file, seconds=3.0))
        while not evaluate(client, INSTALLED):
            assert not auditing.done()
            await asyncio.sleep(0)
        run_cell(client, "added = 1")
        told = await auditing
        assert told.runs == (2,)
        assert found(told)["names"] == "theirs"
        assert is_clean(told)
        assert "In [2] ran" in table(told)
        assert json.loads(json_text(told))["clean"] is True

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
        told = await audit(kernel.connection_file, seconds=0.1)
        assert found(told)["callbacks"] == "changed"
        assert not is_clean(told)
        assert "CHANGED: + post_execute: <builtin_function_or_method>" in table(told)


async def test_another_watcher_is_no_change(tmp_path: Path) -> None:
    with KernelProcess(tmp_path) as kernel:
        async with watching(kernel) as watch:
            await watch.wait_for_attach()
            kernel.run(MODELS)
            await watch.wait_for_runs(1)
            told = await audit(kernel.connection_file, seconds=0.0)
            assert is_clean(told)
            assert told.after.probe is not None
            assert told.after.probe.watchers == 1
            assert told.cost.hooks == 2, "the attach, and one run"
            assert told.cost.sent > 100
            assert "another kernelscope was watching already" in table(told)


async def test_a_busy_kernel_is_waited_for_no_longer_than_the_limit(tmp_path: Path) -> None:
    with KernelProcess(tmp_path) as kernel:
        kernel.run("import threading; event = threading.Event()")
        kernel.queue("event.wait()")
        with pytest.raises(TimedOutError):
            await audit(kernel.connection_file, seconds=0.0, options=AttachOptions(limit=0.5))
