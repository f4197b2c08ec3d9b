"""The one place where state changes: ``Timeline.apply``.  All it takes and gives is frozen."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Generator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from kernelscope.domain.changes import Change, Found, Held, Judgement, Moment, MomentKind, Run, Verdict
from kernelscope.domain.events import (
    Attached,
    Detached,
    Event,
    KernelChanged,
    KernelState,
    Lost,
    Observed,
    Progress,
    Recalled,
    Waiting,
    looks_in,
)
from kernelscope.domain.facts import Cost, Kept, KernelFacts, ObjectFacts, Observation, SwitchedOff
from kernelscope.timeline.cells import Cell, Reruns
from kernelscope.verdicts.context import JudgingContext, rows_of
from kernelscope.verdicts.fitted import has_learned
from kernelscope.verdicts.judge import Rows, judge, judge_local, tokens_in_use
from kernelscope.verdicts.networks import trained_networks

_DEAD_KEPT = 2_000
"""How many objects without a name are remembered, for telling a copy from a new model."""
_DEAD_AT_ONCE = 200
"""How many more there are before any is forgotten: who is alive is not looked up for each."""

Objects = dict[int, ObjectFacts]
"""By token."""


class Row(Struct, frozen=True):
    """One line of the timeline: a name, or a part of the composite that a name holds."""

    name: str
    """For a part: the whole's name and the label, e.g. ``pipe['clf']``."""
    whole: str | None = None
    """The name of the whole; ``None`` for a name of its own."""


class Update(Struct, frozen=True):
    """What one event added."""

    event: Event
    moments: tuple[Moment, ...] = ()
    models: tuple[tuple[str, ObjectFacts], ...] = ()
    """On an attach: what each name holds."""
    judgements: tuple[Judgement, ...] = ()
    """What was made of each look in the event (``looks_in``)."""


