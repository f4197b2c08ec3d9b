"""Tests operating system differences: one module of the program has them, and one of the probe."""

from __future__ import annotations

import ast
import errno
import os
import signal
import subprocess
import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from kernelscope import system
from kernelscope.cli import main
from kernelscope.errors import UnsupportedSystemError
from kernelscope.probe import processes as probe
from kernelscope.session import Session
from kernelscope.storage.recorder import Recorder
from tests.support.recordings import events_in
from tests.support.script import Story

PACKAGE = Path(system.__file__).parent
LONG = 60.0

CALLS = frozenset(
    {
        *("os.kill", "os.killpg", "os.fork", "os.forkpty", "os.getpgid", "os.setsid", "os.fdatasync"),
        *("os.geteuid", "os.getuid", "os.getegid", "os.getgid", "os.uname", "os.sysconf", "os.mkfifo"),
        *("os.O_NONBLOCK", "os.O_CLOEXEC", "os.O_NOCTTY", "os.openpty", "os.name", "os.startfile"),
        *("signal.SIGHUP", "signal.SIGKILL", "signal.SIGSTOP", "signal.SIGCONT", "signal.SIGTSTP"),
        *("signal.SIGTERM", "signal.SIGALRM", "signal.SIGUSR1", "signal.SIGUSR2", "signal.SIGWINCH"),
        *("sys.platform", "sys.getwindowsversion", "time.clock_gettime", "time.CLOCK_BOOTTIME"),
        *("platform.system", "platform.platform", "platform.uname", "platform.machine"),
        *("asyncio.start_unix_server", "asyncio.open_unix_connection", "socket.AF_UNIX"),
    }
)
"""Functions that some systems lack, or that behave differently."""
METHODS = frozenset({"add_signal_handler"})
"""Such methods of objects."""
MODULES = frozenset(
    {
        *("fcntl", "termios", "tty", "pty", "pwd", "grp", "resource", "psutil", "ctypes"),
        *("msvcrt", "winreg", "_winapi"),
    }
)
FOLDERS = ("/proc", "/dev", "/sys/")
ALLOWED = {
    "system.py": "the one module of the program",
    "probe/processes.py": "the one module of the probe",
    "probe/audit.py": "the probe's own look at its process, sent by itself; empty where there is no /proc",
}
"""Files that may contain such calls, and why."""


def platform_calls(source: str) -> set[str]:
    """Return what a module uses that differs from system to system."""
    tree = ast.parse(source)
    names = _imported(tree)
    calls = {m for m in names.values() if m.split(".")[0] in MODULES or m in CALLS}
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=owner), attr=attribute):
                dotted = f"{names.get(owner, owner)}.{attribute}"
                calls |= {dotted} & CALLS
                calls |= {attribute} & METHODS
            case ast.Attribute(attr=attribute):
                calls |= {attribute} & METHODS
            case ast.Call(
                func=ast.Name(id="getattr" | "hasattr"),
                args=[ast.Name(id=owner), ast.Constant(str(word)), *_],
            ):
                calls |= {f"{names.get(owner, owner)}.{word}"} & CALLS
            case ast.Constant(value=str(text) | bytes(text)) if id(node) not in docstrings:
                plain = text if isinstance(text, str) else text.decode("latin-1")
                calls |= {plain for folder in FOLDERS if plain.startswith(folder)}
                calls |= {plain} & {"SIGHUP", "SIGKILL", "SIGSTOP", "SIGCONT", "SIGTSTP"}
    return calls


