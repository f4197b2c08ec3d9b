"""The cells and what running each one again does; behind each of them, its runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from kernelscope.forecast.forecaster import Forecaster
from kernelscope.timeline.cells import Cell
from kernelscope.tui.commands.base import bindings
from kernelscope.tui.commands.other_screens import CELL_RUNS, CELLS
from kernelscope.tui.screens.lists import ListScreen, make_list
from kernelscope.tui.state.spans import Span, line
from kernelscope.tui.state.view_state import ViewState
from kernelscope.tui.views.cell_lines import cell_line, cells_heading, outlook_lines, run_line
from kernelscope.tui.widgets.text import TextPane

if TYPE_CHECKING:
    from textual.binding import BindingType
    from textual.widget import Widget


class CellsScreen(ListScreen[None]):
    """Lists the cells; below the list, the forecast for the highlighted one in full."""

    COMMANDS_HERE = CELLS
    BINDINGS: ClassVar[list[BindingType]] = bindings("cells", CELLS)

    def __init__(self, view: ViewState) -> None:
        super().__init__(id="cells")
        self.view = view

    def body(self) -> Sequence[Widget]:
        """Title, list and details: see ``CommandScreen``."""
        return (
            TextPane(line(Span(" Cells: what re-running each one does", "strong")), id="cells-title"),
            TextPane(id="cells-heading"),
            make_list(),
            TextPane(id="cell-outlook"),
        )

    def refresh_view(self) -> None:
        """Redraw the list and its details."""
        room = max(40, self.size.width - 6)
        self.query_one("#cells-heading", TextPane).show_lines([cells_heading(room)])
        cells = self.view.timeline.cells()
        forecaster = Forecaster(self.view.timeline)
        lines = [cell_line(cell, room, forecaster) for cell in cells]
        self.fill(lines or [line(Span(" No cell has run since the attach.", "dim"))])
        self._show_forecast()

    def on_option_list_option_highlighted(self) -> None:
        """Show the forecast for the highlighted cell."""
        self._show_forecast()

    def _show_forecast(self) -> None:
        cell = self._highlighted_cell()
        pane = self.query_one("#cell-outlook", TextPane)
        pane.display = cell is not None
        if cell is not None:
            pane.show_lines(outlook_lines(Forecaster(self.view.timeline).of(cell.runs[-1])))

    def _highlighted_cell(self) -> Cell | None:
        cells, place = self.view.timeline.cells(), self.list.highlighted
        return cells[place] if place is not None and place < len(cells) else None

    def open_line(self) -> None:
        """Open the runs of the highlighted cell."""
        cell = self._highlighted_cell()
        if cell is not None:
            self.app.push_screen(CellRunsScreen(self.view, cell))


class CellRunsScreen(ListScreen[None]):
    """Lists the runs of one cell; enter shows one of them on the timeline."""

    COMMANDS_HERE = CELL_RUNS
    BINDINGS: ClassVar[list[BindingType]] = bindings("cell-runs", CELL_RUNS)

    def __init__(self, view: ViewState, cell: Cell) -> None:
        super().__init__(id="cell-runs")
        self.view = view
        self.cell = cell

    def body(self) -> Sequence[Widget]:
        """Title, list and details: see ``CommandScreen``."""
        return (
            TextPane(line(Span(" Runs of this cell", "strong")), id="cells-title"),
            make_list(),
            TextPane(id="cell-outlook"),
            TextPane(id="cell-source"),
        )

    def refresh_view(self) -> None:
        """Redraw the list and its details."""
        self.fill([run_line(self.view.timeline, self.cell, place) for place in range(len(self.cell.runs))])
        outlook = Forecaster(self.view.timeline).of(self.cell.runs[-1])
        self.query_one("#cell-outlook", TextPane).show_lines(outlook_lines(outlook))
        self.query_one("#cell-source", TextPane).show_source(self.cell.code)

    def open_line(self) -> None:
        """Show the highlighted run on the timeline."""
        place = self.list.highlighted
        if place is not None:
            run = self.cell.runs[place]
            moment = next(m for m in self.view.timeline.moments if m.run is run)
            self.navigator.show_run(moment.index)
