from __future__ import annotations

import os
import signal

import pytest
from textual.binding import Binding
from textual.widgets import Input, OptionList

from kernelscope.domain.events import Lost, Waiting
from kernelscope.errors import UnreachableError
from kernelscope.tui.commands.base import Command, bindings
from kernelscope.tui.commands.other_screens import CELL_RUNS, CELLS, DIFF, EVIDENCE
from kernelscope.tui.commands.timeline import TIMELINE
from kernelscope.tui.screens.cells import CellRunsScreen, CellsScreen
from kernelscope.tui.screens.diff import DiffScreen
from kernelscope.tui.screens.evidence import EvidenceScreen
from kernelscope.tui.screens.failure import FailureScreen
from kernelscope.tui.screens.help import HelpScreen
from kernelscope.tui.screens.timeline import TimelineScreen
from tests.support.facts import explanation_of
from tests.support.script import ScriptedSource, Story, call, churn, failing_source, learn
from tests.tui.helpers import dashboard


def flatten(text: str) -> str:
    return " ".join(text.split())


async def test_the_sentence_is_the_explanation_of_the_selected_change() -> None:
    async with dashboard(churn()) as driver:
        view = driver.app.view
        for _ in range(8):
            assert view.change is not None
            assert flatten(explanation_of(view.change)) in flatten(driver.text("#sentence"))
            await driver.press("less_than_sign")


async def test_without_a_change_the_sentence_says_what_the_name_holds_and_what_else_changed() -> None:
    async with dashboard(churn()) as driver:
        await driver.press("g", "left", *["left"] * 4)
        assert "scaler is #1 (0x" in driver.text("#sentence")
        assert "StandardScaler, fitted" in driver.text("#sentence")
        assert "This run changed: pipe ◆ refitted" in driver.text("#sentence")


async def test_follow_stays_at_the_newest_until_the_user_moves() -> None:
    story = churn()
    async with dashboard(story) as driver:
        view = driver.app.view
        newest = view.column
        story.run("pass")
        await driver.push(story)
        assert view.column == newest + 1
        assert "FOLLOW" in driver.text("#header")
        await driver.press("h")
        story.run("pass")
        await driver.push(story)
        assert view.column == newest
        assert "2 behind" in driver.text("#header")
        await driver.press("F")
        assert view.column == newest + 2
        await driver.press("0")
        assert view.column == 0
        await driver.press("dollar_sign")
        assert view.column == newest + 2


async def test_keys_move_by_row_change_and_run() -> None:
    async with dashboard(churn()) as driver:
        view = driver.app.view
        assert view.row == "model"
        await driver.press("g")
        assert view.row == "scaler"
        await driver.press("G")
        assert view.row == "old"
        await driver.press("less_than_sign")
        assert view.change is not None
        assert view.change.verdict == "deleted"
        await driver.press("k", "left_curly_bracket")
        assert (view.row, view.moment and view.moment.execution_count) == ("sgd", 25)
        await driver.press("right_curly_bracket", "right_curly_bracket")
        assert view.moment is not None
        assert view.moment.execution_count == 27
        await driver.press("n")
        assert view.row == "old"
        await driver.press("n")
        assert view.row == "scaler"


async def test_unfolding_shows_parameters_with_their_history() -> None:
    async with dashboard(churn()) as driver:
        before = driver.grid()
        assert not any("max_iter" in text for text in before)
        await driver.press("o")
        after = driver.grid()
        assert any(text.lstrip("▌ ").startswith("C") and "▲0.1" in text for text in after)
        assert any("max_iter" in text and "100" in text for text in after)
        await driver.press("j", "o")
        assert driver.app.view.row == "model"
        assert not any("max_iter" in text for text in driver.grid())


async def test_rows_can_be_filtered_and_sorted() -> None:
    async with dashboard(churn()) as driver:
        await driver.press("slash", "s", "g", "d")
        assert [line.label for line in driver.app.view.lines] == ["sgd", "old"]
        await driver.press("enter")
        assert "/sgd" in driver.text("#header")
        await driver.press("q")
        assert len(driver.app.view.lines) == 6
        await driver.press("s")
        assert driver.app.view.lines[0].label == "model"


async def test_a_filter_that_leaves_nothing_says_so() -> None:
    async with dashboard(churn()) as driver:
        await driver.press("slash", "x", "x")
        assert "No name or class contains xx" in driver.text("#empty")
        await driver.press("escape")
        assert driver.app.view.lines


