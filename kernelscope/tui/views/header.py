"""The first line of the screen, the banner, and what stands where there is no model yet."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from pathlib import PurePath
from statistics import median

from kernelscope import __version__
from kernelscope.domain.changes import Verdict
from kernelscope.domain.events import Progress
from kernelscope.presentation.glyphs import GLYPHS, LEGEND, LIVE
from kernelscope.protocol.stored import About
from kernelscope.timeline.view import TimelineView
from kernelscope.tui.state.spans import Line, Span, line, safe_span, width
from kernelscope.tui.state.view_state import ViewState

STATES = {"unreachable": "not answering", "died": "dead"}
"""States that are called otherwise on the screen: what does not answer may answer again."""
_STATE_ROLES = {"busy": "warn", "died": "loss", "unreachable": "loss", "restarted": "warn"}


def notebook_name(timeline: TimelineView) -> str:
    """The notebook's file name, or the connection file's."""
    kernel = timeline.kernel
    if kernel is None:
        return "no kernel yet"
    return PurePath(kernel.notebook).name if kernel.notebook else PurePath(kernel.connection_file).stem


def header(view: ViewState, cells: int, title: str | None = None) -> Line:
    """Exactly ``cells`` wide: which kernel at the left, what is followed at the right."""
    right = _right(view, cells)
    left_side = _left_side(view, title)
    while len(left_side) > 2 and width(left_side) + width(right) + 2 > cells:
        left_side.pop()
    gap = max(1, cells - width(left_side) - width(right) - 1)
    return line(*left_side, Span(" " * gap), *right)


def _left_side(view: ViewState, title: str | None) -> list[Span]:
    timeline = view.timeline
    pieces = [Span(" "), safe_span(title or notebook_name(timeline), "strong", limit=40), _state(view)]
    runs = timeline.moments[-1].execution_count if timeline.moments else 0
    if timeline.state == "busy" and timeline.ended is None:
        pieces.append(Span(f" · In [{runs + 1}] runs, shown is after [{runs}]"))
    elif timeline.moments:
        pieces.append(Span(f" · In [{runs}]"))
    if timeline.kernel is not None:
        pieces.append(safe_span(f" · python {timeline.kernel.python}", "dim", limit=24))
    cost = hook_milliseconds(timeline)
    if cost is not None:
        pieces.append(Span(f" · probe {cost:.1f} ms a run", "dim"))
    if timeline.switched_off:
        names = ", ".join(off.library for off in timeline.switched_off)
        pieces.append(safe_span(f" · {names} not read", "loss", limit=40))
    if view.poll is not None:
        pieces.append(Span(f" · looks every {view.poll:g} s", "dim"))
    return pieces


def _state(view: ViewState) -> Span:
    timeline = view.timeline
    if timeline.ended is not None and view.about is None:
        return Span(" · ended", "loss")
    if timeline.kernel is None:
        return Span(" · waiting" if timeline.waiting else " · connecting", "warn")
    if view.about is not None:
        return Span(" · recording", "new")
    if view.playback.shown is not None:
        return Span(" · as it was", "warn")
    state = STATES.get(timeline.state, timeline.state)
    return Span(f" · {state}", _STATE_ROLES.get(timeline.state, ""))


def _right(view: ViewState, cells: int) -> list[Span]:
    timeline = view.timeline
    pieces: list[Span] = []
    if timeline.lost:
        pieces.append(Span(f"{timeline.lost} lost  ", "loss"))
    if view.query:
        pieces += [Span("/", "warn"), safe_span(f"{view.query}  ", "warn", limit=20)]
    if view.mark_column is not None:
        count = timeline.moments[view.mark_column].execution_count
        pieces.append(Span(f"m [{count}]  ", "warn"))
    names = sum(row.whole is None and _alive(timeline, row.name) for row in timeline.rows())
    if view.recording:
        pieces.insert(0, Span("⏺ REC  ", "loss"))
    return [
        *pieces,
        *_place(view),
        Span(f"{names} {'model' if names == 1 else 'models'}" if cells >= 60 else ""),
    ]


def _place(view: ViewState) -> Line:
    """Of what is shown in what there is, and of the cursor in what is shown."""
    playback, behind = view.playback, max(0, view.columns.count - 1 - view.column)
    if playback.shown is not None:
        sign = f"▶ ×{playback.speed:g}" if playback.playing else "⏸"
        return (Span(f"{sign} {playback.shown} of {len(view.whole.moments)}  ", "warn strong"),)
    if not view.follow:
        return (Span(f"{behind} behind · F follows  ", "warn"),)
    return (Span("END  " if view.about is not None else "FOLLOW  ", "new"),)


def _alive(timeline: TimelineView, name: str) -> bool:
    track = timeline.track(name)
    return bool(track) and track[-1].facts is not None


def hook_milliseconds(timeline: TimelineView) -> float | None:
    """What a run costs the user's kernel: the median, as the probe counts it, or over the latest runs."""
    if timeline.cost is not None and timeline.cost.hooks:
        return timeline.cost.median * 1_000
    seconds = [m.run.hook_seconds for m in timeline.moments[-100:] if m.run is not None]
    return median(seconds) * 1_000 if seconds else None


