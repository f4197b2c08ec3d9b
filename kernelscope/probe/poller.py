"""Looks between runs, if a watcher asks for them."""

from __future__ import annotations

import threading
from typing import Callable

MIN_SECONDS = 0.1
"""The shortest time between two looks."""


class Poller(threading.Thread):
    """Looks at an interval, in a thread that the user can list; its name says whose it is.

    Args:
        look: called at each interval.
        needs_more: whether looks are needed that no watcher asks for.
        seconds: the interval that watchers ask for; ``None`` if none does.
    """

    def __init__(
        self, look: Callable[[], None], needs_more: Callable[[], bool], seconds: float | None
    ) -> None:
        super().__init__(name="kernelscope-poll", daemon=True)
        self._look, self._needs_more = look, needs_more
        self._stop_now = threading.Event()
        self.seconds = seconds
        self.has_ended = False
        """It looks no more, whatever ``seconds`` is set to now."""

    def run(self) -> None:
        """Look until stopped, or until no look is needed."""
        while not self._stop_now.is_set():
            try:
                if not self._stop_now.wait(self._interval()):
                    self._look()
                if not self._is_needed():
                    return
            except BaseException:  # noqa: BLE001, PERF203, S112 - a thread that ends by an error prints it
                continue

    def _interval(self) -> float:
        if self.seconds is None or self._needs_more():
            return MIN_SECONDS
        return max(MIN_SECONDS, self.seconds)

    def _is_needed(self) -> bool:
        """Whether to go on; another thread that sets ``seconds`` looks at ``has_ended`` afterwards."""
        self.has_ended = self.seconds is None and not self._needs_more()
        self.has_ended = self.has_ended and self.seconds is None
        return not self.has_ended

    def stop(self) -> None:
        """End the thread, and wait for it so that none is left behind."""
        self._stop_now.set()
        if threading.current_thread() is not self:
            self.join(timeout=1.0)


class PollerSwitch:
    """Runs a poller while a watcher asks for one, or looks are needed.

    Args:
        look: called at each interval, in the poller's thread.
        needs_more: whether looks are needed that no watcher asks for: some models are not described yet.
    """

    def __init__(self, look: Callable[[], None], needs_more: Callable[[], bool]) -> None:
        self._look, self._needs_more = look, needs_more
        self.poller: Poller | None = None

    def tune(self, seconds: float | None) -> None:
        """Look every so many seconds from now on; ``None``: only as long as looks are needed."""
        if self.poller is not None:
            self.poller.seconds = seconds
            if self.poller.has_ended:
                self.stop()
        if seconds is None and not self._needs_more():
            self.stop()
        elif self.poller is None:
            self.poller = Poller(self._look, self._needs_more, seconds)
            self.poller.start()

    def stop(self) -> None:
        """End the poller, if one runs."""
        poller = self.poller
        if poller is not None:
            poller.stop()
            self.poller = None  # only now: if an interrupt fell into that, the next attempt stops it

    @property
    def thread_id(self) -> int | None:
        """Of the thread that looks; ``None`` if none does."""
        return self.poller.ident if self.poller is not None else None
