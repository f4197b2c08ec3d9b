from __future__ import annotations

import pytest

from tests.support.script import churn
from tests.tui.helpers import dashboard


@pytest.mark.parametrize("size", [(200, 60), (120, 36), (80, 24), (60, 12)])
async def test_the_story_can_be_read_at_each_size(size: tuple[int, int]) -> None:
    async with dashboard(churn(), size) as driver:
        assert any("○6◇" in text for text in driver.grid())
        assert "RESTORED" in driver.screen()
        assert "FOLLOW" in driver.screen()
        assert "? help" in driver.screen()
        for keys in (["enter"], ["q", "d"], ["q", "c"], ["q", "question_mark"], ["escape"]):
            await driver.press(*keys)
            await driver.wait_until(lambda: driver.screen().strip())


@pytest.mark.parametrize("size", [(20, 5), (59, 12), (60, 11), (1, 1)])
async def test_a_too_small_terminal_shows_one_line_that_says_so(size: tuple[int, int]) -> None:
    async with dashboard(churn(), size) as driver:
        lines = [text.strip() for text in driver.screen().splitlines() if text.strip()]
        assert len(lines) == 1
        assert "kernelscope needs"[: size[0]] in lines[0]


async def test_growing_the_terminal_brings_the_dashboard_back() -> None:
    async with dashboard(churn(), (20, 5)) as driver:
        await driver.pilot.resize_terminal(120, 36)
        await driver.wait_until(lambda: "RESTORED" in driver.screen())
        await driver.pilot.resize_terminal(80, 24)
        await driver.wait_until(lambda: "objects over time" not in driver.screen())


async def test_the_screen_can_be_read_without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with dashboard(churn()) as driver:
        assert driver.app.no_color
        await driver.press("o", "h", "enter", "q")
        assert any("○6◇" in text for text in driver.grid())
