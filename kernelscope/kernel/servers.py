"""Asks the Jupyter servers on this machine which notebook a kernel belongs to, and what it is doing.

Servers are optional: any failure gives an empty answer.  The requests go to the server, never to a kernel, so no
kernel's last activity changes.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import IO, TypeVar

import msgspec
from msgspec import Struct

from kernelscope.kernel.connection_file import read_bounded
from kernelscope.system import is_alive

_TIMEOUT_S = 1.0
_MAX_ANSWER = 4 * 1024 * 1024
_T = TypeVar("_T")


class ServedKernel(Struct, frozen=True):
    """A kernel as its server reports it; its text is hostile."""

    kernel_id: str
    state: str | None
    """``idle``, ``busy``, ``starting``, ``restarting``, ``dead`` or another word of the server's."""
    last_activity: float | None
    """Seconds since the epoch."""
    kernel_name: str | None
    notebook: str | None
    """Absolute path; ``None`` for a kernel without a notebook, such as a console's."""


async def fetch_served_kernels(folders: Iterable[Path]) -> dict[str, ServedKernel]:
    """The kernels of every running server with its file in one of ``folders``, by kernel id."""
    servers = await asyncio.to_thread(_find_servers, list(folders))
    answers = await asyncio.gather(*(asyncio.to_thread(_fetch_kernels, server) for server in servers))
    return {kernel.kernel_id: kernel for answer in answers for kernel in answer}


@dataclass(frozen=True)
class _Server:
    """The file that a running server leaves in the runtime directory."""

    url: str
    pid: int
    token: str = field(default="", repr=False)
    root_dir: str | None = None
    notebook_dir: str | None = None

    @property
    def root(self) -> Path | None:
        root = self.root_dir or self.notebook_dir
        return Path(root) if root else None


class _Kernel(Struct, frozen=True):
    id: str
    name: str | None = None
    last_activity: datetime | None = None
    execution_state: str | None = None


class _SessionKernel(Struct, frozen=True):
    id: str


class _Session(Struct, frozen=True):
    path: str
    type: str
    kernel: _SessionKernel | None = None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Sends the token to the address in the server's file and to no other."""

    def redirect_request(
        self, req: object, fp: IO[bytes], code: int, msg: str, headers: object, newurl: str
    ) -> None:
        """Never follows: the redirection is reported as an error."""


def _find_servers(folders: list[Path]) -> list[_Server]:
    files: list[Path] = []
    for folder in folders:
        for kind in ("jpserver", "nbserver"):
            with contextlib.suppress(OSError):  # the folder is gone or may not be read
                files += folder.glob(f"{kind}-*.json")
    servers = (_read_server(file) for file in sorted(files))
    return [server for server in servers if server is not None]


def _read_server(file: Path) -> _Server | None:
    """The server, if it still runs and its address is http or https."""
    try:
        server = msgspec.json.decode(read_bounded(file)[0], type=_Server)
    except (OSError, ValueError):  # msgspec's errors are ValueErrors
        return None
    is_http = server.url.startswith(("http://", "https://"))
    return server if is_http and is_alive(server.pid) else None


def _fetch_kernels(server: _Server) -> list[ServedKernel]:
    try:
        kernels = _get(server, "api/kernels", list[_Kernel])
        sessions = _get(server, "api/sessions", list[_Session])
    except (OSError, ValueError, HTTPException):  # URLError and TimeoutError are OSErrors
        return []
    notebooks = {
        session.kernel.id: _notebook_path(server, session)
        for session in sessions
        if session.kernel is not None and session.type == "notebook"
    }
    return [_served_kernel(kernel, notebooks.get(kernel.id)) for kernel in kernels]


def _get(server: _Server, path: str, kind: type[_T]) -> _T:
    """GET ``path``, decoded; raises OSError, ValueError or HTTPException."""
    url = server.url.rstrip("/") + "/" + path
    request = urllib.request.Request(url)  # noqa: S310 - http or https, see _read_server
    if server.token:
        request.add_header("Authorization", f"token {server.token}")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())
    deadline = time.monotonic() + _TIMEOUT_S
    with opener.open(request, timeout=_TIMEOUT_S) as answer:
        return msgspec.json.decode(_body(answer, deadline), type=kind)


def _body(answer: HTTPResponse, deadline: float) -> bytes:
    """All of the answer, within bounds of size and time: a server may send it in trickles."""
    data = bytearray()
    while part := answer.read1(65_536):
        data += part
        if len(data) > _MAX_ANSWER or time.monotonic() > deadline:
            raise TimeoutError
    return bytes(data)


def _notebook_path(server: _Server, session: _Session) -> str:
    """The notebook's path; real-time collaboration puts a drive before it: ``RTC:a.ipynb``."""
    path = session.path.removeprefix("RTC:").lstrip("/")
    return str(server.root / path) if server.root is not None else path


def _served_kernel(kernel: _Kernel, notebook: str | None) -> ServedKernel:
    latest = kernel.last_activity
    if latest is not None and latest.tzinfo is None:
        latest = latest.replace(tzinfo=UTC)
    return ServedKernel(
        kernel_id=kernel.id,
        state=kernel.execution_state,
        last_activity=None if latest is None else latest.timestamp(),
        kernel_name=kernel.name,
        notebook=notebook,
    )
