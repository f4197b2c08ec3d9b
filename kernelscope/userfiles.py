"""Files that a user names: each is checked before it is opened, and no output damages an existing file.

Opening a file can have effects: a FIFO blocks until its other end is opened, a device may act, and truncating
empties the very file that is about to be read.  Every command and the dashboard open the user's files
through this module.

How an output is written depends on what exists at its path:

==================================  ======================================================================
nothing, or a link to nothing       a new file, mode 0600, that appears when it is complete
a regular file                      replaced when the new content is complete; mode and owner stay
a regular file with several names   the complete new content is copied into it: replacing one name would
                                    leave the others with the old content
``/dev/stdout``, ``/dev/fd/N``      the open descriptor of this process
a FIFO, a device, a terminal        opened and written into
a directory, a socket               refused
==================================  ======================================================================

A recording is a database, so it needs a new file: see ``storage.recorder``.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from kernelscope.errors import ExportError, UsageError
from kernelscope.system import open_to_write, open_without_waiting
from kernelscope.text import clean

_DESCRIPTOR = re.compile(r"/(?:dev|proc/self)/fd/(\d{1,9})")
_MOST_LINKS = 40
"""Symbolic links that are followed in a row, as Linux does."""
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def kind_of(mode: int) -> str:
    """The kind of a file in words, for messages."""
    kinds = (
        (stat.S_ISREG, "a regular file"),
        (stat.S_ISDIR, "a directory"),
        (stat.S_ISLNK, "a symbolic link"),
        (stat.S_ISFIFO, "a FIFO"),
        (stat.S_ISSOCK, "a socket"),
    )
    return next((kind for is_one, kind in kinds if is_one(mode)), "a device")


def display_path(path: Path) -> str:
    """The path, safe to display."""
    # fault: 9a
    return clean(os.fspath(path), limit=1_000)


# Reading.


def open_regular(path: Path) -> BinaryIO:
    """Opens a regular file for reading; never blocks, whatever the path is.

    Raises:
        OSError: it cannot be opened (``EISDIR`` for a directory, ``ENXIO`` for anything else that is not a
            regular file).
        ValueError: a NUL in the path.
    """
    # fault: 8c
    if not stat.S_ISREG(path.stat().st_mode):  # opening a device can have effects
        _refuse(path)
    handle = open_without_waiting(path)
    file = os.fdopen(handle, "rb")
    if not stat.S_ISREG(os.fstat(handle).st_mode):  # it was replaced in between
        file.close()
        _refuse(path)
    return file


def open_input(path: Path) -> BinaryIO:
    """As ``open_regular``, and opens descriptors of this process (``/dev/stdin``, a shell's ``<(…)``)."""
    descriptor = _descriptor_named(path)
    return open_regular(path) if descriptor is None else os.fdopen(os.dup(descriptor), "rb")


def _refuse(path: Path) -> None:
    mode = path.stat().st_mode
    code = errno.EISDIR if stat.S_ISDIR(mode) else errno.ENXIO
    raise OSError(code, f"it is {kind_of(mode)}, not a regular file")


# Writing.


def refuse_sources(output: Path, sources: Iterable[Path]) -> None:
    """Refuses an output that is one of the source files, under any name or link.

    Raises:
        UsageError: it is one; nothing has been opened yet.
    """
    target = _status_of(output)
    for source in sources:
        status = _status_of(source)
        if target is not None and status is not None and os.path.samestat(target, status):
            name = "standard output" if _descriptor_named(output) == 1 else display_path(output)
            raise UsageError(
                f"the output ({name}) is the same file as the source ({display_path(source)})",
                "Nothing was written. Name another file.",
            )


def write_output(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Writes an output as the table above says; on failure an existing regular file stays unchanged.

    Args:
        path: the output; symbolic links are followed.
        write: writes the content into the open file that it gets, and does not close it.

    Raises:
        ExportError: it cannot be written.
    """
    try:
        _write(path, write)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise ExportError(f"{display_path(path)} cannot be written", clean(why)) from error


def clipboard_file() -> Path:
    """The file with the text that the dashboard copied last: one private file per user."""
    from platformdirs import user_cache_path

    return user_cache_path("kernelscope", appauthor=False) / "copied.txt"


def write_copied(text: str) -> Path:
    """Replaces ``clipboard_file``, which only this user can read; returns its path.

    The new file takes the place of whatever was there, so that nothing is written through a link or into
    another user's file.

    Raises:
        OSError: it cannot be written.
    """
    path = clipboard_file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _draft(path.parent) as (file, name):
        file.write(text.encode("utf-8", "backslashreplace"))
        file.flush()
        Path(name).replace(path)
    return path


def _status_of(path: Path) -> os.stat_result | None:
    """The status of the file that the path leads to; ``None`` if there is none."""
    descriptor = _descriptor_named(path)
    try:
        return path.stat() if descriptor is None else os.fstat(descriptor)
    except (OSError, ValueError):
        return None


def _descriptor_named(path: Path) -> int | None:
    """The number of the open descriptor that a path such as ``/dev/stdout`` stands for.

    Opening such a path fails if the descriptor is a socket, and for a regular file it would start at the beginning
    and overwrite earlier output.
    """
    named = os.path.abspath(path)  # noqa: PTH100 - Path.absolute leaves `..` in place
    for _ in range(_MOST_LINKS):
        if match := _DESCRIPTOR.fullmatch(named):
            return int(match[1])
        try:
            named = os.path.normpath(os.path.join(os.path.dirname(named), os.readlink(named)))  # noqa: PTH115, PTH118, PTH120 - text
        except (OSError, ValueError):
            return None
    return None


def _write(path: Path, write: Callable[[BinaryIO], None]) -> None:
    descriptor = _descriptor_named(path)
    if descriptor is not None:
        with os.fdopen(os.dup(descriptor), "wb") as out:
            write(out)
        return
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        _create(Path(os.path.realpath(path)), write)
        return
    if stat.S_ISDIR(mode) or stat.S_ISSOCK(mode):
        raise OSError(f"it is {kind_of(mode)}")
    with os.fdopen(open_to_write(path), "wb") as out:
        if stat.S_ISREG(os.fstat(out.fileno()).st_mode):
            _rewrite(Path(os.path.realpath(path)), out, write)
        else:
            write(out)


def _create(target: Path, write: Callable[[BinaryIO], None]) -> None:
    # Mode 0600, as for a recording: it holds the user's source code.
    with _draft(target.parent) as (file, name):
        write(file)
        file.flush()
        os.fsync(file.fileno())
        Path(name).replace(target)


def _rewrite(target: Path, out: BinaryIO, write: Callable[[BinaryIO], None]) -> None:
    """Gives a regular file new content: by a new file in its place or, if that would lose something, in place.

    In place also if no file can be created in the folder, the owner cannot be kept, or the name cannot be
    replaced (a mount point, a sticky folder).
    """
    status = os.fstat(out.fileno())
    with _draft(target.parent, or_elsewhere=True) as (file, name):
        write(file)
        file.flush()
        os.fsync(file.fileno())
        if status.st_nlink == 1 and _take_mode(file.fileno(), status) and _take_place(name, target):
            return
        _overwrite(out, file)


@contextmanager
def _draft(folder: Path, *, or_elsewhere: bool = False) -> Iterator[tuple[BinaryIO, str]]:
    """A new private file and its name; removed at the end unless it was renamed.

    Args:
        or_elsewhere: in the temporary directory if none can be created in the folder.
    """
    import tempfile  # here, as below: `kernelscope --help` must not wait for it

    try:
        descriptor, name = tempfile.mkstemp(prefix=".kernelscope-", dir=folder)
    except OSError:
        if not or_elsewhere:
            raise
        descriptor, name = tempfile.mkstemp(prefix=".kernelscope-")
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file, name
    finally:
        with suppress(OSError):
            Path(name).unlink()


def _take_mode(descriptor: int, status: os.stat_result) -> bool:
    """Gives the new file the owner and mode of the old one; returns whether this succeeded."""
    ours = os.fstat(descriptor)
    try:
        if (ours.st_uid, ours.st_gid) != (status.st_uid, status.st_gid):
            os.fchown(descriptor, status.st_uid, status.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(status.st_mode))
    except OSError:
        return False
    return True


def _take_place(name: str, target: Path) -> bool:
    try:
        Path(name).replace(target)
    except OSError:
        return False
    return True


def _overwrite(out: BinaryIO, content: BinaryIO) -> None:
    """Copies new content into a file in place.

    Reserves the space first, so that a full disk leaves the old content.
    """
    descriptor = out.fileno()
    old_size, size = os.fstat(descriptor).st_size, content.seek(0, os.SEEK_END)
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(descriptor, 0, max(size, 1))
        except OSError as error:
            os.ftruncate(descriptor, old_size)
            if error.errno in _NO_ROOM:
                raise
    import shutil

    content.seek(0)
    shutil.copyfileobj(content, out)
    out.flush()
    os.ftruncate(descriptor, size)
    os.fsync(descriptor)
