"""Lines of the evidence: everything known about the selected change, a tab at a time."""

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
from kernelscope.tui.views.diff_lines import AttributeChange, compare_signatures, facts_at
from kernelscope.tui.views.inspector import generation_lines, section_title, selected_cell
from kernelscope.tui.views.sentence import change_headline, moment_text, sentence_lines
from kernelscope.verdicts.context import flat_params

TABS = {
    "happened": "What happened",
    "parameters": "Parameters",
    "learned": "Learned state",
    "cell": "Cell",
    "generations": "All generations",
}
_NAME = 24
"""Terminal cells for the name of a value."""
_TEXT = 34
"""Terminal cells for a learned attribute, so that what happened to it lines up."""
_MAX_PARTS = 10
_NO_MODEL = "The name holds no model at this moment."
_CERTAINTY = {
    "observed": "observed: seen happening",
    "inferred": "inferred: from the state before and after the run, and from the cell's source",
    "unknown": "unknown: it changed, but the evidence does not say how",
}
_ROLES = {
    AttributeChange.GONE: "loss",
    AttributeChange.NEW: "new",
    AttributeChange.REPLACED: "new",
    AttributeChange.EQUAL_COPY: "",
    AttributeChange.WRITTEN: "warn",
    AttributeChange.UNCHANGED: "dim",
}


def evidence_lines(view: ViewState, tab: str) -> tuple[Line, ...]:
    """The text of one tab; below the tab ``cell`` the screen shows the source, highlighted."""
    match tab:
        case "parameters":
            return _parameter_lines(view)
        case "learned":
            return _learned_lines(view)
        case "cell":
            return _cell_lines(view)
        case "generations":
            return _history_lines(view)
        case _:
            return _change_lines(view)


def evidence_title(view: ViewState) -> Line:
    """The headline of the selected change, with its moment."""
    lines, moment = sentence_lines(view), view.moment
    if not lines or moment is None:
        return ()
    return lines[0] if view.change is None else (Span(f"{moment_text(moment)} · "), *lines[0])


def _change_lines(view: ViewState) -> tuple[Line, ...]:
    change = view.change
    if change is None:
        return sentence_lines(view)[1:]
    lines: list[Line] = [
        line(safe_span(text_of(explain(change)), limit=2_000)),
        (),
        section_title("Certainty"),
    ]
    lines += [line(Span(f" {_CERTAINTY[change.certainty]}")), (), section_title("Evidence")]
    lines += [
        line(Span(" · ", "dim"), safe_span(text_of(one), limit=1_000)) for one in evidence_sentences(change)
    ]
    lines += [(), *_detail_lines(change)]
    if change.persistence is not None:
        lines.append(
            line(
                Span(fit(" file", _NAME), "dim"),
                safe_span(f"{change.persistence.action} {change.persistence.file}"),
            )
        )
    if change.stale:
        lines.append(line(Span(fit(" still used by", _NAME), "warn"), safe_span(", ".join(change.stale))))
    lines += _part_lines(change)
    lines += _run_lines(view.run)
    return tuple(lines)


def _detail_lines(change: Change) -> list[Line]:
    lines = [section_title("Details")]
    params = len(change.params or {})
    axes = (
        ("identity", change.identity),
        ("learned", change.learned),
        ("params", f"{params} changed" if params else "unchanged" if change.params is not None else None),
        ("persistence", change.persistence.action if change.persistence else None),
    )
    lines += [line(Span(fit(f" {axis}", _NAME), "dim"), safe_span(value or "none")) for axis, value in axes]
    lines.append(line(Span(fit(" class", _NAME), "dim"), safe_span(change.cls or "none")))
    for what, number, id_ in (
        (" before", change.previous_generation, change.previous_id),
        (" now", change.generation, change.id),
    ):
        if number is not None or id_ is not None:
            generation = f"#{number}" if number is not None else "part"
            lines.append(line(Span(fit(what, _NAME), "dim"), Span(f"{generation}  {hex(id_ or 0)}")))
    return lines


def _part_lines(change: Change) -> list[Line]:
    if not change.parts:
        return []
    lines = [
        (),
        section_title("Parts"),
        *((Span(" "), *change_headline(part)) for part in change.parts[:_MAX_PARTS]),
    ]
    if len(change.parts) > _MAX_PARTS:
        lines.append(line(Span(f" · {len(change.parts) - _MAX_PARTS} more", "dim")))
    return lines


