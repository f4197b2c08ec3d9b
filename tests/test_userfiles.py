"""Tests the files that a user names for output and input: existing files are checked first and never damaged."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from kernelscope import cli
from kernelscope.errors import ExportError
from kernelscope.export.files import SUFFIXES, write_file
from kernelscope.kernel.runtime_dirs import read_notebook_name
from kernelscope.storage.recorder import Recorder
from kernelscope.storage.recording import files_of
from kernelscope.timeline.view import TimelineView
from kernelscope.tui.output_files import free_path, save_copy
from kernelscope.tui.state.spans import Span, line
from kernelscope.userfiles import clipboard_file, write_output
from tests.export.test_files import play_session
from tests.storage.test_survival import can_mount

LONG = 60.0
WRITTEN = Path(__file__).parent / "storage" / "written" / "2.kscope"
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "r.kscope"
    shutil.copy(WRITTEN, path)
    return path


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runtime").mkdir(mode=0o700)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)


def status_of(*arguments: str) -> int:
    try:
        cli.main(list(arguments))
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def run_command(
    *arguments: str, out: BinaryIO | int = subprocess.PIPE, content: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run a command in a process of its own, which fails the test if it hangs."""
    return subprocess.run(
        [sys.executable, "-m", "kernelscope", *arguments],
        input=content, stdout=out, stderr=subprocess.PIPE, check=False, timeout=LONG,
    )  # fmt: skip


def names(folder: str | Path = ".") -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def mode_of(path: str) -> int:
    return stat.S_IMODE(Path(path).stat().st_mode)


def text(content: str) -> Callable[[BinaryIO], None]:
    def write(out: BinaryIO) -> None:
        out.write(content.encode())

    return write


# --- an output that is the source ---------------------------------------------------------------------


def itself(source: Path) -> Path:
    return source


def hard(source: Path) -> Path:
    os.link(source, path := source.with_name("hard"))
    return path


def soft(source: Path) -> Path:
    (path := source.with_name("soft")).symlink_to(source)
    return path


def log(source: Path) -> Path:
    (path := files_of(source)[1]).write_bytes(b"committed and nowhere else")
    return path


@pytest.mark.parametrize("name", [itself, hard, soft, log])
def test_an_export_does_not_overwrite_its_recording(
    recording: Path, capsys: pytest.CaptureFixture[str], name: Callable[[Path], Path]
) -> None:
    before, output = recording.read_bytes(), name(recording)
    content = output.read_bytes()
    assert status_of("export", str(recording), "--to", "csv", "-o", str(output)) == 2
    assert "is the same file as the source" in capsys.readouterr().err
    assert (recording.read_bytes(), output.read_bytes()) == (before, content)
    if name is not log:
        assert status_of("export", str(recording), "--to", "csv", "-o", "other.csv") == 0
        assert Path("other.csv").read_bytes().startswith(b"epoch,")


@pytest.mark.kernel
def test_an_export_to_standard_output_does_not_overwrite_its_recording(recording: Path) -> None:
    before = recording.read_bytes()
    Path("link").symlink_to("/dev/stdout")  # not /dev/stdout itself: as root a bug could replace it
    for output in ("-", "/dev/fd/1", "link"):
        with recording.open("ab") as out:
            done = run_command("export", str(recording), "--to", "csv", "-o", output, out=out)
        assert done.returncode == 2, output
        assert b"the output (standard output) is the same file" in done.stderr
        assert recording.read_bytes() == before


# --- existing outputs ------------------------------------------------------------------------------------


@pytest.mark.kernel
def test_the_reader_of_a_fifo_gets_the_export(recording: Path) -> None:
    os.mkfifo("fifo")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(Path("fifo").read_bytes()), daemon=True)
    reader.start()
    try:
        assert run_command("export", str(recording), "--to", "csv", "-o", "fifo").returncode == 0
        reader.join(LONG)
        assert read == [run_command("export", str(recording), "--to", "csv").stdout]
    finally:
        os.close(os.open("fifo", os.O_RDWR))  # a reader that still waits would keep the process alive
    assert stat.S_ISFIFO(os.lstat("fifo").st_mode)


