"""The probe itself: its parts put together, and what the loader asks of it.

It looks at the namespace from IPython's own ``pre_run_cell`` and ``post_run_cell`` events, and pushes
one numbered observation per run as a ``comm_msg`` on iopub.  It asks nothing and waits for nothing.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any, Callable

from .comm import BackgroundParent, CommEnd, Sender
from .cost import CostMeter
from .guard import FailureGuard
from .history import History
from .hooks import Hooks
from .install import Installation, remove_modules
from .interrupts import Interrupts, is_own_failure
from .keep_alive import KeepAlive
from .kernel_info import describe_kernel
from .lease import Lease, Watcher
from .library import Libraries
from .names import UserNames
from .observe import Observer
from .poller import PollerSwitch
from .pulse import Pulse
from .runs import RunTracker
from .scanner import shorten

if TYPE_CHECKING:
    from . import wire

WIRE = 2
"""Version of what is sent, and of what the loader calls of an ``Agent``.  A watcher that speaks another one does not
attach; those that speak this one share the probe, whichever version of kernelscope each is."""


AT_ATTACH_SECONDS = 0.05
"""How long the request of an attach describes models."""


class Agent:
    """The probe in one kernel."""

    def __init__(self, ip: Any, version: str, checksum: str, libraries: Libraries) -> None:
        self.version, self.checksum = version, checksum
        self.nonce = os.urandom(8).hex()
        comm_id = "kernelscope-" + self.nonce
        loop = getattr(ip.kernel, "io_loop", None)
        self._ip = ip
        self.guard = FailureGuard(Interrupts(ip.user_ns, loop), self._give_up)
        self.comm = CommEnd(comm_id, self.guard, self.on_comm_message)
        self.lease = Lease(KeepAlive(loop, self._uninstall_after_keep_alive), self.uninstall)
        self._cost, self._parent = CostMeter(), BackgroundParent(ip)
        self.runs = RunTracker(ip, self._parent, self._poller_thread)
        self.history = History()
        self._sender = Sender(ip.kernel, comm_id, self.nonce, self._parent, self._cost)
        self.observer = Observer(ip, libraries, self.runs, self.history, self._sender, self._cost, self.cost)
        self.pulse = self._make_pulse()
        self.hooks = Hooks(self.guard, self.lease, self.runs, self.observer, self.pulse, self._cost)
        self.poller = PollerSwitch(self.hooks.look_between_runs, self._has_more_to_describe)
        self.observer.on_postponed = self._tune_poller
        self._installation = Installation(ip, self.hooks, self.comm)
        self._is_installed = False

    def _make_pulse(self) -> Pulse | None:
        loop = getattr(getattr(self._ip.kernel, "iopub_thread", None), "io_loop", None)
        if loop is None:
            return None
        names = UserNames(self._ip.user_ns)
        return Pulse(loop, self.observer.scanner, names, self._sender.send_pulse, self._is_run_watched)

    # What the loader calls.

    def attach(self, request: wire.AttachRequest) -> wire.AttachReply:
        """Add a watcher, or answer one who only visits; the reply holds all that it must know.

        If that fails, or the watcher has gone since it asked, all is as it was before.
        """
        watcher = Watcher(request)
        if request["visits"]:
            return self._answer_visitor(watcher)
        try:
            return self._add_watcher(watcher, request)
        except BaseException:
            self.lease.remove(watcher.id)
            if not self.lease.watchers:
                self.uninstall()
            raise

    def _add_watcher(self, watcher: Watcher, request: wire.AttachRequest) -> wire.AttachReply:
        if watcher.is_gone():
            raise RuntimeError("the watcher that asked for it has gone")
        is_first = not self._is_installed
        if is_first:
            self._install(AT_ATTACH_SECONDS)
        self.lease.add(watcher, float(request["keep"]))
        if not is_first:
            with self.observer.lock:
                self.observer.observe_between_runs()
        self._tune_poller()
        return self._reply(watcher)

    def _answer_visitor(self, visitor: Watcher) -> wire.AttachReply:
        """Reply to a watcher that does not stay: no lease begins with it, none is prolonged or cut
        short, and a probe that is here for no other watcher has left before the reply is sent."""
        try:
            if not self._is_installed:
                self._install(float("inf"))  # no look follows in which the rest could be described
            with self.observer.lock:
                self.observer.observe_between_runs()
            return self._reply(visitor)
        finally:
            self.lease.uninstall_if_abandoned()

    def _reply(self, watcher: Watcher) -> wire.AttachReply:
        cut = self.observer.scanner.cut
        return {
            "wire": WIRE,
            "nonce": self.nonce,
            "comm_id": self.comm.comm_id,
            "version": self.version,
            "local": watcher.is_local,
            "seq": self.observer.seq,
            "kernel": describe_kernel(self._ip, self.runs, self.observer.calls.active),
            "pulses": self.pulse is not None,
            "cost": self.cost(),
            "base": {
                **self.history.base.snapshot(),
                "cut": shorten(cut),
                "cut_count": len(cut),
                "switched_off": self.observer.scanner.libraries.report(),
            },
            "history": self.history.observations(),
        }

    def status(self) -> wire.Status:
        """Which probe this is; a greeting asks for it, and leaves nothing behind."""
        return {
            "nonce": self.nonce,
            "seq": self.observer.seq,
            "hooked": self._installation.has_all_hooks(),
        }

    def audit_info(self) -> wire.AuditInfo:
        """What an audit reports of the probe that is in the kernel."""
        scanner = self.observer.scanner
        return {
            "version": self.version,
            "watchers": self.lease.count_watchers(),
            "cost": self.cost(),
            "switched_off": scanner.libraries.report(),
            "compared_after": scanner.sight.compared_after(scanner.names),
            "latest": self.runs.latest_execution_count(),
        }

    def background_parent(self, found: Any) -> Any:
        """What output of the user's threads belongs to: the latest cell seen, else what the loader found."""
        return self._parent.adopt(found)

    def handle(self, error: BaseException) -> None:
        """Take an exception that landed in the probe's code (see ``guard``)."""
        self.guard.handle(error)

    def is_abandoned(self) -> bool:
        """Whether no watcher is left, so that a probe of another version may take this one's place."""
        return self.lease.is_abandoned()

    def remove_watcher(self, watcher_id: str) -> None:
        """Remove one watcher; after the last one the probe uninstalls itself, unless it was asked to stay."""
        self.lease.remove(watcher_id)
        self._tune_poller()
        self.lease.uninstall_if_over()

    def evict(self) -> None:
        """Uninstall the probe although it may be watched, and say so to those who watch."""
        self._sender.send({"kind": "detached", "reason": "the probe was taken out of the kernel"})
        self.uninstall()

    # What watchers and timers call.

    def on_comm_message(self, msg: dict[str, Any]) -> None:
        """Do what a watcher asks for: renew its lease, look between runs, or remove it."""
        try:
            data = msg["content"]["data"]
            self.lease.renew(data.get("renew", ""))
            watcher = self.lease.watchers.get(data.get("watcher", ""))
            if watcher is not None and "poll" in data:
                watcher.poll = data["poll"] or None
                self._tune_poller()
            if data.get("leave") in self.lease.watchers:
                self.remove_watcher(data["leave"])
            self._parent.restore()
        except Exception as error:
            if not is_own_failure(error):
                raise
            self.guard.failures += 1

    def _tune_poller(self) -> None:
        self.poller.tune(self.lease.min_poll())

    def _has_more_to_describe(self) -> bool:
        """Whether some models were never described, and a watcher waits for them."""
        return self.observer.scanner.has_more and self.lease.is_watched()

    def _poller_thread(self) -> int | None:
        return self.poller.thread_id

    def _uninstall_after_keep_alive(self) -> bool:
        """Uninstall the probe, unless it is in the middle of a run or watched again; whether it did."""
        return not self.runs.active and self.lease.uninstall_if_abandoned()

    def _is_run_watched(self) -> bool:
        """Whether a run is under way whose end the probe will see, and a watcher waits for it."""
        is_hooked = bool(self._installation.find_hooks("post_run_cell"))
        return is_hooked and self.lease.is_watched() and self.runs.has_unfinished()

    def cost(self) -> wire.Cost:
        """What the probe has cost the kernel so far."""
        failures = self.guard.failures + self.observer.calls.failed
        return self._cost.summarize(failures + (self.pulse.failures if self.pulse is not None else 0))

    # In and out.

    def _install(self, seconds: float) -> None:
        self._is_installed = True  # from here on there is something to take out
        self.runs.start()
        self.observer.start(seconds)
        self._installation.add_hooks()
        self._installation.add_comm()

    def _give_up(self, error: BaseException) -> None:
        try:
            self._sender.send({"kind": "gone", "reason": f"the probe failed: {type(error).__name__}"})
        finally:
            self.uninstall()

    def uninstall(self) -> None:
        """Leave everything as it was: hooks, comm, poller, monitoring, modules.  May be called twice."""
        # fault: 28a
        for _ in range(2):  # once more, if an interrupt or a failure has left something
            failures = self.guard.failures
            try:
                self._undo()
            except BaseException as error:  # noqa: BLE001 - whatever it was, nothing may stay here
                self.guard.failures += 1
                if not is_own_failure(error):
                    self.guard.interrupts.keep(error)
            if self.guard.failures == failures:
                return

    def _undo(self) -> None:
        self.lease.watchers.clear()
        self._is_installed = False
        self.runs.active.clear()
        for step in self._steps_out():
            try:
                step()
            except Exception:  # noqa: BLE001, PERF203 - what the user has taken apart must not keep the rest here
                self.guard.failures += 1
        self.poller.stop()

    def _steps_out(self) -> tuple[Callable[[], object], ...]:
        """What is undone, in this order; the modules go last."""
        return (
            self.guard.interrupts.drop_all,
            self.lease.keep_alive.cancel,
            *((self.pulse.leave,) if self.pulse is not None else ()),
            self._installation.remove_hooks,
            self.observer.calls.end,
            self._installation.remove_comm,
            partial(remove_modules, self),
        )
