"""Stop, timeouts and exceptions from other threads reach the user's code, whatever the probe does."""

from __future__ import annotations

import ast
import asyncio
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from kernelscope.domain.changes import Verdict
from kernelscope.domain.events import Observed
from kernelscope.presentation.history import name_history
from kernelscope.presentation.segments import text_of
from kernelscope.timeline.timeline import Timeline
from kernelscope.timeline.view import TimelineView
from tests.kernel.watching import LONG, Watcher, evaluate, run_cell, watching
from tests.support import pythons
from tests.support.kernels import KernelProcess

AGENT = "__import__('sys').modules['_kernelscope_probe.probe.agent'].AGENT"

SETUP = """
import ctypes, signal, threading, time
from sklearn.base import BaseEstimator
class Tiny(BaseEstimator):
    def fit(self, X=None, y=None):
        self.coef_ = 1
        return self
m = Tiny()
"""

LOOP = """
def late(*_):
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    raise KIND("too slow")
def stop_main(seconds):
    main = threading.main_thread().ident
    def stop():
        time.sleep(seconds)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(main), ctypes.py_object(KIND))
    threading.Thread(target=stop).start()
def alarm(seconds):
    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
def fit_until(end):
    # In a function: CPython 3.13.0 raises what lands on a loop's way back outside of a `try` around the loop.
    while time.monotonic() < end:
        m.fit()
ignored, frames, left = 0, [], [stop_main, alarm][WITH_SIGNAL]
for attempt in range(ATTEMPTS):
    try:
        left(0.01 + attempt * 0.0007)
        fit_until(time.monotonic() + 20)
        ignored += 1
    except KIND as error:
        trace = error.__traceback__
        while trace is not None:
            frames.append(trace.tb_frame.f_code.co_filename + ":" + trace.tb_frame.f_code.co_name)
            trace = trace.tb_next
        del trace
        context = error.__context__
print((ignored, sum("kernelscope" in name for name in frames), context))
"""

HARNESS = """
import sys, types
sys.modules["harness"] = types.ModuleType("json.harness")  # by its name no code of the user's
exec('''
import os, signal, sys
def agent():
    return sys.modules["_kernelscope_probe.probe.agent"].AGENT
def act_in(path, time, act):
    "Do something inside a method of a part of the agent, when it is called for the so-manieth time."
    part, method = path.split(".")
    owner, left = getattr(agent(), part), [time]
    def replacement(*arguments):
        left[0] -= 1
        if left[0] == 0:
            del owner.__dict__[method]
            act()
        return getattr(type(owner), method)(owner, *arguments)
    owner.__dict__[method] = replacement
def stop():
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(1_000):
        pass
''', sys.modules["harness"].__dict__)
"""
H = "__import__('harness')"


@pytest.fixture(
    params=dict.fromkeys([sys.executable, *pythons.oldest_and_newest()]), ids=pythons.environment_name
)
def python(request: pytest.FixtureRequest) -> str:
    """The oldest and the newest interpreter: calls seen and not seen, both kinds of ipykernel."""
    path: str = request.param
    return path


@pytest.fixture
def kernel(python: str, tmp_path: Path) -> Iterator[KernelProcess]:
    with KernelProcess(tmp_path, python) as process:
        process.run(SETUP)
        process.run(HARNESS)
        yield process


def run_and_read(kernel: KernelProcess, code: str) -> Any:
    outputs = run_cell(kernel.client(), code)
    assert [kind for kind, _ in outputs] == ["stream"], outputs
    return ast.literal_eval(outputs[0][1])


def stop_in(kernel: KernelProcess, method: str, number: int, cells: Sequence[str]) -> list[str]:
    """Queue all cells, stop the kernel in one of them, and return their statuses.

    Args:
        method: of a part of the agent; Stop falls into it.
        number: Stop falls into the so-manieth call that one of the cells leads to.
    """
    queued = kernel.folder / "queued"
    queued.unlink(missing_ok=True)
    own = method == "observer.observe_run"  # the gate's own comes first
    gate = kernel.queue(
        f"import os, time\nwhile not os.path.exists({str(queued)!r}): time.sleep(0.005)\n"
        f"{H}.act_in({method!r}, {number + own}, {H}.stop)"
    )
    requests = [kernel.queue(cell) for cell in cells]
    queued.touch()
    assert kernel.wait(gate)["status"] == "ok"
    return [kernel.wait(request)["status"] for request in requests]


