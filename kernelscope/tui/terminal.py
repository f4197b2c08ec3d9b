"""The terminal that we draw on, and that may be gone from one moment to the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.driver import Driver


class _Lossy:
    """A terminal's file; once the other end is closed, writes are dropped silently.

    Textual writes from a thread of its own, behind a short queue: an error there would end the thread,
    and the app would wait for it for ever, instead of taking its leave of the kernel.
    """

    def __init__(self, file: IO[str], on_closed: Callable[[], None]) -> None:
        self._file, self._on_closed, self._closed = file, on_closed, False

    def write(self, text: str) -> int:
        self._attempt(lambda: self._file.write(text))
        return len(text)

    def flush(self) -> None:
        self._attempt(self._file.flush)

    def fileno(self) -> int:
        return self._file.fileno()

    def isatty(self) -> bool:
        return self._file.isatty()

    def _attempt(self, work: Callable[[], object]) -> None:
        if self._closed:
            return
        try:
            work()
        # fault: 80b
        except OSError:
            self._closed = True
            self._on_closed()


def patient(driver: type[Driver], on_closed: Callable[[], None]) -> type[Driver]:
    """The same driver, on such a terminal; ``gone`` is called once, in the thread that writes."""

    class Patient(driver):  # type: ignore[valid-type,misc] # which one it is depends on the platform
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            file: IO[str] | None = getattr(self, "_file", None)
            if file is not None:
                self._file = _Lossy(file, on_closed)

    return Patient
