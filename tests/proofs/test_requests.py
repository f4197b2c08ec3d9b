"""Tests kernelscope's request to a kernel: one for each attach, which has no other effect."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from kernelscope.errors import ProbeError
from kernelscope.kernel import live_source
from kernelscope.kernel.heartbeat import Heartbeat
from tests.kernel.test_manners import EXPRESSION, wait_until
from tests.kernel.watching import INSTALLED, LONG, evaluate, watching
from tests.support.kernels import KernelProcess, wait_until_ready

if TYPE_CHECKING:
    from jupyter_client.blocking.client import BlockingKernelClient

ATTACHES = 12

DRAW = """
%matplotlib inline
import matplotlib.pyplot as plt, pathlib, threading
def draw():
    while not pathlib.Path("draw").exists(): pass
    plt.figure(figsize=(1, 1)).gca().plot([1, 2]); pathlib.Path("drawn").touch()
threading.Thread(target=draw).start()
"""
TRANSFORMERS = """
import ast
seen = []
class Rewrites(ast.NodeTransformer):
    def visit(self, node): seen.append(ast.dump(node)); return ast.Module([], [])
ip = get_ipython()
ip.input_transformers_post.append(lambda lines: (seen.append("".join(lines).strip()), lines)[1])
ip.ast_transformers.append(Rewrites())
"""
INTERRUPTS = """
import zlib
real = zlib.decompress
def interrupted(*given):
    zlib.decompress = real
    raise KeyboardInterrupt
zlib.decompress = interrupted
"""


@pytest.fixture(scope="module")
def kernel(python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelProcess]:
    with KernelProcess(tmp_path_factory.mktemp("requests"), python) as process:
        yield process


def messages_until(client: BlockingKernelClient, until: str) -> list[dict[str, Any]]:
    """Collect everything that was published until the kernel was idle after a request."""
    messages = []
    while True:
        messages.append(client.get_iopub_msg(timeout=LONG))
        idle = messages[-1]["content"].get("execution_state") == "idle"
        if idle and messages[-1]["parent_header"].get("msg_id") == until:
            return messages


def states_of_others(messages: list[dict[str, Any]], client: BlockingKernelClient) -> list[dict[str, Any]]:
    """Return the busy and idle states of each request from other clients."""
    foreign = [m for m in messages if m["parent_header"].get("session") != client.session.session]
    return [m for m in foreign if m["msg_type"] == "status" and m["parent_header"]]


@pytest.mark.fault(26)
async def test_the_request_takes_little_time_and_an_interrupt_harms_nothing(
    kernel: KernelProcess, record_property: Callable[[str, Any], None]
) -> None:
    """Measure its duration; an interrupt during it harms neither the kernel nor the next attach."""
    client = kernel.client()
    wait_until_ready(client)
    for _ in range(ATTACHES):
        async with watching(kernel) as first:
            await first.wait_for_attach()
            async with watching(kernel) as second:
                await second.wait_for_attach()
    states = states_of_others(messages_until(client, client.execute("1")), client)
    kinds = ("to be greeted", "to put the probe in", "to be greeted", "to join it")
    took: dict[str, list[float]] = {kind: [] for kind in (*kinds, "to leave")}
    kind_of_request = itertools.cycle(kinds)
    for begin, end in zip(states[::2], states[1::2], strict=True):
        assert begin["parent_header"]["msg_id"] == end["parent_header"]["msg_id"]
        kind = begin["parent_header"]["msg_type"]
        lasted = end["header"]["date"] - begin["header"]["date"]
        took["to leave" if kind == "comm_msg" else next(kind_of_request)].append(
            lasted.total_seconds() * 1000
        )
    assert [len(times) for times in took.values()] == [2 * ATTACHES, ATTACHES, ATTACHES, 2 * ATTACHES]
    lines = [
        f"{what:20} median {statistics.median(t):6.1f} ms  max {max(t):6.1f} ms" for what, t in took.items()
    ]
    record_property(
        "table", "the kernel was busy with our requests, " + str(ATTACHES) + " attaches\n" + "\n".join(lines)
    )

    kernel.run(INTERRUPTS)
    before = kernel.log.read_text()
    async with watching(kernel) as watch:
        error = await watch.wait_for_error()
        assert isinstance(error, ProbeError), error
        assert "KeyboardInterrupt" in str(error.hint)
    assert evaluate(client, INSTALLED) is False
    assert kernel.log.read_text() == before
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        kernel.run("a = 1")
        await watch.wait_for_runs(1)


@pytest.mark.fault(32, 36)
async def test_the_request_is_not_code_that_others_see(kernel: KernelProcess) -> None:
    """No transformer rewrites it, and no cache keeps it as source."""
    client = kernel.client()
    wait_until_ready(client)
    kernel.run("import linecache")
    sources = evaluate(client, "len(linecache.cache)")
    kernel.run(TRANSFORMERS, store_history=False)
    evaluate(client, "seen.clear()")
    for _ in range(3):
        async with watching(kernel) as watch:
            await watch.wait_for_attach()
    sources_seen = evaluate(
        client, "[list(seen), ip.ast_transformers.clear(), ip.input_transformers_post.clear()][0]"
    )
    assert set(sources_seen) <= {""}, "a transformer sees only a cell without code"
    assert evaluate(client, "len(linecache.cache)") == sources + 1, "the cell of this test's own"


@pytest.mark.fault(37, 40, 44)
async def test_an_idle_kernel_gets_no_request(kernel: KernelProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures that a thread draws wait for the user's next cell, even if the probe polls."""
    pytest.importorskip("matplotlib")
    client = kernel.client()
    wait_until_ready(client)
    draw, drawn = kernel.folder / "draw", kernel.folder / "drawn"
    beats = []
    beat = Heartbeat.beat

    async def count_beat(self: Heartbeat, seconds: float) -> bool:
        beats.append(seconds)
        return await beat(self, seconds)

    monkeypatch.setattr(Heartbeat, "beat", count_beat)
    monkeypatch.setattr(live_source, "HEARTBEAT_S", 0.2)
    async with watching(kernel, poll=0.1) as watch:
        await watch.wait_for_attach()
        messages_until(client, client.execute(DRAW))
        draw.touch()
        await wait_until(drawn.exists)
        beats_before = len(beats)
        await wait_until(lambda: len(beats) >= beats_before + 3)
        cell = client.execute("1")
        messages = messages_until(client, cell)
        figures = [m for m in messages if m["msg_type"] == "display_data"]
        assert [m["parent_header"]["msg_id"] for m in figures] == [cell]
        assert states_of_others(messages, client) == []


