"""What is at a kernel's port that answers no heartbeat: so that it can be said, and not guessed.

It is told what every ZeroMQ socket tells every other first, the beginning of a greeting, and nothing of
a kernel's protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from typing import Literal

from kernelscope.errors import KernelError, KeyMismatchError, UnreachableError
from kernelscope.kernel.files import ConnectionInfo
from kernelscope.system import connect_locally

Peer = Literal["nothing", "silence", "plain", "encrypted", "other"]
"""``silence``: it accepts connections; ``plain`` and ``encrypted``: a ZeroMQ socket; ``other``: none."""

_PATIENCE_S = 1.0
_SIGNATURE = b"\xff" + bytes(8) + b"\x7f"
_VERSION = b"\x03\x00"
_LINE_END = b"\r\n\r\n"
_MECHANISM_LENGTH = 20
"""ZMTP 3.0, https://rfc.zeromq.org/spec/23: a greeting begins with signature, version and mechanism.  The
peer's own comes as soon as it has ours up to the version; with our mechanism it might hang up."""
_LS = "`kernelscope ls` shows the kernels that live."
_ANOTHER_KERNELS = "the file is another kernel's: use the one that this kernel was started with. " + _LS
_OTHER_FILE = "Very likely " + _ANOTHER_KERNELS
_MECHANISMS: dict[bytes, Peer] = {b"NULL": "plain", b"CURVE": "encrypted"}
_Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def heartbeat_peer(info: ConnectionInfo) -> Peer:
    """Who listens at the heartbeat's port; takes a few seconds at most."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            reader, writer = await _connected(info)
    except (OSError, ValueError):  # TimeoutError is an OSError; ValueError: no numeric address
        return "nothing"
    try:
        return await _greeted(reader, writer)
    except TimeoutError:
        return "silence"
    except (OSError, asyncio.IncompleteReadError):
        return "other"
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _greeted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Peer:
    """What it says to the greeting; raises where it hangs up, or says nothing in time."""
    writer.write(_SIGNATURE + _VERSION)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            first = await reader.readexactly(1)
    except TimeoutError:
        writer.write(_LINE_END)  # a web server reads lines
        async with asyncio.timeout(_PATIENCE_S):
            await reader.readexactly(1)
        return "other"
    if first != _SIGNATURE[:1]:
        return "other"
    async with asyncio.timeout(_PATIENCE_S):
        await reader.readexactly(len(_SIGNATURE + _VERSION) - 1)
        mechanism = (await reader.readexactly(_MECHANISM_LENGTH)).rstrip(b"\0")
    return _MECHANISMS.get(mechanism, "other")


def no_beat(info: ConnectionInfo, shown: str, peer: Peer) -> KernelError:
    """Why no heartbeat came, and what to do next.

    Args:
        shown: the connection file, safe to display.
    """
    match peer, info.curve_publickey is not None:
        # fault: 13d
        case "encrypted", True:
            return KeyMismatchError(f"the encryption keys in {shown} are not its kernel's", _OTHER_FILE)
        # fault: 13c
        case "encrypted", False:
            return KeyMismatchError(
                f"the kernel of {shown} takes encrypted connections only, and the file has no keys for them",
                _OTHER_FILE,
            )
        # fault: 13e
        case "plain", True:
            return KeyMismatchError(
                f"{shown} asks for encryption, and what answers at its ports does not encrypt",
                "Its kernel cannot: ipykernel 7.3 and later do. Or " + _ANOTHER_KERNELS,
            )
        case "other", _:
            return UnreachableError(
                f"what answers at port {info.hb_port} in {shown} is no kernel",
                "The kernel has ended, and another program has its port. " + _LS,
            )
        case (("silence" | "plain"), _):
            return UnreachableError(
                f"no kernel answers at the ports in {shown}",
                "A program is there and gives no sign: a kernel that is stopped, or another program. " + _LS,
            )
        case _:
            return UnreachableError(
                f"no kernel answers at the ports in {shown}", "It has ended, or the file is stale. " + _LS
            )


async def _connected(info: ConnectionInfo) -> _Stream:
    if info.transport == "ipc":
        return await connect_locally(f"{info.ip}-{info.hb_port}")
    host = info.ip.strip("[]")
    if host in {"*", "localhost"}:
        host = "127.0.0.1"
    ipaddress.ip_address(host)  # looking a name up may take longer than anybody waits
    return await asyncio.open_connection(host, info.hb_port)
