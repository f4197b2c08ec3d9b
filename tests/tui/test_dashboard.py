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
from tests.support.facts import explained
from tests.support.script import ScriptedSource, Story, call, churn, failing, learned
from tests.tui.helpers import dashboard


def flat(text: str) -> str:
    return " ".join(text.split())


async def test_the_sentence_is_the_explanation_of_the_selected_change() -> None:
    async with dashboard(churn()) as seen:
        view = seen.app.view
        for _ in range(8):
            assert view.change is not None
            assert flat(explained(view.change)) in flat(seen.text("#sentence"))
            await seen.press("less_than_sign")


async def test_where_nothing_happened_it_says_what_is_held_and_what_else_changed() -> None:
    async with dashboard(churn()) as seen:
        await seen.press("g", "left", *["left"] * 4)
        assert "scaler is #1 (0x" in seen.text("#sentence")
        assert "StandardScaler, fitted" in seen.text("#sentence")
        assert "This run changed: pipe ◆ refitted" in seen.text("#sentence")


async def test_follow_sticks_to_the_newest_until_the_reader_moves() -> None:
    story = churn()
    async with dashboard(story) as seen:
        view = seen.app.view
        newest = view.column
        story.run("pass")
        await seen.push(story)
        assert view.column == newest + 1
        assert "FOLLOW" in seen.text("#header")
        await seen.press("h")
        story.run("pass")
        await seen.push(story)
        assert view.column == newest
        assert "2 behind" in seen.text("#header")
        await seen.press("F")
        assert view.column == newest + 2
        await seen.press("0")
        assert view.column == 0
        await seen.press("dollar_sign")
        assert view.column == newest + 2


async def test_keys_move_by_row_change_and_run() -> None:
    async with dashboard(churn()) as seen:
        view = seen.app.view
        assert view.row == "model"
        await seen.press("g")
        assert view.row == "scaler"
        await seen.press("G")
        assert view.row == "old"
        await seen.press("less_than_sign")
        assert view.change is not None
        assert view.change.verdict == "deleted"
        await seen.press("k", "left_curly_bracket")
        assert (view.row, view.moment and view.moment.execution_count) == ("sgd", 25)
        await seen.press("right_curly_bracket", "right_curly_bracket")
        assert view.moment is not None
        assert view.moment.execution_count == 27
        await seen.press("n")
        assert view.row == "old"
        await seen.press("n")
        assert view.row == "scaler"


async def test_unfolding_shows_parameters_with_their_history() -> None:
    async with dashboard(churn()) as seen:
        before = seen.grid()
        assert not any("max_iter" in text for text in before)
        await seen.press("o")
        after = seen.grid()
        assert any(text.lstrip("▌ ").startswith("C") and "▲0.1" in text for text in after)
        assert any("max_iter" in text and "100" in text for text in after)
        await seen.press("j", "o")
        assert seen.app.view.row == "model"
        assert not any("max_iter" in text for text in seen.grid())


async def test_filter_and_sort() -> None:
    async with dashboard(churn()) as seen:
        await seen.press("slash", "s", "g", "d")
        assert [line.label for line in seen.app.view.lines] == ["sgd", "old"]
        await seen.press("enter")
        assert "/sgd" in seen.text("#header")
        await seen.press("q")
        assert len(seen.app.view.lines) == 6
        await seen.press("s")
        assert seen.app.view.lines[0].label == "model"


async def test_a_filter_that_leaves_nothing_says_so() -> None:
    async with dashboard(churn()) as seen:
        await seen.press("slash", "x", "x")
        assert "No name or class contains xx" in seen.text("#empty")
        await seen.press("escape")
        assert seen.app.view.lines


