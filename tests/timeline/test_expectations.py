"""Tests the language of expectations: what it accepts and refuses, and how a timeline is judged."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelscope.domain.changes import Change, Verdict
from kernelscope.domain.events import SHUT_DOWN, Event, KernelChanged, Lost, Observed
from kernelscope.domain.facts import ObjectFacts, Observation
from kernelscope.errors import UsageError
from kernelscope.expectations.checker import ExpectationChecker
from kernelscope.expectations.language import WORDS, parse
from kernelscope.expectations.results import Finding, Outcome, Result
from kernelscope.presentation.expectations import finding_sentence
from kernelscope.presentation.segments import text_of
from kernelscope.timeline.timeline import Timeline, Update
from kernelscope.timeline.view import TimelineView
from tests.support.facts import (
    OBSCURE,
    PIPELINE,
    Watch,
    attach_event,
    call_evidence,
    explanation_of,
    model,
    observation,
    params,
    pipeline,
    rebind,
    run_facts,
    write_in_place,
)
from tests.timeline.test_properties import changes_of, fast, streams, with_parts


def sentence_of(finding: Finding) -> str:
    return text_of(finding_sentence(finding))


class CheckedWatch(Watch):
    """A watch whose events an expectation checker receives."""

    def __init__(self, *expectations: str, **names: ObjectFacts) -> None:
        self._expected = [parse(text) for text in expectations]
        self.checker: ExpectationChecker | None = None
        self.reported_at_once: list[str] = []
        super().__init__(**names)

    def apply(self, event: Event) -> Update:
        if self.checker is None:
            self.checker = ExpectationChecker(self._expected, self.timeline)
        update = super().apply(event)
        self.reported_at_once += [sentence_of(finding) for finding in self.checker(update)]
        return update

    @property
    def results(self) -> tuple[Result, ...]:
        assert self.checker is not None
        return self.checker.results()

    @property
    def outcomes(self) -> list[Outcome]:
        return [result.outcome for result in self.results]

    def why(self, number: int = 0) -> str:
        return sentence_of(self.results[number].findings[0])


def story(*expectations: str) -> CheckedWatch:
    """Run m: [1] created, [2] fitted, [3] refitted, [4] replaced with another C; s: [5] created."""
    watch = CheckedWatch(*expectations)
    one, other = model(1), params(model(2), C=5.0)
    watch.cell(names={"m": one})
    watch.cell(rebind(one), **call_evidence(one, "fit", seen=True))
    watch.cell(rebind(rebind(one)), **call_evidence(one, "fit", seen=True))
    watch.cell(names={"m": other})
    watch.cell(names={"s": model(3)})
    return watch


HOLD = [
    "m: created once",
    "m: created",
    "m: created in 1",
    "m: created in [1]",
    "m: reset once",
    "m: reset at most once",
    "m: reset at least once",
    "m: not reset before 4",
    "m: not reset after 4",
    "m: not reset between 1 and 3",
    "m: untouched after 4",
    "m: only created, fitted, refitted or reset",
    "m: only created, fitted and refitted before 4",
    "m: only reset, fitted, refitted after 1",
    "m: fitted once",
    "m: fitted or refitted twice",
    "m: fitted or refitted 2 times",
    "m: fitted or refitted at least 2 times",
    "m: never deleted, copied, or aliased",
    "m: never deleted nor copied",
    "m: params",
    "m: not params before 4",
    "*: never unknown",
    "*: created once",
    "s: untouched after 5",
    "s: not reset",
    '"s": not reset',
    "t: never created",
    "  m :NOT  deleted ",
]
BREAK = [
    "m: not reset",
    "m: never reset",
    "m: created twice",
    "m: not reset in 4",
    "m: not reset between 3 and 4",
    "m: untouched",
    "m: untouched after 3",
    "m: untouched in 1",
    "m: only created, fitted",
    "m: refitted twice before 4",
    "m: fitted after 2",
    "m: saved",
    "m: not params",
    "*: not reset",
    "*: fitted",
    "s: fitted",
    "t: created",
]
UNDECIDED = ["t: not reset", "t: untouched", "models[*]: not reset", "M: not reset"]


@pytest.mark.parametrize(
    ("text", "outcome"),
    [*((t, "holds") for t in HOLD), *((t, "broken") for t in BREAK), *((t, "unknown") for t in UNDECIDED)],
)
def test_expectations_of_a_story_are_decided(text: str, outcome: Outcome) -> None:
    assert story(text).outcomes == [outcome]


def test_a_broken_expectation_is_reported_once_in_the_run_that_breaks_it() -> None:
    watch = story("m: not reset", "m: fitted or refitted once", "s: not reset")
    assert [line.split(" (")[0] for line in watch.reported_at_once] == [
        "In [3] m was fitted again: the same object",
        "In [4] m was replaced: a new LogisticRegression",
    ]
    assert "In [4] m was replaced" in watch.why()
    assert watch.results[0].findings[0].execution_count == 4
    assert watch.results[0].findings[0].change is not None


def test_an_unknown_name_suggests_similar_names() -> None:
    watch = CheckedWatch("modell: not reset", "models[*]: reset", model=model(1))
    assert watch.why() == "no model was ever called modell; did you mean model?"
    assert watch.why(1).startswith("no model ever had a name like models[*]")


@pytest.mark.parametrize("text", ["*: never unknown", "*: only created"])
def test_a_star_without_models_holds(text: str) -> None:
    assert CheckedWatch(text).outcomes == ["holds"]


def test_names_of_items_may_be_spelled_in_any_way() -> None:
    models = {"models['lr']": model(1), "models['a:b*']": model(2)}
    watch = CheckedWatch(
        "models['lr']: not reset",
        'models["lr"]: not reset',
        "models[*]: created",
        "models['a:b*']: not reset",
        "\"models['a:b*']\": not reset",
        **models,
    )
    assert watch.outcomes == ["holds", "holds", "unknown", "holds", "holds"]


def test_a_part_is_matched_by_its_name_and_by_no_pattern() -> None:
    step = model(2, named=False)
    watch = CheckedWatch("pipe['clf']: untouched", "pipe*: untouched", "p*: untouched")
    watch.attach({"pipe": pipeline(1, ("clf", step))}, [step])
    watch.cell(rebind(step), **call_evidence(step, "fit", seen=True))
    names = [[f.name for f in r.findings] for r in watch.results]
    assert names == [["pipe['clf']"], ["pipe"], ["pipe"]]
    assert PIPELINE in str(watch.results[1].findings[0].change)


# What cannot be decided.


def test_an_unknown_change_leaves_only_expectations_about_learning_undecided() -> None:
    m = rebind(model(1))
    watch = CheckedWatch(
        "m: not reset", "m: not refitted", "m: never unknown", "m: only fitted", "m: untouched", m=m
    )
    changes = watch.run(write_in_place(m), code=OBSCURE, sees_calls=False)
    assert changes["m"].verdict == "unknown"
    assert watch.outcomes == ["holds", "unknown", "broken", "unknown", "broken"]
    assert "it is not known how" in watch.why(1)


def test_lost_observations_leave_an_expectation_undecided() -> None:
    watch = CheckedWatch("m: not reset", "m: not reset in 1", "m: created", "m: params", m=model(1))
    watch.cell(params(model(1), C=2.0))
    watch.apply(Lost(1, 2))
    assert watch.outcomes == ["unknown", "holds", "unknown", "holds"]
    assert watch.why() == "2 observations were lost after In [1]"


def test_the_next_look_completes_one_that_was_cut_short() -> None:
    m = rebind(model(1))
    watch = CheckedWatch("m: not reset", "m: refitted once", "m: refitted", "m: untouched in 1", m=m)
    watch.cell(cut=["the look after this run: TimeoutError"])
    assert watch.outcomes == ["unknown", "unknown", "unknown", "unknown"]
    assert "In [1] could not be looked at" in watch.why()
    late = observation(2, run_facts(2), objects=[rebind(m)], late=True, **call_evidence(m, "fit", seen=True))
    watch.apply(Observed(1, late))
    assert watch.outcomes == ["holds", "unknown", "holds", "unknown"]


def test_a_cell_that_still_runs_at_the_end_leaves_an_expectation_undecided() -> None:
    watch = CheckedWatch("m: not reset", "m: not reset in 1", m=model(1))
    watch.apply(KernelChanged(1, "busy"))
    watch.cell()
    assert watch.outcomes == ["holds", "holds"], "the run was reported; the idle state comes later"
    watch.apply(KernelChanged(1, "idle"))
    watch.apply(KernelChanged(1, "busy"))
    watch.apply(KernelChanged(1, "died"))
    assert watch.outcomes == ["unknown", "holds"]
    assert "the kernel died after In [1]" in watch.why()


def test_a_requested_shutdown_leaves_nothing_undecided() -> None:
    for requested, outcome in ((True, "holds"), (False, "unknown")):
        watch = CheckedWatch("m: not reset", m=model(1))
        watch.cell()
        watch.apply(KernelChanged(1, "died", SHUT_DOWN, requested))
        assert watch.outcomes == [outcome]


def test_a_cell_without_a_reported_end_leaves_an_expectation_undecided() -> None:
    watch = CheckedWatch("m: not reset", m=model(1))
    watch.cell()
    watch.apply(KernelChanged(1, "busy"))
    assert watch.outcomes == ["unknown"]
    assert "still running" in watch.why()


def test_runs_before_the_attach_matter_only_if_an_expectation_numbers_them() -> None:
    timeline = Timeline()
    texts = [
        "m: not reset",
        "m: untouched in 3",
        "m: untouched after 5",
        "m: untouched after 7",
        "m: created",
    ]
    checker = ExpectationChecker(map(parse, texts), TimelineView(timeline))
    checker(timeline.apply(attach_event({"m": model(1)}, count=7)))
    results = checker.results()
    assert [r.outcome for r in results] == ["holds", "unknown", "unknown", "holds", "unknown"]
    assert sentence_of(results[1].findings[0]) == "In [1] to In [7] ran before anything was watched"
    assert "held a model already" in sentence_of(results[4].findings[0])


# Restarts.


def test_each_epoch_counts_runs_from_one() -> None:
    watch = CheckedWatch("m: not reset in 1", "m: created once", "m: reset")
    watch.cell(names={"m": model(1)})
    watch.cell(names={"m": model(2)})
    watch.apply(KernelChanged(1, "restarted"))
    watch.attach()
    assert watch.outcomes == ["holds", "broken", "broken"], "the current epoch counts"
    watch.cell(names={"m": model(1)})
    assert watch.outcomes == ["holds", "holds", "broken"]
    watch.cell(names={"m": model(2)})
    assert watch.outcomes == ["holds", "holds", "holds"]


def test_an_epoch_that_a_restart_cut_off_need_not_meet_expectations_and_one_that_ended_must() -> None:
    for restarted in (True, False):
        watch = CheckedWatch("m: created")
        watch.cell()
        if restarted:
            watch.apply(KernelChanged(1, "restarted"))
        watch.attach()
        watch.cell(names={"m": model(1)})
        assert watch.outcomes == ["holds" if restarted else "broken"]


def test_an_expectation_broken_before_a_restart_stays_broken() -> None:
    watch = CheckedWatch("m: not reset", m=model(1))
    watch.cell(names={"m": model(2)})
    watch.apply(KernelChanged(1, "restarted"))
    watch.attach({"m": model(1)})
    assert watch.outcomes == ["broken"]
    watch.cell(names={"m": model(2)})
    assert watch.reported_at_once[1].startswith("in epoch 2: In [1] m was replaced")


# Reading.


REFUSED = {
    "": "no colon",
    "model": "no colon",
    ": not reset": "no name",
    "model:": "a verdict is expected here, and it ends",
    "model: nto reset": "did you mean not?",
    "model: not resett": "did you mean reset?",
    "model: reset, ": "a verdict is expected here, and it ends",
    "model: reset onse": "did you mean once?",
    "model: reset once reset": "nothing more is expected here",
    "model: reset at moist once": "`at least` or `at most`",
    "model: reset at most": "`once`, `twice` or a number of times",
    "model: reset 3": "3 times",
    "model: untouched after": "an execution count is expected here, and it ends",
    "model: untouched after twelve": "an execution count is expected here",
    "model: untouched after ١": "an execution count is expected here",
    "model: untouched between 3": "between 3 and 8",
    "model: untouched between 5 and 3": "between 3 and 5",
    "model: not untouched": "that no run touches it is `untouched`",
    "model: untouched, reset": "nothing more",
    "model: reset or untouched": "`untouched` stands alone",
    "model: only": "a verdict is expected here",
    "model: not reset!": "nothing more is expected here",
    "model: not reset in 99999999999999999999": "an execution count is expected here",
    "models['a: not reset": "no colon",
}


@pytest.mark.parametrize("text", REFUSED)
def test_invalid_syntax_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse(text)
    assert REFUSED[text] in f"{refused.value.title}\n{refused.value.hint}"
    assert refused.value.hint.splitlines()[0].strip() == text.strip()
    assert "^" in refused.value.hint


def test_the_mark_is_under_the_word() -> None:
    with pytest.raises(UsageError) as refused:
        parse("model: not resett")
    line, mark = refused.value.hint.splitlines()
    assert mark.index("^") - 2 == line.index("resett")  # every line after the first is indented by two
    assert mark.count("^") == len("resett")


# For any input.

expected_names = st.sampled_from(["m", "n", "pipe", "*", "m*", "x"])
expected_words = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(", ".join)
claims = st.one_of(
    st.just("untouched"),
    st.tuples(st.sampled_from(["not", "never", "only"]), expected_words).map(" ".join),
    st.tuples(
        expected_words, st.sampled_from(["", "once", "twice", "3 times", "at least once", "at most twice"])
    ).map(" ".join),
)
whens = st.sampled_from(["", "after 2", "before 3", "in 2", "between 1 and 3"])
texts = st.tuples(expected_names, claims, whens).map(lambda t: f"{t[0]}: {t[1]} {t[2]}")


@fast
@given(st.text(max_size=40) | texts)
def test_given_any_text_when_parsed_then_it_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(UsageError):
        expectation = parse(text)
        assert parse(expectation.text) == expectation


def check_events(
    looks: list[Observation], *expectations: str
) -> tuple[Timeline, tuple[Result, ...], list[str]]:
    timeline = Timeline()
    checker = ExpectationChecker(map(parse, expectations), TimelineView(timeline))
    events: list[Event] = [attach_event({"m": model(1)}), *(Observed(1, look) for look in looks)]
    findings = [f for event in events for f in checker(timeline.apply(event))]
    return timeline, checker.results(), [sentence_of(f) for f in findings]


@fast
@given(streams())
def test_given_any_stream_when_no_reset_is_expected_then_it_is_broken_by_a_reset_and_nothing_else(
    looks: list[Observation],
) -> None:
    timeline, (result,), sentences = check_events(looks, "m: not reset")
    resets = [
        c for moment in timeline.moments for c in moment.changes if c.name == "m" and c.verdict == "reset"
    ]
    assert (result.outcome == "broken") == bool(resets)
    assert len(sentences) == bool(resets)


@fast
@given(streams())
def test_given_any_stream_when_a_model_is_touched_then_untouched_is_broken(looks: list[Observation]) -> None:
    timeline, (untouched, known), _ = check_events(looks, "m: untouched", "*: never unknown")
    changes = [c for moment in timeline.moments for c in moment.changes]
    assert (untouched.outcome == "broken") == any(c.name == "m" for c in changes)
    assert (known.outcome == "broken") == any(c.verdict is Verdict.UNKNOWN for c in changes)


@fast
@given(streams(), st.lists(texts, min_size=1, max_size=4))
def test_given_any_stream_and_expectations_then_what_was_reported_at_once_stays_broken(
    looks: list[Observation], expected: list[str]
) -> None:
    timeline, results, sentences = check_events(looks, *expected)
    findings = [f for result in results for f in result.findings]
    assert set(sentences) <= {sentence_of(f) for f in findings}
    for result in results:
        assert (result.outcome == "holds") == (not result.findings)
        assert all(sentence_of(f) for f in result.findings)
    explanations = {explanation_of(c) for c in changes_in(TimelineView(timeline))}
    assert all(f.change is None or explanation_of(f.change) in explanations for f in findings)


def changes_in(timeline: TimelineView) -> list[Change]:
    changes = [h.change for row in timeline.rows() for h in timeline.track(row.name) if h.change]
    return [*changes_of(timeline), *(each for change in changes for each in with_parts(change))]
