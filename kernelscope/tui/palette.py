"""The palette: the commands of the screen it was called from."""

from __future__ import annotations

from functools import partial

from textual.command import Hits, Provider

from kernelscope.tui.render import hit
from kernelscope.tui.screens.base import CommandScreen
from kernelscope.tui.state.spans import Span, line, safe_span


class ScreenCommands(Provider):
    """Finds commands by what they are called and by what they do."""

    async def discover(self) -> Hits:
        """All of them."""
        if isinstance(self.screen, CommandScreen):
            for command in self.screen.COMMANDS_HERE:
                run = partial(self.screen.run_action, command.action)
                label = line(Span(f"{command.label}  ({command.shown})", "strong"))
                yield hit(label, line(Span(command.help, "dim")), run)

    async def search(self, query: str) -> Hits:
        """Those that match."""
        if not isinstance(self.screen, CommandScreen):
            return
        action_for = self.screen.action_for(query)
        if action_for is not None:
            action, about = action_for
            yield hit(
                line(safe_span(query, "strong")),
                line(Span(about, "dim")),
                partial(self.screen.run_action, action),
                1.0,
            )
        matcher = self.matcher(query)
        for command in self.screen.COMMANDS_HERE:
            score = matcher.match(f"{command.label}: {command.help}")
            if score > 0:
                run = partial(self.screen.run_action, command.action)
                label = line(Span(f"{command.label}  ({command.shown})", "strong"))
                yield hit(label, line(Span(command.help, "dim")), run, score)