@pytest.mark.fault(93, 94)
@pytest.mark.parametrize("kind", ["TimeoutError", "ValueError", "KeyboardInterrupt"])
@pytest.mark.parametrize("with_signal", [True, False], ids=["signal", "thread"])
async def test_a_timeout_ends_a_loop_of_fits(
    call_seeing_python: str, kind: str, with_signal: bool, tmp_path: Path
) -> None:
    """The result is that of an unwatched kernel, and the traceback does not show the probe."""
    cell = LOOP.replace("KIND", kind).replace("WITH_SIGNAL", str(with_signal)).replace("ATTEMPTS", "30")
    with KernelProcess(tmp_path, call_seeing_python) as kernel:
        kernel.run(SETUP)
        plain = run_and_read(kernel, cell)
        async with watching(kernel) as watch:
            await watch.wait_for_attach()
            watched = run_and_read(kernel, cell)
            agent = f"[{AGENT}.observer.calls.failed, {AGENT}.observer.calls.active]"
            assert evaluate(kernel.client(), agent) == [0, True], "this is not a failure of the probe"
            (run,) = await watch.wait_for_runs(1)
            assert [call.method for call in run.calls] == ["fit"]
        assert plain == watched == (0, 0, None)


async def test_an_interrupted_callback_leaves_no_reference_to_the_probe(
    call_seeing_python: str, tmp_path: Path
) -> None:
    """``sys.last_traceback`` contains only the user's frames, even behind the frames that called a handler."""
    interrupted = SETUP + (
        "signal.signal(signal.SIGALRM, HANDLER)\nsignal.setitimer(signal.ITIMER_REAL, 0.05)\nwhile True: m.fit()\n"
    )
    objects = "[type(o).__name__ for o in __import__('gc').get_objects() if str(type(o).__module__).startswith('_kernelscope')]"
    with KernelProcess(tmp_path, call_seeing_python) as kernel:
        kernel.run(SETUP)
        kernel.run("def handler(*_): raise TimeoutError('too slow')")
        for handler in ("signal.default_int_handler", "handler"):
            async with watching(kernel) as watch:
                await watch.wait_for_attach()
                assert kernel.run(interrupted.replace("HANDLER", handler))["status"] == "error"
                await watch.wait_for_runs(1)
            await wait_until_uninstalled(kernel)
            assert evaluate(kernel.client(), f"(__import__('gc').collect(), {objects})[1]") == []


async def test_stop_after_a_cell_with_await_ends_the_next(kernel: KernelProcess) -> None:
    """ipykernel's own handler for such a cell is still set, but only cancels what has ended."""
    before = "str(__import__('signal').getsignal(2))"
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        plain = evaluate(kernel.client(), before)
        cells = ("import asyncio\nawait asyncio.sleep(0)", "ran = 1", "ran = 2")
        assert stop_in(kernel, "observer.observe_run", 1, cells) == ["ok", "error", "ok"]
        assert stop_in(kernel, "observer.observe_run", 2, ("ran = 3", *cells)) == [
            "ok",
            "ok",
            "error",
            "ok",
        ]
        assert evaluate(kernel.client(), before) == plain


async def test_a_callback_of_the_user_s_is_not_taken_for_the_cell(kernel: KernelProcess) -> None:
    """The callback is called after the probe's and runs code in the same namespace."""
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        kernel.run(
            "def callback(info):\n    exec('class Body:\\n    pass', globals())\n    called.append(1)\n"
            "called = []\nget_ipython().events.register('pre_run_cell', callback)"
        )
        assert stop_in(kernel, "hooks._look_before", 1, ("ran = 1", "ran = 2")) == ["error", "ok"]
        assert evaluate(kernel.client(), "len(called)") == 3


