"""Proves the oath's sixth article: a fault at any line of the probe reaches no cell and falsifies no verdict."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kernelscope.domain.changes import Change, Verdict
from kernelscope.domain.facts import ObjectFacts, Opaque
from kernelscope.errors import ProbeError
from kernelscope.kernel import inject
from kernelscope.protocol.wire import Greeting
from kernelscope.timeline.timeline import Timeline
from tests.kernel.watching import INSTALLED, LONG, Watcher, evaluate, watching
from tests.support import pythons
from tests.support.facts import explanation_of
from tests.support.kernels import KernelProcess

if TYPE_CHECKING:
    from jupyter_client.blocking.client import BlockingKernelClient

HARNESS = Path(__file__).with_name("fault_lines.py").read_text(encoding="utf-8")
PUT_IN = (
    f"(lambda m: (exec({HARNESS!r}, m.__dict__), __import__('sys').modules.__setitem__('fault_lines', m)) and 1)"
    "(__import__('types').ModuleType('json.fault_lines'))"  # its name marks it as not the user's code
)
FAULTS = "__import__('fault_lines')."
SETUP = """
import pickle, sys
import numpy as np
from sklearn.linear_model import SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
X, y = np.array([[0.0], [1.0], [2.0]]), np.array([0, 1, 1])
sgd = SGDClassifier(random_state=0)
def train(data):
    inner = GaussianNB()
    inner.fit(data, y)
"""
CELL = """
m = GaussianNB().fit(X, y)
sgd.partial_fit(X, y, classes=[0, 1])
d = {"k": Pipeline([("s", StandardScaler()), ("c", GaussianNB())]).fit(X, y)}
train(X)
with open("m.pickle", "wb") as f: pickle.dump(m, f)
print("printed", flush=True)
__import__("fault_lines").step()
"""
CELLS = (
    CELL + "m.classes_.tolist()",
    CELL + "print('to stderr', file=sys.stderr, flush=True)\nraise ValueError('the cell failed')",
    CELL + "display(len(d))",
)
OWN, KINDS = 4, 6
"""Numbers of errors in ``fault_lines``: those that may be the probe's own, and all."""
OWN_MODULES = tuple(
    f"{name}>"
    for name in (
        *("agent", "guard", "hooks", "runs", "observe", "comm", "lease", "history", "install", "poller"),
        *("scanner", "walk", "identity", "calls"),
    )
)
"""Modules of the probe's own control flow; the others read objects and source."""
PROBE = Path(inject.__file__).parents[1] / "probe"

Shown = list[tuple[str, str]]
Lines = dict[tuple[str, str, int], tuple[int, int]]
"""Entry, module and line → how often it is reached, and which look must fail first."""


def play_cells(client: BlockingKernelClient, cells: Iterable[str]) -> list[Shown]:
    """Queue all cells at once and run them; returns what a front end shows for each."""
    outputs_by_request: dict[str, Shown] = {}
    for cell in cells:
        outputs_by_request[client.execute(cell, allow_stdin=False, stop_on_error=False)] = []
    idle = 0
    while idle < len(outputs_by_request):
        message = client.get_iopub_msg(timeout=LONG)
        kind, outputs = message["msg_type"], outputs_by_request.get(message["parent_header"].get("msg_id"))
        if outputs is None or kind in ("execute_input", "comm_msg"):
            continue
        if kind == "status":
            idle += message["content"]["execution_state"] == "idle"
        elif outputs and kind == "stream" and outputs[-1][0] == message["content"]["name"]:
            # It was flushed in between.
            outputs[-1] = outputs[-1][0], outputs[-1][1] + message["content"]["text"]
        elif kind == "stream":
            outputs.append((message["content"]["name"], message["content"]["text"]))
        else:
            text = json.dumps(message["content"], sort_keys=True)
            outputs.append((kind, re.sub(r'In ?\[\d+\]|"execution_count": \d+|ipykernel_\d+/\d+', "…", text)))
    return list(outputs_by_request.values())


_OUTERMOST_LINES = ("try:", "while not self._stop_now.is_set():", "self = argument = None")


