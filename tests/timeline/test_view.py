"""A timeline as it was is the timeline that there would have been."""

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


def asked(history: TimelineView) -> dict[str, object]:
    """All that a screen asks of it, as far as the past knows it."""
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


def built(events: list[Event]) -> list[Timeline]:
    """The timeline after each event that made a moment."""
    made = []
    for count in range(1, len(events) + 1):
        timeline = Timeline()
        for event in events[:count]:
            timeline.apply(event)
        if timeline.moments and isinstance(events[count - 1], Attached | Observed):
            made.append(timeline)
    return made


def test_given_a_session_with_a_restart_when_looked_back_then_it_is_as_it_was() -> None:
    whole = churn().timeline()
    for then in built(churn().events):
        assert asked(TimelineView(whole, len(then.moments))) == asked(TimelineView(then))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(streams(), st.data())
def test_given_any_session_when_looked_back_then_rows_and_verdicts_are_as_they_were(
    looks: list[Observation], data: st.DataObject
) -> None:
    events: list[Event] = [attach_event({"m": model(1)}), *(Observed(1, look) for look in looks)]
    whole = built(events)[-1]
    then = data.draw(st.sampled_from(built(events)))
    past, was = asked(TimelineView(whole, len(then.moments))), asked(TimelineView(then))
    for what in ("moments", "epoch", "verdicts", "changes", "cells"):
        assert past[what] == was[what], what


@pytest.mark.parametrize("count", [-3, 0, 1])
def test_given_no_moment_to_look_back_to_then_the_first_is_shown(count: int) -> None:
    assert len(TimelineView(churn().timeline(), count).moments) == 1
