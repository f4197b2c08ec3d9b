"""Connection files: read, and checked to the last field before a socket is made.

The key in a connection file lets whoever holds it run code as the kernel's user.  It is looked at
here and never kept: what is returned, and every message, is free of it.  Connection info that came over
standard input is kept in memory alone, because a file with the key would stay behind when this process
is killed.
"""

from __future__ import annotations

import codecs
import errno
import hashlib
import json
import os
import re
import stat
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import zmq

from kernelscope.errors import ConnectionFileError
from kernelscope.system import effective_user
from kernelscope.text import clean
from kernelscope.userfiles import display_path, open_regular

MAX_BYTES = 65_536
"""The most that is read of any file beside a kernel; real ones have about 300 bytes."""

_PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
_HOST = re.compile(r"[\w.:%\[\]*-]{1,255}", re.ASCII)
_Z85_KEY = re.compile(r"[0-9a-zA-Z.:+=^!/*?&<>()\[\]{}@%$#-]{40}")
_LIST_THEM = "`kernelscope ls` lists the kernels that can be attached to"
_MAKE_ANEW = "restart the kernel, which writes its file anew; " + _LIST_THEM

Transport = Literal["tcp", "ipc"]


class PipedConnection:
    """Connection info that came over standard input, its key included.

    Args:
        content: what a connection file would hold; not checked yet.
    """

    __slots__ = ("content", "received")

    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content
        self.received = time.time()

    def __repr__(self) -> str:
        """Without the key."""
        return "standard input"


Connection = Path | PipedConnection
"""Where connection info is read from."""


def display_connection(connection: Connection) -> str:
    """How messages and records name a connection, safe to display."""
    return display_path(connection) if isinstance(connection, Path) else str(connection)


@dataclass(frozen=True, slots=True)
class ConnectionInfo:
    """What checked connection info says, without its key."""

    connection: Connection
    transport: Transport
    ip: str
    """A host for tcp; for ipc the common beginning of the sockets' paths."""
    shell_port: int
    iopub_port: int
    stdin_port: int
    control_port: int
    hb_port: int
    signed: bool
    """Whether there is a key; without one no message is verified."""
    signature_scheme: str
    kernel_name: str | None
    jupyter_session: str | None
    """The notebook as the server that started the kernel gives it; hostile text."""
    written: float
    """Seconds since the epoch: when the file was last modified."""
    curve_publickey: bytes | None = field(default=None, repr=False)
    """The kernel's CurveZMQ public key (Z85), where the connection is encrypted."""

    @property
    def path(self) -> Path | None:
        """The connection file; ``None`` for connection info from standard input."""
        return self.connection if isinstance(self.connection, Path) else None

    @property
    def name(self) -> str:
        """How messages name it, safe to display."""
        return display_connection(self.connection)

    @property
    def notebook(self) -> str | None:
        """The notebook's path, safe to display."""
        return clean(self.jupyter_session, limit=4_096) if self.jupyter_session else None

    @property
    def heartbeat_url(self) -> str:
        """Where the kernel echoes what it is sent."""
        if self.transport == "ipc":
            return f"ipc://{self.ip}-{self.hb_port}"
        host = "0.0.0.0" if self.ip == "*" else self.ip  # noqa: S104 - bound by the kernel, not here
        return f"tcp://{host}:{self.hb_port}"


def read_connection(
    connection: Connection, *, insecure: bool = False, insecure_file: bool = False
) -> ConnectionInfo:
    """Check connection info, from wherever it comes; arguments and errors as ``read_connection_file``."""
    if isinstance(connection, Path):
        return read_connection_file(connection, insecure=insecure, insecure_file=insecure_file)
    return _checked(connection.content, connection, connection.received, insecure=insecure)


def read_connection_file(
    path: Path, *, insecure: bool = False, insecure_file: bool = False
) -> ConnectionInfo:
    """Read and check a connection file; nothing is connected.

    Args:
        insecure: accept an empty key, with which no message is verified, also of a kernel that other
            machines can reach; of one that only this machine can it is accepted in any case.
        insecure_file: accept a file that is another user's or that other users can reach.

    Raises:
        ConnectionFileError: naming the file and, where it is one field, the field.
    """
    shown = display_path(path)
    data, status = _read(path, shown)
    # The content first: what the permissions of a notebook or a log are does not matter.
    info = _checked(_parse(data, shown), path, status.st_mtime, insecure=insecure)
    if not insecure_file:
        _must_be_private(path, status, shown)
    return info


def read_bounded(path: Path) -> tuple[bytes, os.stat_result]:
    """All of a small regular file, and its status at that moment.

    Never blocks, whatever the path turns out to be.

    Raises:
        OSError: it cannot be opened (``ENXIO`` for what is neither file nor directory, ``EFBIG``
            beyond ``MAX_BYTES``).
    """
    with open_regular(path) as file:
        status = os.fstat(file.fileno())
        # fault: 8a
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    return data, status


