"""Lines of the comparison: two moments of one row side by side, differences first."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from kernelscope.domain.changes import Moment
from kernelscope.domain.display import short_class
from kernelscope.domain.facts import ObjectFacts, Signature, equal_content
from kernelscope.timeline.view import TimelineView
from kernelscope.tui.state.grid_lines import value_text
from kernelscope.tui.state.spans import Line, Span, fit, fit_name, line, safe_span
from kernelscope.tui.state.view_state import ViewState
from kernelscope.tui.views.inspector import section_title

_NAME = 24
"""Terminal cells for the name of a value."""


class AttributeChange(StrEnum):
    """What happened to one learned attribute between two moments, in the words of the screen."""

    GONE = "gone"
    NEW = "new"
    REPLACED = "replaced"
    EQUAL_COPY = "new object, same value"
    WRITTEN = "changed in place"
    UNCHANGED = "unchanged"


class _Section(NamedTuple):
    """Values of one kind at the two moments, by name."""

    title: str
    before: Mapping[str, str]
    after: Mapping[str, str]


def facts_at(view: ViewState, column: int) -> ObjectFacts | None:
    """The object that the selected row held after the moment in this column."""
    return _facts(view.timeline, view.row or "", column)


def _facts(timeline: TimelineView, row: str, column: int) -> ObjectFacts | None:
    entry = timeline.entry_at(row, column) if column >= 0 else None
    return entry.facts if entry is not None else None


def columns_to_compare(view: ViewState) -> tuple[int, int]:
    """The mark and the cursor, earlier first; without a mark, before and after the cursor's moment."""
    if view.mark_column is not None and view.mark_column != view.column:
        low, high = sorted((view.mark_column, view.column))
        return low, high
    return view.column - 1, view.column


def diff_lines(view: ViewState, cells: int, *, show_equal: bool) -> tuple[Line, ...]:
    """The table of both moments, ``cells`` wide; ``show_equal`` adds the values that do not differ."""
    low, high = columns_to_compare(view)
    room = max(10, (cells - _NAME - 4) // 2)
    heading = line(
        Span(fit("", _NAME)),
        Span(fit(_moment_title(view, low), room), "strong"),
        Span(fit(_moment_title(view, high), room), "strong"),
    )
    lines: list[Line] = [heading, *_object_lines(facts_at(view, low), facts_at(view, high), room), ()]
    hidden = 0
    for section in _sections(view, low, high):
        section_lines, equal = _section_lines(section, room, show_equal=show_equal)
        lines += section_lines
        hidden += equal
    if hidden and not show_equal:
        lines.append(line(Span(f"  {hidden} unchanged values hidden (o to show)", "dim")))
    return tuple(lines)


def _section_lines(section: _Section, room: int, *, show_equal: bool) -> tuple[list[Line], int]:
    """The lines of a section, and how many of its values are equal."""
    before, after = section.before, section.after
    names = list(dict.fromkeys((*before, *after)))
    differing = [n for n in names if before.get(n) != after.get(n)]
    equal = [n for n in names if n not in differing]
    if not (differing or (show_equal and equal)):
        return [], len(equal)
    lines = [section_title(section.title)]
    lines += [_pair_line(n, before.get(n, "—"), after.get(n, "—"), room, "old", "new") for n in differing]
    if show_equal:
        lines += [_pair_line(n, before[n], after[n], room, "dim", "dim") for n in equal]
    return [*lines, ()], len(equal)


def _moment_title(view: ViewState, column: int) -> str:
    if column < 0:
        return "before the attach"
    moment: Moment = view.timeline.moments[column]
    return f"after In [{moment.execution_count}]" if moment.execution_count else "at the attach"


def _object_lines(before: ObjectFacts | None, after: ObjectFacts | None, room: int) -> list[Line]:
    same = before is not None and after is not None and before.token == after.token
    old, new = ("dim", "") if same else ("old", "new")
    return [
        _pair_line("object", _object_text(before), _object_text(after), room, old, new),
        _pair_line("class", _class_text(before), _class_text(after), room, "dim", ""),
    ]


def _class_text(facts: ObjectFacts | None) -> str:
    return short_class(facts.cls) if facts is not None else "—"


def _object_text(facts: ObjectFacts | None) -> str:
    if facts is None:
        return "no model"
    number = f"#{facts.generation}" if facts.generation is not None else "part"
    return f"{number} · {hex(facts.id)}"


def _sections(view: ViewState, low: int, high: int) -> list[_Section]:
    """Parameters and learned state of the row, then of each of its parts."""
    rows = [view.row or "", *(r.name for r in view.timeline.rows() if r.whole == view.row)]
    sections: list[_Section] = []
    for row in rows:
        before, after = _facts(view.timeline, row, low), _facts(view.timeline, row, high)
        suffix = "" if row == view.row else f" of {row}"
        sections += [
            _Section(f"parameters{suffix}", _param_texts(before), _param_texts(after)),
            _Section(f"learned state{suffix}", _attribute_texts(before), _attribute_texts(after)),
        ]
    return sections


def _param_texts(facts: ObjectFacts | None) -> dict[str, str]:
    return {name: value_text(value) for name, value in facts.params.items()} if facts is not None else {}


def _attribute_texts(facts: ObjectFacts | None) -> dict[str, str]:
    """Each with a hash of its content: arrays of one shape may differ in their values."""
    if facts is None:
        return {}
    return {n: f"{_content_hash(s)} {_put_shape_first(s.text)}" for n, s in facts.learned.items()}


def _put_shape_first(text: str) -> str:
    """``float32 tensor (32, 10)`` as ``(32, 10) float32 tensor``, so that a cut at the end leaves the shape."""
    kind, separator, shape = text.rpartition(" (")
    return f"({shape} {kind}" if separator and shape.endswith(")") else text


def _content_hash(signature: Signature) -> str:
    """A hash of the content; if that was not read, how many times the attribute was assigned."""
    digest = signature.full or signature.digest
    return f"#{hash_text(digest):06x}" if digest is not None else f"set {signature.serial}×"


def hash_text(text: str) -> int:
    """A 24-bit hash of a digest, the same in every process."""
    value = 0
    for char in text:
        value = (value * 131 + ord(char)) & 0xFFFFFF
    return value


def _pair_line(name: str, before: str, after: str, room: int, old: str, new: str) -> Line:
    """Two values side by side, in the roles ``old`` and ``new``."""
    return line(
        Span("  "),
        safe_span(fit_name(name, _NAME - 2), "strong" if new == "new" else "dim"),
        safe_span(fit(before, room - 1), old),
        Span(" "),
        safe_span(fit(after, room - 1), new),
    )


def compare_signatures(before: Signature | None, after: Signature | None) -> AttributeChange:
    """What happened to one learned attribute; ``None`` if it did not exist."""
    if after is None:
        return AttributeChange.GONE
    if before is None:
        return AttributeChange.NEW
    if before.serial != after.serial:
        return AttributeChange.EQUAL_COPY if equal_content(before, after) else AttributeChange.REPLACED
    if equal_content(before, after) is False:
        return AttributeChange.WRITTEN
    if not _are_read_in_full(before, after) and before.version != after.version:
        return AttributeChange.WRITTEN
    return AttributeChange.UNCHANGED


def _are_read_in_full(before: Signature, after: Signature) -> bool:
    """Whether the digests cover all content; if not, the counts of writes say more than the digests."""
    return before.is_read_in_full and after.is_read_in_full
