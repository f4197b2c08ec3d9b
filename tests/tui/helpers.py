"""Drives the real apps; waits until something is on the screen, never for a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from textual.widget import Widget

from kernelscope.session import Session
from kernelscope.tui.app import KernelscopeApp
from kernelscope.tui.widgets.grid import Grid
from tests.support.script import ScriptedSource, Story

if TYPE_CHECKING:
    from textual.pilot import Pilot

WIDE = (120, 36)


async def wait_until(pilot: Pilot[Any], fact: Callable[[], object], *, within: float = 10.0) -> None:
    """Let the app work until ``fact`` is true."""
    deadline = asyncio.get_running_loop().time() + within
    while not fact():
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError("the fact was not true in time")
        await pilot.pause()
    await settle(pilot)


async def settle(pilot: Pilot[Any]) -> None:
    """Let the app work until it has handled what was pending, on a screen that is there as a whole.

    A key can open a screen whose widgets are made and filled one by one while ``Pilot.pause`` waits for those of the
    screen before it.
    """
    is_complete = False
    while not is_complete:
        screen = pilot.app.screen
        is_mounted = all(each.is_mounted for each in screen.walk_children(Widget, with_self=True))
        await pilot.pause()
        is_complete = is_mounted and screen is pilot.app.screen


class AppDriver:
    """A running dashboard and the text on its screen."""

    def __init__(self, app: KernelscopeApp, source: ScriptedSource, pilot: Pilot[int]) -> None:
        self.app = app
        self.source = source
        self.pilot = pilot

    async def press(self, *keys: str) -> None:
        for key in keys:
            self.app.simulate_key(key)
            await settle(self.pilot)

    async def wait_until(self, fact: Callable[[], object]) -> None:
        await wait_until(self.pilot, fact)

    async def push(self, story: Story) -> None:
        """Send the events of the story that were not sent yet."""
        before = self.app.view.revision
        self.source.push(*story.events)
        story.events.clear()
        await self.wait_until(lambda: self.app.view.revision > before)

    def text(self, selector: str) -> str:
        """Return the text of a widget."""
        return widget_text(self.app.screen.query_one(selector))

    def grid(self) -> list[str]:
        """Return the lines of the grid."""
        grid = self.app.screen.query_one(Grid)
        return [grid.render_line(y).text for y in range(grid.size.height)]

    def screen(self) -> str:
        """Return the text of the whole terminal."""
        return screen_text(self.app)


def widget_text(widget: Widget) -> str:
    return "\n".join(strip.text for strip in widget.render_lines(widget.outer_size.region))


def screen_text(app: Any) -> str:
    _width, height = app.size
    lines = app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in lines[:height])


@asynccontextmanager
async def dashboard(
    story: Story | ScriptedSource, size: tuple[int, int] = WIDE, *, wait: bool = True
) -> AsyncIterator[AppDriver]:
    """Run the app on a terminal of this size, and wait until it shows the story."""
    source = story if isinstance(story, ScriptedSource) else story.source()
    expected = len(story.timeline().moments) if isinstance(story, Story) else 0
    if isinstance(story, Story):
        story.events.clear()
    app = KernelscopeApp(Session(source))
    async with app.run_test(size=size) as pilot:
        driver = AppDriver(app, source, pilot)
        if wait and expected:
            await driver.wait_until(lambda: app.view.columns.count >= expected and app.view.lines)
        await settle(pilot)
        yield driver
