"""Tests every verdict of one object under one name, and its axes."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from kernelscope.domain.changes import Change, Identity, Learned, Verdict
from kernelscope.domain.facts import CodeFacts, MethodInCode, ObjectFacts, Signature
from tests.support.facts import (
    FOLLOWED,
    LOGISTIC,
    OBSCURE,
    SGD,
    Watch,
    call_evidence,
    call_of,
    forget,
    load_access,
    model,
    params,
    reasons,
    rebind,
    save_access,
    signature,
    twin,
    write_in_place,
)

both = pytest.mark.parametrize(("seen", "certainty"), [(True, "observed"), (False, "inferred")])
"""With calls that the probe sees, and with the code alone."""


def axes(change: Change) -> tuple[str, str, str | None, str]:
    return change.verdict, change.identity, change.learned, change.certainty


def test_given_no_name_when_it_holds_an_unfitted_model_then_created() -> None:
    m = model(1)

    change = Watch().run(names={"m": m})["m"]

    assert axes(change) == ("created", "new", "none", "observed")
    assert (change.generation, change.previous_generation) == (1, None)
    assert (change.id, change.previous_id) == (m.id, None)
    assert change.fitted is False
    assert change.params == {}
    assert change.cls == LOGISTIC
    assert (change.scope, change.persistence, change.stale, change.parts) == ("global", None, (), ())


@both
def test_given_no_name_when_created_and_fitted_in_one_cell_then_created_and_fitted(
    seen: bool, certainty: str
) -> None:
    m = rebind(model(1))

    change = Watch().run(names={"m": m}, **call_evidence(m, "fit", seen=seen))["m"]

    # The verdict is about the object, which was observed, however its state is known.
    assert axes(change) == ("created", "new", "fitted", "observed")
    assert change.fitted is True


def test_given_a_model_when_the_name_gets_another_then_reset() -> None:
    old, new = rebind(model(1)), params(model(2), C=0.1)

    change = Watch(m=old).run(names={"m": new})["m"]

    assert axes(change) == ("reset", "recreated", "none", "observed")
    assert (change.generation, change.previous_generation) == (2, 1)
    assert (change.id, change.previous_id) == (new.id, old.id)
    assert change.params == {"C": (1.0, 0.1)}
    assert change.fitted is False


def test_given_a_model_when_its_id_is_used_again_then_reset_and_the_evidence_says_so() -> None:
    old = model(1)
    new = replace(model(2), id=old.id)

    change = Watch(m=old).run(names={"m": new})["m"]

    assert axes(change) == ("reset", "recreated", "none", "observed")
    assert any("address was used again" in e for e in reasons(change))


def test_given_a_model_when_the_name_gets_one_of_another_class_then_no_parameters_are_compared() -> None:
    change = Watch(m=model(1)).run(names={"m": model(2, SGD, C=5.0)})["m"]

    assert change.verdict == "reset"
    assert change.params == {}


@both
def test_given_a_model_when_recreated_and_fitted_then_reset_with_what_the_new_one_learned(
    seen: bool, certainty: str
) -> None:
    new = rebind(model(2))

    change = Watch(m=rebind(model(1))).run(names={"m": new}, **call_evidence(new, "fit", seen=seen))["m"]

    assert axes(change) == ("reset", "recreated", "fitted", "observed")


@both
def test_given_an_unfitted_model_when_fitted_then_fitted(seen: bool, certainty: str) -> None:
    m = model(1)

    change = Watch(m=m).run(rebind(m), **call_evidence(m, "fit", seen=seen))["m"]

    assert axes(change) == ("fitted", "same", "fitted", certainty)
    assert (change.generation, change.previous_generation) == (1, 1)
    assert change.fitted is True


@both
@pytest.mark.parametrize("method", ["fit", "fit_transform", "fit_predict"])
def test_given_a_fitted_model_when_fitted_again_then_refitted(
    seen: bool, certainty: str, method: str
) -> None:
    m = rebind(model(1))

    change = Watch(m=m).run(rebind(m), **call_evidence(m, method, seen=seen))["m"]

    assert axes(change) == ("refitted", "same", "refitted", certainty)


@both
def test_given_a_fitted_model_when_partial_fit_then_continued(seen: bool, certainty: str) -> None:
    m = rebind(model(1))

    change = Watch(m=m).run(write_in_place(m), **call_evidence(m, "partial_fit", seen=seen))["m"]

    assert axes(change) == ("continued", "same", "continued", certainty)


@both
def test_given_warm_start_when_fitted_again_then_continued(seen: bool, certainty: str) -> None:
    m = rebind(model(1, warm_start=True))

    change = Watch(m=m).run(rebind(m), **call_evidence(m, "fit", seen=seen))["m"]

    assert axes(change) == ("continued", "same", "continued", certainty)


def test_given_a_fit_to_equal_values_when_the_call_is_seen_then_refitted() -> None:
    m = rebind(model(1))

    change = Watch(m=m).run(calls=[call_of(m)])["m"]

    assert axes(change) == ("refitted", "same", "refitted", "observed")


def test_given_an_unfitted_model_when_partial_fit_then_fitted_for_the_first_time() -> None:
    m = model(1)

    assert Watch(m=m).run(rebind(m), calls=[call_of(m, "partial_fit")])["m"].verdict == "fitted"


@pytest.mark.parametrize("seen", [True, False])
def test_given_a_fitted_model_when_its_learned_attributes_go_then_cleared(seen: bool) -> None:
    m = rebind(model(1))

    change = Watch(m=m).run(forget(m), sees_calls=seen)["m"]

    assert axes(change) == ("cleared", "same", "cleared", "observed")
    assert change.fitted is False


def test_given_a_fitted_model_when_a_refused_fit_left_no_coefficients_then_cleared() -> None:
    m = rebind(model(1, SGD), "coef_", "t_")
    broken = replace(m, learned={**m.learned, "coef_": signature("none", 2, "None")})

    change = Watch(m=m).run(broken, calls=[call_of(m, returned=False)], status="error")["m"]

    assert axes(change) == ("cleared", "same", "cleared", "observed")


def test_given_a_fit_refused_before_anything_was_touched_when_run_then_untouched() -> None:
    m = rebind(model(1))

    assert Watch(m=m).run(calls=[call_of(m, returned=False)], status="error") == {}


def test_given_a_fit_that_raised_half_way_when_attributes_differ_then_failed() -> None:
    m = rebind(model(1))

    change = Watch(m=m).run(rebind(m, "coef_"), calls=[call_of(m, returned=False)], status="error")["m"]

    assert axes(change) == ("failed", "same", "unknown", "observed")


@both
def test_given_a_fitted_model_when_the_cell_writes_an_attribute_then_edited(
    seen: bool, certainty: str
) -> None:
    m = rebind(model(1))
    code = CodeFacts(assigned=((1, "coef_"),), complete=False)

    change = Watch(m=m).run(write_in_place(m), code=code, sees_calls=seen)["m"]

    assert axes(change) == ("edited", "same", "edited", certainty)
    assert any("writes to coef_" in e for e in reasons(change))


@pytest.mark.parametrize("seen", [True, False])
@pytest.mark.parametrize(("writes", "verdict"), [(("value",), "edited"), ((), "unknown")])
def test_given_code_followed_to_the_end_when_nothing_learns_then_only_a_write_in_place_explains_other_bytes(
    seen: bool, writes: tuple[str, ...], verdict: str
) -> None:
    m = rebind(model(1))
    code = replace(FOLLOWED, tensor_writes=writes)

    change = Watch(m=m).run(write_in_place(m), code=code, sees_calls=seen)["m"]

    assert (change.verdict, change.certainty) == (verdict, "inferred" if writes else "unknown")


@pytest.mark.parametrize("seen", [True, False])
def test_given_code_that_cannot_be_followed_when_bytes_differ_then_unknown(seen: bool) -> None:
    m = rebind(model(1))

    change = Watch(m=m).run(write_in_place(m), code=OBSCURE, sees_calls=seen)["m"]

    assert axes(change) == ("unknown", "same", "unknown", "unknown")


def test_given_fit_and_partial_fit_in_code_when_calls_are_not_seen_then_unknown() -> None:
    m = rebind(model(1))
    code = CodeFacts(methods=(MethodInCode("fit", 1), MethodInCode("partial_fit", 1)), complete=True)

    change = Watch(m=m).run(rebind(m), code=code, sees_calls=False)["m"]

    assert axes(change) == ("unknown", "same", "unknown", "unknown")


@pytest.mark.parametrize("order", [("fit", "partial_fit"), ("partial_fit", "fit")])
def test_given_a_fit_that_cannot_have_been_skipped_then_refitted_whatever_came_after(
    order: tuple[str, str],
) -> None:
    m = rebind(model(1))
    methods = tuple(MethodInCode(name, 1, sure=name == "fit") for name in order)

    change = Watch(m=m).run(rebind(m), code=CodeFacts(methods=methods), sees_calls=False)["m"]

    assert axes(change) == ("refitted", "same", "refitted", "inferred")


def test_given_fit_and_partial_fit_in_code_when_a_counter_fell_then_refitted() -> None:
    m = replace(rebind(model(1)), learned={"t_": signature("a", 1, "float 41.0", 41.0)})
    after = replace(m, learned={"t_": signature("b", 2, "float 5.0", 5.0)})
    code = CodeFacts(methods=(MethodInCode("fit", 1), MethodInCode("partial_fit", 1)), complete=True)

    change = Watch(m=m).run(after, code=code, sees_calls=False)["m"]

    assert axes(change) == ("refitted", "same", "refitted", "inferred")


def test_given_a_method_on_another_object_in_code_when_bytes_differ_then_it_is_not_blamed() -> None:
    m, other = rebind(model(1)), rebind(model(2))
    code = CodeFacts(methods=(MethodInCode("fit", 2),), complete=True)

    changes = Watch(m=m, other=other).run(write_in_place(m), rebind(other), code=code, sees_calls=False)

    assert changes["other"].verdict == "refitted"
    assert changes["m"].verdict == "unknown"


def test_given_a_call_with_an_unknown_receiver_in_code_when_bytes_differ_then_it_may_be_this_one() -> None:
    m = rebind(model(1))
    code = CodeFacts(methods=(MethodInCode("fit", None, "train"),), complete=False)

    change = Watch(m=m).run(rebind(m), code=code, sees_calls=False)["m"]

    assert axes(change) == ("refitted", "same", "refitted", "inferred")
    assert "train() calls fit()" in reasons(change)


def test_given_a_model_when_a_parameter_is_set_then_params() -> None:
    m = rebind(model(1))

    change = Watch(m=m).run(params(m, C=0.1))["m"]

    assert axes(change) == ("params", "same", "same", "observed")
    assert change.params == {"C": (1.0, 0.1)}
    assert change.fitted is True


def test_given_a_parameter_when_set_to_what_it_was_then_untouched() -> None:
    m = model(1)

    assert Watch(m=m).run(params(m, C=1.0)) == {}


@pytest.mark.parametrize(("before", "after"), [(1, True), (1, 1.0), (0, False), (None, 0)])
def test_given_a_parameter_when_its_type_alone_differs_then_params(before: object, after: object) -> None:
    m = params(model(1), C=before)  # type: ignore[arg-type]

    assert Watch(m=m).run(params(m, C=after))["m"].verdict == "params"  # type: ignore[arg-type]


def test_given_a_parameter_and_a_fit_when_in_one_run_then_refitted_with_the_parameters() -> None:
    m = rebind(model(1))

    change = Watch(m=m).run(rebind(params(m, C=2.0)), calls=[call_of(m)])["m"]

    assert change.verdict == "refitted"
    assert change.params == {"C": (1.0, 2.0)}


@both
def test_given_a_file_when_loaded_into_a_name_then_restored(seen: bool, certainty: str) -> None:
    old = rebind(model(1))
    new = twin(old, 2)
    calls = [call_of(new, "__setstate__")] if seen else []

    change = Watch(m=old).run(names={"m": new}, calls=calls, files=[load_access(new)], sees_calls=seen)["m"]

    assert axes(change) == ("restored", "recreated", "carried", certainty)
    assert change.persistence is not None
    assert (change.persistence.action, change.persistence.file) == ("loaded", "/w/m.joblib")
    assert (change.generation, change.previous_generation) == (2, 1)


def test_given_a_file_when_loaded_into_a_new_name_then_restored_and_new() -> None:
    new = rebind(model(2))

    change = Watch().run(names={"m": new}, calls=[call_of(new, "__setstate__")], files=[load_access(new)])[
        "m"
    ]

    assert axes(change) == ("restored", "new", "carried", "observed")


def test_given_a_file_when_its_state_goes_into_the_same_object_then_restored_from_the_file() -> None:
    m = rebind(model(1))

    change = Watch(m=m).run(
        rebind(m), calls=[call_of(m, "__setstate__")], files=[load_access(None, "state")]
    )["m"]

    assert axes(change) == ("restored", "same", "carried", "observed")
    assert change.persistence is not None
    assert (change.persistence.action, change.persistence.file) == ("loaded", "/w/m.joblib")
    assert change.generation == change.previous_generation == 1


@pytest.mark.parametrize(("via", "learned"), [("process", "fitted"), ("", "unknown")])
@pytest.mark.parametrize("goes_on", [True, False])
def test_given_a_state_that_no_file_brought_when_put_into_a_new_model_then_nothing_was_restored(
    via: str, learned: str, goes_on: bool
) -> None:
    new = rebind(model(1))
    calls = [
        replace(call_of(new, "__setstate__"), via=via),
        *([call_of(new, "partial_fit")] if goes_on else []),
    ]

    change = Watch().run(names={"m": new}, calls=calls)["m"]

    assert (change.verdict, change.learned, change.persistence) == ("created", learned, None)


def test_given_a_loaded_model_when_it_continues_in_the_same_cell_then_restored_and_continued() -> None:
    new = rebind(model(2))
    calls = [call_of(new, "__setstate__"), call_of(new, "partial_fit")]

    change = Watch(m=rebind(model(1))).run(names={"m": new}, calls=calls, files=[load_access(new)])["m"]

    assert axes(change) == ("restored", "recreated", "continued", "observed")
    assert change.persistence is not None
    assert change.persistence.file == "/w/m.joblib"


def test_given_a_loaded_model_when_fitted_in_the_same_cell_then_nothing_is_carried_over() -> None:
    new = rebind(model(2))
    calls = [call_of(new, "__setstate__"), call_of(new, "fit")]

    change = Watch(m=rebind(model(1))).run(names={"m": new}, calls=calls, files=[load_access(new)])["m"]

    assert axes(change) == ("reset", "recreated", "fitted", "observed")


def test_given_a_loaded_model_when_a_fit_of_it_is_refused_then_it_is_still_the_carried_state() -> None:
    new = rebind(model(2))
    calls = [call_of(new, "__setstate__"), call_of(new, "fit", returned=False)]

    change = Watch(m=rebind(model(1))).run(
        names={"m": new}, calls=calls, files=[load_access(new)], status="error"
    )["m"]

    assert axes(change) == ("restored", "recreated", "carried", "observed")


@both
def test_given_a_fitted_model_when_deep_copied_then_copied(seen: bool, certainty: str) -> None:
    m = rebind(model(1))
    copy = twin(m, 2)
    calls = [call_of(copy, "__setstate__")] if seen else []
    code = CodeFacts(copies=("copy.deepcopy",), complete=True)

    change = Watch(m=m).run(names={"m": copy}, calls=calls, code=code, sees_calls=seen)["m"]

    assert axes(change) == ("copied", "recreated", "carried", certainty)
    assert change.persistence is None


def test_given_a_state_restored_from_memory_when_no_copy_is_in_the_code_then_a_known_twin_makes_it_a_copy() -> (
    None
):
    m = rebind(model(1))
    copy = twin(m, 2)

    change = Watch(m=m).run(names={"c": copy}, calls=[call_of(copy, "__setstate__")])["c"]

    assert axes(change) == ("copied", "new", "carried", "observed")


def test_given_an_unfitted_model_when_deep_copied_then_the_copy_carries_nothing() -> None:
    m = model(1)
    copy = twin(m, 2)
    code = CodeFacts(copies=("copy.deepcopy",), complete=True)

    change = Watch(m=m).run(names={"m": copy}, calls=[call_of(copy, "__setstate__")], code=code)["m"]

    assert axes(change) == ("reset", "recreated", "none", "observed")


def test_given_a_fitted_model_when_cloned_then_reset_to_nothing() -> None:
    m = rebind(model(1))

    assert axes(Watch(m=m).run(names={"m": model(2)})["m"]) == ("reset", "recreated", "none", "observed")


@pytest.mark.parametrize("seen", [True, False])
def test_given_equal_contents_when_the_new_object_was_fitted_then_reset_and_not_copied(seen: bool) -> None:
    m = rebind(model(1))
    again = twin(m, 2)

    change = Watch(m=m).run(names={"m": again}, **call_evidence(again, "fit", seen=seen))["m"]

    assert axes(change) == ("reset", "recreated", "fitted", "observed")


def test_given_a_new_fitted_model_when_nothing_shows_its_origin_then_learned_is_unknown() -> None:
    change = Watch().run(names={"m": rebind(model(1))}, code=OBSCURE)["m"]

    assert axes(change) == ("created", "new", "unknown", "observed")


@pytest.mark.parametrize(
    ("touched", "path", "certainty"), [(True, "/w/m.joblib", "observed"), (False, None, "inferred")]
)
def test_given_a_model_when_saved_then_saved(touched: bool, path: str | None, certainty: str) -> None:
    m = rebind(model(1))

    change = Watch(m=m).run(files=[save_access(m, touched=touched, path=path)])["m"]

    assert axes(change) == ("saved", "same", "same", certainty)
    assert change.persistence is not None
    assert (change.persistence.action, change.persistence.file) == ("saved", path)


def test_given_a_save_in_code_when_its_file_was_not_written_then_untouched() -> None:
    m = rebind(model(1))

    assert Watch(m=m).run(files=[save_access(m, touched=False)]) == {}


def test_given_a_fit_and_a_save_when_in_one_run_then_refitted_and_the_save_is_kept() -> None:
    m = rebind(model(1))

    change = Watch(m=m).run(rebind(m), calls=[call_of(m)], files=[save_access(m)])["m"]

    assert change.verdict == "refitted"
    assert change.persistence is not None
    assert change.persistence.action == "saved"


def test_given_a_name_when_it_holds_no_model_any_more_then_deleted_and_every_object_key_is_null() -> None:
    m = rebind(model(1))

    change = Watch(m=m).run(names={"m": None})["m"]

    assert (change.verdict, change.identity, change.certainty) == ("deleted", "gone", "observed")
    about_the_object = (
        change.learned,
        change.params,
        change.cls,
        change.generation,
        change.id,
        change.fitted,
    )
    assert about_the_object == (None,) * 6
    assert change.persistence is None
    assert (change.previous_generation, change.previous_id) == (1, m.id)


def test_given_two_models_when_one_is_fitted_then_the_other_is_not_named() -> None:
    a, b = model(1), rebind(model(2))

    assert list(Watch(a=a, b=b).run(rebind(a), calls=[call_of(a)])) == ["a"]


def test_given_facts_sent_again_unchanged_when_run_then_untouched() -> None:
    m = rebind(model(1))

    assert Watch(m=m).run(m) == {}


def test_given_a_call_that_reads_when_seen_then_untouched() -> None:
    m = rebind(model(1))

    assert Watch(m=m).run(calls=[call_of(m, "predict"), call_of(m, "__getstate__")]) == {}


def test_given_a_budget_that_left_the_coefficients_out_when_fitted_again_then_refitted_and_not_cleared() -> (
    None
):
    m = rebind(model(1))
    cut = replace(m, learned={}, not_evaluated=("coef_", "intercept_"))

    change = Watch(m=m).run(cut, calls=[call_of(m)])["m"]

    assert axes(change) == ("refitted", "same", "refitted", "observed")
    assert change.fitted is True


def test_given_a_budget_that_left_the_coefficients_out_when_nothing_was_called_then_untouched() -> None:
    m = rebind(model(1))
    watch = Watch(m=m)

    assert watch.run(replace(m, learned={}, not_evaluated=("coef_", "intercept_"))) == {}
    assert watch.run(m) == {}


def test_given_a_first_fit_that_failed_half_way_when_only_the_code_is_known_then_nothing_is_fitted() -> None:
    m = model(1, SGD)
    half = replace(m, learned={"coef_": signature("none", 1, "None"), "classes_": signature("c")})

    changes = Watch(m=m).run(half, **call_evidence(m, "fit", seen=False), status="error")

    assert changes == {}


@pytest.mark.parametrize("library", ["sklearn", "other"])
def test_given_a_class_of_the_users_own_when_fitted_and_fitted_again_then_fitted_and_refitted(
    library: str,
) -> None:
    m = model(1, "__main__.Mine", library=library)
    watch = Watch(m=m)
    once = rebind(m, "weights_")

    assert watch.run(once, calls=[call_of(m)])["m"].verdict == "fitted"
    assert watch.run(rebind(once, "weights_"), calls=[call_of(m)])["m"].verdict == "refitted"


def test_given_an_output_setting_when_it_differs_then_nothing_was_learned() -> None:
    m = rebind(model(1))

    assert Watch(m=m).run(rebind(m, "_sklearn_output_config")) == {}


LOUDER = [
    Verdict.DELETED, Verdict.RESET, Verdict.CLEARED, Verdict.REFITTED, Verdict.RESTORED, Verdict.COPIED,
    Verdict.ALIASED, Verdict.CREATED, Verdict.EDITED, Verdict.FAILED, Verdict.UNKNOWN, Verdict.CONTINUED,
    Verdict.FITTED,
    Verdict.PARAMS, Verdict.SAVED, Verdict.UNTOUCHED,
]  # fmt: skip


def test_given_the_verdicts_when_listed_then_in_the_order_in_which_they_win() -> None:
    assert list(Verdict) == LOUDER


def test_given_an_edit_and_parameters_and_a_save_when_in_one_run_then_edited_and_the_axes_keep_the_rest() -> (
    None
):
    m = rebind(model(1))
    code = CodeFacts(assigned=((1, "coef_"),), complete=True)

    change = Watch(m=m).run(params(write_in_place(m), C=3.0), code=code, files=[save_access(m)])["m"]

    assert (change.verdict, change.learned) == (Verdict.EDITED, Learned.EDITED)
    assert change.params == {"C": (1.0, 3.0)}
    assert change.persistence is not None


def test_given_an_unknown_change_and_parameters_when_in_one_run_then_unknown_wins() -> None:
    m = rebind(model(1))

    change = Watch(m=m).run(params(write_in_place(m), C=3.0), code=OBSCURE)["m"]

    assert (change.verdict, change.certainty) == (Verdict.UNKNOWN, "unknown")
    assert change.params == {"C": (1.0, 3.0)}


def test_given_parameters_and_a_save_when_in_one_run_then_params_wins() -> None:
    m = rebind(model(1))

    change = Watch(m=m).run(params(m, C=3.0), files=[save_access(m)])["m"]

    assert (change.verdict, change.identity) == (Verdict.PARAMS, Identity.SAME)
    assert change.persistence is not None


def rebind_equal(facts: ObjectFacts, *attributes: str) -> ObjectFacts:
    """Replace these attributes by equal values."""
    learned = {n: replace(facts.learned[n], serial=facts.learned[n].serial + 1) for n in attributes}
    return replace(facts, learned={**facts.learned, **learned})


@pytest.mark.parametrize("seen", [True, False])
def test_given_equal_values_set_without_a_fit_call_then_untouched(seen: bool) -> None:
    m = rebind(model(1), "coef_", "_n_feature_outs")

    assert Watch(m=m).run(rebind_equal(m, "_n_feature_outs"), code=FOLLOWED, sees_calls=seen) == {}


def test_given_equal_values_set_by_the_cell_s_own_statement_then_edited() -> None:
    m = rebind(model(1))
    code = CodeFacts(assigned=((1, "coef_"),), complete=True)

    assert Watch(m=m).run(rebind_equal(m, "coef_"), code=code)["m"].verdict == "edited"


@pytest.mark.parametrize("seen", [True, False])
def test_given_a_fit_that_was_interrupted_before_it_learned_then_only_the_parameters_differ(
    seen: bool,
) -> None:
    m = rebind(model(1), "cluster_centers_", "_tol")
    after = params(rebind_equal(m, "_tol"), C=7.0)
    code = CodeFacts(methods=(MethodInCode("fit", 1),), complete=True)
    calls = [call_of(m, returned=False)] if seen else []

    change = Watch(m=m).run(after, code=code, calls=calls, sees_calls=seen, status="interrupted")["m"]

    assert (change.verdict, change.learned) == ("params", "same")


def test_given_a_fit_to_equal_values_when_a_later_statement_raised_then_refitted() -> None:
    m = rebind(model(1))
    code = CodeFacts(methods=(MethodInCode("fit", 1),), complete=True)

    change = Watch(m=m).run(rebind_equal(m, "coef_"), code=code, sees_calls=False, status="error")["m"]

    assert change.verdict == "refitted"


def test_given_a_state_restored_and_continued_when_both_are_seen_then_restored() -> None:
    m = rebind(model(1))

    change = Watch(m=m).run(rebind(m), calls=[call_of(m, "__setstate__"), call_of(m, "partial_fit")])["m"]

    assert (change.verdict, change.learned) == ("restored", "carried")


def test_given_a_budget_that_left_attributes_out_when_the_code_may_fit_it_then_unknown() -> None:
    m = rebind(model(1))
    cut = replace(m, learned={}, not_evaluated=("coef_", "intercept_"))
    code = CodeFacts(methods=(MethodInCode("fit", 1),))

    change = Watch(m=m).run(cut, code=code, sees_calls=False)["m"]

    assert (change.verdict, change.certainty) == ("unknown", "unknown")


def test_given_seen_calls_when_the_one_in_the_code_was_not_seen_then_the_code_decides() -> None:
    m = rebind(model(1))
    code = CodeFacts(methods=(MethodInCode("fit", m.token, sure=True),), complete=True)

    change = Watch(m=m).run(rebind(m), code=code, sees_calls=True)["m"]

    assert axes(change) == ("refitted", "same", "refitted", "inferred")


def refuse_fit(facts: ObjectFacts, *attributes: str) -> ObjectFacts:
    """Apply a ``fit`` that set these attributes and then refused its arguments."""
    learned = {
        n: Signature("int32 (1,)", facts.learned[n].serial + 1 if n in facts.learned else 1, "new")
        for n in attributes
    }
    return replace(facts, learned={**facts.learned, **learned})


@pytest.mark.parametrize("seen", [True, False])
def test_given_an_unfitted_model_when_its_first_fit_is_refused_then_it_is_fitted_later(
    seen: bool,
) -> None:
    m = model(1)
    watch = Watch(m=m)
    code = CodeFacts(methods=(MethodInCode("fit", 1, sure=True),), complete=True)
    calls = [call_of(m, returned=False)] if seen else []
    refused = refuse_fit(m, "n_features_in_", "classes_")

    changes = watch.run(refused, code=code, calls=calls, sees_calls=seen, status="error")
    later = watch.run(rebind(refused, "classes_", "coef_"), **call_evidence(m, "fit", seen=seen))["m"]

    assert {n: (c.verdict, c.fitted) for n, c in changes.items()} == (
        {"m": ("failed", False)} if seen else {}
    )
    assert (later.verdict, later.fitted) == ("fitted", True)


@pytest.mark.parametrize("seen", [True, False])
def test_given_a_fitted_model_when_a_fit_is_refused_after_its_checks_then_no_refit_is_claimed(
    seen: bool,
) -> None:
    m = refuse_fit(rebind(model(1)), "n_features_in_", "classes_")
    code = CodeFacts(methods=(MethodInCode("fit", 1, sure=True),), complete=True)
    calls = [call_of(m, returned=False)] if seen else []
    other = replace(m.learned["classes_"], digest="other", serial=9)
    refused = replace(m, learned={**m.learned, "classes_": other})

    same = Watch(m=m).run(
        rebind_equal(m, "classes_"), code=code, calls=calls, sees_calls=seen, status="error"
    )
    change = Watch(m=m).run(refused, code=code, calls=calls, sees_calls=seen, status="error")["m"]

    assert same == {}
    assert axes(change) == (
        ("failed", "same", "unknown", "observed") if seen else ("unknown", "same", "unknown", "unknown")
    )


def test_given_an_encoder_when_what_it_is_fitted_with_again_is_equal_then_refitted() -> None:
    m = replace(refuse_fit(model(1), "classes_"), cls="sklearn.preprocessing._label.LabelEncoder")
    code = CodeFacts(methods=(MethodInCode("fit", 1, sure=True),), complete=True)

    change = Watch(m=m).run(rebind_equal(m, "classes_"), code=code, sees_calls=False)["m"]

    assert axes(change) == ("refitted", "same", "refitted", "inferred")


def test_given_a_fitted_model_when_its_classes_are_set_by_hand_then_edited() -> None:
    m = refuse_fit(rebind(model(1)), "n_features_in_", "classes_")
    code = CodeFacts(assigned=((1, "classes_"),), complete=True)
    other = replace(m.learned["classes_"], digest="other", serial=9)

    change = Watch(m=m).run(
        replace(m, learned={**m.learned, "classes_": other}), code=code, sees_calls=False
    )["m"]

    assert axes(change) == ("edited", "same", "edited", "inferred")


def test_given_a_stateless_transformer_when_fit_only_validates_then_it_still_counts_as_fitted() -> None:
    m = replace(model(1), cls="sklearn.preprocessing._data.Normalizer")

    change = Watch(m=m).run(refuse_fit(m, "n_features_in_"), **call_evidence(m, "fit", seen=True))["m"]

    assert (change.verdict, change.fitted) == ("fitted", True)


def test_given_a_first_fit_that_is_still_at_work_when_it_ends_then_that_was_the_first() -> None:
    m = model(1)
    watch = Watch(m=m)
    half = rebind(m, "coef_")

    met = watch.run(half, calls=[replace(call_of(m, returned=False), running=True)])["m"]
    ended = watch.run(rebind(half, "intercept_"), calls=[call_of(m)])["m"]

    assert (met.verdict, met.fitted) == ("unknown", False)
    assert (ended.verdict, ended.fitted) == ("fitted", True)