async def test_evidence_has_tabs_and_moves_along_the_row() -> None:
    async with dashboard(churn()) as driver:
        await driver.press("less_than_sign", "enter")
        assert isinstance(driver.app.screen, EvidenceScreen)
        assert "REFITTED" in driver.text("#evidence-title")
        text = driver.text("#evidence-text")
        assert "observed: seen happening" in text
        assert "fit() seen" in text
        for tab, expected in (
            ("parameters", "max_iter"),
            ("learned", "replaced"),
            ("cell", "[3]"),
            ("generations", "0x7f3a00001120"),
        ):
            await driver.press("right")
            await driver.wait_until(lambda tab=tab: driver.app.screen.tab == tab)  # type: ignore[misc]
            assert expected in driver.text("#evidence-text")
        await driver.press("less_than_sign")
        assert "CREATED" in driver.text("#evidence-title")
        await driver.press("q")
        assert isinstance(driver.app.screen, TimelineScreen)


async def test_the_full_value_key_opens_the_parameters() -> None:
    async with dashboard(churn()) as driver:
        await driver.press("v")
        await driver.wait_until(lambda: driver.app.screen.tab == "parameters")  # type: ignore[attr-defined]
        assert "warm_start" in driver.text("#evidence-text")


async def test_the_diff_compares_with_the_run_before_or_a_marked_moment() -> None:
    async with dashboard(churn()) as driver:
        await driver.press(*["less_than_sign"] * 7)
        view = driver.app.view
        assert view.change is not None
        assert view.change.verdict == "refitted"
        await driver.press("d")
        assert isinstance(driver.app.screen, DiffScreen)
        assert "coef_" in driver.text("#diff-text")
        assert "max_iter" not in driver.text("#diff-text")
        await driver.press("o")
        assert "max_iter" in driver.text("#diff-text")
        await driver.press("q", "m", "less_than_sign", "less_than_sign", "less_than_sign", "d")
        text = driver.text("#diff-text")
        assert "after In [5]" in text
        assert "after In [9]" in text
        assert "0.1" in text


async def test_the_cells_screen_says_what_re_running_each_cell_does() -> None:
    async with dashboard(churn()) as driver:
        await driver.press("c")
        assert isinstance(driver.app.screen, CellsScreen)
        await driver.wait_until(lambda: "a forecast" in driver.text("#cell-outlook"))
        text = driver.text("#list")
        assert "resets model  2 of 2 times" in text
        assert "ran once: ● created pipe" in text  # before a restart: no forecast
        assert "would change no model" in text
        assert "a forecast, not an observation" in driver.text("#cell-outlook")
        await driver.press("enter")
        assert isinstance(driver.app.screen, CellRunsScreen)
        await driver.wait_until(lambda: "cannot tell" in driver.text("#cell-outlook"))
        assert "again after [5]" in driver.text("#list")
        assert "cannot tell: the kernel was restarted" in driver.text("#cell-outlook")
        await driver.press("j", "enter")
        await driver.wait_until(lambda: isinstance(driver.app.screen, TimelineScreen))
        moment = driver.app.view.moment
        assert moment is not None
        assert moment.execution_count == 10


async def test_help_finds_and_runs_commands() -> None:
    async with dashboard(churn()) as driver:
        await driver.press("question_mark")
        assert isinstance(driver.app.screen, HelpScreen)
        for char in "cell":
            await driver.press(char)
        await driver.wait_until(lambda: driver.app.screen.query_one(OptionList).option_count < 10)
        await driver.press("enter")
        await driver.wait_until(lambda: isinstance(driver.app.screen, CellsScreen))


async def test_the_palette_has_every_command() -> None:
    async with dashboard(churn()) as driver:
        await driver.press("colon")
        await driver.wait_until(lambda: "CommandPalette" in type(driver.app.screen).__name__)
        driver.app.screen.query_one(Input).value = "unfold"
        await driver.wait_until(lambda: driver.app.screen.query_one(OptionList).option_count)
        await driver.press("escape")
        await driver.wait_until(lambda: isinstance(driver.app.screen, TimelineScreen))


@pytest.mark.parametrize("commands", [TIMELINE, EVIDENCE, DIFF, CELLS, CELL_RUNS])
def test_no_key_has_two_meanings(commands: tuple[Command, ...]) -> None:
    keys = [key for command in commands for key in command.keys.split(",")]
    assert len(keys) == len(set(keys))
    assert len({command.id for command in commands}) == len(commands)
    assert all(command.help and command.label for command in commands)


