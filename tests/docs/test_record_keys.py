"""Tests that every key of the JSON records is documented with its type, and every documented key is emitted."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from kernelscope.domain.events import Attached, Detached, KernelChanged, Lost, Observed, Progress, Waiting
from kernelscope.domain.facts import Cost, LocalModel, Movement, NotCompared, Snapshot, SwitchedOff
from kernelscope.expectations.checker import ExpectationChecker
from kernelscope.expectations.language import parse
from kernelscope.export.audit import json_text
from kernelscope.export.expectations import expectation_record
from kernelscope.export.history import history_json
from kernelscope.export.listing import json_line
from kernelscope.forecast.forecaster import Forecaster
from kernelscope.kernel.entry import KernelEntry
from kernelscope.presentation.history import name_history
from kernelscope.protocol import records
from kernelscope.protocol.audit import Activity, Audit, Inspection, InstalledProbe
from kernelscope.timeline.timeline import Timeline
from kernelscope.timeline.view import TimelineView
from screenshots import make
from tests.support.facts import (
    KERNEL,
    LOGISTIC,
    OBSCURE,
    Watch,
    call_evidence,
    call_of,
    model,
    observation,
    params,
    pipeline,
    rebind,
    run_facts,
    save_access,
)
from tests.support.pages import PAGES, code_words, fenced_blocks, sections, table_rows

_CHANGE, _FORECAST = "A change", "A forecast"
_SECTIONS = {"changes": _CHANGE, "parts": _CHANGE, "change": _CHANGE, "forecast": _FORECAST}
"""Keys whose objects have a section of their own."""
_WHOLE = {"params", "cost"}
"""Keys whose objects are described as a whole."""
_JSON_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}

Keys = dict[str, dict[str, set[str]]]
"""Section → path of a key → JSON types."""


def collect_keys(into: Keys, section: str, value: Mapping[str, Any], prefix: str = "") -> None:
    """Add every key of a JSON object to its section."""
    for key, item in value.items():
        path = prefix + key
        if isinstance(item, dict) and key not in _WHOLE:
            if key in _SECTIONS:
                collect_keys(into, _SECTIONS[key], item)
            else:
                collect_keys(into, section, item, f"{path}.")
                continue
        elif isinstance(item, list) and item and isinstance(item[0], dict):
            inner = _SECTIONS.get(key, section) if isinstance(_SECTIONS.get(key), str) else section
            for element in item:
                collect_keys(into, inner, element, "" if key in _SECTIONS else f"{path}[].")
            if key not in _SECTIONS:
                continue
        name = "object" if isinstance(item, dict) else "array" if isinstance(item, list) else None
        into.setdefault(section, {}).setdefault(path, set()).add(name or _JSON_TYPES[type(item)])


def busy_session() -> Watch:
    """Build a session that has a record with each key."""
    step = rebind(model(1, named=False))
    m, pipe, item = model(3), pipeline(2, ("clf", step)), model(4)
    watch = Watch(step, pipe=pipe, m=m)
    watch.apply(Waiting("busy"))
    watch.cell(m := rebind(m), **call_evidence(m, "fit", seen=True), cell_id="a")
    watch.cell(m := rebind(m), code=OBSCURE, sees_calls=False, cut=["values"], status="error")
    watch.cell(
        rebind(params(step, C=2.0)),
        pipe,
        names={"item": item},
        files=[save_access(m), save_access(item, path=None)],
    )
    watch.cell(calls=[call_of(m, returned=False)], status="error")
    watch.cell(local=[LocalModel(9, 9, LOGISTIC, "fit", "cross_validate", 0x7F)])
    watch.cell(names={"m": None})
    watch.look({"m": model(5)})
    watch.cell(names={"m": model(6)}, late=True)
    off = (SwitchedOff("toylib", "KeyError: 'a'"),)
    waiting = NotCompared(900, {"m": 3})
    watch.apply(
        Observed(1, observation(watch.next_seq(), run_facts(8), switched_off=off, not_compared=waiting))
    )
    watch.apply(Attached(2, KERNEL, Snapshot(switched_off=off)))
    watch.look({"late": replace(model(7), known="attach")})
    watch.apply(
        Progress(1, 7, 2.5, (Movement("m", LOGISTIC, 5, "t_ 1 → 2"), Movement("n", LOGISTIC, None, "x")))
    )
    watch.apply(KernelChanged(1, "died", "killed"))
    watch.apply(Lost(1, 3))
    watch.apply(Detached("done"))
    return watch


def emitted_keys() -> Keys:
    """Collect the keys of all records of the demo and the busy session."""
    keys: Keys = {}
    for events in (make.read(), busy_session().events):
        timeline = Timeline()
        checker = ExpectationChecker(
            [parse("*: not reset"), parse("nothing: saved"), parse("*: only fitted in 3")],
            TimelineView(timeline),
        )
        for event in events:
            update = timeline.apply(event)
            checker(update)
            for record in records.records_of(update, Forecaster(TimelineView(timeline)).of):
                add_record(keys, json.loads(records.encode(record)))
        for result in checker.results():
            add_record(keys, json.loads(records.encode(expectation_record(result))))
    return keys


def add_record(keys: Keys, record: dict[str, Any]) -> None:
    collect_keys(keys, f"`{record.pop('type')}`", record)


def documented_keys(page: str) -> Keys:
    return {
        section: {code_words(row[0])[0]: set(row[1].split(" or ")) for row in table_rows(text, "key", "type")}
        for section, text in sections(page).items()
        if "| key | type |" in text
    }


def assert_described(emitted: dict[str, set[str]], documented: dict[str, set[str]]) -> None:
    """Check that both have the same keys, and that the type of every value is documented."""
    without_inner = {
        path: types
        for path, types in emitted.items()
        if path in documented or not any(d.startswith((f"{path}.", f"{path}[].")) for d in documented)
    }  # null in place of an object, and an empty list of objects
    assert set(without_inner) == set(documented)
    for path, types in without_inner.items():
        allowed = documented[path] | ({"integer"} if "number" in documented[path] else set())
        assert types <= allowed, (path, types)


def test_every_key_of_every_record_is_documented_and_every_documented_key_is_emitted() -> None:
    emitted, documented = emitted_keys(), documented_keys(PAGES["records"])

    assert set(emitted) == {section for section in documented if "--json" not in section}
    for section, keys in emitted.items():
        assert_described(keys, documented[section])


def test_the_sample_has_every_key_that_the_module_of_the_records_can_emit() -> None:
    tree = ast.parse(Path(records.__file__).read_text(encoding="utf-8"))
    literals = {
        key.value
        for node in ast.walk(tree)
        for key in (
            node.keys
            if isinstance(node, ast.Dict)
            else [node.slice]
            if isinstance(node, ast.Subscript)
            else []
        )
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }
    emitted = {
        part.removesuffix("[]")
        for keys in emitted_keys().values()
        for path in keys
        for part in path.split(".")
    }

    assert literals - {"type"} <= emitted


def entry(**values: Any) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(
        json_line(
            KernelEntry(connection_file=Path("/r/kernel-1.json"), kernel_id="1", owner="jupyter", **values)
        )
    )
    return record


def audit_object() -> dict[str, Any]:
    look = Inspection({"names": ("a",), "modules": ("m",)})
    watched = Inspection(look.report, InstalledProbe("1", 1, Cost(), compared_after={"m": 3}, latest=4))
    audit = Audit("n.ipynb", look, watched, look, Cost(), 3.0, 5, runs=(1,), activity=Activity(1.0, 2.0))
    record: dict[str, Any] = json.loads(json_text(audit))
    return record


def history_objects() -> Iterator[dict[str, Any]]:
    watch = busy_session()
    for name in ("m", "pipe", "item"):
        yield json.loads(history_json(name_history(watch.timeline, name, None, 0)))
    demo = Timeline()
    for event in make.read():
        demo.apply(event)
    yield json.loads(history_json(name_history(TimelineView(demo), "clf", None, 0)))


def test_the_keys_of_the_other_commands_are_documented() -> None:
    objects = {
        "`ls --json`": [entry(state="idle", notebook="n", kernel_name="k", last_activity=1.5, started=1.5), entry(state="dead")],
        "`audit --json`": [audit_object()],
        "`explain --json`": list(history_objects()),
    }  # fmt: skip
    documented = documented_keys(PAGES["records"])
    assert set(objects) == {section for section in documented if "--json" in section}
    for section, samples in objects.items():
        keys: Keys = {}
        for sample in samples:
            sample.pop("type", None)
            collect_keys(keys, section, sample)
        optional = {"not_evaluated.count", "not_evaluated.first"} - set(keys[section])
        assert_described(keys[section], {k: v for k, v in documented[section].items() if k not in optional})


def test_the_example_record_is_one_of_the_demo_s() -> None:
    (example,) = fenced_blocks(PAGES["records"], "json")
    timeline = Timeline()
    emitted = [
        record
        for event in make.read()
        for record in records.records_of(timeline.apply(event), Forecaster(TimelineView(timeline)).of)
    ]

    assert json.loads(example) in emitted
