"""Runs or checks every command of the README and the reference pages: it does what the page says.

``tests/docs`` compares the tables of the pages with the code.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import re
import select
import shlex
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

import nbformat
import pytest

from kernelscope.export.lines import PlainLines
from kernelscope.timeline.timeline import Timeline
from screenshots import make
from tests.support.kernels import KernelProcess
from tests.support.pages import PAGES, README, ROOT, fenced_blocks, shell_commands

BIN = Path(sys.executable).parent
TIMEOUT_S = 120.0
"""Seconds after which a program counts as hanging, generous enough for a loaded machine."""


def commands() -> list[str]:
    """Return every command of the README and the pages once."""
    return list(dict.fromkeys(chain(*map(shell_commands, (README, *PAGES.values())))))


# How a command is checked: each kind is one way to find out that it does what the page says.

SET_UP = "checked by tests/test_packaging.py and .ci/run, in environments of their own"
DASHBOARD, ONCE, WATCH, RECORDING = "dashboard", "once", "watch", "recording"
SCRIPT, PICTURES, MODULE = "script", "pictures", "module"
EXPLAIN, RECORDED, CI, EXPORT = "explain", "recorded", "in CI", "export"

KINDS = {
    "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/kernelscope demo": SET_UP,
    "python3 -m venv .venv && .venv/bin/pip install '.[test]' && .venv/bin/python -m pytest -n auto --dist worksteal": SET_UP,
    "kernelscope ls": ONCE,
    "kernelscope": DASHBOARD,
    "kernelscope churn.ipynb": DASHBOARD,
    "kernelscope kernel-5e1c.json": DASHBOARD,
    "kernelscope 5e1c": DASHBOARD,
    "kernelscope -": DASHBOARD,
    "kernelscope watch": WATCH,
    "kernelscope watch --json": WATCH,
    "kernelscope record -o run.kscope": RECORDING,
    "kernelscope replay run.kscope": RECORDING,
    "kernelscope replay run.kscope --play --speed 8": RECORDING,
    "kernelscope export run.kscope --to html -o run.html": EXPORT,
    "kernelscope export run.kscope --to markdown": EXPORT,
    "kernelscope export run.kscope --to csv -o run.csv": EXPORT,
    "kernelscope export churn.ipynb --to jsonl": EXPORT,
    "kernelscope ls --json": ONCE,
    "kernelscope demo --json": ONCE,
    "kernelscope detach": ONCE,
    "kernelscope watch --keep 10m": WATCH,
    "kernelscope watch --poll 2": WATCH,
    "kernelscope watch --timeout 30": WATCH,
    "kernelscope audit": ONCE,
    "kernelscope audit --for 10s --json": ONCE,
    "kernelscope explain model": EXPLAIN,
    "kernelscope explain model --at 12": EXPLAIN,
    "kernelscope explain run.kscope \"models['lr']\" --json": RECORDED,
    "kernelscope check run.kscope --expect 'model: created once' --expect '*: never unknown'": RECORDED,
    "kernelscope info": ONCE,
    "kernelscope completion bash": ONCE,
    "kernelscope watch --expect 'model: not reset' -- jupyter execute churn.ipynb": CI,
    "kernelscope help": ONCE,
    "kernelscope help records": ONCE,
    "python3 -m venv .venv && .venv/bin/pip install -e '.[dev]'": SET_UP,
    ".ci/run": SCRIPT,
    ".ci/check": SCRIPT,
    "python -m pytest -m unit": MODULE,
    "python -m pytest tests/timeline": MODULE,
    "python -m tests.golden": MODULE,
    "python -m tests.faults 12": MODULE,
    ".venv/bin/python screenshots/make.py render": PICTURES,
    ".venv/bin/python screenshots/make.py page": PICTURES,
    ".venv/bin/python screenshots/make.py record": PICTURES,
}


def commands_of_kind(kind: str) -> list[str]:
    return [command for command, its_kind in KINDS.items() if its_kind == kind]


def test_every_command_is_checked_by_a_test() -> None:
    assert set(commands()) == set(KINDS)


@pytest.mark.parametrize("command", commands_of_kind(SCRIPT))
def test_a_script_exists_and_can_be_parsed(command: str) -> None:
    script = ROOT / command

    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0


@pytest.mark.parametrize("command", commands_of_kind(MODULE))
def test_a_module_and_its_marker_or_folder_exist(command: str, pytestconfig: pytest.Config) -> None:
    _python, _m, module, *arguments = command.split()

    assert find_spec(module) is not None
    if module != "pytest":
        assert find_spec(f"{module}.__main__") is not None
    elif arguments[0] == "-m":
        markers = pytestconfig.getini("markers")
        assert any(marker.startswith(f"{arguments[1]}:") for marker in markers)
    else:
        assert (ROOT / arguments[0]).is_dir()


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelProcess]:
    """The kernel of the examples: the only one, with a notebook and a model."""
    runtime = tmp_path_factory.mktemp("runtime")
    notebook = working_folder(runtime) / "churn.ipynb"
    notebook.parent.mkdir()
    notebook.touch()
    extra = {"jupyter_session": str(notebook)}
    with KernelProcess(runtime, name="kernel-5e1c.json", extra=extra) as kernel:
        kernel.run("from sklearn.linear_model import LogisticRegression\ngrace = LogisticRegression()")
        yield kernel


def working_folder(runtime: Path) -> Path:
    """Return the user's working folder."""
    return runtime / "work"


