"""Attaching to a kernel with thousands of models: they are described a few at a time, while no cell runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kernelscope.domain.events import Attached, Observed
from kernelscope.timeline.timeline import Timeline
from kernelscope.timeline.view import TimelineView
from tests.kernel.watching import Watcher, evaluate, watching
from tests.support.kernels import KernelProcess

MODELS = 3_000
FILL = f"""
import copy
from sklearn.linear_model import LogisticRegression
X, y = [[0.0], [1.0], [2.0]], [0, 1, 1]
model = LogisticRegression().fit(X, y)
globals().update({{f"m{{place}}": copy.deepcopy(model) for place in range({MODELS})}})
"""
THREADS = "[t.name for t in __import__('threading').enumerate()]"


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[KernelProcess]:
    with KernelProcess(tmp_path) as process:
        yield process


def timeline_of(watch: Watcher) -> Timeline:
    timeline = Timeline()
    for event in watch.events:
        if isinstance(event, Attached | Observed):
            timeline.apply(event)
    return timeline


def names_known(watch: Watcher) -> int:
    attached, *_ = watch.attaches
    looks = (*attached.history, *watch.observations)
    return len({*attached.base.names, *(name for look in looks for name in look.names)})


async def test_thousands_of_models_are_all_known_before_any_cell_runs(kernel: KernelProcess) -> None:
    kernel.run(FILL)
    async with watching(kernel) as watch:
        attached = await watch.wait_for_attach()
        assert 0 < len(attached.base.names) < MODELS, "they are too many for one request"
        await watch.wait_until(lambda w: names_known(w) == MODELS + 1)
        assert not any(moment.changes for moment in timeline_of(watch).moments), (
            "all were there at the attach"
        )
        kernel.run(f"m{MODELS - 1}.fit(X, y[::-1])\nm0 = copy.deepcopy(m1)")
        await watch.wait_for_runs(1)
        timeline = timeline_of(watch)
        verdicts = {change.name: str(change.verdict) for change in timeline.moments[-1].changes}
        assert verdicts == {f"m{MODELS - 1}": "refitted", "m0": "copied"}
        assert len(TimelineView(timeline).rows()) == MODELS + 1
        client = kernel.client()
        kernel.run("pass")
        assert "kernelscope-poll" not in evaluate(client, THREADS)


async def test_a_cell_finds_the_models_that_it_mentions_described_first(kernel: KernelProcess) -> None:
    """A hook that has waited for another look in vain, on a machine that is too busy, reports its run as late."""
    kernel.run(FILL)
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        late = []
        for run, place in enumerate(range(MODELS - 1, MODELS - 6, -1), 1):
            kernel.run(f"m{place}.fit(X, y[::-1])")
            await watch.wait_for_runs(run)
            (change,) = timeline_of(watch).moments[-1].changes
            assert (change.name, str(change.verdict)) == (f"m{place}", "refitted")
            late.append(change.late)
            if change.late is None:
                break
        assert None in late


async def test_what_one_cell_makes_is_dated_to_it_however_much_it_is(kernel: KernelProcess) -> None:
    kernel.run("x = 1")
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        made = kernel.run(FILL)["execution_count"]
        await watch.wait_until(lambda w: names_known(w) == MODELS + 1)
        changes = [change for moment in timeline_of(watch).moments for change in moment.changes]
        assert len(changes) == MODELS + 1
        late = [change for change in changes if change.late is not None]
        assert 0 < len(late) < len(changes)
        assert {change.late.since for change in late if change.late is not None} == {made}


async def test_a_write_in_place_is_the_doing_of_the_cell_that_mentions_the_model(
    kernel: KernelProcess,
) -> None:
    kernel.run(FILL)
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        await watch.wait_until(lambda w: names_known(w) == MODELS + 1)
        for number in range(3):
            kernel.run(f"x = {number}")
        kernel.run("m8.coef_[0] = 9.0")
        await watch.wait_for_runs(4)
        assert watch.runs[-2].not_compared is not None, "there are more than one look compares"
        (change,) = timeline_of(watch).moments[-1].changes
        assert (change.name, str(change.verdict), change.late) == ("m8", "edited", None)
