"""No exception leaves a callback of the probe: neither the user's cell nor the kernel's log may show one.

A failure of the probe is counted, and after ``MOST_FAILURES`` the probe uninstalls itself.  An exception that
belongs to the user (see ``interrupts``) is kept, and raised where the cell begins that it was meant for.
"""

from __future__ import annotations

from typing import Any, Callable

from .interrupts import Interrupts, close_entry, is_own_failure

MOST_FAILURES = 3
"""Failures of its own after which the probe uninstalls itself."""


class FailureGuard:
    """Sorts the exceptions that land in the probe's callbacks.

    Args:
        give_up: called with the failure that was one too many.
    """

    def __init__(self, interrupts: Interrupts, give_up: Callable[[BaseException], None]) -> None:
        self.interrupts = interrupts
        self.failures = 0
        self._give_up = give_up

    def handle(self, error: BaseException) -> None:
        """Keep an exception of the user's; count a failure of the probe."""
        if not is_own_failure(error):
            # fault: 24a
            self.interrupts.keep(error)
            return
        self.failures += 1
        # fault: 22b
        if self.failures >= MOST_FAILURES:
            self._give_up(error)


def guarded(callback: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """Decorate a method that the kernel calls, of an object that has a ``FailureGuard`` as its ``guard``."""

    def call(self: Any, argument: Any) -> None:
        try:
            try:
                callback(self, argument)
            except BaseException as error:  # noqa: BLE001 - the guard sorts them
                self.guard.handle(error)
            self.guard.interrupts.deliver()
        # fault: 25a
        # fault: 23a
        # fault: 22a
        except BaseException as error:  # noqa: BLE001 - an interrupt fell into the handling
            _keep(self, error)
        finally:
            # The frame of a signal handler keeps this one alive, and it the probe.
            self = argument = None

    close_entry(call)
    call.__name__, call.__qualname__ = callback.__name__, callback.__qualname__
    return call


def _keep(owner: Any, error: BaseException) -> None:
    """Keep an exception of the user's that fell into the handling of another one."""
    try:
        interrupts = owner.guard.interrupts
        if not is_own_failure(error):
            interrupts.keep(error)
        interrupts.deliver()
    except BaseException:  # noqa: BLE001 - a third one: the second is lost
        return
