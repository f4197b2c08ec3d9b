"""Survives the loss of the terminal, so that the app can still leave the kernel cleanly."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.driver import Driver


class _LossyFile:
    """A terminal's file that drops all writes once the other end is closed.

    Textual writes from its own thread, behind a short queue: an error would end the thread, and the app would
    wait for it for ever instead of leaving the kernel.
    """

    def __init__(self, file: IO[str], on_closed: Callable[[], None]) -> None:
        self._file, self._on_closed, self._closed = file, on_closed, False

    def write(self, text: str) -> int:
        self._try(lambda: self._file.write(text))
        return len(text)

    def flush(self) -> None:
        self._try(self._file.flush)

    def fileno(self) -> int:
        return self._file.fileno()

    def isatty(self) -> bool:
        return self._file.isatty()

    def _try(self, work: Callable[[], object]) -> None:
        if self._closed:
            return
        try:
            work()
        # fault: 80b
        except OSError:
            self._closed = True
            self._on_closed()


def tolerate_closed_terminal(driver: type[Driver], on_closed: Callable[[], None]) -> type[Driver]:
    """Derive a driver that survives a closed terminal; it calls ``on_closed`` once, in the writing thread."""

    class TolerantDriver(driver):  # type: ignore[valid-type,misc] # the base depends on the platform
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            file: IO[str] | None = getattr(self, "_file", None)
            if file is not None:
                self._file = _LossyFile(file, on_closed)

    return TolerantDriver
