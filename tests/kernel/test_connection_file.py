from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import zmq
from jupyter_client.asynchronous.client import AsyncKernelClient

from kernelscope.errors import ConnectionFileError
from kernelscope.kernel.connection_file import (
    MAX_BYTES,
    ConnectionInfo,
    PipedConnection,
    parse_connect_info,
    read_bounded,
    read_connection,
    read_connection_file,
)
from kernelscope.kernel.processes import has_kernel_process
from kernelscope.system import is_alive
from tests.support.kernels import KernelProcess

KEY = "b1946ac9-2f6e5b3d"
PUBLIC, SECRET = (key.decode() for key in zmq.curve_keypair())
PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
GOOD: dict[str, Any] = {
    **{name: 50_000 + number for number, name in enumerate(PORTS)},
    "ip": "127.0.0.1",
    "key": KEY,
    "transport": "tcp",
    "signature_scheme": "hmac-sha256",
    "kernel_name": "python3",
    "jupyter_session": "/home/me/churn.ipynb",
}


def write(folder: Path, **changes: Any) -> Path:
    """Write a valid connection file with ``changes``; ``...`` leaves a field out."""
    raw = {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}
    return write_bytes(folder, json.dumps(raw).encode())


def write_bytes(folder: Path, data: bytes) -> Path:
    path = folder / "kernel-a.json"
    path.write_bytes(data)
    path.chmod(0o600)
    return path


def refusal_of(path: Path, **options: bool) -> ConnectionFileError:
    """Return the error, after checking what all of these errors have in common."""
    with pytest.raises(ConnectionFileError) as caught:
        read_connection_file(path, **options)
    error = caught.value
    assert error.exit_code == 3
    assert KEY not in error.title + error.hint
    assert "\n" not in error.title
    assert "\n" not in error.hint
    assert error.hint
    return error


def test_a_good_file_is_read_and_its_key_is_not_shown(tmp_path: Path) -> None:
    path = write(tmp_path, some_later_field={"a": 1})
    info = read_connection_file(path)
    assert (info.transport, info.ip, info.is_signed) == ("tcp", "127.0.0.1", True)
    assert [getattr(info, name) for name in PORTS] == [50_000, 50_001, 50_002, 50_003, 50_004]
    assert (info.kernel_name, info.jupyter_session) == ("python3", "/home/me/churn.ipynb")
    assert info.written == path.stat().st_mtime
    assert info.heartbeat_url == "tcp://127.0.0.1:50004"
    assert KEY not in repr(info) + str(info)


def test_fields_that_jupyter_client_fills_in_may_be_missing(tmp_path: Path) -> None:
    gaps = dict.fromkeys(("ip", "transport", "signature_scheme", "kernel_name", "jupyter_session"), ...)
    info = read_connection_file(write(tmp_path, **gaps))
    assert (info.transport, info.ip, info.signature_scheme) == ("tcp", "127.0.0.1", "hmac-sha256")
    assert (info.kernel_name, info.jupyter_session) == (None, None)
    ipc = read_connection_file(write(tmp_path, transport="ipc", ip=...))
    assert ipc.heartbeat_url == f"ipc://{tmp_path}/kernel-a-ipc-50004"


def test_text_fields_with_other_types_are_left_out(tmp_path: Path) -> None:
    info = read_connection_file(write(tmp_path, kernel_name=["x"], jupyter_session=""))
    assert (info.kernel_name, info.jupyter_session) == (None, None)


@pytest.mark.fault(3)
@pytest.mark.parametrize("name", PORTS)
@pytest.mark.parametrize("value", ["50000", 0, -1, 70_000, 50_000.0, True, None, [1], ...])
def test_an_invalid_port_is_named(tmp_path: Path, name: str, value: object) -> None:
    error = refusal_of(write(tmp_path, **{name: value}))
    assert "kernel-a.json" in error.title
    assert name in error.title