def environment(kernel: KernelProcess) -> dict[str, str]:
    """Return environment variables that hide other kernels and put ``kernelscope`` on the path."""
    inherited = {name: value for name, value in os.environ.items() if name != "XDG_RUNTIME_DIR"}
    return {
        **inherited,
        "JUPYTER_RUNTIME_DIR": str(kernel.folder),
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "TERM": "xterm-256color",
    }


def run_to_end(kernel: KernelProcess, command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        shlex.split(command),
        cwd=working_folder(kernel.folder),
        env=environment(kernel),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )


# On a terminal.


class TerminalProgram:
    """Runs a program on a terminal of its own."""

    def __init__(self, kernel: KernelProcess, command: str) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
        self.process = subprocess.Popen(
            shlex.split(command),
            cwd=working_folder(kernel.folder),
            env=environment(kernel),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self._seen = ""

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def wait_until(self, fact: Callable[[str], object]) -> None:
        """Read the program's output until this holds."""
        end = time.monotonic() + TIMEOUT_S
        while not fact(self._seen):
            assert time.monotonic() < end, self._seen[-2_000:]
            assert "internal error" not in self._seen, self._seen[-2_000:]
            if select.select([self._ours], [], [], 0.2)[0]:
                self._seen += os.read(self._ours, 65_536).decode(errors="replace")

    def wait(self) -> int:
        """Wait for its exit status; read and drop the remaining output."""
        end = time.monotonic() + TIMEOUT_S
        while self.process.poll() is None and time.monotonic() < end:
            if select.select([self._ours], [], [], 0.1)[0]:
                try:
                    os.read(self._ours, 65_536)
                except OSError:  # the last program on this terminal has ended
                    break
        return self.process.wait(timeout=TIMEOUT_S)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)


@contextmanager
def run_on_terminal(kernel: KernelProcess, command: str) -> Iterator[TerminalProgram]:
    program = TerminalProgram(kernel, command)
    try:
        yield program
    finally:
        program.close()


@pytest.mark.parametrize("command", commands_of_kind(DASHBOARD))
def test_the_dashboard_opens_and_q_quits_it(kernel: KernelProcess, command: str) -> None:
    with run_on_terminal(kernel, command) as program:
        if command.endswith(" -"):  # as %connect_info has it, then Ctrl-D
            program.type(kernel.connection_file.read_text() + "\n\nPaste the above JSON\n\x04")
        program.wait_until(lambda seen: "grace" in seen)
        program.type("q")

        assert program.wait() == 0
    assert run_to_end(kernel, "kernelscope detach").stdout == "there was no probe in the kernel\n"