def parse_connect_info(text: str) -> dict[str, Any]:
    """The connection info in what ``%connect_info`` prints: a JSON object, then prose.

    Raises:
        ConnectionFileError: there is no JSON object in it.
    """
    decoder = json.JSONDecoder()
    for brace in re.finditer(r"\{", text[:MAX_BYTES]):
        try:
            found, _ = decoder.raw_decode(text, brace.start())
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            return found
    raise ConnectionFileError(
        "there is no connection info in the standard input",
        "run %connect_info in the notebook and pipe all that it prints: "
        "the JSON from { to }, which holds the kernel's key",
    )


def _bad(shown: str, what: str, hint: str = _MAKE_ANEW) -> ConnectionFileError:
    return ConnectionFileError(f"{shown}: {what}", hint)


# fault: 8b
_READ_PROBLEMS = {
    errno.ENOENT: ("there is no such file", _LIST_THEM),
    errno.ENOTDIR: ("there is no such file", _LIST_THEM),
    errno.EISDIR: ("this is a directory, not a connection file", _LIST_THEM),
    errno.ENXIO: ("this is not a regular file", "a connection file is a small file of JSON; " + _LIST_THEM),
    errno.ELOOP: ("the symbolic links lead in a circle", _LIST_THEM),
    errno.EFBIG: (f"this is no connection file: it is larger than {MAX_BYTES // 1024} KiB", _LIST_THEM),
    errno.EACCES: (
        "you may not read it",
        "it belongs to the user who started the kernel: attach as that user",
    ),
}


def _read(path: Path, shown: str) -> tuple[bytes, os.stat_result]:
    try:
        return read_bounded(path)
    except ValueError:  # a NUL in the path
        raise _bad(shown, *_READ_PROBLEMS[errno.ENOENT]) from None
    except OSError as error:
        reason = f"it cannot be read: {error.strerror}"
        raise _bad(shown, *_READ_PROBLEMS.get(error.errno or 0, (reason, _LIST_THEM))) from None


def _must_be_private(path: Path, status: os.stat_result, shown: str) -> None:
    """As ssh does: what anybody could have written or read says nothing of who answers."""
    user = effective_user()
    # fault: 7a
    if user != 0 and status.st_uid not in {0, user}:
        raise _bad(
            shown,
            "the file belongs to another user",
            "copy it, if you trust it, and chmod 600 the copy; --insecure-file attaches all the same",
        )
    # fault: 7b
    if _reachable_by_others(path, status.st_mode):
        raise _bad(
            shown,
            f"other users can read or change it (mode {stat.S_IMODE(status.st_mode):04o})",
            "its key lets them run code as you: chmod 600 the file; --insecure-file attaches all the same",
        )


def _reachable_by_others(path: Path, mode: int) -> bool:
    """A file that is open to others in a directory that is not, is not: VS Code makes such files."""
    try:
        above = [parent.stat().st_mode for parent in path.resolve().parents]
    except (OSError, RuntimeError):  # it was removed or replaced after it was read
        above = []
    return any(
        mode & use and all(parent & enter for parent in above)
        for use, enter in (
            (stat.S_IRGRP | stat.S_IWGRP, stat.S_IXGRP),
            (stat.S_IROTH | stat.S_IWOTH, stat.S_IXOTH),
        )
    )


def _parse(data: bytes, shown: str) -> dict[str, Any]:
    """The JSON object in ``data``; no error here refers to its content, which holds the key."""
    if not data.strip():
        raise _bad(shown, "the file is empty")
    # fault: 2c
    if data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise _bad(shown, "the file begins with a byte order mark", "save it as UTF-8 without one")
    found, problem = _decode(data)
    if problem and not data.lstrip().startswith(b"{"):  # a log, say
        raise _bad(shown, f"this is not a connection file: {problem}", _LIST_THEM)
    if problem:
        raise _bad(shown, problem)
    # fault: 2d
    if not isinstance(found, dict):
        raise _bad(shown, f"the file holds a JSON {_json_type(found)}, not an object", _LIST_THEM)
    return found


def _decode(data: bytes) -> tuple[object, str]:
    try:
        return json.loads(data.decode("utf-8")), ""
    # fault: 2b
    except UnicodeDecodeError as error:
        return None, f"the file is not UTF-8 (byte {error.start})"
    # fault: 2a
    except json.JSONDecodeError as error:
        return None, f"the file is not complete JSON (line {error.lineno}, column {error.colno})"
    except (ValueError, RecursionError):
        return None, "the file is not JSON that can be read"


