"""Writes the walk's notebook: for every estimator of scikit-learn its cells, and what each of them does.

Run by the interpreter whose scikit-learn is walked (Python 3.9 and later): prints one JSON object.
Labels come from what scikit-learn's documentation says of the step, never from what kernelscope
says.  Every cell is tried here first, so that one that the installed version refuses (data of the
wrong kind, a method that this configuration lacks) is replaced or left out before it is walked.
"""

from __future__ import annotations

import json
import sys
import warnings
from contextlib import redirect_stdout
from typing import Any, Dict, Iterator, List, Tuple  # noqa: UP035 - as Python 3.9 has it at run time, too

Label = Dict[str, List[str]]  # noqa: UP006
"""By name the accepted verdicts (``created none``: with the value of the axis ``learned``); other names must not
be reported."""
Step = Tuple[str, str, Label]  # noqa: UP006
"""The step's name, its cell, its label."""

SETUP = """
import copy, pickle, warnings
import numpy as np
import sklearn
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
warnings.simplefilter("ignore")
rng = np.random.RandomState(0)
X = rng.normal(size=(40, 4))
y = np.array([0, 1] * 20)
X[:, 0] += 3 * y
yr = X @ np.array([1.0, 2.0, -1.0, 0.5])
yp = yr - yr.min() + 1
Y = np.column_stack([yr, X[:, 1]])
Yc = np.column_stack([y, (X[:, 1] > 0).astype(int)])
Xp = X - X.min() + 0.1
Xi = np.round(X - X.min()).astype(int) % 3
X1 = X[:, 0]
K = X @ X.T
D = rng.normal(size=(5, 4))
texts = ["a red fox", "the blue sea", "a blue fox", "the red sea"] * 10
dicts = [{"red": 1, "fox": i % 3} for i in range(40)]
images = rng.uniform(size=(4, 8, 8))
tags = [("red", "blue"), ("red",), ("sea",), ("blue", "sea")] * 10
"""

OWN = {
    "FrozenEstimator": "FrozenEstimator(Ridge().fit(X, yr))",
    "SparseCoder": "SparseCoder(dictionary=D)",
    "TfidfVectorizer": "TfidfVectorizer()",
    "PatchExtractor": "PatchExtractor(patch_size=(3, 3), random_state=0)",
}
"""How to create estimators that scikit-learn's own tests leave out, or create from objects without source."""

VARIANTS = {
    "MultiOutputClassifier": "MultiOutputClassifier(SGDClassifier(random_state=0))",
    "MultiOutputRegressor": "MultiOutputRegressor(SGDRegressor(random_state=0))",
    "OneVsRestClassifier": "OneVsRestClassifier(SGDClassifier(random_state=0))",
    "OneVsOneClassifier": "OneVsOneClassifier(SGDClassifier(random_state=0))",
    "LogisticRegression": "LogisticRegression(solver='liblinear')",
    "GaussianProcessClassifier": "GaussianProcessClassifier(multi_class='one_vs_one')",
    "ColumnTransformer": "ColumnTransformer([('a', StandardScaler(), [0, 1]), ('b', PCA(1), [2, 3])])",
    "FeatureUnion": "FeatureUnion([('a', StandardScaler()), ('b', PCA(n_components=1))])",
    "Pipeline": "Pipeline([('a', StandardScaler()), ('b', Pipeline([('c', PCA()), ('d', Ridge())]))])",
    "VotingClassifier": "VotingClassifier([('a', SGDClassifier(random_state=0)), ('b', GaussianNB())])",
    "KMeans": "KMeans(n_clusters=2, n_init=1)",
    "TargetEncoder": "TargetEncoder(cv=3)",
    "GridSearchCV": "GridSearchCV(Pipeline([('a', StandardScaler()), ('b', Ridge())]), {'b__alpha': [0.1, 1]})",
}
"""A second configuration of a class, with ``partial_fit`` or another kind of part."""

