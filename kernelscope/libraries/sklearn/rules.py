"""scikit-learn: what its calls do to learned state.

https://scikit-learn.org/stable/developers/develop.html: ``fit`` forgets what was learned before unless
``warm_start`` is set, ``partial_fit`` goes on, and what was learned ends in an underscore (``check_is_fitted`` in
sklearn/utils/validation.py).
"""

from __future__ import annotations

from functools import cached_property

from kernelscope.domain.facts import ObjectFacts, Part
from kernelscope.libraries.base import (
    AttributeKind,
    Attributes,
    EarlyClasses,
    Effect,
    Functions,
    MethodWrapper,
    Names,
    Objects,
)
from kernelscope.libraries.generic.rules import GenericRules

_FIT_AND_USE = frozenset({"fit", "fit_transform", "fit_predict"})

_LAST_STEP = ("sklearn.pipeline.Pipeline",)
"""Fitted as its last step is: ``Pipeline.__sklearn_is_fitted__`` in sklearn/pipeline.py."""

_FROZEN = ("sklearn.frozen._frozen.FrozenEstimator",)
"""Its ``fit`` does nothing, and it predicts with the very estimator that it was given
(sklearn/frozen/_frozen.py, 1.6 and later)."""

_FITS_PARTS_IN_PLACE = (*_LAST_STEP, *_FROZEN, "sklearn.pipeline.FeatureUnion")
"""``Pipeline._fit`` and ``FeatureUnion._update_transformer_list`` put the fitted steps back in
place; every other composite fits clones (sklearn/base.py ``clone``)."""

_IGNORES_WARM_START = ("sklearn.gaussian_process._gpc.GaussianProcessClassifier",)
"""Has ``warm_start``, but each ``fit`` makes a new ``base_estimator_``, and what that would start
from with it (``f_cached`` in sklearn/gaussian_process/_gpc.py)."""

_LOGISTIC = ("sklearn.linear_model._logistic.LogisticRegression",)
"""``warm_start`` is "useless for liblinear solver" (sklearn/linear_model/_logistic.py)."""

_TEMPLATES = ("estimator", "estimator_params")
"""What forests make clones of; no parameter of theirs, but set by their constructor (sklearn/ensemble/_forest.py)."""

_SKOPS = "https://skops.readthedocs.io/en/stable/persistence.html"
_VALIDATION = (
    "sklearn/utils/validation.py: validate_data; LogisticRegression.fit with one class, BaseDecisionTree._fit, "
    "CountVectorizer.fit_transform"
)
_CHECKED_FIRST = (
    *("n_features_in_", "feature_names_in_", "fixed_vocabulary_", "max_features_", "n_trees_per_iteration_"),
    *("is_categorical_", "sparse_output_", "bandwidth_", "kernel_"),
)
"""What ``fit`` sets while it checks what it is given, before it learns anything: a ``fit`` that is then refused
leaves these behind."""
_MAY_BE_ALL = ("classes_", "n_classes_", "n_outputs_", "class_weight_", "outputs_2d_")
"""Set by the same checks; these alone are all that a ``LabelEncoder`` learns."""

_NOTHING_ELSE = (
    "sklearn.preprocessing._data.Normalizer",
    "sklearn.preprocessing._data.Binarizer",
    "sklearn.preprocessing._function_transformer.FunctionTransformer",
    "sklearn.kernel_approximation.AdditiveChi2Sampler",
)
"""Stateless: their ``fit`` checks its input and keeps nothing more."""


_DEPTH = 6
"""How deep a pipeline in a pipeline is asked; one that holds itself is never fitted."""