def is_outermost_line(entry: str, module: str, line: int) -> bool:
    """Whether the line is the first or last of an outermost guard, the poller's loop or the loader's function.

    Only tracing can raise there: the interpreter runs nothing on that line and delivers no signal on it, and in
    CPython 3.11 no other ``try`` of the same function covers it.
    """
    name = module.removesuffix(">").partition("_kernelscope_probe.probe.")[2] or "loader"
    if entry != "guard" and name != "loader":
        return False
    source = (PROBE / f"{name}.py").read_text(encoding="utf-8").splitlines()
    return source[line - 1].strip() in _OUTERMOST_LINES


def report(client: BlockingKernelClient) -> dict[str, Any]:
    """Return what the harness in the kernel has recorded."""
    result: dict[str, Any] = json.loads(evaluate(client, FAULTS + "report()"))
    return result


def choose_faults(lines: Lines, own: int, others: int, kinds: range = range(KINDS)) -> list[tuple[Any, ...]]:
    """Choose every ``own``-th line of the control flow, every ``others``-th of the readers, and a fault for each."""
    result: list[tuple[Any, ...]] = []
    for number, ((entry, module, line), (times, broken)) in enumerate(lines.items()):
        is_own = module.rpartition(".")[2] in OWN_MODULES
        if number % (own if is_own else others) == 0:
            result.append(
                (entry, module, line, 1 + number % min(times, 3), kinds[len(result) % len(kinds)], broken)
            )
    return result


def collect_lines(client: BlockingKernelClient) -> Lines:
    """Collect the lines that the hooks reach in a run."""
    play_cells(client, CELLS * 2)  # so that once-per-type work is done
    result: Lines = {}
    for broken in (0, 1, 2):
        evaluate(client, FAULTS + "reached.clear()")
        evaluate(client, FAULTS + "collect(True)")
        play_cells(client, [f"{FAULTS}break_a_look({broken})\n{CELLS[0]}", CELLS[0]] if broken else CELLS[:1])
        evaluate(client, FAULTS + "collect(False)")
        for entry, module, line, times in report(client)["reached"]:
            if not is_outermost_line(entry, module, line):
                result.setdefault((entry, module, line), (1 if broken else times, broken))
    return result


def last_count(watch: Watcher) -> int:
    """Return the execution count of the last reported run."""
    return max((o.run.execution_count for o in watch.runs[-1:] if o.run is not None), default=0)


class Reports:
    """Checks what the watcher received for the runs from ``first`` on."""

    def __init__(self, watch: Watcher, first: int) -> None:
        self.timeline = Timeline()
        moments = [moment for event in watch.events for moment in self.timeline.apply(event).moments]
        start = next(i for i, m in enumerate(moments) if m.kind == "run" and m.execution_count >= first)
        self.runs = [m.run for m in moments[start:] if m.run is not None]
        self.between = [m.changes for m in moments[start:] if m.run is None]

    def verdicts(self) -> dict[str, set[Verdict]]:
        """Return by name what the cells do to it when nothing goes wrong."""
        result: dict[str, set[Verdict]] = {}
        for run in self.runs:
            for change in run.changes:
                result.setdefault(change.name, set()).add(change.verdict)
        return result

    def check(self, first: int, cells: list[str], usual: dict[str, set[Verdict]]) -> Counter[str]:
        """Check that each run is reported once or as lost, and none with a wrong verdict."""
        counts = [run.count for run in self.runs]
        assert len(set(counts)) == len(counts), "no run is reported twice"
        missing = len(cells) - len(counts)
        assert missing <= self.timeline.lost, "unsent observations leave a gap in the numbers"
        score = Counter({"lost, and the gap reported": missing})
        for run in self.runs:
            assert run.facts.code == cells[run.count - first]
            assert run.facts.status == ("error" if "raise" in run.facts.code else "ok")
            if any(cut.startswith("the look after this run") for cut in run.cut):
                score["not seen"] += 1
                assert run.changes == ()
            elif run.seen is not None and run.seen.late:
                score["in doubt"] += 1
                self._hedged(run.changes, usual)
            elif run.cut or (run.seen is not None and not run.seen.code.complete):
                score["in part"] += 1
                assert all(c.verdict in usual[c.name] | {Verdict.UNKNOWN} for c in run.changes)
            else:
                score["seen"] += 1
                assert {c.name: {c.verdict} for c in run.changes} == usual
        for changes in self.between:
            score["reported later"] += 1
            self._hedged(changes, usual)
        return score

    @staticmethod
    def _hedged(changes: tuple[Change, ...], usual: dict[str, set[Verdict]]) -> None:
        for change in changes:
            assert change.certainty != "observed"
            assert "an earlier look failed" in explanation_of(change)
            assert change.verdict in usual[change.name] | {Verdict.UNKNOWN}


