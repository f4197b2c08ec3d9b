"""Tests that a server that culls idle kernels culls watched ones like others, and busy ones never."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient

from tests.kernel.test_manners import read_record
from tests.kernel.watching import LONG
from tests.support.kernels import wait_for_heartbeat

VARIABLE = "KERNELSCOPE_TEST_SERVERS"
"""Environment variable: interpreters with a jupyter_server and ipykernel, separated as in ``PATH``."""
IDLE_S, INTERVAL_S = 7, 1
"""A watcher checks the heartbeat every three seconds: twice before an idle kernel is culled."""

CHANGES = """
import threading
class Model:
    def fit(self, X): pass
    def get_params(self, deep=True): return {}
def change():
    while True:
        globals()["model"] = Model(); stopped.wait(0.3)
stopped = threading.Event(); threading.Thread(target=change, daemon=True).start()
"""


def interpreter(version: str) -> str:
    for path in [sys.executable, *filter(None, os.environ.get(VARIABLE, "").split(os.pathsep))]:
        ask = "import jupyter_server; print(jupyter_server.__version__)"
        result = subprocess.run([path, "-c", ask], capture_output=True, text=True)
        if result.returncode == 0 and (version == "newest" or result.stdout.strip() == version):
            return path
    pytest.skip(f"no interpreter with jupyter_server {version} is named in {VARIABLE}")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Server:
    """Runs a jupyter_server."""

    def __init__(self, python: str, folder: Path) -> None:
        self._token = secrets.token_hex(8)
        self._folder, self._log = folder, folder / "server.log"
        options = {
            "ServerApp.port": _free_port(),
            "ServerApp.root_dir": folder,
            "IdentityProvider.token": self._token,
            "MappingKernelManager.cull_idle_timeout": IDLE_S,
            "MappingKernelManager.cull_interval": INTERVAL_S,
            "MappingKernelManager.cull_connected": True,
            "MappingKernelManager.cull_busy": False,
        }
        env = {
            **{k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_DATA_DIR": str(folder / "data"),
            "IPYTHONDIR": str(folder / "ipython"),
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }
        command = [python, "-m", "jupyter_server", "--no-browser", "--allow-root"]
        command += [f"--{name}={value}" for name, value in options.items()]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, env=env, cwd=folder, stdout=log, stderr=log)
        self._url = self._wait_for_url()

    def _wait_for_url(self) -> str:
        end = time.monotonic() + LONG
        while time.monotonic() < end and self._process.poll() is None:
            for file in (self._folder / "runtime").glob("jpserver-*.json"):
                with contextlib.suppress(ValueError, OSError):
                    url = str(json.loads(file.read_text())["url"])
                    urllib.request.urlopen(f"{url}api", timeout=LONG).close()
                    return url
            time.sleep(0.05)
        raise RuntimeError(self._log.read_text()[-2000:])

    def ask(self, method: str, path: str) -> Any:
        """Send a REST request; returns the answer, ``None`` for 404."""
        request = urllib.request.Request(f"{self._url}api/{path}", method=method)
        request.add_header("Authorization", f"token {self._token}")
        try:
            with urllib.request.urlopen(request, timeout=LONG) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def connection_file(self, kernel: str) -> Path:
        return self._folder / "runtime" / f"kernel-{kernel}.json"

    def culled(self) -> dict[str, int]:
        """Return by culled kernel the seconds that it had been idle, from the server's log."""
        pattern = r"Culling '\w+' kernel '\w+' \((\S+)\) .* due to (\d+) seconds"
        return {kernel: int(idle) for kernel, idle in re.findall(pattern, self._log.read_text())}

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(LONG)