@pytest.mark.parametrize("commands", [TIMELINE, EVIDENCE, DIFF, CELLS, CELL_RUNS])
async def test_every_key_is_bound_to_its_command(commands: tuple[Command, ...]) -> None:
    bound = {binding.action: binding for binding in bindings("any", commands) if isinstance(binding, Binding)}
    assert bound.keys() == {command.action for command in commands}
    assert all(bound[command.action].tooltip == command.help for command in commands)


async def test_copy_says_where_the_text_went(tmp_path: object) -> None:
    async with dashboard(churn()) as driver:
        await driver.press("y")
        assert "RESTORED" in driver.app.clipboard


async def test_the_theme_can_be_switched() -> None:
    async with dashboard(churn()) as driver:
        await driver.press("t")
        assert not driver.app.current_theme.dark
        assert "●1" in "\n".join(driver.grid())
        await driver.press("t")
        assert driver.app.current_theme.dark


async def test_zoom_keeps_the_cursor() -> None:
    async with dashboard(churn()) as driver:
        column = driver.app.view.column
        await driver.press("z", "z")
        assert driver.app.view.columns.cell == 1
        assert driver.app.view.column == column
        assert "●◇" in "\n".join(driver.grid())


async def test_the_empty_screen_changes_from_waiting_to_no_models_to_a_row() -> None:
    story = Story()
    source = ScriptedSource([Waiting("the kernel is busy with In [48]")])
    async with dashboard(source) as driver:
        await driver.wait_until(lambda: driver.app.session.timeline.waiting)
        await driver.wait_until(lambda: "busy with In [48]" in driver.text("#empty"))
        story.attach()
        await driver.push(story)
        assert "Attached to churn.ipynb. No models yet" in driver.text("#empty")
        model = learn(story.new())
        story.run("model = LogisticRegression().fit(X, y)", names={"model": model}, calls=[call(model)])
        await driver.push(story)
        assert any("model" in text for text in driver.grid())


async def test_the_end_of_a_session_keeps_the_rows_and_is_announced() -> None:
    story = churn()
    async with dashboard(story) as driver:
        story.events.append(Lost(2, 3))
        story.end("the kernel is gone for good")
        await driver.push(story)
        assert "the kernel is gone for good" in driver.text("#banner")
        assert "3 lost" in driver.text("#header")
        assert any("●2◇" in text for text in driver.grid())


async def test_an_error_is_shown_and_sets_the_exit_status() -> None:
    source = failing_source(UnreachableError("Nobody answers", "Is the notebook still open?"))
    async with dashboard(source) as driver:
        await driver.wait_until(lambda: isinstance(driver.app.screen, FailureScreen))
        assert "Nobody answers" in driver.text("#failure-text")
        assert "Is the notebook still open?" in driver.text("#failure-text")
        await driver.press("q")
    assert driver.app.return_value == 3
    assert source.closed == 1


async def test_the_rows_stay_when_the_kernel_ends() -> None:
    events = churn().events
    source = ScriptedSource(events, error=UnreachableError("the kernel has ended", "Start it again."))
    async with dashboard(source) as driver:
        await driver.wait_until(lambda: "the kernel has ended" in driver.text("#banner"))
        assert any("●" in text for text in driver.grid())
        await driver.press("q")
    assert driver.app.return_value == 3


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
async def test_a_signal_detaches_before_the_app_ends(name: str) -> None:
    async with dashboard(churn()) as driver:
        await driver.wait_until(lambda: driver.grid())
        os.kill(os.getpid(), getattr(signal, name))
        await driver.wait_until(lambda: driver.source.closed)
        await driver.wait_until(lambda: driver.app.return_value is not None)
    assert driver.app.return_value == 130


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_quitting_closes_the_source(key: str) -> None:
    async with dashboard(churn()) as driver:
        await driver.press(key)
        await driver.wait_until(lambda: driver.source.closed)
    assert driver.app.return_value == 0


async def test_a_failing_source_is_shown_without_a_traceback() -> None:
    async with dashboard(ScriptedSource(error=ValueError("[/b] odd"))) as driver:
        await driver.wait_until(lambda: isinstance(driver.app.screen, FailureScreen))
        assert "odd" in driver.text("#failure-text")
