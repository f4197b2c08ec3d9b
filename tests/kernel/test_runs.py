"""Tests runs that overlap or are interrupted, and looks between runs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kernelscope.domain.events import Progress
from tests.kernel.watching import LONG, evaluate, watching
from tests.support.kernels import KernelProcess

if TYPE_CHECKING:
    from jupyter_client.blocking.client import BlockingKernelClient

UNTIL_GO = "from pathlib import Path\nwhile not Path('{}').exists(): pass\n"
POLLING = "'kernelscope-poll' in [t.name for t in __import__('threading').enumerate()]"
INTERVAL = "__import__('sys').modules['_kernelscope_probe.probe.agent'].AGENT.poller.poller.seconds"


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[KernelProcess]:
    with KernelProcess(tmp_path, sys.executable) as process:
        yield process


def create_subshell(client: Any) -> str:
    """Create a subshell over the control channel (ipykernel 7); returns its id."""
    message = client.session.msg("create_subshell_request", {})
    client.control_channel.send(message)
    while True:
        reply = client.get_control_msg(timeout=LONG)
        if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
            assert reply["content"]["status"] == "ok", reply
            subshell: str = reply["content"]["subshell_id"]
            return subshell


async def test_concurrent_cells_are_separate_runs(kernel: KernelProcess) -> None:
    client = kernel.client()
    subshell = create_subshell(client)
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        first = "from sklearn.svm import SVC\nbeside = SVC()\n" + UNTIL_GO.format("one")
        running = kernel.queue(first)
        await watch.wait_until(lambda w: w.events[1:])
        content = {
            "code": "inside = 1",
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        message = client.session.msg("execute_request", content)
        message["header"]["subshell_id"] = subshell
        client.shell_channel.send(message)
        await watch.wait_for_runs(1)
        (kernel.folder / "one").touch()
        kernel.wait(running)
        await watch.wait_for_runs(2)
        assert watch.codes == ["inside = 1", first]
        assert sorted(run.run.execution_count for run in watch.runs if run.run) == [1, 2]


async def test_a_run_without_a_reported_end_does_not_hide_later_runs(kernel: KernelProcess) -> None:
    callbacks = "get_ipython().events.callbacks['post_run_cell']"
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        kernel.run("'before'")
        kernel.run(f"saved = {callbacks}[:]; {callbacks}.clear()")
        kernel.run(f"{callbacks}.extend(saved)")
        kernel.run("'after'")
        await watch.wait_until(lambda w: "'after'" in w.codes)
        assert watch.codes[-2:] == [f"{callbacks}.extend(saved)", "'after'"]


async def test_a_run_without_a_reported_end_is_not_reported_as_running(kernel: KernelProcess) -> None:
    callbacks = "get_ipython().events.callbacks['post_run_cell']"
    pulse = "__import__('sys').modules['_kernelscope_probe.probe.agent'].AGENT.pulse"
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        kernel.run(f"saved = {callbacks}[:]; {callbacks}.clear()")
        await wait_for_value(kernel.client(), f"{pulse}._armed is None and {pulse}._run is None", True)
        assert not any(isinstance(event, Progress) for event in watch.events)


async def test_an_interrupt_that_left_the_lock_acquired_costs_no_run_its_look(kernel: KernelProcess) -> None:
    agent = "__import__('sys').modules['_kernelscope_probe.probe.agent'].AGENT"
    kernel.run("from sklearn.svm import SVC")
    async with watching(kernel, poll=0.1) as watch:
        await watch.wait_for_attach()
        kernel.run(f"_ = {agent}.observer.lock.acquire(); a = SVC()")
        (run,) = await watch.wait_for_runs(1)
        assert run.cut == ()
        assert set(run.names) == {"a"}
        kernel.run("import threading\ndef late():\n    globals()['b'] = SVC()\n")
        kernel.run("threading.Timer(0.1, late).start()")
        await watch.wait_until(lambda w: any("b" in o.names for o in w.observations))


async def test_polling_follows_the_shortest_interval_of_all_watchers_and_ends_with_that_watcher(
    kernel: KernelProcess,
) -> None:
    client = kernel.client()
    async with watching(kernel) as patient:
        await patient.wait_for_attach()
        assert evaluate(client, POLLING) is False
        async with watching(kernel, poll=5.0) as curious:
            await curious.wait_for_attach()
            assert evaluate(client, INTERVAL) == 5.0
            await patient.source.look_between_runs(2.0)
            await wait_for_value(client, INTERVAL, 2.0)
            await patient.source.look_between_runs(None)
            await wait_for_value(client, INTERVAL, 5.0)
        assert evaluate(client, POLLING) is False
        await patient.source.look_between_runs(3.0)
        await wait_for_value(client, POLLING, True)
        await patient.source.look_between_runs(None)
        await wait_for_value(client, POLLING, False)


async def wait_for_value(client: BlockingKernelClient, expression: str, wanted: object) -> None:
    """Wait until an expression has this value: messages of two clients may arrive in any order."""
    async with asyncio.timeout(LONG):
        while evaluate(client, expression) != wanted:  # noqa: ASYNC110 - another process makes it true
            await asyncio.sleep(0)
