"""Tests what the dashboard shows of a running cell, of kernelscope's cost, and of polling between runs."""

from __future__ import annotations

import pytest

from kernelscope.domain.facts import Cost, Movement, NotCompared
from kernelscope.presentation.glyphs import GLYPHS, HATCH, LIVE
from kernelscope.tui.commands.other_screens import CONFIRM, COST
from kernelscope.tui.screens.confirm import ConfirmScreen
from kernelscope.tui.screens.cost import CostScreen
from kernelscope.tui.screens.timeline import TimelineScreen
from kernelscope.tui.state.spans import plain
from kernelscope.tui.state.view_state import ViewState
from kernelscope.tui.views.header import banner_line, format_duration
from tests.support.script import PollingSource, Story, churn
from tests.tui.helpers import AppDriver, dashboard

COST_NOW = Cost(hooks=96, median=0.0034, p99=0.0061, longest=0.0123, sent=48_123, not_evaluated=3, failures=0)


def flatten(text: str) -> str:
    return " ".join(text.split())


def training_story() -> Story:
    """Build the story, with a cell that has been running for a minute."""
    story = churn()
    story.kernel("busy")
    story.progress(75.0, Movement("model", "SGDClassifier", 2, "t_ 1200 → 1800"))
    return story


# While a cell runs.


async def test_a_long_running_cell_is_shown_with_what_moves_in_it() -> None:
    async with dashboard(training_story()) as driver:
        text = flatten(driver.text("#banner"))
        assert "In [5] has been running for 1 min; showing state after In [4]." in text
        assert f"{LIVE} model t_ 1200 → 1800" in text
        assert "running In [5], showing after [4]" in driver.text("#header")
        assert "model is changing: t_ 1200 → 1800; the verdict comes when In [5] ends" in flatten(
            driver.text("#sentence")
        )
        (moving,) = [text for text in driver.grid() if LIVE in text]
        assert "model" in moving


async def test_a_movement_is_not_a_verdict_and_disappears_when_the_cell_ends() -> None:
    story = training_story()
    async with dashboard(story) as driver:
        before = len(driver.app.session.timeline.moments)
        assert not any(v.value in driver.text("#banner") for v in GLYPHS)
        story.run("model.partial_fit(X, y)")
        await driver.push(story)
        assert len(driver.app.session.timeline.moments) == before + 1
        assert not any(LIVE in text for text in driver.grid())
        assert not driver.app.screen.query_one("#banner").display


async def test_a_view_of_the_past_does_not_show_current_movements() -> None:
    async with dashboard(training_story()) as driver:
        await driver.press("h")
        assert "is changing" not in driver.text("#sentence")
        assert "has been running" in driver.text("#banner")


async def test_a_long_running_cell_without_movements_shows_only_its_time() -> None:
    story = churn()
    story.progress(5.0)
    async with dashboard(story) as driver:
        assert "running for 5 s" in driver.text("#banner")
        assert LIVE not in driver.text("#banner")


@pytest.mark.fault(86)
async def test_an_unreachable_kernel_is_not_called_dead() -> None:
    story = churn()
    story.kernel("unreachable", "code that is not Python holds its interpreter")
    async with dashboard(story) as driver:
        assert "· not answering" in driver.text("#header")
        text = flatten(driver.text("#banner"))
        assert text == (
            "The kernel is not answering: code that is not Python holds its interpreter."
            " Waiting for it; the timeline stays on screen."
        )
        story.kernel("back")
        await driver.push(story)
        assert not driver.app.screen.query_one("#banner").display
        story.kernel("died")
        await driver.push(story)
        assert "The kernel died" in driver.text("#banner")


def test_a_first_cell_has_no_earlier_state_to_show() -> None:
    story = Story()
    story.attach()
    story.progress(2.0)
    assert (
        plain(banner_line(ViewState(story.timeline())))
        == " In [1] has been running for 2 s; showing state before it."
    )


@pytest.mark.parametrize(("seconds", "words"), [(1.4, "1 s"), (59.4, "59 s"), (60, "1 min"), (7_300, "2 h")])
def test_durations_are_rounded(seconds: float, words: str) -> None:
    assert format_duration(seconds) == words


def test_live_signs_differ_from_every_verdict_glyph() -> None:
    assert len({*GLYPHS.values(), LIVE, HATCH}) == len(GLYPHS) + 2


# The cost.


