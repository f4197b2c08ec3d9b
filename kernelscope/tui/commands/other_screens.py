"""The commands of every screen except the timeline."""

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


@command("right,l,tab", "→", "tab", footer=2, pair="← →")
def next_tab(screen: EvidenceScreen) -> None:
    """Go to the next tab."""
    screen.tabs.action_next_tab()


@command("left,h,shift+tab", "←", "previous tab")
def previous_tab(screen: EvidenceScreen) -> None:
    """Go to the previous tab."""
    screen.tabs.action_previous_tab()


@command("d", "d", "diff", footer=4)
def diff(screen: EvidenceScreen) -> None:
    """Compare before and after this change."""
    screen.navigator.open_diff()


@command("y", "y", "copy", footer=5)
def copy(screen: EvidenceScreen) -> None:
    """Copy what this tab shows."""
    screen.navigator.copy_lines(screen.lines)


EVIDENCE = (*CHANGES, next_tab, previous_tab, *SCROLLING, diff, copy, *COMMON)


@command("o,space", "o", "unchanged", footer=2)
def fold(screen: DiffScreen) -> None:
    """Show or hide unchanged values."""
    screen.toggle_equal()


DIFF = (*CHANGES, fold, *SCROLLING, *COMMON)


@command("y", "y", "copy", footer=4)
def copy_cost(screen: CostScreen) -> None:
    """Copy these figures."""
    screen.navigator.copy_lines(screen.lines)


COST = (*SCROLLING, copy_cost, *COMMON)

CELLS = (
    line_down.variant("Go to the cell below"),
    line_up.variant("Go to the cell above"),
    first_line.variant("Go to the first cell"),
    last_line.variant("Go to the last cell"),
    open_line.variant("Show every run of this cell and what it did", label="runs"),
    *COMMON,
)

CELL_RUNS = (
    line_down.variant("Go to the run below"),
    line_up.variant("Go to the run above"),
    open_line.variant("Show this run on the timeline", label="show on timeline"),
    *COMMON,
)

EXPORT = (
    line_down.variant("Go to the format below"),
    line_up.variant("Go to the format above"),
    first_line.variant("Go to the first format"),
    last_line.variant("Go to the last format"),
    open_line.variant("Export the timeline in this format to the working directory", label="export"),
    *COMMON,
)

RECORDINGS = (
    line_down.variant("Go to the recording below"),
    line_up.variant("Go to the recording above"),
    first_line.variant("Go to the newest"),
    last_line.variant("Go to the oldest"),
    open_line.variant("Open this recording"),
    *COMMON,
)


@command("enter", "enter", "yes", footer=1)
def yes(screen: ConfirmScreen) -> None:
    """Confirm."""
    screen.dismiss(True)


@command("escape,q,p", "esc", "no", footer=2)
def no(screen: ConfirmScreen) -> None:
    """Cancel; nothing changes."""
    screen.dismiss(False)


CONFIRM = (yes, no)


@command("enter", "enter", "attach", footer=1)
def attach(screen: PickerScreen) -> None:
    """Attach to this kernel."""
    screen.open_line()


@command("d", "d", "demo", footer=2)
def demo(screen: PickerScreen) -> None:
    """Run a demo notebook in a private kernel."""
    screen.dismiss("demo")


@command("o", "o", "recordings", footer=3)
def recordings(screen: PickerScreen) -> None:
    """Open a recording in the working directory."""
    screen.open_recordings()


@command("slash", "/", "filter", footer=4)
def filter(screen: PickerScreen) -> None:  # noqa: A001 - the command's name
    """Filter the kernels."""
    screen.open_filter()


PICKER = (
    line_down.variant("Go to the kernel below", footer=0),
    line_up.variant("Go to the kernel above"),
    attach,
    demo,
    recordings,
    filter,
    theme,
    palette.variant(palette.help, footer=0),
    show_help.variant(show_help.help, footer=5),
    suspend,
    back.variant("Quit without attaching", key_display="esc", label="quit", footer=6),
)

FAILURE = (
    theme,
    show_help.variant(show_help.help, footer=1),
    suspend,
    back.variant("Quit kernelscope", keys="q,escape,enter", label="quit", footer=2),
)
