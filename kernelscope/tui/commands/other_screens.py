"""The commands of every screen but the timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernelscope.tui.commands.base import command
from kernelscope.tui.commands.common import (
    CHANGES,
    COMMON,
    SCROLLING,
    back,
    first_line,
    last_line,
    line_down,
    line_up,
    open_line,
    palette,
    show_help,
    suspend,
    theme,
)

if TYPE_CHECKING:
    from kernelscope.tui.screens.confirm import ConfirmScreen
    from kernelscope.tui.screens.cost import CostScreen
    from kernelscope.tui.screens.diff import DiffScreen
    from kernelscope.tui.screens.evidence import EvidenceScreen
    from kernelscope.tui.screens.picker import PickerScreen


@command("right,l,tab", "← →", "tab", footer=2)
def next_tab(screen: EvidenceScreen) -> None:
    """To the next tab."""
    screen.tabs.action_next_tab()


@command("left,h,shift+tab", "←", "previous tab")
def previous_tab(screen: EvidenceScreen) -> None:
    """To the previous tab."""
    screen.tabs.action_previous_tab()


@command("d", "d", "diff", footer=4)
def diff(screen: EvidenceScreen) -> None:
    """Compare before and after this change."""
    screen.navigator.open_diff()


@command("y", "y", "copy", footer=5)
def copy(screen: EvidenceScreen) -> None:
    """Copy the sentence and its evidence."""
    screen.navigator.copy_lines(screen.shown_lines)


EVIDENCE = (*CHANGES, next_tab, previous_tab, *SCROLLING, diff, copy, *COMMON)


@command("o,space", "o", "unchanged", footer=2)
def fold(screen: DiffScreen) -> None:
    """Show or hide unchanged values."""
    screen.toggle_equal()


DIFF = (*CHANGES, fold, *SCROLLING, *COMMON)


@command("y", "y", "copy", footer=4)
def copy_cost(screen: CostScreen) -> None:
    """Copy these figures."""
    screen.navigator.copy_lines(screen.shown_lines)


COST = (*SCROLLING, copy_cost, *COMMON)

CELLS = (
    line_down.variant("To the cell below"),
    line_up.variant("To the cell above"),
    first_line.variant("To the first cell"),
    last_line.variant("To the last cell"),
    open_line.variant("Every run of this cell, and what it did", label="runs"),
    *COMMON,
)

CELL_RUNS = (
    line_down.variant("To the run below"),
    line_up.variant("To the run above"),
    open_line.variant("Go to this run on the timeline", label="show on timeline"),
    *COMMON,
)

EXPORT = (
    line_down.variant("To the form below"),
    line_up.variant("To the form above"),
    first_line.variant("To the first form"),
    last_line.variant("To the last form"),
    open_line.variant("Write the timeline in this form, into the working directory", label="write"),
    *COMMON,
)

RECORDINGS = (
    line_down.variant("To the recording below"),
    line_up.variant("To the recording above"),
    first_line.variant("To the newest"),
    last_line.variant("To the oldest"),
    open_line.variant("Open this recording"),
    *COMMON,
)


@command("enter", "enter", "yes", footer=1)
def yes(screen: ConfirmScreen) -> None:
    """Do it."""
    screen.dismiss(True)


@command("escape,q,p", "esc", "no", footer=2)
def no(screen: ConfirmScreen) -> None:
    """Change nothing."""
    screen.dismiss(False)


CONFIRM = (yes, no)


@command("enter", "enter", "attach", footer=1)
def attach(screen: PickerScreen) -> None:
    """Attach to this kernel."""
    screen.open_line()


@command("d", "d", "demo", footer=2)
def demo(screen: PickerScreen) -> None:
    """Watch a demo: kernelscope starts its own kernel and plays a notebook in it."""
    screen.dismiss("demo")


@command("o", "o", "recordings", footer=3)
def recordings(screen: PickerScreen) -> None:
    """Open a recording of the working directory."""
    screen.open_recordings()


@command("slash", "/", "filter", footer=4)
def filter(screen: PickerScreen) -> None:  # noqa: A001 - the command's name
    """Type to filter."""
    screen.open_filter()


PICKER = (
    line_down.variant("To the kernel below", shown="j ↓", footer=0),
    line_up.variant("To the kernel above", label="move"),
    attach,
    demo,
    recordings,
    filter,
    theme,
    palette.variant(palette.help, footer=0),
    show_help.variant(show_help.help, footer=5),
    suspend,
    back.variant("Leave without attaching", shown="esc", label="quit", footer=6),
)

FAILURE = (
    theme,
    show_help.variant("All keys and glyphs", footer=1),
    suspend,
    back.variant("Leave kernelscope", keys="q,escape,enter", label="leave", footer=2),
)
