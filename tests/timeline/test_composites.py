"""Tests composites: to which objects a change of a part belongs, and how deep kernelscope looks."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from kernelscope.domain.facts import CodeFacts, MethodInCode, ObjectFacts, Opaque, Part
from tests.support.facts import (
    PIPELINE,
    SCALER,
    SEARCH,
    VOTING,
    Watch,
    call_of,
    explanation_of,
    forget,
    model,
    params,
    pipeline,
    reasons,
    rebind,
    write_in_place,
)

UNION = "sklearn.pipeline.FeatureUnion"


def build_fitted_pipe() -> tuple[ObjectFacts, ObjectFacts, ObjectFacts]:
    scale, clf = rebind(model(1, SCALER, named=False), "mean_"), rebind(model(2, named=False))
    return scale, clf, pipeline(3, ("scale", scale), ("clf", clf))


def test_given_a_pipeline_when_fitted_then_it_and_its_named_steps_are() -> None:
    scale, clf = model(1, SCALER), model(2)
    pipe = pipeline(3, ("scale", scale), ("clf", clf))
    calls = [call_of(pipe), call_of(scale, "fit_transform", nested=True), call_of(clf, nested=True)]

    changes = Watch(scale=scale, clf=clf, pipe=pipe).run(rebind(scale, "mean_"), rebind(clf), calls=calls)

    assert {n: (c.verdict, c.certainty) for n, c in changes.items()} == {
        "scale": ("fitted", "observed"),
        "clf": ("fitted", "observed"),
        "pipe": ("fitted", "observed"),
    }
    assert [(p.name, p.verdict) for p in changes["pipe"].parts] == [
        ("pipe['scale']", "fitted"),
        ("pipe['clf']", "fitted"),
    ]


def test_given_a_fitted_pipeline_when_a_step_is_refitted_by_itself_then_the_pipeline_is_refitted() -> None:
    scale, clf, pipe = build_fitted_pipe()

    changes = Watch(scale, clf, pipe=pipe).run(rebind(clf), calls=[call_of(clf)])

    assert list(changes) == ["pipe"]
    whole = changes["pipe"]
    assert (whole.verdict, whole.identity, whole.certainty) == ("refitted", "same", "observed")
    assert reasons(whole)[0].startswith("its part ['clf']: fit() seen")
    assert [(p.name, p.verdict, p.generation) for p in whole.parts] == [("pipe['clf']", "refitted", None)]


def test_given_a_pipeline_when_only_the_code_shows_a_fit_then_refitted_and_inferred() -> None:
    scale, clf, pipe = build_fitted_pipe()
    code = CodeFacts(methods=(MethodInCode("fit", pipe.token),), complete=True)

    change = Watch(scale, clf, pipe=pipe).run(
        rebind(scale, "mean_"), rebind(clf), code=code, sees_calls=False
    )["pipe"]

    assert (change.verdict, change.certainty) == ("refitted", "inferred")


def test_given_a_pipeline_when_a_part_without_a_generation_changes_then_no_sentence_says_none() -> None:
    scale, clf, pipe = build_fitted_pipe()
    watch = Watch(scale, clf, pipe=pipe)

    change = watch.run(rebind(clf), calls=[call_of(clf)])["pipe"]

    for part in change.parts:
        assert "None" not in " ".join((explanation_of(part), *reasons(part)))


def test_given_a_pipeline_when_a_parameter_of_a_step_is_set_then_params_of_the_pipeline() -> None:
    scale, clf, pipe = build_fitted_pipe()

    change = Watch(scale, clf, pipe=pipe).run(params(clf, C=7.0))["pipe"]

    assert (change.verdict, change.learned) == ("params", "same")
    assert change.params == {"clf__C": (1.0, 7.0)}


def test_given_a_pipeline_when_a_step_is_edited_then_edited() -> None:
    scale, clf, pipe = build_fitted_pipe()
    code = CodeFacts(assigned=((2, "coef_"),), complete=True)

    assert Watch(scale, clf, pipe=pipe).run(write_in_place(clf), code=code)["pipe"].verdict == "edited"


def test_given_a_pipeline_when_one_step_continues_and_one_is_refitted_then_refitted() -> None:
    scale, clf, pipe = build_fitted_pipe()
    calls = [call_of(scale, "partial_fit"), call_of(clf)]

    change = Watch(scale, clf, pipe=pipe).run(write_in_place(scale, "mean_"), rebind(clf), calls=calls)[
        "pipe"
    ]

    assert change.verdict == "refitted"
    assert [p.verdict for p in change.parts] == ["continued", "refitted"]


def test_given_a_fitted_pipeline_when_its_last_step_is_cleared_then_cleared() -> None:
    scale, clf, pipe = build_fitted_pipe()

    change = Watch(scale, clf, pipe=pipe).run(forget(clf))["pipe"]

    assert (change.verdict, change.fitted) == ("cleared", False)


def test_given_a_fitted_pipeline_when_its_last_step_is_replaced_by_an_unfitted_one_then_cleared() -> None:
    scale, clf, pipe = build_fitted_pipe()
    other = model(9, named=False)
    steps = (pipe.parts[0], Part("['clf']", other.token, "clf"))

    change = Watch(scale, clf, pipe=pipe).run(other, replace(pipe, parts=steps))["pipe"]

    assert (change.verdict, change.identity, change.learned) == ("cleared", "same", "cleared")
    assert change.fitted is False
    assert [(p.name, p.verdict) for p in change.parts] == [("pipe['clf']", "reset")]


def test_given_a_subclass_of_pipeline_when_a_step_is_refitted_then_so_is_the_pipeline() -> None:
    scale, clf, pipe = build_fitted_pipe()
    mine = replace(pipe, cls="imblearn.pipeline.Pipeline", bases=(PIPELINE,))

    assert Watch(scale, clf, pipe=mine).run(rebind(clf), calls=[call_of(clf)])["pipe"].verdict == "refitted"


def test_given_a_feature_union_when_one_of_two_is_not_fitted_then_neither_is_the_union() -> None:
    a, b = model(1, SCALER, named=False), model(2, SCALER, named=False)
    union = model(3, UNION, parts=[Part("['a']", 1, "a"), Part("['b']", 2, "b")])
    watch = Watch(a, b, union=union)

    first = watch.run(rebind(a, "mean_"), rebind(b, "mean_"), calls=[call_of(union)])["union"]

    assert (first.verdict, first.fitted) == ("fitted", True)


def test_given_a_voting_classifier_when_an_argument_of_it_is_refitted_then_it_is_untouched() -> None:
    lr = rebind(model(1))
    vote = rebind(model(2, VOTING, parts=[Part("['lr']", 1, "lr")]), "estimators_")

    changes = Watch(lr=lr, vote=vote).run(rebind(lr), calls=[call_of(lr)])

    assert {n: c.verdict for n, c in changes.items()} == {"lr": "refitted"}


def test_given_a_voting_classifier_when_fitted_then_its_argument_is_untouched() -> None:
    lr = model(1)
    vote = model(2, VOTING, parts=[Part("['lr']", 1, "lr")])
    clone = rebind(model(3, named=False))
    fitted = rebind(replace(vote, parts=(*vote.parts, Part(".estimators_[0]", 3))), "estimators_")

    changes = Watch(lr=lr, vote=vote).run(clone, fitted, calls=[call_of(vote), call_of(clone, nested=True)])

    assert {n: c.verdict for n, c in changes.items()} == {"vote": "fitted"}


def test_given_a_voting_classifier_when_a_fitted_clone_is_refitted_then_so_is_the_classifier() -> None:
    clone = rebind(model(3, named=False))
    vote = rebind(model(2, VOTING, parts=[Part(".estimators_[0]", 3)]), "estimators_")

    assert Watch(clone, vote=vote).run(rebind(clone), calls=[call_of(clone)])["vote"].verdict == "refitted"


def test_given_a_search_when_its_estimator_is_fitted_and_set_then_only_its_parameter_changes() -> None:
    tree = rebind(model(1))
    search = rebind(model(2, SEARCH, parts=[Part(".estimator", 1, "estimator")]), "best_score_")

    changes = Watch(tree=tree, gs=search).run(rebind(params(tree, C=2.0)), calls=[call_of(tree)])

    assert changes["tree"].verdict == "refitted"
    assert changes["gs"].verdict == "params"
    assert changes["gs"].params == {"estimator__C": (1.0, 2.0)}


def test_given_a_name_on_the_best_estimator_when_the_search_runs_again_then_the_name_is_untouched() -> None:
    best = rebind(model(2))
    search = rebind(model(1, SEARCH, parts=[Part(".best_estimator_", 2)]), "best_score_", "best_estimator_")
    better = rebind(model(3, named=False))
    again = rebind(replace(search, parts=(Part(".best_estimator_", 3),)), "best_score_", "best_estimator_")
    watch = Watch(gs=search, best=best)

    changes = watch.run(better, again, calls=[call_of(search), call_of(better, nested=True)])

    assert {n: c.verdict for n, c in changes.items()} == {"gs": "refitted"}
    assert [(p.name, p.verdict, p.previous_generation) for p in changes["gs"].parts] == [
        ("gs.best_estimator_", "reset", 2)
    ]
    point = watch.timeline.entry_at("best", 1)
    assert point is not None
    assert point.facts is not None
    assert point.facts.generation == 2


def test_given_a_pipeline_when_deleted_then_its_named_step_is_not() -> None:
    scale, clf, pipe = build_fitted_pipe()
    step = replace(clf, generation=2)

    changes = Watch(scale, clf=step, pipe=pipe).run(names={"pipe": None})

    assert {n: c.verdict for n, c in changes.items()} == {"pipe": "deleted"}


def test_given_unnamed_parts_when_one_gets_another_parameter_then_no_parameter_of_the_whole_changes() -> None:
    """``get_params(deep=True)`` does not look into plain lists."""
    a, b = model(1, named=False), params(model(2, named=False), C=5.0)
    whole = model(3, "__main__.Both", parts=[Part(".models[0]", 1, ""), Part(".models[1]", 2, "")])

    assert Watch(a, b, whole=whole).run(params(a, C=2.0)) == {}


def test_given_a_list_parameter_when_an_item_is_replaced_then_its_digest_shows_it() -> None:
    m = model(1, steps=Opaque("list of 2 steps", "aa", 1))

    change = Watch(m=m).run(params(m, steps=Opaque("list of 2 steps", "bb", 1)))["m"]

    assert change.verdict == "params"


@pytest.mark.parametrize(
    ("before", "after", "differ"),
    [
        (Opaque("x", "aa", 1), Opaque("x", "aa", 2), False),
        (Opaque("x", "aa", 1), Opaque("y", "aa", 1), False),
        (Opaque("x", None, 1), Opaque("x", "aa", 1), False),
        (Opaque("x", None, 1), Opaque("x", None, 2), True),
        (Opaque("x", None, 1), Opaque("y", None, 1), True),
        (Opaque("x", None, 1), 3, True),
        (3, Opaque("3", None, 1), True),
    ],
)
def test_given_opaque_values_when_compared_then_the_digest_decides_else_the_serial(
    before: Opaque, after: Opaque, differ: bool
) -> None:
    m = model(1, weights=before)

    assert bool(Watch(m=m).run(params(m, weights=after))) is differ


def test_given_a_pipeline_that_contains_itself_when_it_changes_then_it_is_still_reported() -> None:
    clf = rebind(model(2))
    pipe = model(1, PIPELINE, parts=[Part("['clf']", 2, "clf"), Part("['self']", 1, "self")])
    watch = Watch(clf=clf, pipe=pipe)

    changes = watch.run(rebind(clf), pipe, calls=[call_of(clf), call_of(pipe)])

    assert {n: c.verdict for n, c in changes.items()} == {"clf": "refitted"}  # it never counts as fitted
    assert watch.run(names={"clf": None})["clf"].stale == ("pipe",)


def test_given_two_pipelines_that_contain_each_other_when_one_is_fitted_then_it_is_still_reported() -> None:
    a = model(1, PIPELINE, parts=[Part("['b']", 2, "b")])
    b = model(2, PIPELINE, parts=[Part("['a']", 1, "a")])

    run = Watch(a=a, b=b).cell(params(a, C=4.0), calls=[call_of(b)])

    assert "a" in {c.name for c in run.changes}


def test_given_nested_pipelines_when_the_inner_step_is_refitted_then_both_pipelines_are() -> None:
    clf = rebind(model(1, named=False))
    inner = pipeline(2, ("clf", clf))
    outer = pipeline(3, ("inner", inner))

    changes = Watch(clf, inner=inner, outer=outer).run(rebind(clf), calls=[call_of(clf)])

    assert {n: c.verdict for n, c in changes.items()} == {"inner": "refitted", "outer": "refitted"}
    assert [p.name for p in changes["outer"].parts] == ["outer['inner']", "outer['inner']['clf']"]


def test_given_rows_when_listed_then_every_name_is_followed_by_its_parts() -> None:
    scale, clf, pipe = build_fitted_pipe()
    watch = Watch(scale, clf, pipe=pipe, other=model(8))
    watch.run(names={"late": model(9)})

    assert [(r.name, r.whole) for r in watch.timeline.rows()] == [
        ("pipe", None),
        ("pipe['scale']", "pipe"),
        ("pipe['clf']", "pipe"),
        ("other", None),
        ("late", None),
    ]


def test_given_an_ensemble_when_its_template_is_fitted_by_name_then_the_ensemble_is_untouched() -> None:
    base = model(2)
    ada = rebind(
        model(
            1,
            "sklearn.ensemble._weight_boosting.AdaBoostClassifier",
            parts=[Part(".estimator", 2, "estimator"), Part(".estimator_", 2)],
        ),
        "estimators_",
    )

    changes = Watch(base=base, ada=ada).run(rebind(base), calls=[call_of(base)])

    assert {n: c.verdict for n, c in changes.items()} == {"base": "fitted"}


@pytest.mark.parametrize("seen", [True, False])
def test_given_a_class_without_state_of_its_own_when_fitted_then_its_part_decides(
    seen: bool,
) -> None:
    inner = model(2)
    thin = model(1, "__main__.Thin", parts=[Part(".inner", 2, "inner")])
    watch = Watch(inner, thin=thin)
    code = CodeFacts(methods=(MethodInCode("fit", 1), MethodInCode("fit", 2, "fit")), complete=True)
    calls = [call_of(thin), call_of(inner, nested=True)] if seen else []

    first = watch.run(rebind(inner), thin, calls=calls, code=code, sees_calls=seen)["thin"]
    again = watch.run(rebind(rebind(inner)), thin, calls=calls, code=code, sees_calls=seen)["thin"]

    assert (first.verdict, again.verdict) == ("fitted", "refitted")


@pytest.mark.parametrize(("known", "words"), [("part", "a part"), ("local", "#9")])
def test_given_an_object_that_existed_unreported_when_a_name_reaches_it_then_aliased(
    known: str, words: str
) -> None:
    tree = replace(rebind(model(9)), known=known)

    change = Watch(rf=rebind(model(1))).run(tree, names={"tree": tree})["tree"]

    assert (change.verdict, change.identity, change.generation) == ("aliased", "rebound", 9)
    assert reasons(change)[0] == f"the object was known before as {words}"


def test_given_parameters_with_equal_text_then_only_the_record_has_them_not_the_sentence() -> None:
    def pipe(token: int, serial: int, c: float) -> ObjectFacts:
        return model(token, PIPELINE, steps=Opaque("[('clf', Ridge)]", f"d{serial}"), C=c)

    change = Watch(pipe=pipe(1, 1, 1.0)).run(names={"pipe": pipe(2, 2, 5.0)})["pipe"]

    assert change.params is not None
    assert set(change.params) == {"steps", "C"}
    assert "Hyper-parameters: C 1.0 → 5.0." in explanation_of(change)
    assert "steps" not in explanation_of(change)
