"""Tests that long work runs in steps with the same result as in one, and that its cost grows linearly."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Generator
from functools import cache
from typing import Any, TypeVar

import pytest

from kernelscope import turns
from kernelscope.domain.events import Attached, Observed
from kernelscope.domain.facts import KernelFacts, Snapshot
from kernelscope.protocol.wire import (
    AttachReply,
    Refusal,
    WireError,
    decode_answer,
    decode_attach_in_steps,
    decode_observation,
)
from kernelscope.session import Session
from kernelscope.timeline.timeline import Timeline
from tests.kernel import lying
from tests.protocol.test_wire import a_reply, an_observation
from tests.support.script import ScriptedSource

T = TypeVar("T")
KERNEL = KernelFacts("file", "3.12.1", 1, 0)


def count_steps(steps: Generator[None, None, T]) -> tuple[int, T]:
    """Run the steps; returns how many there are, and the result."""
    count = 0
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return count, end.value
        count += 1


@cache
def large_reply() -> str:
    """Build a reply with 3,000 models and 4 MB of history, the probe's limit."""
    return json.dumps(a_reply(**lying.long_history()))


@cache
def large_attach() -> AttachReply:
    reply = decode_answer(large_reply(), AttachReply)
    assert isinstance(reply, AttachReply)
    return reply


@pytest.mark.proof
def test_an_attach_to_many_models_is_read_in_small_steps_with_the_same_result() -> None:
    text = large_reply()
    assert len(text) > 4_000_000
    steps, reply = count_steps(decode_attach_in_steps(text))
    assert reply == large_attach()
    assert isinstance(reply, AttachReply)
    assert len(reply.base.names) == len(reply.base.objects) == lying.MODELS
    assert steps > (1 + lying.LOOKS) * lying.MODELS / 100


def test_a_refusal_is_read_too() -> None:
    assert count_steps(decode_attach_in_steps('{"error": "stale"}'))[1] == Refusal("stale")


@pytest.mark.parametrize(
    ("differs", "place"),
    [
        ({"history": [an_observation(), an_observation(seq="x")]}, r"seq.*history\[1\]"),
        ({"base": {"seq": 0, "names": {}, "objects": [{"token": "x"}]}}, "token.*base"),
        ({"base": [1]}, "base"),
        ({"history": {"a": 1}}, "`history` is not a list"),
        ({"history": ["x"]}, r"history\[0\]"),
        ({"nonce": 1}, "nonce"),
    ],
)
def test_an_answer_of_another_form_is_an_error_that_names_the_place(
    differs: dict[str, Any], place: str
) -> None:
    with pytest.raises(WireError, match=place):
        count_steps(decode_attach_in_steps(json.dumps(a_reply(**differs))))


@pytest.mark.parametrize("text", ["[1]", "3", "nonsense", "[" * 100_000])
def test_an_invalid_answer_is_none(text: str) -> None:
    with pytest.raises(WireError):
        count_steps(decode_attach_in_steps(text))


@pytest.mark.parametrize(
    ("key", "entries"),
    [
        ("names", {f"n{i}": i for i in range(20_001)}),
        ("objects", [{}] * 20_001),
        ("cut", ["x"] * 20_001),
        ("calls", [{}] * 4_097),
        ("files", [{}] * 4_097),
        ("locals", [{}] * 4_097),
    ],
)
def test_an_impossible_number_of_entries_is_refused(key: str, entries: Any) -> None:
    with pytest.raises(WireError, match=f"`{key}` has {len(entries)} entries, and the limit is"):
        decode_observation(json.dumps(an_observation(**{key: entries})))


@pytest.mark.proof
def test_a_history_is_judged_look_by_look_with_the_same_result() -> None:
    reply = large_attach()
    event = Attached(1, KERNEL, reply.base, reply.history[:5])
    steps, update = count_steps(Timeline().apply_in_steps(event))
    assert steps == 5
    assert update == Timeline().apply(event)


@pytest.mark.proof
async def test_the_event_loop_is_served_while_a_long_history_is_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "TURN_S", 0.0)
    reply = large_attach()
    session = Session(ScriptedSource([Attached(1, KERNEL, reply.base, reply.history[:8])]))
    attached = asyncio.Event()
    session.listen(lambda _: attached.set())
    task = asyncio.create_task(session.run())
    served = 0
    while not attached.is_set():
        await asyncio.sleep(0)
        served += 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert served >= 8


@pytest.mark.proof
async def test_a_session_that_is_closed_while_it_judges_an_attach_reports_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "TURN_S", 0.0)
    reply = large_attach()
    source = ScriptedSource([Attached(1, KERNEL, reply.base, reply.history[:8])])
    session = Session(source)
    updates: list[object] = []
    session.listen(updates.append)
    task = asyncio.create_task(session.run())
    for _ in range(4):
        await asyncio.sleep(0)
    assert session.view.kernel is not None, "it is still judging"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert updates == []
    assert source.closed


def count_calls_of(work: Callable[[], object]) -> int:
    """Count the calls of Python functions: the cost of work, independent of the machine's load."""
    count = 0

    def count_calls(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(count_calls)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def cost_of_creating(count: int) -> int:
    """Return the cost of judging a cell that created and fitted so many models."""
    models = [{**lying.model(i, 1)} for i in range(count)]
    methods = {"methods": [{"method": "fit"}], "complete": True}
    look = decode_observation(
        json.dumps(an_observation(seq=1, names=lying.names(count), objects=models, code=methods))
    )
    timeline = Timeline()
    timeline.apply(Attached(1, KERNEL, Snapshot()))
    return count_calls_of(lambda: timeline.apply(Observed(1, look)))


def test_twice_as_many_models_cost_twice_as_much() -> None:
    assert cost_of_creating(400) < 2.3 * cost_of_creating(200)
