"""``Timeline.apply`` is the one place where state changes; everything it takes and returns is frozen."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from kernelscope.domain.changes import (
    Change,
    Judgement,
    Moment,
    MomentKind,
    RowState,
    Run,
    TrackEntry,
    Verdict,
)
from kernelscope.domain.events import (
    Attached,
    Detached,
    Event,
    KernelChanged,
    KernelState,
    Lost,
    Observed,
    Progress,
    ReplayedEvent,
    Waiting,
    count_looks,
)
from kernelscope.domain.facts import (
    Cost,
    KernelFacts,
    NotCompared,
    ObjectFacts,
    Observation,
    SavedFile,
    Snapshot,
    SwitchedOff,
)
from kernelscope.timeline.cells import CellIndex
from kernelscope.timeline.coverage import Coverage
from kernelscope.verdicts.context import JudgingContext, rows_of
from kernelscope.verdicts.fitted import has_learned
from kernelscope.verdicts.histories import histories_after
from kernelscope.verdicts.judge import Rows, judge, judge_local, refused_calls, tokens_in_use

_DEAD_KEPT = 2_000
"""How many objects without a name are remembered, so that a copy is not mistaken for a new model."""
_DEAD_BATCH = 200
"""How many more there may be before they are forgotten together: finding what is alive costs a walk."""

Objects = dict[int, ObjectFacts]
"""By token."""


class Row(Struct, frozen=True):
    """One line of the timeline: a name, or a part of the composite that a name holds."""

    name: str
    """For a part: the whole's name and the label, e.g. ``pipe['clf']``."""
    whole: str | None = None
    """The name of the whole; ``None`` for a name of its own."""


class NamedModel(Struct, frozen=True):
    """A model that a name holds at an attach."""

    name: str
    facts: ObjectFacts
    fitted: bool | None
    """Whether it has learned anything; ``None``: it is not known."""


class Update(Struct, frozen=True):
    """What one event added."""

    event: Event
    moments: tuple[Moment, ...] = ()
    models: tuple[NamedModel, ...] = ()
    """On an attach: what each name holds.  Later: what was there at the attach, and is described only now."""
    judgements: tuple[Judgement, ...] = ()
    """The judgement of each look in the event (``count_looks``)."""