class SklearnRules(GenericRules):
    """``BaseEstimator`` and what is built on it."""

    library = "sklearn"
    source = "https://scikit-learn.org/stable/glossary.html"
    bases = ("sklearn.base.BaseEstimator",)
    plain_packages = ("sklearn.",)
    c_state = {"sklearn.tree._tree.Tree": ("node_count", "feature", "threshold", "value")}
    early_classes = (EarlyClasses("sklearn.base", ("BaseEstimator",)),)
    method_wrappers = (
        MethodWrapper("sklearn.base", "_fit_context", ("decorator", "wrapper"), argument="fit_method"),
    )
    attributes = (
        Attributes(
            # What `set_output`, `set_*_request` and `set_callbacks` write into the instance.
            kind=AttributeKind.CONFIGURATION,
            names=(
                *("_sklearn_output_config", "_metadata_request"),
                *("_sklearn_auto_wrap_output_keys", "_skl_callbacks"),
            ),
            source="sklearn/utils/_set_output.py, sklearn/utils/_metadata_requests.py, and from 1.9 on "
            "sklearn/callback/_callback_support.py",
        ),
        # What methods that only use a model keep in it, for speed or for the next use: caches, the names of the last
        # output, a generator of random numbers that was drawn from.  The same in 1.6 to 1.9.
        Attributes(
            kind=AttributeKind.CACHE,
            names=("random_state_",),
            source="sklearn/neural_network/_rbm.py: BernoulliRBM.gibbs",
        ),
        Attributes(
            kind=AttributeKind.CACHE,
            names=("_cached_dict",),
            source="sklearn/preprocessing/_label.py: MultiLabelBinarizer.transform",
        ),
        Attributes(
            kind=AttributeKind.CACHE,
            names=("f_cached",),
            source="sklearn/gaussian_process/_gpc.py: _posterior_mode, by log_marginal_likelihood",
        ),
        Attributes(
            kind=AttributeKind.CACHE,
            names=("_stop_words_id",),
            source="sklearn/feature_extraction/text.py: CountVectorizer and HashingVectorizer.transform",
        ),
        Attributes(
            kind=AttributeKind.CACHE,
            names=("_n_feature_outs",),
            source="sklearn/ensemble/_stacking.py: predict and transform",
        ),
        Attributes(
            kind=AttributeKind.CACHE,
            names=("_transformers_feature_names_out",),
            source="sklearn/compose/_column_transformer.py: ColumnTransformer.transform; "
            "sklearn/pipeline.py: FeatureUnion.transform",
        ),
        Attributes(
            # A refused `fit` may leave one of them as `None` beside others that survived (`_partial_fit` after
            # `coef_ = None`).
            kind=AttributeKind.LEARNED,
            names=("coef_", "components_", "estimators_", "tree_", "cluster_centers_", "best_estimator_"),
            source="sklearn/linear_model/_stochastic_gradient.py: SGDClassifier and others",
        ),
        Attributes(kind=AttributeKind.VALIDATION, names=_CHECKED_FIRST, source=_VALIDATION),
        Attributes(kind=AttributeKind.VALIDATION, names=_MAY_BE_ALL, source=_VALIDATION),
    )
    names = (
        *GenericRules.names,
        Names(
            kind="read only",
            names=("get_feature_names_out", "set_output"),
            source="sklearn/utils/_set_output.py",
        ),
        Names(
            kind="returns itself",
            names=("set_output", "set_fit_request"),
            source="sklearn/utils/_set_output.py, sklearn/utils/_metadata_requests.py",
        ),
        Names(
            # Decorators: of `transform`, of `fit`, and of functions whose arguments are checked.
            kind="passing frame",
            names=("wrapped", "wrapper", "inner_f"),
            source="sklearn/utils/_set_output.py, sklearn/base.py, sklearn/utils/validation.py",
        ),
    )
    functions = (
        Functions(action="save", module="skops.io", names=("dump",), source=_SKOPS),
        Functions(action="load", module="skops.io", names=("load",), source=_SKOPS),
        Functions(action="load bytes", module="skops.io", names=("loads",), source=_SKOPS),
        Functions(action="clone", module="sklearn.base", names=("clone",), source="sklearn/base.py: clone"),
        Functions(
            action="make",
            module="sklearn.pipeline",
            names=("make_pipeline", "make_union"),
            source="sklearn/pipeline.py",
        ),
        Functions(
            action="make",
            module="sklearn.compose",
            names=("make_column_transformer",),
            source="sklearn/compose/_column_transformer.py",
        ),
    )
    arguments = ()

    def effect(self, facts: ObjectFacts, method: str, args: tuple[str, ...] = ()) -> Effect:
        """As the developer guide says, with ``warm_start`` heeded."""
        if method in _FIT_AND_USE and _is_a(facts, _FROZEN):
            return Effect.NONE
        if method in _FIT_AND_USE and _starts_warm(facts):
            return Effect.CONTINUES
        return super().effect(facts, method, args)

    def shows_learning(self, facts: ObjectFacts) -> bool:
        """Of scikit-learn's own classes: others may set attributes in their constructors, and name what they learn as
        they like."""
        return facts.cls.startswith("sklearn.")

    def is_fitted(self, facts: ObjectFacts, objects: Objects) -> bool:
        """As ``check_is_fitted`` sees it."""
        return self._is_fitted(facts, objects, _DEPTH)

    def _is_fitted(self, facts: ObjectFacts, objects: Objects, depth: int) -> bool:
        if _is_a(facts, _FITS_PARTS_IN_PLACE):
            parts = [objects.get(p.token) for p in facts.parts if p.key is not None] if depth else []
            asked = parts[-1:] if _is_a(facts, _LAST_STEP) else parts
            return bool(asked) and all(
                h is not None and self._is_fitted(h, objects, depth - 1) for h in asked
            )
        learned = {n: s.text for n, s in facts.learned.items() if n.endswith("_") and self.is_learned(n)}
        for name in facts.not_evaluated:
            if name.endswith("_") and self.is_learned(name):
                learned.setdefault(name, "")  # what a budget left out is there, whatever it holds
        core = [learned[n] for n in self.names_of(AttributeKind.LEARNED) if n in learned]
        if core and all(text == "None" for text in core):
            return False
        if not frozenset(_CHECKED_FIRST).isdisjoint(learned) and self.is_validation_only(
            facts, tuple(learned)
        ):
            return False
        return any(text != "None" for text in learned.values())

    def fits_parts_in_place(self, facts: ObjectFacts) -> bool:
        """Pipelines, feature unions and frozen estimators do; all else fits clones."""
        return _is_a(facts, _FITS_PARTS_IN_PLACE)

    def is_validation_only(self, facts: ObjectFacts, attributes: tuple[str, ...]) -> bool:
        """Of scikit-learn's own classes; what a user's ``fit`` does before it learns is not known."""
        own = facts.cls.startswith("sklearn.") and facts.cls not in _NOTHING_ELSE
        checked = self.names_of(AttributeKind.VALIDATION)
        return own and checked.issuperset(n for n in attributes if not n.startswith("_"))

    def is_template(self, facts: ObjectFacts, part: Part) -> bool:
        """What an ensemble makes clones of: ``BaseEnsemble._validate_estimator`` keeps the very estimator that it
        was given under another name (sklearn/ensemble/_base.py)."""
        params = {p.token for p in facts.parts if p.key is not None}
        is_ensemble = facts.cls.startswith("sklearn.ensemble.")
        return is_ensemble and part.label == ".estimator_" and part.token in params

    @cached_property
    def _not_learned(self) -> frozenset[str]:
        kept = self.names_of(AttributeKind.CONFIGURATION) | self.names_of(AttributeKind.CACHE)
        return kept.union(_TEMPLATES)

    def is_learned(self, attribute: str) -> bool:
        """Everything but configuration, and what using the object writes into it."""
        return attribute not in self._not_learned and not attribute.startswith("__")


def _starts_warm(facts: ObjectFacts) -> bool:
    if facts.params.get("warm_start") is not True or _is_a(facts, _IGNORES_WARM_START):
        return False
    return not (_is_a(facts, _LOGISTIC) and facts.params.get("solver") == "liblinear")


def _is_a(facts: ObjectFacts, names: tuple[str, ...]) -> bool:
    return facts.cls in names or any(base in names for base in facts.bases)


RULES = (SklearnRules(),)
