"""Watches through proxies: tunnels that drop, messages that come twice, late, or from others."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from jupyter_client.session import Session

from kernelscope.domain.events import KernelChanged, Lost
from kernelscope.errors import ProbeError
from kernelscope.kernel import channels, inject, signs_of_life
from tests.kernel.watching import INSTALLED, Watcher, evaluate, watching
from tests.support.kernels import KernelProcess
from tests.support.proxies import Frames, Meddler, meddling, tunnelled


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelProcess]:
    with KernelProcess(tmp_path_factory.mktemp("kernel")) as kernel:
        yield kernel


@pytest.fixture(autouse=True)
def restore_kernel(shared: KernelProcess) -> Iterator[None]:
    yield
    assert evaluate(shared.client(), INSTALLED) is False


@asynccontextmanager
async def watching_at(kernel: KernelProcess, connection_file: Path) -> AsyncIterator[Watcher]:
    """Watch a kernel through a proxy."""
    own, kernel.connection_file = kernel.connection_file, connection_file
    try:
        async with watching(kernel) as watch:
            yield watch
    finally:
        kernel.connection_file = own


def count_lost(watch: Watcher) -> int:
    return sum(e.count for e in watch.events if isinstance(e, Lost))


def states(watch: Watcher) -> list[str]:
    return [e.state for e in watch.events if isinstance(e, KernelChanged) and e.state not in ("busy", "idle")]


@pytest.mark.fault(17, 86)
@pytest.mark.parametrize("where", ["here", "elsewhere"])
async def test_a_tunnel_that_drops_and_comes_back_leads_to_the_same_epoch(
    shared: KernelProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Runs during the interruption are in the probe's history and are reported in order."""
    monkeypatch.setattr(signs_of_life, "DOWN_S", 0.1)
    if where == "elsewhere":
        monkeypatch.setattr(inject, "machine_mark", lambda: "elsewhere")
        monkeypatch.setattr(inject, "start_mark", lambda _pid: "never")
    async with (
        tunnelled(shared.connection_file, tmp_path) as tunnel,
        watching_at(shared, tunnel.connection_file) as watch,
    ):
        await watch.wait_for_attach()
        shared.run("a = 0")
        await watch.wait_for_runs(1)
        for drop in range(1, 4):
            await tunnel.cut()
            await watch.wait_until(lambda w: states(w)[-1:] == ["unreachable"])
            for cell in range(3):
                shared.run(f"a = {drop}, {cell}")
            await tunnel.mend()
            await watch.wait_until(lambda w: states(w)[-1:] == ["back"])
            shared.run(f"b = {drop}")
            await watch.wait_for_runs(1 + 4 * drop)
        assert states(watch) == ["unreachable", "back"] * 3
        assert len(watch.attaches) == 1
        cells = [[*(f"a = {d}, {c}" for c in range(3)), f"b = {d}"] for d in range(1, 4)]
        assert watch.codes == ["a = 0", *(code for some in cells for code in some)]
        assert count_lost(watch) == 0
    assert evaluate(shared.client(), INSTALLED) is False


def is_push(frames: Frames) -> bool:
    return any(b'"comm_msg"' in frame for frame in frames[:4]) and any(b"observation" in f for f in frames)


def drop_pushes(numbers: set[int]) -> Callable[[Frames], list[Frames]]:
    """Drop these pushes, counted from 0."""
    numbers_of_pushes = iter(range(1_000_000))
    return lambda frames: [] if is_push(frames) and next(numbers_of_pushes) in numbers else [frames]


def swap_pushes() -> Callable[[Frames], list[Frames]]:
    """Deliver the second push before the first."""
    buffer: list[Frames] = []

    def treat(frames: Frames) -> list[Frames]:
        if not is_push(frames) or len(buffer) > 1:
            return [frames]
        buffer.append(frames)
        return buffer[::-1] if len(buffer) == 2 else []

    return treat


@pytest.mark.fault(82)
async def test_lost_observations_are_reported_exactly_where_they_were_lost(
    shared: KernelProcess, tmp_path: Path
) -> None:
    async with (
        meddling(shared.connection_file, tmp_path) as meddler,
        watching_at(shared, meddler.connection_file) as watch,
    ):
        await watch.wait_for_attach()
        meddler.treat = drop_pushes({1, 2, 5})
        for number in range(8):
            shared.run(f"n = {number}")
        await watch.wait_until(lambda w: w.codes and w.codes[-1] == "n = 7")
        assert watch.codes == [f"n = {n}" for n in (0, 3, 4, 6, 7)]
        gaps = [
            e.count if isinstance(e, Lost) else 0 for e in watch.events if not isinstance(e, KernelChanged)
        ]
        assert gaps == [0, 0, 2, 0, 0, 1, 0, 0], "after the attach: n = 0, 2 lost, n = 3, n = 4, 1 lost, …"


