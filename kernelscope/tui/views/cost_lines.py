"""What kernelscope costs the kernel, and what looking between runs would cost it."""

from __future__ import annotations

from collections.abc import Iterator

from kernelscope.domain.facts import Cost
from kernelscope.timeline.view import TimelineView
from kernelscope.tui.state.spans import Line, Span, fit, line
from kernelscope.tui.state.view_state import ViewState
from kernelscope.tui.views.header import hook_milliseconds
from kernelscope.tui.views.inspector import section

_NAME = 18


def cost(view: ViewState) -> tuple[Line, ...]:
    """The probe's figures, what was lost of them, and how to see for oneself."""
    timeline = view.timeline
    return (
        section("In the kernel, counted by the probe itself"),
        *_probe(timeline),
        (),
        section("On the way"),
        _row(
            "lost", _count(timeline.lost, "observation was", "observations were") + " sent and never arrived"
        ),
        (),
        section("What it does there"),
        _row("calls", _calls(timeline)),
        _row("between runs", _between(view)),
        _row("your code", "none of it is run: no property, no repr, no comparison"),
        _row("your objects", "none is kept alive"),
        (),
        section("How to see that it left"),
        line(
            Span("  kernelscope audit", "strong"),
            Span("   the kernel before, while and after it is watched"),
        ),
        line(Span("  kernelscope detach", "strong"), Span("  removes the probe, whoever installed it")),
    )


def _probe(timeline: TimelineView) -> Iterator[Line]:
    cost = timeline.cost
    if cost is None:
        yield _row("", "No figures yet: they come with every run.")
        return
    yield _row(
        "at work", f"{_count(cost.hooks, 'time', 'times')}: once for each run, and for each look between runs"
    )
    yield _row("each time", _times(cost))
    yield _row("sent", _bytes(cost.sent))
    yield _row("not evaluated", f"{_count(cost.not_evaluated, 'value', 'values')} that a budget left out")
    failed = f"{cost.failures}, and none of them reached your cells" if cost.failures else "none"
    yield _row("own failures", failed, "loss" if cost.failures else "")
    for off in timeline.switched_off:
        yield _row("not read", f"objects of {off.library}: reading one raised {off.error}", "loss")


def _times(cost: Cost) -> str:
    return f"median {_ms(cost.median)}, 99 of 100 under {_ms(cost.p99)}, at most {_ms(cost.longest)}"


def _calls(timeline: TimelineView) -> str:
    kernel = timeline.kernel
    if kernel is None:
        return "no kernel yet"
    if kernel.sees_calls:
        return "of learning methods are seen as they happen"
    return f"are not seen in Python {kernel.python} (from 3.12 on): verdicts are inferred more often"


def _between(view: ViewState) -> str:
    if view.poll is None:
        return "it does not look, and nothing is sent"
    return f"a thread looks every {view.poll:g} s; p stops it"


def start_lines(view: ViewState, seconds: float) -> tuple[Line, ...]:
    """What looking between runs costs, shown before it starts."""
    took = hook_milliseconds(view.timeline)
    measured = (
        f"A look takes {took:.1f} ms of it: the median of those so far."
        if took is not None
        else "How long a look takes there has not been measured yet."
    )
    return (
        line(Span("Look between runs as well?", "strong")),
        (),
        line(Span("So far nothing of ours is at work in the kernel while no cell runs.")),
        line(Span(f" · A thread in the kernel would look every {seconds:g} s.")),
        line(Span(f" · {measured}")),
        line(Span(" · It speaks only when something has changed. What it says counts as")),
        line(Span("   activity: a server that ends idle kernels starts its countdown again.")),
        line(Span(" · It ends when you stop it here, or leave.")),
    )


def stop_lines(seconds: float) -> tuple[Line, ...]:
    """The same thread, no more."""
    return (
        line(Span("Stop looking between runs?", "strong")),
        (),
        line(Span(f"The thread that looks every {seconds:g} s leaves the kernel.")),
        line(Span("Every run is seen as before.")),
    )


def _row(name: str, text: str, role: str = "") -> Line:
    return line(Span(fit(f"  {name}", _NAME), "dim"), Span(text, role))


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}" if number else f"no {one}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1_000:.1f} ms"


def _bytes(number: int) -> str:
    size = float(number)
    for unit in ("bytes", "kB", "MB"):
        if size < 1_000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1_000
    return f"{size:.1f} GB"
