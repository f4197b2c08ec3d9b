"""The README tells the truth: its commands run, its tables are the code's, its links lead somewhere."""

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
from pathlib import Path
from typing import Any, get_args

import click
import nbformat
import pytest

from kernelscope import cli
from kernelscope.domain.changes import Certainty
from kernelscope.domain.events import Event
from kernelscope.expectations.checker import Jury
from kernelscope.expectations.language import KEYWORDS, WHEN, parse
from kernelscope.export.expectations import expectation_record
from kernelscope.export.lines import PlainLines
from kernelscope.forecast.forecast import Forecaster
from kernelscope.presentation.glyphs import GLYPHS
from kernelscope.protocol import records
from kernelscope.timeline.timeline import Timeline
from kernelscope.tui.commands import TIMELINE
from screenshots import make
from tests.support.facts import OBSCURE, Watch, bound, dumped, forgot, model, params, taught
from tests.support.kernels import KernelProcess

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent
_PATIENCE_S = 30.0


def fenced(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    """Every command that the README gives, without its remark."""
    lines = "".join(fenced("sh")).splitlines()
    return [re.sub(r"\s{2,}# .*$", "", line) for line in lines]


def table(*heading: str) -> list[list[str]]:
    """The rows of the table that begins so."""
    start = README.index("| " + " | ".join(heading))
    rows = [line for line in README[start:].split("\n\n")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def replayed() -> tuple[list[dict[str, Any]], list[str]]:
    """What the recorded demo is as records and as lines."""
    timeline, out = Timeline(), io.StringIO()
    plain, told = PlainLines(out), list[dict[str, Any]]()
    for event in make.read():
        update = timeline.apply(event)
        plain(update)
        told += records.records_of(update, timeline.objects, Forecaster(timeline).of)
    return told, out.getvalue().splitlines()


# What a command is run as: each kind is one way to find out that it does what the README says.

SET_UP = "checked by tests/test_packaging.py and .ci/run, in environments of their own"
DASHBOARD, ONCE, WATCH, RECORDING = "dashboard", "once", "watch", "recording"
SCRIPT, PICTURES = "script", "pictures"
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
    ".ci/run": SCRIPT,
    ".venv/bin/python screenshots/make.py render": PICTURES,
    ".venv/bin/python screenshots/make.py page": PICTURES,
    ".venv/bin/python screenshots/make.py record": PICTURES,
}


def of_kind(kind: str) -> list[str]:
    return [command for command in commands() if KINDS.get(command) == kind]


def test_every_command_is_run_by_some_test() -> None:
    assert set(commands()) == set(KINDS)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelProcess]:
    """A kernel as the README's examples have it: alone, with a notebook, and a model in it."""
    runtime = tmp_path_factory.mktemp("runtime")
    notebook = work_of(runtime) / "churn.ipynb"
    notebook.parent.mkdir()
    notebook.touch()
    extra = {"jupyter_session": str(notebook)}
    with KernelProcess(runtime, name="kernel-5e1c.json", extra=extra) as kernel:
        kernel.run("from sklearn.linear_model import LogisticRegression\ngrace = LogisticRegression()")
        yield kernel


def work_of(runtime: Path) -> Path:
    """Where the user is."""
    return runtime / "work"


def environment(kernel: KernelProcess) -> dict[str, str]:
    """Where this kernel is the only one, and ``kernelscope`` is on the path."""
    inherited = {name: value for name, value in os.environ.items() if name != "XDG_RUNTIME_DIR"}
    return {
        **inherited,
        "JUPYTER_RUNTIME_DIR": str(kernel.folder),
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "TERM": "xterm-256color",
    }


def once(kernel: KernelProcess, command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        shlex.split(command),
        cwd=work_of(kernel.folder),
        env=environment(kernel),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_S,
    )


# On a terminal.


