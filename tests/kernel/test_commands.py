"""Runs the commands as a user does: with unusable files, and with recordings that end early."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from kernelscope import cli
from kernelscope.cli import attach
from kernelscope.cli.sessions import recording
from kernelscope.domain.events import Waiting
from kernelscope.session import Session
from kernelscope.tui.app import KernelscopeApp
from tests.kernel.test_connection_file import KEY, write, write_bytes
from tests.kernel.watching import LONG
from tests.support.kernels import KernelProcess
from tests.support.script import ScriptedSource, churn

COMMANDS = ("attach", "watch", "audit", "detach")
RunCommand = Callable[..., tuple[int, str]]


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty runtime directory instead of the user's own."""
    folder = tmp_path / "runtime"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(folder))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(attach, "list_non_terminals", lambda **_: [])  # the error comes before the screen
    return folder


@pytest.fixture
def run_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> RunCommand:
    """Runs a command that prints nothing on standard output; returns its exit status and standard error."""

    monkeypatch.setattr(KernelscopeApp, "run", lambda _: pytest.fail("the screen has opened"))

    def run(*arguments: str) -> tuple[int, str]:
        status = 0
        try:
            cli.main(list(arguments))
        except SystemExit as ended:
            status = int(ended.code or 0)
        out, err = capsys.readouterr()
        assert out == "" or arguments[0] == "ls"
        assert KEY not in out + err
        return status, err

    return run


def error_title(status: int, err: str) -> str:
    """Check that the error has a title line, a hint line and exit status 3; returns the title."""
    assert status == 3
    assert err.startswith("kernelscope: ")
    title, hint = err.rstrip("\n").split("\n")
    assert hint.startswith("  ")
    assert title.isprintable()
    assert hint.isprintable()
    return title


def a_folder(folder: Path) -> Path:
    (path := folder / "kernel-a.json").mkdir()
    return path


def a_fifo(folder: Path) -> Path:
    os.mkfifo(path := folder / "kernel-a.json")
    return path


def a_circle(folder: Path) -> Path:
    (path := folder / "kernel-a.json").symlink_to(path)
    return path


def a_gigabyte(folder: Path) -> Path:
    os.truncate(path := write_bytes(folder, b""), 1 << 30)
    return path


BAD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "empty": (lambda folder: write_bytes(folder, b""), "the file is empty"),
    "truncated": (lambda folder: write_bytes(folder, b'{"shell_port": 1,'), "not complete JSON"),
    "a mark": (lambda folder: write_bytes(folder, b"\xef\xbb\xbf{}"), "byte order mark"),
    "a list": (lambda folder: write_bytes(folder, b"[]"), "a JSON list"),
    "bytes": (lambda folder: write_bytes(folder, b"\xff\xfe\x00"), "byte order mark"),
    "no port": (lambda folder: write(folder, hb_port=...), "hb_port is missing"),
    "port 0": (lambda folder: write(folder, shell_port=0), "shell_port is 0"),
    "two ports": (
        lambda folder: write(folder, iopub_port=50_000),
        "shell_port and iopub_port are both 50000",
    ),
    "key": (lambda folder: write(folder, key=5), "key is a number"),
    "no key": (lambda folder: write(folder, key="", ip="192.0.2.7"), "key is empty"),
    "transport": (lambda folder: write(folder, transport="udp"), "transport is"),
    "address": (lambda folder: write(folder, ip="no address"), "ip is"),
    "a folder": (a_folder, "no kernel matches"),
    "a fifo": (a_fifo, "not a regular file"),
    "a circle": (a_circle, "in a circle"),
    "1 GB": (a_gigabyte, "larger than 64 KiB"),
    "a device": (lambda folder: Path("/dev/zero"), "not a regular file"),
}


@pytest.mark.fault(2, 3, 4, 5, 6, 8)
@pytest.mark.parametrize("what", BAD)
def test_every_command_rejects_an_unusable_file_in_one_line(
    tmp_path: Path, run_command: RunCommand, what: str
) -> None:
    make, words = BAD[what]
    path = make(tmp_path)
    for command in COMMANDS:
        assert words in error_title(*run_command(command, str(path))), command


