"""Lists all commands and glyphs; typing searches, enter runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList

from kernelscope.presentation.glyphs import GLYPHS, HATCH, LEGEND, LIVE
from kernelscope.presentation.verbs import VERBS
from kernelscope.tui.commands.base import Command
from kernelscope.tui.render import make_option
from kernelscope.tui.state.spans import Line, Span, fit, line
from kernelscope.tui.widgets.text import SafeInput, TextPane

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

_KEYS, _NAMES = 10, 12
"""Terminal cells for keys and glyphs, and for the names of glyphs."""
_OTHER_GLYPHS = (
    (LIVE, "moving", "changing while its cell runs; the verdict comes when the cell ends"),
    (HATCH, "unknown", "before the attach: history unknown"),
)


class _Entry(NamedTuple):
    """An entry of the list."""

    searched_text: str
    """Lower-case text that a search looks in."""
    label: Line
    action: str | None = None
    """What enter runs; ``None`` for a glyph."""


class HelpScreen(ModalScreen[str | None]):
    """Returns the action to run, or ``None``."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "close", "back"),
        ("down", "move(1)", "down"),
        ("up", "move(-1)", "up"),
    ]

    def __init__(self, commands: Sequence[Command]) -> None:
        super().__init__()
        self._commands = commands

    def compose(self) -> ComposeResult:
        """Put the search field above the list."""
        with Vertical(id="help"):
            yield TextPane(line(Span("Keys and glyphs")), id="help-title")
            yield SafeInput(line(Span("type to search · enter runs · esc closes")), id="help-search")
            yield OptionList(id="help-list", markup=False)

    def on_mount(self) -> None:
        """List everything; keys go to the search field."""
        self.query_one("#help-list").can_focus = False
        self._show("")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search while typing."""
        self._show(event.value)

    def on_input_submitted(self) -> None:
        """Run the highlighted command."""
        options = self.query_one(OptionList)
        place = options.highlighted
        action = options.get_option_at_index(place).id if place is not None else None
        self.dismiss(action)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Run the command that was clicked."""
        self.dismiss(event.option.id)

    def action_close(self) -> None:
        """Close without running a command."""
        self.dismiss(None)

    def action_move(self, by: int) -> None:
        """Move the highlight down, or up if ``by`` is negative."""
        options = self.query_one(OptionList)
        if by > 0:
            options.action_cursor_down()
        else:
            options.action_cursor_up()

    def _show(self, query: str) -> None:
        words = query.casefold().split()
        options = self.query_one(OptionList)
        options.clear_options()
        for entry in self._entries():
            if all(word in entry.searched_text for word in words):
                options.add_options([make_option(entry.label, entry.action, disabled=entry.action is None)])
        options.highlighted = 0 if options.option_count else None

    def _entries(self) -> Iterator[_Entry]:
        for command in self._commands:
            text = f"{command.label} {command.help} {command.key_display} {command.id}".casefold()
            keys = Span(fit(f"   {command.key_display}", _KEYS), "key")
            yield _Entry(text, line(keys, Span(command.help)), command.action)
        for verdict in LEGEND:
            yield _glyph_entry(GLYPHS[verdict], verdict, VERBS[verdict].short, f"verdict.{verdict}")
        for glyph, name, text in _OTHER_GLYPHS:
            yield _glyph_entry(glyph, name, text, "warn")


def _glyph_entry(glyph: str, name: str, text: str, role: str) -> _Entry:
    label = line(Span(fit(f"   {glyph}", _KEYS), role), Span(fit(name, _NAMES), "strong"), Span(text))
    return _Entry(f"{name} {text}".casefold(), label)
