"""Two moments of one row side by side: what differs first, what is equal hidden."""

from __future__ import annotations

from collections.abc import Mapping

from kernelscope.domain.changes import Moment
from kernelscope.domain.display import short_class
from kernelscope.domain.facts import ObjectFacts, Signature, Value
from kernelscope.timeline.view import TimelineView
from kernelscope.tui.state.grid_lines import value_text
from kernelscope.tui.state.spans import Line, Span, fit, fit_name, line, safe_span
from kernelscope.tui.state.view_state import ViewState
from kernelscope.tui.views.inspector import section

_NAME = 24


def facts_at(view: ViewState, column: int) -> ObjectFacts | None:
    """What the selected row held after a moment."""
    return _facts(view.timeline, view.row or "", column)


def _facts(timeline: TimelineView, row: str, column: int) -> ObjectFacts | None:
    held = timeline.entry_at(row, column) if column >= 0 else None
    return held.facts if held is not None else None


def moments(view: ViewState) -> tuple[int, int]:
    """The two that are compared: the mark and the cursor, or before and after the cursor's moment."""
    if view.mark_column is not None and view.mark_column != view.column:
        low, high = sorted((view.mark_column, view.column))
        return low, high
    return view.column - 1, view.column


def diff(view: ViewState, cells: int, *, equal: bool) -> tuple[Line, ...]:
    """The table; ``equal`` shows what is equal, too."""
    low, high = moments(view)
    room = max(10, (cells - _NAME - 4) // 2)
    before, after = facts_at(view, low), facts_at(view, high)
    head = line(
        Span(fit("", _NAME)),
        Span(fit(_title(view, low), room), "strong"),
        Span(fit(_title(view, high), room), "strong"),
    )
    lines: list[Line] = [head, *_objects(before, after, room), ()]
    hidden = 0
    for title, one, other in _sections(view, low, high):
        names = list(dict.fromkeys((*one, *other)))
        differing = [n for n in names if one.get(n) != other.get(n)]
        same = [n for n in names if n not in differing]
        if differing or (equal and same):
            lines.append(section(title))
            lines += [_pair(n, one.get(n, "—"), other.get(n, "—"), room, "old", "new") for n in differing]
            lines += [_pair(n, one[n], other[n], room, "dim", "dim") for n in same if equal]
            lines.append(())
        hidden += len(same)
    if hidden and not equal:
        lines.append(line(Span(f"  {hidden} unchanged values hidden (o to show)", "dim")))
    return tuple(lines)


def _title(view: ViewState, column: int) -> str:
    if column < 0:
        return "before the attach"
    moment: Moment = view.timeline.moments[column]
    return f"after In [{moment.execution_count}]" if moment.execution_count else "at the attach"


def _objects(before: ObjectFacts | None, after: ObjectFacts | None, room: int) -> list[Line]:
    same = before is not None and after is not None and before.token == after.token
    role = "" if same else "new"
    return [
        _pair("object", _object(before), _object(after), room, "dim" if same else "old", role),
        _pair(
            "class",
            short_class(before.cls) if before else "—",
            short_class(after.cls) if after else "—",
            room,
            "dim",
            "",
        ),
    ]


def _object(facts: ObjectFacts | None) -> str:
    if facts is None:
        return "no model"
    number = f"gen {facts.generation}" if facts.generation is not None else "part"
    return f"{number} · {hex(facts.id)}"


def _sections(view: ViewState, low: int, high: int) -> list[tuple[str, Mapping[str, str], Mapping[str, str]]]:
    """Parameters and learned state of the row, then of each of its parts."""
    rows = [view.row or "", *(r.name for r in view.timeline.rows() if r.whole == view.row)]
    lines: list[tuple[str, Mapping[str, str], Mapping[str, str]]] = []
    for row in rows:
        one, other = _facts(view.timeline, row, low), _facts(view.timeline, row, high)
        of = "" if row == view.row else f" of {row}"
        lines.append((f"parameters{of}", _params(one), _params(other)))
        lines.append((f"learned state{of}", _learned(one), _learned(other)))
    return lines


def _params(facts: ObjectFacts | None) -> dict[str, str]:
    return {name: _shown(value) for name, value in facts.params.items()} if facts is not None else {}


def _shown(value: Value) -> str:
    return value_text(value)


def _learned(facts: ObjectFacts | None) -> dict[str, str]:
    """TextPane with a fingerprint, so that equal shapes with other contents are seen to differ."""
    if facts is None:
        return {}
    return {n: f"{_print(s)} {_shape_first(s.text)}" for n, s in facts.learned.items()}


def _shape_first(text: str) -> str:
    """``float32 tensor (32, 10)`` with what tells most where it is not cut: ``(32, 10) float32 tensor``."""
    kind, found, shape = text.rpartition(" (")
    return f"({shape} {kind}" if found and shape.endswith(")") else text


def _print(signature: Signature) -> str:
    digest = signature.digest
    return f"#{hash_text(digest):06x}" if digest is not None else f"bound {signature.serial}×"


def hash_text(text: str) -> int:
    """A short number for a digest, the same in every process."""
    value = 0
    for char in text:
        value = (value * 131 + ord(char)) & 0xFFFFFF
    return value


def _pair(name: str, before: str, after: str, room: int, old: str, new: str) -> Line:
    return line(
        Span("  "),
        safe_span(fit_name(name, _NAME - 2), "strong" if new == "new" else "dim"),
        safe_span(fit(before, room - 1), old),
        Span(" "),
        safe_span(fit(after, room - 1), new),
    )


def _is_read_whole(before: Signature, after: Signature) -> bool:
    """Else its content is not known, or samples of it are, and its count of writes tells more."""
    digests = (before.digest, after.digest)
    return all(d is not None and not d.startswith("~") for d in digests)


def signature_text(before: Signature | None, after: Signature | None) -> tuple[str, str]:
    """How one learned attribute moved, and the role that it is shown in."""
    if after is None:
        return "gone", "loss"
    if before is None:
        return "new", "new"
    if before.serial != after.serial:
        same = before.digest is not None and before.digest == after.digest
        return ("new object, same value", "") if same else ("bound to a new value", "new")
    if None not in (before.digest, after.digest) and before.digest != after.digest:
        return "written in place", "warn"
    if not _is_read_whole(before, after) and before.version != after.version:
        return "written in place", "warn"
    return "as it was", "dim"
