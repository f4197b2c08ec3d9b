"""Tests names: several for one object, swapped, deleted and restored; and stale partners."""

from __future__ import annotations

import pytest

from kernelscope.domain.facts import Part
from tests.support.facts import (
    SEARCH,
    VOTING,
    Watch,
    call_evidence,
    call_of,
    explanation_of,
    forget,
    model,
    params,
    pipeline,
    reasons,
    rebind,
    twin,
)


def test_given_a_known_model_when_another_name_gets_it_then_aliased_and_rebound() -> None:
    a = rebind(model(1))

    change = Watch(a=a).run(names={"c": a})["c"]

    assert (change.verdict, change.identity, change.learned) == ("aliased", "rebound", "same")
    assert (change.generation, change.previous_generation) == (1, None)
    assert change.certainty == "observed"


def test_given_a_model_first_seen_when_two_names_get_it_then_both_are_created() -> None:
    a = model(1)

    changes = Watch().run(names={"a": a, "b": a})

    assert {n: (c.verdict, c.identity) for n, c in changes.items()} == {
        "a": ("created", "new"),
        "b": ("created", "new"),
    }


def test_given_two_models_when_their_names_are_swapped_then_both_are_aliased() -> None:
    a, b = model(1), model(2)

    changes = Watch(a=a, b=b).run(names={"a": b, "b": a})

    assert {n: (c.verdict, c.generation, c.previous_generation) for n, c in changes.items()} == {
        "a": ("aliased", 2, 1),
        "b": ("aliased", 1, 2),
    }


@pytest.mark.parametrize("seen", [True, False])
def test_given_two_names_of_one_object_when_it_is_fitted_then_both_are(seen: bool) -> None:
    a = model(1)

    changes = Watch(a=a, c=a).run(rebind(a), **call_evidence(a, "fit", seen=seen))

    assert {n: c.verdict for n, c in changes.items()} == {"a": "fitted", "c": "fitted"}


def test_given_a_known_model_when_rebound_and_refitted_in_one_run_then_refitted_wins_and_the_identity_is_rebound() -> (
    None
):
    """'Same generation' is about the object, not the name."""
    a, b = rebind(model(1)), model(2)
    after = rebind(a)

    changes = Watch(a=a, b=b).run(names={"b": after, "c": after}, calls=[call_of(a)])

    assert {n: (c.verdict, c.identity) for n, c in changes.items()} == {
        "a": ("refitted", "same"),
        "b": ("refitted", "rebound"),
        "c": ("refitted", "rebound"),
    }


def test_given_a_known_model_when_rebound_and_cleared_in_one_run_then_cleared_wins() -> None:
    a = rebind(model(1))

    change = Watch(a=a).run(names={"c": forget(a)})["c"]

    assert (change.verdict, change.identity, change.certainty) == ("cleared", "rebound", "observed")


def test_given_a_known_model_when_rebound_and_continued_in_one_run_then_aliased_wins() -> None:
    a = rebind(model(1))

    change = Watch(a=a).run(names={"c": rebind(a)}, calls=[call_of(a, "partial_fit")])["c"]

    assert (change.verdict, change.identity, change.learned) == ("aliased", "rebound", "continued")


def test_given_a_name_when_deleted_and_given_back_the_same_object_then_aliased() -> None:
    a = rebind(model(1))
    watch = Watch(a=a)
    watch.run(names={"a": None})

    change = watch.run(names={"a": a})["a"]

    assert (change.verdict, change.identity, change.generation) == ("aliased", "rebound", 1)


def test_given_a_name_when_deleted_and_created_again_then_created() -> None:
    watch = Watch(a=rebind(model(1)))
    watch.run(names={"a": None})

    change = watch.run(names={"a": model(2)})["a"]

    assert (change.verdict, change.identity) == ("created", "new")


def test_given_a_name_for_a_token_that_was_never_described_when_run_then_it_holds_no_model() -> None:
    watch = Watch(a=model(1))
    ghost = model(9)
    changes = watch.events[0]

    run = watch.cell(names={"a": None, "b": None})

    assert changes is watch.events[0]
    assert [c.name for c in run.changes] == ["a"]
    assert watch.timeline.track("b") == ()
    assert ghost.token not in watch.timeline.objects


