"""Tests which run an event of IPython belongs to."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from kernelscope.probe import runs
from kernelscope.probe.comm import BackgroundParent
from kernelscope.probe.runs import Run, RunTracker


def request(name: str) -> Any:
    return {"header": {"msg_id": name, "session": "client"}}


def info(code: object = "a = 1") -> Any:
    return SimpleNamespace(raw_cell=code, cell_id=None, store_history=True)


def result_of(run_info: Any, count: int = 1, error: BaseException | None = None) -> Any:
    return SimpleNamespace(info=run_info, execution_count=count, error_before_exec=None, error_in_exec=error)


class Shell:
    """The part of IPython's shell that identifies runs."""

    def __init__(self) -> None:
        self.execution_count = 1
        self.last_execution_result: Any = None
        self.parent_header: Any = request("1")
        self.history_manager = SimpleNamespace(input_hist_parsed=[""])


@pytest.fixture
def shell() -> Shell:
    return Shell()


@pytest.fixture
def background(shell: Shell) -> BackgroundParent:
    return BackgroundParent(shell)


@pytest.fixture
def tracker(shell: Shell, background: BackgroundParent) -> RunTracker:
    tracker = RunTracker(shell, background, lambda: None)
    tracker.start()
    return tracker


def test_a_run_ends_with_its_own_result(tracker: RunTracker) -> None:
    first = tracker.begin(info(), request("1"))
    assert tracker.is_nested(request("1"))
    assert not tracker.is_nested(request("2"))
    assert tracker.end(result_of(first.info)) is first
    assert tracker.active == []
    assert tracker.find_ended_runs() == [first]


def test_a_nested_cell_is_not_a_run(tracker: RunTracker) -> None:
    tracker.begin(info(), request("1"))
    assert tracker.end(result_of(info())) is None


def test_an_end_without_a_beginning_is_a_run(tracker: RunTracker, shell: Shell) -> None:
    """The hook before the run failed."""
    run = tracker.end(result_of(info("b = 2"), count=7))
    assert run is not None
    assert (run.count, run.company) == (7, True)
    assert tracker.end(None) is None


def test_a_run_interrupted_before_its_result_ends_in_its_thread(tracker: RunTracker) -> None:
    run = tracker.begin(info(), request("1"))
    assert tracker.end(None) is run
    assert run.describe(run.began)["status"] == "interrupted"


def test_a_run_whose_end_was_missed_ends_with_the_next_of_its_thread(
    tracker: RunTracker, shell: Shell
) -> None:
    unended = tracker.begin(info(), request("1"))
    other = threading.Thread(target=tracker.begin, args=(info(), request("2")))
    other.start()
    other.join()
    shell.last_execution_result = result_of(unended.info)
    tracker.end_lost(request("1"))
    assert unended in tracker.active, "a nested cell begins"
    tracker.end_lost(request("3"))
    assert tracker.find_ended_runs() == [unended]
    assert unended.result is shell.last_execution_result
    assert [run.request for run in tracker.active] == ["2"], "a run of another thread continues"


def test_output_of_threads_belongs_to_the_run_that_began_or_ended_last(
    tracker: RunTracker, background: BackgroundParent, shell: Shell
) -> None:
    first = tracker.begin(info(), request("1"))
    assert background.message == request("1")
    tracker.begin(info(), request("2"))
    assert background.message == request("2")
    tracker.end(result_of(first.info))
    assert background.message == request("1")
    shell.parent_header = request("2")
    assert tracker.end(result_of(info())) is None, "a nested cell"
    assert background.message == request("1")


def test_a_run_that_ended_for_ipython_is_not_unfinished(tracker: RunTracker, shell: Shell) -> None:
    run = tracker.begin(info(), request("1"))
    assert tracker.has_unfinished()
    shell.last_execution_result = result_of(run.info)
    assert not tracker.has_unfinished()


def test_a_run_has_company_if_another_run_or_thread_is_active(tracker: RunTracker) -> None:
    assert not tracker.begin(info(), request("1")).company
    assert tracker.begin(info(), request("2")).company
    tracker.active.clear()
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    assert tracker.has_company()
    own = RunTracker(Shell(), BackgroundParent(Shell()), lambda: thread.ident)
    own._threads_at_install = tracker._threads_at_install
    assert not own.has_company(), "the poller's"
    over.set()
    thread.join()


@pytest.mark.parametrize(("advanced", "parsed"), [(3, 3), (4, 3)])
def test_the_count_of_a_run_is_right_before_and_after_ipython_advances_its_own(
    tracker: RunTracker, shell: Shell, advanced: int, parsed: int
) -> None:
    shell.execution_count, shell.history_manager.input_hist_parsed = advanced, [""] * parsed
    assert tracker.begin(info(), request("1")).count == 3


def test_only_plain_values_of_the_user_are_described(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(info(code=["no text"]), request("1"), 1, company=False)
    assert run.describe(run.began)["code"] == ""
    long = Run(info("x" * 70_000), request("1"), 1, company=False)
    facts = long.describe(long.began)
    assert (len(facts["code"]), facts["code_cut"], facts["client"]) == (65_536, True, "client")
    monkeypatch.setattr(runs, "time", lambda: float("nan"))
    assert Run(info(), request("1"), 1, company=False).started == 0.0
    monkeypatch.setattr(runs, "time", lambda: "noon")
    assert Run(info(), None, 1, company=False).started == 0.0
    assert time.time() > 0.0


@pytest.mark.parametrize(
    ("error", "status"), [(None, "ok"), (ValueError(), "error"), (KeyboardInterrupt(), "interrupted")]
)
def test_the_status_is_that_of_the_error(error: BaseException | None, status: str) -> None:
    run = Run(info(), request("1"), 1, company=False)
    run.result = result_of(run.info, count=9, error=error)
    facts = run.describe(run.began)
    assert (facts["status"], facts["execution_count"]) == (status, 9)