async def test_an_exception_is_released_if_no_cell_is_queued(kernel: KernelProcess) -> None:
    """The user's exception may refer to any object; an idle kernel must not keep it alive."""
    kernel.run(
        "import weakref\n"
        "def late(*_):\n"
        "    global alive\n"
        "    error = TimeoutError('too slow')\n"
        "    error.model = Tiny()\n"
        "    alive = weakref.ref(error.model)\n"
        "    raise error\n"
        "alive, before = None, signal.signal(signal.SIGALRM, late)"
    )
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        act = "(lambda signal: signal.raise_signal(signal.SIGALRM))"
        evaluate(
            kernel.client(), f"{H}.act_in('observer.observe_run', 1, lambda: {act}(__import__('signal')))"
        )
        assert kernel.run("1")["status"] == "ok"
        await watch.wait_for_runs(1)
        client = kernel.client()
        end = time.monotonic() + LONG
        while evaluate(client, "(__import__('gc').collect(), alive() is not None)[1]"):
            assert time.monotonic() < end
            await asyncio.sleep(0.05)


async def wait_until_uninstalled(kernel: KernelProcess) -> None:
    """Wait until the probe is uninstalled: its last watcher sends a message that waits in the kernel's queue."""
    client = kernel.client()
    for _ in range(200):
        if not evaluate(client, "'_kernelscope_probe' in __import__('sys').modules"):
            return
    raise AssertionError("the probe is still installed")


@pytest.mark.fault(95)
@pytest.mark.parametrize(
    ("method", "number", "hit"),
    [
        ("observer.observe_run", 1, 1),  # in the hook after a cell: stops the next cell
        ("observer.observe_run", 2, 2),
        ("hooks._look_before", 1, 0),  # in the hook before a cell: stops that cell
        ("hooks._look_before", 3, 2),
        ("guard.handle", 1, None),  # if nothing fails
    ],
)
async def test_stop_ends_what_was_queued_when_it_was_pressed(
    kernel: KernelProcess, method: str, number: int, hit: int | None
) -> None:
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        statuses = stop_in(kernel, method, number, [f"ran = {n}" for n in range(4)])
        assert statuses == ["error" if n == hit else "ok" for n in range(4)]
        runs = await watch.wait_for_runs(5)
        status = {r.run.execution_count: r.run.status for r in runs if r.run is not None}
        assert list(status.values()) == ["ok", *("interrupted" if n == hit else "ok" for n in range(4))]
        assert len(status) == 5
        cut = [run.cut for run in runs[1:]]
        position = "after" if method == "observer.observe_run" else "before"
        reason = f"the look {position} this run was cut short by KeyboardInterrupt"
        broken = None if hit is None else hit - (method == "observer.observe_run")
        assert cut == [(reason,) if n == broken else () for n in range(4)]
        assert evaluate(kernel.client(), "__import__('sys').gettrace() is None") is True
        assert evaluate(kernel.client(), f"{AGENT}.guard.failures") == 0


@pytest.mark.fault(96)
async def test_stop_never_reaches_a_run_that_was_requested_afterwards(kernel: KernelProcess) -> None:
    """Nothing is queued when Stop is pressed, so that it is dropped."""
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        kernel.run("ran = None")
        evaluate(kernel.client(), f"{H}.act_in('observer.observe_run', 1, {H}.stop)")
        assert [kernel.run(f"ran = {n}")["status"] for n in range(3)] == ["ok"] * 3
        assert evaluate(kernel.client(), "ran") == 2
        assert [r.run.status for r in await watch.wait_for_runs(4) if r.run is not None] == ["ok"] * 4


@pytest.mark.fault(97)
async def test_a_later_request_is_recognized_even_if_its_clock_is_behind(
    kernel: KernelProcess,
) -> None:
    """A browser on another machine dates its requests by its own clock."""
    client = kernel._own
    real = client.session.msg_header

    def header(kind: str) -> dict[str, Any]:
        from datetime import timedelta

        fields: dict[str, Any] = real(kind)
        return {**fields, "date": fields["date"] - timedelta(hours=1)}

    client.session.msg_header = header
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        kernel.run("ran = None")
        evaluate(kernel.client(), f"{H}.act_in('observer.observe_run', 1, {H}.stop)")
        assert [kernel.run(f"ran = {n}")["status"] for n in range(2)] == ["ok"] * 2
        assert stop_in(kernel, "observer.observe_run", 1, ["1", "2", "3"]) == ["ok", "error", "ok"]


