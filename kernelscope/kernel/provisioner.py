"""Starts kernels as jupyter_client does, and delays the first cell of each until it is watched.

It runs in the process that starts the kernel: nbclient, papermill, nbconvert, a server.  These choose it by
``JUPYTER_DEFAULT_PROVISIONER_NAME``, which ``kernelscope watch -- COMMAND`` sets for its command.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from typing import Any

from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from kernelscope.system import connect_locally

NAME = "kernelscope"
"""Its name among the entry points of this package."""
SELECTS = "JUPYTER_DEFAULT_PROVISIONER_NAME"
MEETING = "KERNELSCOPE_MEETING"
"""The variable that names the socket at which the watcher waits for kernels."""
_LOOK_S = 0.2
"""Seconds between two checks whether the kernel has ended meanwhile."""


class WatchedProvisioner(LocalProvisioner):
    """A local kernel that runs nothing before it is watched, if a watcher waits for it."""

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Removes the variables from the kernel's environment, and so from kernels that its cells start."""
        arguments: dict[str, Any] = await super().pre_launch(**kwargs)
        for name in (SELECTS, MEETING):
            arguments.get("env", {}).pop(name, None)
        return arguments

    async def post_launch(self, **kwargs: Any) -> None:
        """Waits until the watcher has attached, declines or is gone, or the kernel has ended."""
        await super().post_launch(**kwargs)
        if self.parent is not None:
            await self._announce({"connection_file": str(self.parent.connection_file), "pid": self.pid})

    async def shutdown_requested(self, restart: bool = False) -> None:
        """Announces to the watcher that the kernel ends in order."""
        await self._announce({"ends": self.pid})
        await super().shutdown_requested(restart)

    async def kill(self, restart: bool = False) -> None:
        """Announces the end like ``shutdown_requested``."""
        await self._announce({"ends": self.pid})
        await super().kill(restart)

    async def _announce(self, news: dict[str, Any]) -> None:
        meeting = os.environ.get(MEETING)
        if meeting is None or await self.poll() is not None:
            return
        with contextlib.suppress(OSError):  # the watcher is gone
            reader, writer = await connect_locally(meeting)
            try:
                writer.write(json.dumps(news).encode() + b"\n")
                await writer.drain()
                await self._wait_for_release(reader)
            finally:
                writer.close()

    async def _wait_for_release(self, reader: asyncio.StreamReader) -> None:
        word = asyncio.ensure_future(reader.readline())
        try:
            while not word.done() and await self.poll() is None:
                await asyncio.wait({word}, timeout=_LOOK_S)
        finally:
            word.cancel()
            await asyncio.gather(word, return_exceptions=True)
