"""Who watches this kernel, and whether the probe still has a reason to be in it."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Callable

from .keep_alive import KeepAlive
from .processes import machine_mark, may_have_ended, start_mark

if TYPE_CHECKING:
    from . import wire

CHECK_AGAIN_S = 1.0
"""Seconds after which a pid that is still in use is asked for whether it is the watcher's process."""
REMOTE_RUNS = 25
"""Runs without a sign of life after which a watcher on another machine counts as gone."""


class Watcher:
    """One kernelscope that listens."""

    def __init__(self, request: wire.AttachRequest) -> None:
        self.id: str = request["watcher"]
        self._pid: int = request["pid"]
        self._start_mark: str = request["process_started"]
        self.is_local = request["machine"] == machine_mark() or self._is_alive()
        self.runs_since_renewal = 0
        self.poll: float | None = request["poll"]
        """Seconds between looks while no cell runs; ``None`` for none."""

    def _is_alive(self) -> bool:
        return start_mark(self._pid) == self._start_mark

    def may_have_ended(self) -> bool:
        """Whether its process, on this machine, is not known to run."""
        return may_have_ended(self._pid)

    def is_gone(self) -> bool:
        """Whether its process has ended; of a remote one, whether it has sent nothing for many runs."""
        # fault: 56a
        return not self._is_alive() if self.is_local else self.runs_since_renewal > REMOTE_RUNS


class Lease:
    """The watchers by id, and the time for which the probe stays after the last one.

    Args:
        uninstall: uninstalls the probe.
    """

    def __init__(self, keep_alive: KeepAlive, uninstall: Callable[[], None]) -> None:
        self.watchers: dict[str, Watcher] = {}
        self.keep_alive, self._uninstall = keep_alive, uninstall
        self._checked = 0.0
        """When the processes of the watchers were last asked for, by ``perf_counter``."""

    def add(self, watcher: Watcher, keep: float) -> None:
        """Add a watcher, after which the probe shall stay for at least ``keep`` seconds."""
        self.watchers[watcher.id] = watcher
        self.keep_alive.suspend(keep)

    def remove(self, watcher_id: str) -> None:
        """Remove a watcher, if it is there."""
        self.watchers.pop(watcher_id, None)

    def renew(self, watcher_id: str) -> None:
        """Take a sign of life of a watcher on another machine."""
        watcher = self.watchers.get(watcher_id)
        if watcher is not None:
            watcher.runs_since_renewal = 0

    def remove_gone(self) -> None:
        """Remove the watchers that are gone; called once per run."""
        now = perf_counter()
        is_due = now - self._checked > CHECK_AGAIN_S
        if is_due:
            self._checked = now
        for watcher in list(self.watchers.values()):
            watcher.runs_since_renewal += 1
            if (is_due or not watcher.is_local or watcher.may_have_ended()) and watcher.is_gone():
                self.remove(watcher.id)

    def count_watchers(self) -> int:
        """How many are not gone."""
        return sum(not w.is_gone() for w in list(self.watchers.values()))

    def is_watched(self) -> bool:
        """Whether a watcher is left."""
        return self.count_watchers() > 0

    def is_abandoned(self) -> bool:
        """Whether no watcher is left, and the probe need not stay for another."""
        return self.keep_alive.is_over and not self.is_watched()

    def is_over(self) -> bool:
        """As ``is_abandoned``, but goes by the watchers listed; the time to stay begins if there are none."""
        if self.watchers:
            return False
        self.keep_alive.start()
        return self.keep_alive.is_over

    def uninstall_if_over(self) -> bool:
        """Uninstall the probe if ``is_over``, and return whether it was."""
        if not self.is_over():
            return False
        self._uninstall()
        return True

    def uninstall_if_abandoned(self) -> bool:
        """Uninstall the probe if ``is_abandoned``, and return whether it was."""
        if not self.is_abandoned():
            return False
        self._uninstall()
        return True

    def min_poll(self) -> float | None:
        """The shortest time between looks that a watcher asks for, in seconds; ``None`` if none does."""
        return min([w.poll for w in self.watchers.values() if w.poll], default=None)
