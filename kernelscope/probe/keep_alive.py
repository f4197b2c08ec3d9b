"""How long the probe stays after its last watcher, and the timer that ends that time.

There is no thread: the timer belongs to the event loop in which the kernel takes its requests, so that it
never fires while a plain cell runs.  It has an empty context, because ipykernel 6 goes by the contexts of
scheduled callbacks to find the cell that output belongs to.
"""

from __future__ import annotations

from contextvars import Context
from time import monotonic
from typing import Any, Callable

from .interrupts import is_own_failure, strip_traceback

RETRY_S = 1.0
"""Seconds until the next attempt if the probe could not uninstall itself."""


class KeepAlive:
    """The time to stay; it starts when the last watcher goes, and nothing but a watcher stops it.

    Args:
        loop: the kernel's event loop (tornado's); ``None`` if it has none that is known.
        expire: called when the time is over; uninstalls the probe, and returns whether that could be done.
    """

    def __init__(self, loop: Any, expire: Callable[[], bool]) -> None:
        self._loop, self._expire = loop, expire
        self._deadline: float | None = None
        self._key: object = None
        """Of the timer that counts; one that was set with another key does nothing."""
        self._timer: object = None
        self.seconds = 0.0
        """The longest time that a watcher asked for."""

    def suspend(self, seconds: float) -> None:
        """Stop the clock for a watcher, who asks for so many seconds after it has gone."""
        self.seconds = max(self.seconds, seconds)
        self._deadline = None
        self.cancel()

    def start(self) -> None:
        """Start the clock, unless it runs: no watcher is left."""
        if self._deadline is None and self.seconds > 0:
            self._deadline = monotonic() + self.seconds
            self._arm(self.seconds)

    @property
    def is_over(self) -> bool:
        """Whether the probe has nothing to stay for, once no watcher is left."""
        if self._deadline is None:
            return self.seconds <= 0
        return monotonic() >= self._deadline

    def cancel(self) -> None:
        """Take the timer out of the loop."""
        self._key = None
        if self._loop is not None and self._timer is not None:
            self._loop.add_callback(self._remove_timer)

    def _arm(self, seconds: float) -> None:
        key = self._key = object()
        if self._loop is not None:
            Context().run(self._loop.add_callback, self._set_timer, seconds, key)

    def _set_timer(self, seconds: float, key: object) -> None:
        if key is self._key:
            self._timer = self._loop.call_later(seconds, self._on_timer, key)

    def _remove_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and self._key is None:
            self._loop.remove_timeout(timer)

    def _on_timer(self, key: object) -> None:
        if key is not self._key:
            return
        self._timer = None
        try:
            expired = self._expire()
        except BaseException as error:
            if not is_own_failure(error):
                strip_traceback(error)
                raise
            expired = False  # the loop would log it, and it is the kernel's log
        if not expired and self._key is key:
            self._arm(RETRY_S)
