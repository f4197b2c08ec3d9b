"""Tests that a view of the past equals the timeline at that time."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernelscope.domain.events import Attached, Event, Observed
from kernelscope.domain.facts import Observation
from kernelscope.forecast.forecaster import Forecaster
from kernelscope.timeline.timeline import Timeline
from kernelscope.timeline.view import TimelineView
from tests.support.facts import attach_event, model
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


@pytest.mark.parametrize("count", [-3, 0, 1])
def test_given_a_moment_before_the_first_then_the_first_is_shown(count: int) -> None:
    assert len(TimelineView(churn().timeline(), count).moments) == 1