DATA = (
    ("X", "y"),
    ("X", "yr"),
    ("X", "yp"),
    ("X", "Yc"),
    ("X", "Y"),
    ("X", ""),
    ("Xp", ""),
    ("Xp", "y"),
    ("X1", "yr"),
    ("Xi", "y"),
    ("Xi", ""),
    ("K", ""),
    ("y", ""),
    ("texts", ""),
    ("dicts", ""),
    ("images", ""),
    ("tags", ""),
)
"""Data for ``fit``, in the order of trying; tags move better ones to the front."""

USES = (
    *("predict", "predict_proba", "predict_log_proba", "decision_function", "score_samples", "apply"),
    *("decision_path", "transform", "inverse_transform", "score", "kneighbors", "kneighbors_graph"),
    *("radius_neighbors", "radius_neighbors_graph", "sample", "sample_y", "bic", "aic", "perplexity"),
    *("gibbs", "error_norm", "mahalanobis", "staged_predict", "staged_score", "log_marginal_likelihood"),
    *("reconstruct_from_patches_2d", "get_covariance", "get_precision", "get_feature_names_out"),
    *("get_support", "get_metadata_routing", "get_params"),
)
"""Methods that use a model without fitting it, in the order in which a cell calls them."""

_ARGUMENTS = ("{X}", "{X}, {y}", "m.transform({X})", "Xp", "", "2")
_GENERATORS = ("staged_predict", "staged_score")

HARMLESS = (
    *("tol", "max_iter", "n_iter", "random_state", "copy_X", "copy", "error_score", "leaf_size"),
    *("eps", "alpha", "C", "n_estimators", "n_init", "reg_covar", "smooth_idf", "lowercase", "sparse"),
)
"""Hyper-parameters to change first: with any value the data are still accepted."""

_NOT_HARMLESS = ("verbose", "warm_start")

COUNTERS = ("n_estimators", "max_iter")
"""With ``warm_start`` a growing model learns only what these parameters add."""

STATELESS = {
    "fit": ["fitted", "untouched"],
    "again": ["refitted", "untouched"],
    "copy": ["copied", "created"],
}
"""Labels of an estimator whose ``fit`` only validates, by its documentation (``requires_fit`` is false): it has
learned nothing, but may store the number of columns."""


HASHING = ("FeatureHasher", "HashingVectorizer")
"""Stateless by their user guide; before 1.7 their tags do not say so."""


def classes() -> dict[str, type]:
    """Return every class that ``all_estimators`` finds, by name."""
    from sklearn.utils import all_estimators

    return dict(all_estimators())


def imports(classes_by_name: dict[str, type]) -> str:
    """Return a cell that imports them all."""
    return "\n".join(f"from {cls.__module__} import {name}" for name, cls in classes_by_name.items())


def sources(cls: type) -> Iterator[str]:
    """Yield expressions that create an estimator: as scikit-learn's own tests do, then in a second configuration."""
    from sklearn.utils._test_common.instance_generator import _construct_instances

    name = cls.__name__
    if name in OWN:
        yield OWN[name]
    else:
        instance = next(iter(_construct_instances(cls)))
        if "random_state" in instance.get_params(deep=False):
            instance.set_params(random_state=0)
        yield instance.__repr__(N_CHAR_MAX=1 << 20)
    if name in VARIANTS:
        yield VARIANTS[name]


