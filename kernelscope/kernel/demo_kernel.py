"""The demo's kernel: kernelscope starts it itself, and therefore may end it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import sys
import tempfile
from pathlib import Path

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.connect import write_connection_file
from jupyter_client.session import new_id

from kernelscope.errors import UnreachableError
from kernelscope.kernel.processes import terminate

START_S = 60.0
"""Seconds that the kernel may take to answer after its process was started."""
END_S = 5.0
"""Seconds that its process may take to end before it is killed."""


class DemoKernel:
    """An ipykernel process in a temporary folder of its own.

    Args:
        notebook: the notebook's name, as the kernel reports it.
    """

    def __init__(self, notebook: str) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._notebook = notebook
        self._process: asyncio.subprocess.Process | None = None
        self._client: AsyncKernelClient | None = None

    async def start(self) -> Path:
        """Starts the process and waits until it answers; returns its connection file.

        Raises:
            UnreachableError: it does not answer.
        """
        # Removed at the latest when this process ends, even if a second Ctrl-C cuts `stop` short.
        self._folder = tempfile.TemporaryDirectory(prefix="kernelscope-demo-", ignore_cleanup_errors=True)
        folder = Path(self._folder.name)
        connection_file = folder / "kernel-demo.json"
        write_connection_file(str(connection_file), key=new_id().encode())
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ipykernel_launcher", "-f", str(connection_file),
            cwd=folder,
            env={
                **os.environ,
                "JPY_SESSION_NAME": str(folder / self._notebook),
                "JPY_PARENT_PID": str(os.getpid()),  # it ends if this process is killed
                "PYDEVD_DISABLE_FILE_VALIDATION": "1",
                "IPYTHONDIR": str(folder / "ipython"),
            },
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        self._client = AsyncKernelClient(connection_file=str(connection_file))
        self._client.load_connection_file()
        self._client.start_channels(stdin=False, control=False)
        # Not by `wait_for_ready`: on a busy machine it takes a heartbeat that is a second late for death.
        request = self._client.session.msg("kernel_info_request", {})
        self._client.shell_channel.send(request)
        has_answered = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_S):
                while not has_answered and self._process.returncode is None:
                    has_answered = await self._has_answered(self._client, request["header"]["msg_id"])
        if not has_answered:
            raise UnreachableError(
                "the demo's kernel did not start", "`python -m ipykernel_launcher` shows why."
            )
        return connection_file

    @staticmethod
    async def _has_answered(client: AsyncKernelClient, request: str) -> bool:
        try:
            reply = await client.get_shell_msg(timeout=0.5)
        except queue.Empty:
            return False
        return bool(reply["parent_header"].get("msg_id") == request)

    async def run(self, code: str, cell_id: str) -> int:
        """Runs one cell as a front end does; returns its execution count."""
        if self._client is None:
            raise RuntimeError("start() comes first")
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        message = self._client.session.msg("execute_request", content)
        message["metadata"] = {"cellId": cell_id}
        self._client.shell_channel.send(message)
        while True:
            reply = await self._client.get_shell_msg(timeout=None)
            if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                return int(reply["content"]["execution_count"])

    async def stop(self) -> None:
        """Ends the process and removes the folder; may be called twice."""
        client, self._client = self._client, None
        if client is not None:
            client.stop_channels()
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            await terminate(process, END_S)
        folder, self._folder = self._folder, None
        if folder is not None:
            await asyncio.to_thread(folder.cleanup)
