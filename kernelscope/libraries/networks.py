"""PyTorch and Keras: networks, and the optimizers that train them; skorch, which wraps both.

Read in PyTorch 2.13, Keras 3.15 and skorch 1.4.  ``torch.optim.lr_scheduler.LRScheduler`` was called
``_LRScheduler`` before 2.0; Keras 2, whose classes lie elsewhere, is not known.
"""

from __future__ import annotations

from kernelscope.domain.facts import ObjectFacts
from kernelscope.libraries.base import GENERIC, Effect, GenericCard, Objects

_TRAINED = 8
"""Writes in place to one tensor after which it was more than initialised: ``torch.nn.init`` makes one
or two (torch/nn/init.py), every optimizer step one more (torch/optim/sgd.py, adam.py)."""

BATCH_STATISTICS = frozenset({"running_mean", "running_var", "num_batches_tracked"})
"""Buffers that a forward pass in training mode updates (torch/nn/modules/batchnorm.py ``forward``)."""

KERAS_BATCH_STATISTICS = frozenset({"moving_mean", "moving_variance"})
"""Weights that a call with ``training=True`` updates (keras/src/layers/normalization/batch_normalization.py)."""


class TorchCard(GenericCard):
    """``torch.nn.Module``: it has no ``fit`` of its own.  An optimizer's ``step`` changes the parameters,
    ``load_state_dict`` copies others into them (torch/nn/modules/module.py), ``reset_parameters`` draws
    them anew (torch/nn/modules/linear.py and others), ``load_params`` is how skorch's wrapper puts others in.  Of ``fit`` methods that wrappers and trainers
    define, none begins anew: the weights are those that the module has."""

    library = "torch"
    source = "https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html"
    by_history = True

    def effect(self, facts: ObjectFacts, method: str, given: tuple[str, ...] = ()) -> Effect:
        """By the method's name; ``train`` only sets the mode."""
        if method in ("step", "fit", "partial_fit", "fit_transform", "fit_predict", "train_on_batch"):
            return Effect.CONTINUES
        if method in ("load_state_dict", "load_params", "__setstate__"):
            return Effect.RESTORES
        if method in ("reset_parameters", "init_weights", "initialize"):
            return Effect.CLEARS
        return Effect.READS if method in ("state_dict", "__getstate__") else Effect.NONE

    def is_fitted(self, facts: ObjectFacts, objects: Objects) -> bool:
        """As far as the module itself shows it: of one that was there before the attach."""
        return bool(facts.signs) or self.was_written(facts)

    def was_written(self, facts: ObjectFacts) -> bool:
        """Gradients alone do not show it: they are there before the first step."""
        parameters = (s for n, s in facts.learned.items() if n.rpartition(".")[2] not in BATCH_STATISTICS)
        return max((s.version or 0 for s in parameters), default=0) >= _TRAINED


class TorchOptimizerCard(GenericCard):
    """``torch.optim.Optimizer``: ``step`` fills ``state`` and changes the parameters that it was given
    (torch/optim/optimizer.py)."""

    library = "torch.optim"
    source = "https://docs.pytorch.org/docs/stable/optim.html"

    def effect(self, facts: ObjectFacts, method: str, given: tuple[str, ...] = ()) -> Effect:
        """Its own state: moments, counts."""
        if method == "step":
            return Effect.CONTINUES
        return Effect.RESTORES if method in ("load_state_dict", "__setstate__") else Effect.NONE

    def effect_on_partner(self, method: str) -> Effect:
        """A step trains the network."""
        return Effect.CONTINUES if method == "step" else Effect.NONE


class KerasCard(GenericCard):
    """``keras.Model``: ``fit`` goes on from the weights that are there, also after ``compile``
    (keras/src/trainers/trainer.py ``fit``); ``load_weights`` and ``set_weights`` put others in."""

    library = "keras"
    source = "https://keras.io/api/models/model_training_apis/"
    by_history = True

    def effect(self, facts: ObjectFacts, method: str, given: tuple[str, ...] = ()) -> Effect:
        """By the method's name."""
        if method in ("fit", "train_on_batch", "fit_generator", "apply_gradients", "train_step", "apply"):
            return Effect.CONTINUES
        if method in ("load_weights", "set_weights", "__setstate__"):
            return Effect.RESTORES
        return Effect.NONE

    def is_fitted(self, facts: ObjectFacts, objects: Objects) -> bool:
        """Whether its optimizer has taken steps: of one that was there before the attach."""
        return bool(facts.signs)


class SkorchCard(GenericCard):
    """``skorch.NeuralNet``: ``fit`` makes a new module unless ``warm_start`` is set, ``partial_fit`` goes
    on, ``initialize`` makes an untrained one (skorch/net.py)."""

    library = "skorch"
    source = "https://skorch.readthedocs.io/en/stable/user/neuralnet.html"

    def effect(self, facts: ObjectFacts, method: str, given: tuple[str, ...] = ()) -> Effect:
        """As scikit-learn's, and its own ways in and out of files."""
        if method == "initialize":
            return Effect.CLEARS
        if method == "load_params":
            return Effect.RESTORES
        effect = GENERIC.effect(facts, method, given)
        warm = effect is Effect.REFITS and facts.params.get("warm_start") is True
        return Effect.CONTINUES if warm else effect

    def is_fitted(self, facts: ObjectFacts, objects: Objects) -> bool:
        """Its history has an entry per epoch; a module that is only initialised has learned nothing."""
        history = facts.learned.get("history_")
        return history is not None and history.number is not None and history.number > 0
