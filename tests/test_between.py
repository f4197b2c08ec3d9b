"""Tests changes between runs, which are reported separately and blamed on no cell, in every available Python."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import pythons
from tests.support.kernels import KernelProcess
from tests.support.scenarios import WatchProcess
from tests.support.zygote import nursery

MODELS = """
import threading, time
from pathlib import Path
from sklearn.linear_model import LogisticRegression, SGDClassifier
X, y = [[0., 1.], [1., 0.], [2., 2.], [3., 1.]], [0, 0, 1, 1]
m, other = SGDClassifier(random_state=0).fit(X, y), LogisticRegression()

def when_signalled(work):
    # A thread that waits for the file `go`, works, and creates the file `done`.
    def wait():
        while not Path('go').exists():
            time.sleep(0.01)
        work()
        Path('done').touch()
    threading.Thread(target=wait).start()
"""


@pytest.fixture(params=pythons.oldest_and_newest(), ids=pythons.environment_name)
def kernel(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KernelProcess]:
    with KernelProcess(tmp_path, request.param, nursery=nursery(request.param)) as kernel:
        kernel.run(MODELS)
        yield kernel


def records_after(kernel: KernelProcess, work: str) -> tuple[list[dict[str, Any]], bool]:
    """Return the records after the run that started a thread, and whether calls are seen."""
    watcher = WatchProcess(kernel.connection_file)
    try:
        watcher.wait_attached(1)
        started = watcher.wait_run(1, kernel.run(f"when_signalled(lambda: ({work}))")["execution_count"])
        assert started["changes"] == []
        (kernel.folder / "go").touch()
        kernel.run("while not Path('done').exists(): time.sleep(0.01)", store_history=False)
        count = kernel.run("m.predict(X)")["execution_count"]
        watcher.wait_run(1, count)
        sees_calls = watcher.records_of("attached")[0]["kernel"]["sees_calls"]
        return watcher.records[watcher.records.index(started) + 1 :], sees_calls
    finally:
        assert "Traceback" not in watcher.stop()


@pytest.mark.parametrize(
    ("work", "name", "seen", "unseen"),
    [
        ("m.fit(X, y)", "m", "refitted", "unknown"),
        ("m.partial_fit(X, y)", "m", "continued", "unknown"),
        ("other.fit(X, y)", "other", "fitted", "fitted"),
        ("other.set_params(C=5.0)", "other", "params", "params"),
        ("globals().update(m=SGDClassifier())", "m", "reset", "reset"),
        ("globals().pop('other')", "other", "deleted", "deleted"),
    ],
)
def test_what_a_thread_does_after_the_cell_is_between_runs(
    kernel: KernelProcess, work: str, name: str, seen: str, unseen: str
) -> None:
    (between, run), sees_calls = records_after(kernel, work)

    assert (between["type"], run["type"]) == ("between", "execution")
    assert {c["name"]: c["verdict"] for c in between["changes"]} == {name: seen if sees_calls else unseen}
    assert between["changes"][0]["explanation"].startswith("Between runs")
    assert run["changes"] == []


def test_a_thread_that_only_uses_a_model_changes_nothing_between_runs(kernel: KernelProcess) -> None:
    records, _ = records_after(kernel, "m.predict(X), m.score(X, y), repr(m)")

    assert [r["type"] for r in records] == ["execution"]


def test_a_thread_that_works_during_a_later_cell_is_not_taken_for_that_cell(
    kernel: KernelProcess,
) -> None:
    kernel.run("other.fit(X, y)")
    watcher = WatchProcess(kernel.connection_file)
    try:
        watcher.wait_attached(1)
        watcher.wait_run(
            1, kernel.run("when_signalled(lambda: other.fit(X, [1, 1, 0, 0]))")["execution_count"]
        )
        reply = kernel.queue("while not Path('done').exists(): time.sleep(0.01)")
        (kernel.folder / "go").touch()
        run = watcher.wait_run(1, kernel.wait(reply)["execution_count"])
        sees_calls = watcher.records_of("attached")[0]["kernel"]["sees_calls"]
    finally:
        watcher.stop()

    assert {c["name"]: c["verdict"] for r in watcher.records_of("between") for c in r["changes"]} | {
        c["name"]: c["verdict"] for c in run["changes"]
    } == {"other": "refitted" if sees_calls else "unknown"}


def test_a_fit_that_began_before_the_run_and_returned_in_it_is_seen(kernel: KernelProcess) -> None:
    kernel.run(
        "from sklearn.base import BaseEstimator\n"
        "class Slow(BaseEstimator):\n"
        "    def fit(self, X=None, y=None):\n"
        "        Path('begun').touch()\n"
        "        while not Path('go').exists(): time.sleep(0.01)\n"
        "        self.slope_ = 1.0\n"
        "        return self\n"
        "slow = Slow()"
    )
    watcher = WatchProcess(kernel.connection_file)
    try:
        watcher.wait_attached(1)
        kernel.run(
            "t = threading.Thread(target=slow.fit); t.start()\nwhile not Path('begun').exists(): time.sleep(0.01)"
        )
        reply = kernel.queue("t.join()")
        (kernel.folder / "go").touch()
        count = kernel.wait(reply)["execution_count"]
        run = watcher.wait_run(1, count)
    finally:
        watcher.stop()

    changes = [(c["name"], c["verdict"]) for r in (*watcher.records_of("between"), run) for c in r["changes"]]
    assert changes == [("slow", "fitted")]


CLASS_OF_LOOK = "type(sys.modules['_kernelscope_probe.probe.agent'].AGENT.observer.scanner)"
FIT_WITHIN_LOOK = f"""
import sys
Look, when = {CLASS_OF_LOOK}, []
scan = Look.scan
def scan_and_fit(self, *args, **options):
    # A thread fits, and is waited for, before or after what the look reads.
    def work():
        thread = threading.Thread(target=lambda: other.fit(X, [1, 1, 0, 0]))
        thread.start()
        thread.join()
    is_before_run = options.get('is_between_runs') and threading.current_thread() is threading.main_thread()
    at = when.pop() if when and is_before_run else ''
    if at == 'before':
        work()
    result = scan(self, *args, **options)
    if at == 'after':
        work()
    return result
