"""Keras: ``fit`` goes on from the weights that are there, also after ``compile``.

Read in Keras 3.15.  Keras 2, whose classes lie elsewhere, is not known.
"""

from __future__ import annotations

from kernelscope.domain.facts import ObjectFacts
from kernelscope.libraries.base import (
    Arguments,
    AttributeKind,
    Attributes,
    Calls,
    EarlyClasses,
    Effect,
    FileMethods,
    Functions,
    LibraryRules,
    ModelKind,
    Names,
    Objects,
)
from kernelscope.libraries.generic.rules import GenericRules

_TRAINER = "keras/src/trainers/trainer.py"
_MODEL = "keras/src/models/model.py"
_LAYER = "keras/src/layers/layer.py"
_SAVING = "keras/src/saving/saving_api.py"
_OPTIMIZER = "keras/src/optimizers/base_optimizer.py"


class KerasModelRules(LibraryRules):
    """``keras.Model``."""

    library = "keras"
    source = "https://keras.io/api/models/model_training_apis/"
    bases = ("keras.src.models.model.Model",)
    is_network = True
    model_kind = ModelKind.NETWORK
    early_classes = (EarlyClasses("keras.src.models.model", ("Model",)),)
    lazy_modules = {"tensorflow.python.util.lazy_loader.KerasLazyLoader": "keras"}  # what `tf.keras` is

    calls = (
        Calls(methods=("fit",), effect=Effect.CONTINUES, source=f"{_TRAINER}: fit"),
        Calls(methods=("train_on_batch",), effect=Effect.CONTINUES, source=f"{_TRAINER}: train_on_batch"),
        Calls(
            methods=("fit_generator",),
            effect=Effect.CONTINUES,
            source="https://keras.io/2/api/models/model_training_apis/",
            in_code="fits",
        ),
        Calls(methods=("train_step",), effect=Effect.CONTINUES, source=f"{_TRAINER}: train_step"),
        # An optimizer's: the model that it is built with learns.
        Calls(methods=("apply_gradients", "apply"), effect=Effect.CONTINUES, source=f"{_OPTIMIZER}: apply"),
        Calls(
            methods=("load_weights",),
            effect=Effect.RESTORES,
            source=f"{_MODEL}: load_weights",
            watched=True,
            in_code="changes",
        ),
        Calls(
            methods=("set_weights",),
            effect=Effect.RESTORES,
            source=f"{_LAYER}: set_weights",
            watched=True,
            in_code="changes",
        ),
        Calls(methods=("__setstate__",), effect=Effect.RESTORES, source="keras/src/saving/keras_saveable.py"),
    )
    attributes = (
        Attributes(
            kind=AttributeKind.STATISTICS,
            names=("moving_mean", "moving_variance"),
            source="keras/src/layers/normalization/batch_normalization.py: call",
        ),
    )
    functions = (
        Functions(
            action="save",
            module="keras.src.saving.saving_api",
            names=("save_model",),
            source=_SAVING,
            shown="keras",
        ),
        Functions(
            action="load",
            module="keras.src.saving.saving_api",
            names=("load_model",),
            source=_SAVING,
            shown="keras",
        ),
    )
    arguments = (Arguments(kind="path", names=("filepath",), source=_SAVING),)
    file_methods = (
        FileMethods(action="save", methods=("save", "save_weights"), source=_MODEL),
        FileMethods(action="load", methods=("load_weights",), source=_MODEL),
        FileMethods(action="load state", methods=("set_weights",), source=_LAYER),
    )
    names = (
        Names(kind="state", names=("get_weights",), source=f"{_LAYER}: get_weights"),
        Names(
            kind="assigns",
            names=("assign", "assign_add", "assign_sub"),
            source="https://www.tensorflow.org/api_docs/python/tf/Variable",
        ),
        Names(
            kind="gradient method",
            names=("gradient",),
            source="https://www.tensorflow.org/api_docs/python/tf/GradientTape",
        ),
        Names(
            kind="gradient step",
            names=("apply_gradients",),
            source=f"{_OPTIMIZER}: apply_gradients",
        ),
        Names(
            # What `tf.function` makes holds the function that it stands for.
            kind="function attribute",
            names=("_python_function",),
            source="tensorflow/python/eager/polymorphic_function/polymorphic_function.py: Function",
        ),
    )

    def is_fitted(self, facts: ObjectFacts, objects: Objects) -> bool:
        """Whether its optimizer has taken steps."""
        return "iterations" in facts.signs

    def shows_as_learned(self, facts: ObjectFacts, objects: Objects) -> bool | None:
        """Its optimizer counts its steps; without any, its weights may still have been loaded."""
        if "no iterations" in facts.signs or all(s.lacks_values for s in facts.learned.values()):
            return False
        return True if self.is_fitted(facts, objects) else None


class KerasOptimizerRules(GenericRules):
    """``keras.optimizers.Optimizer``: a model's ``fit`` makes its steps, or ``apply_gradients`` does."""

    library = "keras.optimizers"
    source = "https://keras.io/api/optimizers/"
    bases = ("keras.src.optimizers.base_optimizer.BaseOptimizer",)
    required_methods = ()
    early_classes = (EarlyClasses("keras.src.optimizers.base_optimizer", ("BaseOptimizer",)),)
    model_kind = ModelKind.OPTIMIZER
    learns_with_partners = True
    usual_fit_method = "apply"

    calls = (
        Calls(
            methods=("apply_gradients", "apply"),
            effect=Effect.CONTINUES,
            on_partner=Effect.CONTINUES,
            source=f"{_OPTIMIZER}: apply",
        ),
        Calls(
            methods=("load_own_variables", "set_weights", "__setstate__"),
            effect=Effect.RESTORES,
            source=f"{_OPTIMIZER}: load_own_variables",
        ),
    )

    def is_fitted(self, facts: ObjectFacts, objects: Objects) -> bool:
        """Whether it has taken steps."""
        return "iterations" in facts.signs


RULES = (KerasModelRules(), KerasOptimizerRules())