@pytest.mark.fault(3, 4, 6)
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"key": 12345}, "key is a number"),
        ({"key": None}, "key is a null"),
        ({"key": ...}, "key is missing"),
        ({"key": "\ud800"}, "key is not valid text"),
        ({"key": "", "ip": "192.0.2.7"}, "key is empty"),
        ({"transport": "udp"}, 'transport is "udp"'),
        ({"transport": ["tcp"]}, "transport is"),
        ({"signature_scheme": "hmac-nothing"}, "signature_scheme is"),
        ({"signature_scheme": "hmac-shake_128"}, "signature_scheme is"),
        ({"signature_scheme": "sha256"}, "signature_scheme is"),
        ({"signature_scheme": 1}, "signature_scheme is"),
        ({"hb_port": 50_001}, "iopub_port and hb_port are both 50001"),
        ({"ip": 1}, "ip is 1"),
        ({"ip": ""}, "ip is"),
        ({"ip": "a/b c"}, "ip is"),
        ({"ip": "/tmp/a\0b", "transport": "ipc"}, "ip is"),
        ({"transport": "\x1b[2J\u202e"}, r"\u001b[2J\u202e"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    title = refusal_of(write(tmp_path, **changes)).title
    assert words in title
    assert title.isprintable()


@pytest.mark.fault(5)
def test_an_empty_key_is_accepted_from_this_machine(tmp_path: Path) -> None:
    assert read_connection_file(write(tmp_path, key="", ip="127.0.0.1")).is_signed is False


@pytest.mark.fault(4, 5)
def test_an_empty_key_is_accepted_from_elsewhere_only_when_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, key="", ip="192.0.2.7")
    assert "--insecure" in refusal_of(path).hint
    assert read_connection_file(path, insecure=True).is_signed is False
    assert "key is a number" in refusal_of(write(tmp_path, key=0), insecure=True).title


@pytest.mark.fault(2)
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (json.dumps(GOOD).encode()[:-5], "not complete JSON (line 1, column"),
        (b"\xef\xbb\xbf" + json.dumps(GOOD).encode(), "byte order mark"),
        (json.dumps(GOOD).encode("utf-16"), "byte order mark"),
        (json.dumps(GOOD).encode("utf-16-le"), "not complete JSON"),
        (json.dumps([GOOD]).encode(), "a JSON list"),
        (b'"text"', "a JSON string"),
        (b"null", "a JSON null"),
        (b"true", "a JSON boolean"),
        (b"1", "a JSON number"),
        (b'{"ip": "\xff"}', "not UTF-8 (byte 8)"),
        (b"[" * 60_000, "not JSON that can be read"),
        (b"1" * 60_000, "not JSON that can be read"),
        (b" " * (MAX_BYTES + 1), "larger than 64 KiB"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_with_other_content_is_refused(tmp_path: Path, data: bytes, words: str) -> None:
    error = refusal_of(write_bytes(tmp_path, data))
    assert words in error.title
    assert not isinstance(error.__context__, ValueError), "that would contain the document, and so the key"


@pytest.mark.fault(8)
def test_a_very_large_file_is_not_read(tmp_path: Path) -> None:
    path = write_bytes(tmp_path, b"")
    os.truncate(path, 1 << 30)
    assert "larger than" in refusal_of(path).title


@pytest.mark.fault(8)
def test_a_path_that_is_not_a_file_is_refused(tmp_path: Path) -> None:
    fifo, loop, server = tmp_path / "fifo", tmp_path / "loop", tmp_path / "socket"
    os.mkfifo(fifo)
    loop.symlink_to(loop)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(server))
        assert "not a regular file" in refusal_of(server).title
    assert "not a regular file" in refusal_of(fifo).title
    assert "not a regular file" in refusal_of(Path("/dev/null")).title
    assert "circle" in refusal_of(loop).title
    assert "directory" in refusal_of(tmp_path).title
    assert "no such file" in refusal_of(tmp_path / "nothing.json").title
    assert "no such file" in refusal_of(fifo / "kernel.json").title
    assert "no such file" in refusal_of(tmp_path / "a\0b").title
    assert "cannot be read: File name too long" in refusal_of(tmp_path / ("a" * 300)).title


