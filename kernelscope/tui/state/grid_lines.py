"""The lines of the grid: names, and below an unfolded name its hyper-parameters and parts."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from kernelscope.domain.display import short_class
from kernelscope.domain.facts import Value
from kernelscope.text import clean
from kernelscope.timeline.timeline import Row
from kernelscope.timeline.view import TimelineView


class Order(StrEnum):
    """The order of the names."""

    SEEN = "first seen"
    CHANGED = "latest change"
    NAME = "name"


class Key(NamedTuple):
    """Identifies a line independently of its position."""

    row: str
    param: str | None = None


class GridLine(Struct, frozen=True):
    """One line of the grid: a name, a hyper-parameter or a part."""

    key: Key
    label: str
    cls: str
    depth: int
    alive: bool = True
    """Whether the row holds a model now."""
    foldable: bool = False
    unfolded: bool = False


def grid_lines(
    timeline: TimelineView, unfolded: frozenset[str], query: str = "", order: Order = Order.SEEN
) -> tuple[GridLine, ...]:
    """All lines, top to bottom; ``query`` filters by name and class name."""
    groups: list[list[Row]] = []
    for row in timeline.rows():
        if row.whole is None:
            groups.append([row])
        elif groups:
            groups[-1].append(row)
    groups = [g for g in groups if _matches(timeline, g[0].name, query)]
    groups.sort(key=lambda group: _sort_key(timeline, group[0].name, order))
    return tuple(line for group in groups for line in _group_lines(timeline, group, unfolded))


def _group_lines(timeline: TimelineView, group: list[Row], unfolded: frozenset[str]) -> Iterable[GridLine]:
    whole, parts = group[0], group[1:]
    yield from _row_lines(timeline, whole, whole.name, 0, unfolded, has_parts=bool(parts))
    if whole.name in unfolded:
        for part in parts:
            yield from _row_lines(timeline, part, part.name.removeprefix(whole.name), 1, unfolded)


def _row_lines(
    timeline: TimelineView,
    row: Row,
    label: str,
    depth: int,
    unfolded: frozenset[str],
    *,
    has_parts: bool = False,
) -> Iterable[GridLine]:
    latest = next((h.facts for h in reversed(timeline.track(row.name)) if h.facts is not None), None)
    is_open = row.name in unfolded
    cls = clean(short_class(latest_class(timeline, row.name)))
    foldable = has_parts or (latest is not None and bool(latest.params))
    track = timeline.track(row.name)
    alive = bool(track) and track[-1].facts is not None
    yield GridLine(Key(row.name), clean(label), cls, depth, alive, foldable, is_open)
    if is_open:
        for name in param_names(timeline, row.name):
            yield GridLine(Key(row.name, name), clean(name), "", depth + 1)


def latest_class(timeline: TimelineView, name: str) -> str | None:
    """The class of the latest object that the row held."""
    return next((h.facts.cls for h in reversed(timeline.track(name)) if h.facts is not None), None)


def param_names(timeline: TimelineView, name: str) -> tuple[str, ...]:
    """All hyper-parameters that the row ever had; first those that changed."""
    values: dict[str, set[str]] = {}
    for entry in timeline.track(name):
        for param, value in (entry.facts.params if entry.facts is not None else {}).items():
            values.setdefault(param, set()).add(value_text(value))
    return tuple(sorted(values, key=lambda param: len(values[param]) < 2))


def value_text(value: Value) -> str:
    """A parameter value as the grid shows it."""
    return clean(repr(value) if isinstance(value, bool | int | float | str | None) else value.text)


def _matches(timeline: TimelineView, name: str, query: str) -> bool:
    sought = query.casefold()
    if not sought:
        return True
    return sought in name.casefold() or sought in short_class(latest_class(timeline, name)).casefold()


def _sort_key(timeline: TimelineView, name: str, order: Order) -> tuple[int, str]:
    if order is Order.NAME:
        return 0, name.casefold()
    if order is Order.CHANGED:
        latest = next((h.moment for h in reversed(timeline.track(name)) if h.change is not None), -1)
        return -latest, ""
    return 0, ""
