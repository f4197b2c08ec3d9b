"""Tests re-runs: which runs belong to one cell, and what running it again did."""

from __future__ import annotations

from kernelscope.domain.facts import ObjectFacts
from tests.support.facts import Watch, call_of, model, rebind


def test_given_the_same_source_when_run_again_then_rerun_of_is_the_latest_earlier_run() -> None:
    watch = Watch()

    rerun_of = [watch.cell(source=s).rerun_of for s in ("a", "b", "a", "a", "b", "c")]

    assert rerun_of == [None, None, 1, 3, 2, None]


def test_given_a_cell_id_when_its_source_was_edited_then_it_is_still_a_rerun() -> None:
    watch = Watch()

    rerun_of = [
        watch.cell(source=s, cell_id=i).rerun_of for s, i in (("a", "x"), ("b", "x"), ("c", "y"), ("a", "y"))
    ]

    assert rerun_of == [None, 1, None, 3]


def test_given_a_source_and_a_cell_id_that_ran_apart_when_run_then_the_later_of_both() -> None:
    watch = Watch()
    watch.cell(source="a", cell_id="x")
    watch.cell(source="b", cell_id="y")

    assert watch.cell(source="a", cell_id="y").rerun_of == 2
    assert watch.cell(source="b", cell_id="x").rerun_of == 2


def test_given_a_restart_when_the_same_source_runs_then_it_is_no_rerun_yet_the_same_cell() -> None:
    watch = Watch()
    watch.cell(source="a", cell_id="x")
    watch.attach()

    first = watch.cell(source="a", cell_id="x")
    second = watch.cell(source="a", cell_id="x")

    assert (first.rerun_of, second.rerun_of) == (None, 1)
    (cell,) = watch.timeline.cells()
    assert [(r.epoch, r.count) for r in cell.runs] == [(1, 1), (2, 1), (2, 2)]
    assert [r.count for r in cell.reruns] == [2]


def test_given_a_cell_that_resets_when_run_three_times_more_then_three_of_three() -> None:
    watch = Watch()
    for token in range(1, 5):
        watch.run(names={"m": model(token)}, source="m = LR()")

    (cell,) = watch.timeline.cells()

    assert [(e.name, e.verdict, e.times, e.of) for e in cell.effects] == [("m", "reset", 3, 3)]
    assert [(e.name, e.verdict, e.times, e.of) for e in cell.first_effects] == [("m", "created", 1, 1)]


def test_given_reruns_that_differ_when_summed_up_then_each_verdict_the_most_frequent_first() -> None:
    m = rebind(model(1))
    watch = Watch(m=m)
    for method in ("fit", "partial_fit", "fit", "fit"):
        m = rebind(m)
        watch.run(m, calls=[call_of(m, method)], source="step()")

    (cell,) = watch.timeline.cells()

    assert [(e.name, e.verdict, e.times, e.of) for e in cell.effects] == [
        ("m", "refitted", 2, 3),
        ("m", "continued", 1, 3),
    ]


def test_given_a_rerun_that_touched_nothing_when_summed_up_then_it_still_counts_as_one() -> None:
    watch = Watch()
    watch.cell(source="a")
    watch.run(names={"m": model(1)}, source="a")
    watch.cell(source="a")

    assert [(e.times, e.of) for e in watch.timeline.cells()[0].effects] == [(1, 2)]


def test_given_a_cell_when_never_run_again_then_it_has_only_first_effects() -> None:
    watch = Watch()
    watch.run(names={"m": model(1)}, source="a")

    (cell,) = watch.timeline.cells()

    assert (cell.effects, cell.reruns) == ((), ())
    assert [e.verdict for e in cell.first_effects] == ["created"]


def test_given_a_cell_that_was_edited_when_listed_then_one_cell_with_its_latest_source() -> None:
    watch = Watch()
    watch.cell(source="a", cell_id="x")
    watch.cell(source="b", cell_id="x")
    watch.cell(source="other")

    assert [(c.code, len(c.runs)) for c in watch.timeline.cells()] == [("b", 2), ("other", 1)]


def test_given_changes_between_runs_when_a_cell_runs_again_then_they_are_not_its_effects() -> None:
    m: ObjectFacts = model(1)
    watch = Watch(m=m)
    watch.cell(source="a")
    watch.look({"m": model(2)})
    watch.cell(source="a")

    assert watch.timeline.cells()[0].effects == ()
