"""Tests that text from a kernel neither runs nor crashes the app nor reaches the terminal unescaped."""

from __future__ import annotations

import pytest

from tests.support.script import Story, call, learn
from tests.tui.helpers import dashboard

HOSTILE = [
    "a[0][/b]",
    "[@click=app.quit]x[/]",
    "[bold red]",
    "\x1b[2J\x1b]0;owned\x07",
    "\x9b31m",
    "\u202eevil\u202c",
    "models['" + "x" * 400 + "']",
    "模型" * 30,
    "e\u0301\u0301\u0301\u0301\u0301\u0301",
    "\ud800",
    "👩\u200d👩\u200d👧",
    "\n\n",
    "$ks-loss",
]
FORBIDDEN = ("\x1b", "\x9b", "\x07", "\u202e", "\u200d")


def hostile_story(text: str) -> Story:
    story = Story(notebook=f"/tmp/{text}.ipynb")
    story.attach()
    model = story.new(f"lib.{text}", {text: text, "C": 1.0})
    story.run(text, names={text: model})
    model = learn(model, text, "coef_")
    story.run(f"# {text}\n{text}.fit()", objects=[model], calls=[call(model, text)])
    story.run(text, names={text: learn(story.new(f"lib.{text}", {text: 2}))})
    return story


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_text_is_escaped_on_every_screen(text: str) -> None:
    async with dashboard(hostile_story(text)) as driver:
        for keys in (
            ["o"],
            ["enter"],
            ["right"],
            ["right"],
            ["right"],
            ["right"],
            ["q", "d"],
            ["o"],
            ["q", "c"],
        ):
            await driver.press(*keys)
            screen = driver.screen()
            assert not any(char in screen for char in FORBIDDEN)
        await driver.press("enter")
        assert driver.app.return_value is None
        assert driver.app.is_running


async def test_the_source_of_an_error_is_not_markup() -> None:
    async with dashboard(hostile_story("[@click=app.quit]x[/]")) as driver:
        await driver.pilot.click("#sentence", offset=(6, 2))
        assert driver.app.is_running


@pytest.mark.fault(77)
async def test_a_long_cell_is_shown_up_to_the_limit_and_says_so() -> None:
    story = Story()
    story.attach()
    code = "x = 1\n" * 100_000
    story.run(code, names={"m": story.new()})
    story.run(code + "pass")
    async with dashboard(story) as driver:
        assert driver.app.session.timeline.moments[-1].run is not None
        assert driver.app.session.timeline.moments[-1].run.rerun_of is None
        assert "first 65,536 characters" in " ".join(driver.text("#cell-title").split())
        await driver.press("less_than_sign", "enter", *["right"] * 3)
        await driver.wait_until(lambda: "Source (first 65,536 characters)" in driver.text("#evidence-text"))
        assert "10,423 more lines" in driver.text("#evidence-code")
        await driver.press("q", "c", "enter")
        await driver.wait_until(lambda: "Runs of this cell" in driver.screen())
