"""The palette: finds the commands of the screen below it."""

from __future__ import annotations

from functools import partial

from textual.command import Hits, Provider

from kernelscope.tui.render import make_hit
from kernelscope.tui.screens.base import CommandScreen
from kernelscope.tui.state.spans import Span, line, safe_span


class ScreenCommands(Provider):
    """Finds commands by their label and their help."""

    async def discover(self) -> Hits:
        """List all commands before anything is typed."""
        if isinstance(self.screen, CommandScreen):
            for command in self.screen.COMMANDS_HERE:
                run = partial(self.screen.run_action, command.action)
                label = line(Span(f"{command.label}  ({command.key_display})", "strong"))
                yield make_hit(label, line(Span(command.help, "dim")), run)

    async def search(self, query: str) -> Hits:
        """Find the commands that match."""
        if not isinstance(self.screen, CommandScreen):
            return
        action_for = self.screen.action_for(query)
        if action_for is not None:
            action, about = action_for
            yield make_hit(
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
                label = line(Span(f"{command.label}  ({command.key_display})", "strong"))
                yield make_hit(label, line(Span(command.help, "dim")), run, score)
