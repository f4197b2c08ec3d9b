"""Lines of the cost screen: what kernelscope costs the kernel, and what polling between runs would cost."""

from __future__ import annotations

from collections.abc import Iterator

from kernelscope.domain.facts import Cost
from kernelscope.presentation.quantities import quantity
from kernelscope.timeline.view import TimelineView
from kernelscope.tui.state.spans import Line, Span, fit, fit_name, line
from kernelscope.tui.state.view_state import ViewState
from kernelscope.tui.views.header import hook_milliseconds
from kernelscope.tui.views.inspector import section_title

_LABEL = 18
"""Terminal cells for the label of a line."""
_NAME = 24
"""For the name of a model."""


def cost_lines(view: ViewState) -> tuple[Line, ...]:
    """What the probe measured, what it does, and how to check that it is gone."""
    timeline = view.timeline
    return (
        section_title("In the kernel, measured by the probe"),
        *_probe_lines(timeline),
        (),
        section_title("In transit"),
        _labelled_line("lost", _format_count(timeline.lost, "observation")),
        (),
        section_title("What the probe does"),
        _labelled_line("calls", _describe_calls(timeline)),
        _labelled_line("between runs", _describe_polling(view)),
        _labelled_line("your code", "is never run: no property, no __repr__, no comparison"),
        _labelled_line("your objects", "are never kept alive"),
        (),
        section_title("How to check that it is gone"),
        line(
            Span("  kernelscope audit", "strong"),
            Span("   compares the kernel before, during and after watching"),
        ),
        line(
            Span("  kernelscope detach", "strong"),
            Span("  removes the probe, whichever kernelscope installed it"),
        ),
    )


def _probe_lines(timeline: TimelineView) -> Iterator[Line]:
    cost = timeline.cost
    if cost is None:
        yield _labelled_line("", "No figures yet: they arrive with every run.")
        return
    yield _labelled_line("hooks ran", f"{_format_count(cost.hooks, 'time')}: once per run and once per poll")
    yield _labelled_line("each took", _describe_times(cost))
    yield _labelled_line("sent", _format_bytes(cost.sent))
    skipped = _format_count(cost.not_evaluated, "value")
    yield _labelled_line("not evaluated", f"{skipped} skipped to stay within the budget")
    yield from _turn_lines(timeline)
    failures = f"{cost.failures}, and none reached your cells" if cost.failures else "none"
    yield _labelled_line("own failures", failures, "loss" if cost.failures else "")
    for off in timeline.switched_off:
        yield _labelled_line("not read", f"objects of {off.library}: reading one raised {off.error}", "loss")


def _turn_lines(timeline: TimelineView) -> Iterator[Line]:
    """How many models were not compared by content in the last look, and which of them wait longest."""
    waiting = timeline.not_compared
    if waiting is None:
        yield _labelled_line("content", "of every model compared in the last look")
        return
    yield _labelled_line("content", f"of {quantity(waiting.models, 'model')} not compared in the last look")
    for name, count in waiting.after.items():
        yield line(_label(""), Span(fit_name(name, _NAME)), Span(f" had its last turn after In [{count}]"))


def _describe_times(cost: Cost) -> str:
    return f"median {_format_ms(cost.median)}, 99 % under {_format_ms(cost.p99)}, maximum {_format_ms(cost.longest)}"


def _describe_calls(timeline: TimelineView) -> str:
    kernel = timeline.kernel
    if kernel is None:
        return "no kernel yet"
    if kernel.sees_calls:
        return "learning calls are observed as they happen"
    return "not observed (needs Python 3.12), so more is inferred"


def _describe_polling(view: ViewState) -> str:
    if view.poll is None:
        return "nothing runs and nothing is sent"
    return f"a thread polls every {view.poll:g} s; p stops it"


def start_polling_lines(view: ViewState, seconds: float) -> tuple[Line, ...]:
    """What polling between runs costs, as the question before it starts."""
    took = hook_milliseconds(view.timeline)
    measured = (
        f"Each poll takes {took:.1f} ms of the kernel's time (the median so far)."
        if took is not None
        else "How long a poll takes has not been measured yet."
    )
    return (
        line(Span("Poll between runs as well?", "strong")),
        (),
        line(Span("So far the probe does nothing in the kernel while no cell runs.")),
        line(Span(f" · A thread in the kernel would poll the namespace every {seconds:g} s.")),
        line(Span(f" · {measured}")),
        line(Span(" · It sends a message only if something has changed. Each message")),
        line(Span("   counts as activity: a server that ends idle kernels restarts its")),
        line(Span("   countdown.")),
        line(Span(" · It ends when you stop it here or quit.")),
    )


def stop_polling_lines(seconds: float) -> tuple[Line, ...]:
    """The question before polling stops."""
    return (
        line(Span("Stop polling between runs?", "strong")),
        (),
        line(Span(f"The thread that polls every {seconds:g} s leaves the kernel.")),
        line(Span("Runs are observed as before.")),
    )


def _labelled_line(label: str, text: str, role: str = "") -> Line:
    return line(_label(label), Span(text, role))


def _label(label: str) -> Span:
    return Span(fit(f"  {label}", _LABEL), "dim")


def _format_count(number: int, noun: str) -> str:
    """``no values``, ``1 value``, ``2 values``."""
    return quantity(number, noun) if number else f"no {noun}s"


def _format_ms(seconds: float) -> str:
    return f"{seconds * 1_000:.1f} ms"


def _format_bytes(number: int) -> str:
    size = float(number)
    for unit in ("bytes", "kB", "MB"):
        if size < 1_000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1_000
    return f"{size:.1f} GB"
