"""Connection files: read once, checked to the last field, and used as they were checked.

The key in a connection file lets its holder run code as the kernel's user.  It is kept in memory, in fields
that no ``repr`` and no message shows.  Connection info from standard input is never written to a file,
because a file with the key would stay behind if this process were killed.
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
from typing import Annotated, Any, Literal

import msgspec
import zmq
from msgspec import Meta

from kernelscope.errors import ConnectionFileError
from kernelscope.system import effective_user
from kernelscope.text import clean
from kernelscope.userfiles import display_path, open_regular

MAX_BYTES = 65_536
"""The most that is read of any file beside a kernel; real ones have about 300 bytes."""

_PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
# fault: 3b
# fault: 3a
_Port = Annotated[int, Meta(ge=1, le=65_535)]
# fault: 6a
Transport = Literal["tcp", "ipc"]
_Host = Annotated[str, Meta(pattern=r"\A[0-9A-Za-z_.:%\[\]*-]{1,255}\Z")]
_SocketPath = Annotated[str, Meta(pattern=r"\A[^\0]+\Z")]
_HASHES = sorted(name for name in hashlib.algorithms_guaranteed if not name.startswith("shake"))
# fault: 6b
_Scheme = Annotated[str, Meta(pattern=rf"\Ahmac-({'|'.join(_HASHES)})\Z")]
_CurveKey = Annotated[str, Meta(pattern=r"\A[0-9a-zA-Z.:+=^!/*?&<>()\[\]{}@%$#-]{40}\Z")]
_LIST_THEM = "`kernelscope ls` lists the kernels that can be attached to"
_RESTART = "restart the kernel, which writes its file again; " + _LIST_THEM


class PipedConnection:
    """Connection info from standard input, its key included.

    Args:
        content: the content of a connection file; not checked yet.
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
    """Checked connection info; everything that connects takes its values from here."""

    connection: Connection
    transport: Transport
    ip: str
    """A host for tcp; for ipc the prefix of the sockets' paths."""
    shell_port: int
    iopub_port: int
    stdin_port: int
    control_port: int
    hb_port: int
    key: str = field(repr=False)
    """Signs the messages; empty: no message is verified."""
    signature_scheme: str
    kernel_name: str | None
    jupyter_session: str | None
    """The notebook as the server that started the kernel names it; hostile text."""
    written: float
    """Seconds since the epoch: when the file was last modified."""
    curve_publickey: bytes | None = field(default=None, repr=False)
    """The kernel's CurveZMQ public key (Z85), if the connection is encrypted."""
    curve_secretkey: bytes | None = field(default=None, repr=False)

    @property
    def is_signed(self) -> bool:
        """Whether there is a key."""
        return bool(self.key)

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
        """The address at which the kernel echoes heartbeats."""
        if self.transport == "ipc":
            return f"ipc://{self.ip}-{self.hb_port}"
        host = "0.0.0.0" if self.ip == "*" else self.ip  # noqa: S104 - bound by the kernel, not here
        return f"tcp://{host}:{self.hb_port}"

    def for_jupyter_client(self) -> dict[str, Any]:
        """The checked values, keys included, as ``jupyter_client`` takes them in place of a file."""
        names = (*_PORTS, "transport", "ip", "key", "signature_scheme", "curve_publickey", "curve_secretkey")
        values = {name: getattr(self, name) for name in names}
        return {name: value for name, value in values.items() if value is not None}


def read_connection(
    connection: Connection, *, insecure: bool = False, insecure_file: bool = False
) -> ConnectionInfo:
    """Reads and checks connection info from a file or standard input; see ``read_connection_file``."""
    if isinstance(connection, Path):
        return read_connection_file(connection, insecure=insecure, insecure_file=insecure_file)
    return _check(connection.content, connection, connection.received, insecure=insecure)


def read_connection_file(
    path: Path, *, insecure: bool = False, insecure_file: bool = False
) -> ConnectionInfo:
    """Reads and checks a connection file; nothing is connected.

    Args:
        insecure: accept an empty key, with which no message is verified, even if other machines can reach the
            kernel; if only this machine can, it is accepted in any case.
        insecure_file: accept a file that belongs to another user or that other users can read or change.

    Raises:
        ConnectionFileError: names the file and, if one field is wrong, the field.
    """
    shown = display_path(path)
    data, status = _read(path, shown)
    # The content first: the permissions of a notebook or a log do not matter.
    info = _check(_parse(data, shown), path, status.st_mtime, insecure=insecure)
    if not insecure_file:
        _must_be_private(path, status, shown)
    return info