@pytest.mark.fault(1)
def test_a_missing_file_error_lists_the_running_kernels(
    runtime: Path, run_command: RunCommand, kernel: KernelProcess
) -> None:
    (runtime / "kernel-5e1c.json").write_bytes(kernel.connection_file.read_bytes())
    for command in COMMANDS:
        status, err = run_command(command, "/no/such/kernel-1.json")
        assert "/no/such/kernel-1.json" in error_title(status, err)
        assert "5e1c (live)" in err


@pytest.mark.fault(5, 7)
def test_each_unsafe_file_needs_its_own_flag(tmp_path: Path, run_command: RunCommand) -> None:
    keyless = write(tmp_path, key="", ip="192.0.2.7")
    assert "key is empty" in run_command("detach", str(keyless), "--insecure-file")[1]
    (folder := tmp_path / "open").mkdir()
    for above in (folder, *list(folder.parents)[:-2]):
        above.chmod(0o755)
    opened = write(folder, hb_port=1)
    opened.chmod(0o644)
    if "mode 0644" not in run_command("detach", str(opened))[1]:
        pytest.skip("no other user can enter the tests' folder")
    assert "mode 0644" in run_command("detach", str(opened), "--insecure")[1]
    assert "no kernel answers" in run_command("detach", str(opened), "--insecure-file")[1]


def test_a_file_that_is_not_a_connection_file_is_reported_before_its_permissions(
    tmp_path: Path, run_command: RunCommand
) -> None:
    """A warning about a key needs a key."""
    (folder := tmp_path / "open").mkdir()
    for above in (folder, *list(folder.parents)[:-2]):
        above.chmod(0o755)
    notebook = json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()
    for content, words in (
        (b"2026-01-01 INFO started\n", "this is not a connection file"),
        (notebook, "this is a notebook, not a connection file"),
        (b'{"name": "package"}', "this is not a connection file: it names none of a kernel's ports"),
        (b'{"shell_port": 1,', "the file is not complete JSON"),
    ):
        path = write_bytes(folder, content)
        path.chmod(0o644)
        status, err = run_command("watch", str(path))
        assert words in error_title(status, err)
        assert "key" not in err
        assert "chmod" not in err
    good = write(folder)
    good.chmod(0o644)
    if "mode 0644" not in run_command("watch", str(good))[1]:
        pytest.skip("no other user can enter the tests' folder")
    assert "its key lets them run code as you" in run_command("watch", str(good))[1]


def test_a_notebook_that_is_not_open_is_a_clear_error(
    tmp_path: Path, run_command: RunCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "churn.ipynb").write_text("{}")
    title = error_title(*run_command("watch", "churn.ipynb"))
    assert title.endswith("no kernel is known to run churn.ipynb: it is not open in a running kernel")
    assert error_title(*run_command("watch", "none.ipynb")).endswith("none.ipynb: there is no such file here")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(
    ("mode", "whose", "message"),
    [
        (0o755, 0o600, "2 connection files of user root cannot be read"),
        (0o711, 0o600, "runtime of user root cannot be read"),
        (0o755, 0o644, ""),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_ls_reports_kernels_of_another_user(
    mode: int, whose: int, message: str, as_json: bool, kernel: KernelProcess
) -> None:
    """They are named on standard error: standard output is data."""
    code = (
        "import contextlib, io, os, sys; from kernelscope import cli\n"
        # Import as root: other users may not be able to read the interpreter's modules.
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):\n"
        "    cli.main(['ls'])\n"
        "    with contextlib.suppress(SystemExit): cli.main(['detach', 'no such kernel'])\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "cli.main(sys.argv[1:])\n"
    )
    with TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name, "runtime")
        folder.mkdir()
        for number in (1, 2):
            path = folder / f"kernel-{number}.json"
            path.write_bytes(kernel.connection_file.read_bytes())
            path.chmod(whose)
        folder.chmod(mode)
        Path(name).chmod(0o755)
        done, refused = (
            subprocess.run(
                [sys.executable, "-c", code, *arguments],
                env={**os.environ, "JUPYTER_RUNTIME_DIR": str(folder), "HOME": name},
                capture_output=True, text=True, check=False, timeout=LONG,
            )
            for arguments in (["ls", *(["--json"] if as_json else [])], ["detach", "no such kernel"])
        )  # fmt: skip
    assert refused.returncode == 3, refused.stderr
    assert ("of another user cannot be read" in refused.stderr) == bool(message)
    assert done.returncode == 0, done.stderr
    if message:
        assert (done.stdout, message in done.stderr) == ("", True), done.stderr
        assert "run `kernelscope ls` as that user" in done.stderr
        assert "open a notebook" not in done.stderr
    else:
        assert done.stderr == "", "the readable ones are listed"
        assert done.stdout.count("\n") >= 2