@pytest.mark.fault(82)
async def test_the_buffer_is_bounded_and_its_overflow_is_reported_as_lost(
    shared: KernelProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(shared) as watch:
        await watch.wait_for_attach()
        with monkeypatch.context() as full:
            full.setattr(channels, "MOST_WAITING", -1)
            for number in range(3):
                shared.run(f"full = {number}")
            await watch.wait_until(lambda w: sum(getattr(e, "state", "") == "idle" for e in w.events) == 3)
        shared.run("room = 1")
        await watch.wait_for_runs(1)
        assert (watch.codes, count_lost(watch)) == (["room = 1"], 3)


@pytest.mark.fault(83)
async def test_messages_that_come_twice_or_late_or_from_others_change_nothing(
    shared: KernelProcess, tmp_path: Path
) -> None:
    received: list[Frames] = []

    def deliver_twice(frames: Frames) -> list[Frames]:
        received.append(frames)
        return [frames, frames]

    async with (
        meddling(shared.connection_file, tmp_path) as meddler,
        watching_at(shared, meddler.connection_file) as watch,
    ):
        await watch.wait_for_attach()
        meddler.treat = deliver_twice
        shared.run("twice = 1")
        await watch.wait_for_runs(1)
        (push,) = filter(is_push, received)
        meddler.treat = lambda frames: [frames]
        for message in (*received, [frame.replace(b"twice", b"forgd") for frame in push]):
            await meddler.publish(message)
        await meddler.publish(sign_push(meddler, push, "of another kernel", {}))
        await meddler.publish(
            sign_push(meddler, push, watch.source._attachment.session, {"nonce": "another probe's"})
        )
        shared.run("after = 1")
        await watch.wait_for_runs(2)
        assert watch.codes == ["twice = 1", "after = 1"]
        assert count_lost(watch) == 0
        assert len(watch.attaches) == 1
        assert states(watch) == []


@pytest.mark.fault(83)
async def test_an_observation_after_a_later_one_is_lost(shared: KernelProcess, tmp_path: Path) -> None:
    async with (
        meddling(shared.connection_file, tmp_path) as meddler,
        watching_at(shared, meddler.connection_file) as watch,
    ):
        await watch.wait_for_attach()
        meddler.treat = swap_pushes()
        for number in range(3):
            shared.run(f"n = {number}")
        await watch.wait_until(lambda w: w.codes[-1:] == ["n = 2"])
        assert watch.codes == ["n = 1", "n = 2"], (
            "each is a difference from the one before, so that a late one is useless"
        )
        assert count_lost(watch) == 1


def sign_push(meddler: Meddler, push: Frames, session: str, change: dict[str, str]) -> Frames:
    """Change a push and sign it with the right key, as a kernel with this session would."""
    raw = json.loads(meddler.connection_file.read_text())
    maker = Session(key=raw["key"].encode(), session=session)
    start = push.index(b"<IDS|MSG>")
    content = json.loads(push[start + 5])
    fields = content["data"]["kernelscope"]
    fields.update(change, observation=json.dumps({**json.loads(fields["observation"]), "seq": 1_000}))
    message = maker.msg("comm_msg", content)
    return [push[0], *maker.serialize(message)]


@pytest.mark.fault(34)
async def test_hooks_that_the_notebook_removed_are_missed_and_not_reinstalled(shared: KernelProcess) -> None:
    client = shared.client()
    async with watching(shared) as watch:
        await watch.wait_for_attach()
        for _ in range(3):  # a tool's own request has the count of the next run, but is not a run
            shared.wait(shared.queue("'a tool asks'", store_history=False))
        shared.run("a = 1")
        await watch.wait_for_runs(1)
        shared.run(
            "kept = get_ipython().events.callbacks\nget_ipython().events.callbacks = {e: [] for e in kept}"
        )
        shared.wait(shared.queue("'a tool asks'", store_history=False))
        assert watch.error is None
        shared.run("b = 1")
        error = await watch.wait_for_error()
        assert isinstance(error, ProbeError)
        assert error.title == "the notebook removed the probe's hooks"
        assert evaluate(client, "str(get_ipython().events.callbacks.get('post_run_cell'))") == "[]"
    assert evaluate(client, INSTALLED) is False
    shared.run("get_ipython().events.callbacks = kept")
    shared.run("'hooks of a detached probe remove themselves with the next run'")
    assert "_kernelscope" not in evaluate(client, "str(get_ipython().events.callbacks)")
