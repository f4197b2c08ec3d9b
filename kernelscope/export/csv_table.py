"""The timeline as CSV for pandas and spreadsheets: one row for each change.

Every row is one line: what could break or hide is written as an escape.  Lists and parameters are
compact JSON; what is null is empty; truths are ``true`` and ``false``.  To load it::

    pandas.read_csv(
        path, parse_dates=["started"], dtype_backend="numpy_nullable", keep_default_na=False, na_values=[""]
    )

Without ``keep_default_na=False`` a model whose name is ``nan`` would be missing.

A name or a value may come from a hostile kernel, and a spreadsheet evaluates a text that begins with ``=``,
``+``, ``-`` or ``@``.  Such texts get an apostrophe before them, as one would type it; so do texts that begin
with an apostrophe, so that removing one from each text that begins with one restores every text.  Numbers,
JSON and dates need none.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from kernelscope.domain.changes import Change, Moment
from kernelscope.protocol.records import change_record, utc
from kernelscope.text import clean, headline
from kernelscope.timeline.view import TimelineView

COLUMNS = (
    "epoch",
    "moment",
    "kind",
    "execution_count",
    "rerun_of",
    "status",
    "started",
    "seconds",
    "client",
    "cell_id",
    "code_hash",
    "headline",
    "name",
    "whole",
    "verdict",
    "identity",
    "learned",
    "class",
    "generation",
    "previous_generation",
    "id",
    "previous_id",
    "fitted",
    "params",
    "persistence",
    "file",
    "call",
    "scope",
    "stale",
    "certainty",
    "evidence",
    "explanation",
)
"""``moment`` numbers the columns of the timeline from 0, the attach; of a look between runs (``kind``)
``execution_count`` is that of the last run before it.  ``started`` is UTC by the kernel's clock.  A part
has a row of its own, after that of its ``whole``."""

_LONGEST = 65_536
"""Characters of a text."""
_RUNS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula; some accept the wide forms, too."""
_TEXTS = frozenset(
    ("client", "cell_id", "code_hash", "headline", "name", "whole", "class", "file", "call", "explanation")
)
"""Columns that hold kernel text as it is."""


def write_csv(timeline: TimelineView, out: TextIO) -> None:
    """Writes a header, then a row for each change: of runs, of looks between runs, of local models and of parts."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for moment in timeline.moments:
        run = _run(moment)
        for change, whole in flat_changes(moment):
            row = {**run, **_change(change), "whole": whole}
            writer.writerow([_cell(column, row.get(column)) for column in COLUMNS])


def flat_changes(moment: Moment) -> Iterator[tuple[Change, str | None]]:
    """Every change of a moment with the name of its whole; each is followed by those of its parts."""
    local = moment.run.local if moment.run is not None else ()
    for change in (*moment.changes, *local):
        yield change, None
        yield from _parts(change)


def _parts(whole: Change) -> Iterator[tuple[Change, str | None]]:
    for part in whole.parts:
        yield part, whole.name
        yield from _parts(part)


def _run(moment: Moment) -> dict[str, Any]:
    row: dict[str, Any] = {
        "epoch": moment.epoch,
        "moment": moment.index,
        "kind": moment.kind,
        "execution_count": moment.execution_count,
    }
    if moment.run is not None:
        facts = moment.run.facts
        row |= {
            "rerun_of": moment.run.rerun_of,
            "status": facts.status,
            "started": utc(facts.started),
            "seconds": round(facts.seconds, 6),
            "client": facts.client,
            "cell_id": facts.cell_id,
            "code_hash": facts.code_hash,
            "headline": headline(facts.code),
        }
    return row


def _change(change: Change) -> dict[str, Any]:
    row = change_record(change)
    stored = row.pop("persistence") or {}
    return {
        **row,
        "persistence": stored.get("action"),
        "file": stored.get("file"),
        "call": stored.get("call"),
    }


def _cell(column: str, value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case dict() | list():
            return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"))
        case _:
            text = clean(str(value), limit=_LONGEST)
            return inert(text) if column in _TEXTS else text


def _plain(value: object) -> object:
    """The value with safe texts: cleaned before JSON quotes them, so that nothing is escaped twice."""
    match value:
        case str():
            return clean(value, limit=_LONGEST)
        case dict():
            return {_plain(k): _plain(v) for k, v in value.items()}
        case Iterable():
            return [_plain(v) for v in value]
        case _:
            return value


def inert(text: str) -> str:
    """The text, so that no spreadsheet takes it for a formula."""
    begins = text.lstrip()
    return f"'{text}" if begins.startswith(_RUNS) or text.startswith("'") else text
