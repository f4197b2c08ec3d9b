"""Everything that is known about one change, in tabs."""

from __future__ import annotations

from kernelscope.domain.changes import Change, Run
from kernelscope.domain.facts import ObjectFacts
from kernelscope.presentation.evidence import evidence_sentences
from kernelscope.presentation.explain import explain
from kernelscope.presentation.glyphs import GLYPHS
from kernelscope.presentation.segments import text_of
from kernelscope.presentation.verbs import VERBS
from kernelscope.tui.state.grid_lines import value_text
from kernelscope.tui.state.spans import Line, Span, fit, fit_name, line, safe_span
from kernelscope.tui.state.view_state import ViewState
from kernelscope.tui.views.diff_lines import facts_at, signature_text
from kernelscope.tui.views.inspector import cell_of, generations, section
from kernelscope.tui.views.sentence import headline, sentence, when
from kernelscope.verdicts.context import flat_params

TABS = {
    "happened": "What happened",
    "parameters": "Parameters",
    "learned": "Learned state",
    "cell": "Cell",
    "generations": "All generations of this name",
}
_NAME = 24
_PARTS_SHOWN = 10
_SURE = {
    "observed": "observed: it was seen happening",
    "inferred": "inferred: from the state before and after, and from the cell's source",
    "unknown": "unknown: something changed, and what is known does not say how",
}


def evidence(view: ViewState, tab: str) -> tuple[Line, ...]:
    """What one tab shows; the cell's source is the widget's to highlight."""
    match tab:
        case "parameters":
            return _parameters(view)
        case "learned":
            return _learned(view)
        case "cell":
            return _cell(view)
        case "generations":
            return _generations(view)
        case _:
            return _happened(view)


def title(view: ViewState) -> Line:
    """The headline of the selected change."""
    lines, moment = sentence(view), view.moment
    if not lines or moment is None:
        return ()
    return lines[0] if view.change is None else (Span(f"{when(moment)} · "), *lines[0])


def _happened(view: ViewState) -> tuple[Line, ...]:
    change = view.change
    if change is None:
        return sentence(view)[1:]
    lines: list[Line] = [line(safe_span(text_of(explain(change)), limit=2_000)), (), section("How sure")]
    lines += [line(Span(f" {_SURE[change.certainty]}")), (), section("Evidence")]
    lines += [
        line(Span(" · ", "dim"), safe_span(text_of(one), limit=1_000)) for one in evidence_sentences(change)
    ]
    lines += [(), *_axes(change)]
    if change.persistence is not None:
        lines.append(
            line(
                Span(fit(" file", _NAME), "dim"),
                safe_span(f"{change.persistence.action} {change.persistence.file}"),
            )
        )
    if change.stale:
        lines.append(line(Span(fit(" still held by", _NAME), "warn"), safe_span(", ".join(change.stale))))
    lines += _parts(change)
    lines += _run(view.run)
    return tuple(lines)


def _axes(change: Change) -> list[Line]:
    lines = [section("The four axes")]
    params = len(change.params or {})
    axes = (
        ("identity", change.identity),
        ("learned", change.learned),
        ("params", f"{params} changed" if params else "as they were" if change.params is not None else None),
        ("persistence", change.persistence.action if change.persistence else None),
    )
    lines += [
        line(Span(fit(f" {axis}", _NAME), "dim"), safe_span(value or "nothing")) for axis, value in axes
    ]
    lines.append(line(Span(fit(" class", _NAME), "dim"), safe_span(change.cls or "none")))
    for what, number, id_ in (
        (" before", change.previous_generation, change.previous_id),
        (" now", change.generation, change.id),
    ):
        if number is not None or id_ is not None:
            lines.append(line(Span(fit(what, _NAME), "dim"), Span(f"generation {number}  {hex(id_ or 0)}")))
    return lines


def _parts(change: Change) -> list[Line]:
    if not change.parts:
        return []
    lines = [
        (),
        section("Its parts"),
        *((Span(" "), *headline(part)) for part in change.parts[:_PARTS_SHOWN]),
    ]
    if len(change.parts) > _PARTS_SHOWN:
        lines.append(line(Span(f" · {len(change.parts) - _PARTS_SHOWN} more", "dim")))
    return lines


def _run(run: Run | None) -> list[Line]:
    if run is None:
        return []
    lines: list[Line] = [(), section("The run")]
    seen = (
        "calls of learning methods were watched"
        if run.sees_calls
        else "calls were not watched (Python < 3.12)"
    )
    facts = [
        f"{run.facts.status} after {run.facts.seconds:.2f} s",
        f"same cell as In [{run.rerun_of}]"
        if run.rerun_of is not None
        else "the first run of this cell that was seen in this kernel",
        seen,
        f"the probe took {run.hook_seconds * 1_000:.1f} ms of the kernel's time",
    ]
    lines += [line(Span(" · ", "dim"), Span(fact)) for fact in facts]
    lines += [line(Span(" · not looked at: ", "warn"), safe_span(cut)) for cut in run.cut]
    lines += [
        line(Span(" · ", "dim"), safe_span(text_of(explain(local)), limit=1_000)) for local in run.local
    ]
    return lines