async def test_stop_before_a_cell_that_does_not_run_stops_the_next(kernel: KernelProcess) -> None:
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        cells = ("def broken(:", "ran = 1", "ran = 2")
        assert stop_in(kernel, "hooks._look_before", 1, cells) == ["error", "error", "ok"]
        runs = [r.run for r in await watch.wait_for_runs(4) if r.run is not None]
        assert [run.status for run in runs] == ["ok", "error", "interrupted", "ok"]


@pytest.mark.parametrize("kind", ["TimeoutError", "SystemExit"])
async def test_what_the_user_s_handler_raises_in_a_hook_reaches_the_cell(
    kernel: KernelProcess, kind: str
) -> None:
    """It is raised once, with the handler's own frame, and the cell can catch it."""
    kernel.run(
        f"def late(*_):\n    global called\n    called += 1\n    raise {kind}('too slow')\n"
        "called, before = 0, signal.signal(signal.SIGALRM, late)"
    )
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        kernel.run("1")
        act = "(lambda signal: signal.raise_signal(signal.SIGALRM))"
        evaluate(kernel.client(), f"{H}.act_in('hooks._look_before', 1, lambda: {act}(__import__('signal')))")
        assert kernel.run("ran = True")["ename"] == kind
        outputs = run_cell(kernel.client(), "print(called, 'ran' in globals())")
        assert outputs == [("stream", "1 False\n")]
        assert evaluate(kernel.client(), f"{AGENT}.guard.failures") == 0


@pytest.mark.parametrize("models", [0, 300])
async def test_stop_stops_run_all_at_any_moment(models: int, tmp_path: Path) -> None:
    """Send one interrupt at any moment of thirty queued cells; with many models most fall into the hooks."""
    attempts, deaths = list(range(8)), 0
    while attempts:
        folder = tmp_path / f"from-{attempts[0]}"
        folder.mkdir()
        with KernelProcess(folder) as kernel:
            kernel.run("from sklearn.linear_model import LogisticRegression")
            kernel.run(f"models = [[LogisticRegression() for _ in range(30)] for _ in range({models // 30})]")
            async with watching(kernel) as watch:
                await watch.wait_for_attach()
                while attempts and kernel.process.poll() is None:
                    try:
                        await _press_stop(kernel, watch, attempts.pop(0))
                    except RuntimeError:
                        # Watched or not, ipykernel 7.4 dies of one interrupt in two hundred: it lets one that falls
                        # between its `signal` call and its `try` out of its event loop.
                        deaths += 1
                        assert deaths == 1, kernel.log.read_text()


async def _press_stop(kernel: KernelProcess, watch: Watcher, attempt: int) -> None:
    """Interrupt a queue of cells.

    Raises:
        RuntimeError: the kernel died.
    """
    kernel.run("ran = -1")
    reported = len(watch.codes)
    dropped = _count_dropped(kernel)
    requests = [kernel.queue(f"import time; time.sleep(0.02); ran = {n}") for n in range(30)]
    # It lasts until Stop is pressed, however long that takes on a loaded machine.
    pressed = kernel.folder / f"pressed-{attempt}"
    wait = f"import pathlib\nwhile not pathlib.Path({str(pressed)!r}).exists(): time.sleep(0.01)"
    requests.append(kernel.queue(wait))
    third = "import time; time.sleep(0.02); ran = 2"
    await watch.wait_until(lambda w: third in w.codes[reported:])
    kernel.interrupt_a_request(after=0.003 * attempt)
    pressed.touch()
    statuses = kernel.statuses(requests)
    assert set(statuses) <= {"ok", "error", "no reply"}
    assert set(statuses) != {"ok"} or _count_dropped(kernel) > dropped


def _count_dropped(kernel: KernelProcess) -> int:
    """Count the interrupts between a cell's end and that of its request: ipykernel drops and logs them."""
    return kernel.log.read_text().count("KeyboardInterrupt caught in kernel")


