"""How long the probe stays after its last watcher has left, and the timer that ends it.

There is no thread: the timer is one of the event loop in which the kernel takes its requests, so that it
never fires while a plain cell runs.  It has an empty context, for ipykernel 6 goes by the contexts of
what is scheduled to tell whose output is whose.
"""

from __future__ import annotations

from contextvars import Context
from time import monotonic
from typing import Any, Callable

from .interrupts import is_own_failure, strip_traceback

AGAIN_S = 1.0
"""Seconds after which it tries once more where the probe could not leave."""


class Stay:
    """Begins when nobody watches any more; one that runs is neither prolonged nor cut short by itself.

    Args:
        loop: the kernel's event loop (tornado's); ``None`` where it has none that is known.
        leave: takes the probe out, and answers whether that could be done now.
    """

    def __init__(self, loop: Any, leave: Callable[[], bool]) -> None:
        self._loop, self._leave = loop, leave
        self._until: float | None = None
        self._armed: object = None
        """Names the timer that counts; one that was set before it does nothing."""
        self._timer: object = None
        self.seconds = 0.0
        """The longest that a watcher asked for."""

    def watched(self, seconds: float) -> None:
        """Somebody watches, and asks for so many seconds after that."""
        self.seconds = max(self.seconds, seconds)
        self._until = None
        self._disarm()

    def begin(self) -> None:
        """Nobody watches any more."""
        if self._until is None and self.seconds > 0:
            self._until = monotonic() + self.seconds
            self._arm(self.seconds)

    @property
    def is_over(self) -> bool:
        """Whether the probe has nothing to stay for, once nobody watches."""
        if self._until is None:
            return self.seconds <= 0
        return monotonic() >= self._until

    def end(self) -> None:
        """Nothing of it stays in the loop."""
        self._disarm()

    def _arm(self, seconds: float) -> None:
        armed = self._armed = object()
        if self._loop is not None:
            Context().run(self._loop.add_callback, self._set, seconds, armed)

    def _set(self, seconds: float, armed: object) -> None:
        if armed is self._armed:
            self._timer = self._loop.call_later(seconds, self._ring, armed)

    def _disarm(self) -> None:
        self._armed = None
        if self._loop is not None and self._timer is not None:
            self._loop.add_callback(self._cancel)

    def _cancel(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and self._armed is None:
            self._loop.remove_timeout(timer)

    def _ring(self, armed: object) -> None:
        if armed is not self._armed:
            return
        self._timer = None
        try:
            left = self._leave()
        except BaseException as error:
            if not is_own_failure(error):
                strip_traceback(error)
                raise
            left = False  # the loop would log it, and it is the kernel's log
        if not left and self._armed is armed:
            self._arm(AGAIN_S)
