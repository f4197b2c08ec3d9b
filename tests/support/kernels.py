"""Real kernels for tests: an ipykernel process of the test's own, reached by its connection file."""

from __future__ import annotations

import os
import queue
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.connect import write_connection_file

from tests.support.zygote import Forked, Nursery

_READY_S = 180.0
_TRIES = 3


def wait_until_ready(client: BlockingKernelClient, seconds: float = _READY_S) -> None:
    """Until the kernel answers the client, and what it says to all reaches the client, too.

    Not by the client's own ``wait_for_ready``: that counts a kernel as dead whose heartbeat is a second late.
    """
    end = time.monotonic() + seconds
    while not _is_answered(client):
        if time.monotonic() > end:
            raise TimeoutError(f"not ready within {seconds} s")
    with suppress(queue.Empty):
        while True:
            client.get_iopub_msg(timeout=0.2)


def _is_answered(client: BlockingKernelClient) -> bool:
    request = client.kernel_info()
    try:
        while client.get_shell_msg(timeout=1)["parent_header"].get("msg_id") != request:
            pass
        client.get_iopub_msg(timeout=0.2)
    except queue.Empty:
        return False
    return True


class KernelProcess:
    """One ipykernel process; it is started by the constructor and answers when that returns.

    Everything it writes lies in ``folder``: the connection file, its IPython directory, and
    ``log``, where what the process prints beside the protocol can be looked for.

    Args:
        folder: an existing folder of this kernel's own; the kernel's working directory too.
        python: the interpreter to run it in; must have ipykernel.
        name: the connection file's name.
        key: what messages are signed with; ``None`` makes one up, ``""`` turns signing off.
        transport: ``tcp`` or ``ipc`` (sockets beside the connection file).
        extra: more keys for the connection file, such as ``jupyter_session``.
        env: variables on top of the test's own environment.
        launcher: what the interpreter runs, for a kernel that is not ipykernel's own.
        nursery: forks the kernel, where what is imported already makes no difference; it has the interpreter.
    """

    def __init__(
        self,
        folder: Path,
        python: str = sys.executable,
        *,
        name: str = "kernel-test.json",
        key: str | None = None,
        transport: str = "tcp",
        extra: dict[str, Any] | None = None,
        env: dict[str, str] | None = None,
        launcher: Sequence[str] = ("-m", "ipykernel_launcher"),
        nursery: Nursery | None = None,
    ) -> None:
        self.python, self.folder = python, folder
        self._launcher, self._nursery = launcher, nursery
        self.connection_file = folder / name
        self.log = folder / "kernel.log"
        self._env = {
            **os.environ,
            "IPYTHONDIR": str(folder / "ipython"),
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            **(env or {}),
        }
        self._clients: list[BlockingKernelClient] = []
        self._replies: dict[str, dict[str, Any]] = {}
        for attempt in range(_TRIES):
            self.connection_file.unlink(missing_ok=True)
            write_connection_file(
                str(self.connection_file),
                ip=str(folder / "ipc") if transport == "ipc" else "",
                key=(secrets.token_hex(16) if key is None else key).encode(),
                transport=transport,
                **(extra or {}),
            )
            try:
                self._start()
            except (RuntimeError, TimeoutError) as error:
                # The ports were free when they were chosen; another process may have taken one since, and
                # what is sent to it is never answered.
                taken = isinstance(error, TimeoutError) or "Address already in use" in self.log.read_text()
                if attempt + 1 == _TRIES or not taken:
                    raise
            else:
                break

    @property
    def pid(self) -> int:
        """The kernel's process id; another one after ``restart``."""
        return self.process.pid

    @property
    def clients(self) -> int:
        """How many are connected: those of ``client``, and the one that ``run`` asks by."""
        return len(self._clients)

    def client(self) -> BlockingKernelClient:
        """Another started client, as a second front end; ``stop`` stops it."""
        client = BlockingKernelClient(connection_file=str(self.connection_file))
        client.load_connection_file()
        client.start_channels()
        self._clients.append(client)
        return client

    def run(self, code: str, timeout: float = 180, *, store_history: bool = True) -> dict[str, Any]:
        """Run one cell and wait for it; returns the reply's content, also where the cell failed."""
        return self.wait(self.queue(code, store_history=store_history), timeout)

    def queue(
        self, code: str, *, cell_id: str | None = None, silent: bool = False, store_history: bool = True
    ) -> str:
        """Send one cell and go on; returns the message id that ``wait`` takes."""
        content = {
            "code": code,
            "silent": silent,
            "store_history": store_history,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        metadata = {} if cell_id is None else {"cellId": cell_id}
        message = self._own.session.msg("execute_request", content, metadata=metadata)
        self._own.shell_channel.send(message)
        message_id: str = message["header"]["msg_id"]
        return message_id

    def wait(self, message_id: str, timeout: float = 180) -> dict[str, Any]:
        """The content of the reply to ``queue``; TimeoutError after ``timeout`` seconds."""
        end = time.monotonic() + timeout
        while message_id not in self._replies:
            try:
                reply = self._own.get_shell_msg(timeout=0.5)
            except queue.Empty:
                self._must_live()
                if time.monotonic() > end:
                    raise TimeoutError(f"no reply within {timeout} s") from None
            else:
                self._replies[reply["parent_header"].get("msg_id", "")] = reply["content"]
        return self._replies.pop(message_id)

    def statuses(self, message_ids: Sequence[str]) -> list[str]:
        """Of queued cells, once all are over: ipykernel sends no reply where an interrupt falls between its own steps."""
        self.run("0")
        return [self._replies.pop(asked, {}).get("status", "no reply") for asked in message_ids]

    def kill(self) -> None:
        """SIGKILL: the kernel dies and its connection file stays; clients stay, too."""
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        """SIGSTOP, and waits until it has stopped: nothing of it answers before a SIGCONT."""
        os.kill(self.pid, signal.SIGSTOP)
        os.waitpid(self.pid, os.WUNTRACED)

    def interrupt(self, after: float = 0.0) -> None:
        """SIGINT, as Stop sends it, that many seconds from now."""
        time.sleep(after)
        os.kill(self.pid, signal.SIGINT)

    def interrupt_a_request(self, after: float = 0.0) -> None:
        """SIGINT while a request is handled, that many seconds from now or later; between two ipykernel ignores it.

        It is sent while the kernel is stopped, so that no request can end before it arrives.
        """
        time.sleep(after)
        while True:
            self.pause()
            if not self._ignores_interrupts():
                os.kill(self.pid, signal.SIGINT)
                os.kill(self.pid, signal.SIGCONT)
                return
            os.kill(self.pid, signal.SIGCONT)
            time.sleep(0.001)

    def _ignores_interrupts(self) -> bool:
        status = Path(f"/proc/{self.pid}/status").read_text()
        ignored = next(line.split()[1] for line in status.splitlines() if line.startswith("SigIgn:"))
        return bool(int(ignored, 16) >> (signal.SIGINT - 1) & 1)

    def restart(self) -> None:
        """Kill it and start it again on the same file: same ports and key, nothing else kept."""
        self.kill()
        self._stop_client(self._own)
        self._replies.clear()
        self._start()

    def stop(self) -> None:
        """Kill it and stop its clients; may be called twice."""
        for client in list(self._clients):
            self._stop_client(client)
        self.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self) -> None:
        self.process = self._born()
        self._own = self.client()
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def _born(self) -> subprocess.Popen[bytes] | Forked:
        if self._nursery is not None:
            return self._nursery.start(self.connection_file, self.log, self._env)
        command = [self.python, *self._launcher, "-f", str(self.connection_file)]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command, cwd=self.folder, env=self._env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def _wait_until_ready(self) -> None:
        """Not by ``wait_for_ready``: that takes a kernel for dead whose heartbeat is a second late."""
        end = time.monotonic() + _READY_S
        asked = self._own.kernel_info()
        while asked not in self._replies:
            try:
                reply = self._own.get_shell_msg(timeout=0.5)
            except queue.Empty:
                self._must_live()
                if time.monotonic() > end:
                    raise TimeoutError(f"not ready within {_READY_S} s") from None
            else:
                self._replies[reply["parent_header"].get("msg_id", "")] = reply["content"]
        del self._replies[asked]

    def _stop_client(self, client: BlockingKernelClient) -> None:
        self._clients.remove(client)
        client.stop_channels()

    def _must_live(self) -> None:
        if self.process.poll() is not None:
            raise RuntimeError(f"the kernel died; its log:\n{self.log.read_text()[-2000:]}")
