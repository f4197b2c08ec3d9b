"""A scripted source of events: a notebook session written in Python, for tests and screenshots.

``Story`` builds realistic events (it counts tokens, ids, generations and serials as a probe would);
``ScriptedSource`` sends them to a ``Session``.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Literal

from msgspec.structs import replace

from kernelscope.domain.events import (
    Attached,
    Detached,
    Event,
    KernelChanged,
    KernelState,
    Observed,
    Progress,
)
from kernelscope.domain.facts import (
    Call,
    CodeFacts,
    Cost,
    FileAccess,
    KernelFacts,
    LocalModel,
    MethodInCode,
    Movement,
    NotCompared,
    ObjectFacts,
    Observation,
    Opaque,
    Part,
    RunFacts,
    Signature,
    Snapshot,
    Value,
)
from kernelscope.errors import KernelscopeError
from kernelscope.session import Session
from kernelscope.timeline.timeline import Timeline
from kernelscope.timeline.view import TimelineView

LOGISTIC = "sklearn.linear_model._logistic.LogisticRegression"
SGD = "sklearn.linear_model._stochastic_gradient.SGDClassifier"
SCALER = "sklearn.preprocessing._data.StandardScaler"
PIPELINE = "sklearn.pipeline.Pipeline"
FOREST = "sklearn.ensemble._forest.RandomForestClassifier"

_LOGISTIC_PARAMS: dict[str, Value] = {"C": 1.0, "max_iter": 100, "penalty": "l2", "warm_start": False}
_STARTED = 1_780_000_000.0


class ScriptedSource:
    """Sends its events at once, then waits for more to be pushed."""

    def __init__(self, events: Iterable[Event] = (), *, error: Exception | None = None) -> None:
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._error = error
        self.closed = 0
        """Number of calls of ``close``."""
        self.push(*events)

    def push(self, *events: Event) -> None:
        """Append events."""
        for event in events:
            self._queue.put_nowait(event)

    async def events(self) -> AsyncIterator[Event]:
        while True:
            if self._error is not None and self._queue.empty():
                raise self._error
            event = await self._queue.get()
            if event is None:
                return
            yield event
            if isinstance(event, Detached):
                return

    async def close(self) -> None:
        self.closed += 1


class PollingSource(ScriptedSource):
    """A source that can poll between runs, as a live kernel can."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        super().__init__(events)
        self.requests: list[float | None] = []
        """The argument of each call of ``look_between_runs``."""

    async def look_between_runs(self, seconds: float | None) -> None:
        self.requests.append(seconds)


