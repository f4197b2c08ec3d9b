"""The palette: the commands of the screen it was called from."""

from __future__ import annotations

from functools import partial

from textual.command import Hits, Provider

from kernelscope.tui.ink import hit
from kernelscope.tui.model.said import Said, line, say
from kernelscope.tui.screens.base import CommandScreen


class ScreenCommands(Provider):
    """Finds commands by what they are called and by what they do."""

    async def discover(self) -> Hits:
        """All of them."""
        if isinstance(self.screen, CommandScreen):
            for command in self.screen.COMMANDS_HERE:
                run = partial(self.screen.run_action, command.id)
                told = line(Said(f"{command.label}  ({command.shown})", "strong"))
                yield hit(told, line(Said(command.help, "dim")), run)

    async def search(self, query: str) -> Hits:
        """Those that match."""
        if not isinstance(self.screen, CommandScreen):
            return
        spoken = self.screen.spoken(query)
        if spoken is not None:
            action, about = spoken
            yield hit(
                line(say(query, "strong")),
                line(Said(about, "dim")),
                partial(self.screen.run_action, action),
                1.0,
            )
        matcher = self.matcher(query)
        for command in self.screen.COMMANDS_HERE:
            score = matcher.match(f"{command.label}: {command.help}")
            if score > 0:
                run = partial(self.screen.run_action, command.id)
                told = line(Said(f"{command.label}  ({command.shown})", "strong"))
                yield hit(told, line(Said(command.help, "dim")), run, score)
