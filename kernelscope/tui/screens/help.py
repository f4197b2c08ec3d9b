"""All commands and glyphs: typing searches, enter runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList

from kernelscope.presentation.glyphs import GLYPHS, HATCH, LEGEND, LIVE
from kernelscope.presentation.verbs import VERBS
from kernelscope.tui.commands.base import Command
from kernelscope.tui.render import option
from kernelscope.tui.state.spans import Line, Span, fit, line
from kernelscope.tui.widgets.text import SafeInput, TextPane

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

_KEYS = 10
_OTHER_SIGNS = (
    (LIVE, "moving", "it is seen to change while its cell runs; the verdict comes when that has ended"),
    (HATCH, "unknown", "from before the attach: nothing is known of it"),
)


class HelpScreen(ModalScreen[str | None]):
    """Gives back the action to run, or ``None``."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "leave", "back"),
        ("down", "move(1)", "down"),
        ("up", "move(-1)", "up"),
    ]

    def __init__(self, commands: Sequence[Command]) -> None:
        super().__init__()
        self._commands = commands

    def compose(self) -> ComposeResult:
        """The widgets, top to bottom."""
        with Vertical(id="help"):
            yield TextPane(line(Span("Keys and glyphs")), id="help-title")
            yield SafeInput(line(Span("type to search, enter runs, escape goes back")), id="help-search")
            yield OptionList(id="help-list", markup=False)

    def on_mount(self) -> None:
        """Begin."""
        self.query_one("#help-list").can_focus = False
        self._show("")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while typing."""
        self._show(event.value)

    def on_input_submitted(self) -> None:
        """Enter in the line that is typed in."""
        options = self.query_one(OptionList)
        place = options.highlighted
        action = options.get_option_at_index(place).id if place is not None else None
        self.dismiss(action)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """The mouse picked a line."""
        self.dismiss(event.option.id)

    def action_leave(self) -> None:
        """Nothing is run."""
        self.dismiss(None)

    def action_move(self, by: int) -> None:
        """To another command."""
        options = self.query_one(OptionList)
        if by > 0:
            options.action_cursor_down()
        else:
            options.action_cursor_up()

    def _show(self, query: str) -> None:
        options = self.query_one(OptionList)
        options.clear_options()
        words = query.casefold().split()
        for command in self._commands:
            text = f"{command.label} {command.help} {command.shown} {command.id}".casefold()
            if all(word in text for word in words):
                options.add_options([option(_command(command), command.action)])
        for verdict in LEGEND:
            if all(word in f"{verdict} {VERBS[verdict].short}".casefold() for word in words):
                told_line = line(
                    Span(fit(f"   {GLYPHS[verdict]}", _KEYS), f"verdict.{verdict}"),
                    Span(fit(verdict, 12), "strong"),
                    Span(VERBS[verdict].short),
                )
                options.add_options([option(told_line, disabled=True)])
        for glyph, name, text in _OTHER_SIGNS:
            if all(word in f"{name} {text}" for word in words):
                sign = line(
                    Span(fit(f"   {glyph}", _KEYS), "warn"), Span(fit(name, 12), "strong"), Span(text)
                )
                options.add_options([option(sign, disabled=True)])
        options.highlighted = 0 if options.option_count else None


def _command(command: Command) -> Line:
    return line(Span(fit(f"   {command.shown}", _KEYS), "key"), Span(f"{command.help}"))