@root_only
def test_a_device_stays_a_device(recording: Path) -> None:
    os.mknod("null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    before = os.lstat("null")
    assert status_of("export", str(recording), "--to", "csv", "-o", "null") == 0
    after = os.lstat("null")
    assert (after.st_ino, after.st_mode, after.st_rdev) == (before.st_ino, before.st_mode, before.st_rdev)


def test_an_export_to_a_terminal_is_written(recording: Path) -> None:
    ours, theirs = os.openpty()
    try:
        write_output(Path(os.ttyname(theirs)), text("epoch\n"))
        assert os.read(ours, 100) == b"epoch\r\n"
    finally:
        os.close(ours)
        os.close(theirs)


def test_an_unwritable_output_is_named_and_unchanged() -> None:
    Path("folder").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        for name, kind in (("socket", "it is a socket"), ("folder", "it is a directory")):
            with pytest.raises(ExportError) as refused:
                write_output(Path(name), text("new"))
            assert (refused.value.hint, refused.value.exit_code) == (kind, 5)
        assert stat.S_ISSOCK(os.lstat("socket").st_mode)
    Path("circle").symlink_to("circle")
    with pytest.raises(ExportError, match="circle cannot be written"):
        write_output(Path("circle"), text("new"))
    assert names() == ["circle", "folder", "runtime", "socket"]


@pytest.mark.kernel
def test_an_export_appends_to_standard_output(recording: Path) -> None:
    exported = run_command("export", str(recording), "--to", "csv").stdout
    Path("link").symlink_to("/dev/stdout")
    for output in ("link", "/dev/fd/1"):
        Path("log").write_text("first\n")
        with Path("log").open("ab") as out:
            done = run_command("export", str(recording), "--to", "csv", "-o", output, out=out)
        assert done.returncode == 0, done.stderr
        assert Path("log").read_bytes() == b"first\n" + exported
    assert Path("link").readlink() == Path("/dev/stdout")


def test_a_link_is_followed_and_stays_a_link() -> None:
    Path("folder").mkdir()
    Path("folder/target").write_text("old")
    for link, target in (("link", "folder/target"), ("dangling", "folder/new")):
        Path(link).symlink_to(target)
        write_output(Path(link), text("new"))
        assert Path(link).readlink() == Path(target)
        assert Path(target).read_text() == "new"
    assert mode_of("folder/new") == 0o600
    assert names("folder") == ["new", "target"]


@pytest.mark.parametrize("mode", [0o664, 0o640, 0o600])
def test_an_existing_file_keeps_its_mode_and_is_replaced_at_once(mode: int) -> None:
    Path("out").write_text("the old content, which is longer")
    Path("out").chmod(mode)
    with Path("out").open() as reader:
        write_output(Path("out"), text("new"))
        assert reader.read() == "the old content, which is longer", (
            "a reader sees either the old content or the new"
        )
    assert Path("out").read_text() == "new"
    assert mode_of("out") == mode


@root_only
def test_an_existing_file_keeps_its_owner() -> None:
    Path("out").touch()
    os.chown("out", 12_345, 23_456)
    write_output(Path("out"), text("new"))
    assert (Path("out").stat().st_uid, Path("out").stat().st_gid) == (12_345, 23_456)


def test_every_hard_link_has_the_new_content() -> None:
    Path("one").write_text("the old content, which is longer")
    Path("one").chmod(0o644)
    os.link("one", "other")
    write_output(Path("one"), text("new"))
    assert (Path("one").read_text(), Path("other").read_text()) == ("new", "new")
    assert Path("one").samefile("other")
    assert mode_of("one") == 0o644


@pytest.mark.parametrize("links", [1, 2])
def test_an_export_that_fails_half_way_leaves_the_existing_file(links: int) -> None:
    Path("one").write_text("old")
    for number in range(1, links):
        os.link("one", f"other {number}")
    before = names()

    def fail(out: BinaryIO) -> None:
        out.write(b"n" * 100_000)
        out.flush()
        raise OSError(28, "No space left on device")

    with pytest.raises(ExportError) as failed:
        write_output(Path("one"), fail)
    assert failed.value.hint == "No space left on device"
    assert Path("one").read_text() == "old"
    assert names() == before


def run_script(code: str, *arguments: str, before: tuple[str, ...] = ()) -> dict[str, object]:
    """Run a script that has ``write_output``, ``text`` and this file's imports; returns its JSON output."""
    begin = "from tests.test_userfiles import *\nimport os, sys, json, stat\nfrom pathlib import Path\n"
    place = f"{Path(__file__).parents[1]}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    done = subprocess.run(
        [*before, sys.executable, "-c", begin + code, *arguments],
        env={**os.environ, "PYTHONPATH": place}, capture_output=True, text=True, check=False, timeout=LONG,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    output: dict[str, object] = json.loads(done.stdout)
    return output


@pytest.mark.kernel
def test_a_disk_without_room_for_the_new_content_leaves_the_old_one_in_place(tmp_path: Path) -> None:
    """There is room for the draft, but not for a second copy."""
    if not can_mount():
        pytest.skip("no file system can be mounted here")
    code = (
        "import subprocess\n"
        "subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=300k', 'tmpfs', sys.argv[1]], check=True)\n"
        "os.chdir(sys.argv[1])\n"
        "Path('one').write_text('old'); os.link('one', 'other')\n"
        "hint = ''\n"
        "try: write_output(Path('one'), text('n' * 200_000))\n"
        "except ExportError as error: hint = error.hint\n"
        "print(json.dumps({'hint': hint, 'one': Path('one').read_text(), 'files': sorted(os.listdir())}))\n"
    )
    (tmp_path / "disk").mkdir()
    result = run_script(code, str(tmp_path / "disk"), before=("unshare", "-m"))
    assert result == {"hint": "No space left on device", "one": "old", "files": ["one", "other"]}


@pytest.mark.kernel
@root_only
@pytest.mark.parametrize(("folder", "owner"), [(0o555, 65_534), (0o777, 0)])
def test_a_file_that_cannot_be_replaced_alike_is_written_in_place(folder: int, owner: int) -> None:
    """The folder accepts no new file, or the file's owner could not be kept."""
    code = (
        "import tempfile\n"
        "folder = tempfile.mkdtemp(dir='/tmp'); out = Path(folder, 'out'); out.write_text('old content')\n"
        "out.chmod(0o666); os.chown(out, int(sys.argv[2]), 0); os.chmod(folder, int(sys.argv[1]))\n"
        "before = out.stat()\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "write_output(out, text('new'))\n"
        "after = out.stat()\n"
        "same = (before.st_ino, before.st_uid, before.st_mode) == (after.st_ino, after.st_uid, after.st_mode)\n"
        "print(json.dumps({'same': same, 'content': out.read_text(), 'files': os.listdir(folder), 'in': folder}))\n"
    )
    result = run_script(code, str(folder), str(owner))
    shutil.rmtree(str(result.pop("in")))
    assert result == {"same": True, "content": "new", "files": ["out"]}


@pytest.mark.kernel
def test_a_signal_leaves_no_unfinished_file(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from kernelscope.system import interrupt_on_end_signals\n"
        "from kernelscope.userfiles import write_output\n"
        "def write(out):\n"
        "    out.write(b'half'); out.flush(); print('half', flush=True); time.sleep(600)\n"
        "with interrupt_on_end_signals():\n"
        "    write_output(Path(sys.argv[1]), write)\n"
    )
    (folder := tmp_path / "folder").mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder / "out")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"half\n"
        assert len(names(folder)) == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(LONG) != 0
    assert names(folder) == []