class Timeline:
    """Every moment since the attach, and what every name held at each of them.

    It takes events in; ``TimelineView`` answers questions about it.
    """

    def __init__(self) -> None:
        self.kernels: dict[int, KernelFacts] = {}
        """By epoch."""
        self.state: KernelState = "idle"
        self.detail = ""
        """Why the state is what it is, if that is known."""
        self.epoch = 0
        self.lost = 0
        """Observations that were sent and never arrived."""
        self.cost: Cost | None = None
        """What the probe has cost the kernel of this epoch; ``None`` until it has reported it."""
        self.switched_off: tuple[SwitchedOff, ...] = ()
        """Libraries whose objects are not read in this epoch."""
        self.not_compared: NotCompared | None = None
        """The models whose content had no turn in the latest look."""
        self.cut: tuple[str, ...] = ()
        """What the latest look left out, and why; empty if it saw everything.  The first of it, if it is much."""
        self.cut_count = 0
        """How much that is in all."""
        self.progress: Progress | None = None
        """The progress of the cell that is running; ``None`` if none is, or none has run for long."""
        self.waiting: str | None = None
        """Why there is no attach yet."""
        self.ended: str | None = None
        """Why nothing follows any more."""
        self.moments: list[Moment] = []
        """The columns, oldest first."""
        self.verdicts: set[Verdict] = set()
        """Every verdict that was given so far."""
        self.rows_by_name: dict[str, Row] = {}
        """In the order in which they were first seen."""
        self.tracks: dict[str, list[TrackEntry]] = {}
        """By row, what it held, oldest first."""
        self.objects: Objects = {}
        """Every object known now: the parts of a composite are looked up here."""
        self.names: dict[str, int] = {}
        """The token of what every name holds now."""
        self.trained: dict[int, bool | None] = {}
        """Whether the networks known now have learned anything, by token."""
        self.cell_index = CellIndex()
        """Which runs belong to one cell."""
        self._kept: dict[tuple[str, str], SavedFile] = {}
        """What the files hold that were written while we watched, over all epochs."""
        self._coverage = Coverage(Snapshot(), 0, is_first=True)
        self._unreached: dict[str, int] = {}
        """Names that no look has reached since their model was gone, and the token of that."""
        self._rows_now: Rows | None = {}
        """``None``: names or objects have changed since it was computed."""

    def apply(self, event: Event | ReplayedEvent) -> Update:
        """Takes one event in and returns what it added."""
        steps = self.apply_in_steps(event)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                update: Update = end.value
                return update

    def apply_in_steps(self, event: Event | ReplayedEvent) -> Generator[None, None, Update]:
        """``apply`` in steps, for an attach with a long history: yields after each look.

        What has been taken in by then can be read; the next event has to wait for the end.
        """
        if isinstance(event, ReplayedEvent):
            return self._take(event.event, event.judgements)
        return self._take(event, (None,) * count_looks(event))

    def _take(self, event: Event, judgements: Sequence[Judgement | None]) -> Generator[None, None, Update]:
        match event:
            case Attached():
                return (yield from self._attach(event, judgements))
            case Observed(observation=observation):
                self.progress = None
                self.cost = observation.cost or self.cost
                self.cut, self.cut_count = observation.cut, observation.cut_count
                self.switched_off, self.not_compared = observation.switched_off, observation.not_compared
                there = _there_at_attach(self.objects, observation)
                judgement, moment = self._observe(observation, *judgements)
                models = self._named_models(there) if there else ()
                return Update(event, (moment,) if moment else (), models, (judgement,))
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

    def _attach(
        self, event: Attached, judgements: Sequence[Judgement | None]
    ) -> Generator[None, None, Update]:
        self.epoch, self.waiting, self.state = event.epoch, None, "idle"
        self.progress, self.cost = None, event.cost
        self.cut, self.cut_count = event.base.cut, event.base.cut_count
        self.switched_off, self.not_compared = event.base.switched_off, None
        self.kernels[event.epoch] = event.kernel
        self.objects = {facts.token: facts for facts in event.base.objects}
        self.names = {n: t for n, t in event.base.names.items() if t in self.objects}
        self._rows_now = None
        self.trained, self._unreached = {}, {}
        self.cell_index.begin_epoch()
        runs_since = sum(o.run is not None for o in event.history)
        start = self._add_moment("attached", max(event.kernel.execution_count - runs_since, 0))
        self._coverage = Coverage(event.base, start.execution_count, is_first=not event.history)
        first = judgements[0] or self._state_at_attach()
        self._extend_tracks(first, start)
        looked: list[tuple[Judgement, Moment | None]] = []
        for observation, known in zip(event.history, judgements[1:], strict=True):
            yield
            looked.append(self._observe(observation, known))
        return Update(
            event,
            (start, *(moment for _, moment in looked if moment is not None)),
            self._named_models(frozenset(self.names.values())),
            (first, *(judgement for judgement, _ in looked)),
        )

    def _named_models(self, tokens: frozenset[int]) -> tuple[NamedModel, ...]:
        models = ((name, self.objects[token]) for name, token in self.names.items() if token in tokens)
        return tuple(NamedModel(n, f, self._has_learned(f)) for n, f in models if not f.helper)

    def _state_at_attach(self) -> Judgement:
        """What every name holds at an attach, including names that held a model before and hold none now."""
        rows = self._current_rows()
        return Judgement(tuple(self._row_state(name, rows) for name in dict.fromkeys((*self.tracks, *rows))))

    def _observe(self, observation: Observation, known: Judgement | None) -> tuple[Judgement, Moment | None]:
        """Takes in one look; there is no moment if it was between runs and found no change."""
        rows_before = {} if known else self._current_rows()
        before, names_before = self.objects, self.names
        self._take_facts(observation)
        rows_before = {**rows_before, **self._rows_reached_again(before, judged=known is None)}
        there = _there_at_attach(before, observation)
        if there and not known:
            rows_before |= {n: r for n, r in self._current_rows().items() if r[0] in there}
            names_before = names_before | {n: t for n, t in self.names.items() if t in there}
        self._unreached |= {n: names_before[n] for n in observation.unreached if n in names_before}
        run = observation.run
        count = self.moments[-1].execution_count if run is None else run.execution_count
        context = JudgingContext(
            observation,
            _as_known_before(before, observation),
            self.objects,
            names_before,
            self.names,
            trained=self.trained,
            kept=self._kept,
            epoch=self.epoch,
            late_since=self._coverage.first_suspect(observation, count),
        )
        judgement = known or self._judge(context, rows_before)
        self.trained = {**self.trained, **judgement.trained}
        self._remember_files(_files_written(context))
        is_silent = run is None and all(row.change is None for row in judgement.rows)
        moment = self.moments[-1] if is_silent else self._add_run(observation, judgement, before)
        self._extend_tracks(judgement, moment)
        self._coverage.add(observation, count, lambda: tokens_in_use(self.objects, self.names))
        self._forget_the_dead()
        return judgement, None if is_silent else moment

    def _take_facts(self, observation: Observation) -> None:
        self.objects = {**self.objects, **{f.token: f for f in observation.objects}}
        self.names = _rename(self.names, observation, self.objects)
        self._rows_now = None

    def _rows_reached_again(self, before: Objects, *, judged: bool) -> Rows:
        """The former rows of names that hold a model again after no look had reached them: the model that they
        held then is what the new one is compared with."""
        again = {n: self._unreached.pop(n) for n in list(self._unreached) if n in self.names}
        return {name: (token, None) for name, token in again.items() if token in before and judged}

    def _remember_files(self, written: dict[tuple[str, str], SavedFile]) -> None:
        paths = {path for path, _ in written}
        self._kept = {key: kept for key, kept in self._kept.items() if key[0] not in paths} | written

    def _judge(self, context: JudgingContext, rows_before: Rows) -> Judgement:
        """Judges one look; of the timeline only ``trained`` changes, which the states of rows depend on."""
        rows = self._current_rows()
        changes = judge(context, rows_before, rows)
        trained = histories_after(context)
        self.trained = {**self.trained, **trained}
        names = (
            n
            for n in dict.fromkeys((*rows_before, *rows))
            if n in changes or self._holds_other_facts(n, rows)
        )
        states = tuple(
            self._row_state(n, rows, changes.get(n), part=_is_part(n, rows_before, rows)) for n in names
        )
        run = context.observation.run
        local = tuple(judge_local(m, context) for m in context.observation.locals) if run is not None else ()
        return Judgement(states, local, trained, refused_calls(context, changes))

    def _row_state(
        self, name: str, rows: Rows, change: Change | None = None, *, part: bool = False
    ) -> RowState:
        token, whole = rows.get(name, (None, None))
        facts = self.objects.get(token) if token is not None else None
        if facts is None:
            return RowState(name, whole, None, None, change, part)
        return RowState(name, whole, facts.token, self._has_learned(facts), change, part)

    def _has_learned(self, facts: ObjectFacts) -> bool | None:
        return has_learned(facts, self.objects, self.trained)

    def _holds_other_facts(self, name: str, rows: Rows) -> bool:
        """Whether a row holds other facts than those that its track ends with."""
        token, _ = rows.get(name, (None, None))
        track = self.tracks.get(name)
        return (self.objects.get(token) if token is not None else None) is not (
            track[-1].facts if track else None
        )

    def _add_run(self, observation: Observation, judgement: Judgement, before: Objects) -> Moment:
        if observation.run is None:
            return self._add_moment("between", self.moments[-1].execution_count, changes=judgement.changes)
        run = Run(
            epoch=self.epoch,
            facts=observation.run,
            rerun_of=self.cell_index.earlier(observation.run),
            changes=judgement.changes,
            local=judgement.local,
            refused=judgement.refused,
            sees_calls=observation.sees_calls,
            cut=observation.cut,
            hook_seconds=observation.hook_seconds,
            seen=observation,
            fresh=frozenset(f.token for f in observation.objects if f.token not in before),
            moment=len(self.moments),
        )
        self.cell_index.add(run)
        return self._add_moment("run", run.count, run, judgement.changes)

    def _add_moment(
        self, kind: MomentKind, count: int, run: Run | None = None, changes: tuple[Change, ...] = ()
    ) -> Moment:
        moment = Moment(len(self.moments), self.epoch, kind, count, run, changes)
        self.moments.append(moment)
        self.verdicts.update(change.verdict for change in changes)
        return moment

    def _extend_tracks(self, judgement: Judgement, moment: Moment) -> None:
        for state in judgement.rows:
            facts = self.objects.get(state.token) if state.token is not None else None
            if facts is None and state.name not in self.tracks:
                continue
            track = self.tracks.setdefault(state.name, [])
            change = state.change
            if change is None and track and track[-1].moment == moment.index:
                change = track[-1].change  # a look between runs read it again, and found no change
            track.append(TrackEntry(moment.index, facts, change, state.fitted))
            if facts is not None:
                self.rows_by_name[state.name] = Row(state.name, state.whole)

    def _current_rows(self) -> Rows:
        if self._rows_now is None:
            self._rows_now = rows_of(self.names, self.objects)
        return self._rows_now

    def _forget_the_dead(self) -> None:
        spare = len(self.objects) - _DEAD_KEPT
        if spare > _DEAD_BATCH:
            alive = tokens_in_use(self.objects, self.names)
            dead = frozenset([t for t in self.objects if t not in alive][:spare])
            self.objects = {t: f for t, f in self.objects.items() if t not in dead}
            self.trained = {t: is_trained for t, is_trained in self.trained.items() if t not in dead}


