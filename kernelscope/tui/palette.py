"""The palette: the commands of the screen it was called from."""

from __future__ import annotations

from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from kernelscope.tui.screens.base import CommandScreen


class ScreenCommands(Provider):
    """Finds commands by what they are called and by what they do."""

    async def discover(self) -> Hits:
        """All of them."""
        if isinstance(self.screen, CommandScreen):
            for command in self.screen.COMMANDS_HERE:
                run = partial(self.screen.run_action, command.id)
                yield DiscoveryHit(f"{command.label}  ({command.shown})", run, command.label, command.help)

    async def search(self, query: str) -> Hits:
        """Those that match."""
        if not isinstance(self.screen, CommandScreen):
            return
        matcher = self.matcher(query)
        for command in self.screen.COMMANDS_HERE:
            told = f"{command.label}: {command.help}"
            score = matcher.match(told)
            if score > 0:
                run = partial(self.screen.run_action, command.id)
                yield Hit(score, matcher.highlight(told), run, command.label, f"key {command.shown}")
