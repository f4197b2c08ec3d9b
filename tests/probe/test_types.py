from __future__ import annotations

import functools
import gc
import os
import sys
import types
import weakref
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock, Mock

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from kernelscope.probe.types import (
    CONTAINER,
    ESTIMATOR,
    OPAQUE,
    USER_OBJECT,
    attributes_of,
    class_attribute,
    dtype_name,
    instance_dict,
    is_class,
    pairs_of,
    parameters_and_learned,
    qualified_name,
)
from tests.support.probe import make_types


def with_methods(**body: Any) -> dict[str, Any]:
    return {n: (lambda *a, **k: None) for n in ("get_params", "fit")} | body


class Mine(BaseEstimator):  # type: ignore[misc]
    def __init__(self, depth: int = 3, *rest: int, flavour: str = "a") -> None:
        self.depth, self.flavour = depth, flavour

    def fit(self, X: object) -> Mine:  # noqa: N803
        self.seen_ = X
        return self


class ReadOnly(property):
    """A property, as ``abc.abstractproperty`` is."""


@pytest.mark.parametrize(
    ("cls", "kind"),
    [
        (LogisticRegression, ESTIMATOR),
        (Pipeline, ESTIMATOR),
        (Mine, ESTIMATOR),
        (type("Duck", (), with_methods()), ESTIMATOR),
        (dict, CONTAINER),
        (list, CONTAINER),
        (tuple, CONTAINER),
        (Mock, OPAQUE),
        (MagicMock, OPAQUE),
        (type, OPAQUE),
        (np.ndarray, CONTAINER),
        (int, OPAQUE),
        (type("D", (dict,), {"__module__": "collections"}), CONTAINER),
        (type("P", (), with_methods(get_params=property(lambda _s: 1 / 0))), USER_OBJECT),
        (type("Q", (), with_methods(fit=ReadOnly(lambda _s: 1 / 0))), USER_OBJECT),
        (type("NoFit", (LogisticRegression,), {"fit": None}), USER_OBJECT),
        (type("Number", (), with_methods(fit=3)), USER_OBJECT),
        (type("Plain", (), {"__module__": "__main__"}), USER_OBJECT),
    ],
)
def test_the_kind_follows_from_the_type(cls: type, kind: int) -> None:
    assert make_types().of(cls).kind == kind


def test_a_class_or_an_instance_attribute_does_not_make_an_estimator() -> None:
    cache = make_types()
    assert cache.of(type(LogisticRegression)).kind == OPAQUE
    duck = types.SimpleNamespace(get_params=1, fit=3)
    assert cache.of(type(duck)).kind == CONTAINER


def test_parameters_are_the_constructor_s() -> None:
    cache = make_types()
    assert cache.of(Mine).params == {"depth", "flavour"}
    assert cache.of(LogisticRegression).params == set(LogisticRegression().get_params())

    class Passing(Mine):
        def __init__(self, extra: int = 1, **rest: Any) -> None:
            super().__init__(**rest)

    assert cache.of(Passing).params == {"extra", "depth", "flavour"}


