"""A source, its timeline and its listeners; no screen, no kernel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from kernelscope.domain.events import Detached, Event, Observed, Waiting
from kernelscope.errors import UnreachableError
from kernelscope.session import Session, Source
from kernelscope.timeline.timeline import Timeline, Update
from tests.support.facts import attach_event, model, observation, run_facts


class FixedSource:
    """A source that sends these events, then raises or ends."""

    def __init__(self, *events: Event, error: Exception | None = None) -> None:
        self._events, self._error = events, error
        self.closed = 0

    async def events(self) -> AsyncIterator[Event]:
        for event in self._events:
            yield event
        if self._error is not None:
            raise self._error

    async def close(self) -> None:
        self.closed += 1


STORY: tuple[Event, ...] = (
    Waiting("busy"),
    attach_event({}),
    Observed(1, observation(1, run_facts(1), {"m": model(1)})),
    Detached("gone"),
)


def test_given_a_source_when_run_then_every_event_reaches_every_listener_in_order() -> None:
    source = FixedSource(*STORY)
    session = Session(source)
    received: list[tuple[str, Event]] = []
    session.listen(lambda update: received.append(("first", update.event)))
    session.listen(lambda update: received.append(("second", update.event)))

    asyncio.run(session.run())

    assert received == [(who, event) for event in STORY for who in ("first", "second")]
    assert session.timeline.ended == "gone"
    assert source.closed == 1


def test_given_a_listener_when_called_then_the_timeline_has_the_event_already() -> None:
    session = Session(FixedSource(*STORY))
    updates: list[tuple[int, Update]] = []
    session.listen(lambda update: updates.append((len(session.timeline.moments), update)))

    asyncio.run(session.run())

    assert [columns for columns, _ in updates] == [0, 1, 2, 2]
    assert [m.index for _, update in updates for m in update.moments] == [0, 1]


def test_given_a_source_that_fails_when_run_then_it_is_closed_and_the_error_is_raised() -> None:
    source = FixedSource(STORY[0], error=UnreachableError("no kernel answers"))
    session = Session(source)

    with pytest.raises(UnreachableError, match="no kernel answers"):
        asyncio.run(session.run())

    assert source.closed == 1
    assert session.timeline.waiting == "busy"


def test_given_a_listener_that_fails_when_run_then_the_source_is_closed() -> None:
    source = FixedSource(*STORY)
    session = Session(source)

    def broken(_update: Update) -> None:
        raise BrokenPipeError

    session.listen(broken)

    with pytest.raises(BrokenPipeError):
        asyncio.run(session.run())

    assert source.closed == 1


def test_given_a_session_when_cancelled_then_the_source_is_closed() -> None:
    class Endless(FixedSource):
        async def events(self) -> AsyncIterator[Event]:
            yield STORY[0]
            await asyncio.Event().wait()

    source = Endless()
    started = asyncio.Event()

    async def play() -> None:
        session = Session(source)
        session.listen(lambda _update: started.set())
        task = asyncio.create_task(session.run())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(play())

    assert source.closed == 1


def test_given_a_timeline_of_one_s_own_when_run_then_it_is_used() -> None:
    timeline = Timeline()

    session = Session(FixedSource(*STORY), timeline)
    asyncio.run(session.run())

    assert session.timeline is timeline
    assert len(timeline.moments) == 2


def test_given_a_late_listener_when_run_then_it_gets_nothing_twice() -> None:
    session = Session(FixedSource(*STORY))
    late: list[Event] = []

    def first(update: Update) -> None:
        if update.event == STORY[1]:
            session.listen(lambda u: late.append(u.event))

    session.listen(first)
    asyncio.run(session.run())

    assert late[-2:] == list(STORY[2:])
    assert len(late) == len(set(map(id, late)))


def test_any_class_with_events_and_close_is_a_source() -> None:
    source: Source = FixedSource()

    asyncio.run(Session(source).run())
