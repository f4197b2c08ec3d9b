"""The sentence under the grid: what the selected run did to the selected row, and why we know."""

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

_OTHERS_SHOWN = 4


def sentence(view: ViewState) -> tuple[Line, ...]:
    """A headline, then the explanation or, where nothing happened, what the row holds."""
    moment, row = view.moment, view.row
    if moment is None or row is None:
        return ()
    change, moving = view.change, _moving(view, row)
    if change is not None:
        return (*moving, headline(change), line(safe_span(text_of(explain(change)), limit=1_000)))
    return (*moving, _quiet_headline(view, moment, row), *_quiet(view, moment))


def _moving(view: ViewState, row: str) -> tuple[Line, ...]:
    """What the cell that still runs is seen to do to the row, for who follows it."""
    progress = view.timeline.progress
    found = next((m for m in progress.moved if m.name == row), None) if progress is not None else None
    if progress is None or found is None or not view.follow:
        return ()
    wait = f"; no verdict before In [{progress.execution_count}] has ended"
    name, what = safe_span(f"{LIVE} {row}", "strong"), safe_span(found.text, limit=500)
    return (line(name, Span(" is moving: "), what, Span(wait, "dim")),)


def headline(change: Change) -> Line:
    """Name and verdict: ``model ◆ REFITTED  generation 2  observed``."""
    verdict = f"verdict.{change.verdict}"
    pieces = [
        safe_span(change.name, "strong"),
        Span(f"  {GLYPHS[change.verdict]} {change.verdict.upper()}", f"strong {verdict}"),
    ]
    if change.generation is not None:
        before = change.previous_generation
        moved = before is not None and before != change.generation
        number = f"generation {before} → {change.generation}" if moved else f"generation {change.generation}"
        pieces.append(Span(f"  {number}", "dim"))
    pieces.append(Span(f"  {change.certainty}", "dim" if change.certainty == "observed" else "warn"))
    return tuple(pieces)


def when(moment: Moment) -> str:
    """How a moment is called."""
    return text_of(moment_label(moment))


def holding(held: TrackEntry | None, moment: Moment, *, fitted: bool | None, name: str) -> Line:
    """What a row holds, in one sentence."""
    facts = held.facts if held is not None else None
    if held is not None and held.is_out_of_reach:
        return line(safe_span(name, "strong"), " may hold a model: the look did not reach it.")
    if facts is None:
        return line(safe_span(name, "strong"), " holds no model at this moment.")
    generation = f"generation {facts.generation}" if facts.generation is not None else "a part without a name"
    return line(
        safe_span(name, "strong"),
        Span(" is "),
        Span(generation, hue_role(facts, moment.epoch)),
        Span(f" ({hex(facts.id)}): "),
        safe_span(short_class(facts.cls)),
        Span(f", {standing(facts, fitted=bool(fitted))}."),
    )


def _quiet_headline(view: ViewState, moment: Moment, row: str) -> Line:
    held = view.held
    if moment.kind == "run":
        absent = held is None or held.facts is None
        what = "no model here" if absent else "left as it was"
        if held is not None and held.is_out_of_reach:
            what = "not looked at"
        return line(Span(f"{when(moment)} · "), safe_span(row, "strong"), Span(f"  · {what}", "dim"))
    if moment.index == 0 and held is not None:
        return line(
            Span(f"{when(moment)} · "),
            safe_span(row, "strong"),
            Span("  ╌ already there; history unknown", "warn"),
        )
    return line(Span(f"{when(moment)} · "), safe_span(row, "strong"))


def _quiet(view: ViewState, moment: Moment) -> tuple[Line, ...]:
    held = view.held
    fitted = held.fitted if held is not None else None
    sentence_ = holding(held, moment, fitted=fitted, name=view.row or "")
    return (sentence_, *_elsewhere(moment))


def _elsewhere(moment: Moment) -> tuple[Line, ...]:
    """What the same moment did to others, so that no change is overlooked."""
    pieces: list[Span] = []
    for change in moment.changes[:_OTHERS_SHOWN]:
        glyph = GLYPHS[change.verdict]
        pieces += [
            safe_span(change.name, "strong"),
            Span(f" {glyph} {change.verdict}  ", f"verdict.{change.verdict}"),
        ]
    if len(moment.changes) > _OTHERS_SHOWN:
        pieces.append(Span(f"and {len(moment.changes) - _OTHERS_SHOWN} more", "dim"))
    lines = (
        [line("This run changed: " if moment.kind == "run" else "Changed here: ", *pieces)] if pieces else []
    )
    if moment.run is not None and moment.run.local:
        lines += [line(safe_span(text_of(explain(change)))) for change in moment.run.local[:1]]
    if moment.run is not None and moment.run.cut:
        lines.append(line(Span("Not all was looked at: ", "warn"), safe_span("; ".join(moment.run.cut))))
    return tuple(lines)