@pytest.mark.fault(101)
async def test_a_run_whose_end_was_missed_keeps_its_execution_count(kernel: KernelProcess) -> None:
    """The interrupt falls between two steps of IPython before the cell's code: no result has the count."""
    break_off = (
        "class Interrupted:\n"
        "    def visit(self, node):\n"
        "        if armed:\n            armed.clear()\n            raise KeyboardInterrupt\n"
        "        return node\n"
        "armed = []\nget_ipython().ast_transformers.append(Interrupted())"
    )
    client = kernel.client()
    client.wait_for_ready(timeout=LONG)
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        kernel.run(break_off)
        kernel.run("armed.append(1)")
        assert kernel.run("never = 1")["status"] == "error"
        kernel.run("1")
        kernel.run("2")
        runs = [r.run for r in await watch.wait_for_runs(5) if r.run is not None]
        announced: list[int] = []
        while len(announced) < 5:
            message = client.get_iopub_msg(timeout=LONG)
            if message["msg_type"] == "execute_input":
                announced.append(message["content"]["execution_count"])
        # IPython 8 reuses the number of a cell that did not get so far.
        assert [run.execution_count for run in runs] == announced
        assert [run.code for run in runs[1:]] == ["armed.append(1)", "never = 1", "1", "2"]
        assert [run.status for run in runs] == ["ok", "ok", "interrupted", "ok", "ok"]


@pytest.mark.fault(100)
async def test_events_are_set_on_a_tool_id_only_while_it_is_the_probe_s(
    call_seeing_python: str, tmp_path: Path
) -> None:
    """A tool of the user's that takes over the id is not called for the probe's events."""
    take = (
        "import sys\nmine = sys.monitoring\nmine.free_tool_id(4)\nmine.use_tool_id(4, 'mine')\ncalled = []\n"
        "mine.register_callback(4, mine.events.PY_START, lambda code, _: called.append(code.co_name))"
    )
    with KernelProcess(tmp_path, call_seeing_python) as kernel:
        kernel.run(SETUP)
        async with watching(kernel) as watch:
            await watch.wait_for_attach()
            kernel.run(take)
            kernel.run("class Other(Tiny):\n    def fit(self): return self\no = Other()")
            kernel.run("_ = o.fit()")
            runs = await watch.wait_for_runs(3)
            assert not any(run.sees_calls for run in runs), "the run says so"
            assert evaluate(kernel.client(), "called") == []
            assert evaluate(kernel.client(), "__import__('sys').monitoring.get_tool(4)") == "mine"
        assert evaluate(kernel.client(), "__import__('sys').monitoring.get_tool(4)") == "mine"


