"""Single lines: header, banner, legend, and the commands that are within reach."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.widget import Widget

from kernelscope.tui.commands.base import Command
from kernelscope.tui.render import content
from kernelscope.tui.state.spans import Line, Span, line, truncate, width
from kernelscope.tui.state.view_state import ViewState
from kernelscope.tui.views.header import banner, header, legend
from kernelscope.tui.widgets.text import TextPane

if TYPE_CHECKING:
    from textual import events
    from textual.content import Content


class HeaderBar(Widget):
    """Which kernel this is, and what state it is in."""

    def __init__(self, view: ViewState, title: str | None = None) -> None:
        super().__init__(id="header")
        self._view = view
        self._title = title

    def render(self) -> Content:
        """One line."""
        return content([header(self._view, self.size.width, self._title)])


class Banner(TextPane):
    """Shown while there is something that the reader has to know."""

    def __init__(self, view: ViewState) -> None:
        super().__init__(id="banner")
        self._view = view

    def show(self) -> None:
        """Show the view as it is now."""
        text = banner(self._view)
        self.display = bool(text)
        self.show_lines([text])


class Legend(Widget):
    """The glyphs, for those who see them for the first time."""

    def __init__(self, view: ViewState) -> None:
        super().__init__(id="legend")
        self._view = view

    def render(self) -> Content:
        """One line."""
        return content([legend(self.size.width, self._view.timeline.verdicts)])


class CommandBar(Widget):
    """The footer: commands by their place, as many as there is room for; a click runs one."""

    def __init__(self, commands: Sequence[Command]) -> None:
        super().__init__(id="commands")
        self._commands = sorted((c for c in commands if c.footer), key=lambda c: c.footer)

    def render(self) -> Content:
        """One line."""
        return content([truncate(tuple(p for _, label in self._visible() for p in label), self.size.width)])

    def _visible(self) -> list[tuple[Command, Line]]:
        last = self._commands[-2:]
        room = self.size.width - sum(width(_label(c)) for c in last)
        visible: list[tuple[Command, Line]] = []
        for command in self._commands[:-2]:
            label = _label(command)
            if width(label) > room:
                continue
            room -= width(label)
            visible.append((command, label))
        return [*visible, *((c, _label(c)) for c in last)]

    async def on_click(self, event: events.Click) -> None:
        """The mouse does what a key does."""
        at = 0
        for command, label in self._visible():
            at += width(label)
            if event.x < at:
                await self.screen.run_action(command.action)
                return


def _label(command: Command) -> Line:
    return line(Span(f" {command.pair or command.shown}", "key"), Span(f" {command.label} ", "dim"))
