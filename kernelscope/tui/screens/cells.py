"""A row per cell and what running it again does; behind it, the runs of one cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from kernelscope.forecast.forecast import Forecaster
from kernelscope.timeline.cells import Cell
from kernelscope.tui.commands import CELL_RUNS, CELLS, bindings
from kernelscope.tui.model.board import Board
from kernelscope.tui.model.said import Said, line
from kernelscope.tui.screens.lists import ListScreen, list_widget
from kernelscope.tui.views.cells import cell_line, heading, outlook_lines, run_line
from kernelscope.tui.widgets.told import Told

if TYPE_CHECKING:
    from textual.binding import BindingType
    from textual.widget import Widget


class CellsScreen(ListScreen[None]):
    """The founding question, turned round."""

    COMMANDS_HERE = CELLS
    BINDINGS: ClassVar[list[BindingType]] = bindings("cells", CELLS)

    def __init__(self, board: Board) -> None:
        super().__init__(id="cells")
        self.board = board

    def body(self) -> Sequence[Widget]:
        """See ``CommandScreen``."""
        return (
            Told(line(Said(" Cells: what running them again does", "strong")), id="cells-title"),
            Told(id="cells-heading"),
            list_widget(),
            Told(id="cell-outlook"),
        )

    def refresh_view(self) -> None:
        """Show the board as it is now."""
        room = max(40, self.size.width - 6)
        self.query_one("#cells-heading", Told).tell([heading(room)])
        cells = self.board.timeline.cells()
        forecaster = Forecaster(self.board.timeline)
        lines = [cell_line(cell, room, forecaster) for cell in cells]
        self.fill(lines or [line(Said(" No cell has run since the attach.", "dim"))])
        self._foresee()

    def on_option_list_option_highlighted(self) -> None:
        """Another cell: its forecast in full."""
        self._foresee()

    def _foresee(self) -> None:
        cells, place = self.board.timeline.cells(), self.list.highlighted
        here = cells[place] if place is not None and place < len(cells) else None
        outlook = self.query_one("#cell-outlook", Told)
        outlook.display = here is not None
        if here is not None:
            foreseen = Forecaster(self.board.timeline).of(here.runs[-1])
            outlook.tell(outlook_lines(foreseen))

    def action_open(self) -> None:
        """Every run of the cell."""
        cells = self.board.timeline.cells()
        place = self.list.highlighted
        if place is not None and place < len(cells):
            self.app.push_screen(CellRunsScreen(self.board, cells[place]))


class CellRunsScreen(ListScreen[None]):
    """The runs of one cell; enter goes to one of them on the timeline."""

    COMMANDS_HERE = CELL_RUNS
    BINDINGS: ClassVar[list[BindingType]] = bindings("cell-runs", CELL_RUNS)

    def __init__(self, board: Board, cell: Cell) -> None:
        super().__init__(id="cell-runs")
        self.board = board
        self.cell = cell

    def body(self) -> Sequence[Widget]:
        """See ``CommandScreen``."""
        return (
            Told(line(Said(" Runs of this cell", "strong")), id="cells-title"),
            list_widget(),
            Told(id="cell-outlook"),
            Told(id="cell-source"),
        )

    def refresh_view(self) -> None:
        """Show the board as it is now."""
        self.fill([run_line(self.board.timeline, self.cell, place) for place in range(len(self.cell.runs))])
        outlook = Forecaster(self.board.timeline).of(self.cell.runs[-1])
        self.query_one("#cell-outlook", Told).tell(outlook_lines(outlook))
        self.query_one("#cell-source", Told).tell_source(self.cell.code)

    def action_open(self) -> None:
        """Back to the timeline, at this run."""
        place = self.list.highlighted
        if place is not None:
            run = self.cell.runs[place]
            moment = next(m for m in self.board.timeline.moments if m.run is run)
            self.guide.show_run(moment.index)
