"""The commands of the timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernelscope.tui.commands.base import command
from kernelscope.tui.commands.common import COMMON
from kernelscope.tui.render import show_notice
from kernelscope.tui.state.spans import Span, line
from kernelscope.tui.views.sentence import sentence

if TYPE_CHECKING:
    from kernelscope.tui.screens.timeline import TimelineScreen


@command("left,h", "h ←", "move")
def left(screen: TimelineScreen) -> None:
    """To the run before."""
    screen.view.move_columns(-1)
    screen.refresh_view()


@command("right,l", "l →", "move")
def right(screen: TimelineScreen) -> None:
    """To the run after."""
    screen.view.move_columns(1)
    screen.refresh_view()


@command("up,k", "k ↑", "move")
def up(screen: TimelineScreen) -> None:
    """To the row above."""
    screen.view.move_lines(-1)
    screen.refresh_view()


@command("down,j", "j ↓", "move")
def down(screen: TimelineScreen) -> None:
    """To the row below."""
    screen.view.move_lines(1)
    screen.refresh_view()


@command("less_than_sign,comma", "<", "previous change")
def previous_change(screen: TimelineScreen) -> None:
    """To the previous change in this row."""
    screen.show_jump(screen.view.next_change(-1), "No earlier change in this row")


@command("greater_than_sign,full_stop", ">", "change", footer=1, pair="< >")
def next_change(screen: TimelineScreen) -> None:
    """To the next change in this row."""
    screen.show_jump(screen.view.next_change(1), "No later change in this row")


@command("left_curly_bracket", "{", "previous run")
def previous_run(screen: TimelineScreen) -> None:
    """To the previous run that changed any model."""
    screen.show_jump(screen.view.next_run(-1), "No earlier run changed a model")


@command("right_curly_bracket", "}", "next run")
def next_run(screen: TimelineScreen) -> None:
    """To the next run that changed any model."""
    screen.show_jump(screen.view.next_run(1), "No later run changed a model")


@command("enter", "enter", "evidence", footer=2)
def evidence(screen: TimelineScreen) -> None:
    """What happened here, and how it is known."""
    screen.navigator.open_evidence()


@command("o,tab", "o", "unfold", footer=3)
def unfold(screen: TimelineScreen) -> None:
    """Show or hide hyper-parameters and parts of the row."""
    screen.view.unfold()
    screen.refresh_view()


@command("d", "d", "diff", footer=4)
def diff(screen: TimelineScreen) -> None:
    """Compare before and after this change, or with the marked moment."""
    screen.navigator.open_diff()


@command("m", "m", "mark")
def mark(screen: TimelineScreen) -> None:
    """Mark this moment, to compare another one with it."""
    screen.view.mark()
    screen.refresh_view()


@command("c", "c", "cells", footer=5)
def cells(screen: TimelineScreen) -> None:
    """A row per cell: what running it again does to each model."""
    screen.navigator.open_cells()


@command("slash", "/", "filter", footer=6)
def filter(screen: TimelineScreen) -> None:  # noqa: A001 - the command's name
    """Only names or classes that contain this."""
    screen.open_filter()


@command("n", "n", "next name")
def next_name(screen: TimelineScreen) -> None:
    """To the next name that passes the filter."""
    screen.view.next_name(1)
    screen.refresh_view()


@command("N", "N", "previous name")
def previous_name(screen: TimelineScreen) -> None:
    """To the previous name that passes the filter."""
    screen.view.next_name(-1)
    screen.refresh_view()


@command("s", "s", "sort")
def sort(screen: TimelineScreen) -> None:
    """Sort the names: first seen, latest change, name."""
    screen.view.sort()
    show_notice(screen, line(Span(f"Sorted by {screen.view.order}")), seconds=2)
    screen.refresh_view()


@command("F,dollar_sign,end", "F $", "latest", footer=7)
def live(screen: TimelineScreen) -> None:
    """Jump to latest and follow."""
    screen.view.go_live()
    screen.refresh_view()


@command("space", "space", "pause")
def pause(screen: TimelineScreen) -> None:
    """Pause or resume; at the end of a recording, play it from the start."""
    screen.view.playback.toggle()
    screen.show_playback()


@command("left_square_bracket", "[", "step back", footer=10, pair="[ ]")
def step_back(screen: TimelineScreen) -> None:
    """Show what was known one moment before."""
    screen.view.playback.step(-1)
    screen.show_playback()


@command("right_square_bracket", "]", "step")
def step(screen: TimelineScreen) -> None:
    """Show one moment more."""
    screen.view.playback.step(1)
    screen.show_playback()


@command("plus,equals_sign", "+", "faster")
def faster(screen: TimelineScreen) -> None:
    """Play a recording faster."""
    screen.view.playback.faster(1)
    screen.refresh_view()


@command("minus", "-", "slower")
def slower(screen: TimelineScreen) -> None:
    """Play a recording slower."""
    screen.view.playback.faster(-1)
    screen.refresh_view()


@command("r", "r", "record", footer=11)
def record(screen: TimelineScreen) -> None:
    """Start or stop recording (includes everything since attach)."""
    screen.navigator.toggle_recording()


@command("x", "x", "export", footer=12)
def export(screen: TimelineScreen) -> None:
    """Export this timeline as a page, a table or lines."""
    screen.navigator.open_export()


@command("0,home", "0", "first run")
def first(screen: TimelineScreen) -> None:
    """To the first column."""
    screen.view.go_to(0)
    screen.refresh_view()


@command("g,ctrl+home", "g", "top")
def top(screen: TimelineScreen) -> None:
    """To the first row."""
    screen.view.move_lines(-len(screen.view.lines))
    screen.refresh_view()


@command("G,ctrl+end", "G", "bottom")
def bottom(screen: TimelineScreen) -> None:
    """To the last row."""
    screen.view.move_lines(len(screen.view.lines))
    screen.refresh_view()


@command("ctrl+d,pagedown", "ctrl+d", "page down")
def page_down(screen: TimelineScreen) -> None:
    """Half a screen down."""
    screen.view.move_lines(screen.page)
    screen.refresh_view()


@command("ctrl+u,pageup", "ctrl+u", "page up")
def page_up(screen: TimelineScreen) -> None:
    """Half a screen up."""
    screen.view.move_lines(-screen.page)
    screen.refresh_view()


@command("z", "z", "zoom")
def zoom(screen: TimelineScreen) -> None:
    """Change the column width: 2, 4 or 1 cells a run."""
    screen.view.zoom()
    screen.refresh_view()


@command("v", "v", "full value")
def value(screen: TimelineScreen) -> None:
    """Show this row in full: parameters and learned state."""
    screen.navigator.open_evidence("parameters")


@command("y", "y", "copy")
def copy(screen: TimelineScreen) -> None:
    """Copy the sentence and its evidence."""
    screen.navigator.copy_lines(sentence(screen.view))


@command("i", "i", "cost", footer=9)
def cost(screen: TimelineScreen) -> None:
    """What kernelscope costs this kernel, and how to check that it left."""
    screen.navigator.open_cost()


@command("p", "p", "look between")
def poll(screen: TimelineScreen) -> None:
    """Start or stop looking between runs; asks first."""
    screen.navigator.offer_poll()


TIMELINE = (
    left,
    right,
    up,
    down,
    previous_change,
    next_change,
    previous_run,
    next_run,
    evidence,
    unfold,
    diff,
    mark,
    cells,
    filter,
    next_name,
    previous_name,
    sort,
    live,
    pause,
    step_back,
    step,
    faster,
    slower,
    record,
    export,
    first,
    top,
    bottom,
    page_down,
    page_up,
    zoom,
    value,
    copy,
    cost,
    poll,
    *COMMON,
)
"""In the order of the palette and the help."""
