"""What is taken for true of any object with ``get_params`` and ``fit``, and Python's own ways to copy and save.

The method names are taken to mean what scikit-learn's developer guide says they mean; nothing else is
known, so any instance attribute that is no parameter counts as learned.
"""

from __future__ import annotations

from typing import ClassVar

from kernelscope.domain.facts import ObjectFacts
from kernelscope.libraries.base import (
    Arguments,
    Calls,
    Effect,
    Functions,
    LibraryRules,
    Names,
    Objects,
)

_GUIDE = "https://scikit-learn.org/stable/developers/develop.html"
_PICKLE = "https://docs.python.org/3/library/pickle.html"
_JOBLIB = "https://joblib.readthedocs.io/en/stable/persistence.html"
_CLOUDPICKLE = "https://github.com/cloudpipe/cloudpickle: README"
_PANDAS = "https://pandas.pydata.org/docs/reference/io.html#pickling"
_MLFLOW = "https://mlflow.org/docs/latest/api_reference/python_api/mlflow.sklearn.html"
_DILL = "https://dill.readthedocs.io/en/latest/dill.html"
_COPY = "https://docs.python.org/3/library/copy.html"


_INITIALISES = ("init_params",)
"""Parameters by which ``fit`` initialises what it learns, if they are not empty:
https://hmmlearn.readthedocs.io/en/stable/tutorial.html#fixing-parameters."""


