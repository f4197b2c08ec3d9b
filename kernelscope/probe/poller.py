"""Looks between runs, if a watcher asks for them."""

from __future__ import annotations

import threading
from typing import Callable

MIN_SECONDS = 0.1
"""The shortest time between two looks."""


class Poller(threading.Thread):
    """Looks at an interval, in a thread that the user can list; its name says whose it is."""

    def __init__(self, look: Callable[[], None], seconds: float) -> None:
        super().__init__(name="kernelscope-poll", daemon=True)
        self._look = look
        self._stop_now = threading.Event()
        self.seconds = max(MIN_SECONDS, seconds)

    def run(self) -> None:
        """Look until stopped."""
        while not self._stop_now.is_set():
            try:
                if not self._stop_now.wait(self.seconds):
                    self._look()
            except BaseException:  # noqa: BLE001, PERF203, S112 - a thread that ends by an error prints it
                continue

    def stop(self) -> None:
        """End the thread, and wait for it so that none is left behind."""
        self._stop_now.set()
        if threading.current_thread() is not self:
            self.join(timeout=1.0)


class PollerSwitch:
    """Runs a poller while a watcher asks for one.

    Args:
        look: called at each interval, in the poller's thread.
    """

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look
        self.poller: Poller | None = None

    def tune(self, seconds: float | None) -> None:
        """Look every so many seconds from now on; ``None``: not at all."""
        if seconds is None:
            self.stop()
        elif self.poller is None:
            self.poller = Poller(self._look, seconds)
            self.poller.start()
        else:
            self.poller.seconds = seconds

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
