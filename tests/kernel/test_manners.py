"""Compares what the probe's oath promises with real kernels."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kernelscope.domain.events import Observed, Waiting
from kernelscope.errors import ProbeError
from kernelscope.kernel import inject
from tests.kernel.watching import INSTALLED, LONG, evaluate, run_cell, watching
from tests.support.kernels import KernelProcess, wait_until_ready
from tests.support.recordings import events_in

CELLS = (
    "import sys, warnings, threading\nfrom sklearn.linear_model import LogisticRegression, SGDClassifier",
    "X, y = [[0.0], [1.0], [2.0]], [0, 1, 1]\nmodel = LogisticRegression()",
    "model.fit(X, y)",
    "pattern = '\\d'\nwarnings.warn('once')",
    "model",
    "_",
    "%%capture shown\nprint(1)\nmodel.partial",
    "1 / 0",
    "def broken(:",
    "raise SystemExit",
    "get_ipython().run_cell('inner = 3')",
    "sgd = SGDClassifier().partial_fit(X, y, classes=[0, 1])",
    "print(len(In), sorted(Out), inner)",
    "%who",
)

REPORT = """
def report():
    import gc, linecache, sys, threading, warnings
    ip = get_ipython()
    named = lambda f: getattr(f, "__qualname__", "") + " " + str(getattr(f, "__module__", ""))
    monitoring = getattr(sys, "monitoring", None)
    return {
        "callbacks": {e: [named(f) for f in fs] for e, fs in ip.events.callbacks.items()},
        "modules": sorted(sys.modules),
        "comms": sorted(ip.kernel.comm_manager.comms),
        "threads": sorted(t.name for t in threading.enumerate()),
        "tools": [monitoring.get_tool(i) for i in range(6)] if monitoring else [],
        "in": list(ip.user_ns["In"]), "out": sorted(ip.user_ns["Out"]), "_": type(ip.user_ns["_"]).__name__,
        "count": ip.execution_count, "history": list(ip.history_manager.input_hist_raw),
        "names": sorted(ip.user_ns), "hidden": sorted(ip.user_ns_hidden),
        "linecache": len(linecache.cache),
        "last": [type(getattr(sys, n, None)).__name__ for n in ("last_type", "last_value", "last_traceback")],
        "filters": len(warnings.filters), "gc": len(gc.callbacks), "trace": sys.gettrace() is None,
    }
"""
REPLACE = """
import builtins, functools, hashlib, json, os, sys, time, weakref
used = []
def noticed(module, name):
    function = getattr(module, name)
    def inner(*given, **named):
        if str(sys._getframe(1).f_globals.get("__name__")).startswith("_kernelscope"):
            used.append(name)
        return function(*given, **named)
    setattr(module, name, inner)
for module, name in ((json, "dumps"), (json, "loads"), (time, "time"), (time, "perf_counter"),
    (os, "getpid"), (builtins, "len"), (builtins, "isinstance"), (builtins, "id"), (builtins, "repr")):
    noticed(module, name)
"""
EXPRESSION = f"(lambda s: (exec({REPORT!r}, s), s['report']())[1])({{'get_ipython': get_ipython}})"


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[KernelProcess]:
    with KernelProcess(tmp_path) as process:
        yield process


def start_kernels(python: str, *folders: Path) -> list[KernelProcess]:
    for folder in folders:
        folder.mkdir()
    return [KernelProcess(folder, python) for folder in folders]


def mask_ids(outputs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Mask what differs from kernel to kernel: process ids, addresses, times."""
    return [
        (k, re.sub(r"0x[0-9a-f]+|\bat [0-9a-f]+|ipykernel_\d+|[\d.]+ [µnm]?s\b", "…", t)) for k, t in outputs
    ]


