"""The lines under the grid: what the selected run did to the selected row, and how that is known."""

from __future__ import annotations

from kernelscope.domain.changes import Change, Moment, TrackEntry
from kernelscope.domain.display import short_class
from kernelscope.presentation.explain import explain
from kernelscope.presentation.glyphs import GLYPHS, LIVE
from kernelscope.presentation.moments import moment_label
from kernelscope.presentation.segments import text_of
from kernelscope.presentation.words import standing
from kernelscope.tui.state.grid_cells import hue_role
from kernelscope.tui.state.spans import Line, Span, line, safe_span
from kernelscope.tui.state.view_state import ViewState

_MAX_OTHER_CHANGES = 4


def sentence_lines(view: ViewState) -> tuple[Line, ...]:
    """A headline, then the explanation of the change; without a change, what the row holds."""
    moment, row = view.moment, view.row
    if moment is None or row is None:
        return ()
    change, progress = view.change, _progress_lines(view, row)
    if change is not None:
        explanation = line(safe_span(text_of(explain(change)), limit=1_000))
        return (*progress, change_headline(change), explanation)
    return (*progress, _no_change_headline(view, moment, row), *_no_change_lines(view, moment))


def _progress_lines(view: ViewState, row: str) -> tuple[Line, ...]:
    """What the running cell is seen to do to the row; only in follow mode, else it belongs to another column."""
    progress = view.timeline.progress
    movement = next((m for m in progress.moved if m.name == row), None) if progress is not None else None
    if progress is None or movement is None or not view.follow:
        return ()
    name, what = safe_span(f"{LIVE} {row}", "strong"), safe_span(movement.text, limit=500)
    verdict = Span(f"; the verdict comes when In [{progress.execution_count}] ends", "dim")
    return (line(name, Span(" is changing: "), what, verdict),)


def change_headline(change: Change) -> Line:
    """Name and verdict of a change: ``model  ○ RESET  #2 → #3  observed``."""
    spans = [
        safe_span(change.name, "strong"),
        Span(f"  {GLYPHS[change.verdict]} {change.verdict.upper()}", f"strong verdict.{change.verdict}"),
    ]
    if change.generation is not None:
        before = change.previous_generation
        replaced = before is not None and before != change.generation
        spans.append(
            Span(f"  #{before} → #{change.generation}" if replaced else f"  #{change.generation}", "dim")
        )
    spans.append(Span(f"  {change.certainty}", "dim" if change.certainty == "observed" else "warn"))
    return tuple(spans)


def moment_text(moment: Moment) -> str:
    """The label of a moment: ``In [8]``."""
    return text_of(moment_label(moment))


def row_state_line(entry: TrackEntry | None, moment: Moment, name: str) -> Line:
    """Say in one sentence what a row holds at a moment."""
    facts = entry.facts if entry is not None else None
    if entry is not None and entry.is_out_of_reach:
        return line(safe_span(name, "strong"), " may hold a model: the probe could not reach it.")
    if entry is None or facts is None:
        return line(safe_span(name, "strong"), " holds no model at this moment.")
    generation = (
        f"#{facts.generation}" if facts.generation is not None else "a part without a name of its own"
    )
    return line(
        safe_span(name, "strong"),
        Span(" is "),
        Span(generation, hue_role(facts, moment.epoch)),
        Span(f" ({hex(facts.id)}): "),
        safe_span(short_class(facts.cls)),
        Span(f", {standing(facts, fitted=entry.fitted)}."),
    )


def _no_change_headline(view: ViewState, moment: Moment, row: str) -> Line:
    entry = view.entry
    label = (Span(f"{moment_text(moment)} · "), safe_span(row, "strong"))
    if moment.kind == "run":
        state = "no model here" if entry is None or entry.facts is None else "unchanged"
        if entry is not None and entry.is_out_of_reach:
            state = "not scanned"
        return line(*label, Span(f"  · {state}", "dim"))
    if moment.index == 0 and entry is not None:
        return line(*label, Span("  ╌ older than the attach; history unknown", "warn"))
    return line(*label)


def _no_change_lines(view: ViewState, moment: Moment) -> tuple[Line, ...]:
    return (row_state_line(view.entry, moment, view.row or ""), *_other_change_lines(moment))


def _other_change_lines(moment: Moment) -> tuple[Line, ...]:
    """What the moment did to other rows and to local models, so that no change is overlooked."""
    lines: list[Line] = []
    if moment.changes:
        lines.append(_other_changes_line(moment))
    if moment.run is not None and moment.run.local:
        lines += [line(safe_span(text_of(explain(change)))) for change in moment.run.local[:1]]
    if moment.run is not None and moment.run.cut:
        lines.append(line(Span("Not everything was scanned: ", "warn"), safe_span("; ".join(moment.run.cut))))
    return tuple(lines)


def _other_changes_line(moment: Moment) -> Line:
    spans = [Span("This run changed: " if moment.kind == "run" else "Changed here: ")]
    for change in moment.changes[:_MAX_OTHER_CHANGES]:
        verdict = f" {GLYPHS[change.verdict]} {change.verdict}  "
        spans += [safe_span(change.name, "strong"), Span(verdict, f"verdict.{change.verdict}")]
    if len(moment.changes) > _MAX_OTHER_CHANGES:
        spans.append(Span(f"and {len(moment.changes) - _MAX_OTHER_CHANGES} more", "dim"))
    return tuple(spans)