def read_bounded(path: Path) -> tuple[bytes, os.stat_result]:
    """The content of a small regular file, and its status at that moment.  Never blocks, whatever the path is.

    Raises:
        OSError: it cannot be opened (``ENXIO`` if it is neither file nor directory, ``EFBIG``
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
    """The connection info in the output of ``%connect_info``: a JSON object, then prose.

    Raises:
        ConnectionFileError: there is no JSON object in it.
    """
    decoder = json.JSONDecoder()
    for brace in re.finditer(r"\{", text[:MAX_BYTES]):
        try:
            content, _ = decoder.raw_decode(text, brace.start())
        except (ValueError, RecursionError):
            continue
        if isinstance(content, dict):
            return content
    raise ConnectionFileError(
        "there is no connection info in the standard input",
        "run %connect_info in the notebook and pipe all of its output: "
        "the JSON from { to }, which holds the kernel's key",
    )


def _bad(shown: str, what: str, hint: str = _RESTART) -> ConnectionFileError:
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
    """As in ssh: a file that others could have written or read does not prove who answers."""
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
    """Whether other users can open the file; VS Code writes open files into a directory that is not."""
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
    """The JSON object in ``data``; no error shows its content, which holds the key."""
    if not data.strip():
        raise _bad(shown, "the file is empty")
    # fault: 2c
    if data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise _bad(shown, "the file begins with a byte order mark", "save it as UTF-8 without one")
    content, problem = _decode(data)
    if problem and not data.lstrip().startswith(b"{"):  # a log, say
        raise _bad(shown, f"this is not a connection file: {problem}", _LIST_THEM)
    if problem:
        raise _bad(shown, problem)
    # fault: 2d
    if not isinstance(content, dict):
        raise _bad(shown, f"the file holds a JSON {_json_type(content)}, not an object", _LIST_THEM)
    return content


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


def _check(raw: dict[str, Any], connection: Connection, written: float, *, insecure: bool) -> ConnectionInfo:
    shown = display_connection(connection)
    _must_be_connection_info(raw, shown)
    ports = {name: _port(raw, name, shown) for name in _PORTS}
    _must_differ(ports, shown)
    transport = _field(raw.get("transport", "tcp"), "transport", Transport, "tcp or ipc", shown)
    ip = _ip(raw, transport, connection, shown)
    key = _key(raw, shown, insecure=insecure)
    scheme = raw.get("signature_scheme", "hmac-sha256")
    scheme = _field(scheme, "signature_scheme", _Scheme, "hmac-sha256 or another hmac-…", shown)
    public, secret = _curve(raw, shown)
    return ConnectionInfo(
        connection=connection,
        transport=transport,
        ip=ip,
        key=key,
        signature_scheme=scheme,
        kernel_name=_text_or_none(raw.get("kernel_name")),
        jupyter_session=_text_or_none(raw.get("jupyter_session")),
        written=written,
        curve_publickey=public,
        curve_secretkey=secret,
        **ports,
    )


def _field(value: object, name: str, kind: Any, expected: str, shown: str) -> Any:
    """The value, if it is of this kind.

    Args:
        kind: a type that ``msgspec`` checks.
        expected: the same in words, for the error.
    """
    if not _is_of(value, kind):
        raise _bad(shown, f"{name} is {_value(value)}, not {expected}")
    return value


def _is_of(value: object, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:  # its message may show the value
        return False
    return True


def _must_be_connection_info(raw: dict[str, Any], shown: str) -> None:
    """Recognises other JSON objects, before their fields are reported missing one by one."""
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
    port: int = _field(raw[name], name, _Port, "a number from 1 to 65535", shown)
    return port


def _must_differ(ports: dict[str, int], shown: str) -> None:
    first: dict[int, str] = {}
    for name, port in ports.items():
        if port in first:
            raise _bad(shown, f"{first[port]} and {name} are both {port}")
        # fault: 3c
        first[port] = name


def _ip(raw: dict[str, Any], transport: Transport, connection: Connection, shown: str) -> str:
    """The field, or jupyter_client's default if it is missing."""
    if "ip" in raw:
        kind = _Host if transport == "tcp" else _SocketPath
        ip: str = _field(raw["ip"], "ip", kind, "an address", shown)
        return ip
    if transport == "tcp":
        return "127.0.0.1"
    if not isinstance(connection, Path):
        raise _bad(shown, "ip is missing", "paste all of the output of %connect_info")
    return f"{connection.with_suffix('')}-ipc"


def _key(raw: dict[str, Any], shown: str, *, insecure: bool) -> str:
    """The key that signs messages; no error shows its value."""
    if "key" not in raw:
        raise _bad(shown, "key is missing")
    key = raw["key"]
    # fault: 4a
    if not isinstance(key, str):
        raise _bad(shown, f"key is a {_json_type(key)}, not a string")
    if not _is_encodable(key):
        raise _bad(shown, "key is not valid text")
    # fault: 5b
    # fault: 5a
    if not key and not insecure and not _is_this_machine(raw):
        raise _bad(
            shown,
            "key is empty, so no message is signed, and the kernel is on another machine",
            "any program that reaches the ports could answer for the kernel; --insecure attaches all the same",
        )
    return key


def _is_this_machine(raw: dict[str, Any]) -> bool:
    """Whether only users of this machine can reach the kernel: by its loopback interface, or by files."""
    return raw.get("transport", "tcp") == "ipc" or str(raw.get("ip", "")).startswith("127.")


def _is_encodable(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _curve(raw: dict[str, Any], shown: str) -> tuple[bytes | None, bytes | None]:
    """The kernel's key pair; as in jupyter_client, one key of the pair alone means none."""
    names = ("curve_publickey", "curve_secretkey")
    if any(name not in raw for name in names):
        return None, None
    for name in names:
        if not _is_of(raw[name], _CurveKey):
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
    return bytes(public), bytes(secret)


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _value(value: object) -> str:
    return clean(json.dumps(value, ensure_ascii=False), limit=40)
