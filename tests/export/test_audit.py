"""How an audit is told."""

from __future__ import annotations

import json

import pytest

from kernelscope.domain.facts import Cost
from kernelscope.export.audit import is_clean, json_text, rows, table
from kernelscope.protocol.audit import Activity, Audit, Inspection, InstalledProbe, Report
from kernelscope.protocol.wire import WireError, decode_answer

COST = Cost(hooks=12, median=0.0007, p99=0.0021, longest=0.004, sent=12_345, not_evaluated=2, failures=0)
PROBE = InstalledProbe("0.1.0", 1, COST)


def made(
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
def test_what_differs_afterwards(after: tuple[str, ...], runs: tuple[int, ...], finding: str) -> None:
    told = made({"modules": ("a", "b")}, {"modules": ("a", "b")}, {"modules": after}, runs=runs)
    assert [row.finding for row in rows(told)] == [finding]
    assert is_clean(told) == (finding in ("same", "theirs"))
    assert json.loads(json_text(told))["clean"] == is_clean(told)


def test_what_is_there_only_meanwhile_is_ours() -> None:
    report: Report = {"callbacks": ("pre_run_cell: theirs",)}
    ours: Report = {"callbacks": ("pre_run_cell: theirs", "pre_run_cell: _kernelscope_probe.agent.x")}
    (row,) = rows(made(report, ours, report))
    assert (row.before, row.during, row.after, row.finding) == ("1", "2", "1", "ours")
    assert row.detail == "+ 1 of kernelscope's"


def test_the_table_tells_the_cost_and_what_the_audit_did() -> None:
    report: Report = {"names": ("a", "b"), "execution count": ("7",), "limits": ("1000", "0.005")}
    shown = table(made(report, report, report))
    assert "names            2" in shown
    assert "execution count  7" in shown
    assert "a run          takes 0.7 ms at the median, 2.1 ms at the 99th percentile, 4.0 ms at most" in shown
    assert "hooks, encoding and sending (12 so far)" in shown
    assert "12,345 bytes sent, 2 values not evaluated, 0 errors of its own, 0 observations lost" in shown
    assert "did not move in the 3 s" in shown
    assert shown.endswith("everything is unchanged")


def test_a_hostile_report_is_made_safe() -> None:
    look = decode_answer('{"report": {"names": ["\\u001b]0;x\\u0007"]}, "probe": null}', Inspection)
    assert isinstance(look, Inspection)
    assert look.report["names"] == ("\\x1b]0;x\\x07",)


@pytest.mark.parametrize("text", ["", "[]", '{"report": 3}'])
def test_what_is_no_report(text: str) -> None:
    with pytest.raises(WireError):
        decode_answer(text, Inspection)
