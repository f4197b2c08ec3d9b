"""A command: one thing that a key does on one screen, declared once.

A function is a command: its name is the command's id, its docstring the tooltip, the line of the palette and the line of
the help.  ``bindings`` turns commands into what Textual wants to know of them, and ``RunsCommands`` runs them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar

from textual.binding import Binding, BindingType

ScreenT = TypeVar("ScreenT")
Run = Callable[[Any], Awaitable[None] | None]
"""Takes the screen on which the key was pressed."""


@dataclass(frozen=True)
class Command:
    """One thing that a key does on one screen.

    ``id``, with the screen's prefix, names the binding, so that the command can be bound to other keys.
    """

    id: str
    keys: str
    """As Textual names them, separated by commas."""
    shown: str
    """As the reader sees them."""
    label: str
    """One or two words, for the footer."""
    help: str
    """What it does, for the tooltip, the palette and the help."""
    run: Run
    footer: int = 0
    """Place in the footer, 1 first; 0: not there."""
    pair: str = ""
    """For a command that the footer shows together with its opposite: both their keys."""

    @property
    def action(self) -> str:
        """The Textual action that runs it."""
        return f"command({self.id!r})"

    def variant(self, help: str, **changes: Any) -> Command:  # noqa: A002 - the field's name
        """The same command as another screen presents it."""
        return replace(self, help=help, **changes)


def command(
    keys: str, shown: str, label: str, *, footer: int = 0, pair: str = ""
) -> Callable[[Callable[[ScreenT], Awaitable[None] | None]], Command]:
    """Turn a function into a command; the first paragraph of its docstring, without its full stop, is the help."""

    def declare(function: Callable[[ScreenT], Awaitable[None] | None]) -> Command:
        text = " ".join((function.__doc__ or "").partition("\n\n")[0].split()).removesuffix(".")
        return Command(function.__name__, keys, shown, label, text, function, footer, pair)

    return declare


def bindings(prefix: str, commands: Iterable[Command]) -> list[BindingType]:
    """The bindings of a screen."""
    return [
        Binding(
            one.keys,
            one.action,
            one.label,
            show=one.footer > 0,
            key_display=one.shown,
            tooltip=one.help,
            id=f"{prefix}.{one.id}",
        )
        for one in commands
    ]


class RunsCommands:
    """A screen that runs the commands of one list."""

    COMMANDS_HERE: ClassVar[Sequence[Command]] = ()

    async def action_command(self, id: str) -> None:  # noqa: A002 - a command's field
        """Run the command with this id."""
        for one in self.COMMANDS_HERE:
            if one.id == id:
                running = one.run(self)
                if running is not None:
                    await running
