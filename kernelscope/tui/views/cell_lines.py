"""The founding question turned round: a row per cell, and what running it again does."""

from __future__ import annotations

from kernelscope.domain.changes import Verdict
from kernelscope.domain.display import short_class
from kernelscope.forecast.forecaster import Forecaster
from kernelscope.forecast.outlook import Outlook
from kernelscope.presentation.glyphs import GLYPHS
from kernelscope.presentation.reasons import reason_text
from kernelscope.presentation.verbs import VERBS, around_name
from kernelscope.text import clean, headline
from kernelscope.timeline.cells import Cell, CellEffect
from kernelscope.timeline.view import TimelineView
from kernelscope.tui.state.spans import Line, Span, fit, line, safe_span, truncate, width
from kernelscope.tui.views.evidence_lines import effects
from kernelscope.tui.views.sentence import when

_REASON = "  ("


def cell_line(cell: Cell, cells: int, forecaster: Forecaster) -> Line:
    """One cell in one line of this many terminal cells."""
    code, runs = max(16, cells * 34 // 100), max(10, cells * 14 // 100)
    before = (
        Span(" "),
        safe_span(fit(headline(cell.code), code), "strong"),
        Span("  "),
        Span(fit(_runs(cell, runs), runs), "dim"),
        Span("  "),
    )
    effects_ = effect(cell, forecaster)
    reasoned = effects_[-1].text.startswith(_REASON)
    if reasoned and width((*before, *effects_)) > cells:
        effects_ = effects_[:-1]  # a reason is effects_ whole, below the list, or here where it has room
    return truncate((*before, *effects_), cells)


def heading(cells: int) -> Line:
    """Over the cells."""
    code, runs = max(16, cells * 34 // 100), max(10, cells * 14 // 100)
    return line(
        Span(
            " " + fit("cell", code + 2) + fit("runs", runs + 2) + "run again (would: a forecast)",
            "dim",
        )
    )


def effect(cell: Cell, forecaster: Forecaster) -> Line:
    """What running it again did; of a cell that was never run again, what that would do."""
    if cell.reruns:
        return _did(cell.effects) or _alone(cell)
    outlook = forecaster.of(cell.runs[-1])
    if outlook.forecasts:
        return _would(outlook)
    if outlook.doubt is None:
        return (Span("would leave every model alone", "forecast"),)
    first = _did(cell.first_effects, past=True)
    return (Span("ran once: ", "dim"), *(first or (Span("left every model alone", "dim"),)))


def _would(outlook: Outlook) -> Line:
    """Every name, those of one verdict together; then why."""
    pieces: list[Span] = []
    for verdict, sure in dict.fromkeys((f.verdict, f.sure) for f in outlook.forecasts):
        same = [f for f in outlook.forecasts if (f.verdict, f.sure) == (verdict, sure)]
        pieces += [Span(" · ", "dim")] if pieces else []
        before, after = _auxiliary(verdict, sure=sure)
        pieces += [
            Span(before, "forecast"),
            safe_span(", ".join(f.name for f in same), "forecast.strong"),
            Span(after, "forecast"),
        ]
    reasons = dict.fromkeys(reason_text(f.reason) for f in outlook.forecasts)
    return (*pieces, safe_span(f"{_REASON}{'; '.join(reasons)})", "forecast"))


def _auxiliary(verdict: Verdict | None, *, sure: bool) -> tuple[str, str]:
    """What stands before and after the names."""
    if verdict is None:
        return "? cannot tell for ", ""
    before, after = around_name(VERBS[verdict].do)
    return f"{GLYPHS[verdict]} {'would' if sure else 'may'} {before}", after


def outlook_lines(outlook: Outlook) -> tuple[Line, ...]:
    """A line per name: what running the cell again would do to it, and why."""
    lines = [
        line(
            Span(
                " " + fit(clean(f.name).join(_auxiliary(f.verdict, sure=f.sure)), 30) + " ", "forecast.strong"
            ),
            safe_span(reason_text(f.reason), "forecast"),
        )
        for f in outlook.forecasts
    ]
    if not lines and outlook.doubt is None:
        lines = [line(Span(" · would leave every model alone", "forecast.strong"))]
    if outlook.doubt is not None:
        doubt = f" {'not sure' if lines else 'cannot tell'}: {reason_text(outlook.doubt)}"
        lines.append(line(safe_span(doubt, "forecast")))
    return (line(Span(" If it ran again now: a forecast, nothing that was seen", "section")), *lines)


def _alone(cell: Cell) -> Line:
    """No named model was changed, in however many re-runs; a local one may have been made."""
    local = dict.fromkeys(short_class(change.cls) for run in cell.reruns for change in run.local)
    fits = f"; fits {', '.join(local)} of its own" if local else ""
    times = len(cell.reruns)
    return (
        safe_span(
            f"leaves every model alone  {times} of {times} {'time' if times == 1 else 'times'}{fits}", "dim"
        ),
    )


def _did(effects_: tuple[CellEffect, ...], *, past: bool = False) -> Line:
    pieces: list[Span] = []
    for one in effects_:
        role = f"verdict.{one.verdict}"
        if pieces:
            pieces.append(Span(" · ", "dim"))
        before, after = (f"{one.verdict} ", "") if past else around_name(VERBS[one.verdict].does)
        glyph = GLYPHS[one.verdict]
        pieces += [Span(f"{glyph} {before}", role), safe_span(one.name, "strong"), Span(after, role)]
        if not past:
            pieces.append(Span(f"  {one.times} of {one.of} {'time' if one.of == 1 else 'times'}", "dim"))
    return tuple(pieces)


def _runs(cell: Cell, room: int) -> str:
    """The latest runs that there is room for; a restart is a wall."""
    labels: list[str] = []
    epoch = cell.runs[0].epoch
    for run in cell.runs:
        labels.append(f"[{run.count}]" if run.epoch == epoch else f"┃[{run.count}]")
        epoch = run.epoch
    while len(labels) > 1 and len(" ".join(labels)) > room - 2:
        labels.pop(0)
    return ("" if len(labels) == len(cell.runs) else "… ") + " ".join(labels)


def run_line(timeline: TimelineView, cell: Cell, place: int) -> Line:
    """One run of a cell."""
    run = cell.runs[place]
    rerun = f"again after [{run.rerun_of}]" if run.rerun_of is not None else "first run"
    moment = next(m for m in timeline.moments if m.run is run)
    return line(
        Span(fit(f" {when(moment)}", 12), "strong"),
        Span(fit(f"epoch {run.epoch}", 10), "dim"),
        Span(fit(rerun, 18), "dim"),
        *effects(run),
    )
