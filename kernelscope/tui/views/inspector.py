"""Lines of the inspector: the selected row at the selected moment, in one narrow column."""

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

_MAX_GENERATIONS = 5
_MAX_ATTRIBUTES = 8
"""A network has hundreds of tensors, and the cell's source must stay in sight below them."""

_NO_MODEL = "holds no model at this moment"
_NOT_REACHED = "may hold a model: the probe could not reach it"


def inspector_lines(view: ViewState) -> tuple[Line, ...]:
    """Everything in the pane at the right except the cell and its source."""
    moment, row, entry = view.moment, view.row, view.entry
    if moment is None or row is None:
        return ()
    if entry is None or entry.facts is None:
        return (
            line(safe_span(row, "strong")),
            line(Span(_NOT_REACHED if entry is not None and entry.is_out_of_reach else _NO_MODEL, "dim")),
            (),
            *_latest_generation_lines(view, row),
        )
    facts = entry.facts
    state = standing(facts, fitted=entry.fitted)
    number = f"#{facts.generation}" if facts.generation is not None else "part"
    return (
        line(safe_span(row, "strong"), Span("  "), Span(number, f"strong {hue_role(facts, moment.epoch)}")),
        line(safe_span(short_class(facts.cls)), Span(f"  {state}", "dim")),
        *_verdict_lines(view),
        (),
        *_param_lines(view, facts),
        *_attribute_lines(view, facts),
        *_latest_generation_lines(view, row),
    )


def _verdict_lines(view: ViewState) -> tuple[Line, ...]:
    change = view.change
    if change is None:
        return ()
    role = f"verdict.{change.verdict}"
    return (
        line(
            Span(f"{GLYPHS[change.verdict]} {change.verdict}", f"strong {role}"), Span(" by this run", "dim")
        ),
    )


def _param_lines(view: ViewState, facts: ObjectFacts) -> tuple[Line, ...]:
    changed = dict((view.change.params or {}) if view.change else {})
    params = flat_params(facts, {}) | {name: after for name, (_, after) in changed.items()}
    if not params:
        return ()
    lines: list[Line] = [section_title("parameters")]
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


def _attribute_lines(view: ViewState, facts: ObjectFacts) -> tuple[Line, ...]:
    if not facts.learned:
        return ()
    earlier = _facts_before(view)
    old = earlier.learned if earlier is not None and earlier.token == facts.token else {}
    moved = {n for n, s in facts.learned.items() if view.change is not None and old.get(n) != s}
    lines: list[Line] = [section_title("learned")]
    for name in sorted(facts.learned, key=lambda name: name not in moved)[:_MAX_ATTRIBUTES]:
        role = "new" if name in moved else "dim"
        lines.append(line(safe_span(f" {name} ", role), safe_span(facts.learned[name].text)))
    if len(facts.learned) > _MAX_ATTRIBUTES:
        lines.append(line(Span(f" {len(facts.learned) - _MAX_ATTRIBUTES} more in the evidence", "dim")))
    return (*lines, ())


def _facts_before(view: ViewState) -> ObjectFacts | None:
    if view.row is None or view.column == 0:
        return None
    entry = view.timeline.entry_at(view.row, view.column - 1)
    return entry.facts if entry is not None else None


def _latest_generation_lines(view: ViewState, row: str) -> tuple[Line, ...]:
    lines = generation_lines(view.timeline, row)
    latest = lines[-_MAX_GENERATIONS:]
    hidden = len(lines) - len(latest)
    more = (line(Span(f" {hidden} earlier", "dim")),) if hidden else ()
    return (section_title("objects over time"), *more, *latest, ())


def generation_lines(timeline: TimelineView, row: str) -> tuple[Line, ...]:
    """Every object that the row held, oldest first: generation, id, and the run that bound it."""
    lines: list[Line] = []
    token: int | None = None
    epoch = 0
    for entry in timeline.track(row):
        moment = timeline.moments[entry.moment]
        if entry.facts is None or (entry.facts.token == token and moment.epoch == epoch):
            token = entry.facts.token if entry.facts is not None else None
            continue
        token, epoch = entry.facts.token, moment.epoch
        lines.append(_generation_line(entry.facts, moment))
    return tuple(lines)


def _generation_line(facts: ObjectFacts, moment: Moment) -> Line:
    number = f"#{facts.generation}" if facts.generation is not None else "·"
    origin = f"In [{moment.execution_count}]" if moment.kind == "run" else "at the attach"
    return line(
        Span(f"{number:>3} ━━", hue_role(facts, moment.epoch)),
        Span(f" {hex(facts.id)} {origin}"),
        Span(f" epoch {moment.epoch}", "dim"),
    )


def selected_cell(view: ViewState) -> Cell | None:
    """The cell whose run is selected."""
    run = view.run
    if run is None:
        return None
    return next((c for c in view.timeline.cells() if any(r is run for r in c.runs)), None)


def section_title(title: str) -> Line:
    """The heading of a group of lines."""
    return line(Span(title, "section"))


def cell_title(view: ViewState) -> Line:
    """The heading above the cell's source: which run this is, and the cell's other runs."""
    run = view.run
    if run is None:
        return ()
    cell = selected_cell(view)
    others = [r.count for r in cell.runs if r is not run and r.epoch == run.epoch] if cell is not None else []
    also = f", also run as {' '.join(f'[{n}]' for n in others[-6:])}" if others else ""
    failed = f", {run.facts.status}" if run.facts.status != "ok" else ""
    cut = f", first {len(run.facts.code):,} characters" if run.facts.code_cut else ""
    return line(Span(f"In [{run.count}]", "section"), Span(also + failed + cut, "dim"))