class OnTerminal:
    """A program on a terminal of its own."""

    def __init__(self, kernel: KernelProcess, command: str) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
        self.process = subprocess.Popen(
            shlex.split(command),
            cwd=work_of(kernel.folder),
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

    def until(self, fact: Callable[[str], object]) -> None:
        """Reads what the program draws until it shows this."""
        end = time.monotonic() + _PATIENCE_S
        while not fact(self._seen):
            assert time.monotonic() < end, self._seen[-2_000:]
            assert "stumbled" not in self._seen, self._seen[-2_000:]
            if select.select([self._ours], [], [], 0.2)[0]:
                self._seen += os.read(self._ours, 65_536).decode(errors="replace")

    def ends(self) -> int:
        """Its exit status; what it still draws is read and thrown away."""
        end = time.monotonic() + _PATIENCE_S
        while self.process.poll() is None and time.monotonic() < end:
            if select.select([self._ours], [], [], 0.1)[0]:
                try:
                    os.read(self._ours, 65_536)
                except OSError:  # the last program on this terminal has gone
                    break
        return self.process.wait(timeout=_PATIENCE_S)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)


@contextmanager
def on_terminal(kernel: KernelProcess, command: str) -> Iterator[OnTerminal]:
    program = OnTerminal(kernel, command)
    try:
        yield program
    finally:
        program.close()


@pytest.mark.parametrize("command", of_kind(DASHBOARD))
def test_the_dashboard_opens_and_q_leaves_it(kernel: KernelProcess, command: str) -> None:
    with on_terminal(kernel, command) as program:
        if command.endswith(" -"):  # as %connect_info has it, then Ctrl-D
            program.type(kernel.connection_file.read_text() + "\n\nPaste the above JSON\n\x04")
        program.until(lambda seen: "grace" in seen)
        program.type("q")

        assert program.ends() == 0
    assert once(kernel, "kernelscope detach").stdout == "there was no probe in the kernel\n"


def test_the_demo_opens_on_a_terminal_and_q_leaves_it(kernel: KernelProcess) -> None:
    with on_terminal(kernel, "kernelscope demo") as program:
        program.until(lambda seen: "my_model" in seen)
        program.type("q")

        assert program.ends() == 0


# Without one.