def _imported(tree: ast.Module) -> dict[str, str]:
    """Return what each imported name stands for."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {one.asname or one.name.split(".")[0]: one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    return names


# One place for such calls.


def test_no_other_module_makes_a_call_that_differs_from_system_to_system() -> None:
    calls_by_file = {
        path.relative_to(PACKAGE).as_posix(): calls
        for path in sorted(PACKAGE.rglob("*.py"))
        if (calls := platform_calls(path.read_text(encoding="utf-8")))
    }
    assert {name: calls for name, calls in calls_by_file.items() if name not in ALLOWED} == {}
    assert sorted(calls_by_file) == sorted(ALLOWED), "a file has a permission that it no longer needs"


@pytest.mark.parametrize(
    ("source", "calls"),
    [
        ("import os\nos.kill(1, 0)", {"os.kill"}),
        ("import os as o\no.fdatasync(1)", {"os.fdatasync"}),
        ("from os import fdatasync as sync", {"os.fdatasync"}),
        ("def f(sync=__import__):\n import os\n return getattr(os, 'geteuid')()", {"os.geteuid"}),
        ("import signal\nsignal.SIGKILL", {"signal.SIGKILL"}),
        ("for name in ('SIGINT', 'SIGHUP'): pass", {"SIGHUP"}),
        ("import fcntl", {"fcntl"}),
        ("from pwd import getpwuid", {"pwd.getpwuid"}),
        ("def f(pid): return open(f'/proc/{pid}/stat', 'rb')", {"/proc/"}),
        ("open(b'/dev/tty')", {"/dev/tty"}),
        ("import sys\nif sys.platform == 'linux': pass", {"sys.platform"}),
        ("import asyncio\nasyncio.get_running_loop().add_signal_handler(2, f)", {"add_signal_handler"}),
        ("from time import clock_gettime", {"time.clock_gettime"}),
        ("import psutil", {"psutil"}),
        ('def f():\n    """Reads /proc, as os.kill does."""\n    # sys.platform', set()),
        ("import os\nos.getpid(); os.path.exists('proc'); os.environ['/x']", set()),
        ("import platform\nplatform.python_version()", set()),
    ],
)
def test_the_check_finds_only_such_calls(source: str, calls: set[str]) -> None:
    assert platform_calls(source) == calls


# The disk.


class Darwin:
    """Stands for macOS: ``os`` without ``fdatasync``; ``fcntl`` with its replacement, on some file systems."""

    F_FULLFSYNC = 51

    def __init__(self, *, supports_full: bool = True) -> None:
        self.done: list[str] = []
        self.synced = threading.Event()
        self._supports_full = supports_full

    def fsync(self, descriptor: int) -> None:
        os.fsync(descriptor)
        self.done.append("fsync")
        self.synced.set()

    def fcntl(self, descriptor: int, command: int) -> None:
        assert command == self.F_FULLFSYNC
        assert os.fstat(descriptor)
        if not self._supports_full:
            raise OSError(errno.ENOTSUP, "not supported")
        self.done.append("full")
        self.synced.set()


@pytest.mark.parametrize("supports_full", [True, False])
async def test_a_recording_is_written_on_a_system_without_fdatasync(
    tmp_path: Path, supports_full: bool
) -> None:
    darwin = Darwin(supports_full=supports_full)
    assert not hasattr(darwin, "fdatasync")
    failures: list[str] = []
    story = Story()
    story.attach()
    story.run("a = 1")
    story.end()
    session = Session(story.source())
    file = tmp_path / "r.kscope"
    recorder = Recorder(file, failures.append, sync=system.sync_function(darwin, darwin))
    session.listen(recorder)
    await session.run()
    assert darwin.synced.wait(LONG)
    recorder.close()

    assert failures == []
    assert set(darwin.done) == {"full" if supports_full else "fsync"}
    assert [type(event).__name__ for event in await events_in(file)][:2] == ["Attached", "Observed"]


def test_each_system_syncs_a_file_in_its_own_way() -> None:
    linux = types.SimpleNamespace(fdatasync=lambda _: None)
    assert system.sync_function(linux, None) is linux.fdatasync
    darwin = Darwin()
    system.sync_function(darwin, None)(os.open(__file__, os.O_RDONLY))
    assert darwin.done == ["fsync"]


def test_a_failing_sync_is_an_error_on_each_system() -> None:
    for control in (None, Darwin(), Darwin(supports_full=False)):
        with pytest.raises(OSError, match="Bad file descriptor"):
            system.sync_function(types.SimpleNamespace(fsync=os.fsync), control)(1 << 20)


@pytest.mark.kernel
def test_the_recorder_and_the_flusher_can_be_imported_without_fdatasync() -> None:
    code = (
        "import os, sys; del os.fdatasync; import kernelscope.storage.recorder, kernelscope.storage.flusher; "
        "import kernelscope.system as s; f = open(sys.argv[1]); s.sync_to_disk(f.fileno()); print('well')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, __file__], capture_output=True, text=True, check=False, timeout=LONG
    )
    assert (done.stdout, done.returncode) == ("well\n", 0), done.stderr


# Processes, for the program.


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


@pytest.fixture(params=["procfs", "no procfs"])
def proc(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Linux, and a system without /proc such as macOS, where only psutil knows."""
    return Path("/proc") if request.param == "procfs" else tmp_path / "nothing"


@pytest.mark.kernel
def test_a_zombie_process_has_no_start_mark(child: subprocess.Popen[bytes], proc: Path) -> None:
    mark = system.start_mark(child.pid, proc)
    assert mark
    assert system.is_alive(child.pid)
    assert not system.has_ended(child.pid, mark)

    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it stays a zombie
    assert system.start_mark(child.pid, proc) == ""
    assert not system.is_alive(child.pid)
    assert system.has_ended(child.pid, mark)

    child.wait()
    assert system.start_mark(child.pid, proc) == ""
    assert system.has_ended(child.pid, mark)


def test_another_process_with_the_same_id_is_another() -> None:
    assert system.has_ended(os.getpid(), "1")
    assert not system.has_ended(os.getpid(), system.start_mark(os.getpid()))


def test_a_process_whose_start_cannot_be_read_has_not_ended() -> None:
    assert not system.has_ended(os.getpid(), system.ALIVE)
    assert system.is_alive(1)
    assert not system.has_ended(1, system.start_mark(1))


