"""Objects that notice being looked at: they count each call of any method that Python could call."""

from __future__ import annotations

import random
import types
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import MagicMock

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression

_METHODS = [
    "__repr__",
    "__str__",
    "__eq__",
    "__ne__",
    "__lt__",
    "__hash__",
    "__bool__",
    "__len__",
    "__iter__",
    "__next__",
    "__getattr__",
    "__getattribute__",
    "__contains__",
    "__getitem__",
    "__reduce__",
    "__reduce_ex__",
    "__sizeof__",
    "__getstate__",
    "__format__",
    "__dir__",
    "__call__",
    "__index__",
    "__int__",
    "__float__",
    "__complex__",
    "__bytes__",
    "__copy__",
    "__deepcopy__",
    "__array__",
    "__array_finalize__",
    "__array_ufunc__",
    "__enter__",
    "__exit__",
    "__fspath__",
    "__truediv__",
    "__add__",
    "__radd__",
    "keys",
    "items",
    "values",
    "get",
    "tobytes",
    "item",
    "view",
    "tolist",
    "ravel",
    "read",
    "write",
    "fileno",
    "as_posix",
    "predict",
    "score",
]
_META = [
    "__getattribute__",
    "__getattr__",
    "__eq__",
    "__hash__",
    "__instancecheck__",
    "__subclasscheck__",
    "__call__",
    "__repr__",
    "__len__",
    "__iter__",
    "__bool__",
    "__dir__",
    "__contains__",
    "mro_entries",
]
_AS_PROPERTY = [
    "__class__",
    "__dict__",
    "__doc__",
    "dtype",
    "shape",
    "nbytes",
    "flat",
    "coef_",
    "name",
    "raw",
    "path",
]
_ESTIMATOR = ("get_params", "set_params", "fit")
_LIES = ("numpy", "sklearn.tree._tree", "scipy.sparse", "builtins", None, 7, "\x1b]0;title\x07", "x" * 10_000)
_NAMES = ("Tree", "generic", "float64", "ndarray", "", "\x9b31m", "a" * 5_000, "Mock")


class Tripwires:
    """Counts calls of the user's code."""

    def __init__(self) -> None:
        self.tripped: list[str] = []

    def method(self, name: str, answer: object = NotImplemented) -> Callable[..., Any]:
        def trip(*_args: object, **_named: object) -> object:
            self.tripped.append(name)
            if answer is NotImplemented:
                raise ZeroDivisionError(name)
            return answer

        return trip

    def property(self, name: str) -> property:
        return property(self.method("property " + name))

    def descriptor(self, name: str) -> object:
        """Build a descriptor that is not a property but runs code when its attribute is read."""
        return type("Descriptor", (), {"__get__": self.method("descriptor " + name)})()


_BASES: tuple[tuple[type, Callable[[type], Any]], ...] = (
    (object, object.__new__),
    (dict, lambda c: dict.__new__(c)),
    (list, lambda c: list.__new__(c)),
    (tuple, lambda c: tuple.__new__(c, (1, 2))),
    (str, lambda c: str.__new__(c, "coef_")),
    (int, lambda c: int.__new__(c, 7)),
    (float, lambda c: float.__new__(c, 0.5)),
    (bytes, lambda c: bytes.__new__(c, b"x")),
    (set, lambda c: set.__new__(c)),
    (np.ndarray, lambda c: np.ndarray.__new__(c, (2,))),
    (np.float64, lambda c: np.float64.__new__(c, 1.0)),
    (BaseEstimator, object.__new__),
    (LogisticRegression, object.__new__),
    (Exception, lambda c: Exception.__new__(c)),
    (types.ModuleType, lambda c: types.ModuleType.__new__(c)),
    (MagicMock, lambda _c: MagicMock()),
    (property, lambda c: property.__new__(c)),
)


def _body(wires: Tripwires, dice: random.Random) -> dict[str, Any]:
    body: dict[str, Any] = {n: wires.method(n) for n in dice.sample(_METHODS, dice.randint(0, 20))}
    body.update({n: wires.property(n) for n in dice.sample(_AS_PROPERTY, dice.randint(0, 3))})
    for name in _ESTIMATOR:
        make = dice.choice([wires.method, wires.method, wires.property, wires.descriptor, None])
        if make is not None:
            body[name] = make(name)
    if dice.random() < 0.3:
        body["__slots__"] = ("a",) if dice.random() < 0.5 else ()
    if dice.random() < 0.4:
        body["__module__"] = dice.choice(_LIES)
    if dice.random() < 0.4:
        body["__qualname__"] = dice.choice(_NAMES)
    if dice.random() < 0.3:

        def init(self: object, C: float = 1.0, **rest: object) -> None:  # noqa: N803 - scikit-learn's spelling
            wires.tripped.append("__init__")

        init.__dict__[dice.choice(["deprecated_original", "__wrapped__"])] = wires.descriptor("wrapped")
        body["__init__"] = init
    return body


def _class(wires: Tripwires, dice: random.Random, base: type) -> type:
    meta: type = type(base)
    if dice.random() < 0.5:
        body = {n: wires.method("meta " + n) for n in dice.sample(_META, dice.randint(1, len(_META)))}
        meta = type("Meta", (meta,), body)
    cls: type = type.__new__(
        meta, dice.choice(["Hostile", "\x1b[2J", "LogisticRegression"]), (base,), _body(wires, dice)
    )
    return cls


def _instance(wires: Tripwires, dice: random.Random) -> Any:
    base, make = dice.choice(_BASES)
    instance = make(_class(wires, dice, base))
    try:
        own = object.__getattribute__(instance, "__dict__")
    except Exception:  # noqa: BLE001 - it may have a property of that name
        own = None
    if type(own) is dict:
        for name in dice.sample(["C", "coef_", "n_iter_", "get_params", "fit", "steps", "__dict__"], 3):
            own[name] = dice.choice([1.0, float("nan"), [1], wires.descriptor(name), np.ones(3), 10**9_000])
        if dice.random() < 0.2:
            own[_key(wires)] = 1
    return instance


def _key(wires: Tripwires) -> Any:
    """Build a key with the hash of a plain name."""
    kind = type(
        "Key", (str,), {"__eq__": wires.method("key ==", False), "__hash__": lambda _s: hash("coef_")}
    )
    return kind("coef_")


def hostile_objects(wires: Tripwires, seed: int, count: int) -> Iterator[Any]:
    """Yield ``count`` objects, without those whose class Python refuses to create."""
    dice, created = random.Random(seed), 0
    while created < count:
        try:
            instance = _instance(wires, dice)
        except Exception:  # noqa: BLE001 - conflicting slots and bases, or its own methods
            continue
        created += 1
        yield instance
