from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelscope.domain.changes import Verdict
from kernelscope.presentation.colours import HUES, hue
from kernelscope.presentation.glyphs import GLYPHS, WALL
from kernelscope.timeline.view import TimelineView
from kernelscope.tui.state.columns import Columns
from kernelscope.tui.state.grid_cells import paint, paint_prelude
from kernelscope.tui.state.grid_lines import Key, Order, grid_lines
from kernelscope.tui.state.spans import Span, fit, plain, width
from kernelscope.tui.state.view_state import ViewState
from tests.support.script import Story, call, churn, learn, with_params

TIMELINE = churn().view()


def row(name: str, *, cell: int = 2, param: str | None = None) -> str:
    columns = Columns(TIMELINE.moments, cell)
    return plain(paint(TIMELINE, Key(name, param), columns, 0, columns.count))


def test_a_row_can_be_read_without_colour() -> None:
    assert row("model").startswith("┃ ●2◇━━━▲━◆━○4◇━━━━━━━○6◇━")
    assert row("model").endswith("┃   ●1◆━↺2")


def test_an_alias_has_the_hue_of_the_other_name() -> None:
    columns = Columns(TIMELINE.moments)
    model = paint(TIMELINE, Key("model"), columns, 7, 8)
    best = paint(TIMELINE, Key("best"), columns, 9, 10)
    assert model[-1].role == best[-1].role


def test_a_reset_changes_the_hue() -> None:
    columns = Columns(TIMELINE.moments)
    before = paint(TIMELINE, Key("model"), columns, 5, 6)[-1]
    after = paint(TIMELINE, Key("model"), columns, 6, 7)[-1]
    assert before.role.split()[-1] != after.role.split()[-1]


def test_a_model_without_learned_state_has_a_thin_line() -> None:
    assert "⊘───" in row("sgd")


def test_a_model_that_existed_at_the_attach_is_hatched_before_it() -> None:
    columns = Columns(TIMELINE.moments)
    assert paint_prelude(TIMELINE, Key("scaler"), columns).text == "╌╌╌╌"
    assert paint_prelude(TIMELINE, Key("model"), columns).text == "    "


def test_values_are_shown_where_they_were_set() -> None:
    text = row("model", param="C")
    assert text.index("▲0.1") == 8
    assert text.index("1.0") == 2


def test_every_verdict_has_a_glyph_of_its_own_one_cell_wide() -> None:
    assert set(GLYPHS) == set(Verdict)
    assert len(set(GLYPHS.values())) == len(GLYPHS)
    assert all(width([Span(glyph)]) == 1 for glyph in GLYPHS.values())


NAMES = [r.name for r in TIMELINE.rows()]
KEYS = [Key(name) for name in NAMES] + [
    Key("model", "C"),
    Key("pipe", "steps"),
    Key("an unknown name"),
    Key("sgd", "alpha"),
]


@given(st.sampled_from(KEYS), st.data(), st.sampled_from([1, 2, 4]))
def test_a_window_is_as_wide_as_its_columns(key: Key, data: st.DataObject, cell: int) -> None:
    columns = Columns(TIMELINE.moments, cell)
    first = data.draw(st.integers(0, columns.count))
    last = data.draw(st.integers(first, columns.count))
    assert width(paint(TIMELINE, key, columns, first, last)) == (last - first) * cell
    assert len(columns.axis(first, last, first)) == (last - first) * cell


@given(st.sampled_from([k for k in KEYS if k.param is None]), st.data())
def test_a_window_equals_that_part_of_the_whole(key: Key, data: st.DataObject) -> None:
    columns = Columns(TIMELINE.moments)
    first = data.draw(st.integers(0, columns.count - 1))
    last = data.draw(st.integers(first + 1, columns.count))
    whole = plain(paint(TIMELINE, key, columns, 0, columns.count))
    window = plain(paint(TIMELINE, key, columns, first, last))
    marks = [(w, p) for w, p in zip(window[::2], whole[first * 2 : last * 2 : 2], strict=True)]
    assert all(w == p for w, p in marks)


@given(st.sampled_from(KEYS))
def test_a_restart_is_a_line_through_every_row(key: Key) -> None:
    columns = Columns(TIMELINE.moments)
    text = plain(paint(TIMELINE, key, columns, 0, columns.count))
    assert [text[wall * 2] for wall in columns.walls] == [WALL, WALL]


@given(st.text(), st.integers(0, 40))
def test_fit_returns_exactly_the_width(text: str, cells: int) -> None:
    assert width([Span(fit(text, cells))]) == cells


@given(st.integers(1, 1_000), st.integers(1, 20))
def test_neighbouring_generations_differ_in_hue(generation: int, epoch: int) -> None:
    assert 0 <= hue(epoch, generation) < HUES
    assert hue(epoch, generation) != hue(epoch, generation + 1)


MOVES = ["move_lines", "move_columns", "next_change", "next_run", "next_name"]
STEPS = st.one_of(
    st.tuples(st.sampled_from(MOVES), st.integers(-5, 5).filter(bool)),
    st.tuples(st.sampled_from(["unfold", "zoom", "sort", "mark", "follow_latest", "update"]), st.none()),
    st.tuples(st.just("filter"), st.sampled_from(["", "m", "pipe", "nothing"])),
)


@given(st.lists(STEPS, max_size=25))
def test_the_cursor_is_always_on_a_row_and_column(steps: list[tuple[str, int | str | None]]) -> None:
    view = ViewState(churn().timeline())
    for name, argument in steps:
        move = getattr(view, name)
        if argument is None:
            move()
        else:
            move(argument)
        assert 0 <= view.column < view.columns.count
        assert (view.line is None) == (not view.lines)
        assert view.line is None or view.line.key.row == view.row


def test_rows_can_be_sorted() -> None:
    def names(order: Order) -> list[str]:
        return [line.label for line in grid_lines(TIMELINE, frozenset(), "", order)]

    assert names(Order.SEEN)[:2] == ["scaler", "model"]
    assert names(Order.NAME) == sorted(names(Order.SEEN))
    assert names(Order.CHANGED)[0] == "model"


def test_unfolding_shows_parameters_and_parts() -> None:
    lines = grid_lines(TIMELINE, frozenset({"pipe", "pipe['clf']"}))
    labels = [line.label for line in lines]
    assert labels[labels.index("pipe") + 1 : labels.index("sgd")] == [
        "memory", "steps", "verbose", "['scale']", "['clf']", "C", "max_iter", "penalty", "warm_start",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def long_timeline() -> TimelineView:
    story = Story()
    story.attach()
    models = {f"model_{n}": learn(story.new()) for n in range(500)}
    story.run("many", names=dict(models))
    for n in range(400):
        name = f"model_{n}"
        models[name] = with_params(learn(models[name], tag=str(n)), C=float(n))
        story.run(f"{name}.fit(X, y)", objects=[models[name]], calls=[call(models[name])])
    return story.view()


@pytest.mark.proof
def test_a_screenful_costs_the_same_however_long_the_history(long_timeline: TimelineView) -> None:
    columns = Columns(long_timeline.moments)
    keys = [line.key for line in grid_lines(long_timeline, frozenset())][:40]
    started = time.process_time()
    for key in keys:
        paint(long_timeline, key, columns, columns.count - 50, columns.count)
    assert time.process_time() - started < 0.1