class Walk:
    """Builds one estimator's cells and tries each of them."""

    def __init__(self, source: str, space: dict[str, Any]) -> None:
        self._source, self._space = source, space
        self.steps: list[Step] = []

    def make(self) -> list[Step]:
        """Return all steps; raises if the estimator cannot be created or fitted."""
        frozen = self._source.startswith("FrozenEstimator")
        self._do("create", f"m = {self._source}", m=["created fitted"] if frozen else ["created none"])
        stateless = not self._tags.requires_fit or type(self._model).__name__ in HASHING
        fit = self._fit_cell()
        x, y = fit[len("m.fit(") : -1].partition(", ")[::2]
        self._do("fit", fit, m=["untouched"] if frozen else STATELESS["fit"] if stateless else ["fitted"])
        again = ["untouched"] if frozen else STATELESS["again"] if stateless else ["refitted"]
        self._do("refit", fit, m=again)
        self._use(x, y)
        self._try("cross", f"cross_val_score(m, {x}, {y or 'None'}, cv=2, error_score='raise')")
        for method in ("fit_transform", "fit_predict"):
            self._try(method, f"Z = m.{method}({fit[len('m.fit(') :]}", m=again)
        self._params(fit)
        copied = STATELESS["copy"] if stateless and not frozen else ["copied"]
        self._do("pickle", "twin = pickle.loads(pickle.dumps(m))", twin=copied)
        self._use_twin(x)
        copied = ["copied", "reset"] if stateless and not frozen else ["copied"]
        self._do("deepcopy", "twin = copy.deepcopy(m)", twin=copied)
        self._do("clone", "other = clone(m)", other=["aliased"] if frozen else ["created none"])
        self._do("itself", "m = clone(m)", m=["untouched"] if frozen else ["reset none"])
        self._continue(fit, x, y, again, stateless)
        creation = f"m = {self._source}\n{fit}"
        accepted = ["reset fitted", "reset none"] if stateless and not frozen else ["reset fitted"]
        self._do("recreate", creation, m=accepted)
        self._do("recreate 2", creation, m=accepted)
        self._do("delete", "del m, twin, other", m=["deleted"], twin=["deleted"], other=["deleted"])
        return self.steps

    @property
    def _model(self) -> Any:
        return self._space["m"]

    @property
    def _tags(self) -> Any:
        from sklearn.utils import get_tags

        return get_tags(self._model)

    def _do(self, step: str, cell: str, **label: list[str]) -> None:
        exec(cell, self._space)
        self.steps.append((step, cell, label))

    def _try(self, step: str, cell: str, **label: list[str]) -> bool:
        if not self._works(cell):
            return False
        self.steps.append((step, cell, label))
        return True

    def _works(self, cell: str) -> bool:
        try:
            exec(cell, self._space)
        except Exception:  # noqa: BLE001 - whatever it is, the cell does not work for this estimator
            return False
        return True

    def _fit_cell(self) -> str:
        for x, y in sorted(DATA, key=self._unsuitability):
            cell = f"m.fit({x}, {y})" if y else f"m.fit({x})"
            if self._can_fit(cell):
                return cell
        raise RuntimeError(f"no data fit {self._source}")

    def _can_fit(self, cell: str) -> bool:
        """Whether the cell fits the model; tried on a copy."""
        original = self._space["m"]
        self._space["m"] = self._space["copy"].deepcopy(original)
        works = self._works(cell)
        self._space["m"] = original
        return works

    def _unsuitability(self, data: tuple[str, str]) -> int:
        """Return how badly these data suit the estimator by its tags: 0 if nothing speaks against them."""
        x, y = data
        tags = self._tags
        features, target = tags.input_tags, tags.target_tags
        kinds = {
            "X": features.two_d_array and not features.positive_only and not features.categorical,
            "Xp": features.positive_only,
            "Xi": features.categorical,
            "X1": features.one_d_array,
            "K": features.pairwise,
            "texts": features.string,
            "dicts": features.dict,
            "images": features.three_d_array,
        }
        wanted = [
            "Y" if target.multi_output and not target.single_output else "",
            "yr" if tags.estimator_type == "regressor" and not target.positive_only else "",
            "yp" if target.positive_only else "",
            "y" if tags.estimator_type == "classifier" or target.required else "",
        ]
        right = next((w for w in wanted if w), "")
        return (not kinds.get(x, False)) * 2 + (y != right)

    def _use(self, x: str, y: str) -> None:
        cells = []
        for method in USES:
            if not callable(getattr(self._model, method, None)):
                continue
            shape = "list(m.{}({}))" if method in _GENERATORS else "m.{}({})"
            for arguments in ("",) if method.startswith("get_") else _ARGUMENTS:
                cell = shape.format(method, arguments.format(X=x, y=y or "None"))
                if self._works(cell):
                    cells.append(cell)
                    break
        if cells:
            self._do("use", "\n".join(cells))

    def _use_twin(self, x: str) -> None:
        for method in ("predict", "transform", "kneighbors", "score_samples"):
            if callable(getattr(self._model, method, None)) and self._try("use copy", f"twin.{method}({x})"):
                return

    def _params(self, fit: str) -> None:
        """Change a parameter of its own, then one of a part."""
        own = self._model.get_params(deep=False)
        names = [n for n in HARMLESS if n in own] + [n for n in own if n not in HARMLESS]
        self._change("params", [n for n in names if n not in _NOT_HARMLESS], fit)
        nested = [n for n in self._model.get_params(deep=True) if n.count("__") == 1]
        self._change("part's", sorted(nested, key=lambda n: n.partition("__")[2] not in HARMLESS), fit)

    def _change(self, step: str, names: list[str], fit: str) -> None:
        values = self._model.get_params(deep=True)
        for name in names:
            other = _other_value(values[name])
            if other is None:
                continue
            cell = f"m.set_params({name}={other})"
            if self._can_fit(f"{cell}\n{fit}"):
                self._do(step, cell, m=["params"])
                return

    def _continue(self, fit: str, x: str, y: str, again: list[str], stateless: bool) -> None:
        """Add ``partial_fit`` of an unfitted model, a second one, then ``fit`` with ``warm_start``."""
        first, more = ["fitted"], ["continued"]
        learned = False
        if callable(getattr(self._model, "partial_fit", None)):
            if stateless:
                first, more = STATELESS["fit"], ["continued", "untouched"]
            classes = "[np.array([0, 1])] * 2" if y == "Yc" else "[0, 1]"
            plain = fit.replace("m.fit", "m.partial_fit")
            for cell in (plain, plain[:-1] + f", classes={classes})"):
                if self._try("partial", cell, m=first):
                    self._do("partial 2", plain, m=more)
                    learned = True
                    break
        params = self._model.get_params(deep=False)
        if "warm_start" not in params:
            return
        self._do("warm", "m.set_params(warm_start=True)", m=["params"])
        if not learned:
            self._do("warm fit", fit, m=["fitted"])
        counter = next((c for c in COUNTERS if c in params and _grows(self._model)), None)
        if counter is None:
            self._do("warm fit 2", fit, m=again if _ignores_warm_start(self._model) else ["continued"])
        else:
            grown = f"m.set_params({counter}={params[counter] + 2}).{fit[2:]}"
            self._do("warm fit 2", grown, m=["continued"])
            self._do("idle", fit, m=["continued", "untouched"])


