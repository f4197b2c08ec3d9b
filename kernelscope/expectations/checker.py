"""Holds expectations against a timeline, update by update.

Three outcomes: ``holds``, ``broken``, and ``unknown`` for what cannot be told, because a change was
judged ``unknown``, a look was cut short, observations were lost or a run was not watched.  What cannot be
told is no pass.

Each life of the kernel (an epoch) is judged by itself.  What must not happen must not happen in any; what
must happen must happen in each that was not cut off by a restart.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from msgspec import Struct

from kernelscope.domain.changes import Change, Identity, Learned, Moment, Verdict
from kernelscope.domain.events import IN_ORDER, Attached, KernelChanged, Lost, Observed
from kernelscope.expectations.language import Expectation
from kernelscope.timeline.timeline import Row, Timeline, Update
from kernelscope.verdicts.explain import is_late

Outcome = Literal["holds", "broken", "unknown"]

_LEARNED = frozenset(
    {Verdict.CLEARED, Verdict.REFITTED, Verdict.RESTORED, Verdict.EDITED, Verdict.CONTINUED, Verdict.FITTED}
)
"""What can become of what the same object has learned."""
_ALL = frozenset(Verdict)


class Finding(Struct, frozen=True):
    """Why an expectation does not hold, or why that cannot be told."""

    outcome: Outcome
    sentence: str
    name: str
    """As the timeline spells it, or as the expectation does where no name is meant."""
    epoch: int = 0
    execution_count: int | None = None
    """Of the run that decided it."""
    change: Change | None = None


class Result(Struct, frozen=True):
    """What became of one expectation."""

    expectation: Expectation
    outcome: Outcome
    findings: tuple[Finding, ...] = ()


class _Tally:
    """How often one name met what one expectation counts, in one life of the kernel."""

    def __init__(self) -> None:
        self.sure = 0
        self.maybe: list[Finding] = []
        self.broken: Finding | None = None


class _Life:
    """One epoch: what was seen of it, and what not."""

    def __init__(self, epoch: int, begun: int) -> None:
        self.epoch, self.begun = epoch, begun
        """The last run before the first that was seen."""
        self.place = begun + 0.5
        self.unlooked: float | None = None
        """Of the first run whose look was cut short, until a later look has made good for it."""
        self.dark: list[tuple[float, float, str]] = []
        """From where to where nothing is known, and why."""
        self.held: frozenset[str] = frozenset()
        """Names that held a model before any run was seen."""
        self.tallies: dict[tuple[int, str], _Tally] = {}
        self.runs = False
        """A cell does, as far as is known."""
        self.cut_off = False


class Jury:
    """Judges as the updates come.

    Args:
        expectations: what is expected.
        timeline: the one that makes the updates; read after each.
    """

    def __init__(self, expectations: Iterable[Expectation], timeline: Timeline) -> None:
        self.expectations = tuple(expectations)
        self._timeline = timeline
        self._life: _Life | None = None
        self._findings: list[list[Finding]] = [[] for _ in self.expectations]

    def __call__(self, update: Update) -> tuple[Finding, ...]:
        """Takes one update in; what it broke for good, each broken name of an expectation once."""
        life = self._life
        match update.event:
            case Attached():
                return self._attached(update)
            case Observed() if life is not None:
                return tuple(f for moment in update.moments for f in self._moment(life, moment, update))
            case Lost(count=count) if life is not None:
                told = f"{count} observations were lost {_after(life.place)}"
                life.dark.append((life.place + 0.25, math.inf, told))
            case KernelChanged(state="died", detail=detail) if life is not None and detail != IN_ORDER:
                told = f"the kernel died {_after(life.place)}, perhaps in a cell that was not told of"
                life.dark.append((life.place + 0.5, math.inf, told))
            case KernelChanged(state="restarted") if life is not None:
                life.cut_off = True
            case KernelChanged(state="busy" | "idle" as state) if life is not None:
                life.runs = state == "busy"
        return ()

    def results(self) -> tuple[Result, ...]:
        """What became of each, if nothing more comes; may be asked again."""
        return tuple(self._result(number) for number in range(len(self.expectations)))

    def _attached(self, update: Update) -> tuple[Finding, ...]:
        if self._life is not None:
            for number in range(len(self.expectations)):
                self._findings[number] += self._of_life(number, self._life)
        start = update.moments[0]
        life = self._life = _Life(start.epoch, start.execution_count)
        held = (row.name for row in self._timeline.rows() if self._held(row.name, start))
        life.held = frozenset(held)
        return tuple(f for moment in update.moments[1:] for f in self._moment(life, moment, update))

    def _held(self, name: str, moment: Moment) -> bool:
        held = self._timeline.held_at(name, moment.index)
        return held is not None and held.facts is not None

    def _moment(self, life: _Life, moment: Moment, update: Update) -> Iterator[Finding]:
        place = moment.execution_count + (0.0 if moment.kind == "run" else 0.5)
        earliest = place - 0.5 if life.unlooked is None else life.unlooked
        for row in self._timeline.rows():
            change = self._timeline.change_at(row.name, moment.index)
            if change is not None:
                span = (earliest if is_late(change) else place, place)
                yield from self._change(life, row, change, span)
        event = update.event
        cut = moment.run.cut if moment.run else event.observation.cut if isinstance(event, Observed) else ()
        life.unlooked = (earliest if life.unlooked is not None else place) if cut else None
        life.place = place
        life.runs = life.runs and moment.run is None  # it ends before the kernel says so

    def _change(self, life: _Life, row: Row, change: Change, span: tuple[float, float]) -> Iterator[Finding]:
        for number, expectation in enumerate(self.expectations):
            if not expectation.means(row.name, part=row.whole is not None):
                continue
            counts = _both(expectation.window.holds(*span), _is_counted(expectation, change))
            if counts is False:
                continue
            tally = life.tallies.setdefault((number, row.name), _Tally())
            tally.sure += counts is True
            if counts is None or is_late(change):
                tally.maybe.append(_found("unknown", life, change, int(span[1]), _doubt(change)))
            if tally.sure > expectation.most and tally.broken is None:
                count = f" ({tally.sure} times by now)" if expectation.most else ""
                tally.broken = _found("broken", life, change, int(span[1]), count)
                yield tally.broken

    # At the end.

    def _result(self, number: int) -> Result:
        found = [*self._never_seen(self.expectations[number])]
        if not found:
            found += self._findings[number]
            found += self._of_life(number, self._life) if self._life is not None else ()
        broken = any(f.outcome == "broken" for f in found)
        outcome: Outcome = "broken" if broken else "unknown" if found else "holds"
        return Result(self.expectations[number], outcome, tuple(found))

    def _of_life(self, number: int, life: _Life) -> list[Finding]:
        """What is to be said of one expectation, of each name that it means."""
        expectation = self.expectations[number]
        tallies = (
            (n, life.tallies.get((number, n)) or _Tally()) for n in self._meant(expectation, life.epoch)
        )
        return [f for name, tally in tallies if (f := self._of_name(expectation, life, name, tally))]

    def _meant(self, expectation: Expectation, epoch: int) -> list[str]:
        if expectation.exact:
            return [expectation.name]
        rows = [r for r in self._timeline.rows() if expectation.means(r.name, part=r.whole is not None)]
        return [row.name for row in rows if self._was_held_in(row.name, epoch)]

    def _was_held_in(self, name: str, epoch: int) -> bool:
        moments = self._timeline.moments
        return any(
            held.facts is not None and moments[held.moment].epoch == epoch
            for held in self._timeline.track(name)
        )

    def _of_name(self, expectation: Expectation, life: _Life, name: str, tally: _Tally) -> Finding | None:
        if tally.broken is not None:
            return tally.broken
        where = f"in epoch {life.epoch}: " if life.epoch > 1 else ""
        dark = next(self._dark(expectation, life), None)
        if tally.sure + len(tally.maybe) > expectation.most or (dark and expectation.most < math.inf):
            return tally.maybe[0] if tally.maybe else Finding("unknown", f"{where}{dark}", name, life.epoch)
        if tally.sure >= expectation.least or life.cut_off:
            return None
        if tally.maybe:
            return tally.maybe[0]
        if dark is None and not expectation.window.bounded and name in life.held:
            dark = f"{name} held a model already when it was first seen {_after(life.begun)}; how it came to that is not known"
        if dark:
            return Finding("unknown", f"{where}{dark}", name, life.epoch)
        return Finding("broken", f"{where}{_short_of(expectation, name, tally.sure)}", name, life.epoch)

    @staticmethod
    def _dark(expectation: Expectation, life: _Life) -> Iterator[str]:
        """Why something of what is meant was not seen."""
        window = expectation.window
        if window.bounded and life.begun and window.holds(1, life.begun) is not False:
            yield f"In [1] to In [{life.begun}] ran before anything was watched"
        yield from (why for first, last, why in life.dark if window.holds(first, last) is not False)
        if life.unlooked is not None and window.holds(life.unlooked, math.inf) is not False:
            yield f"In [{math.ceil(life.unlooked)}] could not be looked at, and no later look made good for it"
        if life.runs and window.holds(life.place + 0.5, math.inf) is not False:
            yield f"the cell that began {_after(life.place)} was still running at the end"

    def _never_seen(self, expectation: Expectation) -> Iterator[Finding]:
        """A name that never held a model is more likely a slip than a wish."""
        rows = self._timeline.rows()
        if expectation.name == "*" and not expectation.exact:
            return
        if any(expectation.means(row.name, part=row.whole is not None) for row in rows):
            return
        must_not_be = not expectation.only and not expectation.most and Verdict.CREATED in expectation.words
        if must_not_be:
            return
        outcome: Outcome = "broken" if expectation.least else "unknown"
        called = "was ever called" if expectation.exact else "ever had a name like"
        told = f"no model {called} {expectation.name}{did_you_mean(expectation.name, rows)}"
        yield Finding(outcome, told, expectation.name)


def _found(outcome: Outcome, life: _Life, change: Change, count: int, remark: str) -> Finding:
    where = f"in epoch {life.epoch}: " if life.epoch > 1 else ""
    return Finding(outcome, f"{where}{change.explanation}{remark}", change.name, life.epoch, count, change)


def did_you_mean(name: str, rows: Sequence[Row]) -> str:
    """The names that are near, as the end of a sentence."""
    close = difflib.get_close_matches(name, [row.name for row in rows], n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def _is_counted(expectation: Expectation, change: Change) -> bool | None:
    """Whether the change is of the kind that is counted; ``None`` where that cannot be told."""
    if not expectation.only:
        if expectation.words & _told_by(change):
            return True
        return None if expectation.words & _open(change) else False
    if change.verdict not in expectation.words:
        unsure = change.verdict is Verdict.UNKNOWN and expectation.words & _open(change)
        return None if unsure else True
    return None if is_late(change) else False


def _told_by(change: Change) -> frozenset[Verdict]:
    """Every word that is true of the change: its verdict, and those that its axes keep."""
    told = {change.verdict}
    if change.learned is not None and change.learned in _BY_LEARNED:
        told.add(_BY_LEARNED[change.learned])
    if change.identity in _BY_IDENTITY and change.verdict is not Verdict.UNKNOWN:
        told.add(_BY_IDENTITY[change.identity])
    if change.params:
        told.add(Verdict.PARAMS)
    if change.persistence is not None:
        told.add(Verdict.SAVED if change.persistence.action == "saved" else Verdict.RESTORED)
    return frozenset(told)


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


def _open(change: Change) -> frozenset[Verdict]:
    """Words of which it cannot be told whether they are true of the change."""
    same = change.identity is Identity.SAME
    if is_late(change):  # several runs' doing, told as one change
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


def _doubt(change: Change) -> str:
    return "" if change.verdict is Verdict.UNKNOWN else " Whether that is all cannot be told."


def _short_of(expectation: Expectation, name: str, times: int) -> str:
    words = " or ".join(_AS_PARTICIPLE.get(word, word) for word in sorted(expectation.words))
    often = {1: "once", 2: "twice"}.get(times, f"{times} times")
    return f"{name} was {words} only {often}" if times else f"{name} was never {words}"


_AS_PARTICIPLE = {
    Verdict.PARAMS: "given other hyper-parameters",
    Verdict.UNKNOWN: "changed in an unknown way",
}


def _after(place: float) -> str:
    return f"after In [{int(place)}]" if place >= 1 else "at the beginning"
