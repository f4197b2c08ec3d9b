from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kernelscope.errors import NoKernelError
from kernelscope.kernel.discovery import SeveralKernelsError, find_kernels, resolve
from kernelscope.kernel.runtime_dirs import runtime_dirs
from kernelscope.kernel.servers import fetch_served_kernels
from tests.support.kernels import KernelProcess

if TYPE_CHECKING:
    from jupyter_client.blocking.client import BlockingKernelClient

TOKEN = "5ecret-t0ken"
SEEN = datetime(2026, 11, 20, 20, 10, 0, 123_000, tzinfo=UTC)


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty runtime directory instead of the user's own."""
    folder = tmp_path / "runtime"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(folder))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelProcess]:
    with KernelProcess(tmp_path_factory.mktemp("one")) as process:
        yield process


@pytest.fixture(scope="module")
def second_kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelProcess]:
    with KernelProcess(tmp_path_factory.mktemp("two")) as process:
        yield process


def write_connection_file(folder: Path, name: str, kernel: KernelProcess | None = None, **extra: Any) -> Path:
    """Write a connection file in ``folder``: of a live kernel, or stale."""
    ports = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
    numbers = {port: number for number, port in enumerate(ports, 1)}
    stale: dict[str, Any] = {**numbers, "ip": "127.0.0.1", "key": "a", "transport": "tcp"}
    raw = stale if kernel is None else json.loads(kernel.connection_file.read_text())
    path = folder / name
    path.write_text(json.dumps({**raw, **extra}))
    return path


def set_mtime(path: Path, seconds: float) -> Path:
    os.utime(path, (seconds, seconds))
    return path


class Server:
    """Answers as a Jupyter server does, and collects the requests."""

    def __init__(self, runtime: Path, kernels: object, sessions: object, **changes: Any) -> None:
        self.requests: list[tuple[str, str | None]] = []
        self.answers = {
            "/base/api/kernels": json.dumps(kernels).encode(),
            "/base/api/sessions": json.dumps(sessions).encode(),
        }
        self.redirect: str | None = None
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.http.server_port}/base/"
        info = {"url": self.url, "pid": os.getpid(), "token": TOKEN, "root_dir": "/home/me", "port": 1}
        self.file = runtime / f"jpserver-{os.getpid()}.json"
        self.file.write_text(json.dumps({**info, **changes}))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requests.append((self.path, self.headers["Authorization"]))
                self.send_response(302 if server.redirect else 200)
                if server.redirect:
                    self.send_header("Location", server.redirect)
                self.end_headers()
                self.wfile.write(server.answers.get(self.path, b"[]"))

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@contextmanager
def serving(*arguments: Any, **changes: Any) -> Iterator[Server]:
    server = Server(*arguments, **changes)
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.http.shutdown()
        thread.join()
        server.http.server_close()


def model(kernel_id: str, state: str = "idle") -> dict[str, Any]:
    return {
        "id": kernel_id,
        "name": "python3",
        "last_activity": "2026-11-20T20:10:00.123000Z",
        "execution_state": state,
        "connections": 1,
    }


def session(kernel_id: str, path: str, kind: str = "notebook") -> dict[str, Any]:
    return {"id": "s", "path": path, "name": "", "type": kind, "kernel": model(kernel_id)}


# --- directories ----------------------------------------------------------------------------------------


def test_each_existing_runtime_directory_is_listed_once(
    tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert runtime_dirs() == [runtime]
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "xdg"))
    assert runtime_dirs() == [runtime]
    old = tmp_path / "xdg" / "jupyter" / "runtime"
    old.mkdir(parents=True)
    assert runtime_dirs() == [runtime, old]
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(old))
    assert runtime_dirs() == [old]
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "nowhere"))
    assert runtime_dirs() == [old]


# --- servers --------------------------------------------------------------------------------------


