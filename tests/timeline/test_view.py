"""Tests that a view of the past equals the timeline at that time."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernelscope.domain.events import Attached, Event, Observed
from kernelscope.domain.facts import Observation, Part
from kernelscope.forecast.forecaster import Forecaster
from kernelscope.timeline.timeline import Timeline
from kernelscope.timeline.view import TimelineView
from tests.support.facts import FOLLOWED, SEARCH, attach_event, model, observation, rebind, run_facts
from tests.support.script import churn
from tests.timeline.test_properties import streams


def describe_view(history: TimelineView) -> dict[str, object]:
    """Return everything that a screen reads, as far as a view of the past has it."""
    return {
        "moments": list(history.moments),
        "kernel": history.kernel,
        "epoch": history.epoch,
        "verdicts": set(history.verdicts),
        "rows": {row.name for row in history.rows()},
        "tracks": {row.name: list(history.track(row.name)) for row in history.rows()},
        "held": {
            row.name: [history.entry_at(row.name, m.index) for m in history.moments] for row in history.rows()
        },
        "changes": {
            row.name: [history.change_at(row.name, m.index) for m in history.moments]
            for row in history.rows()
        },
        "names": dict(history.names),
        "cells": history.cells(),
        "forecasts": [Forecaster(history).of(cell.runs[-1]) for cell in history.cells()],
    }


def timelines_of(events: list[Event]) -> list[Timeline]:
    """Build the timeline after each event that adds a moment."""
    timelines = []
    for count in range(1, len(events) + 1):
        timeline = Timeline()
        for event in events[:count]:
            timeline.apply(event)
        if timeline.moments and isinstance(events[count - 1], Attached | Observed):
            timelines.append(timeline)
    return timelines


def test_given_a_session_with_a_restart_then_each_past_view_is_as_it_was() -> None:
    whole = churn().timeline()
    for then in timelines_of(churn().events):
        assert describe_view(TimelineView(whole, len(then.moments))) == describe_view(TimelineView(then))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(streams(), st.data())
def test_given_any_session_then_rows_and_verdicts_of_a_past_view_are_as_they_were(
    looks: list[Observation], data: st.DataObject
) -> None:
    events: list[Event] = [attach_event({"m": model(1)}), *(Observed(1, look) for look in looks)]
    whole = timelines_of(events)[-1]
    then = data.draw(st.sampled_from(timelines_of(events)))
    past, was = describe_view(TimelineView(whole, len(then.moments))), describe_view(TimelineView(then))
    for what in ("moments", "epoch", "verdicts", "changes", "cells"):
        assert past[what] == was[what], what


def test_given_a_part_that_alone_changes_between_runs_then_it_changed_after_the_last_run() -> None:
    """A search keeps its template, which is no part of what it has learned."""
    template = model(2, named=False)
    search = model(1, SEARCH, parts=[Part(".estimator", 2, "estimator")])
    timeline = Timeline()
    timeline.apply(attach_event({"search": search}, [template]))
    timeline.apply(Observed(1, observation(1, run_facts(1))))
    until_then = describe_view(TimelineView(timeline))
    timeline.apply(Observed(1, observation(2, None, objects=[rebind(template)], code=FOLLOWED)))
    now = TimelineView(timeline)

    assert describe_view(TimelineView(timeline, 2)) == until_then
    assert [m.kind for m in now.moments] == ["attached", "run", "between"]
    assert now.change_at("search", 2) is None
    assert now.change_at("search.estimator", 2) is not None


@pytest.mark.parametrize("count", [-3, 0, 1])
def test_given_a_moment_before_the_first_then_the_first_is_shown(count: int) -> None:
    assert len(TimelineView(churn().timeline(), count).moments) == 1
