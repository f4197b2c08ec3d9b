"""Creates thousands of hostile objects wherever the probe looks: runs in the watched kernel.

``hostile`` makes objects that notice being looked at; here they become parameters and learned attributes of
estimators, stand in containers and pipelines, and beside them stand values that are too much to read.
"""

from __future__ import annotations

import decimal
import random
import tempfile
import time
import types
import weakref
from pathlib import Path
from typing import Any, Callable, Dict, List  # noqa: UP035 - as Python 3.9 has it

import numpy as np
from hostile import Tripwires, hostile_objects  # type: ignore[import-not-found]  # put beside it in the kernel
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

wires = Tripwires()
watched: List[weakref.ref[Any]] = []  # noqa: UP006
hooks: List[float] = []  # noqa: UP006
"""CPU seconds of the thread that each hook of the probe took."""
resurrected: List[Any] = []  # noqa: UP006
freed: List[int] = []  # noqa: UP006
MILLION = 1_000_000


class TripwireModel(BaseEstimator):  # type: ignore[misc]
    """An estimator of the user's with a tripwire in every way to examine it."""

    def __init__(self, C: Any = 1.0, inner: Any = None) -> None:  # noqa: N803 - as scikit-learn has it
        self.C, self.inner = C, inner

    def fit(self, X: Any, y: Any = None) -> TripwireModel:  # noqa: N803
        return self

    for _name in (
        "get_params",
        "set_params",
        "__repr__",
        "__getstate__",
        "__sklearn_tags__",
        "__eq__",
        "__len__",
    ):
        locals()[_name] = wires.method("TripwireModel." + _name)
    coef_shape = wires.property("TripwireModel.coef_shape")
    __hash__ = wires.method("TripwireModel.__hash__")


class Proxy:
    """Passes on everything, including the class, as wrapt's proxy does."""

    def __init__(self, inner: Any) -> None:
        object.__setattr__(self, "__wrapped__", inner)

    def __getattribute__(self, name: str) -> Any:
        wires.tripped.append("Proxy." + name)
        return getattr(object.__getattribute__(self, "__wrapped__"), name)


class Undead:
    """Is resurrected once when it is freed."""

    def __del__(self) -> None:
        freed.append(1)
        resurrected.append(self)


def _order(cls: type) -> List[type]:  # noqa: UP006
    wires.tripped.append("mro")
    return [*type.mro(cls)]


_weak_offset = type.__dict__["__weakrefoffset__"].__get__
_memory = Path(tempfile.mkdtemp()) / "memory"
_memory.write_bytes(bytes(80_000))
_many = dict.fromkeys(range(MILLION), 0)
_loop: List[Any] = []  # noqa: UP006
_loop.append(_loop)
_deep: Any = ()
for _ in range(100_000):
    _deep = (_deep,)

EXTREMES: Dict[str, Callable[[], Any]] = {  # noqa: UP006
    "many_": lambda: _many,
    "digits_": lambda: 1 << 3_321_929,
    "strided_": lambda: np.broadcast_to(np.zeros(1), (1_342_177_280,)),
    "mapped_": lambda: np.memmap(_memory, dtype=float),
    "masked_": lambda: np.ma.masked_array([1.0, 2.0], [True, False]),
    "objects_": lambda: np.array([object(), None], dtype=object),
    "records_": lambda: np.zeros(3, dtype=[("a", "i4"), ("b", "f8")]),
    "nan_": lambda: float("nan"),
    "inf_": lambda: -float("inf"),
    "zero_": lambda: -0.0,
    "complex_": lambda: complex("nan+infj"),
    "decimal_": lambda: decimal.Decimal("sNaN"),
    "loop_": lambda: _loop,
    "deep_": lambda: _deep,
    "text_": lambda: "\x1b]52;c;x\x07" * 100_000,
    "proxy_": lambda: Proxy(LogisticRegression()),
}


def make_class(dice: random.Random) -> type:
    """Build a class of models whose name is false or much too long."""
    name = dice.choice(["\x1b]0;title\x07", "x" * MILLION, "", "LogisticRegression"])
    body: Dict[str, Any] = {"fit": wires.method("fit"), "get_params": wires.method("get_params")}  # noqa: UP006
    if dice.random() < 0.5:
        body["__module__"] = dice.choice([None, 7, "sklearn.linear_model._logistic"])
    meta = type("Meta", (type,), {"__eq__": wires.method("meta =="), "__hash__": lambda _c: 1, "mro": _order})
    return meta(name, (), body)  # type: ignore[no-any-return]


def holder(dice: random.Random, thing: Any) -> Any:
    """Put the object where the probe will find it."""
    kind = dice.randrange(9)
    if kind == 0:
        return TripwireModel(C=thing, inner=TripwireModel(thing))
    if kind == 1:
        return Pipeline([("a", thing), ("b", TripwireModel(thing))])
    if kind == 2:
        return GridSearchCV(LogisticRegression(C=thing), {"C": [thing]})
    if kind == 3:
        return [thing, {"k": thing, 3: TripwireModel(thing)}, LogisticRegression(thing)]
    if kind == 4:
        model = make_class(dice)()
        model.__dict__["coef_"] = thing
        return model
    if kind < 7:
        model = LogisticRegression()
        model.coef_, model.classes_ = thing, [thing, {"a": thing}]
        name = dice.choice(list(EXTREMES))
        model.__dict__[name] = EXTREMES[name]()
        return model
    return thing


def batch(space: Dict[str, Any], seed: int, count: int) -> None:  # noqa: UP006
    """Replace the objects by ``count`` others."""
    dice = random.Random(seed)
    watched.clear()
    for number, thing in enumerate(hostile_objects(wires, seed, count)):
        space[f"x{number}"] = holder(dice, thing)
        both = (thing, space[f"x{number}"])
        watched.extend(weakref.ref(v) for v in both if _weak_offset(type(v)))
    wires.tripped.clear()


def count_calls() -> int:
    """Return how often code of these objects has run since the last batch."""
    return len(wires.tripped)


def examine_naively(space: Dict[str, Any]) -> int:  # noqa: UP006
    """Return, as a control, how often ``repr`` and ``isinstance`` run code of these objects."""
    for name in [n for n in space if n.startswith("x")]:
        for ask in (repr, bool, lambda x: isinstance(x, dict), lambda x: x.get_params()):
            try:
                ask(space[name])
            except Exception:  # noqa: BLE001 - they may raise anything
                continue
    return len(wires.tripped)


def time_hooks(callbacks: Dict[str, List[Any]]) -> None:  # noqa: UP006
    """Record the CPU time of each of the probe's hooks."""
    for event in ("pre_run_cell", "post_run_cell"):
        place = next(
            i
            for i, c in enumerate(callbacks[event])
            if type(c) is types.MethodType and "kernelscope" in c.__func__.__module__
        )
        callbacks[event][place] = _timed(callbacks[event][place])


def _timed(hook: Callable[[Any], None]) -> Callable[[Any], None]:
    def call(argument: Any) -> None:
        start = time.thread_time()
        hook(argument)
        hooks.append(time.thread_time() - start)

    return call