Look.scan = scan_and_fit
idle = threading.Event()
threading.Thread(target=idle.wait, daemon=True).start()
"""


@pytest.mark.parametrize(("at", "reported"), [("before", ["between"]), ("after", ["execution"])])
def test_a_fit_during_the_look_before_a_run_is_seen_as_one(
    kernel: KernelProcess, at: str, reported: list[str]
) -> None:
    kernel.run("other.fit(X, y)")
    watcher = WatchProcess(kernel.connection_file)
    try:
        watcher.wait_attached(1)
        reply = kernel.run(FIT_WITHIN_LOOK)
        assert reply["status"] == "ok", reply
        watcher.wait_run(1, reply["execution_count"])
        sees_calls = watcher.records_of("attached")[0]["kernel"]["sees_calls"]
        kernel.run(f"when.append('{at}')", store_history=False)
        watcher.wait_run(1, kernel.run("other.predict(X)")["execution_count"])
    finally:
        watcher.stop()
    changes = [
        (r["type"], c["name"], c["verdict"])
        for r in watcher.records
        if r["type"] in ("between", "execution")
        for c in r["changes"]
        if c["name"] == "other"
    ]
    assert changes == [(kind, "other", "refitted" if sees_calls else "unknown") for kind in reported]


HALF_WAY = """
from sklearn.base import BaseEstimator
class Slow(BaseEstimator):
    def fit(self, X=None, y=None):
        self.slope_ = X
        if X:
            Path('begun').touch()
            while not Path('goes on').exists(): time.sleep(0.01)
        self.bias_ = X + 1
        return self
slow = Slow()
"""


@pytest.mark.parametrize(
    ("before", "unseen", "verdict"),
    [("", "fitted", "fitted"), ("slow.fit(0)", "unknown", "refitted")],
    ids=["the first", "another"],
)
def test_a_fit_that_a_look_meets_half_way_has_not_failed(
    kernel: KernelProcess, before: str, unseen: str, verdict: str
) -> None:
    kernel.run(f"{HALF_WAY}\n{before}")
    watcher = WatchProcess(kernel.connection_file)
    try:
        watcher.wait_attached(1)
        watcher.wait_run(1, kernel.run("when_signalled(lambda: slow.fit(5))")["execution_count"])
        sees_calls = watcher.records_of("attached")[0]["kernel"]["sees_calls"]
        (kernel.folder / "go").touch()
        kernel.run("while not Path('begun').exists(): time.sleep(0.01)", store_history=False)
        watcher.wait_run(1, kernel.run("slow")["execution_count"])
        half_way = [r for r in watcher.records if r["type"] in ("between", "execution")]
        (kernel.folder / "goes on").touch()
        kernel.run("while not Path('done').exists(): time.sleep(0.01)", store_history=False)
        watcher.wait_run(1, kernel.run("slow.bias_")["execution_count"])
    finally:
        watcher.stop()
    assert not any("refused" in r for r in watcher.records)
    met = [c for r in half_way for c in r["changes"]]
    assert [(c["name"], c["verdict"]) for c in met] == [("slow", "unknown" if sees_calls else unseen)]
    assert ("fit() seen inside <lambda>(), and was still at work" in met[0]["evidence"]) == sees_calls
    later = [
        c
        for r in watcher.records
        if r["type"] in ("between", "execution") and r not in half_way
        for c in r["changes"]
    ]
    assert [(c["name"], c["verdict"]) for c in later] == [("slow", verdict if sees_calls else "unknown")]