def state_of(names: Mapping[str, int], objects: Mapping[int, ObjectFacts]) -> dict[str, Any]:
    """Describe what the names hold, without what differs from probe to probe."""
    result = {}
    for name, token in names.items():
        facts = objects[token]
        learned = {n: (s.text, s.digest) for n, s in facts.learned.items()}
        parts = [(p.label, state_of({"": p.token}, objects)) for p in facts.parts]
        params = {n: p.text if isinstance(p, Opaque) else p for n, p in facts.params.items()}
        result[name] = (facts.cls, params, learned, parts)
    return result


@pytest.mark.long
@pytest.mark.fault(27)
@pytest.mark.parametrize(
    "python", dict.fromkeys([sys.executable, *pythons.oldest_and_newest()]), ids=pythons.environment_name
)
async def test_a_fault_at_any_line_of_the_hooks_reaches_no_cell(
    python: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """The cell shows what it shows unwatched, the log stays empty, and the run is reported correctly."""
    for folder in ("plain", "watched"):
        (tmp_path / folder).mkdir()
    with KernelProcess(tmp_path / "plain", python) as kernel:
        client = kernel.client()
        kernel.run(SETUP)
        evaluate(client, PUT_IN)
        expected = play_cells(client, CELLS)
        log = kernel.log.read_text()
    assert [len(outputs) for outputs in expected] == [2, 3, 2]
    with KernelProcess(tmp_path / "watched", python) as kernel:
        client = kernel.client()
        kernel.run(SETUP)
        async with watching(kernel) as watch:
            await watch.wait_for_attach()
            evaluate(client, PUT_IN)
            lines = collect_lines(client)
            density = (2, 8) if python == sys.executable else (16, 16)
            faults = choose_faults(lines, *density, range(OWN))
            first = evaluate(client, "get_ipython().execution_count")
            play_cells(client, CELLS)
            await watch.wait_until(lambda w: last_count(w) == first + 2)
            usual = Reports(watch, first).verdicts()
            assert all(len(verdicts) == 1 for verdicts in usual.values())
            evaluate(client, FAULTS + f"plan({json.dumps(faults)!r})")
            first += len(CELLS)
            cells = [CELLS[n % len(CELLS)] for n in range(len(faults) + len(CELLS))]
            for start in range(0, len(cells), 60):
                outputs = play_cells(client, cells[start : start + 60])
                assert outputs == [expected[n % len(CELLS)] for n in range(start, start + len(outputs))]
            await watch.wait_until(lambda w: last_count(w) == first + len(cells) - 1)
            result = report(client)
            assert len(result["missed"]) <= len(faults) // 5, result["missed"]
            assert len(result["fired"]) == len(faults) - len(result["missed"])
            reports = Reports(watch, first)
            score = reports.check(first, cells, usual)
        async with watching(kernel) as again:
            base = (await again.wait_for_attach()).base
        assert state_of(reports.timeline.names, reports.timeline.objects) == state_of(
            base.names, {o.token: o for o in base.objects}
        )
        assert kernel.log.read_text().replace("/watched/", "/plain/") == log
    by_place = Counter(f"{entry} in {module[20:-1]}" for entry, module, *_ in result["fired"])
    record_property(
        "table",
        f"{len(lines)} lines reached, {len(result['fired'])} faults, {len(cells)} runs: {dict(score)}\n"
        + "\n".join(f"{times:>5} {place}" for place, times in by_place.most_common()),
    )


@pytest.mark.long
@pytest.mark.fault(24)
@pytest.mark.parametrize(
    "python", dict.fromkeys([sys.executable, *pythons.oldest_and_newest()]), ids=pythons.environment_name
)
async def test_an_interrupt_at_any_line_of_the_hooks_reaches_the_next_cell(
    python: str, tmp_path: Path
) -> None:
    """Whatever line of the hooks it falls into, only the next queued cell raises it."""
    with KernelProcess(tmp_path, python) as kernel:
        client = kernel.client()
        kernel.run(SETUP)
        async with watching(kernel) as watch:
            await watch.wait_for_attach()
            evaluate(client, PUT_IN)
            lines = collect_lines(client)
            density = (5, 20) if python == sys.executable else (24, 24)
            faults = [
                f for f in choose_faults(lines, *density, range(OWN, KINDS)) if not f[-1]
            ]  # no other look fails
            evaluate(client, FAULTS + f"plan({json.dumps(faults)!r})")
            first = evaluate(client, "get_ipython().execution_count")
            interrupted = 0
            for _ in range(0, 2 * len(faults) + 60, 60):
                # The last cell arms no fault: an interrupt needs a queued cell behind it.
                shown = play_cells(client, [*[CELLS[0]] * 60, "pass"])
                for outputs in shown:
                    kinds = [kind for kind, _ in outputs]
                    if kinds in ([], ["stdout", "execute_result"], ["stream", "execute_result"]):
                        continue
                    interrupted += 1
                    (text,) = [
                        text for _, text in outputs if "KeyboardInterrupt" in text or "SystemExit" in text
                    ]
                    assert "kernelscope" not in text.replace("test_every_line", "")
            result = report(client)
            last = evaluate(client, "get_ipython().execution_count") - 1
            await watch.wait_until(lambda w: last_count(w) == last)
            assert evaluate(client, f"{AGENT}.guard.failures") == 0, "no interrupt is a failure of the probe"
            runs = [run for run in watch.runs if run.run is not None and run.run.execution_count >= first]
            timeline = Reports(watch, first).timeline
        async with watching(kernel) as again:
            base = (await again.wait_for_attach()).base
        assert len(result["missed"]) <= len(faults) // 5, result["missed"]
        in_hooks = [fault for fault in result["fired"] if fault[0] != "on_comm_message"]
        assert interrupted >= len(in_hooks) - timeline.lost
        assert interrupted <= len(in_hooks)
        counts = [run.run.execution_count for run in runs if run.run is not None]
        assert len(set(counts)) == len(counts), "no run is reported twice"
        assert len(counts) >= last - first + 1 - timeline.lost
        assert state_of(timeline.names, timeline.objects) == state_of(
            base.names, {o.token: o for o in base.objects}
        )


def lines_of(client: BlockingKernelClient, go: str) -> Lines:
    """Collect the lines that an expression reaches in the kernel."""
    evaluate(client, FAULTS + "reached.clear()")
    evaluate(client, FAULTS + "collect(True)")
    evaluate(client, f"len(str({go}))")
    evaluate(client, FAULTS + "collect(False)")
    result = {(entry, module, line): (times, 0) for entry, module, line, times in report(client)["reached"]}
    return {place: times for place, times in result.items() if not is_outermost_line(*place)}


@pytest.mark.long
@pytest.mark.fault(26, 28)
async def test_a_fault_at_any_line_of_attach_detach_or_poller_leaves_the_kernel_as_it_was(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Everything is as before; if the kernel still has the probe, the probe is complete."""
    with KernelProcess(tmp_path) as kernel:
        client = kernel.client()
        greeting = Greeting(evaluate(client, "get_ipython().kernel.session.session"), 1e12)  # never too late
        attach = inject.attach("watcher", greeting).expression()
        kernel.run(SETUP)
        evaluate(client, PUT_IN)
        kernel.run(CELLS[0])
        log = kernel.log.read_text()

        def play(name: str, lines: Lines, own: int, others: int, arguments: str = "") -> str:
            faults = choose_faults(lines, own, others)
            for start in range(0, len(faults), 20):  # a request takes little time, on a loaded machine, too
                some = json.dumps(faults[start : start + 20])
                assert json.loads(evaluate(client, f"{FAULTS}{name}({arguments}{some!r})")) == []
            return f"{name}: {len(lines)} lines reached, {len(faults)} faults"

        put_in = f"eval({attach!r}, {{}})"
        table = [play("attaches", lines_of(client, put_in), 12, 24, f"{attach!r}, ")]
        evaluate(client, f"len({put_in})")
        leave = f"{FAULTS}agent().comm.handle_msg({{'content': {{'data': {{'leave': 'watcher'}}}}}})"
        table.append(play("leaves", lines_of(client, leave), 1, 1, f"{attach!r}, 'watcher', "))
        evaluate(client, f"len(eval({inject.attach('poller', greeting, poll=0.1).expression()!r}, {{}}))")
        evaluate(
            client,
            "__import__('sys').modules['_kernelscope_probe.probe.poller'].__dict__.update(MIN_SECONDS=0.001)",
        )
        table.append(play("polls", lines_of(client, FAULTS + "polls('[]', True)"), 6, 24))
        # Some lines are reached only when a thread begins or ends, which a look that is armed later does not do.
        assert len(report(client)["missed"]) <= 10
        assert kernel.log.read_text() == log
        record_property("table", "\n".join(table))


ERRORS = ("ZeroDivisionError", "MemoryError", "RecursionError", "GeneratorExit")
AGENT = "__import__('sys').modules['_kernelscope_probe.probe.agent'].AGENT"


@pytest.mark.fault(22, 23, 24, 25)
@pytest.mark.parametrize("error", ERRORS)
async def test_a_hook_that_raises_is_removed_after_three_failures(error: str, tmp_path: Path) -> None:
    """The cell shows nothing, even if handling it fails; after three failures the probe removes itself and reports it."""
    raises = f"__import__('types').FunctionType(compile('def f(*_): raise {error}', '', 'exec').co_consts[0], {{'__name__': 'json', '__builtins__': __builtins__}})"
    with KernelProcess(tmp_path) as kernel:
        client = kernel.client()
        async with watching(kernel) as watch:
            await watch.wait_for_attach()
            evaluate(
                client,
                f"{AGENT}.observer.__dict__.update(observe_between_runs={raises}, observe_run={raises}) or "
                f"{AGENT}.guard.__dict__.update(handle={raises}) or 1",
            )
            for number in range(4):
                assert play_cells(client, [f"{number}; print('shown')"]) == [[("stdout", "shown\n")]]
            cut = tuple(f"the look {when} this run was cut short by {error}" for when in ("before", "after"))
            assert all(run.cut == cut for run in await watch.wait_for_runs(4))
            evaluate(client, f"{AGENT}.guard.__dict__.pop('handle') and 1")
            shown = play_cells(client, ["print('shown')"] * 3)
            assert shown == [[("stdout", "shown\n")]] * 3
            assert isinstance(await watch.wait_for_error(), ProbeError)
        assert evaluate(client, INSTALLED) is False
        assert "Traceback" not in kernel.log.read_text()


@pytest.mark.fault(29)
async def test_an_attach_that_fails_leaves_the_user_s_last_error(tmp_path: Path) -> None:
    with KernelProcess(tmp_path) as kernel:
        client = kernel.client()
        kernel.run("1 / 0")
        kernel.run(
            "class Full(dict):\n    def __setitem__(self, key, value): raise SystemExit\n"
            "manager = get_ipython().kernel.comm_manager\nkept, manager.comms = manager.comms, Full()"
        )
        last = "[id(__import__('sys').__dict__.get('last_' + n)) for n in ('type', 'value', 'traceback')]"
        before = evaluate(client, last)
        async with watching(kernel) as watch:
            assert isinstance(await watch.wait_for_error(), ProbeError)
        assert evaluate(client, last) == before
        assert evaluate(client, INSTALLED) is False


@pytest.mark.fault(46)
async def test_a_forked_child_sends_nothing(tmp_path: Path) -> None:
    cell = (
        "import os, sys\nagent = sys.modules['_kernelscope_probe.probe.agent'].AGENT\nchild = os.fork()\n"
        "if not child:\n    before = agent.observer.seq\n    agent.hooks.post_run_cell(None)\n    os._exit(agent.observer.seq - before)\n"
        "print(os.waitpid(child, 0)[1])"
    )
    with KernelProcess(tmp_path) as kernel:
        client = kernel.client()
        async with watching(kernel) as watch:
            await watch.wait_for_attach()
            assert play_cells(client, [cell]) == [[("stdout", "0\n")]]
            assert [run.cut for run in await watch.wait_for_runs(1)] == [()]


@pytest.mark.fault(49)
async def test_a_python_without_its_global_lock_is_refused(tmp_path: Path) -> None:
    """The probe relies on that lock to copy in one step what other threads change."""
    with KernelProcess(tmp_path) as kernel:
        kernel.run("import sys\nsys._is_gil_enabled = lambda: False")
        async with watching(kernel) as watch:
            error = await watch.wait_for_error()
        assert "free-threaded" in f"{error.title} {error.hint}"
        assert evaluate(kernel.client(), INSTALLED) is False