def costly_story() -> Story:
    story = churn()
    story.run("pass", cost=COST_NOW)
    return story


async def test_the_header_shows_the_cost_of_a_run() -> None:
    async with dashboard(churn()) as driver:
        assert "probe 1.2 ms per run" in driver.text("#header")
    async with dashboard(costly_story()) as driver:
        assert "probe 3.4 ms per run" in driver.text("#header")


async def test_a_key_opens_the_cost_screen() -> None:
    async with dashboard(costly_story()) as driver:
        await driver.press("i")
        assert isinstance(driver.app.screen, CostScreen)
        text = flatten(driver.text("#cost-text"))
        for figure in ("96 times", "median 3.4 ms", "99 % under 6.1 ms", "maximum 12.3 ms"):
            assert figure in text
        for fact in ("48.1 kB", "3 values", "own failures none", "lost no observations"):
            assert fact in text
        assert "learning calls are observed" in text
        assert "kernelscope audit" in text
        await driver.press("y")
        assert "96 times" in driver.app.clipboard
        await driver.press("q")
        assert isinstance(driver.app.screen, TimelineScreen)


async def test_the_cost_screen_tells_whose_content_waits() -> None:
    story = costly_story()
    story.run("pass", cost=COST_NOW, not_compared=NotCompared(952, {"m17": 3, "a[\x1b]": 4}))
    async with dashboard(story) as driver:
        await driver.press("i")
        lines = driver.text("#cost-text").splitlines()
        place = next(place for place, text in enumerate(lines) if "content" in text)
        assert [" ".join(text.split()) for text in lines[place : place + 3]] == [
            "content of 952 models not compared in the last look",
            "m17 had its last turn after In [3]",
            "a[\\x1b] had its last turn after In [4]",
        ]


async def test_an_unreported_cost_is_not_invented() -> None:
    async with dashboard(churn()) as driver:
        await driver.press("i")
        assert "No figures yet" in driver.text("#cost-text")


# Polling between runs.


def polling_source(story: Story) -> PollingSource:
    return PollingSource(story.events)


async def wait_for_attach(driver: AppDriver) -> None:
    await driver.wait_until(lambda: driver.app.view.lines and driver.app.view.columns.count > 5)


async def test_polling_needs_confirmation_to_start_and_to_stop() -> None:
    source = polling_source(costly_story())
    async with dashboard(source) as driver:
        await wait_for_attach(driver)
        await driver.press("p")
        assert isinstance(driver.app.screen, ConfirmScreen)
        text = flatten(driver.text("#confirm-text"))
        assert "A thread in the kernel would poll the namespace every 5 s" in text
        assert "takes 3.4 ms of the kernel's time (the median" in text
        assert "only if something has changed" in text
        assert "counts as activity: a server that ends idle kernels" in text
        assert source.requests == []
        await driver.press("escape")
        assert isinstance(driver.app.screen, TimelineScreen)
        assert source.requests == []
        await driver.press("p", "enter")
        await driver.wait_until(lambda: source.requests == [5.0])
        await driver.wait_until(lambda: "polls every 5 s" in driver.text("#header"))
        await driver.press("i")
        assert "a thread polls every 5 s" in flatten(driver.text("#cost-text"))
        await driver.press("q", "p")
        assert "Stop polling between runs?" in driver.text("#confirm-text")
        await driver.press("enter")
        await driver.wait_until(lambda: source.requests == [5.0, None])
        await driver.wait_until(lambda: "polls every" not in driver.text("#header"))


async def test_a_recording_cannot_be_polled_and_says_so() -> None:
    async with dashboard(churn()) as driver:
        await driver.press("p")
        assert isinstance(driver.app.screen, TimelineScreen)
        await driver.wait_until(lambda: len(driver.app._notifications))
        assert "Polling needs a live kernel" in next(iter(driver.app._notifications)).message


async def test_without_a_kernel_there_is_nothing_to_poll() -> None:
    source = PollingSource()
    async with dashboard(source) as driver:
        await driver.press("p")
        await driver.wait_until(lambda: len(driver.app._notifications))
        assert "No kernel is attached" in next(iter(driver.app._notifications)).message
    assert source.requests == []


def test_no_key_of_the_cost_and_confirm_screens_has_two_meanings() -> None:
    for commands in (COST, CONFIRM):
        keys = [key for command in commands for key in command.keys.split(",")]
        assert len(keys) == len(set(keys))