async def test_evidence_has_tabs_and_moves_along_the_row() -> None:
    async with dashboard(churn()) as seen:
        await seen.press("less_than_sign", "enter")
        assert isinstance(seen.app.screen, EvidenceScreen)
        assert "REFITTED" in seen.text("#evidence-title")
        text = seen.text("#evidence-text")
        assert "observed: seen happening" in text
        assert "fit() seen" in text
        for tab, expected in (
            ("parameters", "max_iter"),
            ("learned", "replaced"),
            ("cell", "[3]"),
            ("generations", "0x7f3a00001120"),
        ):
            await seen.press("right")
            await seen.until(lambda tab=tab: seen.app.screen.tab == tab)  # type: ignore[misc]
            assert expected in seen.text("#evidence-text")
        await seen.press("less_than_sign")
        assert "CREATED" in seen.text("#evidence-title")
        await seen.press("q")
        assert isinstance(seen.app.screen, TimelineScreen)


async def test_full_value_opens_the_parameters() -> None:
    async with dashboard(churn()) as seen:
        await seen.press("v")
        await seen.until(lambda: seen.app.screen.tab == "parameters")  # type: ignore[attr-defined]
        assert "warm_start" in seen.text("#evidence-text")


async def test_diff_of_a_change_and_of_a_marked_moment() -> None:
    async with dashboard(churn()) as seen:
        await seen.press(*["less_than_sign"] * 7)
        view = seen.app.view
        assert view.change is not None
        assert view.change.verdict == "refitted"
        await seen.press("d")
        assert isinstance(seen.app.screen, DiffScreen)
        assert "coef_" in seen.text("#diff-text")
        assert "max_iter" not in seen.text("#diff-text")
        await seen.press("o")
        assert "max_iter" in seen.text("#diff-text")
        await seen.press("q", "m", "less_than_sign", "less_than_sign", "less_than_sign", "d")
        text = seen.text("#diff-text")
        assert "after In [5]" in text
        assert "after In [9]" in text
        assert "0.1" in text


async def test_cells_answer_the_founding_question() -> None:
    async with dashboard(churn()) as seen:
        await seen.press("c")
        assert isinstance(seen.app.screen, CellsScreen)
        await seen.until(lambda: "a forecast" in seen.text("#cell-outlook"))
        text = seen.text("#list")
        assert "resets model  2 of 2 times" in text
        assert "ran once: ● created pipe" in text  # before a restart: nothing is foretold of it
        assert "would change no model" in text
        assert "a forecast, not an observation" in seen.text("#cell-outlook")
        await seen.press("enter")
        assert isinstance(seen.app.screen, CellRunsScreen)
        await seen.until(lambda: "cannot tell" in seen.text("#cell-outlook"))
        assert "again after [5]" in seen.text("#list")
        assert "cannot tell: the kernel was restarted" in seen.text("#cell-outlook")
        await seen.press("j", "enter")
        await seen.until(lambda: isinstance(seen.app.screen, TimelineScreen))
        moment = seen.app.view.moment
        assert moment is not None
        assert moment.execution_count == 10


async def test_help_searches_and_runs() -> None:
    async with dashboard(churn()) as seen:
        await seen.press("question_mark")
        assert isinstance(seen.app.screen, HelpScreen)
        for char in "cell":
            await seen.press(char)
        await seen.until(lambda: seen.app.screen.query_one(OptionList).option_count < 10)
        await seen.press("enter")
        await seen.until(lambda: isinstance(seen.app.screen, CellsScreen))


async def test_the_palette_has_every_command() -> None:
    async with dashboard(churn()) as seen:
        await seen.press("colon")
        await seen.until(lambda: "CommandPalette" in type(seen.app.screen).__name__)
        seen.app.screen.query_one(Input).value = "unfold"
        await seen.until(lambda: seen.app.screen.query_one(OptionList).option_count)
        await seen.press("escape")
        await seen.until(lambda: isinstance(seen.app.screen, TimelineScreen))


@pytest.mark.parametrize("commands", [TIMELINE, EVIDENCE, DIFF, CELLS, CELL_RUNS])
def test_no_key_means_two_things(commands: tuple[Command, ...]) -> None:
    keys = [key for command in commands for key in command.keys.split(",")]
    assert len(keys) == len(set(keys))
    assert len({command.id for command in commands}) == len(commands)
    assert all(command.help and command.label for command in commands)


