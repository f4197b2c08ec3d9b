"""One look at the namespace becomes one observation: numbered, kept for later watchers, and sent."""

from __future__ import annotations

import threading
from json import dumps
from time import perf_counter
from typing import TYPE_CHECKING, Any, Callable

from .calls import CallWatcher
from .code import CodeReader
from .comm import Sender
from .cost import CostMeter
from .guard import MOST_FAILURES
from .history import History
from .identity import target_of
from .interlude import Interlude
from .interrupts import is_own_failure
from .library import Libraries
from .mentions import MentionReader, Touched
from .raised import calls_in_traceback
from .runs import Run, RunTracker
from .scanner import NamespaceScanner, shorten

if TYPE_CHECKING:
    from . import wire

LOCK_WAIT_S = 0.2
"""The longest that a hook waits for the poller's look to end."""


class Observer:
    """Looks, and reports what it found.

    Args:
        total_cost: what the probe has cost so far, failures included, in the form in which it is sent.
    """

    def __init__(
        self,
        ip: Any,
        libraries: Libraries,
        runs: RunTracker,
        history: History,
        sender: Sender,
        cost: CostMeter,
        total_cost: Callable[[], wire.Cost],
    ) -> None:
        # fault: 42a
        # fault: 33a
        self.scanner = NamespaceScanner(ip.user_ns, libraries)
        self.calls = CallWatcher(self.scanner.types, self.scanner.tokens, ip.user_ns)
        self._code = CodeReader(ip.user_ns, self.scanner.types, self.scanner.tokens, libraries)
        self._mentions = MentionReader(ip.user_ns, self.scanner.types)
        self._runs, self._history, self._sender = runs, history, sender
        self._cost, self._total_cost = cost, total_cost
        self.lock: Any = threading.RLock()
        """Held by the thread that looks."""
        self.seq = 0
        """Of the latest observation."""
        self._is_settled = True
        """What the last look found was reported, and no run has ended since."""
        self.interlude = Interlude(ip.kernel)
        self.on_postponed: Callable[[], None] = _ignore
        """Called after a run that made more models than there was time to describe."""
        self._unbilled = 0.0
        """Seconds that it took to keep and to send the last observation, which its own cost does not contain."""

    def start(self, seconds: float) -> None:
        """Watch calls from now on, and take what there is for the base of all observations.

        Args:
            seconds: how long models may be described; those that are left are described by later looks.
        """
        self.calls.begin()
        self.scanner.watch_classes(self.calls.watch_class)
        began = perf_counter()
        self.scanner.scan(run=self._runs.latest_execution_count(), first_seconds=seconds)
        self._history.base.start(self.scanner.everything())
        self._cost.add_hook(perf_counter() - began)
        self._watch_more_calls()

    def acquire_lock(self) -> bool:
        """Take the lock for a hook, which waits a little for the poller; whether it was free in time.

        Not by ``with``: IPython waits for the hook, and a cell must not wait long.
        """
        while self.lock._is_owned():
            self.lock.release()  # an interrupt fell between taking it and the `try` that gives it back
        return bool(self.lock.acquire(timeout=LOCK_WAIT_S))

    def observe_between_runs(self, next_cell: str = "") -> None:
        """Report what changed while no cell ran, if anything did.

        Args:
            next_cell: source of the cell that is about to run, if one is.  The content of what it mentions is compared,
                and described before that of the others, so that what it does is known to be its doing.
        """
        begun = perf_counter()
        is_late = not self._is_settled or self.scanner.behind
        touched = self._mentions.read(next_cell, frozenset())
        calls = self.calls.drain()  # those on what the look finds unchanged explain nothing later
        findings = self._scan(touched or Touched(), self._runs.latest_execution_count(), is_between_runs=True)
        if findings["names"] or findings["objects"]:
            findings["late"] = is_late or self.scanner.reached_again
            self.calls.check_tool()
            self._add_calls(findings, calls)
            self._publish(findings, begun)
        self._is_settled = True
        self._watch_more_calls()

    def observe_run(self, run: Run, ended: float) -> None:
        """Report a run, and what it did."""
        is_late = not (self._is_settled and run.has_look_before) or self.scanner.behind
        self.calls.check_tool()
        calls = self.calls.drain()
        source = self._runs.source_of(run, run.latest_count())
        facts = run.describe(ended, source)
        touched = self._mentions.read(source, frozenset(call.token for call in calls))
        findings = self._scan(touched, facts["execution_count"])
        findings["late"] = is_late or self.scanner.reached_again
        findings["cut"] = [*run.cut, *findings["cut"]]
        findings["run"] = facts
        findings["locals"] = self._describe_locals(calls)
        self._add_calls(findings, calls, run)
        if self.calls.dropped:
            findings["cut"].append(f"calls on {self.calls.dropped} further objects")
        self._add_code(findings, run, source)
        self._publish(findings, ended, run)
        self._is_settled = True
        self._watch_more_calls()
        self.interlude.begin(source)
        if self.scanner.has_more:
            self.on_postponed()

    def is_up_to_date(self, run: Run) -> bool:
        """Whether nothing can have changed since the last look.

        Args:
            run: the run that begins.
        """
        is_complete = self._is_settled and not self.scanner.behind and not self.scanner.has_more
        if not is_complete or run.company or not self.interlude.is_quiet():
            return False
        touched = self._mentions.read(run.source, frozenset())
        if touched is None:
            return True
        run_before = self._runs.latest_execution_count()
        return self.scanner.sight.is_compared(self.scanner.tokens_of(touched), run_before)

    def report_unseen(self, run: Run, ended: float, reason: str) -> None:
        """Report a run that could not be looked at; the next look reports what it did."""
        self._is_settled = False
        self.interlude.disturb()
        cut = [*run.cut, f"the look after this run{reason}"]
        self._publish({"run": run.describe(ended), "names": {}, "objects": [], "cut": cut}, ended, run)

    def bill_to_run(self) -> None:
        """Let what the last observation cost count for the run whose hook has sent it."""
        self._unbilled = 0.0

    def _scan(self, touched: Touched | None, run: int, *, is_between_runs: bool = False) -> wire.Findings:
        """One look; what an earlier one found and did not report comes with it."""
        if not self._is_settled:
            # fault: 27a
            self.scanner.resend_all_next_time()
        self._is_settled = False
        return self.scanner.scan(touched, run, is_between_runs=is_between_runs)

    def _add_calls(self, findings: wire.Findings, calls: list[Any], run: Run | None = None) -> None:
        """Those on objects that a name or a composite reaches; also those that an error came out of, seen or not."""
        changed = {facts["token"] for facts in findings["objects"]}
        facts = [call.as_fact() for call in self.calls.add_calls_on(changed, calls)]
        error = None if run is None or run.result is None else run.result.error_in_exec
        for ended in calls_in_traceback(error, self.scanner.types, self.scanner.tokens):
            seen = [f for f in facts if (f["token"], f["method"]) == (ended["token"], ended["method"])]
            for fact in seen:
                fact["error"] = ended["error"]
            if not seen:
                facts.append(ended)
        known = self.scanner.tracked
        for fact in facts:
            owner = None if fact["nested"] else self.scanner.describer.owner_of(fact["token"])
            if owner is not None:
                fact["token"], fact["part"] = owner, True
        findings["calls"] = [
            fact for fact in facts if fact["token"] in known and known[fact["token"]].record is not None
        ]
        findings["sees_calls"] = self.calls.active

    def _add_code(self, findings: wire.Findings, run: Run, source: str) -> None:
        """What the cell's source says; it is evidence, no condition: without it the run is reported, too."""
        try:
            reading = self._code.read(source, run.started)
            findings["code"], findings["files"] = reading["code"], reading["files"]
            for method in reading["code"]["methods"]:
                owner = None if method["token"] is None else self.scanner.describer.owner_of(method["token"])
                if owner is not None:
                    method["token"], method["part"] = owner, True
        except Exception as error:
            if not is_own_failure(error):
                raise
            findings["cut"].append(f"the cell's source: {type(error).__name__}")
        if "code" in findings and (run.company or self._runs.has_company()):
            findings["code"]["company"] = True

    def _describe_locals(self, calls: list[Any]) -> list[wire.LocalModel]:
        """Models that the user's code fitted inside a call and that no name reaches."""
        models: list[wire.LocalModel] = []
        fits = self.scanner.types.tables.local_fit_methods
        for call in calls:
            if not call.local or not call.returned or call.nested or call.method not in fits:
                continue
            if call.token in self.scanner.tracked:
                continue  # a name or a composite reaches it, or did
            fact = call.as_fact()
            obj = target_of(call.reference)
            models.append(
                {
                    "token": call.token,
                    "generation": self.scanner.next_number() if obj is None else self.scanner.number(obj),
                    "cls": fact["cls"],
                    "method": fact["method"],
                    "inside": fact["inside"],
                    "id": call.address,
                }
            )
        return models

    def _watch_more_calls(self) -> None:
        """See more calls from the next run on, or none any more if watching them has failed too often."""
        if self.calls.failed >= MOST_FAILURES:
            self.calls.end()
        self.calls.watch_libraries()

    def _publish(self, findings: wire.Findings, begun: float, run: Run | None = None) -> None:
        """Number, encode, keep and send one observation.

        Args:
            begun: when the hook began that made it, by ``perf_counter``.
        """
        self.seq += 1
        self._cost.not_evaluated += len(findings["cut"])
        findings["cut_count"] = len(findings["cut"])
        findings["cut"] = shorten(findings["cut"])
        left_out = sum(len(facts["not_evaluated"]) for facts in findings["objects"])
        self._cost.not_evaluated += left_out
        # fault: 31a
        body = dumps(findings)
        encoded = perf_counter()
        # Its own sending is still to come; that of the observation before it counts here instead.
        # fault: 102a
        spent = encoded - begun + self._unbilled + (run.hook_seconds if run is not None else 0.0)
        rest: wire.Publication = {"seq": self.seq, "hook_seconds": spent, "cost": self._total_cost()}
        text = body[:-1] + ", " + dumps(rest)[1:]
        # fault: 84a
        self._history.add(text)
        if run is not None:
            run.is_reported = (
                True  # before it is sent: a gap in the numbers is honest, a run sent twice is not
            )
        self._sender.send({"kind": "observation", "observation": text})
        self._unbilled = perf_counter() - encoded


def _ignore() -> None:
    """Stands for a switch of the poller, if there is none."""