def _rename(
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


def _as_known_before(before: Objects, observation: Observation) -> Objects:
    """The objects as they were, including those that were there and are reported for the first time."""
    unreported = (f for f in observation.objects if f.known and f.token not in before)
    earlier = {
        f.token: replace(f, generation=f.generation if f.known in ("local", "attach") else None)
        for f in unreported
    }
    return {**before, **earlier} if earlier else before


def _there_at_attach(before: Objects, observation: Observation) -> frozenset[int]:
    """Tokens of the objects that were there at the attach, and that no look had the time to describe until now."""
    return frozenset(f.token for f in observation.objects if f.known == "attach" and f.token not in before)


def _files_written(context: JudgingContext) -> dict[tuple[str, str], SavedFile]:
    """What the observed run wrote into files, by path and class; of several models of one class it is not known which
    one is loaded."""
    run = context.observation.run
    files: dict[tuple[str, str], dict[int, SavedFile]] = {}
    for access in context.files("save") if run is not None else ():
        facts = context.after.get(access.token) if access.token is not None else None
        if run is not None and facts is not None and access.path is not None and access.touched:
            kept = SavedFile(facts.generation, context.epoch, run.execution_count)
            files.setdefault((access.path, facts.cls), {})[facts.token] = kept
    return {key: next(iter(kept.values())) for key, kept in files.items() if len(kept) == 1}


def _is_part(name: str, *rows: Rows) -> bool:
    """Whether the row was a part before and after: a name of the same spelling has a row of its own."""
    return all(r[name][1] is not None for r in rows if name in r)