async def test_a_watched_kernel_shows_the_probe_in_five_places_only(
    kernel: KernelProcess, record_property: Callable[[str, Any], None]
) -> None:
    """The probe can be found in five places, and in no other."""
    client = kernel.client()
    wait_until_ready(client)
    kernel.run("from sklearn.svm import SVC\nimport weakref\nseen = SVC(); v = None")
    weak = "weakref.getweakrefcount(seen)"
    before, references = evaluate(client, EXPRESSION), evaluate(client, weak)
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        kernel.run("v = 1", store_history=False)
        during, references_during = evaluate(client, EXPRESSION), evaluate(client, weak)
    kernel.run("v = 1", store_history=False)
    after = evaluate(client, EXPRESSION)
    changed = {key: (before[key], during[key]) for key in before if before[key] != during[key]}
    lines = [f"{key:10} {_more(*both)}" for key, both in changed.items()]
    record_property(
        "table", "\n".join([*lines, f"weak references to a model: {references} → {references_during}"])
    )
    assert set(changed) - {"linecache", "tools"} == {"callbacks", "modules", "comms"}
    assert references_during - references <= 1
    assert {key for key in before if before[key] != after[key]} <= {"linecache"}


def _more(before: Any, during: Any) -> str:
    """Describe what has been added."""
    if isinstance(before, dict):
        return "; ".join(f"{k}: {_more(before[k], during[k])}" for k in before if before[k] != during[k])
    if isinstance(before, list):
        return ", ".join(str(item) for item in during if item not in before)
    return f"{before} → {during}"
