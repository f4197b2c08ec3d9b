"""Commands: a key, its help and its function, declared in one place.

The decorator ``command`` turns a function into a command: its name is the command's id, its docstring the tooltip and
the entry in palette and help.  ``bindings`` converts commands to Textual's bindings, and ``RunsCommands`` runs them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar

from textual.binding import Binding, BindingType

ScreenT = TypeVar("ScreenT")
Run = Callable[[Any], Awaitable[None] | None]
"""Runs a command on the screen where the key was pressed."""


@dataclass(frozen=True)
class Command:
    """What a key does on a screen.

    ``id``, with the screen's prefix, is the id of the binding, so that other keys can be bound to it.
    """

    id: str
    keys: str
    """Textual's names of the keys, separated by commas."""
    key_display: str
    """The keys as the reader sees them."""
    label: str
    """One or two words for the footer."""
    help: str
    """A sentence for the tooltip, the palette and the help."""
    run: Run
    footer: int = 0
    """Place in the footer, 1 first; 0: not in the footer."""
    pair: str = ""
    """Both keys, if the footer shows the command together with its opposite."""

    @property
    def action(self) -> str:
        """The Textual action that runs the command."""
        return f"command({self.id!r})"

    def variant(self, help: str, **changes: Any) -> Command:  # noqa: A002 - the field's name
        """Copy the command for another screen, with other help."""
        return replace(self, help=help, **changes)


def command(
    keys: str, key_display: str, label: str, *, footer: int = 0, pair: str = ""
) -> Callable[[Callable[[ScreenT], Awaitable[None] | None]], Command]:
    """Turn a function into a command; the first paragraph of its docstring, without the full stop, is its help."""

    def declare(function: Callable[[ScreenT], Awaitable[None] | None]) -> Command:
        text = " ".join((function.__doc__ or "").partition("\n\n")[0].split()).removesuffix(".")
        return Command(function.__name__, keys, key_display, label, text, function, footer, pair)

    return declare


def bindings(prefix: str, commands: Iterable[Command]) -> list[BindingType]:
    """Convert commands to the bindings of a screen."""
    return [
        Binding(
            each.keys,
            each.action,
            each.label,
            show=each.footer > 0,
            key_display=each.key_display,
            tooltip=each.help,
            id=f"{prefix}.{each.id}",
        )
        for each in commands
    ]


class RunsCommands:
    """Mixin of a screen that runs the commands in ``COMMANDS_HERE``."""

    COMMANDS_HERE: ClassVar[Sequence[Command]] = ()

    async def action_command(self, id: str) -> None:  # noqa: A002 - a command's field
        """Run the command with this id."""
        for each in self.COMMANDS_HERE:
            if each.id == id:
                running = each.run(self)
                if running is not None:
                    await running