@pytest.fixture(params=["newest", "2.14.2"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    server = Server(interpreter(request.param), tmp_path)
    yield server
    server.stop()


@pytest.mark.long
@pytest.mark.fault(44, 45)
def test_idle_kernels_are_culled_watched_or_not_and_busy_ones_are_not(
    server: Server, record_property: Callable[[str, Any], None]
) -> None:
    """A long running cell sends progress, which the server counts as activity of a busy kernel; an idle kernel
    sends nothing, unless a poll finds a change."""
    options_by_kernel = {
        "alone": None,
        "watched": [],
        "polled": ["--poll", "0.2"],
        "polled, and a thread makes models": ["--poll", "0.2"],
        "watched, busy": [],
    }
    kernels = {name: server.ask("POST", "kernels")["id"] for name in options_by_kernel}
    for kernel in kernels.values():
        _wait_until_up(server.connection_file(kernel))
    code = {"polled, and a thread makes models": CHANGES, "watched, busy": "while True: pass"}
    with contextlib.ExitStack() as stack:
        for name, options in options_by_kernel.items():
            if options is not None:
                watch = stack.enter_context(_watch(server.connection_file(kernels[name]), options))
                read_record(watch, "attached")
        for name, kernel in kernels.items():
            _run(server.connection_file(kernel), code.get(name, "1"), name != "watched, busy")
        changes = _count_activity_until_gone(server, kernels, ("alone", "watched", "polled"))
        remaining = {name: server.ask("GET", f"kernels/{kernel}") for name, kernel in kernels.items()}
        culled = server.culled()
        for name in remaining:
            if remaining[name] is not None:
                server.ask("DELETE", f"kernels/{kernels[name]}")
    lines = []
    for name, kernel in kernels.items():
        idle = (
            f"culled after {culled[kernel]} s idle"
            if kernel in culled
            else f"stays, {remaining[name]['execution_state']}"
        )
        lines.append(f"{name:34} {idle:24} its last activity moved {changes[name]} times")
    record_property("table", "\n".join(lines))
    assert set(culled) == {kernels[name] for name in ("alone", "watched", "polled")}
    for name in ("watched", "polled"):
        assert abs(culled[kernels[name]] - culled[kernels["alone"]]) <= 5 * INTERVAL_S
        assert changes[name] == 0
    assert remaining["watched, busy"]["execution_state"] == "busy"
    assert changes["polled, and a thread makes models"] > 0, (
        "what a poll finds is sent, and counts as activity"
    )


@contextlib.contextmanager
def _watch(path: Path, options: list[str]) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "kernelscope", "watch", str(path), "--json", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _wait_until_up(path: Path) -> None:
    client = BlockingKernelClient(connection_file=str(path))
    client.load_connection_file()
    wait_for_heartbeat(client)


def _run(path: Path, code: str, wait: bool) -> None:
    """Run one cell; returns when it has started, or ended."""
    client = BlockingKernelClient(connection_file=str(path))
    client.load_connection_file()
    client.start_channels(hb=False)
    try:
        client.wait_for_ready(timeout=LONG)
        request = client.execute(code)
        state = "idle" if wait else "busy"
        while True:
            message = client.get_iopub_msg(timeout=LONG)
            if (
                message["parent_header"].get("msg_id") == request
                and message["content"].get("execution_state") == state
            ):
                return
    finally:
        client.stop_channels()


def _count_activity_until_gone(
    server: Server, kernels: dict[str, str], going: tuple[str, ...]
) -> dict[str, int]:
    """Count the changes of each kernel's last activity until these kernels are gone."""
    changes, last = dict.fromkeys(kernels, 0), dict.fromkeys(kernels, "")
    end = time.monotonic() + 6 * IDLE_S
    while True:
        alive = {kernel["id"]: kernel["last_activity"] for kernel in server.ask("GET", "kernels")}
        if not any(kernels[name] in alive for name in going):
            return changes
        assert time.monotonic() < end, f"not culled: {alive} {server.culled()}"
        for name, kernel in kernels.items():
            if kernel in alive:
                changes[name] += last[name] not in ("", alive[kernel])
                last[name] = alive[kernel]
        time.sleep(0.1)
