"""The history of one name, as text or as one JSON object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kernelscope.presentation.history import HistoryEntry, NameHistory, Rerun
from kernelscope.presentation.segments import text_of
from kernelscope.protocol.records import SCHEMA, Record, change_record, encode, left_out_record
from kernelscope.text import clean, escape_json

_LONGEST = 65_536


def history_text(history: NameHistory) -> str:
    """One sentence on each line, oldest first, with its evidence below it."""
    return "\n".join(clean(line, limit=_LONGEST) for line in _lines(history))


def _lines(history: NameHistory) -> Iterator[str]:
    yield history.name
    for entry in history.entries:
        yield f"  {text_of(entry.sentence)}"
        if entry.evidence and entry.kind != "attached":
            yield f"      {entry.certainty}: {'; '.join(map(text_of, entry.evidence))}"
    yield f"  {text_of(history.end)}"
    if history.not_looked_at:
        yield f"  The latest look left out: {'; '.join(history.not_looked_at)}."
    yield from (f"  {text_of(rerun.sentence)}" for rerun in history.reruns)


def history_json(history: NameHistory) -> str:
    """The history as one JSON object, on one line."""
    holds = history.holds
    record: Record = {
        "type": "story",
        "schema": SCHEMA,
        "name": history.name,
        "story": [_entry_record(entry) for entry in history.entries],
        "holds": None
        if holds is None
        else {
            "class": holds.cls,
            "generation": holds.generation,
            "id": hex(holds.id),
            "fitted": history.fitted,
        },
        "end": text_of(history.end),
        "again": [_rerun_record(rerun) for rerun in history.reruns],
    }
    if history.not_looked_at:
        record["not_evaluated"] = left_out_record(history.not_looked_at, history.not_looked_at_count)
    return escape_json(encode(record)).decode().rstrip("\n")


def _entry_record(entry: HistoryEntry) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "epoch": entry.epoch,
        "execution_count": entry.execution_count,
        "rerun_of": entry.rerun_of,
        "sentence": text_of(entry.sentence),
        "certainty": entry.certainty,
        "evidence": [text_of(each) for each in entry.evidence],
        "change": None if entry.change is None else change_record(entry.change),
    }


def _rerun_record(rerun: Rerun) -> dict[str, Any]:
    return {
        "execution_count": rerun.execution_count,
        "code": rerun.code,
        "sentence": text_of(rerun.sentence),
        "verdict": rerun.verdict,
        "times": rerun.times,
        "of": rerun.of,
        "forecast": not rerun.of,
    }