class Story:
    """Builds the events of a kernel that runs a scripted session."""

    def __init__(self, *, notebook: str | None = "/home/ada/work/churn.ipynb", count: int = 0) -> None:
        self.events: list[Event] = []
        self.epoch = 0
        self.count = count
        self._notebook = notebook
        self._seq = 0
        self._tokens = 0
        self._generations = 0

    # Objects.

    def new(
        self,
        cls: str = LOGISTIC,
        params: Mapping[str, Value] | None = None,
        parts: Sequence[Part] = (),
        *,
        named: bool = True,
    ) -> ObjectFacts:
        """Build an object that has learned nothing; it has a generation if ``named``."""
        self._tokens += 1
        self._generations += named
        known = _LOGISTIC_PARAMS if cls == LOGISTIC else {}
        return ObjectFacts(
            token=self._tokens,
            generation=self._generations if named else None,
            cls=cls,
            library="sklearn" if cls.startswith("sklearn.") else "other",
            id=0x7F3A_0000_1000 + 0x90 * self._tokens,
            params={**known, **(params or {})},
            parts=tuple(parts),
        )

    # Events.

    def attach(
        self, names: Mapping[str, ObjectFacts] | None = None, *, others: Sequence[ObjectFacts] = ()
    ) -> None:
        """Begin an epoch in which names hold these objects."""
        self.epoch += 1
        self._seq = 0
        names = names or {}
        kernel = KernelFacts(
            connection_file="/run/user/1000/jupyter/kernel-5e1c.json",
            python="3.12.4",
            pid=4711,
            execution_count=self.count,
            notebook=self._notebook,
            ipykernel="7.4.0",
            sees_calls=True,
        )
        base = Snapshot(0, {n: f.token for n, f in names.items()}, (*names.values(), *others))
        self.events.append(Attached(self.epoch, kernel, base))

    def restart(self) -> None:
        """Restart the kernel: the new one is empty."""
        self.kernel("restarted", "the kernel was restarted")
        self.count = 0
        self._generations = 0
        self.attach()

    def kernel(self, state: KernelState, detail: str = "") -> None:
        self.events.append(KernelChanged(self.epoch, state, detail))

    def progress(self, seconds: float, *moved: Movement) -> None:
        """Report that the cell after the last one still runs."""
        self.events.append(Progress(self.epoch, self.count + 1, seconds, moved))

    def end(self, reason: str = "the kernel is gone") -> None:
        self.events.append(Detached(reason))

    def run(
        self,
        code: str = "pass",
        *,
        names: Mapping[str, ObjectFacts | None] | None = None,
        objects: Sequence[ObjectFacts] = (),
        calls: Sequence[Call] = (),
        files: Sequence[FileAccess] = (),
        local: Sequence[LocalModel] = (),
        facts: CodeFacts | None = None,
        sees_calls: bool = True,
        status: Literal["ok", "error", "interrupted"] = "ok",
        cost: Cost | None = None,
        not_compared: NotCompared | None = None,
    ) -> None:
        """Run one cell: ``names`` got these objects, and ``objects`` differ."""
        self.count += 1
        self._seq += 1
        names = names or {}
        run = RunFacts(
            execution_count=self.count,
            code=code[:65_536],
            code_cut=len(code) > 65_536,
            code_hash=hashlib.sha256(code.encode(errors="replace")).hexdigest(),
            status=status,
            started=_STARTED + 60 * len(self.events),
            seconds=0.41,
        )
        described = {o.token: o for o in (*(f for f in names.values() if f is not None), *objects)}
        observation = Observation(
            seq=self._seq,
            run=run,
            names={n: (f.token if f else None) for n, f in names.items()},
            objects=tuple(described.values()),
            calls=tuple(calls),
            locals=tuple(local),
            files=tuple(files),
            code=facts or CodeFacts(complete=True),
            sees_calls=sees_calls,
            hook_seconds=0.0012,
            cost=cost,
            not_compared=not_compared,
        )
        self.events.append(Observed(self.epoch, observation))

    # How a test gets the session.

    def source(self) -> ScriptedSource:
        return ScriptedSource(self.events)

    def session(self) -> Session:
        return Session(self.source())

    def timeline(self) -> Timeline:
        timeline = Timeline()
        for event in self.events:
            timeline.apply(event)
        return timeline

    def view(self) -> TimelineView:
        return TimelineView(self.timeline())


def learn(facts: ObjectFacts, *attributes: str, tag: str = "a", **params: Value) -> ObjectFacts:
    """Fit the object: bind every attribute to a new value."""
    signatures = {
        name: Signature(
            text="int 2" if name == "n_iter_" else "float64 array (1, 18)",
            serial=(facts.learned[name].serial + 1) if name in facts.learned else 1,
            digest=f"{facts.token}-{name}-{tag}",
            number=12.0 if name == "n_iter_" else None,
        )
        for name in (attributes or ("coef_", "intercept_", "n_iter_"))
    }
    return replace(facts, learned={**facts.learned, **signatures}, params={**facts.params, **params})


def write_in_place(facts: ObjectFacts, attribute: str, tag: str) -> ObjectFacts:
    """Change the content of one attribute in place."""
    signature = replace(facts.learned[attribute], digest=f"{facts.token}-{attribute}-{tag}")
    return replace(facts, learned={**facts.learned, attribute: signature})


def with_params(facts: ObjectFacts, **params: Value) -> ObjectFacts:
    return replace(facts, params={**facts.params, **params})


def call(facts: ObjectFacts, method: str = "fit", *, inside: str | None = None, nested: bool = False) -> Call:
    """The method was called on the object once and returned."""
    return Call(facts.token, facts.cls, method, 1, 1, inside, nested)


