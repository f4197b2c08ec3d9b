"""Tests columns, epochs, looks between runs, local models, and what a row held at each column."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from kernelscope.domain.changes import Change, Moment
from kernelscope.domain.events import Attached, Detached, KernelChanged, Lost, Observed, Waiting
from kernelscope.domain.facts import LocalModel, ObjectFacts
from kernelscope.protocol.records import change_record
from kernelscope.timeline.timeline import Timeline
from kernelscope.timeline.view import TimelineView
from tests.support.facts import (
    LOGISTIC,
    SGD,
    Watch,
    attach_event,
    call_of,
    explanation_of,
    model,
    observation,
    params,
    pipeline,
    reasons,
    rebind,
    run_facts,
    twin,
)


def verdicts(moment: Moment) -> dict[str, str]:
    return {c.name: c.verdict for c in moment.changes}


def changes_of(changes: tuple[Change, ...]) -> dict[str, str]:
    return {c.name: c.verdict for c in changes}


def test_given_a_change_between_runs_when_seen_then_it_is_reported_once_and_no_run_is_blamed() -> None:
    m = rebind(model(1))
    watch = Watch(m=m)
    watch.cell()

    (between,) = watch.look(None, params(m, C=3.0)).moments
    run = watch.cell()

    assert (between.kind, between.execution_count, between.run) == ("between", 1, None)
    assert verdicts(between) == {"m": "params"}
    assert explanation_of(between.changes[0]).startswith("Between runs, by no cell: m got other")
    assert run.changes == ()


def test_given_a_look_between_runs_when_nothing_differs_then_there_is_no_column() -> None:
    watch = Watch(m=rebind(model(1)))
    columns = len(watch.timeline.moments)

    assert watch.look(None).moments == ()
    assert len(watch.timeline.moments) == columns


def test_given_several_looks_between_runs_when_each_finds_something_then_each_is_reported() -> None:
    m = rebind(model(1))
    watch = Watch(m=m)
    watch.look(None, params(m, C=3.0))
    watch.look({"n": model(2)})

    changes = [(c.name, c.verdict) for moment in watch.timeline.moments for c in moment.changes]
    assert changes == [("m", "params"), ("n", "created")]


def test_given_a_change_between_runs_when_the_cell_changes_it_too_then_each_is_compared_with_the_state_before_it() -> (
    None
):
    m = rebind(model(1))
    watch = Watch(m=m)
    watch.look(None, params(m, C=3.0))

    (change,) = watch.cell(params(m, C=4.0)).changes

    assert change.params == {"C": (3.0, 4.0)}


def test_given_a_change_between_runs_when_the_kernel_restarts_then_the_next_run_knows_nothing_of_it() -> None:
    m = rebind(model(1))
    watch = Watch(m=m)
    watch.look(None, params(m, C=3.0))
    watch.attach()

    assert watch.cell().changes == ()


def test_given_a_restart_when_tokens_and_generations_repeat_then_identities_are_not_merged() -> None:
    old = rebind(model(1))
    watch = Watch(m=old)
    watch.attach()

    change = watch.run(names={"m": twin(old, 1)}, calls=[call_of(old)])["m"]

    assert (change.verdict, change.identity, change.generation) == ("created", "new", 1)
    assert (change.previous_generation, change.previous_id) == (None, None)
    assert change.params == {}


def test_given_a_restart_when_an_earlier_model_comes_back_then_it_is_not_recognized_as_a_copy() -> None:
    old = rebind(model(1))
    watch = Watch(m=old)
    watch.attach()
    new = twin(old, 2)

    change = watch.run(names={"n": new}, calls=[call_of(new, "__setstate__")])["n"]

    # From somewhere: no object of this kernel is its twin, and no file was seen.
    assert (change.verdict, change.learned) == ("created", "unknown")


def test_given_a_restart_when_attached_again_then_every_row_holds_what_the_new_kernel_has() -> None:
    a, b = model(1), model(2)
    watch = Watch(a=a, b=b)
    watch.attach({"b": model(1)})

    timeline = watch.timeline
    assert timeline.epoch == 2
    assert [(m.kind, m.epoch) for m in timeline.moments] == [("attached", 1), ("attached", 2)]
    points = {n: timeline.entry_at(n, 1) for n in ("a", "b")}
    assert points["a"] is not None
    assert points["a"].facts is None
    assert points["b"] is not None
    assert points["b"].facts == model(1)
    assert points["b"].change is None
    before = timeline.entry_at("b", 0)
    assert before is not None
    assert before.facts == b


def test_given_a_local_model_when_a_run_fitted_it_then_it_is_reported_with_its_function_and_scope_local() -> (
    None
):
    local = LocalModel(7, 5, LOGISTIC, "fit", "evaluate", 0x1234)

    run = Watch().cell(local=[local])

    assert run.changes == ()
    (change,) = run.local
    assert (change.name, change.verdict, change.identity, change.learned) == (
        "evaluate", "created", "new", "fitted",
    )  # fmt: skip
    assert (change.scope, change.certainty, change.cls) == ("local", "observed", LOGISTIC)
    assert (change.generation, change.id, change.fitted, change.params) == (5, 0x1234, True, {})
    assert "inside the call" in explanation_of(change)
    assert reasons(change)


def test_given_a_local_model_when_a_global_of_the_function_s_name_is_there_then_its_row_is_left_alone() -> (
    None
):
    m = model(1)
    watch = Watch(evaluate=m)

    run = watch.cell(local=[LocalModel(7, 5, SGD, "fit", "evaluate", 0x1234)])

    assert run.changes == ()
    assert watch.timeline.change_at("evaluate", 1) is None


def test_given_a_name_when_looked_up_at_a_column_then_it_has_the_latest_change_up_to_it() -> None:
    watch = Watch()
    watch.cell()
    watch.run(names={"m": model(1)})
    watch.cell()
    watch.run(names={"m": None})
    timeline = watch.timeline

    assert timeline.entry_at("m", 1) is None
    assert timeline.entry_at("an unknown name", 4) is None
    for column, generation in ((2, 1), (3, 1)):
        point = timeline.entry_at("m", column)
        assert point is not None
        assert point.facts is not None
        assert point.facts.generation == generation
    gone = timeline.entry_at("m", 9)
    assert gone is not None
    assert gone.facts is None
    assert gone.change is not None
    assert gone.change.verdict == "deleted"
    assert [h.moment for h in timeline.track("m")] == [2, 4]
    assert timeline.change_at("m", 3) is None
    created = timeline.change_at("m", 2)
    assert created is not None
    assert created.verdict == "created"


def test_given_a_pipeline_when_only_its_step_is_fitted_then_the_row_counts_as_fitted_from_there() -> None:
    clf = model(1, named=False)
    watch = Watch(clf, pipe=pipeline(2, ("clf", clf)))
    watch.run(rebind(clf), calls=[call_of(clf)])
    watch.run(names={"pipe": None})

    fitted = [h.fitted for h in watch.timeline.track("pipe")]
    assert fitted == [False, True, None]


def test_given_no_attach_when_events_come_then_the_state_is_reported() -> None:
    timeline = Timeline()
    timeline.apply(Waiting("the kernel is busy"))
    assert timeline.waiting == "the kernel is busy"
    assert (TimelineView(timeline).kernel, timeline.epoch, timeline.moments) == (None, 0, [])

    timeline.apply(attach_event({}, count=7))
    assert timeline.waiting is None
    assert timeline.moments[0].execution_count == 7

    timeline.apply(KernelChanged(1, "busy"))
    assert timeline.state == "busy"
    timeline.apply(Lost(1, 2))
    timeline.apply(Lost(1, 3))
    assert timeline.lost == 5
    timeline.apply(Detached("the kernel is gone"))
    assert timeline.ended == "the kernel is gone"
    assert len(timeline.moments) == 1


def test_given_an_attach_when_names_hold_unknown_objects_then_they_are_left_out() -> None:
    event = attach_event({"m": model(1)})
    broken = replace(event, base=replace(event.base, names={"m": 1, "ghost": 99}))

    update = Timeline().apply(broken)

    assert [model.name for model in update.models] == ["m"]


def a_story(first: ObjectFacts) -> list[Observed]:
    """Build four runs and a look between two of them."""
    second = model(2)
    fitted = rebind(second)
    looks = [
        observation(1, run_facts(4, "m = LR()"), {"m": second}),
        observation(2, run_facts(5, "m.fit(X, y)"), {}, [fitted], calls=[call_of(second)], sees_calls=True),
        observation(3, None, {}, [params(fitted, C=9.0)]),
        observation(4, run_facts(6, "m = LR()"), {"m": model(3), "old": params(fitted, C=9.0)}),
        observation(5, run_facts(7, "m.fit(X, y)"), {}, [rebind(model(3))], calls=[call_of(model(3))]),
    ]
    return [Observed(1, look) for look in looks]


def column_contents(timeline: Timeline) -> list[tuple[str, int, bytes]]:
    """Return everything that the columns contain."""
    return [
        (m.kind, m.execution_count, msgspec.json.encode((m.changes, m.run and m.run.local)))
        for m in timeline.moments
    ]


@pytest.mark.parametrize("split", range(6))
def test_given_a_second_watcher_when_it_attaches_then_its_history_is_the_first_watchers_live_stream(
    split: int,
) -> None:
    first = rebind(model(1))
    story = a_story(first)
    live = Timeline()
    live.apply(attach_event({"m": first}, count=3))
    for event in story:
        live.apply(event)

    late = Timeline()
    runs = sum(e.observation.run is not None for e in story[:split])
    base = attach_event({"m": first}, count=3 + runs, history=[e.observation for e in story[:split]])
    update = late.apply(base)
    for event in story[split:]:
        late.apply(event)

    assert column_contents(late) == column_contents(live)
    assert late.moments[0].execution_count == 3
    assert [r.rerun_of for m in late.moments if (r := m.run)] == [
        r.rerun_of for m in live.moments if (r := m.run)
    ]
    assert TimelineView(late).rows() == TimelineView(live).rows()
    assert [(c.code, c.effects) for c in TimelineView(late).cells()] == [
        (c.code, c.effects) for c in TimelineView(live).cells()
    ]
    assert late.objects == live.objects
    assert isinstance(update.event, Attached)
    assert len(update.moments) == 1 + split


def test_given_more_dead_objects_than_are_kept_then_a_living_one_is_still_there() -> None:
    kept = rebind(model(1))
    watch = Watch(kept=kept)
    crowd = [model(t, named=False) for t in range(10, 2_500)]
    watch.cell(*crowd)

    assert len(watch.timeline.objects) == 2_000
    assert watch.timeline.objects[1] == kept
    assert watch.run(params(kept, C=2.0))["kept"].verdict == "params"


def test_a_later_look_that_finds_no_change_hides_no_earlier_change() -> None:
    """The change by the run before still belongs to that run."""
    timeline = Timeline()
    timeline.apply(attach_event({}))
    timeline.apply(Observed(1, observation(1, run_facts(1), {"m": model(1)})))
    timeline.apply(Observed(1, observation(2, None, objects=[model(1)])))
    assert len(timeline.moments) == 2
    change = TimelineView(timeline).change_at("m", 1)
    assert change is not None
    assert change.verdict == "created"


def test_what_was_there_at_the_attach_and_is_described_later_is_no_change() -> None:
    watch = Watch(early=model(1))
    part = replace(model(3, named=False), known="attach")
    whole = replace(pipeline(2, ("clf", part)), known="attach")
    watch.cell(part, names={"pipe": whole, "new": model(4)})
    moment = watch.timeline.moments[-1]
    assert [(change.name, str(change.verdict)) for change in moment.changes] == [("new", "created")]
    entry = watch.timeline.entry_at("pipe['clf']", moment.index)
    assert entry is not None
    assert entry.change is None
    assert entry.facts is not None
    watch.cell(rebind(part))
    (change,) = watch.timeline.moments[-1].changes
    assert change.name == "pipe"
    assert [inner.name for inner in change.parts] == ["pipe['clf']"]


def late_since(watch: Watch, facts: ObjectFacts) -> int | None:
    """Report an object late, in In [4]; returns since which run the change says that it happened."""
    late = observation(9, run_facts(4), objects=[facts], late=True, sees_calls=True)
    (moment,) = watch.apply(Observed(1, late)).moments
    (change,) = moment.changes
    assert change.late is not None
    assert change.certainty == "inferred"
    (record,) = (change_record(c) for c in moment.changes)
    assert record["late"] == {"since": change.late.since}
    since = change.late.since
    words = "may have happened before" if since is None else f"any run from In [{since}] on can have done it"
    assert words in explanation_of(change)
    return change.late.since


@pytest.mark.parametrize(
    ("cut", "since"),
    [((), 4), ((3,), 3), ((1, 3), 3), ((2, 3), 2), ((1, 2, 3), 1)],
)
def test_given_looks_that_were_cut_short_when_a_change_is_found_late_then_it_is_since_the_last_complete_one(
    cut: tuple[int, ...], since: int
) -> None:
    m = rebind(model(1))
    watch = Watch(m=m)
    for count in (1, 2, 3):
        watch.cell(cut=["no time left"] if count in cut else ())

    assert late_since(watch, params(m, C=9.0)) == since


@pytest.mark.parametrize(("read_again", "since"), [(True, 4), (False, 2)])
def test_given_an_attribute_that_was_not_evaluated_when_a_change_is_found_late_then_it_is_since_the_last_reading(
    read_again: bool, since: int
) -> None:
    m = rebind(model(1))
    watch = Watch(m=m)
    watch.cell()
    watch.cell(replace(m, not_evaluated=("coef_",)))
    watch.cell(*([m] if read_again else []))

    assert late_since(watch, params(m, C=9.0)) == since


def test_given_no_complete_look_since_the_attach_when_a_change_is_found_late_then_its_start_is_unknown() -> (
    None
):
    m = rebind(model(1))
    watch = Watch()
    base = attach_event({"m": m}, epoch=1)
    watch.apply(replace(base, base=replace(base.base, cut=("no time left",))))
    for _ in range(3):
        watch.cell(cut=["no time left"])

    assert late_since(watch, params(m, C=9.0)) is None


def test_given_a_change_that_a_complete_look_found_then_it_is_not_late() -> None:
    m = rebind(model(1))
    (change,) = Watch(m=m).cell(params(m, C=9.0)).changes

    assert change.late is None
    assert "late" not in change_record(change)