@pytest.mark.fault(5)
def test_a_kernel_without_a_key_is_watched_with_a_warning(tmp_path: Path) -> None:
    with KernelProcess(tmp_path, key="") as kernel:
        watch = [sys.executable, "-m", "kernelscope", "watch", str(kernel.connection_file)]
        with subprocess.Popen(watch, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            assert process.stdout.readline()
            kernel.process.terminate()
            process.terminate()
            assert "no key, so messages are not verified" in process.stderr.readline()


@pytest.mark.fault(9)
def test_a_path_that_is_not_utf8_works(
    tmp_path: Path, runtime: Path, run_command: RunCommand, kernel: KernelProcess
) -> None:
    """The command line passes it as bytes; messages show it escaped."""
    path = os.fsencode(runtime) + b"/kernel-caf\xe9\x1b.json"
    Path(os.fsdecode(path)).write_bytes(kernel.connection_file.read_bytes())
    Path(os.fsdecode(path)).chmod(0o600)
    for arguments in (["ls", "--json"], ["detach", path]):
        done = subprocess.run(
            [sys.executable, "-m", "kernelscope", *arguments], capture_output=True, check=False, timeout=LONG
        )
        assert done.returncode == 0, done.stderr
        assert b"\x1b" not in done.stdout + done.stderr
        if arguments[0] == "ls":
            assert json.loads(done.stdout)["kernel_id"] == r"caf\udce9\x1b"
    assert r"caf\udce9\x1b" in error_title(
        *run_command("detach", os.fsdecode(path).replace("kernel", "none"))
    )


def test_standard_input_without_connection_info_is_an_error() -> None:
    """It is binary, empty or closed; the message names what a dashboard needs."""
    run = [sys.executable, "-m", "kernelscope"]
    for content in (b"\xff\xfe{", b"", None):
        done = subprocess.run(
            [*run, "watch", "-"]
            if content is not None
            else ["sh", "-c", 'exec "$@" <&-', "sh", *run, "watch", "-"],
            input=content,
            capture_output=True,
            check=False,
            timeout=LONG,
        )
        assert done.returncode == (3 if content is not None else 2), done.stderr
        assert b"Traceback" not in done.stderr
        assert b"standard input" in done.stderr


def test_the_error_names_only_the_streams_that_are_not_terminals() -> None:
    """Standard error is redirected, the others are a terminal."""
    script = (
        "import os, pty, sys\n"
        "status = pty.spawn(['sh', '-c', sys.argv[1] + ' -m kernelscope 2>' + sys.argv[2]])\n"
        "sys.exit(os.waitstatus_to_exitcode(status))"
    )
    read, written = os.pipe()
    try:
        done = subprocess.run(
            [sys.executable, "-c", script, sys.executable, f"/dev/fd/{written}"],
            stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=LONG, pass_fds=[written],
        )  # fmt: skip
        assert done.returncode == 2
        assert os.read(read, 4_096).startswith(
            b"kernelscope: the dashboard needs a terminal, but stderr is not a terminal\n"
        )
    finally:
        os.close(read)
        os.close(written)


# --- recordings -----------------------------------------------------------------------------------------


@pytest.mark.fault(90)
def test_watch_continues_when_the_disk_is_full(tmp_path: Path, kernel: KernelProcess) -> None:
    """A file size limit simulates the full disk; what was committed can be replayed."""
    file = tmp_path / "a.kscope"
    watch = [sys.executable, "-m", "kernelscope", "watch", "--json", "--record", str(file)]
    limited = ["sh", "-c", 'ulimit -f 200; exec "$@"', "sh", *watch, str(kernel.connection_file)]
    with subprocess.Popen(limited, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            while (first := json.loads(process.stdout.readline()))["type"] == "waiting":
                pass
            assert first["type"] == "attached"
            for number in range(12):
                kernel.run(f"a = {number}  # " + "x" * 10_000)
                while json.loads(line := process.stdout.readline())["type"] != "execution":
                    pass
            assert json.loads(line)["code"].startswith("a = 11")
        finally:
            process.terminate()
        output = process.stderr.read()
    assert output.startswith("kernelscope: the recording has ended: ")
    replay = subprocess.run(
        [sys.executable, "-m", "kernelscope", "replay", "--json", str(file)],
        capture_output=True, text=True, check=True, timeout=LONG,
    )  # fmt: skip
    runs = [
        record for line in replay.stdout.splitlines() if (record := json.loads(line))["type"] == "execution"
    ]
    assert 0 < len(runs) < 12
    assert [run["code"].split(" # ")[0].strip() for run in runs] == [f"a = {n}" for n in range(len(runs))]
    assert_ended_early(output, file, runs)


def assert_ended_early(output: str, file: Path, runs: list[dict[str, Any]]) -> None:
    """Check for one message, which says what the file contains and reports no success."""
    (summary,) = [line for line in output.splitlines() if f"`kernelscope replay {file}` opens it" in line]
    assert summary.startswith("kernelscope: the recording ended early (")
    contents = (
        f"it holds {len(runs)} run{'' if len(runs) == 1 else 's'}, up to In [{runs[-1]['execution_count']}];"
    )
    assert contents in summary
    assert "recorded: " not in output


@pytest.mark.fault(90)
def test_record_ends_when_the_disk_is_full_and_says_what_the_file_contains(
    tmp_path: Path, kernel: KernelProcess
) -> None:
    file = tmp_path / "a.kscope"
    record = [sys.executable, "-m", "kernelscope", "record", str(kernel.connection_file), "-o", str(file)]
    limited = ["sh", "-c", 'ulimit -f 200; exec "$@"', "sh", *record]
    with subprocess.Popen(limited, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert "; Ctrl-C ends it" in process.stderr.readline()
            for number in range(100):
                kernel.run(f"b = {number}  # " + "x" * 10_000)
                if process.poll() is not None:
                    break
            output = process.communicate(timeout=LONG)[1]
        finally:
            process.kill()
    assert process.returncode == 5
    replay = subprocess.run(
        [sys.executable, "-m", "kernelscope", "replay", "--json", str(file)],
        capture_output=True, text=True, check=True, timeout=LONG,
    )  # fmt: skip
    runs = [r for r in map(json.loads, replay.stdout.splitlines()) if r["type"] == "execution"]
    assert runs
    assert_ended_early(output, file, runs)
    assert "the recording has ended: " in output.splitlines()[-1]


@pytest.mark.fault(90)
async def test_the_dashboard_continues_and_reports_that_the_recording_has_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = ScriptedSource(churn().events)
    app = KernelscopeApp(Session(source))
    with recording(app.session, tmp_path / "a.kscope", app.warn):
        async with app.run_test() as pilot:
            while len(app.session.timeline.moments) < 3:
                await pilot.pause()
            (tmp_path / "a.kscope").unlink()
            for number in range(3):
                source.push(Waiting(f"more {number}"))
            while app.session.timeline.waiting != "more 2":
                await pilot.pause()
            await pilot.pause()
            messages = [one.message for one in app._notifications]
            assert len(messages) == 1
            assert "the recording has ended: the file was removed" in messages[0]
        assert capsys.readouterr().err == "", "the screen is drawn there"
    output = capsys.readouterr().err
    assert output.startswith("kernelscope: the recording has ended: ")
    assert "the recording ended early (the file was removed" in output
    assert " had been written" in output
    assert "opens it" not in output, "there is no such file"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelProcess]:
    with KernelProcess(tmp_path_factory.mktemp("kernel")) as process:
        yield process
