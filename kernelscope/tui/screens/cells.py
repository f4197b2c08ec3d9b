"""A row per cell and what running it again does; behind it, the runs of one cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from kernelscope.forecast.forecaster import Forecaster
from kernelscope.timeline.cells import Cell
from kernelscope.tui.commands.base import bindings
from kernelscope.tui.commands.other_screens import CELL_RUNS, CELLS
from kernelscope.tui.screens.lists import ListScreen, list_widget
from kernelscope.tui.state.spans import Span, line
from kernelscope.tui.state.view_state import ViewState
from kernelscope.tui.views.cell_lines import cell_line, heading, outlook_lines, run_line
from kernelscope.tui.widgets.text import TextPane

if TYPE_CHECKING:
    from textual.binding import BindingType
    from textual.widget import Widget


class CellsScreen(ListScreen[None]):
    """The founding question, turned round."""

    COMMANDS_HERE = CELLS
    BINDINGS: ClassVar[list[BindingType]] = bindings("cells", CELLS)

    def __init__(self, view: ViewState) -> None:
        super().__init__(id="cells")
        self.view = view

    def body(self) -> Sequence[Widget]:
        """See ``CommandScreen``."""
        return (
            TextPane(line(Span(" Cells: what running them again does", "strong")), id="cells-title"),
            TextPane(id="cells-heading"),
            list_widget(),
            TextPane(id="cell-outlook"),
        )

    def refresh_view(self) -> None:
        """Show the view as it is now."""
        room = max(40, self.size.width - 6)
        self.query_one("#cells-heading", TextPane).show_lines([heading(room)])
        cells = self.view.timeline.cells()
        forecaster = Forecaster(self.view.timeline)
        lines = [cell_line(cell, room, forecaster) for cell in cells]
        self.fill(lines or [line(Span(" No cell has run since the attach.", "dim"))])
        self._show_forecast()

    def on_option_list_option_highlighted(self) -> None:
        """Another cell: its forecast in full."""
        self._show_forecast()

    def _show_forecast(self) -> None:
        cells, place = self.view.timeline.cells(), self.list.highlighted
        here = cells[place] if place is not None and place < len(cells) else None
        pane = self.query_one("#cell-outlook", TextPane)
        pane.display = here is not None
        if here is not None:
            pane.show_lines(outlook_lines(Forecaster(self.view.timeline).of(here.runs[-1])))

    def open_line(self) -> None:
        """Every run of the cell."""
        cells = self.view.timeline.cells()
        place = self.list.highlighted
        if place is not None and place < len(cells):
            self.app.push_screen(CellRunsScreen(self.view, cells[place]))


class CellRunsScreen(ListScreen[None]):
    """The runs of one cell; enter goes to one of them on the timeline."""

    COMMANDS_HERE = CELL_RUNS
    BINDINGS: ClassVar[list[BindingType]] = bindings("cell-runs", CELL_RUNS)

    def __init__(self, view: ViewState, cell: Cell) -> None:
        super().__init__(id="cell-runs")
        self.view = view
        self.cell = cell

    def body(self) -> Sequence[Widget]:
        """See ``CommandScreen``."""
        return (
            TextPane(line(Span(" Runs of this cell", "strong")), id="cells-title"),
            list_widget(),
            TextPane(id="cell-outlook"),
            TextPane(id="cell-source"),
        )

    def refresh_view(self) -> None:
        """Show the view as it is now."""
        self.fill([run_line(self.view.timeline, self.cell, place) for place in range(len(self.cell.runs))])
        outlook = Forecaster(self.view.timeline).of(self.cell.runs[-1])
        self.query_one("#cell-outlook", TextPane).show_lines(outlook_lines(outlook))
        self.query_one("#cell-source", TextPane).show_source(self.cell.code)

    def open_line(self) -> None:
        """Back to the timeline, at this run."""
        place = self.list.highlighted
        if place is not None:
            run = self.cell.runs[place]
            moment = next(m for m in self.view.timeline.moments if m.run is run)
            self.navigator.show_run(moment.index)
