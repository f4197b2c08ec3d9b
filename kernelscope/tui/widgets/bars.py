"""Bars of one line: header, banner, legend and footer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.widget import Widget

from kernelscope.tui.commands.base import Command
from kernelscope.tui.render import to_content
from kernelscope.tui.state.spans import Line, Span, line, truncate, width
from kernelscope.tui.state.view_state import ViewState
from kernelscope.tui.views.header import banner_line, header_line, legend_line
from kernelscope.tui.widgets.text import TextPane

if TYPE_CHECKING:
    from textual import events
    from textual.content import Content


class HeaderBar(Widget):
    """The kernel, its state, and the reader's place."""

    def __init__(self, view: ViewState, title: str | None = None) -> None:
        super().__init__(id="header")
        self._view = view
        self._title = title

    def render(self) -> Content:
        """Draw the header."""
        return to_content([header_line(self._view, self.size.width, self._title)])


class Banner(TextPane):
    """A warning or a status that concerns the whole timeline; hidden if there is none."""

    def __init__(self, view: ViewState) -> None:
        super().__init__(id="banner")
        self._view = view

    def show(self) -> None:
        """Redraw from the view."""
        text = banner_line(self._view)
        self.display = bool(text)
        self.show_lines([text])


class Legend(Widget):
    """Explains the glyphs."""

    def __init__(self, view: ViewState) -> None:
        super().__init__(id="legend")
        self._view = view

    def render(self) -> Content:
        """Draw the glyphs that fit."""
        return to_content([legend_line(self.size.width, self._view.timeline.verdicts)])


class CommandBar(Widget):
    """The footer: as many commands as fit, in the order of their places; a click runs one."""

    def __init__(self, commands: Sequence[Command]) -> None:
        super().__init__(id="commands")
        self._commands = sorted((c for c in commands if c.footer), key=lambda c: c.footer)

    def render(self) -> Content:
        """Draw the commands that fit."""
        return to_content(
            [truncate(tuple(span for _, label in self._visible() for span in label), self.size.width)]
        )

    def _visible(self) -> list[tuple[Command, Line]]:
        """The commands that fit, with their labels; the last two, help and back, always do."""
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
        """Run the command that was clicked."""
        at = 0
        for command, label in self._visible():
            at += width(label)
            if event.x < at:
                await self.screen.run_action(command.action)
                return


def _label(command: Command) -> Line:
    return line(Span(f" {command.pair or command.key_display}", "key"), Span(f" {command.label} ", "dim"))