def test_the_dashboard_does_not_use_the_name_of_a_dangling_link() -> None:
    timeline = play_session().timeline
    for suffix in ("kscope", SUFFIXES["csv"]):
        (first := free_path(TimelineView(timeline), suffix)).symlink_to("elsewhere")
        second = free_path(TimelineView(timeline), suffix)
        assert second.name != first.name
    session = play_session()
    write_file(session.view, session.past, "csv", free_path(TimelineView(timeline), "csv"))
    assert not Path("elsewhere").exists()


# --- inputs -------------------------------------------------------------------------------------


@pytest.mark.kernel
@pytest.mark.fault(8)
@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["explain", "fifo", "model"], 3, b"this is not a regular file"),
        (["export", "fifo", "--to", "csv"], 3, b"this is not a regular file"),
        (["watch", "fifo"], 3, b"this is not a regular file"),
        (["record", "fifo", "-o", "new"], 3, b"this is not a regular file"),
        (["replay", "fifo", "--json"], 5, b"this is not a regular file"),
        (["replay", "fifo", "--json", "--follow"], 5, b"this is not a regular file"),
        (["explain", "fifo.kscope", "model"], 5, b"this is not a regular file"),
        (["check", "fifo", "--expect", "model: reset"], 5, b"this is not a regular file"),
        (["check", "r.kscope", "--expect", "@fifo"], 2, b"it is a FIFO, not a regular file"),
        (["check", "r.kscope", "--expect", "@/dev/null"], 2, b"it is a device, not a regular file"),
        (["replay", "none", "--json", "--follow"], 5, b"there is no such file"),
    ],
)
def test_an_input_that_is_not_a_regular_file_is_refused_at_once(
    recording: Path, arguments: list[str], status: int, message: bytes
) -> None:
    os.mkfifo("fifo")
    os.mkfifo("fifo.kscope")
    done = run_command(*arguments)
    assert (done.returncode, b"Traceback" in done.stderr) == (status, False), done.stderr
    assert message in done.stderr


