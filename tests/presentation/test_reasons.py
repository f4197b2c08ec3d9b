"""Tests that every reason for a forecast has a sentence."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from kernelscope.domain.facts import Opaque
from kernelscope.forecast.reasons import (
    MakesNewObject,
    ParameterChange,
    ParametersAlready,
    Reason,
    SetsParameters,
    WritesAttributes,
)
from kernelscope.presentation.reasons import reason_sentence, reason_text
from kernelscope.presentation.segments import Segment

RIDGE = "sklearn.linear_model._ridge.Ridge"


def samples(hint: Any) -> list[Any]:
    """Return example values of a reason's field."""
    if get_origin(hint) is Literal:
        return list(get_args(hint))
    if hint is bool:
        return [False, True]
    if hint == tuple[str, ...]:
        return [(), ("a_",), ("a_", "b_")]
    if hint == tuple[ParameterChange, ...]:
        return [(ParameterChange("C", 1.0, 2.0),)]
    if get_origin(hint) is tuple:
        return [(("C", 2.0),)]
    return [None, "x.y"] if type(None) in get_args(hint) else ["x.y"]


def instances(kind: Any) -> list[Any]:
    """Build the reason with each value of each field, one field after the other."""
    fields = {name: samples(hint) for name, hint in get_type_hints(kind).items()}
    first = {name: values[-1] for name, values in fields.items()}
    return [kind(**first)] + [kind(**{**first, n: v}) for n, values in fields.items() for v in values]


@pytest.mark.parametrize("kind", get_args(Reason), ids=lambda kind: str(kind.__name__))
def test_every_reason_has_a_sentence_that_names_its_fields(kind: Any) -> None:
    for reason in instances(kind):
        text = reason_text(reason)

        assert text == text.strip() != ""
        assert "{" not in text
        assert "None" not in text


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (MakesNewObject(RIDGE), "it makes a new Ridge each time"),
        (MakesNewObject(RIDGE, "train"), "train() makes a new Ridge each time"),
        (SetsParameters((ParameterChange("C", 5.0, 3.0),)), "it sets C to 3.0, now 5.0"),
        (
            SetsParameters((ParameterChange("C", 5.0, Opaque(""), is_known=False),)),
            "it changes C once more",
        ),
        (
            SetsParameters(tuple(ParameterChange(name, 1, 2) for name in "abc")),
            "it sets a to 2, now 1 and sets b to 2, now 1 and more",
        ),
        (ParametersAlready((("C", 3.0), ("tol", 0.1))), "C is 3.0 and tol is 0.1 already"),
        (WritesAttributes(("coef_", "intercept_")), "it writes to coef_ and intercept_ again"),
        (MakesNewObject("a.{b}"), "it makes a new {b} each time"),
    ],
)
def test_reasons_are_sentences(reason: Reason, text: str) -> None:
    assert reason_text(reason) == text


def test_text_from_the_kernel_is_quoted() -> None:
    assert reason_sentence(MakesNewObject(RIDGE, "train")) == (
        Segment("train()", is_quoted=True),
        Segment(" makes a new "),
        Segment("Ridge", is_quoted=True),
        Segment(" each time"),
    )
