"""Tests what holds for every timeline, whatever a kernel did: the contract of ``watch --json``."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from kernelscope.domain.changes import Change, Moment
from kernelscope.domain.events import Observed
from kernelscope.domain.facts import (
    Call,
    CodeFacts,
    FileAccess,
    MethodInCode,
    ObjectFacts,
    Observation,
    Opaque,
    Part,
)
from kernelscope.forecast.forecaster import Forecaster
from kernelscope.presentation.reasons import reason_text
from kernelscope.timeline.timeline import Timeline
from kernelscope.timeline.view import TimelineView
from tests.support.facts import (
    LOGISTIC,
    PIPELINE,
    SEARCH,
    SGD,
    attach_event,
    explanation_of,
    model,
    reasons,
    run_facts,
    signature,
)

SAME_OBJECT = {"refitted", "continued", "fitted", "cleared", "edited", "params"}
NAMES = ("m", "n", "pipe", "models['lr']")
ATTRIBUTES = ("coef_", "t_", "cache", "n_iter_")
METHODS = ("fit", "partial_fit", "fit_transform", "__setstate__", "__getstate__", "predict")
CLASSES = (LOGISTIC, SGD, PIPELINE, SEARCH, "__main__.Mine")

fast = settings(deadline=None, suppress_health_check=list(HealthCheck))


TOKENS = 4
SIGNATURES = [
    signature(digest, serial, text, number)
    for digest in (None, "a", "~b")
    for serial, text, number in ((1, "float64 array (1, 2)", None), (2, "None", None), (3, "int 3", 3.0))
]
LEARNED = [dict(zip(ATTRIBUTES, (a, b), strict=False)) for a in SIGNATURES for b in SIGNATURES]
PARTS = [
    Part(label, token, key)
    for token in range(1, TOKENS + 1)
    for label, key in (("['lr']", "lr"), ("['clf']", "clf"), (".best_estimator_", None), (".models[0]", ""))
]
VALUES = (1.0, 1, True, None, "l2", Opaque("list", "aa", 1), Opaque("list", None, 2))

tokens = st.integers(1, TOKENS)
learned = st.sampled_from([{}, *({"coef_": s} for s in SIGNATURES), *LEARNED])
parts = st.lists(st.sampled_from(PARTS), max_size=2, unique_by=lambda part: part.label)
values = st.fixed_dictionaries({"C": st.sampled_from(VALUES), "warm_start": st.booleans()})
calls = st.builds(
    Call,
    tokens,
    st.just(LOGISTIC),
    st.sampled_from(METHODS),
    st.just(2),
    st.integers(0, 2),
    st.sampled_from((None, "train")),
)
files = st.builds(
    FileAccess,
    st.sampled_from(("save", "load")),
    st.just("joblib.dump"),
    st.just("m"),
    st.none() | tokens,
    st.sampled_from((None, "/w/m.joblib")),
    st.booleans(),
)
methods = st.builds(
    MethodInCode, st.sampled_from(METHODS), st.none() | tokens, st.sampled_from((None, "train"))
)
codes = st.builds(
    CodeFacts,
    st.lists(methods, max_size=2).map(tuple),
    st.lists(st.tuples(tokens, st.sampled_from(ATTRIBUTES)), max_size=1).map(tuple),
    st.sampled_from(((), (), ("copy.deepcopy",))),
    st.booleans(),
)
bindings = st.dictionaries(st.sampled_from(NAMES), st.none() | tokens, max_size=2)


@st.composite
def facts(draw: st.DrawFn, token: int, known: ObjectFacts | None) -> ObjectFacts:
    """Draw an object at one look: its token, class and id never change, everything else may."""
    cls = known.cls if known else draw(st.sampled_from(CLASSES))
    return ObjectFacts(
        token=token,
        generation=known.generation if known else None,
        cls=cls,
        library="sklearn" if cls.startswith("sklearn") else "other",
        id=known.id if known else 0x1000 * (token % 3),
        params=draw(values),
        learned=draw(learned),
        parts=tuple(draw(parts)) if cls in (PIPELINE, SEARCH, "__main__.Mine") else (),
        not_evaluated=draw(st.sampled_from(((), (), ("coef_",)))),
    )


@st.composite
def streams(draw: st.DrawFn) -> list[Observation]:
    """Draw the looks of one epoch, numbered without gaps, at a kernel whose ``m`` holds object 1."""
    known = {1: model(1)}
    count = 0
    looks = []
    for seq in range(1, draw(st.integers(1, 5)) + 1):
        of_a_run = draw(st.sampled_from((True, True, False)))
        count += of_a_run
        names = draw(bindings)
        reached = {t for t in names.values() if t is not None}
        described = {
            t: draw(facts(t, known.get(t)))
            for t in sorted(draw(st.sets(tokens, max_size=2)) | (reached - known.keys()))
        }
        for t in reached:  # what a name reaches gets a generation
            now = described.get(t) or known[t]
            described[t] = replace(now, generation=t)
        known.update(described)
        looks.append(
            Observation(
                seq=seq,
                run=run_facts(count, draw(st.sampled_from("abc"))) if of_a_run else None,
                names=names,
                objects=tuple(described.values()),
                calls=tuple(draw(st.lists(calls, max_size=2))) if of_a_run else (),
                files=tuple(draw(st.lists(files, max_size=1))) if of_a_run else (),
                code=draw(codes) if of_a_run else CodeFacts(),
                sees_calls=draw(st.booleans()),
            )
        )
    return looks


def timeline_of(looks: Sequence[Observation], history_length: int = 0) -> TimelineView:
    """Apply the first ``history_length`` looks as the history of an attach, the rest live."""
    timeline = Timeline()
    runs = sum(look.run is not None for look in looks[:history_length])
    timeline.apply(attach_event({"m": model(1)}, count=runs, history=looks[:history_length]))
    for look in looks[history_length:]:
        timeline.apply(Observed(1, look))
    return TimelineView(timeline)


def with_parts(change: Change) -> list[Change]:
    return [change, *(c for part in change.parts for c in with_parts(part))]


def changes_of(timeline: TimelineView) -> list[Change]:
    return [each for moment in timeline.moments for c in moment.changes for each in with_parts(c)]


def words(moments: Sequence[Moment]) -> list[tuple[str, int, bytes]]:
    return [(m.kind, m.execution_count, msgspec.json.encode(m.changes)) for m in moments]


@fast
@given(streams())
def test_given_any_stream_when_judged_then_every_change_keeps_the_contract(looks: list[Observation]) -> None:
    for change in changes_of(timeline_of(looks)):
        if change.verdict == "reset":
            assert change.identity == "recreated"
        if change.verdict in SAME_OBJECT:
            assert change.identity not in ("recreated", "gone")
        assert (change.verdict == "deleted") == (change.identity == "gone")
        assert change.certainty in ("observed", "inferred", "unknown")
        assert reasons(change)
        assert all(reasons(change))
        assert explanation_of(change)
        assert change.verdict != "untouched"


@fast
@given(streams())
def test_given_any_stream_when_judged_then_a_verdict_claims_no_more_than_its_evidence(
    looks: list[Observation],
) -> None:
    for change in changes_of(timeline_of(looks)):
        if change.verdict == "unknown":
            assert change.certainty == "unknown"
            assert change.learned == "unknown"
        if change.certainty == "unknown":
            assert change.verdict == "unknown"
        if change.verdict in ("deleted", "created", "aliased"):
            assert change.certainty == "observed"
        if change.verdict == "reset":
            assert change.certainty == ("inferred" if change.learned == "unknown" else "observed")


@fast
@given(streams())
def test_given_any_stream_when_judged_then_the_axes_agree_with_the_verdict(looks: list[Observation]) -> None:
    all_seen = not any(o.not_evaluated for look in looks for o in look.objects)
    by_learned = {"cleared", "refitted", "edited", "unknown", "continued", "fitted"}
    for change in changes_of(timeline_of(looks)):
        if change.verdict in by_learned:
            assert str(change.learned) == str(change.verdict)
        if change.verdict == "deleted":
            objects = (change.learned, change.params, change.cls, change.generation, change.id, change.fitted)
            assert objects == (None,) * 6
            continue
        assert change.fitted is not None or change.learned == "unknown" or change.cls == CLASSES[-1]
        assert change.id is not None
        if change.verdict == "params":
            assert change.params
        if change.verdict == "saved":
            assert change.persistence is not None
        if change.learned == "none" and all_seen and change.cls != PIPELINE:
            assert change.fitted is False  # (a fitted step may be put into a pipeline)
        if change.learned == "cleared":
            assert change.verdict in ("cleared", "aliased")


@fast
@given(streams())
def test_given_any_stream_when_judged_then_generations_agree_with_the_identity(
    looks: list[Observation],
) -> None:
    for change in changes_of(timeline_of(looks)):
        if change.identity == "same":
            assert change.previous_generation in (change.generation, None)
        if change.identity in ("recreated", "rebound"):
            assert change.generation is None or change.generation != change.previous_generation
        if change.identity == "new":
            assert change.previous_generation is None


@fast
@given(streams())
def test_given_any_stream_when_judged_then_no_name_is_reported_twice_in_one_column(
    looks: list[Observation],
) -> None:
    for moment in timeline_of(looks).moments:
        names = [c.name for c in moment.changes]
        assert len(names) == len(set(names))


@fast
@given(streams())
def test_given_any_stream_when_judged_then_only_names_are_reported_with_parts_under_them(
    looks: list[Observation],
) -> None:
    timeline = timeline_of(looks)
    ever = {"m", *(n for look in looks for n in look.names)}
    for moment in timeline.moments:
        for change in moment.changes:
            assert change.name in ever
            assert all(part.name.startswith(change.name) for part in change.parts)


@fast
@given(streams())
def test_given_any_stream_when_judged_twice_then_the_result_is_the_same(looks: list[Observation]) -> None:
    one, other = timeline_of(looks), timeline_of(looks)

    assert words(one.moments) == words(other.moments)
    assert one.rows() == other.rows()
    assert one.objects == other.objects


@fast
@given(streams())
def test_given_any_stream_when_applied_then_neither_its_input_nor_earlier_results_change(
    looks: list[Observation],
) -> None:
    given_before = msgspec.json.encode(looks)
    timeline = Timeline()
    timeline.apply(attach_event({"m": model(1)}))
    updates = [(timeline.apply(Observed(1, look)), dict(timeline.objects)) for look in looks]
    said_then = [words(u.moments) for u, _ in updates]
    for look in looks:
        timeline.apply(Observed(1, replace(look, seq=look.seq + 100)))

    assert msgspec.json.encode(looks) == given_before
    assert [words(u.moments) for u, _ in updates] == said_then
    reported = [moment for u, _ in updates for moment in u.moments]
    assert reported == list(timeline.moments[1 : len(reported) + 1])


@fast
@given(streams(), st.integers(0, 6))
def test_given_any_stream_when_split_into_history_and_live_then_the_timeline_is_the_same(
    looks: list[Observation], place: int
) -> None:
    live, late = timeline_of(looks), timeline_of(looks, min(place, len(looks)))

    assert words(late.moments) == words(live.moments)
    assert late.rows() == live.rows()
    assert late.objects == live.objects
    assert late.cells() == live.cells()
    for row in live.rows():
        assert list(late.track(row.name)) == list(live.track(row.name))


@fast
@given(streams())
def test_given_any_stream_when_a_look_does_not_touch_a_name_then_the_name_is_not_reported(
    looks: list[Observation],
) -> None:
    timeline = Timeline()
    timeline.apply(attach_event({"m": model(1)}))
    names = {"m": 1}
    for look in looks:
        before = dict(names)
        changes = [c for m in timeline.apply(Observed(1, look)).moments for c in m.changes]
        for name, token in look.names.items():
            if token is None or token not in timeline.objects:
                names.pop(name, None)
            else:
                names[name] = token
        touched = {o.token for o in look.objects} | {c.token for c in look.calls}
        touched |= {f.token for f in look.files if f.token is not None}
        for change in changes:
            if before.get(change.name) == names.get(change.name):
                assert reachable_from(names[change.name], TimelineView(timeline)) & touched


def reachable_from(token: int, timeline: TimelineView) -> set[int]:
    """Return the tokens of the object and of everything that it holds."""
    reached: set[int] = set()
    pending = [token]
    while pending:
        if (each := pending.pop()) in timeline.objects and each not in reached:
            reached.add(each)
            pending += [p.token for p in timeline.objects[each].parts]
    return reached


@fast
@given(streams())
def test_given_any_stream_when_changes_are_summed_up_then_every_row_holds_the_sum(
    looks: list[Observation],
) -> None:
    timeline = timeline_of(looks)
    generations: dict[str, int | None] = {"m": 1}
    for moment in timeline.moments:
        for change in moment.changes:
            if change.verdict == "deleted":
                generations.pop(change.name)
            else:
                generations[change.name] = change.generation
        for name in {"m", *NAMES}:
            point = timeline.entry_at(name, moment.index)
            row = next((r for r in timeline.rows() if r.name == name), None)
            if row is not None and row.whole is not None:
                continue  # a part that is spelled like a name
            now = point.facts.generation if point is not None and point.facts is not None else None
            assert now == generations.get(name)


@fast
@given(streams())
def test_given_any_stream_when_a_run_repeats_a_source_then_it_is_a_rerun(looks: list[Observation]) -> None:
    latest: dict[str, int] = {}
    for moment in timeline_of(looks).moments:
        if moment.run is not None:
            assert moment.run.rerun_of == latest.get(moment.run.facts.code_hash)
            latest[moment.run.facts.code_hash] = moment.run.count


SOURCES = (
    "m = LogisticRegression()",
    "m, n = n, m",
    "n = m\nm.fit(X, y)",
    "if 'm' not in globals(): m = make()",
    "models['lr'] = m\ndel n",
    "for m in models.values(): m.partial_fit(X)",
    "m.C *= 2; pipe.set_params(lr__C=1.0); m.coef_[0] += 1",
    "models = {}\nfor k in ks: models[k] = LogisticRegression()",
    "models.append(m)\nm = copy.deepcopy(n)",
    "m = (",
)


@fast
@given(streams(), st.dictionaries(st.integers(1, 5), st.sampled_from(SOURCES)))
def test_given_any_stream_when_forecast_then_the_timeline_does_not_change(
    looks: list[Observation], sources: dict[int, str]
) -> None:
    looks_with_sources = [
        replace(look, run=run_facts(look.run.execution_count, sources.get(look.seq, "a")))
        if look.run
        else look
        for look in looks
    ]
    timeline = Timeline()
    timeline.apply(attach_event({"m": model(1)}))
    for look in looks_with_sources:
        timeline.apply(Observed(1, look))
        before = msgspec.json.encode((timeline.moments[-1], timeline.names, list(timeline.objects.values())))
        for cell in TimelineView(timeline).cells():
            outlook = Forecaster(TimelineView(timeline)).of(cell.runs[-1])
            names = [f.name for f in outlook.forecasts]
            assert len(names) == len(set(names))
            for forecast in outlook.forecasts:
                assert reason_text(forecast.reason)
                assert not forecast.sure or (forecast.verdict is not None and outlook.doubt is None)
        assert before == msgspec.json.encode(
            (timeline.moments[-1], timeline.names, list(timeline.objects.values()))
        )
