"""What one line of the grid looks like in a window of columns.

Nothing here is larger than the window: each line bisects into its row's track and walks the few
entries that the window shows.
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
    """What a row held over the columns [first, last), clipped to the window."""

    held: TrackEntry | None
    first: int
    last: int
    begins: bool
    """``held`` came about in the column ``first``, not before it."""


def paint(timeline: TimelineView, key: Key, columns: Columns, first: int, last: int) -> Line:
    """The line over the columns [first, last), exactly ``(last - first) * columns.cell`` cells wide."""
    if key.param is not None:
        return tuple(_values(timeline, key.row, key.param, columns, first, last))
    pieces: list[Span] = []
    for stretch in stretches(timeline, key.row, first, last):
        pieces += _lifeline(stretch, columns)
    return tuple(pieces)


def prelude(timeline: TimelineView, key: Key, columns: Columns) -> Span:
    """Before the first column: hatched for what was there already, and nothing is known of it."""
    held = timeline.entry_at(key.row, 0)
    known = held is not None and held.facts is not None
    fill = HATCH if known and key.param is None else " "
    return Span(fill * columns.prelude, "hatch")


def stretches(timeline: TimelineView, row: str, first: int, last: int) -> Iterator[Stretch]:
    """The window, cut where the row came to hold something else."""
    track = timeline.track(row)
    place = bisect_right(track, first, key=lambda held: held.moment) - 1
    at = first
    while at < last:
        held = track[place] if place >= 0 else None
        end = min(last, track[place + 1].moment if place + 1 < len(track) else last)
        if end > at:
            yield Stretch(held, at, end, held is not None and held.moment == at)
        at, place = end, place + 1


def hue_role(facts: ObjectFacts, epoch: int) -> str:
    """The colour of an object; parts that no name reaches have none, so that they look like no alias."""
    return f"gen.{hue(epoch, facts.generation)}" if facts.generation is not None else "part"


def _lifeline(stretch: Stretch, columns: Columns) -> Iterator[Span]:
    held = stretch.held
    if held is None or (held.facts is None and not stretch.begins):
        yield from _empty(stretch.first, stretch.last, columns)
        return
    cells = (stretch.last - stretch.first) * columns.cell
    if stretch.begins:
        mark = _mark(held, columns.moments[stretch.first].kind == "attached")
        if mark is not None:
            yield mark
            cells -= 1
        if held.facts is None:
            yield Span(" " * (columns.cell - (mark is not None)))
            yield from _empty(stretch.first + 1, stretch.last, columns)
            return
    facts = held.facts
    if facts is None:
        return
    role = hue_role(facts, columns.moments[stretch.first].epoch)
    number = _number(held, stretch, cells)
    if number:
        yield Span(number, "number " + role)
    fill = LINE_FITTED if held.fitted else LINE_BARE
    yield Span(fill * (cells - len(number)), role)


def _mark(held: TrackEntry, attached: bool) -> Span | None:
    if attached:
        return Span(WALL, "wall")
    if held.change is None:
        return None
    verdict = held.change.verdict
    return Span(GLYPHS[verdict], f"verdict.{verdict}")


def _number(held: TrackEntry, stretch: Stretch, cells: int) -> str:
    """The generation's number, where a name comes to hold it and there is room."""
    if not stretch.begins or held.facts is None or held.facts.generation is None:
        return ""
    if held.change is not None and held.change.identity not in _NUMBERED:
        return ""
    number = str(held.facts.generation)
    return number if len(number) <= cells - (len(number) > 1) else ""


def _empty(first: int, last: int, columns: Columns) -> Iterator[Span]:
    """No model: blank, but for the walls that go through every line."""
    at = first
    for wall in columns.walls_between(first, last):
        yield Span(" " * ((wall - at) * columns.cell))
        yield Span(WALL, "wall")
        yield Span(" " * (columns.cell - 1))
        at = wall + 1
    yield Span(" " * ((last - at) * columns.cell))


def _values(
    timeline: TimelineView, row: str, param: str, columns: Columns, first: int, last: int
) -> Iterator[Span]:
    """Each value from the column where it came; a value that came before the window is drawn again."""
    merged: list[tuple[str | None, int, int, bool]] = []
    previous = _value_before(timeline, row, param, first)
    for stretch in stretches(timeline, row, first, last):
        value = _value(stretch.held, param)
        changed = stretch.begins and value is not None and previous is not None and value != previous
        wall = columns.moments[stretch.first].kind == "attached"
        if merged and merged[-1][0] == value and not wall:
            merged[-1] = (value, merged[-1][1], stretch.last, merged[-1][3])
        else:
            merged.append((value, stretch.first, stretch.last, changed))
        previous = value
    for value, start, end, changed in merged:
        yield from _value_cells(value, start, end, changed, columns)


def _value_cells(value: str | None, start: int, end: int, changed: bool, columns: Columns) -> Iterator[Span]:
    cells = (end - start) * columns.cell
    if value is None:
        yield from _empty(start, end, columns)
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


def _value(held: TrackEntry | None, param: str) -> str | None:
    if held is None or held.facts is None or param not in held.facts.params:
        return None
    return value_text(held.facts.params[param])


def _value_before(timeline: TimelineView, row: str, param: str, moment: int) -> str | None:
    return _value(timeline.entry_at(row, moment - 1), param) if moment > 0 else None
