"""Paints one line of the grid in a window of columns.

The cost depends on the window, not on the history: each line bisects into its row's track and walks only the
entries in the window.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from msgspec import Struct
from rich.cells import cell_len

from kernelscope.domain.changes import Identity, TrackEntry, Verdict
from kernelscope.domain.facts import ObjectFacts
from kernelscope.presentation.colours import hue
from kernelscope.presentation.glyphs import GLYPHS, HATCH, LINE_BARE, LINE_FITTED, WALL
from kernelscope.timeline.view import TimelineView
from kernelscope.tui.state.columns import Columns
from kernelscope.tui.state.grid_lines import Key, value_text
from kernelscope.tui.state.spans import Line, Span, fit

_NUMBERED = (Identity.NEW, Identity.RECREATED, Identity.REBOUND)


class Stretch(Struct, frozen=True):
    """What a row held in the columns [first, last), clipped to the window."""

    entry: TrackEntry | None
    first: int
    last: int
    begins: bool
    """Whether the row came to hold it in the column ``first``, not earlier."""


def paint(timeline: TimelineView, key: Key, columns: Columns, first: int, last: int) -> Line:
    """Paint the line over the columns [first, last), exactly ``(last - first) * columns.cell`` wide."""
    if key.param is not None:
        return tuple(_paint_values(timeline, key.row, key.param, columns, first, last))
    spans: list[Span] = []
    for stretch in find_stretches(timeline, key.row, first, last):
        spans += _paint_lifeline(stretch, columns)
    return tuple(spans)


def paint_prelude(timeline: TimelineView, key: Key, columns: Columns) -> Span:
    """Paint the cells before the first column: hatched if the model is older than the attach."""
    entry = timeline.entry_at(key.row, 0)
    known = entry is not None and entry.facts is not None
    fill = HATCH if known and key.param is None else " "
    return Span(fill * columns.prelude, "hatch")


def find_stretches(timeline: TimelineView, row: str, first: int, last: int) -> Iterator[Stretch]:
    """Cut the window wherever the row came to hold something else."""
    track = timeline.track(row)
    place = bisect_right(track, first, key=lambda entry: entry.moment) - 1
    at = first
    while at < last:
        entry = track[place] if place >= 0 else None
        end = min(last, track[place + 1].moment if place + 1 < len(track) else last)
        if end > at:
            yield Stretch(entry, at, end, entry is not None and entry.moment == at)
        at, place = end, place + 1


def hue_role(facts: ObjectFacts, epoch: int) -> str:
    """The colour of an object; unnamed parts share one that no generation has, so that they look like no alias."""
    return f"gen.{hue(epoch, facts.generation)}" if facts.generation is not None else "part"


def _paint_lifeline(stretch: Stretch, columns: Columns) -> Iterator[Span]:
    entry = stretch.entry
    if entry is None or (entry.facts is None and not stretch.begins):
        yield from _paint_blank(stretch.first, stretch.last, columns)
        return
    cells = (stretch.last - stretch.first) * columns.cell
    if stretch.begins:
        mark = _change_mark(entry, is_attach=columns.moments[stretch.first].kind == "attached")
        if mark is not None:
            yield mark
            cells -= 1
        if entry.facts is None:
            yield Span(" " * (columns.cell - (mark is not None)))
            yield from _paint_blank(stretch.first + 1, stretch.last, columns)
            return
    facts = entry.facts
    if facts is None:
        return
    role = hue_role(facts, columns.moments[stretch.first].epoch)
    number = _generation_number(entry, stretch, cells)
    if number:
        yield Span(number, "number " + role)
    fill = LINE_BARE if entry.fitted is False else LINE_FITTED
    yield Span(fill * (cells - len(number)), role)


def _change_mark(entry: TrackEntry, *, is_attach: bool) -> Span | None:
    if is_attach:
        return Span(WALL, "wall")
    if entry.change is None:
        return None
    verdict = entry.change.verdict
    return Span(GLYPHS[verdict], f"verdict.{verdict}")


def _generation_number(entry: TrackEntry, stretch: Stretch, cells: int) -> str:
    """The number of a generation at the moment when the name comes to hold it, if there is room."""
    if not stretch.begins or entry.facts is None or entry.facts.generation is None:
        return ""
    if entry.change is not None and entry.change.identity not in _NUMBERED:
        return ""
    number = str(entry.facts.generation)
    return number if len(number) <= cells - (len(number) > 1) else ""


def _paint_blank(first: int, last: int, columns: Columns) -> Iterator[Span]:
    """Paint columns without a model: blank except for walls, which cross every line."""
    at = first
    for wall in columns.walls_between(first, last):
        yield Span(" " * ((wall - at) * columns.cell))
        yield Span(WALL, "wall")
        yield Span(" " * (columns.cell - 1))
        at = wall + 1
    yield Span(" " * ((last - at) * columns.cell))


def _paint_values(
    timeline: TimelineView, row: str, param: str, columns: Columns, first: int, last: int
) -> Iterator[Span]:
    """Paint each value from the column in which it appeared; at the window's edge, repeat an earlier one."""
    merged: list[tuple[str | None, int, int, bool]] = []
    previous = _value_before(timeline, row, param, first)
    for stretch in find_stretches(timeline, row, first, last):
        value = _value(stretch.entry, param)
        changed = stretch.begins and value is not None and previous is not None and value != previous
        wall = columns.moments[stretch.first].kind == "attached"
        if merged and merged[-1][0] == value and not wall:
            merged[-1] = (value, merged[-1][1], stretch.last, merged[-1][3])
        else:
            merged.append((value, stretch.first, stretch.last, changed))
        previous = value
    for value, start, end, changed in merged:
        yield from _paint_value(value, start, end, changed, columns)


def _paint_value(value: str | None, start: int, end: int, changed: bool, columns: Columns) -> Iterator[Span]:
    cells = (end - start) * columns.cell
    if value is None:
        yield from _paint_blank(start, end, columns)
        return
    if columns.moments[start].kind == "attached":
        yield Span(WALL, "wall")
        cells -= 1
    mark = GLYPHS[Verdict.PARAMS] if changed and cells > 1 else ""
    room = max(0, cells - len(mark))
    text = value if cell_len(value) < room else fit(value, room)
    yield Span(mark, f"verdict.{Verdict.PARAMS}")
    yield Span(text, "new" if changed else "value")
    rest = room - cell_len(text)
    yield Span(" " * min(1, rest) + "┄" * (rest - 1), "rule")


def _value(entry: TrackEntry | None, param: str) -> str | None:
    if entry is None or entry.facts is None or param not in entry.facts.params:
        return None
    return value_text(entry.facts.params[param])


def _value_before(timeline: TimelineView, row: str, param: str, moment: int) -> str | None:
    return _value(timeline.entry_at(row, moment - 1), param) if moment > 0 else None