@pytest.mark.parametrize("pid", [0, -1, 1 << 80, 2**22 + 1])
def test_an_impossible_process_id_is_no_process(pid: int, proc: Path) -> None:
    assert not system.is_alive(pid)
    assert not system.is_stopped(pid)
    assert system.start_mark(pid, proc) == ""


@pytest.mark.kernel
def test_a_stopped_process_is_stopped_until_it_continues(child: subprocess.Popen[bytes]) -> None:
    assert not system.is_stopped(child.pid)
    os.kill(child.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
    assert system.is_stopped(child.pid)
    assert system.is_alive(child.pid)
    os.kill(child.pid, signal.SIGCONT)
    os.waitid(os.P_PID, child.pid, os.WCONTINUED | os.WNOWAIT)
    assert not system.is_stopped(child.pid)


@pytest.mark.kernel
def test_processes_are_found_by_their_arguments(child: subprocess.Popen[bytes]) -> None:
    processes = list(system.find_processes(lambda arguments: arguments == ("sleep", "600")))
    (mine,) = [one for one in processes if one.pid == child.pid]
    assert mine.folder == Path.cwd()
    assert abs(mine.started - Path(f"/proc/{child.pid}").stat().st_mtime) < 60
    assert list(system.find_processes(lambda _: False)) == []


@pytest.mark.kernel
def test_processes_that_come_and_go_meanwhile_cause_no_error() -> None:
    with subprocess.Popen(["sh", "-c", "while :; do true & wait; /bin/true; done"]) as busy:
        try:
            for _ in range(20):
                list(system.find_processes(lambda _: True))
        finally:
            busy.kill()


# Processes, for the probe.


@pytest.mark.kernel
def test_the_probe_and_the_program_know_a_process_and_a_machine_by_the_same_marks(
    child: subprocess.Popen[bytes],
) -> None:
    for pid in (os.getpid(), child.pid, 1, -1, 0, 2**22 + 1):
        assert probe.start_mark(pid) == system.start_mark(pid)
    assert probe.machine_mark() == system.machine_mark()


NOWHERE = "/nowhere/%d"


@pytest.mark.kernel
@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_elsewhere_the_probe_uses_an_imported_psutil(
    platform: str, child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "psutil", psutil)
    assert probe.start_mark(child.pid, NOWHERE, platform) == system.start_mark(child.pid, tmp_path)
    assert probe.machine_mark(NOWHERE, platform) == system.machine_mark()
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert probe.start_mark(child.pid, NOWHERE, platform) == ""
    assert probe.start_mark(-1, NOWHERE, platform) == ""


@pytest.mark.parametrize(
    ("status", "mark"),
    [
        ("running", "alive"),
        ("zombie", ""),
        (psutil.AccessDenied(4711), "alive"),
        (psutil.NoSuchProcess(4711), ""),
        (OSError(), ""),
    ],
)
def test_psutil_statuses_are_translated(
    status: str | Exception, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def process(_pid: int) -> Any:
        if isinstance(status, Exception):
            raise status
        return types.SimpleNamespace(status=lambda: status)

    module = types.ModuleType("psutil")
    vars(module)["Process"] = process
    monkeypatch.setitem(sys.modules, "psutil", module)
    assert probe.start_mark(4711, NOWHERE, "darwin") == mark


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_without_psutil_the_probe_knows_no_process_and_signals_none(
    platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "psutil", raising=False)
    signalled: list[object] = []
    monkeypatch.setattr(os, "kill", lambda *arguments: signalled.append(arguments))

    assert probe.start_mark(os.getpid(), NOWHERE, platform) == ""
    assert probe.machine_mark(NOWHERE, platform) != system.machine_mark()
    assert "psutil" not in sys.modules, "nothing is imported into the kernel"
    assert signalled == []


# A system that is not supported.


@pytest.mark.parametrize("arguments", [["ls"], ["watch", "x"], ["replay", "r.kscope"], []])
def test_on_windows_one_sentence_says_that_it_does_not_start(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments, platform="win32")
    output = capsys.readouterr()
    assert ended.value.code == UnsupportedSystemError.exit_code == 3
    assert output.out == ""
    assert output.err.splitlines() == [
        "kernelscope: kernelscope does not run on win32 yet: it has not been tried there",
        "  Use Linux or macOS; on Windows, run it and the kernel in WSL.",
    ]


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_on_windows_help_and_version_work(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    main([argument], platform="win32")
    assert "kernelscope" in capsys.readouterr().out


def test_a_command_s_help_does_not_start_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["watch", "--", "jupyter", "--help"], platform="win32")
    assert "does not run on win32" in capsys.readouterr().err


@pytest.mark.kernel
@pytest.mark.parametrize("platform", ["linux", "darwin", "freebsd14"])
def test_on_other_systems_it_starts(platform: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["completion", "bash"], platform=platform)
    assert "complete" in capsys.readouterr().out
