"""The JSON lines of ``watch --json``: the public contract.

Keys may be added, never renamed; ``SCHEMA`` grows with a breaking change.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from kernelscope.domain.changes import Change, Run
from kernelscope.domain.events import Attached, Detached, KernelChanged, Lost, Observed, Progress, Waiting
from kernelscope.domain.facts import KernelFacts, NotCompared, Opaque, SwitchedOff, Value
from kernelscope.forecast.outlook import Forecast, Outlook
from kernelscope.presentation.evidence import evidence_sentences
from kernelscope.presentation.explain import explain
from kernelscope.presentation.reasons import reason_text
from kernelscope.presentation.segments import text_of
from kernelscope.timeline.timeline import NamedModel, Update

SCHEMA = 1

Record = dict[str, Any]

_MOST_NAMED = 20
"""Of what looks left out."""
_REPORTED_STATES = frozenset({"restarted", "died", "unreachable", "back"})
"""Busy and idle are for the screen: two lines for each cell would be of no use to a script."""


MakeForecast = Callable[[Run], Outlook]
"""Forecasts what running a cell again would do, given its latest run."""


def records_of(  # noqa: C901 - a case per kind of event
    update: Update, make_forecast: MakeForecast | None = None
) -> Iterator[Record]:
    """The records of one update, in order.

    Args:
        make_forecast: makes the forecast of a run; without it there is none.
    """
    match update.event:
        case Waiting(reason=reason):
            yield {"type": "waiting", "reason": reason}
        case Attached() as event:
            yield _attached_record(event, update)
        case Observed(epoch=epoch):
            if update.models:
                yield {"type": "models", "epoch": epoch, "models": _model_records(update.models)}
            for moment in update.moments:
                if moment.run is not None:
                    yield execution_record(moment.run, make_forecast(moment.run) if make_forecast else None)
                elif moment.changes:
                    yield _between_record(moment.epoch, moment.execution_count, moment.changes)
        case Progress() as event if event.moved:
            yield _progress(event)
        case KernelChanged(epoch=epoch, state=state, detail=detail) if state in _REPORTED_STATES:
            yield {"type": "kernel", "state": state, "epoch": epoch, "detail": detail}
        case Lost(epoch=epoch, count=count):
            yield {"type": "lost", "epoch": epoch, "count": count}
        case Detached(reason=reason):
            yield {"type": "detached", "reason": reason}


def encode(record: Record) -> bytes:
    """Encodes one record as one line, with its line end."""
    return msgspec.json.encode(record) + b"\n"


def _model_records(models: Iterable[NamedModel]) -> list[Record]:
    return [
        {
            "name": model.name,
            "class": model.facts.cls,
            "generation": model.facts.generation,
            "id": hex(model.facts.id),
            "fitted": model.fitted,
        }
        for model in models
    ]


def _attached_record(event: Attached, update: Update) -> Record:
    models = _model_records(update.models)
    kernel = _kernel(event.kernel)
    record = {"type": "attached", "schema": SCHEMA, "epoch": event.epoch, "kernel": kernel, "models": models}
    if event.base.switched_off:
        record["switched_off"] = _switched_off_records(event.base.switched_off)
    return record


def left_out_record(cut: tuple[str, ...], count: int) -> Record:
    """What looks left out: how much, and the first of it with the reason."""
    return {"count": max(count, len(cut)), "first": list(cut[:_MOST_NAMED])}


def _not_compared_record(not_compared: NotCompared) -> Record:
    longest = [{"name": name, "last_turn": count} for name, count in not_compared.after.items()]
    return {"models": not_compared.models, "longest": longest}


def _switched_off_records(libraries: tuple[SwitchedOff, ...]) -> list[Record]:
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
    if run.refused:
        record["refused"] = [{"name": r.name, "call": r.call, "error": r.error} for r in run.refused]
    if run.cut:
        record["not_evaluated"] = left_out_record(run.cut, run.seen.cut_count)
    if run.seen.not_compared is not None:
        record["not_compared"] = _not_compared_record(run.seen.not_compared)
    if run.seen.switched_off:
        record["switched_off"] = _switched_off_records(run.seen.switched_off)
    return record


def forecast_record(forecast: Forecast) -> Record:
    """What running the cell again would do to one name; ``verdict`` is null if it cannot be forecast."""
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


def _between_record(epoch: int, after: int, changes: tuple[Change, ...]) -> Record:
    return {"type": "between", "epoch": epoch, "after": after, "changes": [change_record(c) for c in changes]}


def change_record(change: Change) -> Record:
    """The record of one change."""
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
    """A value as JSON has it; numbers that JSON lacks become text, because ``null`` means ``None``."""
    if isinstance(value, Opaque):
        return value.text
    return repr(value) if isinstance(value, float) and not math.isfinite(value) else value


def _hex(address: int | None) -> str | None:
    return None if address is None else hex(address)


def utc(seconds: float) -> str | None:
    """A kernel's time as ISO 8601 with milliseconds; ``None`` if it is outside the calendar."""
    try:
        text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return None
    return text.replace("+00:00", "Z")