@pytest.mark.parametrize("commands", [TIMELINE, EVIDENCE, DIFF, CELLS, CELL_RUNS])
async def test_every_key_is_bound_to_its_command(commands: tuple[Command, ...]) -> None:
    bound = {binding.action: binding for binding in bindings("any", commands) if isinstance(binding, Binding)}
    assert bound.keys() == {command.action for command in commands}
    assert all(bound[command.action].tooltip == command.help for command in commands)


async def test_copy_says_where(tmp_path: object) -> None:
    async with dashboard(churn()) as seen:
        await seen.press("y")
        assert "RESTORED" in seen.app.clipboard


async def test_the_theme_turns() -> None:
    async with dashboard(churn()) as seen:
        await seen.press("t")
        assert not seen.app.current_theme.dark
        assert "●1" in "\n".join(seen.grid())
        await seen.press("t")
        assert seen.app.current_theme.dark


async def test_zoom_keeps_the_cursor() -> None:
    async with dashboard(churn()) as seen:
        column = seen.app.view.column
        await seen.press("z", "z")
        assert seen.app.view.columns.cell == 1
        assert seen.app.view.column == column
        assert "●◇" in "\n".join(seen.grid())


async def test_waiting_then_nothing_then_a_row() -> None:
    story = Story()
    source = ScriptedSource([Waiting("the kernel is busy with In [48]")])
    async with dashboard(source) as seen:
        await seen.until(lambda: seen.app.session.timeline.waiting)
        await seen.until(lambda: "busy with In [48]" in seen.text("#empty"))
        story.attach()
        await seen.push(story)
        assert "Attached to churn.ipynb. No models yet" in seen.text("#empty")
        model = learned(story.new())
        story.run("model = LogisticRegression().fit(X, y)", names={"model": model}, calls=[call(model)])
        await seen.push(story)
        assert any("model" in text for text in seen.grid())


async def test_the_end_leaves_the_rows_and_says_so() -> None:
    story = churn()
    async with dashboard(story) as seen:
        story.events.append(Lost(2, 3))
        story.end("the kernel is gone for good")
        await seen.push(story)
        assert "the kernel is gone for good" in seen.text("#banner")
        assert "3 lost" in seen.text("#header")
        assert any("●2◇" in text for text in seen.grid())


async def test_an_error_is_a_sentence_and_an_exit_status() -> None:
    source = failing(UnreachableError("Nobody answers", "Is the notebook still open?"))
    async with dashboard(source) as seen:
        await seen.until(lambda: isinstance(seen.app.screen, FailureScreen))
        assert "Nobody answers" in seen.text("#failure-text")
        assert "Is the notebook still open?" in seen.text("#failure-text")
        await seen.press("q")
    assert seen.app.return_value == 3
    assert source.closed == 1


async def test_a_kernel_that_ends_leaves_its_rows_on_the_screen() -> None:
    events = churn().events
    source = ScriptedSource(events, error=UnreachableError("the kernel has ended", "Start it again."))
    async with dashboard(source) as seen:
        await seen.until(lambda: "the kernel has ended" in seen.text("#banner"))
        assert any("●" in text for text in seen.grid())
        await seen.press("q")
    assert seen.app.return_value == 3


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
async def test_a_signal_leaves_the_kernel_first(name: str) -> None:
    async with dashboard(churn()) as seen:
        await seen.until(lambda: seen.grid())
        os.kill(os.getpid(), getattr(signal, name))
        await seen.until(lambda: seen.source.closed)
        await seen.until(lambda: seen.app.return_value is not None)
    assert seen.app.return_value == 130


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_leaving_closes_the_source(key: str) -> None:
    async with dashboard(churn()) as seen:
        await seen.press(key)
        await seen.until(lambda: seen.source.closed)
    assert seen.app.return_value == 0


async def test_a_source_that_stumbles_is_told_without_a_traceback() -> None:
    async with dashboard(ScriptedSource(error=ValueError("[/b] odd"))) as seen:
        await seen.until(lambda: isinstance(seen.app.screen, FailureScreen))
        assert "odd" in seen.text("#failure-text")
