"""Tests a probe that is asked to stay: later watchers get its history, and it uninstalls itself in time."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from kernelscope.domain.events import Attached, Detached
from kernelscope.kernel.attach_options import AttachOptions
from kernelscope.kernel.live_source import LiveSource, detach_probe
from tests.conftest import interpreter
from tests.kernel.watching import INSTALLED, LONG, evaluate, watching
from tests.support.kernels import KernelProcess

MODEL = "from sklearn.linear_model import LogisticRegression\nmodel = LogisticRegression()"
KEEP_ALIVE = "__import__('sys').modules['_kernelscope_probe.probe.agent'].AGENT.lease.keep_alive"


@pytest.fixture(scope="module", params=["own", "3.9", "3.13"])
def shared(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[KernelProcess]:
    with KernelProcess(tmp_path_factory.mktemp("kept"), interpreter(request.param)) as kernel:
        yield kernel


@pytest.fixture
def kernel(shared: KernelProcess) -> KernelProcess:
    """A kernel with a model and without a probe."""
    asyncio.run(detach_probe(shared.connection_file))
    shared.run(MODEL)
    return shared


async def visit(kernel: KernelProcess) -> Attached:
    """Attach and detach at once; returns the attach."""
    source = LiveSource(kernel.connection_file, AttachOptions(visits=True))
    events = [event async for event in source.events()]
    await source.close()
    assert isinstance(events[-1], Detached)
    (attached,) = (e for e in events if isinstance(e, Attached))
    return attached


async def wait_until_uninstalled(kernel: KernelProcess) -> None:
    """Wait until the probe is uninstalled; its hooks do not see these silent requests."""
    client = kernel.client()
    async with asyncio.timeout(LONG):
        while evaluate(client, INSTALLED):  # noqa: ASYNC110 - the fact asks the kernel
            await asyncio.sleep(0.05)


async def test_a_visit_to_an_unwatched_kernel_leaves_nothing(kernel: KernelProcess) -> None:
    client = kernel.client()
    attached = await visit(kernel)
    assert list(attached.base.names) == ["model"]
    assert evaluate(client, INSTALLED) is False
    hooks = "str(__import__('IPython').get_ipython().events.callbacks)"
    assert "kernelscope" not in evaluate(client, hooks)


async def test_a_visit_gets_the_history_and_does_not_change_the_deadline(kernel: KernelProcess) -> None:
    client = kernel.client()
    async with watching(kernel, keep=600.0) as watch:
        await watch.wait_for_attach()
    ran = [kernel.run(MODEL)["execution_count"], kernel.run("model.set_params(C=2.0)")["execution_count"]]
    deadline = evaluate(client, f"{KEEP_ALIVE}._deadline")
    for _ in range(2):
        attached = await visit(kernel)
        assert [o.run.execution_count for o in attached.history if o.run] == ran
    assert evaluate(client, f"{KEEP_ALIVE}._deadline") == deadline, "neither extended nor shortened"
    assert evaluate(client, INSTALLED) is True
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        assert evaluate(client, f"{KEEP_ALIVE}._deadline is None") is True, "there is a watcher"
        await visit(kernel)
        kernel.run("model = LogisticRegression()")
        await watch.wait_for_runs(1)
    assert evaluate(client, f"{KEEP_ALIVE}._deadline") > deadline


async def test_the_probe_uninstalls_itself_when_its_time_is_over(kernel: KernelProcess) -> None:
    client = kernel.client()
    async with watching(kernel, keep=1.0) as watch:
        await watch.wait_for_attach()
        kernel.run("a = 1")
        await watch.wait_for_runs(1)
    await wait_until_uninstalled(kernel)
    assert evaluate(client, "[m for m in __import__('sys').modules if '_kernelscope_probe' in m]") == []
    loop = "__import__('IPython').get_ipython().kernel.io_loop.asyncio_loop"
    assert "kernelscope" not in evaluate(client, f"str({loop}._scheduled)")
    assert "Traceback" not in kernel.log.read_text()


async def test_the_probe_does_not_uninstall_itself_during_a_run(kernel: KernelProcess) -> None:
    """The timer expires during an asynchronous cell."""
    async with watching(kernel, keep=0.3) as watch:
        await watch.wait_for_attach()
    code = f"import asyncio, sys\nawait asyncio.sleep(1.0)\nseen = {INSTALLED}"
    kernel.run(code)
    await wait_until_uninstalled(kernel)
    assert kernel.run("assert seen")["status"] == "ok"


async def test_a_second_watcher_stops_the_timer(kernel: KernelProcess) -> None:
    async with watching(kernel, keep=0.5) as watch:
        await watch.wait_for_attach()
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        kernel.run("import time; time.sleep(0.8)")
        await watch.wait_for_runs(1)
        assert evaluate(kernel.client(), INSTALLED) is True
    await wait_until_uninstalled(kernel)


async def test_discarded_runs_are_counted(kernel: KernelProcess) -> None:
    async with watching(kernel, keep=600.0) as watch:
        await watch.wait_for_attach()
        small = "__import__('sys').modules['_kernelscope_probe.probe.history'].__dict__.update(HISTORY_BYTES=6000)"
        assert evaluate(kernel.client(), small) is None
    ran = [kernel.run(f"model.C = {number + 1}.5")["execution_count"] for number in range(12)]
    attached = await visit(kernel)
    counts = [o.run.execution_count for o in attached.history if o.run]
    assert 0 < len(counts) < len(ran)
    assert counts == ran[-len(counts) :]
    assert attached.base.seq == len(ran) - len(counts)

    output = await asyncio.to_thread(kernelscope, "explain", str(kernel.connection_file), "model")
    assert output.returncode == 0, output.stderr
    unknown = f"What happened to model before In [{counts[0]}] is unknown: kernelscope kept no more"
    assert output.stdout.splitlines()[1].strip().startswith(unknown)


def kernelscope(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kernelscope", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=LONG,
    )


async def keep_probe(kernel: KernelProcess) -> None:
    async with watching(kernel, keep=600.0) as watch:
        await watch.wait_for_attach()


def test_explain_reports_unwatched_runs_and_waits_for_a_busy_kernel(kernel: KernelProcess) -> None:
    explain = "explain", str(kernel.connection_file), "model"
    asyncio.run(keep_probe(kernel))
    first = kernel.run("model.fit([[0], [1]], [0, 1])")["execution_count"]
    kernel.run("model = LogisticRegression()")
    last = kernel.run("model = LogisticRegression()")["execution_count"]
    output = kernelscope(*explain)
    lines = output.stdout.splitlines()
    assert (output.returncode, output.stderr) == (0, "")
    assert lines[0] == "model"
    assert f"before In [{first}] is unknown: kernelscope was not attached" in lines[1]
    assert f"In [{last - 1}] model was replaced" in output.stdout
    assert f"Re-running In [{last}] resets model: the one time that it ran again." in output.stdout

    record = json.loads(kernelscope(*explain, "--json").stdout)
    assert [c["execution_count"] for c in record["story"] if c["kind"] == "run"] == [first, last - 1, last]
    assert record["holds"]["fitted"] is False
    assert kernelscope(*explain[:2], "modle").returncode == 1

    busy = kernel.queue("import time; time.sleep(4)")
    late = kernelscope(*explain, "--timeout", "0.5")
    waited = kernelscope(*explain)
    kernel.wait(busy)
    assert (late.returncode, waited.returncode) == (4, 0)
    assert "did not answer in 0.5 s" in late.stderr
