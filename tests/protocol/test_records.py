"""Compares the lines of ``watch --json`` with their documented contract."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from kernelscope.domain.events import Attached, Detached, Event, KernelChanged, Lost, Observed, Waiting
from kernelscope.domain.facts import LocalModel, Observation, Opaque
from kernelscope.forecast.forecaster import Forecaster
from kernelscope.protocol.records import SCHEMA, encode, execution_record, records_of
from kernelscope.timeline.timeline import Timeline, Update
from tests.support.facts import (
    KERNEL,
    LOGISTIC,
    Watch,
    attach_event,
    call_of,
    load_access,
    model,
    observation,
    params,
    pipeline,
    rebind,
    run_facts,
    save_access,
)
from tests.timeline.test_properties import streams

CHANGE_KEYS = {
    "name", "verdict", "identity", "learned", "params", "persistence", "scope", "class", "generation",
    "previous_generation", "id", "previous_id", "fitted", "stale", "certainty", "evidence", "explanation",
}  # fmt: skip
RUN_KEYS = {
    "type", "epoch", "execution_count", "cell_id", "rerun_of", "code", "status", "client", "started",
    "seconds", "changes",
}  # fmt: skip
KERNEL_KEYS = {"connection_file", "notebook", "implementation", "python", "pid", "execution_count"}


def lines(timeline: Timeline, *events: Event) -> list[dict[str, Any]]:
    """Write these events and read the records back."""
    records = []
    for event in events:
        for record in records_of(timeline.apply(event)):
            line = encode(record)
            assert line.endswith(b"\n")
            assert line.count(b"\n") == 1
            records.append(json.loads(line))
    return records


def execution(watch: Watch, *objects: Any, **options: Any) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(encode(execution_record(watch.cell(*objects, **options))))
    return record


def test_given_an_attach_when_written_then_the_schema_the_kernel_and_what_every_name_holds() -> None:
    clf = rebind(model(1, named=False))
    (record,) = lines(
        Timeline(), attach_event({"pipe": pipeline(2, ("clf", clf)), "m": model(3)}, [clf], count=7)
    )

    assert (record["type"], record["schema"], record["epoch"]) == ("attached", 1, 1)
    assert record["kernel"].keys() >= KERNEL_KEYS
    assert (record["kernel"]["execution_count"], record["kernel"]["notebook"]) == (7, None)
    assert record["models"] == [
        {
            "name": "pipe",
            "class": "sklearn.pipeline.Pipeline",
            "generation": 2,
            "id": "0x7f000020",
            "fitted": True,
        },
        {"name": "m", "class": LOGISTIC, "generation": 3, "id": "0x7f000030", "fitted": False},
    ]


def test_given_the_schema_when_nothing_was_renamed_then_it_is_version_1() -> None:
    assert SCHEMA == 1


def test_given_a_run_when_written_then_it_has_every_key_of_the_contract() -> None:
    m = rebind(model(1))

    record = execution(
        Watch(m=m), rebind(params(m, C=2.0)), calls=[call_of(m)], cell_id="c1", source="m.fit(X)"
    )

    assert record.keys() >= RUN_KEYS
    assert (record["type"], record["epoch"], record["execution_count"]) == ("execution", 1, 1)
    assert (record["cell_id"], record["rerun_of"], record["code"]) == ("c1", None, "m.fit(X)")
    assert (record["status"], record["client"], record["seconds"]) == ("ok", "c0ffee", 0.25)
    (change,) = record["changes"]
    assert change.keys() == CHANGE_KEYS
    explanation, evidence = change.pop("explanation"), change.pop("evidence")
    assert explanation.startswith("In [1] m was fitted again")
    assert evidence[0] == "fit() seen"
    assert change == {
        "name": "m", "verdict": "refitted", "identity": "same", "learned": "refitted",
        "params": {"C": [1.0, 2.0]}, "persistence": None, "scope": "global", "class": LOGISTIC,
        "generation": 1, "previous_generation": 1, "id": "0x7f000010", "previous_id": "0x7f000010",
        "fitted": True, "stale": [], "certainty": "observed",
    }  # fmt: skip


def test_given_a_run_with_no_changes_when_written_then_it_is_still_a_line() -> None:
    assert execution(Watch(m=model(1)))["changes"] == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1_795_205_400.1239, "2026-11-20T20:10:00.123Z"),
        (1_795_205_400.0, "2026-11-20T20:10:00.000Z"),
        (0.0, "1970-01-01T00:00:00.000Z"),
    ],
)
def test_given_a_start_when_written_then_it_is_utc_with_milliseconds(seconds: float, text: str) -> None:
    run = Watch().cell()

    record = execution_record(replace(run, facts=replace(run.facts, started=seconds)))

    assert record["started"] == text


@pytest.mark.parametrize("seconds", [math.inf, math.nan, 1e300, -1e300])
def test_given_a_start_beyond_every_calendar_when_written_then_null(seconds: float) -> None:
    run = Watch().cell()

    record = execution_record(replace(run, facts=replace(run.facts, started=seconds)))

    assert record["started"] is None


def test_given_a_deleted_name_when_written_then_every_key_about_an_object_is_null() -> None:
    (change,) = execution(Watch(m=rebind(model(1))), names={"m": None})["changes"]

    assert change.keys() == CHANGE_KEYS
    about = ("learned", "params", "persistence", "class", "generation", "id", "fitted")
    assert [change[key] for key in about] == [None] * 7
    assert (change["previous_generation"], change["previous_id"]) == (1, "0x7f000010")
    assert (change["scope"], change["stale"]) == ("global", [])


def test_given_opaque_parameters_when_written_then_they_are_plain_json() -> None:
    m = model(1, w=Opaque("float64 array (3,)", "aa", 1), steps=None)
    after = params(m, w=Opaque("float64 array (3,)", "bb", 1), steps=Opaque("list of 2 steps"))

    (change,) = execution(Watch(m=m), after)["changes"]

    assert change["params"] == {
        "w": ["float64 array (3,)", "float64 array (3,)"],
        "steps": [None, "list of 2 steps"],
    }


def test_given_numbers_that_json_lacks_when_written_then_they_differ_from_null() -> None:
    m = model(1, tol=None)

    (change,) = execution(Watch(m=m), params(m, tol=math.inf, C=math.nan))["changes"]

    assert change["params"] == {"C": [1.0, "nan"], "tol": [None, "inf"]}


def test_given_not_a_number_when_unchanged_then_nothing_differs() -> None:
    m = model(1, missing_values=math.nan)

    assert execution(Watch(m=m), params(m, missing_values=float("nan")))["changes"] == []


def test_given_a_save_and_a_load_when_written_then_the_action_and_the_file() -> None:
    m = rebind(model(1))
    watch = Watch(m=m)
    (saved,) = execution(watch, files=[save_access(m)])["changes"]
    new = rebind(model(2))
    (back,) = execution(
        watch, names={"m": new}, calls=[call_of(new, "__setstate__")], files=[load_access(new)]
    )["changes"]

    assert saved["persistence"] == {"action": "saved", "file": "/w/m.joblib", "call": "joblib.dump"}
    assert back["persistence"] == {"action": "loaded", "file": "/w/m.joblib", "call": "joblib.load"}


def test_given_parts_when_written_then_they_are_nested_in_their_whole() -> None:
    clf = rebind(model(1, named=False))

    (change,) = execution(Watch(clf, pipe=pipeline(2, ("clf", clf))), rebind(clf), calls=[call_of(clf)])[
        "changes"
    ]

    assert change.keys() == CHANGE_KEYS | {"parts"}
    (part,) = change["parts"]
    assert part.keys() == CHANGE_KEYS
    assert (part["name"], part["verdict"], part["generation"]) == ("pipe['clf']", "refitted", None)


def test_given_local_models_when_written_then_they_come_after_the_names() -> None:
    local = LocalModel(7, 5, LOGISTIC, "fit", "evaluate", 0x1234)

    changes = execution(Watch(), names={"m": model(1)}, local=[local])["changes"]

    assert [(c["name"], c["scope"]) for c in changes] == [("m", "global"), ("evaluate", "local")]
    assert all(c.keys() == CHANGE_KEYS for c in changes)


def test_given_what_was_left_out_when_written_then_it_is_in_the_record() -> None:
    assert execution(Watch(), cut=["too many objects"])["not_evaluated"] == {
        "count": 1,
        "first": ["too many objects"],
    }
    assert "not_evaluated" not in execution(Watch())


def test_given_changes_between_runs_when_written_then_once_and_in_no_run() -> None:
    timeline = Timeline()
    m = model(1)
    look = observation(1, None, {}, [params(m, C=3.0)])

    records = lines(
        timeline,
        attach_event({"m": m}, count=4),
        Observed(1, look),
        Observed(1, observation(2, run_facts(5))),
    )

    assert [r["type"] for r in records] == ["attached", "between", "execution"]
    assert (records[1]["epoch"], records[1]["after"]) == (1, 4)
    assert [c["verdict"] for c in records[1]["changes"]] == ["params"]
    assert "params" not in [c["verdict"] for c in records[2]["changes"]]
    assert sum(json.dumps(r).count('"verdict"') for r in records) == 1


def test_given_a_look_between_runs_when_no_model_differs_then_no_line() -> None:
    m = rebind(model(1))

    records = lines(Timeline(), attach_event({"m": m}), Observed(1, observation(1, None, {}, [m])))

    assert [r["type"] for r in records] == ["attached"]


def test_given_the_history_of_an_earlier_watcher_when_attached_then_it_is_not_written() -> None:
    history = [observation(1, run_facts(1), {"m": model(1)}), observation(2, run_facts(2))]

    records = lines(
        Timeline(), attach_event({}, count=2, history=history), Observed(1, observation(3, run_facts(3)))
    )

    assert [(r["type"], r.get("execution_count")) for r in records] == [("attached", None), ("execution", 3)]
    assert [m["name"] for m in records[0]["models"]] == ["m"]


@pytest.mark.parametrize(
    ("event", "record"),
    [
        (Waiting("the kernel is busy"), {"type": "waiting", "reason": "the kernel is busy"}),
        (Lost(2, 3), {"type": "lost", "epoch": 2, "count": 3}),
        (Detached("gone"), {"type": "detached", "reason": "gone"}),
        *(
            (KernelChanged(2, state, "why"), {"type": "kernel", "state": state, "epoch": 2, "detail": "why"})
            for state in ("restarted", "died", "unreachable", "back")
        ),
    ],
)
def test_given_any_other_event_when_written_then_one_line(event: Event, record: dict[str, Any]) -> None:
    assert lines(Timeline(), event) == [record]


@pytest.mark.parametrize("state", ["idle", "busy"])
def test_given_a_busy_kernel_when_reported_then_no_line(state: Any) -> None:
    assert lines(Timeline(), KernelChanged(1, state)) == []


def test_given_the_kernel_s_facts_when_written_then_all_are_there() -> None:
    kernel = replace(KERNEL, notebook="/w/é.ipynb", ipykernel="7.1.0", sees_calls=True)
    event = Attached(1, kernel, attach_event({}).base)

    (record,) = lines(Timeline(), event)

    assert record["kernel"] == {
        "connection_file": "/run/kernel-1.json", "notebook": "/w/é.ipynb", "implementation": "ipython",
        "python": "3.12.1", "ipykernel": "7.1.0", "pid": 42, "execution_count": 0, "sees_calls": True,
    }  # fmt: skip


@pytest.mark.proof
@settings(deadline=None)
@given(streams())
def test_given_any_stream_when_written_then_every_line_is_in_order_and_keeps_the_contract(
    looks: list[Observation],
) -> None:
    timeline = Timeline()
    records = lines(timeline, attach_event({"m": model(1)}), *(Observed(1, look) for look in looks))

    runs = [r for r in records if r["type"] == "execution"]
    assert [r["execution_count"] for r in runs] == [x.run.execution_count for x in looks if x.run]
    for record in runs:
        assert record.keys() >= RUN_KEYS
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["started"])
        for change in record["changes"]:
            assert change.keys() - {"parts", "late"} == CHANGE_KEYS
            assert change["evidence"]
            assert change["explanation"]


def test_given_an_empty_update_when_written_then_no_line() -> None:
    assert list(records_of(Update(Observed(1, observation(1, None))))) == []


def test_a_run_has_the_forecast_of_the_next_one() -> None:
    m = model(1, warm_start=True)
    watch = Watch(m=m)
    run = watch.cell(rebind(m), source="m.fit(X, y)", calls=[call_of(m)])

    record = json.loads(encode(execution_record(run, Forecaster(watch.timeline).of(run))))

    assert record["forecast"] == [
        {"name": "m", "verdict": "continued", "reason": "fit() continues: warm_start is True", "sure": True}
    ]
    assert "forecast_doubt" not in record


def test_an_unknown_forecast_has_no_verdict_and_says_why() -> None:
    watch = Watch()
    run = watch.cell(names={"m": model(1)}, source="if a:\n    m = make()", status="error")

    record = json.loads(encode(execution_record(run, Forecaster(watch.timeline).of(run))))

    assert record["forecast"] == [
        {"name": "m", "verdict": None, "reason": "it is made only under a condition", "sure": False}
    ]
    assert record["forecast_doubt"] == "it raised an error"


def test_without_a_forecaster_a_run_has_no_forecast() -> None:
    assert "forecast" not in execution(Watch())
