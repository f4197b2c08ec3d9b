"""Turns the records of ``watch --json`` into lines that two plays of one notebook have in common.

A line has a step of the notebook, a subject (mostly a name) and a text.  ``facts`` gives what is not English,
``sentences`` the rest.  Ids, times, paths and addresses vary from play to play, and are replaced or left out.

Addresses make evidence vary, too, because CPython uses them again.  A new array at the address of the old one
counts as ``written in place``, not as ``bound to a new value``, and with equal content as no change at all.
Lines therefore do not name the learned attributes that differ, unless the model had learned nothing before.
``exact`` keeps those names, and every record: for events that were recorded once and are judged again.

This module imports nothing of kernelscope, so that a copy of it works beside any version.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

Record = dict[str, Any]
Pairs = Iterator[tuple[str, str]]
"""Subject and text of each line."""


class Line(NamedTuple):
    """One line of a golden file."""

    step: str
    subject: str
    text: str


IGNORED = frozenset({"waiting", "progress", "kernel", "detached"})
"""Types of records that depend on the machine's speed, or on how the watch ends."""
RUN_VARIES = frozenset(
    {
        "type",
        "epoch",
        "execution_count",
        "code",
        "client",
        "started",
        "seconds",
        "hook_seconds",
        "not_compared",
    }
)
"""Keys of an ``execution`` that vary from play to play, or that the step implies."""
RUN_LISTS = frozenset({"changes", "forecast"})
RUN_ENGLISH = frozenset({"forecast_doubt", "not_evaluated"})
"""Keys of an ``execution`` whose presence is a fact."""
ATTACH_LISTS = frozenset({"type", "kernel", "models"})
KERNEL_VARIES = frozenset({"connection_file", "notebook", "python", "ipykernel", "pid"})
CHANGE_ENGLISH = frozenset({"evidence", "explanation"})
CHANGE_PLACED = frozenset({"name", "verdict", "persistence", "parts", "id", "previous_id"})
"""Keys of a change that are rendered separately."""
OTHER_ENGLISH = ("detail", "reason")
USUAL: dict[str, Any] = {
    "params": {},
    "persistence": None,
    "scope": "global",
    "stale": [],
    "certainty": "observed",
    "previous_generation": None,
    "rerun_of": None,
    "cell_id": None,
}
"""Values that are left out."""

_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{4,}\b")
_TEMPORARY = re.compile(r"/tmp/tmp[a-z0-9_]{8}\b")
_UNFINISHED = re.compile(r"\.[0-9a-f]{32}-\d+-\d+\b")
"""What joblib appends to the name of a file while it writes it: a random number, its process and thread."""
_ADDRESS_USED_AGAIN = "the same id() as the object before: the address was used again, it is another object"
_DIFFERS = re.compile(
    r"(its part [^:]*: )?.* (bound to a new value|written in place)(?: \(by samples of .*\))?"
)
_PLAIN = re.compile(r"[\w.:/\[\]-]+")


def facts(records: Iterable[Record], steps: Sequence[int], folder: str, *, exact: bool = False) -> list[Line]:
    """Render the lines that contain no English.

    Args:
        records: of one notebook, in order.
        steps: the number of the step that each ``execution`` is, in order.
        folder: the kernel's, which stands in paths.
        exact: keep what depends on chance.
    """
    return _lines(records, steps, folder, _Facts(exact))


def sentences(
    records: Iterable[Record], steps: Sequence[int], folder: str, *, exact: bool = False
) -> list[Line]:
    """Render the lines that contain English; arguments as for ``facts``."""
    return _lines(records, steps, folder, _Sentences(exact))


class _Form:
    """Renders the lines for each part of a record."""

    def __init__(self, exact: bool) -> None:
        self.exact = exact

    def attached(self, record: Record) -> Pairs:
        """Render an attach."""
        yield from ()

    def run(self, record: Record) -> Pairs:
        """Render a run without its changes and forecasts."""
        yield from ()

    def change(self, change: Record, subject: str) -> Pairs:
        """Render a change without its parts."""
        yield from ()

    def forecast(self, forecast: Record) -> Pairs:
        """Render the forecast for one name."""
        yield from ()

    def other(self, record: Record) -> Pairs:
        """Render a record of another type."""
        yield from ()


