"""Commands that several screens share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernelscope.tui.commands.base import command
from kernelscope.tui.screens.help import HelpScreen

if TYPE_CHECKING:
    from kernelscope.tui.screens.base import CommandScreen
    from kernelscope.tui.screens.lists import ListScreen
    from kernelscope.tui.screens.scrolling import RowTextScreen, ScrollingScreen


@command("colon,ctrl+p", ":", "commands", footer=8)
def palette(screen: CommandScreen[object]) -> None:
    """Find a command by its name."""
    screen.app.action_command_palette()


@command("question_mark", "?", "help", footer=19)
def show_help(screen: CommandScreen[object]) -> None:
    """Show all keys and glyphs; typing searches, enter runs."""

    def run(action: str | None) -> None:
        if action is not None:
            screen.call_later(screen.run_action, action)

    screen.app.push_screen(HelpScreen(screen.COMMANDS_HERE), run)


@command("t", "t", "theme")
def theme(screen: CommandScreen[object]) -> None:
    """Switch theme."""
    dark = screen.app.current_theme.dark
    screen.app.theme = "kernelscope-light" if dark else "kernelscope-dark"


# fault: 80c
@command("ctrl+z", "ctrl+z", "suspend")
def suspend(screen: CommandScreen[object]) -> None:
    """Suspend to the shell; fg resumes."""
    screen.app.action_suspend_process()


@command("q,escape", "q", "back", footer=20)
async def back(screen: CommandScreen[object]) -> None:
    """Go back."""
    await screen.go_back()


COMMON = (palette, show_help, theme, suspend, back)
"""The commands of every screen."""


@command("less_than_sign,comma", "<", "previous change")
def previous_change(screen: RowTextScreen) -> None:
    """Go to the previous change in this row."""
    screen.view.next_change(-1)
    screen.refresh_view()


@command("greater_than_sign,full_stop", ">", "change", footer=1, pair="< >")
def next_change(screen: RowTextScreen) -> None:
    """Go to the next change in this row."""
    screen.view.next_change(1)
    screen.refresh_view()


CHANGES = (previous_change, next_change)
"""The commands of every screen that shows a change."""


@command("down,j", "j ↓", "scroll", footer=3, pair="j k")
def down(screen: ScrollingScreen) -> None:
    """Scroll down."""
    screen.scroll_text(1)


@command("up,k", "k ↑", "scroll up")
def up(screen: ScrollingScreen) -> None:
    """Scroll up."""
    screen.scroll_text(-1)


@command("ctrl+d,pagedown", "ctrl+d", "page down")
def page_down(screen: ScrollingScreen) -> None:
    """Scroll half a screen down."""
    screen.scroll_text(screen.size.height // 2)


@command("ctrl+u,pageup", "ctrl+u", "page up")
def page_up(screen: ScrollingScreen) -> None:
    """Scroll half a screen up."""
    screen.scroll_text(-(screen.size.height // 2))


SCROLLING = (down, up, page_down, page_up)
"""The commands of every screen whose text may be longer than the screen."""


@command("down,j", "j ↓", "move", footer=1, pair="j k")
def line_down(screen: ListScreen[object]) -> None:
    """Go to the line below."""
    screen.list.action_cursor_down()


@command("up,k", "k ↑", "move")
def line_up(screen: ListScreen[object]) -> None:
    """Go to the line above."""
    screen.list.action_cursor_up()


@command("g,home", "g", "top")
def first_line(screen: ListScreen[object]) -> None:
    """Go to the first line."""
    screen.list.action_first()


@command("G,end", "G", "bottom")
def last_line(screen: ListScreen[object]) -> None:
    """Go to the last line."""
    screen.list.action_last()


@command("enter", "enter", "open", footer=2)
def open_line(screen: ListScreen[object]) -> None:
    """Open this line."""
    screen.open_line()