def _json_type(value: object) -> str:
    names = {list: "list", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")


def _checked(
    raw: dict[str, Any], connection: Connection, written: float, *, insecure: bool
) -> ConnectionInfo:
    shown = display_connection(connection)
    _must_be_connection_info(raw, shown)
    ports = {name: _port(raw, name, shown) for name in _PORTS}
    _must_differ(ports, shown)
    transport = _transport(raw, shown)
    return ConnectionInfo(
        connection=connection,
        transport=transport,
        ip=_ip(raw, transport, connection, shown),
        signed=_signed(raw, shown, insecure=insecure),
        signature_scheme=_scheme(raw, shown),
        kernel_name=_text_or_none(raw.get("kernel_name")),
        jupyter_session=_text_or_none(raw.get("jupyter_session")),
        written=written,
        curve_publickey=_curve(raw, shown),
        **ports,
    )


def _must_be_connection_info(raw: dict[str, Any], shown: str) -> None:
    """Tell what else a JSON object may be, before its fields are missed one by one."""
    if "nbformat" in raw and "cells" in raw:
        raise _bad(
            shown,
            "this is a notebook, not a connection file",
            "name it with its ending .ipynb, and kernelscope looks for the kernel that runs it",
        )
    if not any(name in raw for name in _PORTS):
        raise _bad(shown, "this is not a connection file: it names none of a kernel's ports", _LIST_THEM)


def _port(raw: dict[str, Any], name: str, shown: str) -> int:
    if name not in raw:
        raise _bad(shown, f"{name} is missing")
    value = raw[name]
    # fault: 3b
    # fault: 3a
    if type(value) is not int or not 1 <= value <= 65_535:
        raise _bad(shown, f"{name} is {_value(value)}, not a number from 1 to 65535")
    return value


def _must_differ(ports: dict[str, int], shown: str) -> None:
    first: dict[int, str] = {}
    for name, port in ports.items():
        if port in first:
            raise _bad(shown, f"{first[port]} and {name} are both {port}")
        # fault: 3c
        first[port] = name


def _transport(raw: dict[str, Any], shown: str) -> Transport:
    value = raw.get("transport", "tcp")
    if value == "tcp":
        return "tcp"
    if value == "ipc":
        return "ipc"
    # fault: 6a
    raise _bad(shown, f"transport is {_value(value)}, not tcp or ipc")


def _ip(raw: dict[str, Any], transport: Transport, connection: Connection, shown: str) -> str:
    """The field, or what jupyter_client takes where it is missing."""
    if "ip" not in raw:
        if transport == "tcp":
            return "127.0.0.1"
        if not isinstance(connection, Path):
            raise _bad(shown, "ip is missing", "paste all that %connect_info printed")
        return f"{connection.with_suffix('')}-ipc"
    value = raw["ip"]
    if not isinstance(value, str) or not value or "\0" in value:
        raise _bad(shown, f"ip is {_value(value)}, not an address")
    if transport == "tcp" and not _HOST.fullmatch(value):
        raise _bad(shown, f"ip is {_value(value)}, not an address")
    return value


def _signed(raw: dict[str, Any], shown: str, *, insecure: bool) -> bool:
    """Whether there is a key; the value is named in no message."""
    if "key" not in raw:
        raise _bad(shown, "key is missing")
    key = raw["key"]
    # fault: 4a
    if not isinstance(key, str):
        raise _bad(shown, f"key is a {_json_type(key)}, not a string")
    if not _encodable(key):
        raise _bad(shown, "key is not valid text")
    # fault: 5b
    # fault: 5a
    if not key and not insecure and not _is_this_machine(raw):
        raise _bad(
            shown,
            "key is empty, so no message is signed, and the kernel is on another machine",
            "whoever reaches the ports could answer in the kernel's place; --insecure attaches all the same",
        )
    return bool(key)


def _is_this_machine(raw: dict[str, Any]) -> bool:
    """Whether nobody but this machine's users reaches the kernel: its own loopback, or files."""
    return raw.get("transport", "tcp") == "ipc" or str(raw.get("ip", "")).startswith("127.")


def _encodable(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _scheme(raw: dict[str, Any], shown: str) -> str:
    value = raw.get("signature_scheme", "hmac-sha256")
    known = {f"hmac-{name}" for name in hashlib.algorithms_guaranteed if not name.startswith("shake")}
    # fault: 6b
    if not isinstance(value, str) or value not in known:
        raise _bad(shown, f"signature_scheme is {_value(value)}, not hmac-sha256 or another hmac-…")
    return value


def _curve(raw: dict[str, Any], shown: str) -> bytes | None:
    """The kernel's public key; as jupyter_client has it, one key of the pair alone means none."""
    names = ("curve_publickey", "curve_secretkey")
    if any(name not in raw for name in names):
        return None
    for name in names:
        if not isinstance(raw[name], str) or not _Z85_KEY.fullmatch(raw[name]):
            raise _bad(shown, f"{name} is not a CurveZMQ key (40 characters of Z85)")
    # fault: 13a
    if not zmq.has("curve"):
        raise _bad(
            shown, "curve_publickey asks for encryption, which this pyzmq cannot do", "install another pyzmq"
        )
    public, secret = (raw[name].encode("ascii") for name in names)
    # fault: 13b
    if zmq.curve_public(secret) != public:
        raise _bad(shown, "curve_publickey and curve_secretkey do not belong together")
    return bytes(public)


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _value(value: object) -> str:
    return clean(json.dumps(value, ensure_ascii=False), limit=40)
