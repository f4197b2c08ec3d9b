"""What is shown while a cell runs, what kernelscope costs, and looking between runs."""

from __future__ import annotations

import pytest

from kernelscope.domain.facts import Cost, Movement
from kernelscope.presentation.glyphs import GLYPHS, HATCH, LIVE
from kernelscope.tui.commands.other_screens import CONFIRM, COST
from kernelscope.tui.screens.confirm import ConfirmScreen
from kernelscope.tui.screens.cost import CostScreen
from kernelscope.tui.screens.timeline import TimelineScreen
from kernelscope.tui.state.spans import plain
from kernelscope.tui.state.view_state import ViewState
from kernelscope.tui.views.header import banner_line, format_duration
from tests.support.script import LookingSource, Story, churn
from tests.tui.helpers import Driven, dashboard

COST_NOW = Cost(hooks=96, median=0.0034, p99=0.0061, longest=0.0123, sent=48_123, not_evaluated=3, failures=0)


def flat(text: str) -> str:
    return " ".join(text.split())


def training() -> Story:
    """The story, and a cell that has been at work for a minute."""
    story = churn()
    story.kernel("busy")
    story.progress(75.0, Movement("model", "SGDClassifier", 2, "t_ 1200 → 1800"))
    return story


# While a cell runs.


async def test_a_cell_that_runs_long_is_told_with_what_moves_in_it() -> None:
    async with dashboard(training()) as seen:
        text = flat(seen.text("#banner"))
        assert "In [5] has been running for 1 min; showing state after In [4]." in text
        assert f"{LIVE} model t_ 1200 → 1800" in text
        assert "running In [5], showing after [4]" in seen.text("#header")
        assert "model is changing: t_ 1200 → 1800; the verdict comes when In [5] ends" in flat(
            seen.text("#sentence")
        )
        (moving,) = [text for text in seen.grid() if LIVE in text]
        assert "model" in moving


async def test_what_moves_is_no_verdict_and_goes_when_the_cell_has_ended() -> None:
    story = training()
    async with dashboard(story) as seen:
        before = len(seen.app.session.timeline.moments)
        assert not any(v.value in seen.text("#banner") for v in GLYPHS)
        story.run("model.partial_fit(X, y)")
        await seen.push(story)
        assert len(seen.app.session.timeline.moments) == before + 1
        assert not any(LIVE in text for text in seen.grid())
        assert not seen.app.screen.query_one("#banner").display


async def test_who_looks_at_the_past_is_not_told_of_what_moves_now() -> None:
    async with dashboard(training()) as seen:
        await seen.press("h")
        assert "is changing" not in seen.text("#sentence")
        assert "has been running" in seen.text("#banner")


async def test_a_long_cell_in_which_nothing_is_seen_to_move_says_no_more() -> None:
    story = churn()
    story.progress(5.0)
    async with dashboard(story) as seen:
        assert "running for 5 s" in seen.text("#banner")
        assert LIVE not in seen.text("#banner")


@pytest.mark.fault(86)
async def test_a_kernel_that_does_not_answer_is_not_called_dead() -> None:
    story = churn()
    story.kernel("unreachable", "code that is not Python holds its interpreter")
    async with dashboard(story) as seen:
        assert "· not answering" in seen.text("#header")
        text = flat(seen.text("#banner"))
        assert text == (
            "The kernel is not answering: code that is not Python holds its interpreter."
            " Waiting for it; the timeline stays on screen."
        )
        story.kernel("back")
        await seen.push(story)
        assert not seen.app.screen.query_one("#banner").display
        story.kernel("died")
        await seen.push(story)
        assert "The kernel died" in seen.text("#banner")


def test_a_first_cell_has_no_state_before_it_to_tell_of() -> None:
    story = Story()
    story.attach()
    story.progress(2.0)
    assert (
        plain(banner_line(ViewState(story.timeline())))
        == " In [1] has been running for 2 s; showing state before it."
    )


