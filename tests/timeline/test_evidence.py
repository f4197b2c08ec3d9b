"""Tests what the evidence of a change says, and what it must not say."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from kernelscope.domain.facts import CodeFacts, MethodInCode
from tests.support.facts import (
    OBSCURE,
    SGD,
    Watch,
    call_of,
    load_access,
    model,
    pipeline,
    reasons,
    rebind,
    save_access,
    signature,
    twin,
    write_in_place,
)


@pytest.mark.parametrize(
    ("touched", "path", "sentence"),
    [
        (True, "/w/m", "the cell calls joblib.dump(), and its file /w/m was written during the run"),
        (
            False,
            None,
            "the cell calls joblib.dump(), and its file is named by the cell; no write was seen",
        ),
    ],
)
def test_given_a_save_then_the_evidence_has_the_file_and_whether_a_write_was_seen(
    touched: bool, path: str | None, sentence: str
) -> None:
    m = rebind(model(1))

    assert reasons(Watch(m=m).run(files=[save_access(m, touched=touched, path=path)])["m"]) == (sentence,)


def test_given_attributes_bound_written_and_gone_then_the_evidence_names_each() -> None:
    m = rebind(model(1), "a_", "b_", "c_", "d_")
    after = write_in_place(rebind(m, "a_"), "b_")
    after = replace(after, learned={n: s for n, s in after.learned.items() if n != "c_"})

    evidence = reasons(Watch(m=m).run(after, code=OBSCURE)["m"])

    assert evidence[:3] == ("a_ bound to a new value", "b_ written in place", "c_ gone")


def test_given_an_attribute_set_to_none_then_it_is_gone_and_not_new() -> None:
    m = rebind(model(1, SGD), "coef_", "t_")
    after = replace(m, learned={**m.learned, "coef_": signature("n", 2, "None")})

    assert reasons(Watch(m=m).run(after)["m"]) == ("coef_ gone",)


def test_given_an_attribute_that_was_none_when_bound_to_none_again_then_it_is_not_gone() -> None:
    m = replace(rebind(model(1)), learned={"a_": signature("x"), "b_": signature("n", 1, "None")})
    after = replace(m, learned={"a_": signature("y", 2), "b_": signature("n", 2, "None")})

    assert reasons(Watch(m=m).run(after)["m"])[0] == "a_, b_ bound to a new value"


def test_given_many_attributes_then_the_evidence_has_the_first_four_and_a_number() -> None:
    m = model(1)
    four, five = (rebind(m, *(f"{c}_" for c in letters)) for letters in ("abcd", "abcde"))

    assert reasons(Watch(m=m).run(four, calls=[call_of(m)])["m"])[1] == "a_, b_, c_, d_ bound to a new value"
    assert (
        reasons(Watch(m=m).run(five, calls=[call_of(m)])["m"])[1]
        == "a_, b_, c_, d_ and 1 more bound to a new value"
    )


def test_given_a_pipeline_whose_last_step_lost_its_state_then_the_evidence_names_that_step() -> None:
    clf = rebind(model(1, named=False))

    change = Watch(clf, pipe=pipeline(2, ("clf", clf))).run(replace(clf, learned={}))["pipe"]

    assert reasons(change) == ("its part ['clf']: coef_, intercept_ gone",)


def test_given_a_fit_that_raised_then_the_evidence_says_so() -> None:
    m = rebind(model(1))

    evidence = reasons(Watch(m=m).run(rebind(m), calls=[call_of(m, returned=False)])["m"])

    assert evidence[0] == "fit() seen, and raised an error"


def test_given_a_new_model_whose_fit_raised_half_way_then_no_evidence_says_that_it_learned() -> None:
    m = rebind(model(1))

    change = Watch().run(names={"m": m}, calls=[call_of(m, returned=False)], code=OBSCURE)["m"]

    assert (change.verdict, change.learned) == ("created", "unknown")
    assert "it came with a learned state, from where was not seen" in reasons(change)


@pytest.mark.parametrize(("before", "after"), [(5.0, 5.0), (5.0, 9.0)])
def test_given_fit_and_partial_fit_in_code_when_the_counter_did_not_fall_then_unknown(
    before: float, after: float
) -> None:
    m = replace(model(1), learned={"t_": signature("a", 1, "float", before)})
    code = CodeFacts(methods=(MethodInCode("fit", 1), MethodInCode("partial_fit", 1)), complete=True)
    now = replace(m, learned={"t_": signature("b", 2, "float", after)})

    change = Watch(m=m).run(now, code=code, sees_calls=False)["m"]

    assert (change.verdict, change.certainty) == ("unknown", "unknown")


def test_given_two_files_when_each_goes_into_a_name_then_each_change_has_its_own_file() -> None:
    a, b = rebind(model(1)), rebind(model(2))
    files = [load_access(a, "a", "/w/a"), load_access(b, "b", "/w/b")]

    changes = Watch().run(
        names={"a": a, "b": b}, files=files, calls=[call_of(a, "__setstate__"), call_of(b, "__setstate__")]
    )

    assert {n: c.persistence.file for n, c in changes.items() if c.persistence} == {"a": "/w/a", "b": "/w/b"}
    assert "the cell calls joblib.load() on /w/a" in reasons(changes["a"])


def test_given_a_load_whose_file_the_code_does_not_show_then_the_evidence_has_only_the_call() -> None:
    a = rebind(model(1))

    change = Watch().run(
        names={"a": a}, files=[load_access(a, "a", None)], calls=[call_of(a, "__setstate__")]
    )["a"]

    assert "the cell calls joblib.load()" in reasons(change)


@pytest.mark.parametrize(("known", "learned"), [(True, "unknown"), (False, "fitted")])
def test_given_code_that_may_copy_or_fit_when_calls_are_not_seen_then_a_known_twin_makes_it_unknown(
    known: bool, learned: str
) -> None:
    m = rebind(model(1))
    new = twin(m, 2) if known else rebind(model(2))
    code = CodeFacts(methods=(MethodInCode("fit", None),), copies=("copy.deepcopy",), complete=True)

    change = Watch(m=m).run(names={"n": new}, code=code, sees_calls=False)["n"]

    assert (change.verdict, change.learned, change.certainty) == ("created", learned, "observed")


def test_given_a_state_of_another_class_or_an_unread_one_when_restored_then_it_has_no_known_twin() -> None:
    m = rebind(model(1))
    other = replace(twin(m, 2), cls=SGD)
    unread = replace(model(3), learned={"coef_": signature(None)})
    watch = Watch(m=m, u=replace(unread, token=4, generation=4))

    changes = watch.run(
        names={"o": other, "p": unread},
        calls=[call_of(other, "__setstate__"), call_of(unread, "__setstate__")],
    )

    assert {n: (c.verdict, c.learned) for n, c in changes.items()} == {
        "o": ("created", "unknown"),
        "p": ("created", "unknown"),
    }


def test_given_a_method_on_a_pipeline_in_code_when_a_step_of_another_differs_then_it_is_not_blamed() -> None:
    inner, alone = rebind(model(1)), rebind(model(2))
    pipe, other = pipeline(3, ("clf", inner)), pipeline(4, ("clf", alone))
    code = CodeFacts(methods=(MethodInCode("fit", 3),), complete=True)

    changes = Watch(inner=inner, alone=alone, pipe=pipe, other=other).run(
        rebind(inner), write_in_place(alone), code=code, sees_calls=False
    )

    assert {n: c.verdict for n, c in changes.items()} == {
        "inner": "refitted", "alone": "unknown", "pipe": "refitted", "other": "unknown",
    }  # fmt: skip