class Timeline:
    """Every moment since the attach, and what every name held at each of them."""

    def __init__(self) -> None:
        self.kernel: KernelFacts | None = None
        """Of the current epoch; ``None`` until the first attach."""
        self.state: KernelState = "idle"
        self.detail = ""
        """Why the state is what it is, where that was told."""
        self.epoch = 0
        self.lost = 0
        """Observations that were sent and never arrived."""
        self.cost: Cost | None = None
        """What the probe has cost the kernel of this epoch; ``None`` until it has told."""
        self.switched_off: tuple[SwitchedOff, ...] = ()
        """Libraries whose objects are not read in this epoch."""
        self.cut: tuple[str, ...] = ()
        """What the latest look left out, and why; empty if it saw everything."""
        self.progress: Progress | None = None
        """Of the run that is still at work; ``None`` where none is, or none has lasted long."""
        self.waiting: str | None = None
        """Why there is no attach yet."""
        self.ended: str | None = None
        """Why nothing follows any more."""
        self.verdicts: set[Verdict] = set()
        """Every verdict that was given so far."""
        self._kernels: dict[int, KernelFacts] = {}
        self._moments: list[Moment] = []
        self._tracks: dict[str, list[Held]] = {}
        self._rows: dict[str, Row] = {}
        self._objects: Objects = {}
        self._trained: dict[int, bool] = {}
        """Of networks: whether they have learned anything."""
        self._kept: dict[tuple[str, str], Kept] = {}
        """What the files hold that were written while we watched, over all epochs."""
        self._names: dict[str, int] = {}
        self._complete_until: int | None = None
        """The last run after which a look saw everything; ``None``: none has in this epoch."""
        self._partly_read: set[int] = set()
        """Tokens of the objects of which the last look left something out."""
        self._unreached: dict[str, int] = {}
        """Names that no look has reached since their model was gone, and the token of that."""
        self._rows_now: Rows | None = {}
        """``None``: names or objects have changed since it was made."""
        self._reruns = Reruns()

    # What changes it.

    def apply(self, event: Event | Recalled) -> Update:
        """Take one event in; the answer says what it added."""
        steps = self.applying(event)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                update: Update = end.value
                return update

    def applying(self, event: Event | Recalled) -> Generator[None, None, Update]:
        """The same in steps, for an attach with a long history: it yields after each look.

        What it has taken in by then can be read; the next event has to wait for the end.
        """
        if isinstance(event, Recalled):
            return self._take(event.event, event.judgements)
        return self._take(event, (None,) * looks_in(event))

    def _take(self, event: Event, given: Sequence[Judgement | None]) -> Generator[None, None, Update]:
        match event:
            case Attached():
                return (yield from self._attach(event, given))
            case Observed(observation=observation):
                self.progress = None
                self.cost = observation.cost or self.cost
                self.cut, self.switched_off = observation.cut, observation.switched_off
                judgement, moment = self._observe(observation, *given)
                return Update(event, (moment,) if moment else (), judgements=(judgement,))
            case Progress():
                self.progress = event
            case KernelChanged(state=state, detail=detail):
                self.state, self.detail = state, detail
                if state not in ("busy", "unreachable", "back"):
                    self.progress = None
            case Lost(count=count):
                self.lost += count
            case Waiting(reason=reason):
                self.waiting = reason
            case Detached(reason=reason):
                self.ended = reason
        return Update(event)

    def _attach(self, event: Attached, given: Sequence[Judgement | None]) -> Generator[None, None, Update]:
        self.kernel, self.epoch, self.waiting, self.state = event.kernel, event.epoch, None, "idle"
        self.progress, self.cost = None, event.cost
        self.cut, self.switched_off = event.base.cut, event.base.switched_off
        self._kernels[event.epoch] = event.kernel
        self._objects = {facts.token: facts for facts in event.base.objects}
        self._names = {n: t for n, t in event.base.names.items() if t in self._objects}
        self._rows_now = None
        self._trained, self._unreached = {}, {}
        self._reruns.begin_epoch()
        runs_since = sum(o.run is not None for o in event.history)
        start = self._add("attached", max(event.kernel.execution_count - runs_since, 0))
        self._partly_read = {f.token for f in event.base.objects if f.not_evaluated}
        is_complete = not (event.base.cut or event.history or self._partly_read)
        self._complete_until = start.execution_count if is_complete else None
        first = given[0] or self._found_there()
        self._hold(first, start)
        looked: list[tuple[Judgement, Moment | None]] = []
        for observation, known in zip(event.history, given[1:], strict=True):
            yield
            looked.append(self._observe(observation, known))
        held = ((n, self._objects[t]) for n, t in self._names.items())
        return Update(
            event,
            (start, *(moment for _, moment in looked if moment is not None)),
            tuple((n, facts) for n, facts in held if not facts.helper),
            (first, *(judgement for judgement, _ in looked)),
        )

    def _found_there(self) -> Judgement:
        """What the names hold at an attach; those that held something before it may hold nothing now."""
        rows = self._rows_as_they_are()
        return Judgement(tuple(self._found(name, rows) for name in dict.fromkeys((*self._tracks, *rows))))

    def _observe(self, observation: Observation, given: Judgement | None) -> tuple[Judgement, Moment | None]:
        """What is made of it, and its moment; none for a look between runs that found nothing to tell."""
        rows_before = {} if given else self._rows_as_they_are()
        before, names_before = self._objects, self._names
        self._objects = {**before, **{f.token: f for f in observation.objects}}
        self._names = _renamed(names_before, observation, self._objects)
        self._rows_now = None
        for name in [n for n in self._unreached if n in self._names]:
            # It holds a model again: judged by the one it held, not as a name that held none.
            lost = self._unreached.pop(name)
            if lost in before and not given:
                rows_before = {**rows_before, name: (lost, None)}
        self._unreached |= {n: names_before[n] for n in observation.unreached if n in names_before}
        context = JudgingContext(
            observation,
            _as_told_before(before, observation),
            self._objects,
            names_before,
            self._names,
            trained=self._trained,
            kept=self._kept,
            epoch=self.epoch,
            late_since=self._late_since(observation),
        )
        judgement = given or self._judge(context, rows_before)
        self._trained = {**self._trained, **judgement.trained}
        written = _written_by(context)
        anew = {path for path, _ in written}
        self._kept = {key: kept for key, kept in self._kept.items() if key[0] not in anew} | written
        silent = observation.run is None and not judgement.changes
        moment = self._moments[-1] if silent else self._record(observation, judgement, before)
        self._hold(judgement, moment)
        if self._has_seen_everything(observation):
            self._complete_until = moment.execution_count
        self._forget_the_dead()
        return judgement, None if silent else moment

    def _late_since(self, observation: Observation) -> int | None:
        """The first run that can have done what a late observation found."""
        if not observation.late or self._complete_until is None:
            return None
        run = observation.run
        latest = self._moments[-1].execution_count if run is None else run.execution_count
        return min(self._complete_until + 1, latest)

    def _has_seen_everything(self, observation: Observation) -> bool:
        """Whether a look left nothing for a later one to find."""
        self._partly_read -= {f.token for f in observation.objects}
        self._partly_read |= {f.token for f in observation.objects if f.not_evaluated}
        if observation.cut or not self._partly_read:
            return not observation.cut
        return self._partly_read.isdisjoint(tokens_in_use(self._objects, self._names))

    def _judge(self, context: JudgingContext, rows_before: Rows) -> Judgement:
        """Changes nothing but what is known of networks' learning, which their rows are told by."""
        rows = self._rows_as_they_are()
        told = judge(context, rows_before, rows)
        trained = trained_networks(context)
        self._trained = {**self._trained, **trained}
        news = (
            n for n in dict.fromkeys((*rows_before, *rows)) if n in told or self._holds_other_facts(n, rows)
        )
        found = tuple(self._found(n, rows, told.get(n), part=_is_part(n, rows_before, rows)) for n in news)
        run = context.observation.run
        local = tuple(judge_local(m, context) for m in context.observation.locals) if run is not None else ()
        return Judgement(found, local, trained)

    def _found(self, name: str, rows: Rows, change: Change | None = None, *, part: bool = False) -> Found:
        token, whole = rows.get(name, (None, None))
        facts = self._objects.get(token) if token is not None else None
        if facts is None:
            return Found(name, whole, None, None, change, part)
        fitted = has_learned(facts, self._objects, self._trained)
        return Found(name, whole, facts.token, fitted, change, part)

    def _holds_other_facts(self, name: str, rows: Rows) -> bool:
        """Than it was last told to hold."""
        token, _ = rows.get(name, (None, None))
        track = self._tracks.get(name)
        return (self._objects.get(token) if token is not None else None) is not (
            track[-1].facts if track else None
        )

    def _record(self, observation: Observation, judgement: Judgement, before: Objects) -> Moment:
        if observation.run is None:
            return self._add("between", self._moments[-1].execution_count, changes=judgement.changes)
        run = Run(
            epoch=self.epoch,
            facts=observation.run,
            rerun_of=self._reruns.earlier(observation.run),
            changes=judgement.changes,
            local=judgement.local,
            sees_calls=observation.sees_calls,
            cut=observation.cut,
            hook_seconds=observation.hook_seconds,
            seen=observation,
            fresh=frozenset(f.token for f in observation.objects if f.token not in before),
            moment=len(self._moments),
        )
        self._reruns.add(run)
        return self._add("run", run.count, run, judgement.changes)

    def _add(
        self, kind: MomentKind, count: int, run: Run | None = None, changes: tuple[Change, ...] = ()
    ) -> Moment:
        moment = Moment(len(self._moments), self.epoch, kind, count, run, changes)
        self._moments.append(moment)
        self.verdicts.update(change.verdict for change in changes)
        return moment

    def _hold(self, judgement: Judgement, moment: Moment) -> None:
        for found in judgement.rows:
            facts = self._objects.get(found.token) if found.token is not None else None
            if facts is None and found.name not in self._tracks:
                continue
            track = self._tracks.setdefault(found.name, [])
            change = found.change
            if change is None and track and track[-1].moment == moment.index:
                change = track[-1].change  # a look between runs read it anew, and found nothing to tell
            track.append(Held(moment.index, facts, change, found.fitted))
            if facts is not None:
                self._rows[found.name] = Row(found.name, found.whole)

    def _rows_as_they_are(self) -> Rows:
        if self._rows_now is None:
            self._rows_now = rows_of(self._names, self._objects)
        return self._rows_now

    def _forget_the_dead(self) -> None:
        spare = len(self._objects) - _DEAD_KEPT
        if spare > _DEAD_AT_ONCE:
            alive = tokens_in_use(self._objects, self._names)
            dead = frozenset([t for t in self._objects if t not in alive][:spare])
            self._objects = {t: f for t, f in self._objects.items() if t not in dead}
            self._trained = {t: is_trained for t, is_trained in self._trained.items() if t not in dead}

    # What can be asked of it.

    def kernel_in(self, epoch: int) -> KernelFacts | None:
        """Which kernel that was."""
        return self._kernels.get(epoch)

    @property
    def moments(self) -> Sequence[Moment]:
        """The columns, oldest first."""
        return self._moments

    @property
    def objects(self) -> dict[int, ObjectFacts]:
        """Every object known now, by token: the parts of a composite are looked up here."""
        return self._objects

    @property
    def names(self) -> dict[str, int]:
        """The token of what every name holds now."""
        return self._names

    @property
    def trained(self) -> dict[int, bool]:
        """Of the networks known now, by token: whether they have learned anything."""
        return self._trained

    def rows(self) -> tuple[Row, ...]:
        """Names in the order in which they were first seen, each followed by its parts."""
        parts: dict[str, list[Row]] = {}
        for row in self._rows.values():
            if row.whole is not None:
                parts.setdefault(row.whole, []).append(row)
        whole = (r for r in self._rows.values() if r.whole is None)
        return tuple(row for name in whole for row in (name, *parts.get(name.name, ())))

    def track(self, name: str) -> Sequence[Held]:
        """Everything that the row held, oldest first; empty for a row that never was."""
        return self._tracks.get(name, ())

    def held_at(self, name: str, moment: int) -> Held | None:
        """What the row held after the moment with this index; ``None`` before its first sight."""
        track = self._tracks.get(name, [])
        place = bisect_right(track, moment, key=lambda held: held.moment)
        return track[place - 1] if place else None

    def change_at(self, name: str, moment: int) -> Change | None:
        """What that very moment did to the row."""
        held = self.held_at(name, moment)
        return held.change if held is not None and held.moment == moment else None

    def cells(self) -> tuple[Cell, ...]:
        """Every cell that ran, and what re-running it did, in order of first run."""
        return self._reruns.cells()