def churn() -> Story:
    """Build a long session: a late attach, every verdict, a restart."""
    story = Story(count=4)
    scaler = learn(story.new(SCALER, {"with_mean": True}), "mean_", "scale_")
    story.attach({"scaler": scaler})
    create, fit = "model = LogisticRegression(C=1.0)", "model.fit(X, y)"
    model = story.new()
    story.run(create, names={"model": model})
    model = learn(model)
    story.run(fit, objects=[model], calls=[call(model)])
    story.run(
        "scores = evaluate(X, y)",
        local=[LocalModel(900, 3, LOGISTIC, "fit", "evaluate", 0x7F00_1234)],
    )
    story._generations += 1
    model = with_params(model, C=0.1)
    story.run("model.set_params(C=0.1)", objects=[model])
    model = learn(model, tag="b")
    story.run(fit, objects=[model], calls=[call(model)])
    model = story.new()
    story.run(create, names={"model": model})
    model = learn(model, tag="c")
    story.run(fit, objects=[model], calls=[call(model)])
    story.run("best = model", names={"best": model})
    scale, clf = story.new(SCALER, {"with_mean": True}, named=False), story.new(named=False)
    steps = [Part("['scale']", scale.token, "scale"), Part("['clf']", clf.token, "clf")]
    pipe = story.new(PIPELINE, {"memory": None, "steps": Opaque("list of 2 steps"), "verbose": False}, steps)
    story.run("pipe = make(scale, clf)", names={"pipe": pipe}, objects=[scale, clf])
    scale, clf = learn(scale, "mean_", "scale_"), learn(clf)
    story.run("pipe.fit(X, y)", objects=[scale, clf], calls=[call(pipe), call(scale), call(clf)])
    model = story.new()
    story.run(create, names={"model": model})
    model = learn(model, tag="d")
    story.run(fit, objects=[model], calls=[call(model)])
    _batches(story)
    clf = with_params(clf, C=10.0)
    story.run("pipe.set_params(clf__C=10.0)", objects=[clf])
    scale, clf = learn(scale, "mean_", "scale_", tag="2"), learn(clf, tag="2")
    story.run("pipe.fit(X, y)", objects=[scale, clf], calls=[call(pipe), call(scale), call(clf)])
    story.restart()
    story.run("import pandas as pd\nfrom sklearn.linear_model import LogisticRegression")
    model = learn(story.new(), tag="e")
    story.run("model = LogisticRegression().fit(X, y)", names={"model": model}, calls=[call(model)])
    model = learn(model, tag="f")
    story.run(fit, objects=[model], calls=[call(model)])
    model = learn(story.new(), tag="f")
    load = FileAccess("load", "joblib.load", "model", model.token, "/home/ada/work/model.joblib")
    facts = CodeFacts(methods=(MethodInCode("load"),), complete=True)
    story.run("model = joblib.load('model.joblib')", names={"model": model}, files=[load], facts=facts)
    return story


def _batches(story: Story) -> None:
    """Add a classifier that learns in batches, is saved, edited, copied, cleared and deleted."""
    batch = "sgd.partial_fit(Xb, yb)"
    sgd = learn(story.new(SGD, {"alpha": 0.0001, "loss": "log_loss"}), "coef_", "t_")
    story.run("sgd = SGDClassifier(); " + batch, names={"sgd": sgd}, calls=[call(sgd, "partial_fit")])
    for step in "xyz":
        sgd = write_in_place(sgd, "coef_", step)
        story.run(batch, objects=[sgd], calls=[call(sgd, "partial_fit")])
    dump = FileAccess("save", "joblib.dump", "sgd", sgd.token, "/home/ada/work/sgd.joblib", touched=True)
    story.run("joblib.dump(sgd, 'sgd.joblib')", files=[dump])
    copied = replace(sgd, token=(other := story.new(SGD)).token, generation=other.generation, id=other.id)
    story.run(
        "old = copy.deepcopy(sgd)",
        names={"old": copied},
        calls=[call(copied, "__setstate__")],
        facts=CodeFacts(copies=("copy.deepcopy",), complete=True),
    )
    sgd = write_in_place(sgd, "coef_", "by hand")
    facts = CodeFacts(assigned=((sgd.token, "coef_"),), complete=True)
    story.run("sgd.coef_[0, 0] = 0", objects=[sgd], facts=facts)
    sgd = write_in_place(sgd, "coef_", "mystery")
    story.run("mystery(sgd)", objects=[sgd], facts=CodeFacts(complete=False))
    sgd = replace(sgd, learned={})
    story.run("sgd.fit(X, None)", objects=[sgd], status="error")
    story.run("del old", names={"old": None})


def failing_source(error: KernelscopeError) -> ScriptedSource:
    """Build a source whose attach fails."""
    return ScriptedSource(error=error)
