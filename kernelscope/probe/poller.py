"""Looks between runs, where a watcher asked for it."""

from __future__ import annotations

import threading
from typing import Callable

SHORTEST_S = 0.1


class Poller(threading.Thread):
    """Looks every so many seconds; it is one of the threads that the user can list, and named."""

    def __init__(self, look: Callable[[], None], seconds: float) -> None:
        super().__init__(name="kernelscope-poll", daemon=True)
        self._look = look
        self._stop_now = threading.Event()
        self.seconds = max(SHORTEST_S, seconds)

    def run(self) -> None:
        """Until stopped."""
        while not self._stop_now.is_set():
            try:
                if not self._stop_now.wait(self.seconds):
                    self._look()
            except BaseException:  # noqa: BLE001, PERF203, S112 - a thread that ends by an error prints it
                continue

    def stop(self) -> None:
        """Ends the thread, and waits for it so that none is left behind."""
        self._stop_now.set()
        if threading.current_thread() is not self:
            self.join(timeout=1.0)
