"""Builds facts by hand, and a timeline that receives them.

Stories (``tests.support.script``) are whole sessions; these functions build one observation at a time, so
that a test states exactly what was seen and what was not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from msgspec.structs import replace

from kernelscope.domain.changes import Change, Run
from kernelscope.domain.events import Attached, Event, Observed
from kernelscope.domain.facts import (
    Call,
    CodeFacts,
    FileAccess,
    KernelFacts,
    LocalModel,
    MethodInCode,
    ObjectFacts,
    Observation,
    Part,
    RunFacts,
    Signature,
    Snapshot,
    Value,
)
from kernelscope.presentation.evidence import evidence_sentences
from kernelscope.presentation.explain import explain
from kernelscope.presentation.segments import text_of
from kernelscope.timeline.timeline import Timeline, Update
from kernelscope.timeline.view import TimelineView

LOGISTIC = "sklearn.linear_model._logistic.LogisticRegression"
SGD = "sklearn.linear_model._stochastic_gradient.SGDClassifier"
SCALER = "sklearn.preprocessing._data.StandardScaler"
PIPELINE = "sklearn.pipeline.Pipeline"
VOTING = "sklearn.ensemble._voting.VotingClassifier"
SEARCH = "sklearn.model_selection._search.GridSearchCV"

FOLLOWED = CodeFacts(complete=True)
"""The reader followed every call of this code, and none fits a model."""
OBSCURE = CodeFacts(complete=False)
"""This code may have done more than the reader could follow."""


def model(
    token: int,
    cls: str = LOGISTIC,
    *,
    named: bool = True,
    library: str = "sklearn",
    parts: Iterable[Part] = (),
    **params: Value,
) -> ObjectFacts:
    """Build an object that has learned nothing; if it has a name, its generation equals its token."""
    return ObjectFacts(
        token=token,
        generation=token if named else None,
        cls=cls,
        library=library,
        id=0x7F00_0000 + 0x10 * token,
        params={"C": 1.0, **params},
        parts=tuple(parts),
    )


def signature(
    digest: str | None, serial: int = 1, text: str = "float64 array (1, 2)", number: float | None = None
) -> Signature:
    """Build the signature of one learned attribute."""
    return Signature(text, serial, digest, number=number, is_none=text == "None")


def rebind(facts: ObjectFacts, *attributes: str, tag: str = "") -> ObjectFacts:
    """Bind each attribute (by default ``coef_`` and ``intercept_``) to a new value.

    Values with the same ``tag`` are equal."""
    learned = {}
    for name in attributes or ("coef_", "intercept_"):
        earlier = facts.learned.get(name)
        serial = earlier.serial + 1 if earlier else 1
        learned[name] = signature(tag or f"{facts.token}.{name}.{serial}", serial)
    return replace(facts, learned={**facts.learned, **learned})


def write_in_place(facts: ObjectFacts, attribute: str = "coef_") -> ObjectFacts:
    """Change the content of one attribute in place."""
    earlier = facts.learned[attribute]
    return replace(facts, learned={**facts.learned, attribute: replace(earlier, digest=f"{earlier.digest}'")})


def forget(facts: ObjectFacts) -> ObjectFacts:
    """Delete the learned attributes."""
    return replace(facts, learned={})


def params(facts: ObjectFacts, **values: Value) -> ObjectFacts:
    """Give the object other hyper-parameters."""
    return replace(facts, params={**facts.params, **values})


def twin(facts: ObjectFacts, token: int) -> ObjectFacts:
    """Build another object with the same contents."""
    learned = {n: replace(s, serial=1) for n, s in facts.learned.items()}
    return replace(facts, token=token, generation=token, id=0x7F00_0000 + 0x10 * token, learned=learned)


def pipeline(token: int, *steps: tuple[str, ObjectFacts]) -> ObjectFacts:
    """Build a pipeline of these steps."""
    return model(token, PIPELINE, parts=[Part(f"[{n!r}]", s.token, n) for n, s in steps])


def call_of(facts: ObjectFacts, method: str = "fit", *, returned: bool = True, nested: bool = False) -> Call:
    """Build a call of the method that the probe saw once."""
    return Call(facts.token, facts.cls, method, 1, int(returned), nested=nested)


def call_evidence(facts: ObjectFacts, method: str, *, seen: bool) -> dict[str, Any]:
    """Arguments for ``Watch.run``: the probe saw the call, or it is only in the code."""
    if seen:
        return {"calls": [call_of(facts, method)], "code": FOLLOWED, "sees_calls": True}
    return {
        "code": CodeFacts(methods=(MethodInCode(method, facts.token),), complete=True),
        "sees_calls": False,
    }


def load_access(facts: ObjectFacts | None, name: str = "m", path: str | None = "/w/m.joblib") -> FileAccess:
    """The code loads a file into the name; ``None``: the code does not show into which object."""
    return FileAccess("load", "joblib.load", name, facts.token if facts else None, path)


def save_access(facts: ObjectFacts, *, touched: bool = True, path: str | None = "/w/m.joblib") -> FileAccess:
    """The code saves the object; the file was written if ``touched``."""
    return FileAccess("save", "joblib.dump", "m", facts.token, path, touched)


KERNEL = KernelFacts(connection_file="/run/kernel-1.json", python="3.12.1", pid=42, execution_count=0)


def attach_event(
    names: Mapping[str, ObjectFacts],
    others: Iterable[ObjectFacts] = (),
    *,
    epoch: int = 1,
    count: int = 0,
    history: Iterable[Observation] = (),
) -> Attached:
    """Build the event of an attach to a kernel whose names hold these objects."""
    objects = {o.token: o for o in (*names.values(), *others)}
    base = Snapshot(0, {n: o.token for n, o in names.items()}, tuple(objects.values()))
    return Attached(epoch, replace(KERNEL, execution_count=count), base, tuple(history))


def run_facts(
    count: int,
    source: str = "pass",
    *,
    cell_id: str | None = None,
    status: Literal["ok", "error", "interrupted"] = "ok",
) -> RunFacts:
    """Build the facts of one execution."""
    return RunFacts(
        execution_count=count,
        code=source,
        code_hash=hashlib.sha256(source.encode()).hexdigest(),
        status=status,
        started=1_780_000_000.125,
        seconds=0.25,
        cell_id=cell_id,
        client="c0ffee",
    )


def observation(
    seq: int,
    run: RunFacts | None,
    names: Mapping[str, ObjectFacts | None] | None = None,
    objects: Iterable[ObjectFacts] = (),
    **seen: Any,
) -> Observation:
    """Build one observation; it describes the objects that names got, and ``objects``."""
    names = names or {}
    described = {o.token: o for o in (*(o for o in names.values() if o is not None), *objects)}
    tokens = {n: (o.token if o is not None else None) for n, o in names.items()}
    plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in seen.items()}
    return Observation(seq=seq, run=run, names=tokens, objects=tuple(described.values()), **plain)


class Watch:
    """A timeline and the kernel that it watches.  The arguments are what the names hold at the attach."""

    def __init__(self, *others: ObjectFacts, **names: ObjectFacts) -> None:
        self._timeline = Timeline()
        self.timeline = TimelineView(self._timeline)
        self.events: list[Event] = []
        self.epoch = 0
        self.count = 0
        self._seq = 0
        self.attach(names, others)

    def attach(
        self, names: Mapping[str, ObjectFacts] | None = None, others: Iterable[ObjectFacts] = ()
    ) -> Update:
        """Attach to the kernel, or attach again: begins an epoch."""
        self.epoch += 1
        self.count = self._seq = 0
        return self.apply(attach_event(names or {}, others, epoch=self.epoch))

    def apply(self, event: Event) -> Update:
        self.events.append(event)
        return self._timeline.apply(event)

    def next_seq(self) -> int:
        """The number of the next observation."""
        self._seq += 1
        return self._seq

    def look(self, names: Mapping[str, ObjectFacts | None] | None = None, *objects: ObjectFacts) -> Update:
        """Apply an observation between runs."""
        self._seq += 1
        return self.apply(Observed(self.epoch, observation(self._seq, None, names, objects)))

    def cell(
        self,
        *objects: ObjectFacts,
        names: Mapping[str, ObjectFacts | None] | None = None,
        source: str = "pass",
        cell_id: str | None = None,
        status: Literal["ok", "error", "interrupted"] = "ok",
        calls: Iterable[Call] = (),
        files: Iterable[FileAccess] = (),
        local: Iterable[LocalModel] = (),
        code: CodeFacts = FOLLOWED,
        sees_calls: bool = True,
        cut: Iterable[str] = (),
        late: bool = False,
    ) -> Run:
        """Apply one run: ``names`` got these objects, and ``objects`` differ."""
        self.count += 1
        self._seq += 1
        seen = observation(
            self._seq,
            run_facts(self.count, source, cell_id=cell_id, status=status),
            names,
            objects,
            calls=tuple(calls),
            files=tuple(files),
            locals=tuple(local),
            code=code,
            sees_calls=sees_calls,
            cut=tuple(cut),
            late=late,
        )
        run = self.apply(Observed(self.epoch, seen)).moments[0].run
        assert run is not None
        return run

    def run(self, *objects: ObjectFacts, **options: Any) -> dict[str, Change]:
        """Apply one run as ``cell`` does; returns the changes by name."""
        return {c.name: c for c in self.cell(*objects, **options).changes}


def explanation_of(change: Change) -> str:
    """The explanation of a change, as a user reads it."""
    return text_of(explain(change))


def reasons(change: Change) -> tuple[str, ...]:
    """The evidence for a change, as a user reads it."""
    return tuple(text_of(each) for each in evidence_sentences(change))