def _parameters(view: ViewState) -> tuple[Line, ...]:
    facts = facts_at(view, view.column)
    if facts is None:
        return (line(Span("The name holds no model at this moment.", "dim")),)
    change = view.change
    changed = (change.params or {}) if change is not None else {}
    params = {**flat_params(facts, {}), **{name: after for name, (_, after) in changed.items()}}
    lines: list[Line] = []
    for name in sorted(params, key=lambda name: name not in changed):
        if name in changed:
            before, after = changed[name]
            values = (safe_span(value_text(before), "old"), Span(" → "), safe_span(value_text(after), "new"))
            lines.append(
                line(Span("▲ ", "verdict.params"), safe_span(fit_name(name, _NAME), "strong"), *values)
            )
        else:
            lines.append(
                line(Span("  "), safe_span(fit_name(name, _NAME), "dim"), safe_span(value_text(params[name])))
            )
    return tuple(lines) or (line(Span("No hyper-parameter is known of it.", "dim")),)


def _learned(view: ViewState) -> tuple[Line, ...]:
    after, before = facts_at(view, view.column), facts_at(view, view.column - 1)
    if after is None:
        return (line(Span("The name holds no model at this moment.", "dim")),)
    lines = [*_attributes(before, after)]
    change = view.change
    for part in change.parts if change is not None else ():
        lines += [(), section(part.name)]
        lines += _attributes(_part_at(view, part.name, -1), _part_at(view, part.name, 0))
    if after.not_evaluated:
        lines.append(line(Span("not evaluated: ", "warn"), safe_span(", ".join(after.not_evaluated))))
    return tuple(lines) or (line(Span("It has learned nothing yet.", "dim")),)


def _part_at(view: ViewState, name: str, by: int) -> ObjectFacts | None:
    held = view.timeline.entry_at(name, view.column + by) if view.column + by >= 0 else None
    return held.facts if held is not None else None


def _attributes(before: ObjectFacts | None, after: ObjectFacts | None) -> list[Line]:
    old = before.learned if before is not None and after is not None and before.token == after.token else {}
    new = after.learned if after is not None else {}
    lines: list[tuple[bool, Line]] = []
    for name in dict.fromkeys((*new, *old)):
        how, role = signature_text(old.get(name), new.get(name))
        text = (new.get(name) or old[name]).text
        shown = (safe_span(fit_name(name, _NAME), "strong"), safe_span(fit(text, 34)))
        lines.append((how == "as it was", line(Span("  "), *shown, Span(how, role))))
    return [one for _, one in sorted(lines, key=lambda pair: pair[0])]


def _cell(view: ViewState) -> tuple[Line, ...]:
    run, cell = view.run, cell_of(view)
    if run is None or cell is None:
        return (line(Span("No cell ran here.", "dim")),)
    lines: list[Line] = [section(f"Runs of this cell, as of epoch {run.epoch}")]
    for other in cell.runs:
        if other.epoch == run.epoch:
            mark = Span("▌ " if other is run else "  ", "section")
            lines.append(line(mark, Span(fit(f"[{other.count}]", 7), "strong"), *effects(other)))
    cut = f": its first {len(run.facts.code):,} characters" if run.facts.code_cut else ""
    return (*lines, (), section(f"Source{cut}"))


def effects(run: Run) -> tuple[Span, ...]:
    """What a run did to whom."""
    if not run.changes:
        return (Span("left every model alone", "dim"),)
    pieces: list[Span] = []
    for change in run.changes:
        glyph = GLYPHS[change.verdict]
        pieces += [
            Span(f"{glyph} {change.verdict} ", f"verdict.{change.verdict}"),
            safe_span(change.name),
            Span("   "),
        ]
    return tuple(pieces)


def _generations(view: ViewState) -> tuple[Line, ...]:
    row = view.row or ""
    lines = [
        section("Objects that it has held"),
        *generations(view.timeline, row),
        (),
        section("What happened to it"),
    ]
    for held in view.timeline.track(row):
        moment = view.timeline.moments[held.moment]
        if held.change is not None:
            verdict = held.change.verdict
            lines.append(
                line(
                    Span("▌ " if held.moment == view.column else "  ", "section"),
                    Span(fit(when(moment), 9), "strong"),
                    Span(fit(f"{GLYPHS[verdict]} {verdict}", 13), f"verdict.{verdict}"),
                    Span(VERBS[verdict].short, "dim"),
                )
            )
    return tuple(lines)
