"""Tests the history of a name: its entries, their order and certainty, and what is unknown."""

from __future__ import annotations

from hypothesis import given

from kernelscope.domain.events import KernelChanged
from kernelscope.domain.facts import Observation
from kernelscope.export.history import history_json, history_text
from kernelscope.presentation.history import find_moment, name_history
from kernelscope.presentation.segments import text_of
from kernelscope.timeline.timeline import Timeline
from kernelscope.timeline.view import TimelineView
from tests.support.facts import Watch, attach_event, call_evidence, model, params, pipeline, rebind
from tests.timeline.test_properties import fast, streams, timeline_of


def session() -> Watch:
    """Run m: [1] created, [2] fitted, [3] replaced, [4] replaced by the same cell again."""
    watch = Watch()
    m = model(1)
    watch.cell(names={"m": m}, source="m = make()")
    watch.cell(rebind(m), source="m.fit(X, y)", **call_evidence(m, "fit", seen=True))
    watch.cell(names={"m": params(model(2), C=5.0)}, source="m = other()")
    watch.cell(names={"m": params(model(3), C=5.0)}, source="m = other()")
    return watch


def test_a_history_is_in_order_and_ends_with_the_current_state() -> None:
    text = history_text(name_history(session().timeline, "m"))
    lines = [line.strip() for line in text.splitlines()]
    runs = [line for line in lines if line.startswith("In [")]
    assert lines[0] == "m"
    assert [line.split(" m ")[0] for line in runs] == [
        "In [1]",
        "In [2]",
        "In [3]",
        "In [4], again after In [3],",
    ]
    assert "observed: a new object, #1, first seen in this run" in lines
    assert "Now m holds a LogisticRegression (#3), not fitted." in lines
    assert "Re-running In [4] resets m: the one time that it ran again." in lines


def test_effects_of_re_running_are_counted() -> None:
    watch = session()
    for token in (4, 5):
        watch.cell(names={"m": params(model(token), C=5.0)}, source="m = other()")
    watch.cell(source="m = other()")
    reruns = [a for a in name_history(watch.timeline, "m").reruns if a.of]
    assert [(text_of(a.sentence), a.times, a.of) for a in reruns] == [
        ("Re-running In [7] resets m: 3 of 4 times.", 3, 4)
    ]


def test_a_history_up_to_a_run_has_nothing_later() -> None:
    timeline = session().timeline
    history = name_history(timeline, "m", find_moment(timeline, 1, 2))
    assert [c.execution_count for c in history.entries] == [1, 2]
    assert text_of(history.end) == "After In [2] m holds a LogisticRegression (#1), fitted."
    assert history.reruns == ()
    assert find_moment(timeline, 1, 9) is None
    assert find_moment(timeline, 2, 1) is None


def test_what_happened_before_the_attach_is_unknown() -> None:
    timeline = Timeline()
    timeline.apply(attach_event({"m": rebind(model(1))}, count=7))
    history = name_history(TimelineView(timeline), "m")
    assert [text_of(c.sentence) for c in history.entries] == [
        "What happened to m before In [8] is unknown: kernelscope was not attached.",
        "After In [7] m holds a LogisticRegression (#1), fitted.",
    ]
    assert [c.certainty for c in history.entries] == ["unknown", "observed"]
    sentence = text_of(name_history(TimelineView(timeline), "m", forgotten=3).entries[0].sentence)
    assert (
        sentence == "What happened to m before In [8] is unknown: kernelscope kept no more (3 observations)."
    )


def test_a_name_that_appeared_later_begins_with_something_unknown_too() -> None:
    watch = Watch()
    watch.apply(attach_event({}, count=7, epoch=2))
    watch.count, watch.epoch = 7, 2
    watch.cell(names={"m": model(1)})
    kinds = [(c.kind, c.execution_count) for c in name_history(watch.timeline, "m").entries]
    assert kinds == [("unknown", 7), ("run", 8)]


def test_a_restart_is_part_of_the_history() -> None:
    watch = session()
    watch.apply(KernelChanged(1, "restarted"))
    watch.attach()
    history = name_history(watch.timeline, "m")
    assert (
        text_of(history.entries[-1].sentence)
        == "The kernel was restarted (epoch 2): what m had held is gone."
    )
    assert history.holds is None
    assert text_of(history.end) == "Now m holds no model."


def test_changes_between_runs_and_deletions_are_entries() -> None:
    watch = session()
    watch.look({}, params(model(3), C=9.0))
    watch.cell(names={"m": None}, source="del m")
    history = name_history(watch.timeline, "m")
    assert text_of(history.entries[-2].sentence).startswith(
        "After In [4], by no cell: m got other hyper-parameters"
    )
    assert text_of(history.entries[-1].sentence).startswith("In [5] m was removed")
    assert text_of(history.end) == "Now m holds no model."


def test_a_part_has_a_history_of_its_own() -> None:
    watch, step = Watch(), model(2, named=False)
    watch.attach({"pipe": pipeline(1, ("clf", step))}, [step])
    watch.cell(rebind(step), **call_evidence(step, "fit", seen=True))
    history = name_history(watch.timeline, "pipe['clf']")
    assert text_of(history.entries[-1].sentence).startswith(
        "In [1] pipe['clf'] was fitted for the first time"
    )
    assert text_of(history.end) == "Now pipe['clf'] holds a LogisticRegression (a part), fitted."


@fast
@given(streams())
def test_given_any_stream_then_every_change_of_a_row_is_in_its_history(
    looks: list[Observation],
) -> None:
    timeline = timeline_of(looks)
    for row in timeline.rows():
        history = name_history(timeline, row.name)
        changes = [point.change for point in timeline.track(row.name) if point.change is not None]
        assert [c.change for c in history.entries if c.change is not None] == changes
        places = [(c.epoch, c.execution_count) for c in history.entries]
        assert places == sorted(places)
        assert history_text(history).count("\n") >= len(history.entries)
        assert history_json(history).count("\n") == 0
        assert (history.holds is None) == text_of(history.end).endswith("holds no model.")