def test_the_demo_opens_on_a_terminal_and_q_quits_it(kernel: KernelProcess) -> None:
    with run_on_terminal(kernel, "kernelscope demo") as program:
        program.wait_until(lambda seen: "my_model" in seen)
        program.type("q")

        assert program.wait() == 0


def test_a_page_opens_in_the_pager_and_q_quits_it(kernel: KernelProcess) -> None:
    with run_on_terminal(kernel, "kernelscope help records") as program:
        program.wait_until(lambda seen: "The JSON records" in seen)
        program.type("q")

        assert program.wait() == 0


# Without a terminal.


class WatchCommand:
    """Runs ``kernelscope watch`` and reads it line by line."""

    def __init__(self, kernel: KernelProcess, command: str) -> None:
        self.process = subprocess.Popen(
            shlex.split(command),
            cwd=working_folder(kernel.folder),
            env=environment(kernel),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_until(self, text: str) -> str:
        """Return the next line that contains this."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if text in line:
                return line
        raise AssertionError(f"it ended without {text!r}: {self.process.communicate()[1]}")

    def wait_for_recording(self) -> None:
        """Wait until its standard error says that it records."""
        assert self.process.stderr is not None
        assert any("Ctrl-C ends it" in line for line in self.process.stderr)

    def interrupt(self) -> int:
        """Press Ctrl-C; returns the exit status."""
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=TIMEOUT_S)
        return self.process.returncode


@contextmanager
def run_watch(kernel: KernelProcess, command: str) -> Iterator[WatchCommand]:
    watcher = WatchCommand(kernel, command)
    try:
        yield watcher
    finally:
        watcher.process.kill()
        watcher.process.communicate()


@pytest.mark.parametrize("command", commands_of_kind(WATCH))
def test_watch_prints_every_run_until_ctrl_c(kernel: KernelProcess, command: str) -> None:
    with run_watch(kernel, command) as watcher:
        watcher.wait_until("attached")
        kernel.run("grace = LogisticRegression(C=0.5)")
        line = watcher.wait_until("was replaced")
        if "--poll" in command:
            kernel.run("import threading; threading.Timer(1.0, grace.set_params, [], {'C': 7.0}).start()")
            line = watcher.wait_until("7.0")

        assert "grace" in line
        assert watcher.interrupt() == 130
    done = run_to_end(kernel, "kernelscope detach")
    assert (done.stdout == "the probe has left the kernel\n") == ("--keep" in command)
    assert done.returncode == 0


def test_a_recording_is_replayed_and_exported(kernel: KernelProcess) -> None:
    record, replay, play = commands_of_kind(RECORDING)
    with run_watch(kernel, "kernelscope watch") as watcher, run_watch(kernel, record) as recorder:
        watcher.wait_until("attached")
        recorder.wait_for_recording()
        kernel.run("grace = LogisticRegression(C=0.125)")
        line = watcher.wait_until("was replaced")
        with run_watch(kernel, f"{replay} --follow") as follower:
            assert follower.wait_until("was replaced") == line
        assert recorder.interrupt() == 130

    assert run_to_end(kernel, record).returncode == 5  # it exists and is not overwritten
    again = run_to_end(kernel, replay)
    assert line in again.stdout
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.splitlines()[-1] == "detached: on request"
    with run_on_terminal(kernel, replay) as program:
        program.wait_until(lambda seen: "grace" in seen and "0.125" in seen)
        program.type("q")
        assert program.wait() == 0
    with run_on_terminal(kernel, play) as program:
        program.wait_until(lambda seen: "×8" in seen)
        program.type("q")
        assert program.wait() == 0

    page, markdown, csv, live = (run_to_end(kernel, command) for command in commands_of_kind(EXPORT))
    work = working_folder(kernel.folder)
    for done in (page, markdown, csv, live):
        assert (done.returncode, done.stderr) == (0, "")
    assert "grace was replaced" in (work / "run.html").read_text(encoding="utf-8")
    assert "`grace`" in markdown.stdout
    assert "grace" in (work / "run.csv").read_text(encoding="utf-8")
    assert json.loads(live.stdout.splitlines()[0])["type"] == "attached"
    assert {path.name for path in work.iterdir()} >= {"run.html", "run.csv"}
    assert not list(work.glob(".*"))  # nothing half-written


@pytest.mark.parametrize("command", commands_of_kind(ONCE))
def test_a_command_that_ends_by_itself_succeeds(kernel: KernelProcess, command: str) -> None:
    done = run_to_end(kernel, command)

    assert (done.returncode, done.stderr) == (0, "")
    if "--json" in command:
        assert all(json.loads(line) for line in done.stdout.splitlines())
    assert done.stdout


def test_a_name_is_explained_from_the_probe_s_history(kernel: KernelProcess) -> None:
    with run_watch(kernel, "kernelscope watch --keep 10m") as watcher:
        watcher.wait_until("attached")
        assert watcher.interrupt() == 130
    count = kernel.run("model = LogisticRegression()")["execution_count"]
    kernel.run("model.set_params(C=0.75)")

    plain, at = (run_to_end(kernel, c.replace("--at 12", f"--at {count}")) for c in commands_of_kind(EXPLAIN))
    assert (plain.returncode, plain.stderr, at.returncode, at.stderr) == (0, "", 0, "")
    assert f"In [{count}] model was created" in plain.stdout
    assert "C 1.0 → 0.75" in plain.stdout
    assert "0.75" not in at.stdout
    run_to_end(kernel, "kernelscope detach")
    kernel.run("del model")


def test_a_recording_is_explained_and_checked(kernel: KernelProcess) -> None:
    with run_watch(kernel, "kernelscope watch --record models.kscope") as watcher:
        watcher.wait_until("attached")
        kernel.run("models = {'lr': LogisticRegression()}; model = LogisticRegression()")
        watcher.wait_until("created")
        assert watcher.interrupt() == 130
    kernel.run("del models, model")

    explained, checked = (
        run_to_end(kernel, c.replace("run.kscope", "models.kscope")) for c in commands_of_kind(RECORDED)
    )
    assert (explained.returncode, explained.stderr) == (0, "")
    assert json.loads(explained.stdout)["name"] == "models['lr']"
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout == "holds      model: created once\nholds      *: never unknown\n"


@pytest.mark.parametrize("resets", [True, False])
def test_a_notebook_in_ci_fails_when_a_cell_resets_the_model(
    kernel: KernelProcess, tmp_path: Path, resets: bool
) -> None:
    cells = ["from sklearn.linear_model import LogisticRegression\nmodel = LogisticRegression()"]
    cells += ["model.fit([[0], [1]], [0, 1])", *(["model = LogisticRegression()"] if resets else [])]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in cells])  # type: ignore[no-untyped-call]
    nbformat.write(notebook, tmp_path / "churn.ipynb")  # type: ignore[no-untyped-call]
    (command,) = commands_of_kind(CI)
    done = subprocess.run(
        shlex.split(command), cwd=tmp_path, env=environment(kernel), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False, timeout=2 * TIMEOUT_S,
    )  # fmt: skip

    assert done.returncode == int(resets), done.stderr
    runs = [line for line in done.stdout.splitlines() if line.startswith("In [")]
    assert [line.split("]")[0] for line in runs] == [f"In [{n + 1}" for n in range(len(cells))]
    assert ("expected otherwise: In [3] model was replaced" in done.stderr) == resets


def test_jupyter_has_the_subcommand(kernel: KernelProcess) -> None:
    assert "`jupyter kernelscope`" in README

    assert "churn.ipynb" in run_to_end(kernel, "jupyter kernelscope ls").stdout


def test_a_probe_that_stays_informs_the_next_watcher(kernel: KernelProcess) -> None:
    with run_watch(kernel, "kernelscope watch --keep 10m") as watcher:
        watcher.wait_until("attached")
        assert watcher.interrupt() == 130
    kernel.run("kept = LogisticRegression()")
    kernel.run("kept.set_params(C=0.25)")

    with run_on_terminal(kernel, "kernelscope") as program:
        program.wait_until(lambda seen: "kept" in seen and "0.25" in seen)
        program.type("q")
        assert program.wait() == 0
    run_to_end(kernel, "kernelscope detach")
    kernel.run("del kept")


def test_the_exit_statuses_are_as_documented(kernel: KernelProcess) -> None:
    # 0 and 130 are tested above, 1 with the audit

    assert run_to_end(kernel, "kernelscope churn.ipynb").returncode == 2  # the dashboard, on no terminal
    assert run_to_end(kernel, "kernelscope watch --keep soon").returncode == 2
    assert run_to_end(kernel, "kernelscope watch nothing-like-it").returncode == 3
    assert run_to_end(kernel, "kernelscope replay churn.ipynb").returncode == 5
    busy = kernel.queue("import time; time.sleep(4)")
    late = run_to_end(kernel, "kernelscope watch --timeout 0.5")
    kernel.wait(busy)
    assert late.returncode == 4
    assert late.stderr


def test_the_script_for_ci_runs_the_readme_s_own_test_command() -> None:
    pattern = re.search(r"grep -E '([^']+)' README.md", (ROOT / ".ci" / "run").read_text(encoding="utf-8"))

    assert pattern is not None
    assert len(re.findall(pattern[1], README, flags=re.MULTILINE)) == 1


@pytest.mark.parametrize("command", commands_of_kind(PICTURES))
def test_this_script_makes_the_pictures(command: str) -> None:
    """Its subcommands are run by tests/test_screenshots.py and tests/export/test_page_in_browser.py."""
    _python, script, what = command.split()

    assert (ROOT / script).samefile(make.__file__)
    assert callable(getattr(make, what))


# Examples.


def test_the_example_lines_are_the_demo_s() -> None:
    (example,) = fenced_blocks(README, "text")
    timeline, out = Timeline(), io.StringIO()
    write = PlainLines(out)
    for event in make.read():
        write(timeline.apply(event))

    assert set(example.splitlines()) <= set(out.getvalue().splitlines())


def test_the_example_audit_has_the_lines_of_a_real_one(kernel: KernelProcess) -> None:
    (example,) = fenced_blocks(PAGES["probe"], "text")
    printed = run_to_end(kernel, "kernelscope audit --for 0s").stdout

    assert {subject(line) for line in example.splitlines()} - {"…"} <= {
        subject(line) for line in printed.splitlines()
    }
    assert example.splitlines()[-1] == printed.splitlines()[-1]


def subject(line: str) -> str:
    """Return the subject of a line."""
    return re.split(r"\s{2,}", line.strip())[0]


def test_an_audit_that_finds_something_has_exit_status_1(kernel: KernelProcess) -> None:
    change = "threading.Timer(0, sys.modules.update, [], {'made_up': sys})"
    waits = "next(i for i in iter(int, 1) if '_kernelscope_probe' in sys.modules)"
    kernel.run(f"import sys, threading\nthreading.Thread(target=lambda: [{waits}, {change}.start()]).start()")
    done = run_to_end(kernel, "kernelscope audit --for 0.5s")
    kernel.run("sys.modules.pop('made_up')")

    assert done.returncode == 1
    assert "+ made_up" in done.stdout


def test_the_oldest_python_is_the_package_s() -> None:
    assert 'requires-python = ">=3.11"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert "You need Python 3.11 or newer" in README
