"""Tests playing recordings and viewing the past of live sessions."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from kernelscope.domain.changes import Verdict
from kernelscope.protocol.stored import About
from kernelscope.session import Session
from kernelscope.storage.recorder import Recorder
from kernelscope.storage.recording import RecordingSource
from kernelscope.timeline.timeline import Timeline
from kernelscope.tui.app import KernelscopeApp
from kernelscope.tui.state.playback import LONGEST_S, SPEEDS, Playback
from kernelscope.tui.state.spans import plain
from kernelscope.tui.views.header import banner_line
from tests.support.script import ScriptedSource, Story, churn
from tests.tui.helpers import AppDriver, dashboard, screen_text, wait_until

MOMENTS = churn().timeline().moments


# Playback.


def test_everything_is_shown_until_the_user_steps_back() -> None:
    playback = Playback(MOMENTS)
    assert playback.limit is None
    playback.step(-1)
    assert playback.limit == len(MOMENTS) - 1
    playback.step(-1_000)
    assert playback.limit == 1
    playback.step(1_000)
    assert playback.limit == len(MOMENTS)
    playback.end()
    assert playback.limit is None


@pytest.mark.parametrize("speed", SPEEDS)
def test_every_moment_comes_once_and_in_time(speed: float) -> None:
    playback = Playback(MOMENTS, at_rest=True)
    playback.speed = speed
    playback.toggle()
    counts, passed = [playback.count], 0.0
    while playback.playing:
        passed += 0.01
        if playback.advance(0.01):
            counts.append(playback.count)
    assert counts == sorted(set(counts))
    assert counts[0] == 1
    assert counts[-1] == len(MOMENTS)
    assert passed <= len(MOMENTS) * LONGEST_S / speed + 0.02


def test_a_finished_session_plays_from_its_start_and_a_live_one_pauses() -> None:
    rest, live = Playback(MOMENTS, at_rest=True), Playback(MOMENTS)
    rest.toggle()
    live.toggle()
    assert (rest.playing, rest.limit) == (True, 1)
    assert (live.playing, live.limit) == (False, len(MOMENTS))
    rest.toggle()
    live.toggle()
    assert (rest.is_paused, rest.limit) == (True, 1)
    assert (live.is_paused, live.limit) == (False, None)


def test_seeking_finds_a_run_in_the_latest_epoch_that_has_it() -> None:
    playback = Playback(MOMENTS)
    assert playback.seek(2)
    assert playback.limit == len(MOMENTS) - 2
    assert playback.seek(9, 1)
    assert MOMENTS[playback.count - 1].execution_count == 9
    assert not playback.seek(99)
    assert not playback.seek(9, 2)


def test_speeds_are_limited() -> None:
    playback = Playback(MOMENTS)
    for by, end in ((1, SPEEDS[-1]), (-1, SPEEDS[0])):
        for _ in SPEEDS:
            playback.faster(by)
        assert playback.speed == end


def test_without_moments_nothing_is_played() -> None:
    playback = Playback([], at_rest=True)
    playback.toggle()
    playback.step(-1)
    assert not playback.advance(1.0)
    assert playback.limit is None


# On the screen.


@pytest.mark.screen
async def test_stepping_back_shows_nothing_that_came_later() -> None:
    async with dashboard(churn()) as driver:
        assert "old" in driver.screen()
        await driver.press(*["left_square_bracket"] * (len(MOMENTS) - 3))
        assert f"3 of {len(MOMENTS)}" in driver.text("#header")
        assert len(driver.app.view.columns.moments) == 3
        assert "sgd" not in driver.screen()
        assert "model" in driver.screen()
        assert set(driver.app.view.timeline.verdicts) == {Verdict.CREATED, Verdict.FITTED}
        await driver.press("right_square_bracket")
        assert f"4 of {len(MOMENTS)}" in driver.text("#header")
        await driver.press("c", "q", "enter", "q", "F")
        assert "FOLLOW" in driver.text("#header")


@pytest.mark.screen
async def test_a_paused_session_continues_in_the_background() -> None:
    story = churn()
    async with dashboard(story) as driver:
        await driver.press("space")
        before = driver.grid()
        story.run("pass")
        await driver.push(story)
        assert f"⏸ {len(MOMENTS)} of {len(MOMENTS) + 1}" in driver.text("#header")
        assert driver.grid() == before
        await driver.press("space")
        assert "FOLLOW" in driver.text("#header")
        assert driver.app.view.columns.count == len(MOMENTS) + 1


@pytest.mark.screen
async def test_a_run_is_found_by_its_number() -> None:
    async with dashboard(churn()) as driver:
        await seek_to(driver, "seek 9")
        assert driver.app.view.moment is not None
        assert driver.app.view.moment.execution_count == 9
        await seek_to(driver, "2:3")
        assert (driver.app.view.moment.epoch, driver.app.view.moment.execution_count) == (2, 3)
        await seek_to(driver, "seek 999")
        assert "This timeline has no In [999]" in [n.message for n in driver.app._notifications]


async def seek_to(driver: AppDriver, words: str) -> None:
    await driver.press("colon")
    await driver.wait_until(lambda: driver.app.screen.query("CommandInput"))
    await driver.pilot.press(*({":": "colon", " ": "space"}.get(key, key) for key in words))
    await driver.wait_until(lambda: "Show the timeline as of" in driver.screen())
    await driver.press("enter")
    await driver.wait_until(lambda: not driver.app.screen.query("CommandInput"))


def recording(path: Path, story: Story) -> RecordingSource:
    timeline, recorder = Timeline(), Recorder(path, lambda why: pytest.fail(why))
    for event in story.events:
        recorder(timeline.apply(event))
    recorder.close()
    return RecordingSource(path, follow=True)


@pytest.mark.screen
async def test_a_recording_shows_its_end_at_once_and_plays_from_its_start(tmp_path: Path) -> None:
    source = recording(tmp_path / "a.kscope", churn())
    app = KernelscopeApp(Session(source), about=source.about())
    async with app.run_test(size=(120, 36)) as pilot:
        await wait_until(pilot, lambda: app.view.columns.count == len(MOMENTS))
        assert "Recorded" in screen_text(app)
        assert "END" in screen_text(app)
        app.simulate_key("space")
        await wait_until(pilot, lambda: "▶ ×1" in screen_text(app))
        for _ in range(5):
            app.simulate_key("plus")
        await wait_until(pilot, lambda: app.view.playback.speed == 64)
        await wait_until(pilot, lambda: "END" in screen_text(app))
        app.simulate_key("r")
        await wait_until(pilot, lambda: app._notifications)
        assert [n.message for n in app._notifications] == ["This is a replay: it is recorded already"]


@pytest.mark.screen
async def test_a_recording_can_begin_to_play_by_itself(tmp_path: Path) -> None:
    source = recording(tmp_path / "a.kscope", churn())
    app = KernelscopeApp(Session(source), about=source.about(), play=True)
    async with app.run_test(size=(120, 36)) as pilot:
        await wait_until(pilot, lambda: "▶ ×1" in screen_text(app))


@pytest.mark.screen
async def test_replaying_a_growing_recording_follows_it(tmp_path: Path) -> None:
    path, timeline = tmp_path / "a.kscope", Timeline()
    story = churn()
    recorder = Recorder(path, lambda why: pytest.fail(why))
    for event in story.events[:5]:
        recorder(timeline.apply(event))
    source = RecordingSource(path, follow=True)
    app = KernelscopeApp(Session(source), about=source.about())
    async with app.run_test(size=(120, 36)) as pilot:
        await wait_until(pilot, lambda: app.view.columns.count == 5)
        for event in story.events[5:]:
            recorder(timeline.apply(event))
        await wait_until(pilot, lambda: app.view.columns.count == len(MOMENTS))
        assert app.session.timeline.ended is None
        recorder.close()
        await wait_until(pilot, lambda: app.session.timeline.ended is not None)


@pytest.mark.screen
async def test_r_records_the_session_from_its_attach_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    story = churn()
    async with dashboard(story) as driver:
        await driver.press("r")
        assert "REC" in driver.text("#header")
        [path] = await asyncio.to_thread(lambda: list(tmp_path.glob("churn-*.kscope")))
        story.run("pass")
        await driver.push(story)
        await driver.press("r")
        assert "REC" not in driver.text("#header")
        story.run("'not any more'")
        await driver.push(story)
    again = Session(RecordingSource(path))
    await again.run()
    assert [m.execution_count for m in again.timeline.moments][-1] == 5
    assert len(again.timeline.moments) == len(MOMENTS) + 1


@pytest.mark.screen
async def test_r_reports_a_file_that_cannot_be_created(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with dashboard(churn()) as driver:
        await asyncio.to_thread(tmp_path.rmdir)
        await driver.press("r")
        assert "REC" not in driver.text("#header")
        assert "cannot be" in " ".join(n.message for n in driver.app._notifications)


def test_an_old_recording_says_who_judged_it() -> None:
    app = KernelscopeApp(Session(ScriptedSource()), about=About("0.0.1", started=1e300))
    for event in churn().events:
        app.session.timeline.apply(event)
    text = plain(banner_line(app.view))
    assert "by kernelscope 0.0.1; --rejudge judges it by this version" in text
    assert "since an unknown time" in text


@pytest.mark.screen
async def test_x_exports_the_timeline_in_the_chosen_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with dashboard(churn()) as driver:
        await driver.press("x", "q", "x", "j", "enter")
        await driver.wait_until(lambda: any("Exported to" in n.message for n in driver.app._notifications))
        [path] = await asyncio.to_thread(lambda: list(tmp_path.iterdir()))
        assert path.suffix == ".md"
        assert "`scaler`" in await asyncio.to_thread(path.read_text)