@pytest.mark.kernel
def test_expectations_may_come_through_a_pipe_that_is_open(recording: Path) -> None:
    done = run_command("check", "r.kscope", "--expect", "@/dev/stdin", content=b"*: not deleted\n")
    assert done.returncode in (0, 1), done.stderr
    assert b"*: not deleted" in done.stdout


@pytest.mark.kernel
def test_a_log_that_sqlite_would_open_is_checked_first(recording: Path) -> None:
    """A finished recording has no log."""
    recorder = Recorder(Path("unfinished"), lambda why: pytest.fail(why))
    shutil.copy("unfinished", "cut")
    recorder.close()
    for name in ("cut", "r.kscope"):
        os.mkfifo(f"{name}-wal")
    done = run_command("replay", "cut", "--json")
    assert (done.returncode, done.stdout) == (5, b"")
    assert b"cut-wal is not a regular file, and SQLite would open it" in done.stderr
    assert run_command("replay", "r.kscope", "--json").returncode == 0


def test_a_fifo_among_the_connection_files_does_not_block_completion() -> None:
    os.mkfifo(fifo := Path("runtime/kernel-a.json"))
    names_read: list[str | None] = []
    asking = threading.Thread(target=lambda: names_read.append(read_notebook_name(fifo)), daemon=True)
    asking.start()
    asking.join(LONG / 4)
    os.close(os.open(fifo, os.O_RDWR | os.O_NONBLOCK))
    assert names_read == [None]


# --- copies ----------------------------------------------------------------------------------


def test_copies_leave_one_private_file(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "runtime"))
    monkeypatch.setattr("tempfile.tempdir", None)
    for words in ("a longer first sentence", "the second"):
        save_copy([line(Span(words))])
        path = clipboard_file()
        assert path.read_text() == words + "\n"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert cache in path.parents
        assert list(path.parent.iterdir()) == [path]
    assert names(tmp_path / "runtime") == []


def test_a_copy_is_not_written_into_an_existing_file(tmp_path: Path) -> None:
    path = clipboard_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    (theirs := tmp_path / "theirs").write_text("theirs")
    path.symlink_to(theirs)
    save_copy([line(Span("ours"))])
    assert (theirs.read_text(), path.is_symlink(), path.read_text()) == ("theirs", False, "ours\n")
    path.unlink()
    theirs.chmod(0o666)
    os.link(theirs, path)
    save_copy([line(Span("ours"))])
    assert (theirs.read_text(), path.read_text()) == ("theirs", "ours\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_copy_that_cannot_be_written_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    output = io.StringIO()
    output.writelines(span.text for span in save_copy([line(Span("ours"))]))
    assert "writing a file failed: " in output.getvalue()