async def test_a_server_reports_its_kernels(runtime: Path) -> None:
    kernels = [model("a"), model("b", "busy"), model("c")]
    sessions = [
        session("a", "work/churn.ipynb"),
        session("b", "console-1", "console"),
        session("c", "RTC:x.ipynb"),
    ]
    with serving(runtime, kernels, sessions) as server:
        served = await fetch_served_kernels([runtime])
    assert [(one.kernel_id, one.state, one.notebook) for one in served.values()] == [
        ("a", "idle", "/home/me/work/churn.ipynb"),
        ("b", "busy", None),
        ("c", "idle", "/home/me/x.ipynb"),
    ]
    assert served["a"].last_activity == SEEN.timestamp()
    assert served["a"].kernel_name == "python3"
    assert server.requests == [
        ("/base/api/kernels", f"token {TOKEN}"),
        ("/base/api/sessions", f"token {TOKEN}"),
    ]


async def test_a_classic_notebook_server_is_asked_too(runtime: Path) -> None:
    with serving(
        runtime, [model("a")], [session("a", "b.ipynb")], root_dir=None, notebook_dir="/n", token=""
    ) as server:
        server.file.rename(runtime / "nbserver-1.json")
        served = await fetch_served_kernels([runtime])
    assert served["a"].notebook == "/n/b.ipynb"
    assert server.requests[0] == ("/base/api/kernels", None)


