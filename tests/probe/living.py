"""Creates, fits and deletes models of every tracked class: runs in the watched kernel."""

from __future__ import annotations

import gc
import warnings
import weakref
from typing import Any, Dict, Iterator, List, Tuple  # noqa: UP035 - as Python 3.9 has it

Space = Dict[str, Any]  # noqa: UP006

FRAMEWORKS = {
    "torch": [
        ("torch.nn.Linear(1, 1)", "m(torch.ones(2, 1)).sum().backward()"),
        ("torch.nn.Sequential(torch.nn.Linear(1, 2), torch.nn.BatchNorm1d(2))", "m(torch.rand(4, 1)).sum().backward()"),
        ("torch.nn.LSTM(1, 2)", "m(torch.ones(2, 1))[0].sum().backward()"),
        ("torch.optim.SGD(torch.nn.Linear(1, 1).parameters(), lr=0.1)", "m.step()"),
        ("torch.optim.Adam(torch.nn.Linear(1, 1).parameters())", "m.step()"),
    ],
    "keras": [
        (
            "keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])",
            "m.compile('sgd', 'mse'); m.fit(X, y, verbose=0)",
        ),
    ],
    "xgboost": [
        ("xgboost.XGBClassifier(n_estimators=2)", "m.fit(X, y)"),
        ("xgboost.train({}, xgboost.DMatrix(X, y), 1)", "m.update(xgboost.DMatrix(X, y), 1)"),
    ],
    "lightgbm": [
        ("lightgbm.LGBMClassifier(n_estimators=2, verbose=-1)", "m.fit(X, y)"),
        ("lightgbm.train({'verbose': -1}, lightgbm.Dataset(X, y), 1)", "m.predict(X)"),
    ],
    "catboost": [("catboost.CatBoostClassifier(iterations=2, verbose=0, allow_writing_files=False)", "m.fit(X, y)")],
    "statsmodels.api": [("statsmodels.api.OLS(y, X).fit()", "m.summary()")],
    "skorch": [
        ("skorch.NeuralNetRegressor(torch.nn.Linear, module__in_features=1, module__out_features=1, max_epochs=1, verbose=0)",
         "m.fit(X.astype('float32'), y.reshape(-1, 1).astype('float32'))"),
    ],
}  # fmt: skip
"""By module to import: how each model is created, and how it is fitted."""


def estimators(steps: Any, space: Space) -> Iterator[Tuple[str, List[str]]]:  # noqa: UP006
    """Yield for each scikit-learn estimator the cell that creates it, and cells that may fit it: one of them does."""
    exec(steps.SETUP, space)
    classes = steps.classes()
    exec(steps.imports(classes), space)
    for cls in classes.values():
        for source in steps.sources(cls):
            yield source, [f"m.fit({x}, {y})" if y else f"m.fit({x})" for x, y in steps.DATA]


def frameworks(space: Space) -> Iterator[Tuple[str, List[str]]]:  # noqa: UP006
    """Yield the models of the installed frameworks."""
    exec("import numpy as np\nX = np.arange(40.0).reshape(40, 1)\ny = np.arange(40) % 2", space)
    for module, kinds in FRAMEWORKS.items():
        try:
            exec(f"import {module}", space)
        except ImportError:
            continue
        for source, fit in kinds:
            yield source, [fit]


def make(space: Space, kinds: List[Tuple[str, List[str]]]) -> int:  # noqa: UP006
    """Create each kind twice, ``u…`` unfitted and ``f…`` fitted; returns the number of fitted ones."""
    fitted = 0
    for number, (source, fits) in enumerate(kinds):
        space[f"u{number}"] = eval(source, space)
        model = eval(source, space)
        space[f"f{number}"] = model
        fitted += any(_does(fit, {**space, "m": model}) for fit in fits)
    return fitted


def _does(fit: str, space: Space) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(fit, space)
    except Exception:  # noqa: BLE001 - the next cell has other data
        return False
    return True


def delete_all(space: Space, count: int) -> List[str]:  # noqa: UP006
    """Delete all; returns when each was freed: at the ``del``, by the collector, or never."""
    gc.collect()
    gc.disable()
    references = {}
    try:
        for name in [f"{kind}{number}" for number in range(count) for kind in "uf"]:
            reference = weakref.ref(space[name])
            del space[name]
            references[name] = reference
        at_once = {name for name, reference in references.items() if reference() is None}
    finally:
        gc.enable()
    gc.collect()
    return [
        f"{n} {'at once' if n in at_once else 'collected' if r() is None else 'never'}"
        for n, r in references.items()
    ]
