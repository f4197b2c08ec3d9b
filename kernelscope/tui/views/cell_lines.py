"""Lines of the cells view: a line per cell that says what running it again does to each model."""

from __future__ import annotations

from typing import NamedTuple

from kernelscope.domain.changes import Verdict
from kernelscope.domain.display import short_class
from kernelscope.forecast.forecaster import Forecaster
from kernelscope.forecast.outlook import Outlook
from kernelscope.presentation.glyphs import GLYPHS
from kernelscope.presentation.quantities import quantity
from kernelscope.presentation.reasons import reason_text
from kernelscope.presentation.verbs import VERBS, around_name
from kernelscope.text import clean, headline
from kernelscope.timeline.cells import Cell, CellEffect
from kernelscope.timeline.view import TimelineView
from kernelscope.tui.state.spans import Line, Span, fit, line, safe_span, truncate, width
from kernelscope.tui.views.evidence_lines import change_spans
from kernelscope.tui.views.sentence import moment_text

_FORECAST_NAME = 30
"""Terminal cells for a name and its verdict in the forecast below the list."""


class CellSummary(NamedTuple):
    """What running a cell again does, and why a forecast says so."""

    effect: Line
    reason: Line = ()
    """Empty for what was observed: the timeline has its evidence."""


def cell_line(cell: Cell, cells: int, forecaster: Forecaster) -> Line:
    """Describe one cell in at most ``cells`` terminal cells: source, runs, effect."""
    code_width, runs_width = _column_widths(cells)
    left = (
        Span(" "),
        safe_span(fit(headline(cell.code), code_width), "strong"),
        Span("  "),
        Span(fit(_run_labels(cell, runs_width), runs_width), "dim"),
        Span("  "),
    )
    summary = summarize_cell(cell, forecaster)
    complete = (*left, *summary.effect, *summary.reason)
    if width(complete) <= cells:
        return complete
    # A reason that is cut says nothing: the pane below the list has it in full.
    return truncate((*left, *summary.effect), cells)


def cells_heading(cells: int) -> Line:
    """The titles of the columns that ``cell_line`` fills."""
    code_width, runs_width = _column_widths(cells)
    titles = fit("cell", code_width + 2) + fit("runs", runs_width + 2) + "when run again (would: forecast)"
    return line(Span(f" {titles}", "dim"))


def _column_widths(cells: int) -> tuple[int, int]:
    """Terminal cells for the source and for the runs."""
    return max(16, cells * 34 // 100), max(10, cells * 14 // 100)


def summarize_cell(cell: Cell, forecaster: Forecaster) -> CellSummary:
    """Say what re-running the cell did; if it ran only once, forecast what that would do."""
    if cell.reruns:
        return CellSummary(_effect_spans(cell.effects) or _no_effect_spans(cell))
    outlook = forecaster.of(cell.runs[-1])
    if outlook.forecasts:
        return _summarize_forecast(outlook)
    if outlook.doubt is None:
        return CellSummary((Span("would change no model", "forecast"),))
    first_effects = _effect_spans(cell.first_effects, past=True) or (Span("changed no model", "dim"),)
    return CellSummary((Span("ran once: ", "dim"), *first_effects))


def _summarize_forecast(outlook: Outlook) -> CellSummary:
    """Group names by verdict, then list the reasons without repeating any."""
    spans: list[Span] = []
    for verdict, sure in dict.fromkeys((f.verdict, f.sure) for f in outlook.forecasts):
        names = [f.name for f in outlook.forecasts if (f.verdict, f.sure) == (verdict, sure)]
        spans += [Span(" · ", "dim")] if spans else []
        before, after = _words_around_names(verdict, sure=sure)
        spans += [
            Span(before, "forecast"),
            safe_span(", ".join(names), "forecast.strong"),
            Span(after, "forecast"),
        ]
    reasons = dict.fromkeys(reason_text(f.reason) for f in outlook.forecasts)
    return CellSummary(tuple(spans), (safe_span(f"  ({'; '.join(reasons)})", "forecast"),))


def _words_around_names(verdict: Verdict | None, *, sure: bool) -> tuple[str, str]:
    """What stands before and after the names in a forecast."""
    if verdict is None:
        return "? cannot tell for ", ""
    before, after = around_name(VERBS[verdict].do)
    return f"{GLYPHS[verdict]} {'would' if sure else 'may'} {before}", after


def outlook_lines(outlook: Outlook) -> tuple[Line, ...]:
    """The forecast in full: a line per name with the reason, then why less than usual is known."""
    lines = []
    for forecast in outlook.forecasts:
        around = _words_around_names(forecast.verdict, sure=forecast.sure)
        effect = fit(clean(forecast.name).join(around), _FORECAST_NAME)
        reason = safe_span(reason_text(forecast.reason), "forecast")
        lines.append(line(Span(f" {effect} ", "forecast.strong"), reason))
    if not lines and outlook.doubt is None:
        lines = [line(Span(" · would change no model", "forecast.strong"))]
    if outlook.doubt is not None:
        doubt = f" {'not sure' if lines else 'cannot tell'}: {reason_text(outlook.doubt)}"
        lines.append(line(safe_span(doubt, "forecast")))
    return (line(Span(" If this cell ran again now (a forecast, not an observation)", "section")), *lines)


def _no_effect_spans(cell: Cell) -> Line:
    """For a cell whose re-runs changed no named model; a local one may have been fitted."""
    classes = dict.fromkeys(short_class(change.cls) for run in cell.reruns for change in run.local)
    fits = f"; fits a local {', '.join(classes)}" if classes else ""
    times = len(cell.reruns)
    return (safe_span(f"changes no model  {times} of {quantity(times, 'time')}{fits}", "dim"),)


def _effect_spans(effects: tuple[CellEffect, ...], *, past: bool = False) -> Line:
    """Verdict and name of each effect; in the present tense also how often it occurred."""
    spans: list[Span] = []
    for effect in effects:
        role = f"verdict.{effect.verdict}"
        if spans:
            spans.append(Span(" · ", "dim"))
        before, after = (f"{effect.verdict} ", "") if past else around_name(VERBS[effect.verdict].does)
        spans += [
            Span(f"{GLYPHS[effect.verdict]} {before}", role),
            safe_span(effect.name, "strong"),
            Span(after, role),
        ]
        if not past:
            spans.append(Span(f"  {effect.times} of {quantity(effect.of, 'time')}", "dim"))
    return tuple(spans)


def _run_labels(cell: Cell, cells: int) -> str:
    """The latest runs that fit; ``┃`` marks a restart."""
    labels: list[str] = []
    epoch = cell.runs[0].epoch
    for run in cell.runs:
        labels.append(f"[{run.count}]" if run.epoch == epoch else f"┃[{run.count}]")
        epoch = run.epoch
    while len(labels) > 1 and len(" ".join(labels)) > cells - 2:
        labels.pop(0)
    return ("" if len(labels) == len(cell.runs) else "… ") + " ".join(labels)


def run_line(timeline: TimelineView, cell: Cell, place: int) -> Line:
    """Describe one run of a cell: when it was, and what it changed."""
    run = cell.runs[place]
    rerun = f"again after [{run.rerun_of}]" if run.rerun_of is not None else "first run"
    moment = next(m for m in timeline.moments if m.run is run)
    return line(
        Span(fit(f" {moment_text(moment)}", 12), "strong"),
        Span(fit(f"epoch {run.epoch}", 10), "dim"),
        Span(fit(rerun, 18), "dim"),
        *change_spans(run),
    )
