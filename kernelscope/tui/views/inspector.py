"""Everything about the selected row at the selected moment, in one narrow column."""

from __future__ import annotations

from kernelscope.domain.changes import Moment
from kernelscope.domain.display import short_class
from kernelscope.domain.facts import ObjectFacts
from kernelscope.presentation.glyphs import GLYPHS
from kernelscope.presentation.words import standing
from kernelscope.timeline.cells import Cell
from kernelscope.timeline.view import TimelineView
from kernelscope.tui.state.grid_cells import hue_role
from kernelscope.tui.state.grid_lines import value_text
from kernelscope.tui.state.spans import Line, Span, line, safe_span
from kernelscope.tui.state.view_state import ViewState
from kernelscope.verdicts.context import flat_params

_GENERATIONS_SHOWN = 5
_LEARNED_SHOWN = 8
"""A network has hundreds of tensors, and the cell's source stands below them."""


_NO_MODEL = "holds no model at this moment"
_NOT_REACHED = "may hold a model: the look did not reach it"


def inspector(view: ViewState) -> tuple[Line, ...]:
    """What the pane at the right shows, but for the cell's source."""
    moment, row, held = view.moment, view.row, view.held
    if moment is None or row is None:
        return ()
    if held is None or held.facts is None:
        return (
            line(safe_span(row, "strong")),
            line(Span(_NOT_REACHED if held is not None and held.is_out_of_reach else _NO_MODEL, "dim")),
            (),
            *_ids(view, row),
        )
    facts = held.facts
    state = standing(facts, fitted=bool(held.fitted))
    number = f"generation {facts.generation}" if facts.generation is not None else "a part"
    return (
        line(safe_span(row, "strong"), Span("  "), Span(number, f"strong {hue_role(facts, moment.epoch)}")),
        line(safe_span(short_class(facts.cls)), Span(f"  {state}", "dim")),
        *_verdict(view),
        (),
        *_params(view, facts),
        *_learned(view, facts),
        *_ids(view, row),
    )


def _verdict(view: ViewState) -> tuple[Line, ...]:
    change = view.change
    if change is None:
        return ()
    role = f"verdict.{change.verdict}"
    return (
        line(
            Span(f"{GLYPHS[change.verdict]} {change.verdict}", f"strong {role}"), Span(" by this run", "dim")
        ),
    )


def _params(view: ViewState, facts: ObjectFacts) -> tuple[Line, ...]:
    changed = dict((view.change.params or {}) if view.change else {})
    params = flat_params(facts, {}) | {name: after for name, (_, after) in changed.items()}
    if not params:
        return ()
    lines: list[Line] = [section("parameters")]
    for name in sorted(params, key=lambda name: name not in changed):
        if name in changed:
            before, after = changed[name]
            lines.append(
                line(
                    safe_span(f" {name} ", "strong"),
                    safe_span(value_text(before), "old"),
                    Span(" → "),
                    safe_span(value_text(after), "new"),
                )
            )
        else:
            lines.append(line(safe_span(f" {name} ", "dim"), safe_span(value_text(params[name]))))
    return (*lines, ())


def _learned(view: ViewState, facts: ObjectFacts) -> tuple[Line, ...]:
    if not facts.learned:
        return ()
    earlier = _facts_before(view)
    old = earlier.learned if earlier is not None and earlier.token == facts.token else {}
    moved = {n for n, s in facts.learned.items() if view.change is not None and old.get(n) != s}
    lines: list[Line] = [section("learned")]
    for name in sorted(facts.learned, key=lambda name: name not in moved)[:_LEARNED_SHOWN]:
        shown = safe_span(facts.learned[name].text)
        lines.append(line(safe_span(f" {name} ", "new" if name in moved else "dim"), shown))
    if len(facts.learned) > _LEARNED_SHOWN:
        lines.append(line(Span(f" {len(facts.learned) - _LEARNED_SHOWN} more, in the evidence", "dim")))
    return (*lines, ())


def _facts_before(view: ViewState) -> ObjectFacts | None:
    if view.row is None or view.column == 0:
        return None
    held = view.timeline.entry_at(view.row, view.column - 1)
    return held.facts if held is not None else None


def _ids(view: ViewState, row: str) -> tuple[Line, ...]:
    lines = generations(view.timeline, row)
    shown = lines[-_GENERATIONS_SHOWN:]
    more = (line(Span(f" {len(lines) - len(shown)} earlier ones", "dim")),) if len(lines) > len(shown) else ()
    return (section("objects over time"), *more, *shown, ())


def generations(timeline: TimelineView, row: str) -> tuple[Line, ...]:
    """Every object that the row held, oldest first: generation, id, and the run that brought it."""
    lines: list[Line] = []
    token: int | None = None
    epoch = 0
    for held in timeline.track(row):
        moment = timeline.moments[held.moment]
        if held.facts is None or (held.facts.token == token and moment.epoch == epoch):
            token = held.facts.token if held.facts is not None else None
            continue
        token, epoch = held.facts.token, moment.epoch
        lines.append(_generation(held.facts, moment))
    return tuple(lines)


def _generation(facts: ObjectFacts, moment: Moment) -> Line:
    number = f"{facts.generation:>3}" if facts.generation is not None else "  ·"
    brought = f"In [{moment.execution_count}]" if moment.kind == "run" else "at the attach"
    return line(
        Span(f"{number} ━━", hue_role(facts, moment.epoch)),
        Span(f" {hex(facts.id)}  {brought}"),
        Span(f"  epoch {moment.epoch}", "dim"),
    )


def cell_of(view: ViewState) -> Cell | None:
    """The cell that the selected run is a run of."""
    run = view.run
    if run is None:
        return None
    return next((c for c in view.timeline.cells() if any(r is run for r in c.runs)), None)


def section(title: str) -> Line:
    """A heading."""
    return line(Span(title, "section"))


def cell_title(view: ViewState) -> Line:
    """Over the source of the cell."""
    run = view.run
    if run is None:
        return ()
    cell = cell_of(view)
    others = [r.count for r in cell.runs if r is not run and r.epoch == run.epoch] if cell is not None else []
    also = f", also run as {' '.join(f'[{n}]' for n in others[-6:])}" if others else ""
    failed = f", {run.facts.status}" if run.facts.status != "ok" else ""
    cut = f", the first {len(run.facts.code):,} characters of it" if run.facts.code_cut else ""
    return line(Span(f"In [{run.count}]", "section"), Span(also + failed + cut, "dim"))