def _grows(model: Any) -> bool:
    """Whether a warm start makes the ensemble bigger (glossary: "add more estimators")."""
    return any(hasattr(model, a) for a in ("estimators_", "_predictors"))


def _ignores_warm_start(model: Any) -> bool:
    """Whether the documentation says that ``warm_start`` has no effect on a second fit."""
    name = type(model).__name__
    useless = name == "LogisticRegression" and model.solver == "liblinear"
    return useless or name == "GaussianProcessClassifier"


def _other_value(value: Any) -> str | None:
    """Return another value of the same kind, as source."""
    if type(value) is bool:
        return repr(not value)
    if type(value) is int:
        return repr(value + 1)
    if type(value) is float and value == value:
        return repr(value * 2 if value else 0.5)
    return None


def notebook() -> dict[str, Any]:
    """Return all ``classes``, ``setup`` cells, ``walks`` (estimator → steps), and which were left out and why."""
    import sklearn

    classes_by_name = classes()
    space: dict[str, Any] = {}
    setup = [SETUP, imports(classes_by_name)]
    for cell in setup:
        exec(cell, space)
    walks: dict[str, list[Step]] = {}
    left_out: dict[str, str] = {}
    for name, cls in classes_by_name.items():
        try:
            for number, source in enumerate(sources(cls)):
                walks[name + "'" * number] = Walk(source, space).make()
        except Exception as error:  # noqa: BLE001 - the reason is reported, and asserted
            left_out[name] = f"{type(error).__name__}: {error}"
    return {
        "sklearn": sklearn.__version__,
        "classes": list(classes_by_name),
        "setup": setup,
        "walks": walks,
        "left_out": left_out,
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with redirect_stdout(sys.stderr):  # some estimators print
        answer = notebook()
    json.dump(answer, sys.stdout)