@pytest.mark.parametrize(("seconds", "words"), [(1.4, "1 s"), (59.4, "59 s"), (60, "1 min"), (7_300, "2 h")])
def test_how_long_is_told_roughly(seconds: float, words: str) -> None:
    assert format_duration(seconds) == words


def test_the_signs_are_unlike_every_verdict() -> None:
    assert len({*GLYPHS.values(), LIVE, HATCH}) == len(GLYPHS) + 2


# What it costs.


def costly() -> Story:
    story = churn()
    story.run("pass", cost=COST_NOW)
    return story


async def test_the_header_tells_what_a_run_costs() -> None:
    async with dashboard(churn()) as seen:
        assert "probe 1.2 ms per run" in seen.text("#header")
    async with dashboard(costly()) as seen:
        assert "probe 3.4 ms per run" in seen.text("#header")


async def test_what_it_costs_is_a_key_away() -> None:
    async with dashboard(costly()) as seen:
        await seen.press("i")
        assert isinstance(seen.app.screen, CostScreen)
        text = flat(seen.text("#cost-text"))
        for figure in ("96 times", "median 3.4 ms", "99 % under 6.1 ms", "maximum 12.3 ms"):
            assert figure in text
        for fact in ("48.1 kB", "3 values", "own failures none", "lost no observations"):
            assert fact in text
        assert "learning calls are observed" in text
        assert "kernelscope audit" in text
        await seen.press("y")
        assert "96 times" in seen.app.clipboard
        await seen.press("q")
        assert isinstance(seen.app.screen, TimelineScreen)


async def test_a_cost_that_was_not_told_is_not_made_up() -> None:
    async with dashboard(churn()) as seen:
        await seen.press("i")
        assert "No figures yet" in seen.text("#cost-text")


# Looking between runs.


def looking(story: Story) -> LookingSource:
    return LookingSource(story.events)


async def attached(seen: Driven) -> None:
    await seen.until(lambda: seen.app.view.lines and seen.app.view.columns.count > 5)


async def test_looking_between_runs_is_asked_about_before_it_starts_and_before_it_stops() -> None:
    source = looking(costly())
    async with dashboard(source) as seen:
        await attached(seen)
        await seen.press("p")
        assert isinstance(seen.app.screen, ConfirmScreen)
        text = flat(seen.text("#confirm-text"))
        assert "A thread in the kernel would poll the namespace every 5 s" in text
        assert "takes 3.4 ms of the kernel's time (the median" in text
        assert "only if something has changed" in text
        assert "counts as activity: a server that ends idle kernels" in text
        assert source.asked == []
        await seen.press("escape")
        assert isinstance(seen.app.screen, TimelineScreen)
        assert source.asked == []
        await seen.press("p", "enter")
        await seen.until(lambda: source.asked == [5.0])
        await seen.until(lambda: "polls every 5 s" in seen.text("#header"))
        await seen.press("i")
        assert "a thread polls every 5 s" in flat(seen.text("#cost-text"))
        await seen.press("q", "p")
        assert "Stop polling between runs?" in seen.text("#confirm-text")
        await seen.press("enter")
        await seen.until(lambda: source.asked == [5.0, None])
        await seen.until(lambda: "polls every" not in seen.text("#header"))


async def test_a_recording_cannot_be_looked_into_and_says_so() -> None:
    async with dashboard(churn()) as seen:
        await seen.press("p")
        assert isinstance(seen.app.screen, TimelineScreen)
        await seen.until(lambda: len(seen.app._notifications))
        assert "Polling needs a live kernel" in next(iter(seen.app._notifications)).message


async def test_without_a_kernel_there_is_nothing_to_look_into() -> None:
    source = LookingSource()
    async with dashboard(source) as seen:
        await seen.press("p")
        await seen.until(lambda: len(seen.app._notifications))
        assert "No kernel is attached" in next(iter(seen.app._notifications)).message
    assert source.asked == []


def test_no_key_of_the_new_screens_means_two_things() -> None:
    for commands in (COST, CONFIRM):
        keys = [key for command in commands for key in command.keys.split(",")]
        assert len(keys) == len(set(keys))