def banner(view: ViewState) -> Line:
    """Why nothing more comes, or why what comes may not be all; empty where all is well."""
    timeline = view.timeline
    if view.about is not None and timeline.kernel is not None:
        return _recorded(view.about) if view.playback.shown is None else ()
    if timeline.ended is not None:
        return line(Span(" Ended: "), safe_span(timeline.ended), Span(". The rows stay; q leaves."))
    if timeline.kernel is None:
        return ()
    if timeline.state == "died":
        return line(Span(" The kernel is dead; waiting for it to come back. The rows stay."))
    if timeline.state == "unreachable":
        why = f": {timeline.detail}" if timeline.detail else ""
        return line(
            Span(" The kernel is not answering"), safe_span(why), Span(". It is waited for; the rows stay.")
        )
    return _running(timeline.progress) if timeline.progress is not None else ()


def _recorded(about: About) -> Line:
    """What recording this is, and how to go through it."""
    pieces: list[Span] = [Span(" Recorded")]
    if about.started is not None:
        started, ended = _date(about.started), _date(about.ended)
        same_day = started[:10] == ended[:10]
        pieces.append(
            Span(f" {started} to {ended[11:] if same_day else ended}" if ended else f" since {started}")
        )
    if about.version != __version__:
        pieces += [
            Span(" by kernelscope "),
            safe_span(about.version or "of old", limit=20),
            Span("; --anew judges it by this one"),
        ]
    return line(*pieces, Span(". space plays it, [ ] step, :seek 42"))


def _date(seconds: float | None) -> str:
    """In the reader's own time; a stranger's file may hold what no calendar has."""
    try:
        return (
            "" if seconds is None else datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")
        )
    except (ValueError, OverflowError, OSError):
        return "at some time"


def _running(progress: Progress) -> Line:
    """What a cell that has not ended yet is seen to do: never a verdict."""
    count = progress.execution_count
    pieces = [
        Span(f" In [{count}] has been running for {lasting(progress.seconds)}"),
        Span(f"; this is the state after [{count - 1}]." if count > 1 else "; this is the state before it."),
    ]
    for place, moved in enumerate(progress.moved):
        pieces += [
            Span(", " if place else " "),
            safe_span(f"{LIVE} {moved.name} ", "strong"),
            safe_span(moved.text),
        ]
    return line(*pieces)


def lasting(seconds: float) -> str:
    """How long, roughly."""
    for span, unit in ((3_600, "h"), (60, "min")):
        if seconds >= span:
            return f"{seconds // span:.0f} {unit}"
    return f"{seconds:.0f} s"


def empty(view: ViewState) -> tuple[Line, ...]:
    """What stands in the place of the grid while there is no row."""
    timeline = view.timeline
    if timeline.kernel is None:
        if timeline.ended is not None:
            return (line(Span("Never attached: ", "loss"), safe_span(timeline.ended)),)
        reason = timeline.waiting or "looking for the kernel"
        return (
            line(Span("Waiting: ", "warn"), safe_span(reason)),
            line(Span("It attaches by itself as soon as it can.", "dim")),
        )
    if view.query:
        return (
            line(Span("No name or class has "), safe_span(view.query, "strong"), Span(" in it.")),
            line(Span("/", "key"), Span(" and an empty filter shows all of them again.", "dim")),
        )
    return (
        line(
            Span("Attached to "), safe_span(notebook_name(timeline), "strong"), Span(". No model in it yet.")
        ),
        (),
        line(Span("Run e.g.  "), Span("model = LogisticRegression().fit(X, y)", "strong")),
        line(Span("and its row appears here.")),
    )


def legend(cells: int, observed: Collection[Verdict] = ()) -> Line:
    """The glyphs and their verdicts, those that were seen first, as many as there is room for."""
    pieces: list[Span] = [Span(" ")]
    for verdict in sorted(LEGEND, key=lambda v: v not in observed):
        more = [Span(f"{GLYPHS[verdict]}", f"verdict.{verdict}"), Span(f" {verdict} ", "dim")]
        if width(pieces) + width(more) > cells:
            break
        pieces += more
    return tuple(pieces)


def too_small(cells: int, lines: int) -> Line:
    """The one line that a tiny terminal shows."""
    return line(Span(f"kernelscope needs 60×12, this is {cells}×{lines}"))
