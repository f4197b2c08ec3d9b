"""The header, the banner, the legend, and the empty states of the timeline."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from pathlib import PurePath
from statistics import median

from kernelscope import __version__
from kernelscope.domain.changes import Verdict
from kernelscope.domain.events import Progress
from kernelscope.presentation.glyphs import GLYPHS, LEGEND, LIVE
from kernelscope.presentation.quantities import quantity
from kernelscope.protocol.stored import About
from kernelscope.timeline.view import TimelineView
from kernelscope.tui.state.spans import Line, Span, line, safe_span, width
from kernelscope.tui.state.view_state import ViewState

STATES = {"unreachable": "not answering", "died": "dead"}
"""States that have another name on screen: a kernel that does not answer may answer again."""
_STATE_ROLES = {"busy": "warn", "died": "loss", "unreachable": "loss", "restarted": "warn"}


def notebook_name(timeline: TimelineView) -> str:
    """The file name of the notebook; without one, the name of the connection file."""
    kernel = timeline.kernel
    if kernel is None:
        return "no kernel yet"
    return PurePath(kernel.notebook).name if kernel.notebook else PurePath(kernel.connection_file).stem


def header_line(view: ViewState, cells: int, title: str | None = None) -> Line:
    """The header, exactly ``cells`` wide: the kernel at the left, the reader's place at the right."""
    right = _right_spans(view, cells)
    left = _left_spans(view, title)
    while len(left) > 2 and width(left) + width(right) + 2 > cells:
        left.pop()
    gap = max(1, cells - width(left) - width(right) - 1)
    return line(*left, Span(" " * gap), *right)


def _left_spans(view: ViewState, title: str | None) -> list[Span]:
    """Most important first: a narrow header drops the last ones."""
    timeline = view.timeline
    spans = [Span(" "), safe_span(title or notebook_name(timeline), "strong", limit=40), _state_span(view)]
    runs = timeline.moments[-1].execution_count if timeline.moments else 0
    if timeline.state == "busy" and timeline.ended is None:
        spans.append(Span(f" · running In [{runs + 1}], showing after [{runs}]"))
    elif timeline.moments:
        spans.append(Span(f" · In [{runs}]"))
    if timeline.kernel is not None:
        spans.append(safe_span(f" · python {timeline.kernel.python}", "dim", limit=24))
    cost = hook_milliseconds(timeline)
    if cost is not None:
        spans.append(Span(f" · probe {cost:.1f} ms per run", "dim"))
    if timeline.switched_off:
        names = ", ".join(off.library for off in timeline.switched_off)
        spans.append(safe_span(f" · {names} not read", "loss", limit=40))
    if view.poll is not None:
        spans.append(Span(f" · polls every {view.poll:g} s", "dim"))
    return spans


def _state_span(view: ViewState) -> Span:
    timeline = view.timeline
    if timeline.ended is not None and view.about is None:
        return Span(" · ended", "loss")
    if timeline.kernel is None:
        return Span(" · waiting" if timeline.waiting else " · connecting", "warn")
    if view.about is not None:
        return Span(" · replay", "new")
    if view.playback.limit is not None:
        return Span(" · playing" if view.playback.playing else " · paused", "warn")
    state = STATES.get(timeline.state, timeline.state)
    return Span(f" · {state}", _STATE_ROLES.get(timeline.state, ""))


def _right_spans(view: ViewState, cells: int) -> list[Span]:
    timeline = view.timeline
    spans: list[Span] = []
    if timeline.lost:
        spans.append(Span(f"{timeline.lost} lost  ", "loss"))
    if view.query:
        spans += [Span("/", "warn"), safe_span(f"{view.query}  ", "warn", limit=20)]
    if view.mark_column is not None:
        count = timeline.moments[view.mark_column].execution_count
        spans.append(Span(f"m [{count}]  ", "warn"))
    models = sum(row.whole is None and _is_alive(timeline, row.name) for row in timeline.rows())
    if view.recording:
        spans.insert(0, Span("⏺ REC  ", "loss"))
    return [
        *spans,
        *_position_spans(view),
        Span(quantity(models, "model") if cells >= 60 else ""),
    ]


def _position_spans(view: ViewState) -> Line:
    """How much of the timeline is shown, and how far the cursor is from its end."""
    playback, behind = view.playback, max(0, view.columns.count - 1 - view.column)
    if playback.limit is not None:
        sign = f"▶ ×{playback.speed:g}" if playback.playing else "⏸"
        return (Span(f"{sign} {playback.limit} of {len(view.whole.moments)}  ", "warn strong"),)
    if not view.follow:
        return (Span(f"{behind} behind · F: latest  ", "warn"),)
    return (Span("END  " if view.about is not None else "FOLLOW  ", "new"),)


def _is_alive(timeline: TimelineView, name: str) -> bool:
    track = timeline.track(name)
    return bool(track) and track[-1].facts is not None