@pytest.mark.fault(8)
def test_a_path_that_is_not_a_regular_file_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening would wake the writer of a FIFO, and rewind a tape."""
    os.mkfifo(fifo := tmp_path / "fifo")
    monkeypatch.setattr(os, "open", lambda *_: pytest.fail("it was opened"))
    assert "not a regular file" in refusal_of(fifo).title


@pytest.mark.fault(9)
def test_a_path_that_is_not_utf8_works_and_is_shown_escaped(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9\x1b")
    folder.mkdir()
    path = write(folder)
    assert read_connection_file(path).path == path
    title = refusal_of(write(folder, hb_port=0)).title
    assert r"caf\udce9\x1b" in title
    assert title.isprintable()


def test_a_symbolic_link_to_a_good_file_is_followed(tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(write(tmp_path))
    assert read_connection_file(link).is_signed


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.chmod(0)
    assert "may not read" in refusal_of(path).title


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.kernel
@pytest.mark.fault(7)
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(
    ("mode", "owner", "words"),
    [(0o600, 0, "you may not read it"), (0o644, 12_345, "the file belongs to another user")],
)
def test_a_file_of_another_user_is_refused(open_folder: Path, mode: int, owner: int, words: str) -> None:
    path = write(open_folder)
    path.chmod(mode)
    os.chown(path, owner, owner)
    code = (
        "import os, sys; from pathlib import Path\n"
        "from kernelscope.kernel.connection_file import read_connection_file as read\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: read(Path(sys.argv[1]))\n"
        "except Exception as error: print(type(error).__name__, error.title)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == f"ConnectionFileError {path}: {words}\n"


@pytest.mark.fault(7)
@pytest.mark.parametrize("mode", [0o644, 0o620, 0o666, 0o602])
def test_a_file_that_others_can_reach_is_refused_as_ssh_does(open_folder: Path, mode: int) -> None:
    path = write(open_folder)
    path.chmod(mode)
    error = refusal_of(path)
    assert f"{mode:04o}" in error.title
    assert "chmod 600" in error.hint
    assert read_connection_file(path, insecure_file=True).is_signed


def test_a_file_in_a_folder_that_others_cannot_enter_is_private(open_folder: Path) -> None:
    path = write(open_folder)
    path.chmod(0o644)
    open_folder.chmod(0o700)
    assert read_connection_file(path).is_signed


@pytest.mark.fault(13)
def test_curve_keys_are_read(tmp_path: Path) -> None:
    public, secret = (key.decode() for key in zmq.curve_keypair())
    path = write(tmp_path, curve_publickey=public, curve_secretkey=secret)
    info = read_connection_file(path)
    assert info.curve_publickey == public.encode()
    assert public not in repr(info)
    assert read_connection_file(write(tmp_path, curve_publickey=public)).curve_publickey is None
    another = zmq.curve_keypair()[1].decode()
    assert "together" in refusal_of(write(tmp_path, curve_publickey=public, curve_secretkey=another)).title
    error = refusal_of(write(tmp_path, curve_publickey="short", curve_secretkey=secret))
    assert "curve_publickey" in error.title
    assert secret not in error.title


@pytest.mark.fault(13)
def test_curve_keys_are_refused_if_the_library_lacks_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public, secret = (key.decode() for key in zmq.curve_keypair())
    monkeypatch.setattr(zmq, "has", lambda capability: capability != "curve")
    assert "pyzmq" in refusal_of(write(tmp_path, curve_publickey=public, curve_secretkey=secret)).title


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"ip": ..., "transport": ..., "signature_scheme": ...},
        {"ip": "::1", "signature_scheme": "hmac-sha512", "key": "k\u00e9y"},
        {"key": ""},
        {"transport": "ipc", "ip": "/tmp/sockets"},
        {"transport": "ipc", "ip": ...},
        {"curve_publickey": PUBLIC, "curve_secretkey": SECRET},
        {"curve_publickey": PUBLIC},
    ],
)
def test_the_client_gets_what_jupyter_client_itself_would_read(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    path = write(tmp_path, **changes)
    ours, theirs = AsyncKernelClient(), AsyncKernelClient(connection_file=str(path))
    ours.load_connection_info(cast("Any", read_connection_file(path, insecure=True).for_jupyter_client()))
    theirs.load_connection_file()
    for name in (*PORTS, "transport", "ip", "curve_publickey", "curve_secretkey"):
        if (name, changes.get("curve_secretkey")) != (
            "curve_publickey",
            None,
        ):  # one key alone does not count
            assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.session.key == theirs.session.key
    assert ours.session.signature_scheme == theirs.session.signature_scheme


def test_read_bounded_reports_the_reason_as_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        read_bounded(tmp_path)


PRINTED = (
    json.dumps(GOOD, indent=2)
    + """

Paste the above JSON into a file, and connect with:
    $> jupyter <app> --existing <file>
or, if you are local, you can connect with just:
    $> jupyter <app> --existing kernel-{a}.json
