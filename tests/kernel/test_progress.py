"""Tests the progress reports of a running cell, and that they disturb nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kernelscope.domain.events import KernelChanged, Observed, Progress
from kernelscope.kernel import live_source, signs_of_life
from tests.kernel.watching import Watcher, evaluate, watching
from tests.support.kernels import KernelProcess
from tests.support.pythons import environment_name, oldest_and_newest
from tests.support.zygote import nursery

DATA = "from pathlib import Path\nX, y = [[0.0], [1.0], [2.0]], [0, 1, 1]\n"
UNTIL_GO = "\nwhile not Path('go').exists():\n"
FRAMES = "sorted(t for t in __import__('sys')._current_frames())"


@pytest.fixture(params=oldest_and_newest(), ids=environment_name)
def kernel(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[KernelProcess]:
    with KernelProcess(tmp_path, request.param, nursery=nursery(request.param)) as process:
        process.run(DATA)
        yield process


def movements_of(watch: Watcher) -> list[tuple[str, str]]:
    return [(m.name, m.text) for e in watch.events if isinstance(e, Progress) for m in e.moved]


async def watch_movements(
    kernel: KernelProcess, watch: Watcher, cell: str, *, least: int = 1
) -> dict[str, str]:
    """Run a cell until the condition holds; returns the last movement by name."""
    before = len(watch.runs)
    running = kernel.queue(cell)
    await watch.wait_until(lambda w: len(movements_of(w)) >= least)
    (kernel.folder / "go").touch()
    kernel.wait(running)
    await watch.wait_for_runs(before + 1)
    return dict(movements_of(watch))


async def test_a_model_that_learns_is_reported_as_moving_without_a_verdict(kernel: KernelProcess) -> None:
    kernel.run("from sklearn.linear_model import SGDClassifier\nm, still = SGDClassifier(), SGDClassifier()")
    frames = evaluate(kernel.client(), FRAMES)
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        cell = UNTIL_GO + "    _ = m.partial_fit(X, y, classes=[0, 1])"
        movements = await watch_movements(kernel, watch, cell, least=2)
        assert set(movements) == {"m"}
        assert movements["m"].startswith("t_ ")
        assert " → " in movements["m"]
        progress = [e for e in watch.events if isinstance(e, Progress) and e.moved]
        assert {e.execution_count for e in progress} == {3}
        assert all(e.seconds > 1 for e in progress)
        assert [m.generation for e in progress for m in e.moved] == [1] * len(progress)
        last = max(i for i, e in enumerate(watch.events) if isinstance(e, Progress))
        assert any(isinstance(e, Observed) for e in watch.events[last:])
        assert evaluate(kernel.client(), FRAMES) == frames


async def test_a_growing_ensemble_and_a_step_of_a_pipeline_are_reported(kernel: KernelProcess) -> None:
    kernel.run(
        "from sklearn.ensemble import RandomForestClassifier\n"
        "from sklearn.linear_model import SGDClassifier\nfrom sklearn.pipeline import make_pipeline\n"
        "forest = RandomForestClassifier(1, warm_start=True)\npipe = make_pipeline(SGDClassifier())"
    )
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        cell = (
            UNTIL_GO + "    forest.n_estimators += 1; _ = forest.fit(X, y)\n"
            "    _ = pipe[0].partial_fit(X, y, classes=[0, 1])"
        )
        movements = await watch_movements(kernel, watch, cell, least=4)
        assert "items" in movements["forest"]
        assert "['sgdclassifier'] t_" in movements["pipe"]


async def test_a_short_run_sends_no_progress_and_a_long_one_without_models_sends_pulses(
    kernel: KernelProcess,
) -> None:
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        kernel.run("1")
        running = kernel.queue(UNTIL_GO + "    pass")
        await watch.wait_until(lambda w: any(isinstance(e, Progress) for e in w.events))
        (kernel.folder / "go").touch()
        kernel.wait(running)
        await watch.wait_for_runs(2)
        assert {e.execution_count for e in watch.events if isinstance(e, Progress)} == {3}
        assert movements_of(watch) == []


async def test_code_that_holds_the_interpreter_makes_the_kernel_unreachable_but_not_dead(
    kernel: KernelProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signs_of_life, "QUIET_S", 0.2)
    monkeypatch.setattr(live_source, "HEARTBEAT_S", 0.5)
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        # C code called through PyDLL keeps the lock; before it, the kernel must get to report busy.
        kernel.queue("import ctypes" + UNTIL_GO + "    pass\n_ = ctypes.PyDLL(None).usleep(4_000_000)")
        await watch.wait_until(lambda w: any(isinstance(e, KernelChanged) for e in w.events))
        (kernel.folder / "go").touch()
        await watch.wait_until(
            lambda w: any(isinstance(e, KernelChanged) and e.state == "back" for e in w.events)
        )
        await watch.wait_for_runs(1)
        states = [e for e in watch.events if isinstance(e, KernelChanged)]
        assert [e.state for e in states][:3] == ["busy", "unreachable", "back"]
        assert "its process lives" in states[1].detail


async def test_waiting_input_can_still_be_answered(kernel: KernelProcess) -> None:
    client = kernel.client()
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        client.execute("answer = input('? ')", allow_stdin=True)
        assert client.get_stdin_msg(timeout=30)["content"]["prompt"] == "? "
        await watch.wait_until(lambda w: any(isinstance(e, Progress) for e in w.events))
        client.input("42")
        await watch.wait_for_runs(1)
        assert evaluate(client, "get_ipython().user_ns['answer']") == "42"


async def test_the_cost_of_progress_is_counted(kernel: KernelProcess) -> None:
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        for _ in range(5):
            kernel.run("1")
        runs = await watch.wait_for_runs(5)
        costs = [run.cost for run in runs if run.cost is not None]
        assert len(costs) == 5
        # The look of the attach, then each run before this one, which has not ended.
        assert [cost.hooks for cost in costs] == [1 + i for i in range(5)]
        assert all(0 < c.median <= c.p99 <= c.longest for c in costs)
        assert costs[0].sent == 0
        assert costs[1].sent > 200
        assert all(cost.failures == 0 and cost.not_evaluated == 0 for cost in costs)