@pytest.mark.fault(102)
async def test_the_cost_of_a_run_includes_all_that_the_probe_does(kernel: KernelProcess) -> None:
    """The hooks before and after it, encoding and sending, as measured by callbacks around the probe's."""
    around = """
def around():
    import time
    events, spent = get_ipython().events, []
    def begin(*_): spent.append([-time.perf_counter()])
    def end(*_): spent[-1][-1] += time.perf_counter()
    def again(*_): spent[-1].append(-time.perf_counter())
    for event, first in (("pre_run_cell", begin), ("post_run_cell", again)):
        events.callbacks[event].insert(0, first)
        events.callbacks[event].append(end)
    return spent
"""
    kernel.run(
        "from sklearn.linear_model import LogisticRegression\n"
        "models = [[LogisticRegression() for _ in range(60)] for _ in range(5)]"
    )
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        kernel.run(f"{around}\nspent = around()")
        for number in range(12):
            kernel.run(f"for row in models:\n    for m in row: m.C = {number + 2}.0")
        kernel.run("1")
        runs = (await watch.wait_for_runs(14))[1:-1]
        spent = [sum(times) for times in evaluate(kernel.client(), "spent[:-1]")]
        assert len(spent) == len(runs)
        reported = [run.hook_seconds for run in runs]
        assert all(len(run.objects) == 300 for run in runs), "there is much to encode and to send"
        middle = sorted(a / b for a, b in zip(reported, spent, strict=True))[len(reported) // 2]
        assert 0.85 < middle < 1.15, (reported, spent)
        cost = runs[-1].cost
        assert cost is not None
        assert cost.hooks == 1 + 12, "the attach, and each run before this one"


@pytest.mark.fault(99)
async def test_a_name_that_no_look_reached_is_not_called_deleted(kernel: KernelProcess) -> None:
    """Its old model is gone; it holds a new one, which the budget left out."""
    fill = "{j: [[] for _ in range(20)] for j in range(20)}"
    kernel.run("from sklearn.linear_model import LogisticRegression\nX, y = [[0.0], [1.0]], [0, 1]")
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        kernel.run("filled, late, gone, model = {}, {}, {}, None")
        kernel.run(
            "late['a'] = {'b': {'c': LogisticRegression()}}\ngone['a'] = {'b': [LogisticRegression()]}"
        )
        kernel.run(f"filled.update({{i: {fill} for i in range(20)}})")
        kernel.run("late['a']['b']['c'] = LogisticRegression(); del gone; model = LogisticRegression()")
        kernel.run("model.fit(X, y)")
        await watch.wait_for_runs(5)
        kernel.run("del filled")
        await watch.wait_for_runs(6)
    timeline = timeline_of(watch)
    reset = TimelineView(timeline).track("late['a']['b']['c']")[-1].change
    assert reset is not None
    assert (reset.verdict, reset.certainty) == (Verdict.RESET, "inferred"), "in a run before this one"
    assert timeline.cut == ()
    timeline = timeline_of(watch, runs=5)
    assert timeline.cut == ("what lies in containers beyond the first 4,000",)
    unread = TimelineView(timeline).track("late['a']['b']['c']")[-1].change
    assert unread is not None
    assert (unread.verdict, unread.certainty) == (Verdict.UNKNOWN, "unknown")
    history = name_history(TimelineView(timeline), "late['a']['b']['c']")
    assert (
        text_of(history.end)
        == "Now it is not known what late['a']['b']['c'] holds: the look did not reach it."
    )
    deleted = TimelineView(timeline).track("gone['a']['b'][0]")[-1].change
    assert deleted is not None
    assert (deleted.verdict, deleted.certainty) == (Verdict.DELETED, "observed"), "its global is gone"
    verdicts = [
        point.change.verdict for point in TimelineView(timeline).track("model") if point.change is not None
    ]
    assert verdicts == [Verdict.CREATED, Verdict.FITTED], "a global is always reached"


def timeline_of(watch: Watcher, runs: int | None = None) -> Timeline:
    """Build the timeline after so many runs, by default after all."""
    timeline = Timeline()
    for event in watch.events:
        if (
            runs is not None
            and isinstance(event, Observed)
            and sum(m.run is not None for m in timeline.moments) == runs
        ):
            break
        timeline.apply(event)
    return timeline


def test_explain_says_what_the_look_left_out(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from kernelscope.cli import main

    with KernelProcess(tmp_path) as kernel:
        kernel.run("from sklearn.linear_model import LogisticRegression\nm = LogisticRegression()")
        kernel.run("boxes = [[[] for _ in range(64)] for _ in range(64)]")
        kernel.run("for n in range(90): globals()[f'more{n}'] = [[[]] for _ in range(60)]")
        file = str(kernel.connection_file)
        with pytest.raises(SystemExit) as ended:
            main(["explain", file, "hidden"])
        assert ended.value.code == 1
        errors = capfd.readouterr().err
        assert "no model called hidden was seen, but not everything was looked at" in errors
        assert "what lies in containers beyond the first 4,000" in errors
        main(["explain", file, "m"])
        assert "The latest look left out: what lies in containers" in capfd.readouterr().out
        main(["explain", file, "m", "--json"])
        assert json.loads(capfd.readouterr().out)["not_evaluated"]
        kernel.run("del boxes\nfor n in range(90): del globals()[f'more{n}']")
        with pytest.raises(SystemExit):
            main(["explain", file, "hidden"])
        assert "not everything" not in capfd.readouterr().err
        main(["explain", file, "m"])
        assert "left out" not in capfd.readouterr().out


@pytest.mark.fault(98)
async def test_a_look_scans_no_more_after_many_runs(tmp_path: Path) -> None:
    """IPython keeps ``_i1``, ``_1`` and ``Out[1]`` of every run, each with a model."""
    with KernelProcess(tmp_path) as kernel:
        kernel.run("from sklearn.linear_model import LogisticRegression\nm = LogisticRegression()")
        async with watching(kernel) as watch:
            await watch.wait_for_attach()
            visited = []
            for _ in range(3):
                for _ in range(100):
                    kernel.queue("m = LogisticRegression(); m")
                kernel.run("m", timeout=LONG)
                visited.append(evaluate(kernel.client(), f"{AGENT}.observer.scanner.visited"))
            assert len(set(visited)) == 1, visited
            assert visited[0] < 40
