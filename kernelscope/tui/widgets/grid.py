"""The grid of the timeline: a line per name, a column per moment; draws only what is in sight."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.style import Style
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from kernelscope.presentation.glyphs import LIVE
from kernelscope.tui.render import StyleTable
from kernelscope.tui.state.grid_cells import paint, paint_prelude
from kernelscope.tui.state.grid_lines import GridLine
from kernelscope.tui.state.spans import Span, fit
from kernelscope.tui.state.view_state import ViewState, moving_rows

if TYPE_CHECKING:
    from textual import events

_CLASS_FROM = 100
"""Narrower terminals do not show the class beside the name."""
_MARGIN = 2
"""Columns that stay in sight on both sides of the cursor."""


class Grid(ScrollView, can_focus=False, inherit_bindings=False):
    """Draws a ``ViewState``; call ``show`` after each change of the view."""

    class Picked(Message):
        """The mouse moved the cursor."""

    def __init__(self, view: ViewState) -> None:
        super().__init__(id="grid")
        self.view = view
        self._style_table: StyleTable | None = None
        self._strips: dict[tuple[object, ...], Strip] = {}
        self._revision = (-1, -1, -1)
        self._name_cells = 12
        self._class_cells = 0

    # For the screen.

    def show(self) -> None:
        """Redraw from the view, with the cursor in sight."""
        self._measure()
        columns = self.view.columns
        self.virtual_size = Size(self._names_width + columns.width, len(self.view.lines) + 1)
        self._reveal()
        self.refresh()

    def recolour(self) -> None:
        """Redraw in the colours of the new theme."""
        self._style_table = None
        self._strips.clear()
        self.refresh()

    @property
    def page(self) -> int:
        """Half the height of the grid, in lines."""
        return max(1, (self.size.height - 1) // 2)

    # Geometry.

    @property
    def _names_width(self) -> int:
        """Terminal cells of the frozen pane: marker, name, class, gap."""
        return 2 + self._name_cells + self._class_cells + 1

    def _measure(self) -> None:
        lines = self.view.lines
        wide = self.size.width >= _CLASS_FROM
        longest = max((len(line.label) + 2 * line.depth for line in lines), default=8)
        self._name_cells = max(8, min(longest + 2, 30 if wide else max(12, self.size.width // 4)))
        cls = max((len(line.cls) for line in lines), default=0) + 1 if wide else 0
        self._class_cells = min(cls, 24)
        revision = (self.view.revision, self.size.width, self._names_width)
        if revision != self._revision:
            self._strips.clear()
            self._revision = revision

    def _reveal(self) -> None:
        """Scroll the cursor into sight; on the newest column, scroll to the very end."""
        columns = self.view.columns
        room = max(columns.cell, self.size.width - self._names_width)
        left, right = columns.x_of(self.view.column), columns.x_of(self.view.column + 1)
        margin = min(_MARGIN * columns.cell, room // 4)
        x = int(self.scroll_offset.x)
        x = max(min(x, left - margin), right + margin - room)
        x = max(0, min(x, columns.width - room))
        height = max(1, self.size.height - 1)
        y, at = int(self.scroll_offset.y), self.view.line_index
        y = max(min(y, at), at - height + 1, 0)
        self.scroll_to(x, y, animate=False, force=True, immediate=True)

    def on_resize(self) -> None:
        """Redraw in another size."""
        self.show()

    # Drawing.

    def render_line(self, y: int) -> Strip:
        """Draw one line of the widget: the axis, then the lines of the view."""
        width = self.size.width
        if not self.view.columns.count:
            return Strip.blank(width, self.rich_style)
        if y == 0:
            return self._finish(self._axis(), axis=True)
        place = y - 1 + int(self.scroll_offset.y)
        if place >= len(self.view.lines):
            return self._finish(Strip([]))
        line = self.view.lines[place]
        return self._finish(self._line(line), selected=place == self.view.line_index)

    def _window(self) -> tuple[int, int, int]:
        """The columns [first, last) in sight, and the terminal cell of the history where the sight begins."""
        columns = self.view.columns
        x, room = int(self.scroll_offset.x), max(1, self.size.width - self._names_width)
        first = columns.index_at(x)
        last = min(columns.count, columns.index_at(x + room) + 1)
        return first, last, x

    def _line(self, line: GridLine) -> Strip:
        window = self._window()
        key = (line.key, *window)
        strip = self._strips.get(key)
        if strip is None:
            strip = self._strips[key] = Strip.join([self._names(line), self._history(line)])
        return strip

    def _names(self, line: GridLine) -> Strip:
        fold = ("▾" if line.unfolded else "▸") if line.foldable else " "
        indent = "  " * line.depth
        is_dim = line.key.param is not None or not line.alive
        role = "dim" if is_dim else "strong" if line.depth == 0 else ""
        spans = [
            Span(" "),
            Span(f"{indent}{fold} ", "dim"),
            Span(fit(line.label, self._name_cells - 1 - len(indent)), role),
            Span(fit(line.cls, self._class_cells), "dim"),
        ]
        names = self._strip(spans).adjust_cell_length(self._names_width - 1)
        is_moving = line.key.param is None and line.key.row in moving_rows(self.view.timeline)
        return Strip.join([names, self._strip([Span(LIVE if is_moving else " ", "warn strong")])])

    def _history(self, line: GridLine) -> Strip:
        first, last, x = self._window()
        columns, timeline = self.view.columns, self.view.timeline
        spans = paint(timeline, line.key, columns, first, last)
        start = columns.x_of(first)
        if first == 0:
            spans = (paint_prelude(timeline, line.key, columns), *spans)
            start = 0
        return self._strip(spans).crop(x - start, x - start + self.size.width - self._names_width)

    def _axis(self) -> Strip:
        first, last, x = self._window()
        columns = self.view.columns
        text = columns.axis(first, last, self.view.column)
        start = columns.x_of(first)
        if first == 0:
            label = f"…{columns.moments[0].execution_count}" if columns.prelude else ""
            text, start = fit(label, columns.prelude) + text, 0
        hidden = "‹" if x > 0 else " "
        names = [
            Span(fit("   name", self._name_cells + 2), "dim"),
            Span(fit("class", self._class_cells), "dim"),
        ]
        head = self._strip([*names, Span(hidden, "warn")]).adjust_cell_length(self._names_width)
        tail = self._strip([Span(text, "dim")]).crop(
            x - start, x - start + self.size.width - self._names_width
        )
        return Strip.join([head, tail])

    @property
    def style_table(self) -> StyleTable:
        """The styles of the current theme."""
        if self._style_table is None:
            self._style_table = StyleTable(self.app.theme_variables)
        return self._style_table

    def _strip(self, spans: Iterable[Span]) -> Strip:
        return self.style_table.strip(spans)

    def _finish(self, strip: Strip, *, selected: bool = False, axis: bool = False) -> Strip:
        """Draw the cursor below the text: its row, its column, and the cell where they meet."""
        strip = strip.adjust_cell_length(self.size.width)
        if axis:
            strip = self._draw_mark(strip)
        columns = self.view.columns
        low = self._cell_of(columns.x_of(self.view.column))
        high = self._cell_of(columns.x_of(self.view.column + 1))
        row = self.style_table.background("ks-row") if selected else Style.null()
        if high > low:
            before, under, after = strip.divide([low, high, self.size.width])
            cross = self._cursor_style(selected=selected, axis=axis)
            under = self.style_table.restyle(under, cross) if axis else under.apply_style(cross)
            strip = Strip.join([before.apply_style(row), under, after.apply_style(row)])
        if selected:
            strip = Strip.join([self._strip([Span("▌", "section")]), strip.crop(1)])
        return strip.apply_style(row).apply_style(self.rich_style)

    def _cursor_style(self, *, selected: bool, axis: bool) -> Style:
        if selected:
            return self.style_table.background("ks-cursor", bold=True, reverse=self.app.no_color)
        return self.style_table.background("ks-cursor" if axis else "ks-column", bold=axis)

    def _draw_mark(self, strip: Strip) -> Strip:
        """Highlight the marked moment on the axis."""
        if self.view.mark_column is None:
            return strip
        x = self._cell_of(self.view.columns.x_of(self.view.mark_column))
        if not self._names_width <= x < self.size.width - 1:
            return strip
        before, _, after = strip.divide([x, x + 1, self.size.width])
        mark = self._strip([Span("m")]).apply_style(self.style_table.background("ks-mark", bold=True))
        return Strip.join([before, mark, after])

    def _cell_of(self, x: int) -> int:
        """The position on the widget of a cell of the history, clipped to the pane."""
        return max(self._names_width, min(self.size.width, self._names_width + x - int(self.scroll_offset.x)))

    # The mouse.

    def on_click(self, event: events.Click) -> None:
        """Move the cursor to the cell that was clicked."""
        place = event.y - 1 + int(self.scroll_offset.y)
        if 0 <= place < len(self.view.lines):
            self.view.select(self.view.lines[place].key)
        if event.x >= self._names_width and self.view.columns.count:
            self.view.go_to(
                self.view.columns.index_at(event.x - self._names_width + int(self.scroll_offset.x))
            )
        self.post_message(self.Picked())
