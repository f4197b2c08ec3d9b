"""Tests library rules: what calls do, and when an object counts as fitted."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from kernelscope.domain.facts import ObjectFacts, Part, Value
from kernelscope.libraries.registry import Effect, rules_for
from tests.support.facts import LOGISTIC, PIPELINE, SGD, VOTING, Watch, model, rebind, signature

UNION = "sklearn.pipeline.FeatureUnion"
FROZEN = "sklearn.frozen._frozen.FrozenEstimator"
PROCESS = "sklearn.gaussian_process._gpc.GaussianProcessClassifier"
OBJECTS = {1: rebind(model(1)), 2: model(2)}
FITTED, UNFITTED = 1, 2


def composite_of(cls: str, *tokens: int) -> ObjectFacts:
    return model(9, cls, parts=[Part(f"['{t}']", t, str(t)) for t in tokens])


@pytest.mark.parametrize(
    ("cls", "steps", "fitted"),
    [
        (PIPELINE, (UNFITTED, FITTED), True),
        (PIPELINE, (FITTED, UNFITTED), False),
        (PIPELINE, (), False),
        (PIPELINE, (FITTED, 77), False),
        (FROZEN, (FITTED,), True),
        (FROZEN, (UNFITTED,), False),
        (UNION, (FITTED, FITTED), True),
        (UNION, (FITTED, UNFITTED), False),
        (UNION, (UNFITTED, FITTED), False),
        (UNION, (), False),
        (VOTING, (FITTED,), False),
    ],
)
def test_given_a_composite_then_it_is_fitted_if_the_parts_that_it_uses_are(
    cls: str, steps: tuple[int, ...], fitted: bool
) -> None:
    whole = composite_of(cls, *steps)

    assert rules_for(whole).is_fitted(whole, OBJECTS) is fitted


@pytest.mark.parametrize(
    ("attribute", "text", "library", "fitted"),
    [
        ("coef_", "array", "sklearn", True),
        ("coef_", "None", "sklearn", False),
        ("labels_", "None", "sklearn", False),
        ("cache", "array", "sklearn", False),
        ("__odd_", "array", "sklearn", False),
        ("random_state_", "RandomState", "sklearn", False),
        ("cache", "array", "other", True),
        ("cache", "None", "other", False),
    ],
)
def test_given_an_attribute_then_its_library_decides_whether_it_counts_as_learned(
    attribute: str, text: str, library: str, fitted: bool
) -> None:
    m = replace(model(1, library=library), learned={attribute: signature("a", 1, text)})

    assert rules_for(m).is_fitted(m, {}) is fitted


@pytest.mark.parametrize("library", ["sklearn", "other", "never heard of"])
@pytest.mark.parametrize(
    ("method", "effect"),
    [
        ("fit", Effect.REFITS),
        ("fit_transform", Effect.REFITS),
        ("fit_predict", Effect.REFITS),
        ("partial_fit", Effect.CONTINUES),
        ("__setstate__", Effect.RESTORES),
        ("__getstate__", Effect.READS),
        ("__reduce_ex__", Effect.READS),
        ("predict", Effect.NONE),
        ("get_params", Effect.NONE),
    ],
)
def test_given_a_method_then_its_effect_is_that_of_the_developer_guide(
    library: str, method: str, effect: Effect
) -> None:
    m = model(1, library=library)

    assert rules_for(m).effect(m, method) is effect


@pytest.mark.parametrize("value", [1, "yes", None, False])
def test_given_a_false_warm_start_when_fitted_then_learning_restarts(value: object) -> None:
    m = model(1, warm_start=value)  # type: ignore[arg-type]

    assert rules_for(m).effect(m, "fit") is Effect.REFITS


@pytest.mark.parametrize(
    ("cls", "params", "effect"),
    [
        (SGD, {}, Effect.CONTINUES),
        (LOGISTIC, {"solver": "lbfgs"}, Effect.CONTINUES),
        (LOGISTIC, {"solver": "liblinear"}, Effect.REFITS),
        (PROCESS, {}, Effect.REFITS),
    ],
)
def test_given_a_warm_start_when_fitted_then_it_continues_if_the_class_supports_it(
    cls: str, params: dict[str, Value], effect: Effect
) -> None:
    m = replace(model(1, cls), params={"warm_start": True, **params})

    assert rules_for(m).effect(m, "fit") is effect


def test_given_a_frozen_estimator_when_fitted_then_nothing_is_done() -> None:
    frozen = composite_of(FROZEN, FITTED)

    assert rules_for(frozen).effect(frozen, "fit") is Effect.NONE


@pytest.mark.parametrize("sees_calls", [True, False])
@pytest.mark.parametrize("attribute", ["_cached_dict", "_n_feature_outs", "random_state_", "_stop_words_id"])
def test_given_a_fitted_model_when_using_it_fills_a_cache_then_untouched(
    attribute: str, sees_calls: bool
) -> None:
    m = rebind(model(1))

    assert Watch(m=m).run(rebind(m, attribute), sees_calls=sees_calls) == {}