def test_given_a_pipeline_that_holds_a_model_when_its_name_is_reset_then_the_pipeline_is_stale() -> None:
    clf = rebind(model(1))
    pipe = pipeline(2, ("clf", clf))

    change = Watch(clf=clf, pipe=pipe).run(names={"clf": model(3)})["clf"]

    assert change.verdict == "reset"
    assert change.stale == ("pipe",)
    assert "#1 and what it had learned were discarded" not in explanation_of(change)


def test_given_a_pipeline_that_holds_a_model_when_another_name_still_has_it_then_nothing_is_stale() -> None:
    clf = rebind(model(1))
    pipe = pipeline(2, ("clf", clf))

    change = Watch(clf=clf, also=clf, pipe=pipe).run(names={"clf": model(3)})["clf"]

    assert change.stale == ()
    assert "#1 lives on as also" in explanation_of(change)


def test_given_a_pipeline_that_holds_a_model_when_its_name_is_deleted_then_the_pipeline_is_stale() -> None:
    clf = rebind(model(1))
    pipe = pipeline(2, ("clf", clf))

    assert Watch(clf=clf, pipe=pipe).run(names={"clf": None})["clf"].stale == ("pipe",)


def test_given_a_voting_classifier_when_an_argument_of_it_loses_its_name_then_it_is_stale_too() -> None:
    lr = model(1)
    vote = model(2, VOTING, parts=[Part("['lr']", 1, "lr")])

    assert Watch(lr=lr, vote=vote).run(names={"lr": model(3)})["lr"].stale == ("vote",)


def test_given_a_name_that_keeps_its_object_when_refitted_then_nothing_is_stale() -> None:
    clf = rebind(model(1))

    assert (
        Watch(clf=clf, pipe=pipeline(2, ("clf", clf))).run(rebind(clf), calls=[call_of(clf)])["clf"].stale
        == ()
    )


def test_given_a_best_estimator_when_a_name_gets_it_then_aliased_although_it_had_no_name_before() -> None:
    best = rebind(model(2, named=False))
    search = rebind(model(1, SEARCH, parts=[Part(".best_estimator_", 2)]), "best_score_")
    numbered = rebind(model(2))

    change = Watch(best, gs=search).run(names={"best": numbered})["best"]

    assert (change.verdict, change.identity, change.learned) == ("aliased", "rebound", "same")
    assert "None" not in " ".join((*reasons(change), explanation_of(change)))


def test_given_a_twin_under_another_name_when_one_is_refitted_then_only_that_one_is_named() -> None:
    a = rebind(model(1))
    b = twin(a, 2)

    assert list(Watch(a=a, b=b).run(rebind(b), calls=[call_of(b)])) == ["b"]


def test_given_a_part_and_a_dictionary_item_with_one_spelling_when_one_follows_the_other_then_both_are_reported() -> (
    None
):
    """``models['lr']`` was a step of the pipeline ``models``, and is now an item of a dictionary."""
    step = rebind(model(1, named=False))
    watch = Watch(step, models=pipeline(2, ("lr", step)))
    item = model(3)

    changes = watch.run(names={"models": None, "models['lr']": item})

    assert {n: (c.verdict, c.identity) for n, c in changes.items()} == {
        "models": ("deleted", "gone"),
        "models['lr']": ("created", "new"),
    }
    step = rebind(model(4, named=False))
    changes = watch.run(step, names={"models['lr']": None, "models": pipeline(5, ("lr", step))})
    assert {n: (c.verdict, c.identity) for n, c in changes.items()} == {
        "models['lr']": ("deleted", "gone"),
        "models": ("created", "new"),
    }


def test_given_a_name_spelled_like_a_part_when_both_exist_then_the_name_is_reported() -> None:
    point = model(1, named=False)
    own = model(2)
    t = model(3, "__main__.Trainer", library="other", parts=[Part(".model", 1)])

    watch = Watch(point, **{"t.model": own, "t": t})

    change = watch.run(params(own, C=9.0))["t.model"]
    assert (change.verdict, change.generation) == ("params", 2)