def watch_process(kernel: KernelProcess) -> subprocess.Popen[str]:
    """Start another kernelscope as a user does."""
    command = [sys.executable, "-m", "kernelscope", "watch", str(kernel.connection_file), "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def read_record(process: subprocess.Popen[str], kind: str) -> dict[str, Any]:
    assert process.stdout is not None
    for line in process.stdout:
        record: dict[str, Any] = json.loads(line)
        if record["type"] == kind:
            return record
    raise AssertionError(f"it ended without a line of type {kind}")


@pytest.mark.fault(36)
async def test_no_trace_is_left(python: str, tmp_path: Path) -> None:
    """Run the same cells in two kernels; one is watched, detached, and watched by a process that is killed."""
    plain, watched = start_kernels(python, tmp_path / "plain", tmp_path / "watched")
    with plain, watched:
        ours, theirs = watched.client(), plain.client()
        for client in (ours, theirs):
            wait_until_ready(client)
        async with watching(watched) as watch:
            await watch.wait_for_attach()
            for number, cell in enumerate(CELLS, start=1):
                assert mask_ids(run_cell(ours, cell)) == mask_ids(run_cell(theirs, cell)), cell
                await watch.wait_for_runs(number)
            assert watch.codes == list(CELLS)
            state = evaluate(ours, EXPRESSION)
            assert state["names"] == evaluate(theirs, EXPRESSION)["names"]
        assert evaluate(ours, EXPRESSION) == evaluate(theirs, EXPRESSION)
        with watch_process(watched) as other:
            read_record(other, "attached")
            run_cell(ours, "model.fit(X, y)")
            read_record(other, "execution")
            other.kill()
        run_cell(theirs, "model.fit(X, y)")
        for client in (ours, theirs):
            run_cell(client, "after = 1")
        assert evaluate(ours, EXPRESSION) == evaluate(theirs, EXPRESSION)
        assert plain.log.read_text() == watched.log.read_text().replace(
            str(watched.folder), str(plain.folder)
        )


async def test_a_failing_hook_reaches_no_cell_and_is_removed_after_three_failures(
    kernel: KernelProcess,
) -> None:
    client = kernel.client()
    wait_until_ready(client)
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        # The namespace has the name of a module that the probe calls, so that the failure is not the user's code.
        break_it = (
            "import sys\nlook = sys.modules['_kernelscope_probe.probe.agent'].AGENT.observer.scanner\n"
            "look.scan = eval('lambda *_, **__: 1 / 0', {'__name__': 'json'})"
        )
        for cell in (break_it, "a = 1", "b = 2", "c = 3"):
            assert run_cell(client, cell) == []
        error = await watch.wait_for_error()
        assert isinstance(error, ProbeError)
        assert watch.codes[:1] == [break_it], "the run is reported although its look failed"
        assert "ZeroDivisionError" in watch.runs[0].cut[0]
    assert evaluate(client, INSTALLED) is False
    callbacks = evaluate(client, "[len(v) for v in get_ipython().events.callbacks.values()]")
    kernel.restart()
    wait_until_ready(client)
    assert callbacks == evaluate(client, "[len(v) for v in get_ipython().events.callbacks.values()]")


async def test_a_failing_attach_is_rolled_back(tmp_path: Path) -> None:
    with KernelProcess(tmp_path) as kernel:
        kernel.run(
            "class Full(dict):\n    def __setitem__(self, key, value): raise MemoryError\n"
            "manager = get_ipython().kernel.comm_manager\nkept, manager.comms = manager.comms, Full()"
        )
        async with watching(kernel) as watch:
            assert isinstance(await watch.wait_for_error(), ProbeError)
        client = kernel.client()
        assert evaluate(client, INSTALLED) is False
        kernel.run("manager.comms = kept")
        report = evaluate(client, EXPRESSION)
        assert {k: v for k, v in report.items() if "_kernelscope_probe" in str(v)} == {}
        assert not any(name.startswith("kernelscope") for name in report["comms"] + report["threads"])
        async with watching(kernel) as watch:
            await watch.wait_for_attach()


async def test_the_probe_stays_as_long_as_requested(kernel: KernelProcess) -> None:
    client = kernel.client()
    async with watching(kernel, keep=60.0) as watch:
        await watch.wait_for_attach()
    kernel.run("a = 1")
    assert evaluate(client, INSTALLED) is True
    async with watching(kernel) as watch:
        attached = await watch.wait_for_attach()
        assert [o.run.code for o in attached.history if o.run] == ["a = 1"]
        kernel.run(
            "sys = __import__('sys'); sys.modules['_kernelscope_probe.probe.agent'].AGENT.lease.keep_alive.seconds = 0.01"
        )
        await watch.wait_for_runs(1)

    def is_uninstalled() -> bool:
        kernel.run("b = 2")
        return evaluate(client, INSTALLED) is False

    await wait_until(is_uninstalled)


async def wait_until(fact: Any) -> None:
    async with asyncio.timeout(LONG):
        while not fact():  # noqa: ASYNC110 - the fact asks the kernel, which takes its time
            await asyncio.sleep(0)


async def test_the_poller_reports_changes_and_ends(kernel: KernelProcess, tmp_path: Path) -> None:
    kernel.run(
        "import threading, pathlib\nfrom sklearn.svm import SVC\n"
        "def later():\n"
        "    while not pathlib.Path('go').exists(): pass\n"
        "    globals()['model'] = SVC()\n"
        "threading.Thread(target=later).start()"
    )
    client = kernel.client()
    threads = "[t.name for t in __import__('threading').enumerate()]"
    async with watching(kernel, poll=0.1) as watch:
        await watch.wait_for_attach()
        assert "kernelscope-poll" in evaluate(client, threads)
        (tmp_path / "go").touch()
        await watch.wait_until(lambda w: any("model" in o.names and o.run is None for o in w.observations))
    assert "kernelscope-poll" not in evaluate(client, threads)
    assert evaluate(client, INSTALLED) is False


@pytest.mark.fault(84)
async def test_two_watchers_receive_the_same(kernel: KernelProcess) -> None:
    client = kernel.client()
    kernel.run("from sklearn.svm import SVC\na = SVC()")
    async with watching(kernel) as first:
        await first.wait_for_attach()
        kernel.run("b = SVC()")
        await first.wait_for_runs(1)
        async with watching(kernel) as second:
            attached = await second.wait_for_attach()
            assert [o.run.code for o in attached.history if o.run] == ["b = SVC()"]
            assert {o.generation for o in attached.base.objects} == {1}
            assert {o.generation for o in attached.history[0].objects} == {2}
            kernel.run("a = b")
            await first.wait_for_runs(2)
            await second.wait_for_runs(1)
            assert first.runs[-1] == second.runs[-1]
        kernel.run("c = SVC()")
        await first.wait_for_runs(3)
        assert {o.generation for o in first.runs[-1].objects} == {3}
        assert evaluate(client, INSTALLED) is True
    assert evaluate(client, INSTALLED) is False


async def test_a_run_is_reported_without_its_look_and_the_next_look_reports_the_rest(
    kernel: KernelProcess,
) -> None:
    lock = "__import__('sys').modules['_kernelscope_probe.probe.agent'].AGENT.observer.lock"
    kernel.run("from sklearn.svm import SVC")
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        hold = f"lock = {lock}; held, over = threading.Event(), threading.Event()\n"
        hold += "def hold():\n    with lock:\n        held.set()\n        over.wait()\n"
        kernel.run(f"import threading\n{hold}threading.Thread(target=hold).start(); held.wait(); a = SVC()")
        (run,) = await watch.wait_for_runs(1)
        assert run.cut == ("the look after this run: another look was at work",)
        assert not run.names
        kernel.run("over.set()")
        await watch.wait_for_runs(2)
        assert set(watch.runs[-1].names) == {"a"}


@pytest.mark.fault(39, 43)
async def test_what_counts_as_a_run(kernel: KernelProcess) -> None:
    fork = (
        "import os\nchild = os.fork()\n"
        "if not child:\n    get_ipython().run_cell('1', store_history=True)\n    os._exit(0)\n"
        "_ = os.waitpid(child, 0)"
    )
    cells = [
        ("get_ipython().run_cell('1')", "ok"),
        ("%%capture\nget_ipython().run_cell('2', store_history=True)", "ok"),
        (fork, "ok"),
        ("raise KeyboardInterrupt", "interrupted"),
        ("raise SystemExit", "error"),
        ("def broken(:", "error"),
        ("1 / 0", "error"),
        ("class M(type):\n    @property\n    def __mro__(cls): raise ValueError\nclass E(Exception, metaclass=M): ...\nraise E", "error"),
        ("import asyncio\nawait asyncio.sleep(0)", "ok"),
    ]  # fmt: skip
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        for number, (cell, _) in enumerate(cells, start=1):
            kernel.wait(kernel.queue("'a tool asks'", store_history=False))
            kernel.wait(kernel.queue("'silent'", silent=True))
            kernel.wait(kernel.queue(cell, cell_id=f"cell-{number}"))
            await watch.wait_for_runs(number)
        kernel.run("''")
        await watch.wait_for_runs(len(cells) + 1)
        assert list(zip(watch.codes, watch.statuses, strict=True))[:-1] == cells
        assert [o.run.execution_count for o in watch.runs if o.run] == sorted(
            {o.run.execution_count for o in watch.runs if o.run}
        )


@pytest.mark.fault(40)
async def test_an_attach_waits_for_input_of_the_user(kernel: KernelProcess) -> None:
    client = kernel.client()
    wait_until_ready(client)
    request = client.execute("answer = input('? ')", allow_stdin=True)
    assert client.get_stdin_msg(timeout=LONG)["content"]["prompt"] == "? "
    async with watching(kernel) as watch:
        await watch.wait_until(lambda w: any(isinstance(e, Waiting) for e in w.events))
        client.input("42")
        await watch.wait_for_attach()
        reply = client.get_shell_msg(timeout=LONG)
        assert reply["parent_header"]["msg_id"] == request
        assert reply["content"]["status"] == "ok"
        assert evaluate(client, "answer") == "42"


async def test_what_threads_print_reaches_the_cell(kernel: KernelProcess, tmp_path: Path) -> None:
    client = kernel.client()
    wait_until_ready(client)
    async with watching(kernel) as first:
        await first.wait_for_attach()
        cell = (
            "import threading, pathlib\n"
            "def later():\n    while not pathlib.Path('go').exists(): pass\n    print('from the thread', flush=True)\n"
            "threading.Thread(target=later).start()"
        )
        request = client.execute(cell)
        await first.wait_for_runs(1)
        async with watching(kernel) as second:
            await second.wait_for_attach()
            (tmp_path / "go").touch()
            while (message := client.get_iopub_msg(timeout=LONG))["msg_type"] != "stream":
                pass
            assert message["content"]["text"].strip() == "from the thread"
            assert message["parent_header"]["msg_id"] == request


@pytest.mark.fault(31, 33)
async def test_reset_and_other_magics_work(kernel: KernelProcess) -> None:
    client = kernel.client()
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        kernel.run("from sklearn.svm import SVC\na = SVC(); d = {'k': SVC()}")
        kernel.run("%reset -f")
        runs = await watch.wait_for_runs(2)
        assert runs[-1].names == {"a": None, "d['k']": None}
        kernel.run("import sys\nfor n in [n for n in sys.modules if 'kernelscope' in n]: del sys.modules[n]")
        kernel.run(REPLACE)
        kernel.run("from sklearn.svm import SVC\na = SVC(); b = [a]\na.fit([[0], [1]], [0, 1])")
        runs = await watch.wait_for_runs(5)
        assert runs[-1].cut == ()
        assert set(runs[-1].names) == {"a", "b[0]"}
        assert evaluate(client, "used") == []
    await wait_until(
        lambda: "_kernelscope" not in str(evaluate(client, "str(get_ipython().events.callbacks)"))
    )


async def test_a_notebook_may_use_the_names_of_builtins(kernel: KernelProcess) -> None:
    kernel.run("dict = list = str = exec = compile = vars = type = len = print = sys = json = s = q = 3")
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        kernel.run("del dict, list, str")
        await watch.wait_for_runs(1)


async def test_a_client_that_left_before_its_attach_was_read_gets_no_probe(
    kernel: KernelProcess, tmp_path: Path
) -> None:
    waiting = kernel.queue("import pathlib\nwhile not pathlib.Path('go').exists(): pass")
    with watch_process(kernel) as other:
        read_record(other, "waiting")
        other.kill()
    (tmp_path / "go").touch()
    kernel.wait(waiting)
    assert evaluate(kernel.client(), INSTALLED) is False


async def test_a_watcher_on_another_machine_renews_its_lease(
    kernel: KernelProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its process cannot be checked; without a renewal it counts as gone after some runs."""
    monkeypatch.setattr(inject, "machine_mark", lambda: "elsewhere")
    monkeypatch.setattr(inject, "start_mark", lambda _pid: "never")
    copy = tmp_path / "copy.json"  # like a file copied over ssh: no local process was started with it
    copy.write_text(kernel.connection_file.read_text())
    copy.chmod(0o600)
    kernel.connection_file, own = copy, kernel.connection_file
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        for number in range(1, 61):
            kernel.run(f"a = {number}")
            await watch.wait_for_runs(number)
        os.kill(kernel.pid, signal.SIGINT)  # harmless to an idle kernel
        kernel.run("b = 1")
        await watch.wait_for_runs(61)
    kernel.connection_file = own


@pytest.mark.fault(35)
async def test_a_probe_that_lost_its_modules_leaves_those_of_another_alone(kernel: KernelProcess) -> None:
    client = kernel.client()
    kernel.run("%load_ext autoreload\n%autoreload 2\nimport sys")
    report = evaluate(client, EXPRESSION)
    async with watching(kernel) as first:
        await first.wait_for_attach()
        kernel.run("for name in [n for n in sys.modules if 'kernelscope' in n]: del sys.modules[name]")
        await first.wait_for_runs(1)
        async with watching(kernel) as second:
            await second.wait_for_attach()
            await first.source.close()
            assert evaluate(client, INSTALLED) is True
            kernel.run("a = 1")
            await second.wait_for_runs(1)
    assert evaluate(client, INSTALLED) is False
    state = evaluate(client, EXPRESSION)
    assert {k: state[k] for k in ("callbacks", "comms", "threads")} == {
        k: report[k] for k in ("callbacks", "comms", "threads")
    }


@pytest.mark.fault(47)
@pytest.mark.parametrize(
    "end",
    [
        "import os; os._exit(9)",
        "import ctypes; ctypes.string_at(0)",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)  # as the OOM killer does",
    ],
    ids=["exit", "segfault", "killed"],
)
async def test_a_cell_may_end_the_kernel(kernel: KernelProcess, tmp_path: Path, end: str) -> None:
    """The death is reported, and the recording has everything before it."""
    recording = tmp_path / "runs.kscope"
    command = [sys.executable, "-m", "kernelscope", "watch", str(kernel.connection_file), "--json"]
    recorder = await asyncio.create_subprocess_exec(
        *command, "--record", str(recording), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert recorder.stdout is not None
    records: list[dict[str, Any]] = []
    async with asyncio.timeout(LONG):
        async for line in recorder.stdout:
            records.append(json.loads(line))
            if records[-1]["type"] == "attached":
                kernel.run("from sklearn.svm import SVC\nmodel = SVC()")
                kernel.connection_file.unlink()
                kernel.queue(end)
        assert await recorder.wait() == 3
    assert [line["state"] for line in records if line["type"] == "kernel"][-1] == "died"
    events = await events_in(recording)
    runs = [event.observation for event in events if isinstance(event, Observed)]
    assert [set(run.names) for run in runs if run.run] == [{"model"}]


@pytest.mark.fault(48)
async def test_threads_may_change_the_namespace_during_a_look(kernel: KernelProcess) -> None:
    """Every look scans a copy that is made in one step, so that no hook or poll fails."""
    kernel.run(
        "import sys, threading\nsys.setswitchinterval(1e-6)\n"
        "for i in range(3000): globals()[f'name_{i}'] = i\n"
        "def change():\n"
        "    number = 0\n"
        "    while not done:\n"
        "        number = (number + 1) % 500\n"
        "        globals()[f'more_{number}'] = number; globals().pop(f'more_{(number * 7) % 500}', None)\n"
        "done = []; threads = [threading.Thread(target=change) for _ in range(2)]\n"
        "for thread in threads: thread.start()"
    )
    agent = "__import__('sys').modules['_kernelscope_probe.probe.agent'].AGENT"
    async with watching(kernel, poll=0.1) as watch:
        await watch.wait_for_attach()
        for number in range(1, 16):
            kernel.run("a = 1")
            await watch.wait_for_runs(number)
        kernel.run("done.append(1); [thread.join() for thread in threads]; sys.setswitchinterval(0.005)")
        assert [run.cut for run in await watch.wait_for_runs(16)] == [()] * 16
        assert evaluate(kernel.client(), f"{agent}.guard.failures") == 0
