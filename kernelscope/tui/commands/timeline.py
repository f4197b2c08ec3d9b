"""The commands of the timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernelscope.tui.commands.base import command
from kernelscope.tui.commands.common import back, palette, show_help, suspend, theme
from kernelscope.tui.render import show_notice
from kernelscope.tui.state.spans import Span, line
from kernelscope.tui.views.sentence import sentence_lines

if TYPE_CHECKING:
    from kernelscope.tui.screens.timeline import TimelineScreen


@command("left,h", "h ←", "move")
def left(screen: TimelineScreen) -> None:
    """Go to the previous run."""
    screen.view.move_columns(-1)
    screen.refresh_view()


@command("right,l", "l →", "move")
def right(screen: TimelineScreen) -> None:
    """Go to the next run."""
    screen.view.move_columns(1)
    screen.refresh_view()


@command("up,k", "k ↑", "move")
def up(screen: TimelineScreen) -> None:
    """Go to the row above."""
    screen.view.move_lines(-1)
    screen.refresh_view()


@command("down,j", "j ↓", "move")
def down(screen: TimelineScreen) -> None:
    """Go to the row below."""
    screen.view.move_lines(1)
    screen.refresh_view()


@command("less_than_sign,comma", "<", "previous change")
def previous_change(screen: TimelineScreen) -> None:
    """Go to the previous change in this row."""
    screen.show_jump(screen.view.next_change(-1), "No earlier change in this row")


@command("greater_than_sign,full_stop", ">", "change", footer=1, pair="< >")
def next_change(screen: TimelineScreen) -> None:
    """Go to the next change in this row."""
    screen.show_jump(screen.view.next_change(1), "No later change in this row")


@command("left_curly_bracket", "{", "previous run")
def previous_run(screen: TimelineScreen) -> None:
    """Go to the previous run that changed any model."""
    screen.show_jump(screen.view.next_run(-1), "No earlier run changed a model")


@command("right_curly_bracket", "}", "next run")
def next_run(screen: TimelineScreen) -> None:
    """Go to the next run that changed any model."""
    screen.show_jump(screen.view.next_run(1), "No later run changed a model")


@command("enter", "enter", "evidence", footer=2)
def evidence(screen: TimelineScreen) -> None:
    """Show what happened here, and the evidence for it."""
    screen.navigator.open_evidence()


@command("o,tab", "o", "unfold", footer=3)
def unfold(screen: TimelineScreen) -> None:
    """Show or hide the hyper-parameters and parts of this row."""
    screen.view.unfold()
    screen.refresh_view()


@command("d", "d", "diff", footer=4)
def diff(screen: TimelineScreen) -> None:
    """Compare before and after, or with the marked moment."""
    screen.navigator.open_diff()


@command("m", "m", "mark")
def mark(screen: TimelineScreen) -> None:
    """Mark this moment to compare another one with it."""
    screen.view.mark()
    screen.refresh_view()


@command("c", "c", "cells", footer=5)
def cells(screen: TimelineScreen) -> None:
    """Show the cells and what re-running each one does."""
    screen.navigator.open_cells()


@command("slash", "/", "filter", footer=6)
def filter(screen: TimelineScreen) -> None:  # noqa: A001 - the command's name
    """Filter by name or class."""
    screen.open_filter()


@command("n", "n", "next name")
def next_name(screen: TimelineScreen) -> None:
    """Go to the next name that matches the filter."""
    screen.view.next_name(1)
    screen.refresh_view()


@command("N", "N", "previous name")
def previous_name(screen: TimelineScreen) -> None:
    """Go to the previous name that matches the filter."""
    screen.view.next_name(-1)
    screen.refresh_view()


@command("s", "s", "sort")
def sort(screen: TimelineScreen) -> None:
    """Sort the names: first seen, latest change, name."""
    screen.view.sort()
    show_notice(screen, line(Span(f"Sorted by {screen.view.order}")), seconds=2)
    screen.refresh_view()


@command("F,dollar_sign,end", "F $", "latest", footer=7)
def latest(screen: TimelineScreen) -> None:
    """Jump to the latest run and follow."""
    screen.view.follow_latest()
    screen.refresh_view()


@command("space", "space", "pause")
def pause(screen: TimelineScreen) -> None:
    """Pause or resume; at its end, replay a recording."""
    screen.view.playback.toggle()
    screen.show_playback()


@command("left_square_bracket", "[", "step back")
def step_back(screen: TimelineScreen) -> None:
    """Step one moment back."""
    screen.view.playback.step(-1)
    screen.show_playback()


@command("right_square_bracket", "]", "step", footer=10, pair="[ ]")
def step(screen: TimelineScreen) -> None:
    """Step one moment forward."""
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
    """Export this timeline as HTML, Markdown, CSV or JSON lines."""
    screen.navigator.open_export()


@command("0,home", "0", "first run")
def first(screen: TimelineScreen) -> None:
    """Go to the first column."""
    screen.view.go_to(0)
    screen.refresh_view()


@command("g,ctrl+home", "g", "top")
def top(screen: TimelineScreen) -> None:
    """Go to the first row."""
    screen.view.move_lines(-len(screen.view.lines))
    screen.refresh_view()


@command("G,ctrl+end", "G", "bottom")
def bottom(screen: TimelineScreen) -> None:
    """Go to the last row."""
    screen.view.move_lines(len(screen.view.lines))
    screen.refresh_view()


@command("ctrl+d,pagedown", "ctrl+d", "page down")
def page_down(screen: TimelineScreen) -> None:
    """Go half a screen down."""
    screen.view.move_lines(screen.page)
    screen.refresh_view()


@command("ctrl+u,pageup", "ctrl+u", "page up")
def page_up(screen: TimelineScreen) -> None:
    """Go half a screen up."""
    screen.view.move_lines(-screen.page)
    screen.refresh_view()


@command("z", "z", "zoom")
def zoom(screen: TimelineScreen) -> None:
    """Change the width of the columns."""
    screen.view.zoom()
    screen.refresh_view()


@command("v", "v", "full value")
def value(screen: TimelineScreen) -> None:
    """Show this row in full: parameters and learned state."""
    screen.navigator.open_evidence("parameters")


@command("y", "y", "copy")
def copy(screen: TimelineScreen) -> None:
    """Copy the sentence."""
    screen.navigator.copy_lines(sentence_lines(screen.view))


@command("i", "i", "cost", footer=9)
def cost(screen: TimelineScreen) -> None:
    """Show what kernelscope costs this kernel."""
    screen.navigator.open_cost()


@command("p", "p", "poll")
def poll(screen: TimelineScreen) -> None:
    """Start or stop polling between runs; asks first."""
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
    latest,
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
    palette,
    show_help,
    theme,
    suspend,
    back.variant("Quit kernelscope", label="quit"),
)
"""In the order of the palette and the help."""