class _Facts(_Form):
    """Renders every key that is not English, including those of later versions."""

    def attached(self, record: Record) -> Pairs:
        yield "kernel", _pairs({**record, **record["kernel"]}, ATTACH_LISTS | KERNEL_VARIES)
        for model in record["models"]:
            yield model["name"], _pairs(model, {"name", "id"})

    def run(self, record: Record) -> Pairs:
        present = dict.fromkeys(RUN_ENGLISH & record.keys(), True)
        yield f"In [{record['execution_count']}]", _pairs({**record, **present}, RUN_VARIES | RUN_LISTS)

    def change(self, change: Record, subject: str) -> Pairs:
        fields = {k: v for k, v in change.items() if k not in CHANGE_PLACED}
        for key, missing in (("id", "gone"), ("previous_id", "new")):
            if (change[key] is None) != (change["identity"] == missing):
                fields[key] = change[key]
        if change["persistence"] is not None:
            fields["persistence"] = list(change["persistence"].values())
        yield subject, f"{change['verdict']} {_pairs(fields, CHANGE_ENGLISH)}"

    def forecast(self, forecast: Record) -> Pairs:
        rest = _pairs(forecast, {"name", "verdict", "reason"})
        yield f"{forecast['name']} again", f"{_value(forecast['verdict'])} {rest}"

    def other(self, record: Record) -> Pairs:
        yield record["type"], _pairs(record, {"type", *OTHER_ENGLISH})


class _Sentences(_Form):
    """Renders all English; an explanation without the evidence that it repeats."""

    def run(self, record: Record) -> Pairs:
        subject = f"In [{record['execution_count']}]"
        if "forecast_doubt" in record:
            yield f"{subject} again", record["forecast_doubt"]
        yield from (
            (f"{subject} not evaluated", reason)
            for reason in record.get("not_evaluated", {}).get("first", ())
        )

    def change(self, change: Record, subject: str) -> Pairs:
        explanation: str = change["explanation"]
        if change["evidence"]:
            explanation = explanation.replace(f": {'; '.join(change['evidence'])}.", ": ….")
        yield subject, explanation
        evidence = change["evidence"] if self.exact else _certain_evidence(change)
        yield from ((f"{subject} because", sentence) for sentence in evidence)

    def forecast(self, forecast: Record) -> Pairs:
        yield f"{forecast['name']} again", forecast["reason"]

    def other(self, record: Record) -> Pairs:
        yield from ((record["type"], record[key]) for key in OTHER_ENGLISH if record.get(key))


def _lines(records: Iterable[Record], steps: Sequence[int], folder: str, form: _Form) -> list[Line]:
    by_step: dict[str, list[tuple[str, str]]] = {}
    step, remaining = "before the attach", iter(steps)
    for record in records:
        if record["type"] in IGNORED and not form.exact:
            continue
        if record["type"] == "attached":
            step = f"attach {record['epoch']}"
        elif record["type"] == "execution":
            step = f"step {next(remaining)}"
        by_step.setdefault(step, []).extend(_of_record(record, form))
    if next(remaining, None) is not None:
        raise ValueError("there are more steps than runs")
    return [
        Line(step, clean(subject, folder), clean(text, folder))
        for step, pairs in by_step.items()
        for subject, text in sorted(pairs, key=lambda pair: _sort_key(pair[0]))
    ]


def _of_record(record: Record, form: _Form) -> Pairs:
    match record["type"]:
        case "attached":
            yield from form.attached(record)
        case "execution":
            yield from form.run(record)
            yield from _of_changes(record["changes"], form)
            for forecast in record.get("forecast", ()):
                yield from form.forecast(forecast)
        case "between":
            yield from form.other({k: v for k, v in record.items() if k != "changes"})
            yield from _of_changes(record["changes"], form, "between runs: ")
        case _:
            yield from form.other(record)


def _of_changes(changes: Iterable[Record], form: _Form, whole: str = "") -> Pairs:
    for change in changes:
        subject = f"{whole}{change['name']}{' (local)' if change['scope'] == 'local' else ''}"
        yield from form.change(change, subject)
        yield from _of_changes(change.get("parts", ()), form, f"{subject}: ")


def _certain_evidence(change: Record) -> Iterator[str]:
    """Yield the evidence that every play has."""
    previous = ""
    for sentence in change["evidence"]:
        if sentence == _ADDRESS_USED_AGAIN:
            continue
        match = _DIFFERS.fullmatch(sentence)
        if match is None or (match[1] is None and change["learned"] == "fitted"):
            yield sentence
        elif (differs := f"{match[1] or ''}learned attributes differ") != previous:
            yield differs
            previous = differs


def _sort_key(subject: str) -> tuple[bool, str]:
    """Sort the lines of a step: the run comes before the names."""
    return not subject.startswith(("In [", "kernel")), subject


def clean(text: str, folder: str) -> str:
    """Return the text on one line, with what varies from play to play replaced."""
    text = text.replace(folder, "FOLDER")
    text = _TEMPORARY.sub("TEMPORARY", text)
    text = _UNFINISHED.sub(".TEMPORARY", text)
    text = _ADDRESS.sub("0x…", text)
    return text.replace("\n", "\\n")


def _pairs(record: Record, without: Iterable[str]) -> str:
    skipped = frozenset(without)
    fields = {k: v for k, v in record.items() if k not in skipped and (k not in USUAL or USUAL[k] != v)}
    return " ".join(f"{key}={_value(value)}" for key, value in fields.items())


def _value(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
