"""Turns the records of ``watch --json`` into lines that two runs of one notebook have in common.

A line has a step of the notebook, a subject (mostly a name) and a text.  ``facts`` has what is not English,
``sentences`` the rest.  What varies from run to run (ids, times, paths, addresses) is replaced or left out.

An address that CPython uses again makes evidence vary, too: a new array at the address of the old one is
not told as ``bound to a new value`` but as ``written in place``, or not at all where its content is equal.
Which attributes differ is therefore left out, except of a model that had learned nothing before.  With
``exact`` it stays, and so does every record, for events that were recorded once and are judged again.

This module imports nothing of kernelscope, so that it can be copied and used with any version of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

Record = dict[str, Any]


class Line(NamedTuple):
    """One line of a golden file."""

    step: str
    subject: str
    text: str


IGNORED = frozenset({"waiting", "progress", "kernel", "detached"})
"""Types of records that depend on how fast the machine is, or on how the watching ends."""
RUN_VARIES = frozenset(
    {"type", "epoch", "execution_count", "code", "client", "started", "seconds", "hook_seconds"}
)
"""Keys of an ``execution`` that vary from run to run, or that the step tells already."""
RUN_LISTS = frozenset({"changes", "forecast"})
ATTACH_LISTS = frozenset({"type", "kernel", "models"})
KERNEL_VARIES = frozenset({"connection_file", "notebook", "python", "ipykernel", "pid"})

OTHER_ENGLISH = ("detail", "reason")
CHANGE_ENGLISH = frozenset({"evidence", "explanation"})
CHANGE_PLACED = frozenset({"name", "verdict", "persistence", "parts", "id", "previous_id"})
"""Keys of a change that ``_change_facts`` writes in a form of their own."""
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
_ADDRESS_USED_AGAIN = "the same id() as the object before: the address was used again, it is another object"
_DIFFERS = re.compile(r"(its part [^:]*: )?.* (bound to a new value|written in place)")
_PLAIN = re.compile(r"[\w.:/\[\]-]+")


def facts(records: Iterable[Record], steps: Sequence[int], folder: str, *, exact: bool = False) -> list[Line]:
    """What was found, without any English.

    Args:
        records: of one notebook, in order.
        steps: the number of the step that each ``execution`` is, in order.
        folder: the kernel's, which stands in paths.
        exact: leave out nothing that depends on chance.
    """
    return _cleaned(_sorted(_all(records, steps, _Facts(exact))), folder)


def sentences(
    records: Iterable[Record], steps: Sequence[int], folder: str, *, exact: bool = False
) -> list[Line]:
    """What is said of it; arguments as for ``facts``."""
    return _cleaned(_sorted(_all(records, steps, _Sentences(exact))), folder)


class _Form:
    """What the lines of a record are; the methods are for its parts, and give subject and text."""

    def __init__(self, exact: bool) -> None:
        self.exact = exact

    def attached(self, record: Record) -> Iterator[tuple[str, str]]:
        """An attach."""
        yield from ()

    def run(self, record: Record) -> Iterator[tuple[str, str]]:
        """A run, apart from its changes."""
        yield from ()

    def change(self, change: Record, subject: str) -> Iterator[tuple[str, str]]:
        """A change, apart from its parts."""
        yield from ()

    def forecast(self, forecast: Record) -> Iterator[tuple[str, str]]:
        """What would happen to one name."""
        yield from ()

    def other(self, record: Record) -> Iterator[tuple[str, str]]:
        """A record of another type."""
        yield from ()


class _Facts(_Form):
    """The lines of each part of a record that hold facts."""

    def attached(self, record: Record) -> Iterator[tuple[str, str]]:
        told = {**record, **record["kernel"]}
        yield "kernel", _pairs({k: v for k, v in told.items() if k not in ATTACH_LISTS | KERNEL_VARIES})
        for model in record["models"]:
            yield model["name"], _pairs({k: v for k, v in model.items() if k not in ("name", "id")})

    def other(self, record: Record) -> Iterator[tuple[str, str]]:
        yield record["type"], _pairs({k: v for k, v in record.items() if k not in ("type", *OTHER_ENGLISH)})

    def run(self, record: Record) -> Iterator[tuple[str, str]]:
        told = {k: v for k, v in record.items() if k not in RUN_VARIES | RUN_LISTS}
        for key in ("forecast_doubt", "not_evaluated"):
            if key in told:
                told[key] = True
        yield f"In [{record['execution_count']}]", _pairs(told)

    def change(self, change: Record, subject: str) -> Iterator[tuple[str, str]]:
        told = {k: v for k, v in change.items() if k not in CHANGE_ENGLISH | CHANGE_PLACED}
        for key, missing in (("id", "gone"), ("previous_id", "new")):
            if (change[key] is None) != (change["identity"] == missing):
                told[key] = change[key]
        if change["persistence"] is not None:
            told["persistence"] = [v if v is not None else "null" for v in change["persistence"].values()]
        yield subject, f"{change['verdict']} {_pairs(told)}"

    def forecast(self, forecast: Record) -> Iterator[tuple[str, str]]:
        told = {k: v for k, v in forecast.items() if k not in ("name", "verdict", "reason")}
        yield f"{forecast['name']} again", f"{_value(forecast['verdict'])} {_pairs(told)}"


class _Sentences(_Form):
    """The lines of each part of a record that hold English."""

    def other(self, record: Record) -> Iterator[tuple[str, str]]:
        yield from ((record["type"], record[key]) for key in OTHER_ENGLISH if record.get(key))

    def run(self, record: Record) -> Iterator[tuple[str, str]]:
        subject = f"In [{record['execution_count']}]"
        if "forecast_doubt" in record:
            yield f"{subject} again", record["forecast_doubt"]
        for told in record.get("not_evaluated", ()):
            yield f"{subject} not evaluated", told

    def change(self, change: Record, subject: str) -> Iterator[tuple[str, str]]:
        evidence = "; ".join(change["evidence"])
        explanation: str = change["explanation"]
        yield subject, explanation.replace(f": {evidence}.", ": ….") if evidence else explanation
        for told in change["evidence"] if self.exact else _without_chance(change):
            yield f"{subject} because", told

    def forecast(self, forecast: Record) -> Iterator[tuple[str, str]]:
        yield f"{forecast['name']} again", forecast["reason"]


def _all(records: Iterable[Record], steps: Sequence[int], form: _Form) -> Iterator[Line]:
    step, left = "before the attach", iter(steps)
    for record in records:
        if record["type"] in IGNORED and not form.exact:
            continue
        if record["type"] == "attached":
            step = f"attach {record['epoch']}"
        elif record["type"] == "execution":
            step = f"step {next(left)}"
        yield from (Line(step, subject, text) for subject, text in _of(record, form))
    if next(left, None) is not None:
        raise ValueError("there are more steps than runs")


def _of(record: Record, form: _Form) -> Iterator[tuple[str, str]]:
    match record["type"]:
        case "attached":
            yield from form.attached(record)
        case "execution":
            yield from form.run(record)
            yield from _changes(record["changes"], form)
            for forecast in record.get("forecast", ()):
                yield from form.forecast(forecast)
        case "between":
            yield from form.other({k: v for k, v in record.items() if k != "changes"})
            yield from _changes(record["changes"], form, "between runs: ")
        case _:
            yield from form.other(record)


def _changes(changes: Iterable[Record], form: _Form, before: str = "") -> Iterator[tuple[str, str]]:
    for change in changes:
        subject = f"{before}{change['name']}"
        if change["scope"] == "local":
            subject += " (local)"
        yield from form.change(change, subject)
        yield from _changes(change.get("parts", ()), form, f"{subject}: ")


def _without_chance(change: Record) -> Iterator[str]:
    """The evidence that every play gives."""
    earlier = ""
    for told in change["evidence"]:
        if told == _ADDRESS_USED_AGAIN:
            continue
        match = _DIFFERS.fullmatch(told)
        if match is not None and match[1] is None and change["learned"] == "fitted":
            match = None
        text = told if match is None else f"{match[1] or ''}learned attributes differ"
        if match is None or text != earlier:
            yield text
        earlier = text


def _sorted(lines: Iterable[Line]) -> Iterator[Line]:
    """Within each step by subject; lines of one subject stay in their order."""
    by_step: dict[str, list[Line]] = {}
    for line in lines:
        by_step.setdefault(line.step, []).append(line)
    for found in by_step.values():
        yield from sorted(
            found, key=lambda line: (not line.subject.startswith(("In [", "kernel")), line.subject)
        )


def _cleaned(lines: Iterable[Line], folder: str) -> list[Line]:
    return [Line(line.step, clean(line.subject, folder), clean(line.text, folder)) for line in lines]


def clean(text: str, folder: str) -> str:
    """The text, on one line, without what another run has otherwise."""
    text = text.replace(folder, "FOLDER")
    text = _TEMPORARY.sub("TEMPORARY", text)
    text = _ADDRESS.sub("0x…", text)
    return text.replace("\n", "\\n")


def _pairs(told: Record) -> str:
    return " ".join(f"{k}={_value(v)}" for k, v in told.items() if k not in USUAL or USUAL[k] != v)


def _value(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