async def test_only_the_server_gets_its_token(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It follows no redirection and uses no proxy, whatever the environment says."""
    with serving(runtime, [], []) as other, serving(runtime, [model("a")], []) as server:
        monkeypatch.setenv("http_proxy", other.url)
        monkeypatch.setenv("no_proxy", "")
        assert list(await fetch_served_kernels([runtime])) == ["a"]
        server.redirect = other.url + "api/kernels"
        assert await fetch_served_kernels([runtime]) == {}
    assert other.requests == []


@pytest.mark.parametrize(
    "changes",
    [
        {"pid": 0},
        {"pid": "1"},
        {"pid": 1 << 80},
        {"url": "file:///etc/passwd"},
        {"url": "http+unix://x"},
        {"url": "http://[nonsense/"},
        {"url": "http://127.0.0.1:1/"},
        {"url": "http://127.0.0.1:99999999/"},
        {"url": None},
        {"token": "a\r\nHost: b"},
        {"token": "\ud800"},
        {"token": 5},
    ],
)
async def test_an_unusable_server_file_is_ignored(runtime: Path, changes: dict[str, Any]) -> None:
    with serving(runtime, [model("a")], [], **changes):
        assert await fetch_served_kernels([runtime]) == {}


def dead_pid() -> int:
    with subprocess.Popen(["true"]) as process:
        pass
    return process.pid


async def test_the_file_of_a_dead_server_is_ignored(runtime: Path) -> None:
    with serving(runtime, [model("a")], [], pid=dead_pid()) as server:
        assert await fetch_served_kernels([runtime]) == {}
    assert server.requests == []


@pytest.mark.parametrize(
    "answer", [b"", b"<html>", b'{"message": "Forbidden"}', b'[{"id": 1}]', b"[" + b" " * (5 << 20)]
)
async def test_an_unreadable_answer_is_ignored(runtime: Path, answer: bytes) -> None:
    with serving(runtime, [], []) as server:
        server.answers["/base/api/kernels"] = answer
        assert await fetch_served_kernels([runtime]) == {}


async def test_invalid_server_files_are_ignored(runtime: Path) -> None:
    (runtime / "jpserver-1.json").write_text("{")
    (runtime / "jpserver-2.json").mkdir()
    os.mkfifo(runtime / "jpserver-3.json")
    (runtime / "jpserver-4.json").write_bytes(b" " * 70_000)
    assert await fetch_served_kernels([runtime, runtime / "nothing"]) == {}


# --- kernels --------------------------------------------------------------------------------------


async def test_without_kernels_the_list_is_empty(runtime: Path) -> None:
    assert await find_kernels() == []


async def test_kernels_are_listed_live_first_and_newest_first(
    runtime: Path,
    tmp_path: Path,
    kernel: KernelProcess,
    second_kernel: KernelProcess,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vs_code = tmp_path / "xdg" / "jupyter" / "runtime"
    vs_code.mkdir(parents=True)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "xdg"))
    set_mtime(write_connection_file(runtime, "kernel-1234.json", kernel), 2_000)
    set_mtime(write_connection_file(vs_code, "kernel-v3aa.json", second_kernel, kernel_name="py"), 3_000)
    set_mtime(write_connection_file(runtime, "kernel-old.json", jupyter_session="/home/me/eda.ipynb"), 5_000)
    set_mtime(write_connection_file(runtime, "kernel-older.json"), 4_000)
    kernels = await find_kernels()
    assert [(one.kernel_id, one.state, one.owner, one.notebook) for one in kernels] == [
        ("v3aa", "live", "vs code", None),
        ("1234", "live", "console", None),
        ("old", "dead", "jupyter", "/home/me/eda.ipynb"),
        ("older", "dead", "other", None),
    ]
    assert kernels[0].connection_file == vs_code / "kernel-v3aa.json"
    assert (kernels[0].kernel_name, kernels[0].started, kernels[0].last_activity) == ("py", 3_000, None)


async def test_the_server_adds_what_it_knows_about_its_kernels(
    runtime: Path, kernel: KernelProcess, second_kernel: KernelProcess
) -> None:
    set_mtime(
        write_connection_file(
            runtime, "kernel-a.json", kernel, jupyter_session="/home/me/before-it-was-renamed.ipynb"
        ),
        1,
    )
    set_mtime(write_connection_file(runtime, "kernel-b.json", second_kernel), 1)
    set_mtime(write_connection_file(runtime, "kernel-c.json", kernel, jupyter_session="/home/me/c.ipynb"), 2)
    kernels = [model("a", "busy"), model("b", "starting"), {**model("c"), "last_activity": None}]
    with serving(runtime, kernels, [session("a", "churn.ipynb")]):
        by_id = {one.kernel_id: one for one in await find_kernels()}
    assert list(by_id) == ["a", "b", "c"]
    assert [one.state for one in by_id.values()] == ["busy", "live", "idle"]
    assert [one.owner for one in by_id.values()] == ["jupyter"] * 3
    assert [one.notebook for one in by_id.values()] == ["/home/me/churn.ipynb", None, "/home/me/c.ipynb"]
    assert by_id["a"].last_activity == SEEN.timestamp()


async def test_discovery_sends_no_request(runtime: Path, kernel: KernelProcess) -> None:
    write_connection_file(runtime, "kernel-a.json", kernel)
    client = kernel.client()
    client.wait_for_ready(timeout=30)
    printed = kernel.log.read_text()
    for _ in range(3):
        assert [one.state for one in await find_kernels()] == ["live"]
        await resolve("a")
    assert statuses_until_own_request(client) == ["busy", "idle"], "only those of our own request"
    assert kernel.log.read_text() == printed


def statuses_until_own_request(client: BlockingKernelClient) -> list[str]:
    """Send a request; returns every status broadcast until it ends."""
    ours = client.kernel_info()
    statuses: list[str] = []
    while True:
        message = client.get_iopub_msg(timeout=30)
        if message["msg_type"] == "status":
            statuses.append(message["content"]["execution_state"])
            if message["parent_header"]["msg_id"] == ours and statuses[-1] == "idle":
                return statuses


async def test_invalid_connection_files_are_skipped(runtime: Path, kernel: KernelProcess) -> None:
    (runtime / "kernel-a.json").write_text("{")
    (runtime / "kernel-b.json").mkdir()
    os.mkfifo(runtime / "kernel-c.json")
    (runtime / "kernel-d.json").symlink_to(runtime / "kernel-d.json")
    write_connection_file(runtime, "kernel-e.json", hb_port="1")
    write_connection_file(runtime, "kernel-f.json", kernel, key="").chmod(0o666)
    assert [(one.kernel_id, one.state) for one in await find_kernels()] == [("f", "live")]


async def test_files_may_come_and_go_during_discovery(runtime: Path, kernel: KernelProcess) -> None:
    live = write_connection_file(runtime, "kernel-live.json", kernel)
    stop = threading.Event()

    def change_files() -> None:
        while not stop.wait(0.0005):
            write_connection_file(runtime, "kernel-new.json").rename(runtime / "kernel-moved.json")
            (runtime / "kernel-moved.json").unlink()
            write_connection_file(runtime, "jpserver-1.json").unlink()
            write_connection_file(runtime, "another.json", kernel).rename(
                live
            )  # the same content in another file

    thread = threading.Thread(target=change_files)
    thread.start()
    try:
        for _ in range(3):
            kernels = {one.kernel_id: one.state for one in await find_kernels()}
            assert kernels.pop("live") == "live"
            assert set(kernels) <= {"new", "moved"}
    finally:
        stop.set()
        thread.join()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_unreadable_runtime_directory_is_skipped(tmp_path: Path) -> None:
    """It belongs to root if a user came by ``su`` (without ``-``), which keeps the environment."""
    private = tmp_path / "private"
    (private / "jupyter" / "runtime").mkdir(parents=True)
    private.chmod(0o700)
    code = (
        "import asyncio, os, sys\n"
        "from kernelscope.kernel import discovery\n"
        "from kernelscope.errors import NoKernelError\n"
        "asyncio.run(discovery.find_kernels())  # all that is imported late\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "print(asyncio.run(discovery.find_kernels()))\n"
        "for named in (sys.argv[1] + '/kernel-1.json', 'kernel-1.json', None):\n"
        "    try: asyncio.run(discovery.resolve(named))\n"
        "    except NoKernelError: print('none')\n"
    )
    env = {**os.environ, "XDG_RUNTIME_DIR": str(private), "JUPYTER_RUNTIME_DIR": f"{private}/jupyter/runtime"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(private)], env=env, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["[]", "none", "none", "none"], done.stderr


async def test_text_of_files_is_shown_safely(runtime: Path) -> None:
    path = write_connection_file(
        runtime, "kernel-\x1b[2J.json", kernel_name="\u202epy", jupyter_session="/a\0\x07.ipynb"
    )
    (entry,) = await find_kernels()
    assert entry.connection_file == path
    assert (entry.kernel_id, entry.kernel_name, entry.notebook) == (
        r"\x1b[2J",
        r"\u202epy",
        r"/a\x00\x07.ipynb",
    )
    with pytest.raises(NoKernelError) as caught:
        await resolve("\x1b]0;x\x07.ipynb")
    assert (caught.value.title + caught.value.hint).isprintable()


async def test_many_stale_files_do_not_hide_the_live_kernel(runtime: Path, kernel: KernelProcess) -> None:
    for number in range(100):
        write_connection_file(runtime, f"kernel-stale{number:03}.json")
    write_connection_file(runtime, "kernel-z.json", kernel)
    kernels = await find_kernels()
    assert (len(kernels), kernels[0].kernel_id) == (101, "z")


# --- choosing one ----------------------------------------------------------------------------------------


async def test_the_only_live_kernel_is_chosen(
    runtime: Path, kernel: KernelProcess, second_kernel: KernelProcess
) -> None:
    with pytest.raises(NoKernelError, match="no running kernel") as caught:
        await resolve(None)
    assert str(runtime) in caught.value.hint
    assert "0 stale" in caught.value.hint
    write_connection_file(runtime, "kernel-stale.json")
    with pytest.raises(NoKernelError) as caught:
        await resolve(None)
    assert "1 stale" in caught.value.hint
    live = write_connection_file(runtime, "kernel-a.json", kernel)
    assert await resolve(None) == live
    write_connection_file(runtime, "kernel-b.json", second_kernel, jupyter_session="/home/me/eda.ipynb")
    with pytest.raises(SeveralKernelsError) as several:
        await resolve(None)
    assert {one.kernel_id for one in several.value.kernels} == {"a", "b"}
    assert "b (eda.ipynb, live)" in several.value.hint
    assert several.value.exit_code == 3


async def test_a_path_is_used_as_it_is(runtime: Path, tmp_path: Path) -> None:
    """Even a broken path: reading the file reports what is wrong with it."""
    path = tmp_path / "sub" / "connection.json"
    path.parent.mkdir()
    path.write_text("{")
    circle = tmp_path / "circle.json"
    circle.symlink_to(circle)
    assert await resolve(str(path)) == path
    assert await resolve("sub/connection.json") == path
    assert await resolve("circle.json") == circle


async def test_a_file_name_is_found_in_the_runtime_directories(runtime: Path) -> None:
    path = write_connection_file(runtime, "kernel-a.json")
    assert await resolve("kernel-a.json") == path
    odd = write_connection_file(runtime, "mine.json")
    assert await resolve("mine.json") == odd


async def test_a_fragment_of_a_name_is_resolved(
    runtime: Path, kernel: KernelProcess, second_kernel: KernelProcess
) -> None:
    old = set_mtime(write_connection_file(runtime, "kernel-abc1.json"), 1_000)
    new = set_mtime(write_connection_file(runtime, "kernel-abc2.json"), 2_000)
    assert await resolve("bc") == new, "none is live: the newest"
    live = set_mtime(write_connection_file(runtime, "kernel-abc3.json", kernel), 500)
    assert await resolve("bc") == live
    assert await resolve("kernel-abc") == live
    assert await resolve("kernel-a*3.json") == live
    assert await resolve("abc1") == old, "a complete kernel id"
    other = write_connection_file(runtime, "kernel-abc.json", second_kernel)
    assert await resolve("abc") == other, "a complete id wins over ids that contain it"
    with pytest.raises(SeveralKernelsError, match='matches "bc"') as several:
        await resolve("bc")
    assert "abc3 (live)" in several.value.hint


async def test_a_directory_is_not_taken_for_a_connection_file(runtime: Path, tmp_path: Path) -> None:
    (tmp_path / "abc").mkdir()
    path = write_connection_file(runtime, "kernel-abc.json")
    assert await resolve("abc") == path


async def test_a_notebook_is_resolved_to_its_kernel(
    runtime: Path, tmp_path: Path, kernel: KernelProcess, second_kernel: KernelProcess
) -> None:
    notebook = tmp_path / "work" / "churn.ipynb"
    notebook.parent.mkdir()
    notebook.write_text("{}")
    (tmp_path / "link.ipynb").symlink_to(notebook)
    path = write_connection_file(runtime, "kernel-a.json", kernel, jupyter_session=str(notebook))
    write_connection_file(runtime, "kernel-b.json", second_kernel, jupyter_session="\0")
    for argument in (str(notebook), "work/churn.ipynb", "./work/../link.ipynb"):
        assert await resolve(argument) == path
    with pytest.raises(NoKernelError) as caught:
        await resolve("churn.ipynb")
    assert "no kernel is known to run churn.ipynb" in caught.value.title
    assert "a (churn.ipynb, live)" in caught.value.hint
    with serving(runtime, [model("b")], [session("b", "other.ipynb")], root_dir=str(tmp_path / "work")):
        assert await resolve("work/other.ipynb") == runtime / "kernel-b.json"
    with (
        serving(runtime, [model("b")], [session("b", "churn.ipynb")], root_dir=str(tmp_path / "work")),
        pytest.raises(SeveralKernelsError, match="more than one kernel runs"),
    ):
        await resolve("work/churn.ipynb")


@pytest.mark.fault(1)
@pytest.mark.parametrize(
    "argument", ["nothing", "", "/no/such/kernel-a.json", "a\0b", "a\0.ipynb", "no.ipynb", "*x"]
)
async def test_an_error_for_no_match_lists_the_running_kernels(
    runtime: Path, kernel: KernelProcess, argument: str
) -> None:
    for number in range(7):
        write_connection_file(runtime, f"kernel-live{number}.json", kernel)
    with pytest.raises(NoKernelError) as caught:
        await resolve(argument)
    assert not isinstance(caught.value, SeveralKernelsError)
    assert caught.value.hint.count("(live)") == 5
    assert caught.value.hint.endswith("and 2 more")
