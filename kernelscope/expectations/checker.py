"""Checks expectations against a timeline, update by update.

Three outcomes: ``holds``, ``broken``, and ``unknown`` for what cannot be decided, because a change was
judged ``unknown``, a look was cut short, observations were lost or a run was not watched.  An undecidable
expectation fails.

Each life of the kernel (an epoch) is judged by itself.  What must not happen must not happen in any; what
must happen must happen in each that was not cut off by a restart.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Sequence

from kernelscope.domain.changes import Change, Identity, Learned, Moment, Verdict
from kernelscope.domain.events import Attached, KernelChanged, Lost, Observed
from kernelscope.expectations.language import Expectation
from kernelscope.expectations.results import (
    BlindSpot,
    ChangeCounts,
    Finding,
    KernelDied,
    KnownAtAttach,
    LookCutShort,
    NeverSeen,
    NotWatched,
    ObservationsLost,
    Outcome,
    Result,
    StillRunning,
    TooFew,
)
from kernelscope.timeline.timeline import Row, Update
from kernelscope.timeline.view import TimelineView

_LEARNED = frozenset(
    {Verdict.CLEARED, Verdict.REFITTED, Verdict.RESTORED, Verdict.EDITED, Verdict.CONTINUED, Verdict.FITTED}
)
"""What can become of the learned state of the same object."""
_ALL = frozenset(Verdict)


class _Tally:
    """How often one name met what one expectation counts, in one epoch."""

    def __init__(self) -> None:
        self.sure = 0
        self.maybe: list[Finding] = []
        self.broken: Finding | None = None


class _Epoch:
    """What was seen of one epoch, and what was not.

    A place is an execution count; what happened after In [12] and before the next run lies at 12.5.
    """

    def __init__(self, number: int, begun: int) -> None:
        self.number, self.begun = number, begun
        """``begun``: the last run before the first that was seen."""
        self.place = begun + 0.5
        self.skipped_since: float | None = None
        """The place of the first look that was cut short, until a later look has seen everything."""
        self.blind_spots: list[tuple[float, float, BlindSpot]] = []
        """From where to where nothing is known, and why."""
        self.names_at_attach: frozenset[str] = frozenset()
        """Names that held a model before any run was seen."""
        self.tallies: dict[tuple[int, str], _Tally] = {}
        self.is_running = False
        """A cell runs, as far as is known."""
        self.is_cut_off = False
        """A restart ended it."""


class ExpectationChecker:
    """Checks expectations as the updates come.

    Args:
        expectations: what is expected.
        timeline: the one that makes the updates; read after each.
    """

    def __init__(self, expectations: Iterable[Expectation], timeline: TimelineView) -> None:
        self.expectations = tuple(expectations)
        self._timeline = timeline
        self._epoch: _Epoch | None = None
        self._findings: list[list[Finding]] = [[] for _ in self.expectations]

    def __call__(self, update: Update) -> tuple[Finding, ...]:
        """Checks one update; returns what it broke for good, each broken name of an expectation once."""
        epoch = self._epoch
        match update.event:
            case Attached():
                return self._begin_epoch(update)
            case Observed() if epoch is not None:
                return tuple(
                    f for moment in update.moments for f in self._check_moment(epoch, moment, update)
                )
            case Lost(count=count) if epoch is not None:
                lost = ObservationsLost(count, int(epoch.place))
                epoch.blind_spots.append((epoch.place + 0.25, math.inf, lost))
            case KernelChanged(state="died", requested=False) if epoch is not None:
                died = KernelDied(int(epoch.place))
                epoch.blind_spots.append((epoch.place + 0.5, math.inf, died))
            case KernelChanged(state="restarted") if epoch is not None:
                epoch.is_cut_off = True
            case KernelChanged(state="busy" | "idle" as state) if epoch is not None:
                epoch.is_running = state == "busy"
        return ()

    def results(self) -> tuple[Result, ...]:
        """The result of each expectation, if nothing more comes; may be asked again."""
        return tuple(self._result(number) for number in range(len(self.expectations)))

    def _begin_epoch(self, update: Update) -> tuple[Finding, ...]:
        if self._epoch is not None:
            for number in range(len(self.expectations)):
                self._findings[number] += self._findings_in(number, self._epoch)
        start = update.moments[0]
        epoch = self._epoch = _Epoch(start.epoch, start.execution_count)
        names = (row.name for row in self._timeline.rows() if self._holds_model(row.name, start))
        epoch.names_at_attach = frozenset(names)
        return tuple(f for moment in update.moments[1:] for f in self._check_moment(epoch, moment, update))

    def _holds_model(self, name: str, moment: Moment) -> bool:
        entry = self._timeline.entry_at(name, moment.index)
        return entry is not None and entry.facts is not None

    def _check_moment(self, epoch: _Epoch, moment: Moment, update: Update) -> Iterator[Finding]:
        place = moment.execution_count + (0.0 if moment.kind == "run" else 0.5)
        earliest = place - 0.5 if epoch.skipped_since is None else epoch.skipped_since
        for row in self._timeline.rows():
            change = self._timeline.change_at(row.name, moment.index)
            if change is not None:
                span = (place if change.late is None else earliest, place)
                yield from self._check_change(epoch, row, change, span)
        event = update.event
        cut = moment.run.cut if moment.run else event.observation.cut if isinstance(event, Observed) else ()
        epoch.skipped_since = (earliest if epoch.skipped_since is not None else place) if cut else None
        epoch.place = place
        epoch.is_running = epoch.is_running and moment.run is None  # it ends before the kernel says so

    def _check_change(
        self, epoch: _Epoch, row: Row, change: Change, span: tuple[float, float]
    ) -> Iterator[Finding]:
        for number, expectation in enumerate(self.expectations):
            if not expectation.means(row.name, part=row.whole is not None):
                continue
            counts = _both(expectation.window.contains(*span), _is_counted(expectation, change))
            if counts is False:
                continue
            tally = epoch.tallies.setdefault((number, row.name), _Tally())
            tally.sure += counts is True
            if counts is None or change.late is not None:
                reason = ChangeCounts(may_be_more=change.verdict is not Verdict.UNKNOWN)
                tally.maybe.append(_finding("unknown", reason, epoch, change, int(span[1])))
            if tally.sure > expectation.most and tally.broken is None:
                reason = ChangeCounts(tally.sure if expectation.most else None)
                tally.broken = _finding("broken", reason, epoch, change, int(span[1]))
                yield tally.broken

    # At the end.

    def _result(self, number: int) -> Result:
        findings = [*self._never_seen(self.expectations[number])]
        if not findings:
            findings += self._findings[number]
            findings += self._findings_in(number, self._epoch) if self._epoch is not None else ()
        broken = any(f.outcome == "broken" for f in findings)
        outcome: Outcome = "broken" if broken else "unknown" if findings else "holds"
        return Result(self.expectations[number], outcome, tuple(findings))

    def _findings_in(self, number: int, epoch: _Epoch) -> list[Finding]:
        """The findings of one epoch about one expectation, for each name that it means."""
        expectation = self.expectations[number]
        tallies = (
            (n, epoch.tallies.get((number, n)) or _Tally())
            for n in self._names_meant(expectation, epoch.number)
        )
        return [f for name, tally in tallies if (f := self._of_name(expectation, epoch, name, tally))]

    def _names_meant(self, expectation: Expectation, epoch: int) -> list[str]:
        if expectation.is_exact:
            return [expectation.name]
        rows = [r for r in self._timeline.rows() if expectation.means(r.name, part=r.whole is not None)]
        return [row.name for row in rows if self._has_model_in(row.name, epoch)]

    def _has_model_in(self, name: str, epoch: int) -> bool:
        moments = self._timeline.moments
        return any(
            entry.facts is not None and moments[entry.moment].epoch == epoch
            for entry in self._timeline.track(name)
        )

    def _of_name(self, expectation: Expectation, epoch: _Epoch, name: str, tally: _Tally) -> Finding | None:
        if tally.broken is not None:
            return tally.broken
        blind = next(self._blind_spots(expectation, epoch), None)
        if tally.sure + len(tally.maybe) > expectation.most or (blind and expectation.most < math.inf):
            return tally.maybe[0] if tally.maybe else _undecided_finding(blind, name, epoch)
        if tally.sure >= expectation.least or epoch.is_cut_off:
            return None
        if tally.maybe:
            return tally.maybe[0]
        if blind is None and not expectation.window.is_bounded and name in epoch.names_at_attach:
            blind = KnownAtAttach(epoch.begun)
        if blind is not None:
            return _undecided_finding(blind, name, epoch)
        return Finding("broken", TooFew(expectation.words, tally.sure), name, epoch.number)

    @staticmethod
    def _blind_spots(expectation: Expectation, epoch: _Epoch) -> Iterator[BlindSpot]:
        """Why something that the expectation is about was not seen."""
        window = expectation.window
        if window.is_bounded and epoch.begun and window.contains(1, epoch.begun) is not False:
            yield NotWatched(epoch.begun)
        yield from (
            why for first, last, why in epoch.blind_spots if window.contains(first, last) is not False
        )
        skipped = epoch.skipped_since
        if skipped is not None and window.contains(skipped, math.inf) is not False:
            yield LookCutShort(math.ceil(skipped))
        if epoch.is_running and window.contains(epoch.place + 0.5, math.inf) is not False:
            yield StillRunning(int(epoch.place))

    def _never_seen(self, expectation: Expectation) -> Iterator[Finding]:
        """A finding for a name that never held a model: it is probably a typing error."""
        rows = self._timeline.rows()
        if expectation.name == "*" and not expectation.is_exact:
            return
        if any(expectation.means(row.name, part=row.whole is not None) for row in rows):
            return
        must_not_be = not expectation.only and not expectation.most and Verdict.CREATED in expectation.words
        if must_not_be:
            return
        outcome: Outcome = "broken" if expectation.least else "unknown"
        reason = NeverSeen(not expectation.is_exact, close_names(expectation.name, rows))
        yield Finding(outcome, reason, expectation.name)


def _finding(outcome: Outcome, reason: ChangeCounts, epoch: _Epoch, change: Change, count: int) -> Finding:
    return Finding(outcome, reason, change.name, epoch.number, count, change)


def _undecided_finding(blind: BlindSpot | None, name: str, epoch: _Epoch) -> Finding | None:
    return None if blind is None else Finding("unknown", blind, name, epoch.number)


def close_names(name: str, rows: Sequence[Row]) -> tuple[str, ...]:
    """Names of these rows that resemble one that has no row."""
    return tuple(difflib.get_close_matches(name, [row.name for row in rows], n=3, cutoff=0.6))


def _is_counted(expectation: Expectation, change: Change) -> bool | None:
    """Whether the expectation counts the change; ``None`` if that cannot be decided."""
    if not expectation.only:
        if expectation.words & _true_words(change):
            return True
        return None if expectation.words & _undecided_words(change) else False
    if change.verdict not in expectation.words:
        unsure = change.verdict is Verdict.UNKNOWN and expectation.words & _undecided_words(change)
        return None if unsure else True
    return None if change.late is not None else False


def _true_words(change: Change) -> frozenset[Verdict]:
    """Every verdict that is true of the change: its own, and those that its axes imply."""
    words = {change.verdict}
    if change.learned is not None and change.learned in _BY_LEARNED:
        words.add(_BY_LEARNED[change.learned])
    if change.identity in _BY_IDENTITY and change.verdict is not Verdict.UNKNOWN:
        words.add(_BY_IDENTITY[change.identity])
    if change.params:
        words.add(Verdict.PARAMS)
    if change.persistence is not None:
        words.add(Verdict.SAVED if change.persistence.action == "saved" else Verdict.RESTORED)
    return frozenset(words)


_BY_LEARNED = {
    Learned.FITTED: Verdict.FITTED,
    Learned.REFITTED: Verdict.REFITTED,
    Learned.CONTINUED: Verdict.CONTINUED,
    Learned.EDITED: Verdict.EDITED,
    Learned.CLEARED: Verdict.CLEARED,
}
_BY_IDENTITY = {
    Identity.NEW: Verdict.CREATED,
    Identity.REBOUND: Verdict.ALIASED,
    Identity.GONE: Verdict.DELETED,
}


def _undecided_words(change: Change) -> frozenset[Verdict]:
    """Verdicts that may or may not be true of the change."""
    same = change.identity is Identity.SAME
    if change.late is not None:  # several runs may have made what is one change
        return _LEARNED | {Verdict.PARAMS, Verdict.SAVED} if same else _ALL
    if change.verdict is Verdict.UNKNOWN and change.identity is Identity.GONE:
        return _ALL  # the name may hold another model by now
    if change.verdict is Verdict.UNKNOWN:
        return _LEARNED if same else _LEARNED | {Verdict.RESET, Verdict.COPIED}
    if change.learned is Learned.UNKNOWN:
        return _LEARNED if same else frozenset({Verdict.FITTED, Verdict.CONTINUED, Verdict.RESTORED})
    return frozenset()


def _both(one: bool | None, other: bool | None) -> bool | None:
    if one is False or other is False:
        return False
    return None if one is None or other is None else True
