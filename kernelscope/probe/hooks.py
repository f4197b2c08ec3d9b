"""The probe's callbacks in IPython's events, and the poller's: they decide when the probe looks.

IPython calls the hooks in the user's own cells: nothing may come out of them (see ``guard``).
"""

from __future__ import annotations

from os import getpid
from time import perf_counter
from typing import Any

from .cost import CostMeter
from .guard import FailureGuard, guarded
from .lease import Lease
from .observe import Observer
from .pulse import Pulse
from .runs import Run, RunTracker
from .types import qualified_name


class Hooks:
    """Follows each run from its beginning to its end.

    Args:
        guard: takes the exceptions that land in the hooks.
        lease: uninstalls the probe when it has no watcher left to stay for.
        runs: knows which runs are under way.
        observer: looks at the namespace, and reports.
        pulse: looks while a run lasts; ``None`` in a kernel that publishes in another way.
        cost: counts the time that the hooks take.
    """

    def __init__(
        self,
        guard: FailureGuard,
        lease: Lease,
        runs: RunTracker,
        observer: Observer,
        pulse: Pulse | None,
        cost: CostMeter,
    ) -> None:
        self.guard, self._lease, self._runs = guard, lease, runs
        self._observer, self._pulse, self._cost = observer, pulse, cost

    @guarded
    def pre_run_cell(self, info: Any) -> None:
        """Take a run's beginning, and report what changed since the one before."""
        begun, seq = perf_counter(), self._observer.seq
        if getpid() != self._runs.pid:
            return  # a forked child
        interrupts = self.guard.interrupts
        interrupts.end_run()  # one whose end was not noticed
        # fault: 43a
        if not info.store_history or info.silent:
            self._observer.interlude.disturb()
            return  # a tool's own request
        parent = self._runs.current_parent()
        is_nested = self._runs.is_nested(parent)
        if not is_nested:
            interrupts.announce(parent)
        self._report_earlier_runs(parent)
        # fault: 39a
        if is_nested or self._uninstall_if_unwatched():
            return
        # First of all, so that its end is reported whatever happens here.
        run = self._runs.begin(info, parent)
        try:
            self._look_before(run)
        except BaseException as error:
            run.cut.append(f"the look before this run was cut short by {qualified_name(type(error))}")
            raise
        finally:
            if self._observer.seq != seq:
                self._observer.bill_to_run()
            run.hook_seconds = perf_counter() - begun
            run.begin()

    @guarded
    def post_run_cell(self, result: Any) -> None:
        """Report a run that has ended, and what it did."""
        ended = perf_counter()
        run = self._runs.end(result)
        if run is None:
            return
        interrupts = self.guard.interrupts
        interrupts.end_run()
        handler = interrupts.enable_stop()
        try:
            self._look_after(run, ended)
        finally:
            interrupts.restore_handler(handler)
            self._cost.add_hook(run.hook_seconds + perf_counter() - ended)

    def look_between_runs(self) -> None:
        """One look by the poller, unless a cell runs or a hook looks."""
        if self._runs.active or not self._observer.lock.acquire(blocking=False):
            return
        try:
            begun = perf_counter()
            if not self._lease.uninstall_if_abandoned():
                self._observer.observe_between_runs()
                self._cost.add_hook(perf_counter() - begun)
        except Exception:  # noqa: BLE001 - it may meet a namespace in mid-change; the hooks report the rest
            self.guard.failures += 1
        finally:
            self._observer.lock.release()

    def _uninstall_if_unwatched(self) -> bool:
        """Uninstall the probe if its last watcher has gone, and return whether it had."""
        self._lease.remove_gone()
        return self._lease.uninstall_if_over()

    def _report_earlier_runs(self, parent: Any) -> None:
        """Report the runs of this thread that have ended and were not reported."""
        self._runs.end_lost(parent)
        for run in self._runs.find_ended_runs():
            if not run.is_reported:
                reason = ": the end of the run was not noticed"
                self._observer.report_unseen(run, perf_counter(), reason)
            self._runs.unreported.remove(run)

    def _look_before(self, run: Run) -> None:
        """Report what changed since the last run."""
        observer = self._observer
        if observer.is_up_to_date(run):
            run.has_look_before = True
            observer.calls.drain()
        elif observer.acquire_lock():
            try:
                observer.observe_between_runs(run.source)
                run.has_look_before = True
            finally:
                observer.lock.release()
        if self._pulse is not None:
            self._pulse.begin(run.count)

    def _look_after(self, run: Run, ended: float) -> None:
        """Report what the run did."""
        if self._pulse is not None and not self._runs.active:
            self._pulse.end()
        observer = self._observer
        if not observer.acquire_lock():
            observer.report_unseen(run, ended, ": another look was at work")
            return
        try:
            observer.observe_run(run, ended)
        except BaseException as error:
            if not run.is_reported:
                observer.report_unseen(run, ended, f" was cut short by {qualified_name(type(error))}")
            raise
        finally:
            observer.lock.release()
