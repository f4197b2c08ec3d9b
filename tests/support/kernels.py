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
_HEARTBEAT_S = 60.0
_TRIES = 3


def wait_until_ready(client: BlockingKernelClient, seconds: float = _READY_S) -> None:
    """Wait until the client gets the kernel's replies and its broadcasts.

    The client's own ``wait_for_ready`` counts a kernel as dead when a heartbeat is a second late.
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
    """One ipykernel process; the constructor starts it and returns when it answers.

    Everything it writes lies in ``folder``: the connection file, its IPython directory, and
    ``log``, which has what the process prints outside the protocol.

    Args:
        folder: an existing folder for this kernel alone; also its working directory.
        python: the interpreter that runs it; must have ipykernel.
        name: the connection file's name.
        key: signs the messages; ``None`` generates one, ``""`` turns signing off.
        transport: ``tcp`` or ``ipc`` (sockets beside the connection file).
        extra: more keys for the connection file, such as ``jupyter_session``.
        env: variables on top of the test's own environment.
        launcher: what the interpreter runs, for a kernel other than ipykernel's own.
        nursery: forks the kernel instead (in its own interpreter), if imported modules make no difference.
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
        self._was_interrupted = False
        """While it handled a request, wherever that was: ipykernel may have broken off a reply."""
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
                # Another process may have taken a port since it was chosen: it answers nothing.
                is_port_taken = (
                    isinstance(error, TimeoutError) or "Address already in use" in self.log.read_text()
                )
                if attempt + 1 == _TRIES or not is_port_taken:
                    raise
            else:
                break

    @property
    def pid(self) -> int:
        """The kernel's process id; ``restart`` changes it."""
        return self.process.pid

    @property
    def clients(self) -> int:
        """How many clients are connected: those of ``client``, and the one that ``run`` uses."""
        return len(self._clients)

    def client(self) -> BlockingKernelClient:
        """Start another client, as a second front end; ``stop`` stops it."""
        client = BlockingKernelClient(connection_file=str(self.connection_file))
        client.load_connection_file()
        client.start_channels()
        self._clients.append(client)
        return client

    def run(self, code: str, timeout: float = 180, *, store_history: bool = True) -> dict[str, Any]:
        """Run one cell and wait for it; returns the reply's content, also when the cell failed."""
        return self.wait(self.queue(code, store_history=store_history), timeout)

    def queue(
        self, code: str, *, cell_id: str | None = None, silent: bool = False, store_history: bool = True
    ) -> str:
        """Send one cell without waiting; returns the message id for ``wait``."""
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
        """Return the content of the reply to ``queue``; TimeoutError after ``timeout`` seconds."""
        end = time.monotonic() + timeout
        while message_id not in self._replies:
            try:
                reply = self._own.get_shell_msg(timeout=0.5)
            except queue.Empty:
                self._check_alive()
                if time.monotonic() > end:
                    raise TimeoutError(f"no reply within {timeout} s") from None
            except ValueError:  # its signature is wrong
                if not self._was_interrupted:
                    raise
            else:
                self._replies[reply["parent_header"].get("msg_id", "")] = reply["content"]
        return self._replies.pop(message_id)

    def statuses(self, message_ids: Sequence[str]) -> list[str]:
        """Wait for queued cells and return their statuses; ipykernel may send no reply after an interrupt.

        An interrupt can also fall between two frames of a reply that it sends: the next reply is then the rest of
        this one, and neither can be read.
        """
        self.queue("0")
        self.run("0")
        return [self._replies.pop(message_id, {}).get("status", "no reply") for message_id in message_ids]

    def kill(self) -> None:
        """Send SIGKILL: the kernel dies; its connection file and its clients stay."""
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        """Send SIGSTOP and wait until it has stopped: it answers nothing before a SIGCONT."""
        os.kill(self.pid, signal.SIGSTOP)
        os.waitpid(self.pid, os.WUNTRACED)

    def interrupt(self, after: float = 0.0) -> None:
        """Send SIGINT, as Stop does, after so many seconds."""
        time.sleep(after)
        os.kill(self.pid, signal.SIGINT)

    def interrupt_a_request(self, after: float = 0.0) -> None:
        """Send SIGINT while the kernel handles a request, after so many seconds or later.

        Between two requests ipykernel ignores it.  The kernel is paused meanwhile, so that no request can end
        before the signal arrives.
        """
        time.sleep(after)
        self._was_interrupted = True
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
        """Kill it and start it again on the same file, with the same ports and key."""
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
        self.process = self._start_process()
        self._own = self.client()
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def _start_process(self) -> subprocess.Popen[bytes] | Forked:
        if self._nursery is not None:
            return self._nursery.start(self.connection_file, self.log, self._env)
        command = [self.python, *self._launcher, "-f", str(self.connection_file)]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command, cwd=self.folder, env=self._env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def _wait_until_ready(self) -> None:
        """Unlike ``wait_for_ready``, do not count a kernel as dead when a heartbeat is a second late."""
        end = time.monotonic() + _READY_S
        request = self._own.kernel_info()
        while request not in self._replies:
            try:
                reply = self._own.get_shell_msg(timeout=0.5)
            except queue.Empty:
                self._check_alive()
                if time.monotonic() > end:
                    raise TimeoutError(f"not ready within {_READY_S} s") from None
            else:
                self._replies[reply["parent_header"].get("msg_id", "")] = reply["content"]
        del self._replies[request]
        wait_for_heartbeat(self._own)

    def _stop_client(self, client: BlockingKernelClient) -> None:
        self._clients.remove(client)
        client.stop_channels()

    def _check_alive(self) -> None:
        if self.process.poll() is not None:
            raise RuntimeError(f"the kernel died; its log:\n{self.log.read_text()[-2000:]}")


def wait_for_heartbeat(client: BlockingKernelClient) -> None:
    """Its thread binds a port of its own, and says nothing when another process has taken it meanwhile."""
    socket = client.connect_hb()
    try:
        socket.send(b"ready?")
        if not socket.poll(int(_HEARTBEAT_S * 1000)):
            raise TimeoutError(f"no heartbeat within {_HEARTBEAT_S} s")
    finally:
        socket.close(linger=0)