def hook_milliseconds(timeline: TimelineView) -> float | None:
    """What a run costs the user's kernel: the median that the probe reports, else that of the latest runs."""
    if timeline.cost is not None and timeline.cost.hooks:
        return timeline.cost.median * 1_000
    seconds = [m.run.hook_seconds for m in timeline.moments[-100:] if m.run is not None]
    return median(seconds) * 1_000 if seconds else None


def banner_line(view: ViewState) -> Line:
    """Why the timeline does not grow, or lags behind the kernel; empty if all is well."""
    timeline = view.timeline
    if view.about is not None and timeline.kernel is not None:
        return _recording_line(view.about) if view.playback.limit is None else ()
    if timeline.ended is not None:
        return line(
            Span(" Ended: "), safe_span(timeline.ended), Span(". The timeline stays on screen; q quits.")
        )
    if timeline.kernel is None:
        return ()
    if timeline.state == "died":
        return line(Span(" The kernel died. Waiting for it to restart; the timeline stays on screen."))
    if timeline.state == "unreachable":
        why = f": {timeline.detail}" if timeline.detail else ""
        wait = Span(". Waiting for it; the timeline stays on screen.")
        return line(Span(" The kernel is not answering"), safe_span(why), wait)
    return _progress_line(timeline.progress) if timeline.progress is not None else ()


def _recording_line(about: About) -> Line:
    """When this was recorded, by which version, and the keys that play it."""
    spans = [Span(" Recorded")]
    if about.started is not None:
        started, ended = _format_date(about.started), _format_date(about.ended)
        same_day = started[:10] == ended[:10]
        spans.append(
            Span(f" {started} to {ended[11:] if same_day else ended}" if ended else f" since {started}")
        )
    if about.version != __version__:
        spans += [
            Span(" by kernelscope "),
            safe_span(about.version or "of an early version", limit=20),
            Span("; --rejudge judges it by this version"),
        ]
    return line(*spans, Span(". space plays it, [ ] step, :seek 42"))


def _format_date(seconds: float | None) -> str:
    """Date and time in the reader's time zone; a stranger's file may hold what no calendar has."""
    try:
        return (
            "" if seconds is None else datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")
        )
    except (ValueError, OverflowError, OSError):
        return "an unknown time"


def _progress_line(progress: Progress) -> Line:
    """What a cell that has not ended yet is seen to do: never a verdict."""
    count = progress.execution_count
    spans = [
        Span(f" In [{count}] has been running for {format_duration(progress.seconds)}"),
        Span(f"; showing state after In [{count - 1}]." if count > 1 else "; showing state before it."),
    ]
    for place, moved in enumerate(progress.moved):
        spans += [
            Span(", " if place else " "),
            safe_span(f"{LIVE} {moved.name} ", "strong"),
            safe_span(moved.text),
        ]
    return line(*spans)


def format_duration(seconds: float) -> str:
    """A duration in its largest unit: ``5 s``, ``2 min``, ``3 h``."""
    for span, unit in ((3_600, "h"), (60, "min")):
        if seconds >= span:
            return f"{seconds // span:.0f} {unit}"
    return f"{seconds:.0f} s"


def empty_lines(view: ViewState) -> tuple[Line, ...]:
    """What the screen shows in place of the grid while there is no row."""
    timeline = view.timeline
    if timeline.kernel is None:
        if timeline.ended is not None:
            return (line(Span("Not attached: ", "loss"), safe_span(timeline.ended)),)
        reason = timeline.waiting or "looking for the kernel"
        return (
            line(Span("Waiting: ", "warn"), safe_span(reason)),
            line(Span("kernelscope attaches by itself as soon as it can.", "dim")),
        )
    if view.query:
        return (
            line(Span("No name or class contains "), safe_span(view.query, "strong"), Span(".")),
            line(Span("esc", "key"), Span(" clears the filter.", "dim")),
        )
    if view.about is not None:
        return (line(Span("No models so far in this recording.")),)
    return (
        line(Span("Attached to "), safe_span(notebook_name(timeline), "strong"), Span(". No models yet.")),
        (),
        line(Span("Run, for example,  "), Span("model = LogisticRegression().fit(X, y)", "strong")),
        line(Span("and a row for model appears here.")),
    )


def legend_line(cells: int, observed: Collection[Verdict] = ()) -> Line:
    """As many glyphs and their verdicts as fit, those that the timeline holds first."""
    spans = [Span(" ")]
    for verdict in sorted(LEGEND, key=lambda v: v not in observed):
        more = [Span(f"{GLYPHS[verdict]}", f"verdict.{verdict}"), Span(f" {verdict} ", "dim")]
        if width(spans) + width(more) > cells:
            break
        spans += more
    return tuple(spans)


def too_small_line(cells: int, lines: int) -> Line:
    """The only line that a tiny terminal shows."""
    return line(Span(f"kernelscope needs 60×12; this is {cells}×{lines}"))
