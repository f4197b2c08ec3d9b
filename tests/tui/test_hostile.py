"""Text from a kernel neither runs, nor crashes, nor reaches the terminal as it is."""

from __future__ import annotations

import pytest

from tests.support.script import Story, call, learned
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
    model = learned(model, text, "coef_")
    story.run(f"# {text}\n{text}.fit()", objects=[model], calls=[call(model, text)])
    story.run(text, names={text: learned(story.new(f"lib.{text}", {text: 2}))})
    return story


@pytest.mark.parametrize("text", HOSTILE)
async def test_on_every_screen(text: str) -> None:
    async with dashboard(hostile_story(text)) as seen:
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
            await seen.press(*keys)
            shown = seen.screen()
            assert not any(char in shown for char in FORBIDDEN)
        await seen.press("enter")
        assert seen.app.return_value is None
        assert seen.app.is_running


async def test_the_source_of_an_error_is_no_markup() -> None:
    async with dashboard(hostile_story("[@click=app.quit]x[/]")) as seen:
        await seen.pilot.click("#sentence", offset=(6, 2))
        assert seen.app.is_running


@pytest.mark.fault(77)
async def test_a_cell_of_many_lines_is_shown_as_far_as_it_is_kept_and_says_so() -> None:
    story = Story()
    story.attach()
    code = "x = 1\n" * 100_000
    story.run(code, names={"m": story.new()})
    story.run(code + "pass")
    async with dashboard(story) as seen:
        assert seen.app.session.timeline.moments[-1].run is not None
        assert seen.app.session.timeline.moments[-1].run.rerun_of is None
        assert "first 65,536 characters" in " ".join(seen.text("#cell-title").split())
        await seen.press("less_than_sign", "enter", *["right"] * 3)
        await seen.until(lambda: "Source (first 65,536 characters)" in seen.text("#evidence-text"))
        assert "10,423 more lines" in seen.text("#evidence-code")
        await seen.press("q", "c", "enter")
        await seen.until(lambda: "Runs of this cell" in seen.screen())