"""
)


@pytest.mark.parametrize("text", [PRINTED, "\ufeffIn [1]: {nothing}\n" + PRINTED, json.dumps(GOOD)])
def test_connect_info_is_extracted_from_the_prose(text: str) -> None:
    assert parse_connect_info(text) == GOOD


@pytest.mark.proof
@pytest.mark.parametrize("text", ["", "[1, 2]", "{", "{" * 60_000, '{"a":' * 13_000])
def test_text_without_connect_info_is_refused(text: str) -> None:
    with pytest.raises(ConnectionFileError, match="standard input"):
        parse_connect_info(text)


@pytest.mark.kernel
def test_the_real_output_of_connect_info_is_read(kernel: KernelProcess) -> None:
    client = kernel.client()
    client.wait_for_ready(timeout=30)
    printed: list[str] = []
    client.execute_interactive(
        "%connect_info",
        timeout=30,
        output_hook=lambda message: printed.append(message["content"].get("text", "")),
    )
    before = time.time()
    piped = PipedConnection(parse_connect_info("".join(printed)))
    info, of_file = read_connection(piped), read_connection_file(kernel.connection_file)
    assert_same_kernel(info, of_file)
    assert (info.path, info.name) == (None, "standard input")
    assert before <= info.written <= time.time()
    key = json.loads(kernel.connection_file.read_text())["key"]
    assert piped.content["key"] == key
    assert key not in f"{piped} {piped!r} {info} {info!r}"


def assert_same_kernel(one: ConnectionInfo, other: ConnectionInfo) -> None:
    for name in ("transport", "ip", "is_signed", "signature_scheme", *PORTS):
        assert getattr(one, name) == getattr(other, name)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with KernelProcess(tmp_path_factory.mktemp("kernel")) as process:
        yield process


@pytest.mark.kernel
def test_a_live_kernel_process_is_recognized(kernel: KernelProcess) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert is_alive(os.getpid())
    assert is_alive(1)
    assert not is_alive(ended.pid)
    assert not is_alive(0)
    assert not is_alive(-1)
    assert not is_alive(1 << 80)


@pytest.mark.kernel
def test_the_file_that_a_kernel_was_started_with_is_recognized(kernel: KernelProcess, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(kernel.connection_file)
    copy = tmp_path / kernel.connection_file.name
    copy.write_bytes(kernel.connection_file.read_bytes())
    assert has_kernel_process(kernel.connection_file) is True
    assert has_kernel_process(link) is True
    assert has_kernel_process(copy) is False
    assert has_kernel_process(tmp_path / "nothing.json") is None


@pytest.mark.kernel
def test_a_file_changed_after_its_kernel_started_proves_nothing(tmp_path: Path) -> None:
    with KernelProcess(tmp_path) as kernel:
        assert has_kernel_process(kernel.connection_file) is True
        raw = json.loads(kernel.connection_file.read_text())
        kernel.connection_file.write_text(json.dumps({**raw, "key": "another"}))
        later = kernel.connection_file.stat().st_mtime + 60
        os.utime(kernel.connection_file, (later, later))  # past its startup
        assert has_kernel_process(kernel.connection_file) is False
        os.utime(kernel.connection_file, (later - 60, later - 60))
        kernel.restart()
        assert has_kernel_process(kernel.connection_file) is True
    assert has_kernel_process(kernel.connection_file) is False


@pytest.mark.kernel
@pytest.mark.parametrize(
    "arguments", [["-f", "{}"], ["--f={}"], ['--f="{}"'], ["-f={}"], ["--IPKernelApp.connection_file={}"]]
)
@pytest.mark.parametrize("relative", [False, True])
def test_a_kernel_may_get_its_file_in_several_ways(
    tmp_path: Path, arguments: list[str], relative: bool
) -> None:
    path = write(tmp_path)
    command = [argument.format(path.name if relative else path) for argument in arguments]
    with process_with_arguments(tmp_path, *command):
        assert has_kernel_process(path) is True


@pytest.mark.kernel
def test_a_process_that_reads_the_file_is_not_its_kernel(tmp_path: Path) -> None:
    path = write(tmp_path)
    with process_with_arguments(tmp_path, "--existing", str(path)):
        assert has_kernel_process(path) is False


@contextmanager
def process_with_arguments(folder: Path, *arguments: str) -> Iterator[None]:
    """Run a process with ``arguments`` in ``folder`` that stands for a kernel."""
    command = ["sh", "-c", "echo started; read wait", *arguments]
    with subprocess.Popen(
        command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        yield
        process.communicate("\n")
