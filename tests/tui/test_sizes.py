from __future__ import annotations

import pytest

from tests.support.script import churn
from tests.tui.helpers import dashboard


@pytest.mark.parametrize("size", [(200, 60), (120, 36), (80, 24), (60, 12)])
async def test_the_story_can_be_read_at(size: tuple[int, int]) -> None:
    async with dashboard(churn(), size) as seen:
        assert any("○6◇" in text for text in seen.grid())
        assert "RESTORED" in seen.screen()
        assert "FOLLOW" in seen.screen()
        assert "? help" in seen.screen()
        for keys in (["enter"], ["q", "d"], ["q", "c"], ["q", "question_mark"], ["escape"]):
            await seen.press(*keys)
            await seen.until(lambda: seen.screen().strip())


@pytest.mark.parametrize("size", [(20, 5), (59, 12), (60, 11), (1, 1)])
async def test_too_small_is_one_line_that_says_so(size: tuple[int, int]) -> None:
    async with dashboard(churn(), size) as seen:
        shown = [text.strip() for text in seen.screen().splitlines() if text.strip()]
        assert len(shown) == 1
        assert "kernelscope needs"[: size[0]] in shown[0]


async def test_growing_brings_it_back() -> None:
    async with dashboard(churn(), (20, 5)) as seen:
        await seen.pilot.resize_terminal(120, 36)
        await seen.until(lambda: "RESTORED" in seen.screen())
        await seen.pilot.resize_terminal(80, 24)
        await seen.until(lambda: "objects over time" not in seen.screen())


async def test_without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with dashboard(churn()) as seen:
        assert seen.app.no_color
        await seen.press("o", "h", "enter", "q")
        assert any("○6◇" in text for text in seen.grid())