class Lines:
    """``kernelscope watch``, read line by line."""

    def __init__(self, kernel: KernelProcess, command: str) -> None:
        self.process = subprocess.Popen(
            shlex.split(command),
            cwd=work_of(kernel.folder),
            env=environment(kernel),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def until(self, text: str) -> str:
        """The next line that has this in it."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if text in line:
                return line
        raise AssertionError(f"it ended without {text!r}: {self.process.communicate()[1]}")

    def attached(self) -> None:
        """Until it says, on standard error, that it records."""
        assert self.process.stderr is not None
        assert any("Ctrl-C ends it" in line for line in self.process.stderr)

    def interrupted(self) -> int:
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=_PATIENCE_S)
        return self.process.returncode


@contextmanager
def lines(kernel: KernelProcess, command: str) -> Iterator[Lines]:
    watcher = Lines(kernel, command)
    try:
        yield watcher
    finally:
        watcher.process.kill()
        watcher.process.communicate()


@pytest.mark.parametrize("command", of_kind(WATCH))
def test_a_watcher_tells_every_run_until_ctrl_c(kernel: KernelProcess, command: str) -> None:
    with lines(kernel, command) as watcher:
        watcher.until("attached")
        kernel.run("grace = LogisticRegression(C=0.5)")
        told = watcher.until("was replaced")
        if "--poll" in command:
            kernel.run("import threading; threading.Timer(1.0, grace.set_params, [], {'C': 7.0}).start()")
            told = watcher.until("7.0")

        assert "grace" in told
        assert watcher.interrupted() == 130
    left = once(kernel, "kernelscope detach")
    assert (left.stdout == "the probe has left the kernel\n") == ("--keep" in command)
    assert left.returncode == 0


def test_what_was_recorded_is_replayed(kernel: KernelProcess) -> None:
    record, replay, play = of_kind(RECORDING)
    with lines(kernel, "kernelscope watch") as watcher, lines(kernel, record) as recorder:
        watcher.until("attached")
        recorder.attached()
        kernel.run("grace = LogisticRegression(C=0.125)")
        told = watcher.until("was replaced")
        with lines(kernel, f"{replay} --follow") as follower:
            assert follower.until("was replaced") == told
        assert recorder.interrupted() == 130

    assert once(kernel, record).returncode == 5  # it is there already, and is not written over
    again = once(kernel, replay)
    assert told in again.stdout
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.splitlines()[-1] == "detached: asked to leave"
    with on_terminal(kernel, replay) as program:
        program.until(lambda seen: "grace" in seen and "0.125" in seen)
        program.type("q")
        assert program.ends() == 0
    with on_terminal(kernel, play) as program:
        program.until(lambda seen: "×8" in seen)
        program.type("q")
        assert program.ends() == 0

    page, markdown, csv, live = (once(kernel, command) for command in of_kind(EXPORT))
    work = work_of(kernel.folder)
    for done in (page, markdown, csv, live):
        assert (done.returncode, done.stderr) == (0, "")
    assert "grace was replaced" in (work / "run.html").read_text(encoding="utf-8")
    assert "`grace`" in markdown.stdout
    assert "grace" in (work / "run.csv").read_text(encoding="utf-8")
    assert json.loads(live.stdout.splitlines()[0])["type"] == "attached"
    assert {path.name for path in work.iterdir()} >= {"run.html", "run.csv"}
    assert not list(work.glob(".*"))  # nothing half-written


@pytest.mark.parametrize("command", of_kind(ONCE))
def test_a_command_that_ends_by_itself_ends_well(kernel: KernelProcess, command: str) -> None:
    done = once(kernel, command)

    assert (done.returncode, done.stderr) == (0, "")
    if "--json" in command:
        assert all(json.loads(line) for line in done.stdout.splitlines())
    assert done.stdout


def test_a_name_is_explained_from_what_was_kept(kernel: KernelProcess) -> None:
    with lines(kernel, "kernelscope watch --keep 10m") as watcher:
        watcher.until("attached")
        assert watcher.interrupted() == 130
    count = kernel.run("model = LogisticRegression()")["execution_count"]
    kernel.run("model.set_params(C=0.75)")

    plain, at = (once(kernel, c.replace("--at 12", f"--at {count}")) for c in of_kind(EXPLAIN))
    assert (plain.returncode, plain.stderr, at.returncode, at.stderr) == (0, "", 0, "")
    assert f"In [{count}] model was created" in plain.stdout
    assert "C 1.0 → 0.75" in plain.stdout
    assert "0.75" not in at.stdout
    once(kernel, "kernelscope detach")
    kernel.run("del model")


def test_a_recording_is_asked_and_checked(kernel: KernelProcess) -> None:
    with lines(kernel, "kernelscope watch --record asked.kscope") as watcher:
        watcher.until("attached")
        kernel.run("models = {'lr': LogisticRegression()}; model = LogisticRegression()")
        watcher.until("created")
        assert watcher.interrupted() == 130
    kernel.run("del models, model")

    asked, checked = (once(kernel, c.replace("run.kscope", "asked.kscope")) for c in of_kind(RECORDED))
    assert (asked.returncode, asked.stderr) == (0, "")
    assert json.loads(asked.stdout)["name"] == "models['lr']"
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout == "holds   model: created once\nholds   *: never unknown\n"


@pytest.mark.parametrize("resets", [True, False])
def test_a_notebook_in_ci_fails_when_a_cell_resets_the_model(
    kernel: KernelProcess, tmp_path: Path, resets: bool
) -> None:
    cells = ["from sklearn.linear_model import LogisticRegression\nmodel = LogisticRegression()"]
    cells += ["model.fit([[0], [1]], [0, 1])", *(["model = LogisticRegression()"] if resets else [])]
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in cells])  # type: ignore[no-untyped-call]
    nbformat.write(made, tmp_path / "churn.ipynb")  # type: ignore[no-untyped-call]
    (command,) = of_kind(CI)
    done = subprocess.run(
        shlex.split(command), cwd=tmp_path, env=environment(kernel), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False, timeout=2 * _PATIENCE_S,
    )  # fmt: skip

    assert done.returncode == int(resets), done.stderr
    told = [line for line in done.stdout.splitlines() if line.startswith("In [")]
    assert [line.split("]")[0] for line in told] == [f"In [{n + 1}" for n in range(len(cells))]
    assert ("expected otherwise: In [3] model was replaced" in done.stderr) == resets


def test_jupyter_knows_the_subcommand(kernel: KernelProcess) -> None:
    assert "`jupyter kernelscope`" in README

    assert "churn.ipynb" in once(kernel, "jupyter kernelscope ls").stdout


def test_what_is_kept_is_there_for_the_next_watcher(kernel: KernelProcess) -> None:
    with lines(kernel, "kernelscope watch --keep 10m") as watcher:
        watcher.until("attached")
        assert watcher.interrupted() == 130
    kernel.run("kept = LogisticRegression()")
    kernel.run("kept.set_params(C=0.25)")

    with on_terminal(kernel, "kernelscope") as program:
        program.until(lambda seen: "kept" in seen and "0.25" in seen)
        program.type("q")
        assert program.ends() == 0
    once(kernel, "kernelscope detach")
    kernel.run("del kept")


def test_the_exit_statuses_are_these(kernel: KernelProcess) -> None:
    told = {int(row[0]) for row in table("exit status", "when")}
    assert told == {0, 1, 2, 3, 4, 5, 130}  # 0 and 130 are seen above, 1 with the audit

    assert once(kernel, "kernelscope churn.ipynb").returncode == 2  # the dashboard, on no terminal
    assert once(kernel, "kernelscope watch --keep soon").returncode == 2
    assert once(kernel, "kernelscope watch nothing-like-it").returncode == 3
    assert once(kernel, "kernelscope replay churn.ipynb").returncode == 5
    busy = kernel.queue("import time; time.sleep(4)")
    late = once(kernel, "kernelscope watch --timeout 0.5")
    kernel.wait(busy)
    assert late.returncode == 4
    assert late.stderr


def test_the_script_for_development_runs_the_readme_s_own_test_command() -> None:
    script = ROOT / ".ci" / "run"
    pattern = re.search(r"grep -E '([^']+)' README.md", script.read_text(encoding="utf-8"))

    assert os.access(script, os.X_OK)
    assert pattern is not None
    assert len(re.findall(pattern[1], README, flags=re.MULTILINE)) == 1
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0


@pytest.mark.parametrize("command", of_kind(PICTURES))
def test_the_pictures_are_made_by_this_script(command: str) -> None:
    """Its subcommands are run by tests/test_screenshots.py and tests/export/test_page_in_browser.py."""
    _python, script, what = command.split()

    assert (ROOT / script).samefile(make.__file__)
    assert callable(getattr(make, what))


# Tables, links and examples.


def test_the_verdicts_and_glyphs_are_the_product_s() -> None:
    told = {row[1]: row[0] for row in table("glyph", "verdict")}

    assert told == {str(verdict.value): glyph for verdict, glyph in GLYPHS.items()}


def test_every_key_is_a_command_s() -> None:
    known = {part for command in TIMELINE for part in command.shown.split()}
    rows = table("key", "what it does")
    told = {key for row in rows for cell in row for key in re.findall(r"`([^`]+)`", cell)}

    assert len(rows) >= 12
    assert told <= known


def session_of(*, spoiled: bool) -> list[Event]:
    """Models as the README's expectations have them, and as they have them not; In [13] is the last."""
    model_, scaler, item = model(1), model(2), model(3)
    watch = Watch()

    def up_to(count: int) -> None:
        while watch.count < count:
            watch.cell()

    watch.cell(names={"model": model_, "scaler": scaler, "models['lr']": bound(item)})
    watch.cell(model_ := bound(model_), **taught(model_, "fit", seen=True))
    if spoiled:
        for _ in range(3):
            watch.cell(model_ := bound(model_), **taught(model_, "fit", seen=True))
        watch.cell(names={"model": model(4)})
        watch.cell(names={"model": None})
        watch.cell(names={"model": model(5)})
        watch.cell(forgot(bound(item)))
        watch.cell(bound(scaler, tag="x"), code=OBSCURE, sees_calls=False)
        watch.cell(bound(scaler, tag="y"), code=OBSCURE, sees_calls=False)
    else:
        watch.cell(files=[dumped(bound(item))])
    up_to(12)
    watch.cell(*([params(bound(scaler, tag="y"), C=3.0)] if spoiled else []))
    return watch.events


@pytest.mark.parametrize("text", [row[0].strip("`") for row in table("expectation", "holds where")])
def test_an_expectation_of_the_table_means_what_it_says(text: str) -> None:
    for spoiled in (False, True):
        timeline = Timeline()
        jury = Jury([parse(text)], timeline)
        for event in session_of(spoiled=spoiled):
            jury(timeline.apply(event))
        (result,) = jury.results()
        assert (result.outcome == "holds") != spoiled, (text, spoiled, result)


def test_the_table_of_expectations_has_every_word_of_the_language() -> None:
    told = " ".join(" ".join(row) for row in table("expectation", "holds where"))

    assert [word for word in (*KEYWORDS, *WHEN) if word not in told] == []


def test_the_three_degrees_of_certainty_are_told() -> None:
    assert re.findall(r"^- `(\w+)`:", README, flags=re.MULTILINE) == list(get_args(Certainty))


def test_the_record_shown_is_one_of_the_demo_s() -> None:
    (shown,) = fenced("json")
    told, _ = replayed()

    assert json.loads(shown) in told


def test_the_lines_shown_are_the_demo_s() -> None:
    shown, _ = fenced("text")
    _, told = replayed()

    assert set(shown.splitlines()) <= set(told)


def test_the_audit_shown_has_the_lines_of_a_real_one(kernel: KernelProcess) -> None:
    _, shown = fenced("text")
    told = once(kernel, "kernelscope audit --for 0s").stdout

    assert {label(line) for line in shown.splitlines()} - {"…"} <= {label(line) for line in told.splitlines()}
    assert shown.splitlines()[-1] == told.splitlines()[-1]


def label(line: str) -> str:
    """What the line is about."""
    return re.split(r"\s{2,}", line.strip())[0]


def test_an_audit_that_finds_something_says_no(kernel: KernelProcess) -> None:
    change = "threading.Timer(0, sys.modules.update, [], {'made_up': sys})"
    waits = "next(i for i in iter(int, 1) if '_kernelscope_probe' in sys.modules)"
    kernel.run(f"import sys, threading\nthreading.Thread(target=lambda: [{waits}, {change}.start()]).start()")
    done = once(kernel, "kernelscope audit --for 0.5s")
    kernel.run("sys.modules.pop('made_up')")

    assert done.returncode == 1
    assert "+ made_up" in done.stdout


def test_the_records_named_are_those_there_are() -> None:
    sentence = re.search(r"^The records are (.*)\.$", README, flags=re.MULTILINE)
    written = set(re.findall(r'"type": "(\w+)"', Path(records.__file__).read_text(encoding="utf-8")))

    assert sentence is not None
    assert set(re.findall(r"`(\w+)`", sentence[1])) == written
    assert "an `expectation` each comes last" in README
    assert expectation_record(Jury([parse("*: not reset")], Timeline()).results()[0])["type"] == "expectation"


def test_every_command_and_option_named_is_there() -> None:
    known = {
        option
        for command in (cli.cli, *cli.cli.commands.values())
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
    }
    pip_s = {"--existing"}
    told = set(re.findall(r"(?<![\w-])--[a-z]+", README))

    assert told <= known | pip_s
    for name in set(cli.cli.commands) - {"attach"}:
        assert f"kernelscope {name}" in README, f"the README says nothing of `kernelscope {name}`"


def test_every_link_and_picture_exists() -> None:
    links = re.findall(r"\]\(([^)]+)\)", README)
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", README)

    assert len(pictures) >= 3
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_layout_is_the_package_s() -> None:
    told = [row[0].strip("`") for row in table("folder", "what is in it")]
    packages = {f"kernelscope/{init.parent.name}" for init in (ROOT / "kernelscope").glob("*/__init__.py")}

    assert [path for path in told if not (ROOT / path).exists()] == []
    assert packages <= set(told)


def test_the_oldest_python_is_the_package_s() -> None:
    assert 'requires-python = ">=3.11"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert "You need Python 3.11 or newer" in README
