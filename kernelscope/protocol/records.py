"""The lines of ``watch --json``: the outside contract, in one place.

Keys may be added, never renamed; ``SCHEMA`` grows with a breaking change.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from kernelscope.domain.changes import Change, Run
from kernelscope.domain.events import Attached, Detached, KernelChanged, Lost, Observed, Progress, Waiting
from kernelscope.domain.facts import KernelFacts, ObjectFacts, Opaque, SwitchedOff, Value
from kernelscope.forecast.outlook import Forecast, Outlook
from kernelscope.libraries.registry import card_for
from kernelscope.presentation.evidence import evidence_sentences
from kernelscope.presentation.explain import explain
from kernelscope.presentation.reasons import reason_text
from kernelscope.presentation.segments import text_of
from kernelscope.timeline.timeline import Update

SCHEMA = 1

Record = dict[str, Any]

_TOLD_STATES = frozenset({"restarted", "died", "unreachable", "back"})
"""Busy and idle are for the screen; a line per cell of them would tell a script nothing."""


Foresee = Callable[[Run], Outlook]
"""What running a cell again would do, as things stand after this run of it."""


def records_of(  # noqa: C901 - a case per kind of event
    update: Update, objects: dict[int, ObjectFacts], foresee: Foresee | None = None
) -> Iterator[Record]:
    """The records that one update amounts to, in order.

    Args:
        objects: every object known, by token, to tell whether a composite is fitted.
        foresee: asked for the forecast that goes with a run; without it there is none.
    """
    match update.event:
        case Waiting(reason=reason):
            yield {"type": "waiting", "reason": reason}
        case Attached() as event:
            yield _attached(event, update, objects)
        case Observed():
            for moment in update.moments:
                if moment.run is not None:
                    yield execution_record(moment.run, foresee(moment.run) if foresee else None)
                elif moment.changes:
                    yield _between(moment.epoch, moment.execution_count, moment.changes)
        case Progress() as event if event.moved:
            yield _progress(event)
        case KernelChanged(epoch=epoch, state=state, detail=detail) if state in _TOLD_STATES:
            yield {"type": "kernel", "state": state, "epoch": epoch, "detail": detail}
        case Lost(epoch=epoch, count=count):
            yield {"type": "lost", "epoch": epoch, "count": count}
        case Detached(reason=reason):
            yield {"type": "detached", "reason": reason}


def encode(record: Record) -> bytes:
    """One line, with its line end."""
    return msgspec.json.encode(record) + b"\n"


def _attached(event: Attached, update: Update, objects: dict[int, ObjectFacts]) -> Record:
    models = [
        {
            "name": name,
            "class": facts.cls,
            "generation": facts.generation,
            "id": hex(facts.id),
            "fitted": card_for(facts).is_fitted(facts, objects),
        }
        for name, facts in update.models
    ]
    kernel = _kernel(event.kernel)
    record = {"type": "attached", "schema": SCHEMA, "epoch": event.epoch, "kernel": kernel, "models": models}
    if event.base.switched_off:
        record["switched_off"] = _switched_off(event.base.switched_off)
    return record


def _switched_off(libraries: tuple[SwitchedOff, ...]) -> list[Record]:
    return [{"library": off.library, "error": off.error} for off in libraries]


def _kernel(kernel: KernelFacts) -> Record:
    return {
        "connection_file": kernel.connection_file,
        "notebook": kernel.notebook,
        "implementation": kernel.implementation,
        "python": kernel.python,
        "ipykernel": kernel.ipykernel,
        "pid": kernel.pid,
        "execution_count": kernel.execution_count,
        "sees_calls": kernel.sees_calls,
    }


def execution_record(run: Run, outlook: Outlook | None = None) -> Record:
    """The ``execution`` line of one run."""
    facts = run.facts
    record: Record = {
        "type": "execution",
        "epoch": run.epoch,
        "execution_count": facts.execution_count,
        "cell_id": facts.cell_id,
        "rerun_of": run.rerun_of,
        "code": facts.code,
        "status": facts.status,
        "client": facts.client,
        "started": utc(facts.started),
        "seconds": round(facts.seconds, 6),
        "changes": [change_record(c) for c in (*run.changes, *run.local)],
        "hook_seconds": round(run.hook_seconds, 6),
    }
    if outlook is not None:
        record["forecast"] = [forecast_record(f) for f in outlook.forecasts]
        if outlook.doubt is not None:
            record["forecast_doubt"] = reason_text(outlook.doubt)
    if run.cut:
        record["not_evaluated"] = list(run.cut)
    if run.seen.switched_off:
        record["switched_off"] = _switched_off(run.seen.switched_off)
    return record


def forecast_record(forecast: Forecast) -> Record:
    """What running the cell again would do to one name; ``verdict`` is null where it cannot be told."""
    return {
        "name": forecast.name,
        "verdict": forecast.verdict,
        "reason": reason_text(forecast.reason),
        "sure": forecast.sure,
    }


def _progress(event: Progress) -> Record:
    return {
        "type": "progress",
        "epoch": event.epoch,
        "execution_count": event.execution_count,
        "seconds": round(event.seconds, 3),
        "models": [
            {"name": m.name, "class": m.cls, "generation": m.generation, "moved": m.text} for m in event.moved
        ],
    }


def _between(epoch: int, after: int, changes: tuple[Change, ...]) -> Record:
    return {"type": "between", "epoch": epoch, "after": after, "changes": [change_record(c) for c in changes]}


def change_record(change: Change) -> Record:
    """A CHANGE of the contract."""
    record: Record = {
        "name": change.name,
        "verdict": change.verdict,
        "identity": change.identity,
        "learned": change.learned,
        "params": None if change.params is None else _params(change.params),
        "persistence": msgspec.to_builtins(change.persistence),
        "scope": change.scope,
        "class": change.cls,
        "generation": change.generation,
        "previous_generation": change.previous_generation,
        "id": _hex(change.id),
        "previous_id": _hex(change.previous_id),
        "fitted": change.fitted,
        "stale": list(change.stale),
        "certainty": change.certainty,
        "evidence": [text_of(each) for each in evidence_sentences(change)],
        "explanation": text_of(explain(change)),
    }
    if change.late is not None:
        record["late"] = {"since": change.late.since}
    if change.parts:
        record["parts"] = [change_record(part) for part in change.parts]
    return record


def _params(params: dict[str, tuple[Value, Value]]) -> dict[str, list[Any]]:
    return {name: [_plain(a), _plain(b)] for name, (a, b) in params.items()}


def _plain(value: Value) -> Any:
    """A value as JSON has it; numbers that JSON has not as text, for ``null`` is ``None``."""
    if isinstance(value, Opaque):
        return value.text
    return repr(value) if isinstance(value, float) and not math.isfinite(value) else value


def _hex(address: int | None) -> str | None:
    return None if address is None else hex(address)


def utc(seconds: float) -> str | None:
    """A kernel's clock as ISO 8601 with milliseconds; ``None`` where it says what no calendar has."""
    try:
        told = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return None
    return told.replace("+00:00", "Z")
