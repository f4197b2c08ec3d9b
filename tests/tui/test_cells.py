"""Tests the cells view, in which observations and forecasts never look alike."""

from __future__ import annotations

from kernelscope.forecast.forecaster import Forecaster
from kernelscope.tui.state.spans import plain, width
from kernelscope.tui.views.cell_lines import cell_line, cells_heading, outlook_lines, summarize_cell
from tests.support.facts import OBSCURE, Watch, call_of, model, params, rebind


def summary_text(watch: Watch) -> str:
    """Return the summary of the latest cell."""
    summary = summarize_cell(watch.timeline.cells()[-1], Forecaster(watch.timeline))
    return plain((*summary.effect, *summary.reason))


def lines_below(watch: Watch) -> str:
    outlook = Forecaster(watch.timeline).of(watch.timeline.cells()[-1].runs[-1])
    return "\n".join(plain(one) for one in outlook_lines(outlook))


def test_a_cell_that_ran_once_has_a_forecast_in_words_and_italics() -> None:
    watch = Watch()
    watch.run(names={"m": model(1), "n": model(2)}, source="m = Ridge(); n = Ridge()")

    summary = summarize_cell(watch.timeline.cells()[0], Forecaster(watch.timeline))
    spans = (*summary.effect, *summary.reason)

    assert plain(spans).startswith("○ would reset m, n  (")
    assert {p.role for p in spans} == {"forecast", "forecast.strong"}


def test_a_rerun_cell_shows_what_was_seen_and_no_forecast_in_its_line() -> None:
    watch = Watch()
    for token in (1, 2):
        watch.run(names={"m": model(token)}, source="m = Ridge()")

    assert summary_text(watch) == "○ resets m  1 of 1 time"
    assert "would reset m" in lines_below(watch)


def test_an_uncertain_forecast_says_may_and_why() -> None:
    m = model(1)
    watch = Watch(m=m)
    watch.run(rebind(m), source="m.fit(X, y)", calls=[call_of(m)], code=OBSCURE)

    assert summary_text(watch) == "◆ may refit m  (fit() starts over)"
    assert "not sure: part of its code could not be followed" in lines_below(watch)


def test_an_unknown_forecast_says_cannot_tell() -> None:
    watch = Watch()
    watch.run(names={"m": model(1)}, source="if a:\n    m = Ridge()")

    assert summary_text(watch) == "? cannot tell for m  (it is made only under a condition)"


def test_a_parameter_that_is_already_set_would_be_left_alone() -> None:
    m = model(1)
    watch = Watch(m=m)
    watch.run(params(m, C=3.0), source="m.C = 3.0")

    assert summary_text(watch) == "· would leave m alone  (C is 3.0 already)"


def test_a_cell_without_effects_would_do_nothing() -> None:
    watch = Watch(m=model(1))
    watch.run(source="m.predict(X)")

    assert summary_text(watch) == "would change no model"
    assert "would change no model" in lines_below(watch)


def test_without_a_forecast_the_line_says_what_the_run_did() -> None:
    watch = Watch()
    watch.run(names={"m": model(1)}, source="m = Ridge()")
    watch.attach()
    watch.run(source="m = (", status="error")

    first, second = watch.timeline.cells()
    forecaster = Forecaster(watch.timeline)
    assert plain(summarize_cell(first, forecaster).effect) == "ran once: ● created m"
    assert plain(summarize_cell(second, forecaster).effect) == "ran once: changed no model"


def test_hostile_names_are_shown_as_they_are_and_lines_keep_their_width() -> None:
    name = "m['[red]\x1b[31m']"
    watch = Watch()
    watch.run(names={name: model(1)}, source="m = {k: Ridge() for k in ks}")
    cell, forecaster = watch.timeline.cells()[0], Forecaster(watch.timeline)

    assert "\x1b" not in summary_text(watch) + lines_below(watch)
    assert "[red]" in summary_text(watch)
    for cells in (40, 74, 120):
        assert width(cell_line(cell, cells, forecaster)) <= cells
    assert "forecast" in plain(cells_heading(74))


def test_a_reason_is_shown_whole_or_left_to_the_lines_below() -> None:
    watch = Watch()
    watch.run(names={"m": model(1)}, source="m = LogisticRegression()")
    cell, forecaster = watch.timeline.cells()[-1], Forecaster(watch.timeline)

    narrow, wide = (plain(cell_line(cell, cells, forecaster)) for cells in (60, 140))

    assert narrow.endswith("would reset m")
    assert wide.endswith("(it makes a new LogisticRegression each time)")
