"""Tests the lines on standard output, for scripts and for people; each update is flushed."""

from __future__ import annotations

import io
import json

import pytest

from kernelscope.domain.events import Detached, Event, KernelChanged, Lost, Observed, Waiting
from kernelscope.domain.facts import LocalModel
from kernelscope.export.lines import JsonLines, PlainLines
from kernelscope.timeline.timeline import Timeline
from kernelscope.timeline.view import TimelineView
from tests.support.facts import (
    LOGISTIC,
    OBSCURE,
    attach_event,
    call_evidence,
    call_of,
    model,
    observation,
    params,
    rebind,
    run_facts,
    write_in_place,
)


class Bytes(io.BytesIO):
    """Records what had been written at each flush."""

    def __init__(self) -> None:
        super().__init__()
        self.flushed: list[int] = []

    def flush(self) -> None:
        super().flush()
        self.flushed.append(len(self.getvalue()))


class Text(io.StringIO):
    """Records what had been written at each flush."""

    def __init__(self) -> None:
        super().__init__()
        self.flushed: list[int] = []

    def flush(self) -> None:
        super().flush()
        self.flushed.append(len(self.getvalue()))


def json_lines(*events: Event) -> list[dict[str, object]]:
    timeline, out = Timeline(), Bytes()
    write = JsonLines(TimelineView(timeline), out)
    for event in events:
        write(timeline.apply(event))
    return [json.loads(line) for line in out.getvalue().splitlines()]


def plain_lines(*events: Event) -> list[str]:
    timeline, out = Timeline(), io.StringIO()
    write = PlainLines(out)
    for event in events:
        write(timeline.apply(event))
    return out.getvalue().splitlines()


def test_given_json_lines_when_each_update_comes_then_it_is_written_whole_and_flushed_at_once() -> None:
    timeline, out = Timeline(), Bytes()
    write = JsonLines(TimelineView(timeline), out)

    for event in (
        attach_event({}),
        Observed(1, observation(1, run_facts(1), {"m": model(1)})),
        Detached("gone"),
    ):
        before = len(out.getvalue())
        write(timeline.apply(event))
        assert len(out.getvalue()) > before
        assert out.getvalue().endswith(b"\n")
        assert out.flushed[-1] == len(out.getvalue())


def test_given_plain_lines_when_each_update_comes_then_it_is_flushed_at_once() -> None:
    timeline, out = Timeline(), Text()
    write = PlainLines(out)

    for event in (Waiting("busy"), attach_event({}), Observed(1, observation(1, run_facts(1)))):
        write(timeline.apply(event))
        assert out.flushed[-1] == len(out.getvalue()) > 0


def test_given_an_earlier_watchers_history_when_attached_then_neither_form_writes_it() -> None:
    history = [observation(1, run_facts(1, "secret = 1"), {"m": model(1)})]
    attach, run = (
        attach_event({}, count=1, history=history),
        Observed(1, observation(2, run_facts(2, "now = 2"))),
    )

    assert [line["type"] for line in json_lines(attach, run)] == ["attached", "execution"]
    plain = plain_lines(attach, run)
    assert not any("secret" in line for line in plain)
    assert plain[1] == "  models: m (LogisticRegression)"
    assert "In [2]  now = 2" in plain


def test_given_a_source_with_text_beyond_ascii_when_written_as_json_then_it_is_utf_8() -> None:
    timeline, out = Timeline(), Bytes()
    write = JsonLines(TimelineView(timeline), out)
    write(timeline.apply(attach_event({})))
    write(timeline.apply(Observed(1, observation(1, run_facts(1, "é = '→'\nx")))))

    assert "é = '→'\\nx".encode() in out.getvalue()


def test_given_a_session_when_written_for_people_then_each_run_has_a_line_with_its_changes_below() -> None:
    m = model(1)
    fitted = rebind(m)
    lines = plain_lines(
        attach_event({}, count=3),
        Observed(1, observation(1, run_facts(4, "\nm = LR()\n"), {"m": m})),
        Observed(
            1,
            observation(2, run_facts(5, "m.fit(X, y)"), {}, [fitted], **call_evidence(m, "fit", seen=False)),
        ),
        Observed(1, observation(3, run_facts(6, "m.fit(X, y)", status="error"))),
        Observed(1, observation(4, None, {}, [params(fitted, C=3.0)])),
        Observed(1, observation(5, None)),
    )

    assert lines == [
        "attached to /run/kernel-1.json, Python 3.12.1, after In [3]",
        "  models: none yet",
        "In [4]  m = LR()",
        "  created   m was created: a LogisticRegression (#1), not fitted yet.",
        "In [5]  m.fit(X, y)",
        "  fitted    m was fitted for the first time: the same object (#1). (inferred)",
        "In [6], again after [5], error  m.fit(X, y)",
        "  every model untouched",
        "between runs",
        "  params    m got other hyper-parameters; what it has learned stays as it was (#1). "
        "Hyper-parameters: C 1.0 → 3.0.",
    ]


def test_given_an_unknown_change_when_written_for_people_then_the_word_occurs_once() -> None:
    m = rebind(model(1))

    (line,) = plain_lines(
        attach_event({"m": m}),
        Observed(1, observation(1, run_facts(1), {}, [write_in_place(m)], code=OBSCURE)),
    )[3:]

    assert line.startswith("  unknown   m changed (#1), and it is not known how.")


def test_given_a_local_model_when_written_for_people_then_it_is_called_local() -> None:
    look = observation(1, run_facts(1), locals=(LocalModel(7, 5, LOGISTIC, "fit", "evaluate", 1),))

    lines = plain_lines(attach_event({}), Observed(1, look))

    assert lines[3].startswith("  local     evaluate() fitted a LogisticRegression of its own")


def test_given_a_long_first_line_when_written_for_people_then_it_is_cut() -> None:
    lines = plain_lines(attach_event({}), Observed(1, observation(1, run_facts(1, "x" * 61))))

    assert lines[2] == "In [1]  " + "x" * 59 + "…"


def test_given_an_empty_cell_when_written_for_people_then_it_has_a_line() -> None:
    assert (
        plain_lines(attach_event({}), Observed(1, observation(1, run_facts(1, " \n"))))[2].strip()
        == "In [1]  (empty cell)"
    )


@pytest.mark.parametrize(
    ("event", "lines"),
    [
        (Waiting("the kernel is busy"), ["waiting: the kernel is busy"]),
        (KernelChanged(1, "restarted"), ["kernel restarted"]),
        (KernelChanged(1, "busy"), []),
        (KernelChanged(1, "idle"), []),
        (Lost(1, 2), ["2 observations were lost on the way"]),
        (Detached("gone"), ["detached: gone"]),
    ],
)
def test_given_any_other_event_when_written_for_people_then_it_is_one_line(
    event: Event, lines: list[str]
) -> None:
    assert plain_lines(event) == lines


def test_given_several_models_when_attached_then_each_is_named_with_its_class() -> None:
    lines = plain_lines(attach_event({"a": model(1), "b": model(2, "pkg.Mine")}))

    assert lines[1] == "  models: a (LogisticRegression), b (Mine)"


def test_given_a_change_with_a_bracket_when_written_for_people_then_only_the_place_is_left_out() -> None:
    look = observation(1, run_facts(1), {"models['a'] ": rebind(model(1))}, calls=(call_of(model(1)),))

    (line,) = plain_lines(attach_event({}), Observed(1, look))[3:]

    assert line.startswith("  created   models['a']  was created")
