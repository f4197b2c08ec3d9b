"""Every command, declared once: its key, its place in the footer, the palette and the help."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from textual.binding import Binding, BindingType


@dataclass(frozen=True)
class Command:
    """One thing that a key does on one screen.

    ``id`` names the action (``action_<id>``) and, with the screen's prefix, the binding, so that it
    can be bound to other keys.
    """

    id: str
    keys: str
    """As Textual names them, separated by commas."""
    shown: str
    """As the reader sees them."""
    label: str
    """One or two words, for the footer."""
    help: str
    """What it does, for the palette and the help."""
    footer: int = 0
    """Place in the footer, 1 first; 0: not there."""
    pair: str = ""
    """For a command that the footer tells together with its opposite: both their keys."""


def bindings(prefix: str, commands: Iterable[Command]) -> list[BindingType]:
    """What Textual wants to know of them."""
    return [
        Binding(
            command.keys,
            command.id,
            command.label,
            show=command.footer > 0,
            key_display=command.shown,
            tooltip=command.help,
            id=f"{prefix}.{command.id}",
        )
        for command in commands
    ]


# fault: 80c
SUSPEND = Command("suspend", "ctrl+z", "ctrl+z", "suspend", "Back to the shell; fg brings kernelscope back")

COMMON = (
    Command("palette", "colon,ctrl+p", ":", "commands", "Find a command by its name", 8),
    Command("help", "question_mark", "?", "help", "All keys and glyphs; typing searches, enter runs", 19),
    Command("theme", "t", "t", "theme", "Turn between the dark and the light theme"),
    SUSPEND,
    Command("back", "q,escape", "q", "back", "Go back; on the timeline leave kernelscope", 20),
)
"""On every screen."""

CHANGES = (
    Command(
        "previous_change",
        "less_than_sign,comma",
        "<",
        "previous change",
        "To the previous change in this row",
    ),
    Command(
        "next_change",
        "greater_than_sign,full_stop",
        ">",
        "change",
        "To the next change in this row",
        1,
        "< >",
    ),
)
"""Along the row, wherever a change of it is shown."""

PAGES = (
    Command("page_down", "ctrl+d,pagedown", "ctrl+d", "page down", "Half a screen down"),
    Command("page_up", "ctrl+u,pageup", "ctrl+u", "page up", "Half a screen up"),
)

SCROLLING = (
    Command("down", "down,j", "j ↓", "scroll", "Scroll down", 3),
    Command("up", "up,k", "k ↑", "scroll up", "Scroll up"),
    *PAGES,
)
"""Where a text is longer than the screen."""

TIMELINE = (
    Command("left", "left,h", "h ←", "move", "To the run before"),
    Command("right", "right,l", "l →", "move", "To the run after"),
    Command("up", "up,k", "k ↑", "move", "To the row above"),
    Command("down", "down,j", "j ↓", "move", "To the row below"),
    *CHANGES,
    Command(
        "previous_run",
        "left_curly_bracket",
        "{",
        "previous run",
        "To the previous run that changed any model",
    ),
    Command("next_run", "right_curly_bracket", "}", "next run", "To the next run that changed any model"),
    Command("evidence", "enter", "enter", "evidence", "What happened here, and how it is known", 2),
    Command("unfold", "o,tab", "o", "unfold", "Show or hide hyper-parameters and parts of the row", 3),
    Command("diff", "d", "d", "diff", "Compare before and after this change, or with the marked moment", 4),
    Command("mark", "m", "m", "mark", "Mark this moment, to compare another one with it"),
    Command("cells", "c", "c", "cells", "A row per cell: what running it again does to each model", 5),
    Command("filter", "slash", "/", "filter", "Only names or classes that have this in them", 6),
    Command("next_name", "n", "n", "next name", "To the next name that the filter leaves"),
    Command("previous_name", "N", "N", "previous name", "To the previous name that the filter leaves"),
    Command("sort", "s", "s", "sort", "Sort the names: first seen, latest change, name"),
    Command("live", "F,dollar_sign,end", "F $", "live end", "To the newest run, and stay with it", 7),
    Command(
        "pause",
        "space",
        "space",
        "pause",
        "Pause, and go on; at the end of a recording, play it from the start",
    ),
    Command(
        "step_back",
        "left_square_bracket",
        "[",
        "step back",
        "Show what was known one moment before",
        10,
        "[ ]",
    ),
    Command("step", "right_square_bracket", "]", "step", "Show one moment more"),
    Command("faster", "plus,equals_sign", "+", "faster", "Play a recording faster"),
    Command("slower", "minus", "-", "slower", "Play a recording slower"),
    Command(
        "record", "r", "r", "record", "Write this session into a file, from the attach on, or end that", 11
    ),
    Command("export", "x", "x", "export", "This timeline as a page, a table or lines", 12),
    Command("first", "0,home", "0", "first run", "To the first column"),
    Command("top", "g,ctrl+home", "g", "top", "To the first row"),
    Command("bottom", "G,ctrl+end", "G", "bottom", "To the last row"),
    *PAGES,
    Command("zoom", "z", "z", "zoom", "Other column widths: 2, 4 or 1 cells a run"),
    Command(
        "value", "v", "v", "full value", "Everything of this row here in full: parameters and learned state"
    ),
    Command("copy", "y", "y", "copy", "Copy the sentence and its evidence"),
    Command("cost", "i", "i", "cost", "What kernelscope costs this kernel, and how to see that it left", 9),
    Command("poll", "p", "p", "look between", "Look between runs as well, or no more; asks first"),
    *COMMON,
)

EVIDENCE = (
    *CHANGES,
    Command("next_tab", "right,l,tab", "← →", "tab", "To the next tab", 2),
    Command("previous_tab", "left,h,shift+tab", "←", "previous tab", "To the tab before"),
    *SCROLLING,
    Command("diff", "d", "d", "diff", "Compare before and after this change", 4),
    Command("copy", "y", "y", "copy", "Copy the sentence and its evidence", 5),
    *COMMON,
)

DIFF = (
    *CHANGES,
    Command("fold", "o,space", "o", "equal ones", "Show or hide what is equal", 2),
    *SCROLLING,
    *COMMON,
)

CELLS = (
    Command("down", "down,j", "j k", "move", "To the cell below", 1),
    Command("up", "up,k", "k ↑", "up", "To the cell above"),
    Command("top", "g,home", "g", "top", "To the first cell"),
    Command("bottom", "G,end", "G", "bottom", "To the last cell"),
    Command("open", "enter", "enter", "runs", "Every run of this cell, and what it did", 2),
    *COMMON,
)

CELL_RUNS = (
    Command("down", "down,j", "j k", "move", "To the run below", 1),
    Command("up", "up,k", "k ↑", "up", "To the run above"),
    Command("open", "enter", "enter", "show on timeline", "Go to this run on the timeline", 2),
    *COMMON,
)

COST = (*SCROLLING, Command("copy", "y", "y", "copy", "Copy these figures", 4), *COMMON)

CONFIRM = (
    Command("yes", "enter", "enter", "yes", "Do it", 1),
    Command("no", "escape,q,p", "esc", "no", "Leave all as it is", 2),
)

EXPORT = (
    Command("down", "down,j", "j k", "move", "To the form below", 1),
    Command("up", "up,k", "k ↑", "up", "To the form above"),
    Command("top", "g,home", "g", "top", "To the first form"),
    Command("bottom", "G,end", "G", "bottom", "To the last form"),
    Command(
        "open", "enter", "enter", "write", "Write the timeline in this form, into the working directory", 2
    ),
    *COMMON,
)

PICKER = (
    Command("down", "down,j", "j k", "move", "To the kernel below"),
    Command("up", "up,k", "k ↑", "up", "To the kernel above"),
    Command("attach", "enter", "enter", "attach", "Attach to this kernel", 1),
    Command("demo", "d", "d", "demo", "A kernel of kernelscope's own plays a notebook", 2),
    Command("recordings", "o", "o", "recordings", "Open a recording of the working directory", 3),
    Command("filter", "slash", "/", "filter", "Type to filter", 4),
    Command("theme", "t", "t", "theme", "Turn between the dark and the light theme"),
    Command("palette", "colon,ctrl+p", ":", "commands", "Find a command by its name"),
    Command("help", "question_mark", "?", "help", "All keys and glyphs; typing searches, enter runs", 5),
    SUSPEND,
    Command("back", "q,escape", "esc", "quit", "Leave without attaching", 6),
)

RECORDINGS = (
    Command("down", "down,j", "j k", "move", "To the recording below", 1),
    Command("up", "up,k", "k ↑", "up", "To the recording above"),
    Command("top", "g,home", "g", "top", "To the newest"),
    Command("bottom", "G,end", "G", "bottom", "To the oldest"),
    Command("open", "enter", "enter", "open", "Open this recording", 2),
    *COMMON,
)

FAILURE = (
    Command("theme", "t", "t", "theme", "Turn between the dark and the light theme"),
    Command("help", "question_mark", "?", "help", "All keys and glyphs", 1),
    SUSPEND,
    Command("back", "q,escape,enter", "q", "leave", "Leave kernelscope", 2),
)