def _renamed(
    names: dict[str, int], observation: Observation, objects: dict[int, ObjectFacts]
) -> dict[str, int]:
    if not observation.names:
        return names
    renamed = dict(names)
    for name, token in observation.names.items():
        if token is None or token not in objects:
            renamed.pop(name, None)
        else:
            renamed[name] = token
    return renamed


def _as_told_before(before: Objects, observation: Observation) -> Objects:
    """The objects as they were, with those that were there and are told for the first time."""
    untold = (f for f in observation.objects if f.known and f.token not in before)
    told = {f.token: replace(f, generation=f.generation if f.known == "local" else None) for f in untold}
    return {**before, **told} if told else before


def _written_by(context: JudgingContext) -> dict[tuple[str, str], Kept]:
    """By path and class, what the observed run wrote; of several models of one class in one file, the
    first."""
    run = context.observation.run
    found: dict[tuple[str, str], Kept] = {}
    for access in context.files("save") if run is not None else ():
        facts = context.after.get(access.token) if access.token is not None else None
        if run is not None and facts is not None and access.path is not None and access.touched:
            kept = Kept(facts.generation, context.epoch, run.execution_count)
            found.setdefault((access.path, facts.cls), kept)
    return found


def _is_part(name: str, *rows: Rows) -> bool:
    """Whether the row was a part before and after; a name of the same spelling is told for itself."""
    return all(r[name][1] is not None for r in rows if name in r)
