"""Finds out what listens at a kernel's port and answers no heartbeat, so that the error can say so.

It is sent the beginning of a ZeroMQ greeting, as every ZeroMQ socket sends it first, and nothing of the
kernel's protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from typing import Literal

from kernelscope.errors import KernelError, KeyMismatchError, UnreachableError
from kernelscope.kernel.connection_file import ConnectionInfo
from kernelscope.system import connect_locally

PortOccupant = Literal["nothing", "silence", "plain", "encrypted", "other"]
"""``silence``: it accepts connections and says nothing; ``plain``, ``encrypted``: a ZeroMQ socket; ``other``:
another program."""

_TIMEOUT_S = 1.0
_SIGNATURE = b"\xff" + bytes(8) + b"\x7f"
_VERSION = b"\x03\x00"
_LINE_END = b"\r\n\r\n"
_MECHANISM_LENGTH = 20
"""ZMTP 3.0, https://rfc.zeromq.org/spec/23: a greeting begins with signature, version and mechanism.  The
other side's comes as soon as it has ours up to the version; sent a mechanism, it might hang up."""
_LS = "`kernelscope ls` lists the running kernels."
_ANOTHER_KERNELS = "the file belongs to another kernel: use the one that this kernel was started with. " + _LS
_OTHER_FILE = "Very likely " + _ANOTHER_KERNELS
_MECHANISMS: dict[bytes, PortOccupant] = {b"NULL": "plain", b"CURVE": "encrypted"}
_Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def find_port_occupant(info: ConnectionInfo) -> PortOccupant:
    """What listens at the heartbeat's port; takes a few seconds at most."""
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            reader, writer = await _connect(info)
    except (OSError, ValueError):  # TimeoutError is an OSError; ValueError: no numeric address
        return "nothing"
    try:
        return await _greet(reader, writer)
    except TimeoutError:
        return "silence"
    except (OSError, asyncio.IncompleteReadError):
        return "other"
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> PortOccupant:
    """Greets it and classifies the reply; raises if it hangs up or says nothing in time."""
    writer.write(_SIGNATURE + _VERSION)
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            first = await reader.readexactly(1)
    except TimeoutError:
        writer.write(_LINE_END)  # a web server reads lines
        async with asyncio.timeout(_TIMEOUT_S):
            await reader.readexactly(1)
        return "other"
    if first != _SIGNATURE[:1]:
        return "other"
    async with asyncio.timeout(_TIMEOUT_S):
        await reader.readexactly(len(_SIGNATURE + _VERSION) - 1)
        mechanism = (await reader.readexactly(_MECHANISM_LENGTH)).rstrip(b"\0")
    return _MECHANISMS.get(mechanism, "other")


def no_heartbeat_error(info: ConnectionInfo, occupant: PortOccupant) -> KernelError:
    """Why no heartbeat came, and what to do next."""
    match occupant, info.curve_publickey is not None:
        # fault: 13d
        case "encrypted", True:
            return KeyMismatchError(f"the encryption keys in {info.name} are not its kernel's", _OTHER_FILE)
        # fault: 13c
        case "encrypted", False:
            return KeyMismatchError(
                f"the kernel of {info.name} accepts encrypted connections only, and the file has no keys for them",
                _OTHER_FILE,
            )
        # fault: 13e
        case "plain", True:
            return KeyMismatchError(
                f"{info.name} asks for encryption, and the program at its ports does not encrypt",
                "Its kernel cannot: ipykernel 7.3 and later do. Or " + _ANOTHER_KERNELS,
            )
        case "other", _:
            return UnreachableError(
                f"the program at port {info.hb_port} in {info.name} is no kernel",
                "The kernel has ended, and another program uses its port. " + _LS,
            )
        case (("silence" | "plain"), _):
            return UnreachableError(
                f"no kernel answers at the ports in {info.name}",
                "A program listens there and gives no sign: a stopped kernel, or another program. " + _LS,
            )
        case _:
            return UnreachableError(
                f"no kernel answers at the ports in {info.name}", "It has ended, or the file is stale. " + _LS
            )


async def _connect(info: ConnectionInfo) -> _Stream:
    if info.transport == "ipc":
        return await connect_locally(f"{info.ip}-{info.hb_port}")
    host = info.ip.strip("[]")
    if host in {"*", "localhost"}:
        host = "127.0.0.1"
    ipaddress.ip_address(host)  # looking a name up may take too long
    return await asyncio.open_connection(host, info.hb_port)