def test_parameters_behind_decorators_are_found() -> None:
    def logged(function: Any) -> Any:
        @functools.wraps(function)
        def inner(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return inner

    class Decorated(BaseEstimator):  # type: ignore[misc]
        @logged
        def __init__(self, depth: int = 1) -> None:
            self.depth = depth

        def fit(self) -> None: ...

    assert make_types().of(Decorated).params == {"depth"}


def test_real_numpy_scalars_are_distinguished_from_impostors() -> None:
    cache = make_types()
    assert cache.of(np.float32).numpy_scalar
    assert cache.of(np.str_).numpy_scalar
    assert cache.of(np.datetime64).numpy_scalar
    assert not cache.of(np.void).numpy_scalar, "its fields may contain anything"
    assert not cache.of(np.record).numpy_scalar
    assert not cache.of(type("float64", (np.float64,), {"__module__": "numpy"})).numpy_scalar
    generic = type("generic", (), {"__module__": "numpy"})
    assert not cache.of(type("float64", (generic,), {"__module__": "numpy"})).numpy_scalar


def test_types_that_lie_are_seen_through() -> None:
    class Liar:
        @property  # type: ignore[misc]
        def __class__(self) -> Any:
            raise AssertionError

    assert not is_class(Liar())
    assert is_class(Liar)
    assert instance_dict(Liar()) == {}

    class Hidden:
        @property
        def __dict__(self) -> Any:  # type: ignore[override]
            raise AssertionError

    assert instance_dict(Hidden()) is None

    class Slots:
        __slots__ = ("a",)

    assert instance_dict(Slots()) is None
    assert instance_dict(3) is None
    assert qualified_name(type("N", (), {"__module__": 7, "__qualname__": "q"})) == "q"
    assert len(qualified_name(type("x" * 100_000, (), {}))) == 200


def test_a_none_entry_hides_the_bases() -> None:
    above = type("Above", (), {"fit": 1})
    assert class_attribute(type("Below", (above,), {"fit": None}), "fit") is None
    assert class_attribute(type("Below", (above,), {}), "fit") == 1


def test_attributes_whose_keys_are_not_names_are_skipped() -> None:
    model = LogisticRegression()
    model.__dict__[7] = model.__dict__[("a",)] = model.__dict__["x" * 1_000] = 1
    model.coef_ = 3
    params, learned = parameters_and_learned(model, make_types().of(LogisticRegression), frozenset())
    assert set(params) == set(model.get_params())
    assert learned == {"coef_": 3}
    for place in range(5_000):
        setattr(model, f"a{place}", place)
    assert len(attributes_of(model)) <= 400


def test_the_user_s_files_are_recognized(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = make_types()
    assert not cache.is_user_file(os.__file__)
    assert not cache.is_user_file(np.__file__)
    assert not cache.is_user_file("<string>")
    assert cache.is_user_file(str(tmp_path / "mine.py"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path))  # an environment in the project's own folder
    assert make_types().is_user_file(str(tmp_path / "mine.py"))
    assert cache.is_user_module("__main__")
    assert not cache.is_user_module("sklearn.linear_model")
    assert not cache.is_user_module("no.such.module")


@pytest.mark.fault(71)
def test_a_class_at_a_reused_address_is_another() -> None:
    cache, addresses = make_types(), set()
    for number in range(30):
        name = f"Made{number}"
        cls = type(name, (), {})
        addresses.add(id(cls))
        assert cache.of(cls).name.endswith(name)
        del cls
        gc.collect(1)
    assert len(addresses) < 30, "no address was reused: the test proves nothing"


@pytest.mark.fault(72)
def test_a_dict_may_change_while_it_is_read() -> None:
    """A garbage collection during the reading runs any code; before 3.12 even during C calls."""
    mapping: dict[Any, Any] = {n: n for n in range(1_000)}

    class Changes:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            mapping[len(mapping)] = 0

    threshold = gc.get_threshold()
    for most in (1_000_000, 900):
        gc.collect()
        Changes()
        try:
            gc.set_threshold(300, 1, 1)
            pairs = pairs_of(mapping, most)
        finally:
            gc.set_threshold(*threshold)
        gc.collect()
        assert len(pairs) >= 900
    assert len(mapping) == 1_002


def test_a_class_of_the_user_is_not_kept_alive() -> None:
    cache = make_types()
    cls = type("Mine", (RandomForestClassifier,), {})
    cache.of(cls)
    gone = weakref.ref(cls)
    del cls
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize(
    "dtype",
    ["f2", "f4", "f8", "g", "i1", "i8", "u1", "u4", "c8", "c16", ">f8", "?", "O", "U7", "S3", "M8[s]", "m8[ns]", "V5", "U"],
)  # fmt: skip
def test_a_dtype_has_numpy_s_name(dtype: str) -> None:
    assert dtype_name(np.dtype(dtype)) == np.dtype(dtype).name
    assert dtype_name(np.zeros(1, dtype).dtype) == np.zeros(1, dtype).dtype.name