class GenericRules(LibraryRules):
    """For an object that no library claims."""

    library = "other"
    source = _GUIDE
    required_methods: ClassVar[tuple[str, ...]] = ("get_params", "fit")
    warm_start_param = "warm_start"  # https://scikit-learn.org/stable/glossary.html#term-warm_start

    calls: ClassVar[tuple[Calls, ...]] = (
        Calls(
            methods=("fit", "fit_transform", "fit_predict"),
            effect=Effect.REFITS,
            source=_GUIDE,
            watched=True,
            in_code="fits",
            fits_local=True,
        ),
        Calls(
            methods=("partial_fit", "train_on_batch"),
            effect=Effect.CONTINUES,
            source="https://scikit-learn.org/stable/glossary.html#term-partial_fit",
            watched=True,
            in_code="fits",
            fits_local=True,
        ),
        Calls(
            methods=("fit_resample",),
            effect=Effect.REFITS,
            source="https://imbalanced-learn.org/stable/developers_utils.html",
            watched=True,
            in_code="fits",
            fits_local=True,
        ),
        Calls(
            # A trainer's, or a library's function.  What it does to this object is not known.
            methods=("train",),
            effect=Effect.NONE,
            source="https://lightning.ai/docs/pytorch/stable/common/trainer.html",
            in_code="fits",
        ),
        Calls(methods=("__setstate__",), effect=Effect.RESTORES, source=_PICKLE, watched=True),
        Calls(methods=("__getstate__",), effect=Effect.READS, source=_PICKLE, watched=True),
        Calls(methods=("__reduce_ex__",), effect=Effect.READS, source=_PICKLE),
    )
    names: ClassVar[tuple[Names, ...]] = (
        Names(
            kind="read only",
            names=(
                *("predict", "predict_proba", "predict_log_proba", "decision_function", "score", "transform"),
                *("get_params", "inverse_transform", "score_samples", "set_params"),
            ),
            source=_GUIDE,
        ),
        Names(kind="returns itself", names=("fit", "partial_fit", "set_params"), source=_GUIDE),
        Names(kind="parameters", names=("get_params",), source=_GUIDE),
        Names(kind="carries a state", names=("__setstate__", "__getstate__"), source=_PICKLE),
        Names(kind="copying module", names=("copy",), source=_COPY),
        Names(
            kind="storing module", names=("shelve",), source="https://docs.python.org/3/library/shelve.html"
        ),
        Names(
            kind="process module",
            names=("multiprocessing", "concurrent.futures.process", "joblib.externals.loky"),
            source="https://docs.python.org/3/library/concurrent.futures.html, https://loky.readthedocs.io",
        ),
        Names(
            kind="process module",
            names=("distributed", "ray", "ipyparallel"),
            source="distributed/protocol/pickle.py, ray/_private/serialization.py, ipyparallel/serialize",
        ),
        Names(kind="sets parameters", names=("set_params",), source=_GUIDE),
        Names(
            kind="passing frame",
            names=("fit", "fit_transform", "fit_predict", "fit_resample"),
            source=_GUIDE,
        ),
    )
    functions: ClassVar[tuple[Functions, ...]] = (
        Functions(action="save", module="pickle", names=("dump",), source=_PICKLE),
        Functions(action="load", module="pickle", names=("load",), source=_PICKLE),
        Functions(action="dump", module="pickle", names=("dumps",), source=_PICKLE),
        Functions(action="load bytes", module="pickle", names=("loads",), source=_PICKLE),
        Functions(action="saver", module="pickle", names=("Pickler",), source=_PICKLE),
        Functions(action="loader", module="pickle", names=("Unpickler",), source=_PICKLE),
        Functions(action="saver", module="cloudpickle", names=("Pickler",), source=_CLOUDPICKLE),
        Functions(action="saver", module="dill", names=("Pickler",), source=_DILL),
        Functions(action="loader", module="dill", names=("Unpickler",), source=_DILL),
        Functions(action="save", module="joblib", names=("dump",), source=_JOBLIB),
        Functions(action="load", module="joblib", names=("load",), source=_JOBLIB),
        Functions(action="save", module="cloudpickle", names=("dump",), source=_CLOUDPICKLE),
        Functions(action="load", module="cloudpickle", names=("load",), source=_CLOUDPICKLE),
        Functions(action="dump", module="cloudpickle", names=("dumps",), source=_CLOUDPICKLE),
        Functions(action="load bytes", module="cloudpickle", names=("loads",), source=_CLOUDPICKLE),
        Functions(action="save", module="dill", names=("dump",), source=_DILL),
        Functions(action="load", module="dill", names=("load",), source=_DILL),
        Functions(action="dump", module="dill", names=("dumps",), source=_DILL),
        Functions(action="load bytes", module="dill", names=("loads",), source=_DILL),
        Functions(action="save", module="pandas", names=("to_pickle",), source=_PANDAS),
        Functions(action="load", module="pandas", names=("read_pickle",), source=_PANDAS),
        Functions(action="save", module="mlflow.sklearn", names=("save_model",), source=_MLFLOW),
        Functions(action="load", module="mlflow.sklearn", names=("load_model",), source=_MLFLOW),
        Functions(action="copy", module="copy", names=("copy", "deepcopy"), source=_COPY),
    )
    arguments: ClassVar[tuple[Arguments, ...]] = (
        Arguments(kind="path", names=("file", "filename", "path"), source=f"{_PICKLE}; {_JOBLIB}"),
        Arguments(kind="path", names=("filepath_or_buffer",), source=_PANDAS),
        Arguments(kind="path", names=("model_uri",), source=_MLFLOW),
    )
    plain_packages: ClassVar[tuple[str, ...]] = ("scipy.", "numpy.")

    def effect(self, facts: ObjectFacts, method: str, args: tuple[str, ...] = ()) -> Effect:
        """As declared; if the parameters of a class switch its initialisation off, ``fit`` may continue."""
        effect = super().effect(facts, method, args)
        keeps = any(facts.params.get(name, True) in ("", False) for name in _INITIALISES)
        return (
            Effect.LEARNS if effect is Effect.REFITS and keeps and not self.shows_learning(facts) else effect
        )

    def shows_learning(self, facts: ObjectFacts) -> bool:
        """Any attribute may have been set by the constructor."""
        return self.library != GenericRules.library

    def shows_as_learned(self, facts: ObjectFacts, objects: Objects) -> bool | None:
        """One without any value has learned nothing; others show it by attributes as a fit leaves them."""
        if self.is_fitted(facts, objects):
            return True
        return False if self.shows_learning(facts) or not _has_value(facts) else None

    def is_fitted(self, facts: ObjectFacts, objects: Objects) -> bool:
        """Whether it has any attribute that is no parameter; one that a budget left out is there."""
        has_value = any(not s.is_none for name, s in facts.learned.items() if self.is_learned(name))
        return has_value or any(self.is_learned(name) for name in facts.not_evaluated)


def _has_value(facts: ObjectFacts) -> bool:
    return bool(facts.not_evaluated) or any(not s.is_none for s in facts.learned.values())


RULES = (GenericRules(),)
