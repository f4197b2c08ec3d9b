"""Starts kernels as jupyter_client does, and holds each back until it is watched.

It runs in the process of whoever starts the kernel: nbclient, papermill, nbconvert, a server.  These
choose it where ``JUPYTER_DEFAULT_PROVISIONER_NAME`` does, which ``kernelscope watch -- COMMAND`` sets
for its command; what is awaited here comes before the first cell.
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
"""As it is registered, among the entry points of this package."""
CHOOSES = "JUPYTER_DEFAULT_PROVISIONER_NAME"
MEETING = "KERNELSCOPE_MEETING"
"""Names the socket at which whoever watches is told of kernels."""
_LOOK_S = 0.2
"""Between two looks at whether the kernel has ended meanwhile."""


class WatchedProvisioner(LocalProvisioner):
    """A local kernel that runs nothing before it is watched, if anybody means to."""

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """The kernel itself knows nothing of it, nor do kernels that its cells start."""
        made: dict[str, Any] = await super().pre_launch(**kwargs)
        for name in (CHOOSES, MEETING):
            made.get("env", {}).pop(name, None)
        return made

    async def post_launch(self, **kwargs: Any) -> None:
        """Until the watcher has attached, will not, or has gone; or the kernel has."""
        await super().post_launch(**kwargs)
        if self.parent is not None:
            await self._tell({"connection_file": str(self.parent.connection_file), "pid": self.pid})

    async def shutdown_requested(self, restart: bool = False) -> None:
        """What ends now ends in order."""
        await self._tell({"ends": self.pid})
        await super().shutdown_requested(restart)

    async def kill(self, restart: bool = False) -> None:
        """As ``shutdown_requested``, in a hurry."""
        await self._tell({"ends": self.pid})
        await super().kill(restart)

    async def _tell(self, what: dict[str, Any]) -> None:
        meeting = os.environ.get(MEETING)
        if meeting is None or await self.poll() is not None:
            return
        with contextlib.suppress(OSError):  # nobody is there any more
            reader, writer = await connect_locally(meeting)
            try:
                writer.write(json.dumps(what).encode() + b"\n")
                await writer.drain()
                await self._released(reader)
            finally:
                writer.close()

    async def _released(self, reader: asyncio.StreamReader) -> None:
        word = asyncio.ensure_future(reader.readline())
        try:
            while not word.done() and await self.poll() is None:
                await asyncio.wait({word}, timeout=_LOOK_S)
        finally:
            word.cancel()
            await asyncio.gather(word, return_exceptions=True)