def _run_lines(run: Run | None) -> list[Line]:
    if run is None:
        return []
    lines: list[Line] = [(), section_title("The run")]
    calls = (
        "learning calls were observed"
        if run.sees_calls
        else "learning calls were not observed (needs Python 3.12)"
    )
    facts = [
        f"{run.facts.status} after {run.facts.seconds:.2f} s",
        f"same cell as In [{run.rerun_of}]"
        if run.rerun_of is not None
        else "first run of this cell since the attach",
        calls,
        f"the probe took {run.hook_seconds * 1_000:.1f} ms of the kernel's time",
    ]
    lines += [line(Span(" · ", "dim"), Span(fact)) for fact in facts]
    lines += [line(Span(" · not scanned: ", "warn"), safe_span(cut)) for cut in run.cut]
    lines += [
        line(Span(" · ", "dim"), safe_span(text_of(explain(local)), limit=1_000)) for local in run.local
    ]
    return lines


def _parameter_lines(view: ViewState) -> tuple[Line, ...]:
    facts = facts_at(view, view.column)
    if facts is None:
        return (line(Span(_NO_MODEL, "dim")),)
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
    return tuple(lines) or (line(Span("No hyper-parameters are known.", "dim")),)


def _learned_lines(view: ViewState) -> tuple[Line, ...]:
    after, before = facts_at(view, view.column), facts_at(view, view.column - 1)
    if after is None:
        return (line(Span(_NO_MODEL, "dim")),)
    lines = [*_attribute_lines(before, after)]
    change = view.change
    for part in change.parts if change is not None else ():
        lines += [(), section_title(part.name)]
        lines += _attribute_lines(_part_facts(view, part.name, -1), _part_facts(view, part.name, 0))
    if after.not_evaluated:
        lines.append(line(Span("not evaluated: ", "warn"), safe_span(", ".join(after.not_evaluated))))
    return tuple(lines) or (line(Span("It has learned nothing yet.", "dim")),)


def _part_facts(view: ViewState, name: str, by: int) -> ObjectFacts | None:
    entry = view.timeline.entry_at(name, view.column + by) if view.column + by >= 0 else None
    return entry.facts if entry is not None else None


def _attribute_lines(before: ObjectFacts | None, after: ObjectFacts | None) -> list[Line]:
    old = before.learned if before is not None and after is not None and before.token == after.token else {}
    new = after.learned if after is not None else {}
    lines: list[tuple[bool, Line]] = []
    for name in dict.fromkeys((*new, *old)):
        change = compare_signatures(old.get(name), new.get(name))
        text = (new.get(name) or old[name]).text
        spans = (safe_span(fit_name(name, _NAME), "strong"), safe_span(fit(text, _TEXT)))
        attribute = line(Span("  "), *spans, Span(change, _ROLES[change]))
        lines.append((change is AttributeChange.UNCHANGED, attribute))
    return [attribute for _, attribute in sorted(lines, key=lambda pair: pair[0])]


def _cell_lines(view: ViewState) -> tuple[Line, ...]:
    run, cell = view.run, selected_cell(view)
    if run is None or cell is None:
        return (line(Span("No cell ran here.", "dim")),)
    lines: list[Line] = [section_title(f"Runs of this cell in epoch {run.epoch}")]
    for other in cell.runs:
        if other.epoch == run.epoch:
            mark = Span("▌ " if other is run else "  ", "section")
            lines.append(line(mark, Span(fit(f"[{other.count}]", 7), "strong"), *change_spans(other)))
    cut = f" (first {len(run.facts.code):,} characters)" if run.facts.code_cut else ""
    return (*lines, (), section_title(f"Source{cut}"))


def change_spans(run: Run) -> tuple[Span, ...]:
    """The verdict and name of every change that a run made."""
    if not run.changes:
        return (Span("changed no model", "dim"),)
    pieces: list[Span] = []
    for change in run.changes:
        glyph = GLYPHS[change.verdict]
        pieces += [
            Span(f"{glyph} {change.verdict} ", f"verdict.{change.verdict}"),
            safe_span(change.name),
            Span("   "),
        ]
    return tuple(pieces)


def _history_lines(view: ViewState) -> tuple[Line, ...]:
    row = view.row or ""
    lines = [
        section_title("Objects"),
        *generation_lines(view.timeline, row),
        (),
        section_title("Changes"),
    ]
    for entry in view.timeline.track(row):
        moment = view.timeline.moments[entry.moment]
        if entry.change is not None:
            verdict = entry.change.verdict
            lines.append(
                line(
                    Span("▌ " if entry.moment == view.column else "  ", "section"),
                    Span(fit(moment_text(moment), 9), "strong"),
                    Span(fit(f"{GLYPHS[verdict]} {verdict}", 13), f"verdict.{verdict}"),
                    Span(VERBS[verdict].short, "dim"),
                )
            )
    return tuple(lines)
