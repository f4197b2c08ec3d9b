"""Tests the report of an audit."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from kernelscope.domain.facts import Cost
from kernelscope.export.audit import is_clean, json_text, rows, table
from kernelscope.protocol.audit import Activity, Audit, Inspection, InstalledProbe, Report
from kernelscope.protocol.wire import WireError, decode_answer

COST = Cost(hooks=12, median=0.0007, p99=0.0021, longest=0.004, sent=12_345, not_evaluated=2, failures=0)
PROBE = InstalledProbe("0.1.0", 1, COST, compared_after={"m": 7, "n": 3, "old": 2}, latest=7)


def make_audit(
    before: Report, during: Report, after: Report, *, runs: tuple[int, ...] = (), stays: bool = False
) -> Audit:
    return Audit(
        kernel="a.ipynb",
        before=Inspection(before),
        during=Inspection(during, PROBE),
        after=Inspection(after, PROBE if stays else None),
        cost=COST,
        seconds=3.0,
        requests=6,
        runs=runs,
        activity=Activity(10.0, 10.0),
    )


@pytest.mark.parametrize(
    ("after", "runs", "finding"),
    [
        (("a", "b"), (), "same"),
        (("a",), (), "changed"),
        (("a",), (7,), "theirs"),
        (("a", "b", "_kernelscope_probe.agent"), (), "left"),
        (("a", "b", "_kernelscope_probe.agent"), (7,), "left"),
    ],
)
def test_differences_after_the_watch_are_classified(
    after: tuple[str, ...], runs: tuple[int, ...], finding: str
) -> None:
    audit = make_audit({"modules": ("a", "b")}, {"modules": ("a", "b")}, {"modules": after}, runs=runs)
    assert [row.finding for row in rows(audit)] == [finding]
    assert is_clean(audit) == (finding in ("same", "theirs"))
    assert json.loads(json_text(audit))["clean"] == is_clean(audit)


def test_a_temporary_difference_is_ours() -> None:
    report: Report = {"callbacks": ("pre_run_cell: theirs",)}
    ours: Report = {"callbacks": ("pre_run_cell: theirs", "pre_run_cell: _kernelscope_probe.agent.x")}
    (row,) = rows(make_audit(report, ours, report))
    assert (row.before, row.during, row.after, row.finding) == ("1", "2", "1", "ours")
    assert row.detail == "+ 1 of kernelscope's"


def test_the_table_shows_the_cost_and_what_the_audit_did() -> None:
    report: Report = {"names": ("a", "b"), "execution count": ("7",), "limits": ("1000", "0.005")}
    text = table(make_audit(report, report, report))
    assert "names            2" in text
    assert "execution count  7" in text
    assert "a run          takes 0.7 ms at the median, 2.1 ms at the 99th percentile, 4.0 ms at most" in text
    assert "hooks, encoding and sending (12 so far)" in text
    assert "12,345 bytes sent, 2 values not evaluated, 0 errors of its own, 0 observations lost" in text
    assert (
        "content        2 of 3 models not compared after the latest run; old waits longest: 5 runs\n" in text
    )
    assert "did not move in the 3 s" in text
    assert text.endswith("everything is unchanged")


def test_models_that_were_all_compared_are_one_sentence() -> None:
    audit = make_audit({}, {}, {})
    probe = replace(PROBE, compared_after={"m": 7})
    audit = replace(audit, during=Inspection({}, probe))
    assert "content        of every model compared after the latest run\n" in table(audit)
    assert json.loads(json_text(audit))["compared"] == {
        "latest_run": 7,
        "models": [{"name": "m", "last_turn": 7}],
    }


def test_a_hostile_report_is_escaped() -> None:
    look = decode_answer('{"report": {"names": ["\\u001b]0;x\\u0007"]}, "probe": null}', Inspection)
    assert isinstance(look, Inspection)
    assert look.report["names"] == ("\\x1b]0;x\\x07",)


@pytest.mark.parametrize("text", ["", "[]", '{"report": 3}'])
def test_an_invalid_report_is_refused(text: str) -> None:
    with pytest.raises(WireError):
        decode_answer(text, Inspection)
