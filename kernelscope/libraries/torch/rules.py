"""PyTorch: modules, the optimizers that train them, and the schedulers that set these.

Read in PyTorch 2.13.  ``torch.optim.lr_scheduler.LRScheduler`` was called ``_LRScheduler`` before 2.0.
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

_MODULE = "torch/nn/modules/module.py"
_OPTIMIZER = "torch/optim/optimizer.py"
_SAVING = "https://docs.pytorch.org/docs/stable/notes/serialization.html"

_TRAINED = 8
"""Writes in place to one tensor after which it was more than initialised: ``torch.nn.init`` makes one
or two (torch/nn/init.py), every optimizer step one more (torch/optim/sgd.py, adam.py)."""


_TRAINERS_METHODS = ("train", "fit")
_SAFETENSORS = "https://huggingface.co/docs/safetensors/en/api/torch"
_CHECKPOINTS = "https://lightning.ai/docs/pytorch/stable/common/checkpointing_basic.html"
_PRETRAINED = "https://huggingface.co/docs/transformers/main_classes/model"


class TorchModuleRules(LibraryRules):
    """``torch.nn.Module``: it has no ``fit`` of its own, and ``train`` only sets the mode."""

    library = "torch"
    source = "https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html"
    bases = ("torch.nn.modules.module.Module",)
    is_network = True
    counts_writes = True
    has_live_states = (
        True  # `state_dict` gives references: https://docs.pytorch.org/docs/stable/notes/serialization.html
    )
    model_kind = ModelKind.NETWORK
    early_classes = (EarlyClasses("torch.nn", ("Module",)),)
    initialising_modules = ("torch.nn.init", "torch.nn.utils.convert_parameters")  # `vector_to_parameters`

    calls = (
        # Of `fit` methods that wrappers and trainers define, none starts from nothing: the weights are those that the
        # module has.
        Calls(
            methods=("step", "fit", "partial_fit", "fit_transform", "fit_predict", "train_on_batch"),
            effect=Effect.CONTINUES,
            source="https://lightning.ai/docs/pytorch/stable/common/trainer.html#fit",
        ),
        Calls(
            methods=("load_state_dict",),
            effect=Effect.RESTORES,
            source=f"{_MODULE}: load_state_dict",
            watched=True,
            in_code="changes",
        ),
        Calls(methods=("load_model",), effect=Effect.RESTORES, source=_SAFETENSORS),
        Calls(
            # How skorch's wrapper puts others in.
            methods=("load_params",),
            effect=Effect.RESTORES,
            source="skorch/net.py: load_params",
        ),
        Calls(methods=("__setstate__",), effect=Effect.RESTORES, source=f"{_MODULE}: __setstate__"),
        Calls(
            methods=("reset_parameters",),
            effect=Effect.CLEARS,
            source="torch/nn/modules/linear.py: reset_parameters, and others",
            watched=True,
            in_code="changes",
        ),
        Calls(
            methods=("init_weights",),
            effect=Effect.CLEARS,
            source="https://huggingface.co/docs/transformers/main_classes/model: init_weights",
            in_code="changes",
        ),
        Calls(methods=("initialize",), effect=Effect.CLEARS, source="skorch/net.py: initialize"),
        Calls(methods=("state_dict",), effect=Effect.READS, source=f"{_MODULE}: state_dict"),
        Calls(
            methods=("__getstate__",),
            effect=Effect.READS,
            source="https://docs.python.org/3/library/pickle.html",
        ),
    )
    attributes = (
        Attributes(
            kind=AttributeKind.STATISTICS,
            names=("running_mean", "running_var", "num_batches_tracked"),
            source="torch/nn/modules/batchnorm.py: forward",
        ),
    )
    functions = (
        Functions(action="save", module="torch", names=("save",), source=_SAVING),
        Functions(action="load", module="torch", names=("load",), source=_SAVING),
        Functions(
            action="save", module="safetensors.torch", names=("save_file", "save_model"), source=_SAFETENSORS
        ),
        Functions(action="load", module="safetensors.torch", names=("load_file",), source=_SAFETENSORS),
        Functions(action="load into", module="safetensors.torch", names=("load_model",), source=_SAFETENSORS),
    )
    arguments = (
        Arguments(kind="path", names=("f",), source=_SAVING),
        Arguments(kind="path", names=("filepath",), source=_CHECKPOINTS),
        Arguments(kind="path", names=("filename",), source=_SAFETENSORS),
        Arguments(kind="loads", names=("ckpt_path",), source=_CHECKPOINTS),
    )
    file_methods = (
        FileMethods(action="load state", methods=("load_state_dict",), source=_MODULE),
        FileMethods(action="save", methods=("save_pretrained",), source=_PRETRAINED),
        FileMethods(action="make", methods=("from_pretrained",), source=_PRETRAINED),
        FileMethods(action="make", methods=("load_from_checkpoint",), source=_CHECKPOINTS),
        FileMethods(action="save its network", methods=("save_checkpoint",), source=_CHECKPOINTS),
    )
    names = (
        Names(
            # They give the module back, whatever it is moved or set to.
            kind="returns itself",
            names=(
                *("to", "cuda", "cpu", "float", "double", "half", "bfloat16", "train", "eval"),
                *("requires_grad_", "apply"),
            ),
            source=_MODULE,
        ),
        Names(
            kind="converts",
            names=("to", "cuda", "cpu", "float", "double", "half", "bfloat16", "type"),
            source=_MODULE,
        ),
        Names(kind="state", names=("state_dict",), source=f"{_MODULE}: state_dict"),
        Names(kind="gradient method", names=("backward",), source="torch/_tensor.py"),
        Names(
            kind="gradient function",
            names=("grad",),
            source="torch/autograd/__init__.py",
        ),
        Names(kind="gradient attribute", names=("grad",), source="torch/_tensor.py"),
        Names(
            # `net.apply(f)` with an `f` that sets weights.
            kind="initialises",
            names=(
                *("uniform_", "normal_", "constant_", "ones_", "zeros_", "xavier_uniform_", "xavier_normal_"),
                *("kaiming_uniform_", "kaiming_normal_", "orthogonal_", "trunc_normal_", "sparse_", "eye_"),
                *("dirac_", "reset_parameters"),
            ),
            source="torch/nn/init.py",
        ),
        Names(kind="applies", names=("apply",), source=f"{_MODULE}: apply", counts_as="reset_parameters"),
    )

    def effect(self, facts: ObjectFacts, method: str, args: tuple[str, ...] = ()) -> Effect:
        """As declared; a trainer's ``train`` or ``fit`` goes on from the weights that the module has, and any method
        that is given a checkpoint puts its weights in."""
        if any(
            arguments.kind == "loads" and set(args) & set(arguments.names) for arguments in self.arguments
        ):
            return Effect.RESTORES
        if method.rpartition(".")[2] in _TRAINERS_METHODS and "." in method:
            return Effect.CONTINUES
        return super().effect(facts, method, args)

    def is_fitted(self, facts: ObjectFacts, objects: Objects) -> bool:
        """As far as the module itself shows it: of one that was there before the attach."""
        return bool(facts.signs) or self.was_written(facts)

    def shows_as_learned(self, facts: ObjectFacts, objects: Objects) -> bool | None:
        """Writes show that its weights were trained or loaded; gradients are there before the first step, and a
        network without any may have been loaded."""
        if all(s.lacks_values for s in facts.learned.values()):
            return False
        return True if self.was_written(facts) else None

    def was_written(self, facts: ObjectFacts) -> bool:
        """Gradients alone do not show it: they are there before the first step."""
        parameters = (s for n, s in facts.learned.items() if not self.is_statistic(n))
        return max((s.version or 0 for s in parameters), default=0) >= _TRAINED


class TorchOptimizerRules(GenericRules):
    """``torch.optim.Optimizer``: ``step`` fills ``state`` and changes the parameters that it was given."""

    library = "torch.optim"
    source = "https://docs.pytorch.org/docs/stable/optim.html"
    bases = ("torch.optim.optimizer.Optimizer",)
    required_methods = ()
    early_classes = (
        EarlyClasses(
            "torch.optim", ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "NAdam", "RAdam", "LBFGS")
        ),
    )
    model_kind = ModelKind.OPTIMIZER

    calls = (
        Calls(
            methods=("step",),
            effect=Effect.CONTINUES,
            on_partner=Effect.CONTINUES,
            source=f"{_OPTIMIZER}: step",
            watched=True,
            in_code="changes",
        ),
        Calls(
            methods=("load_state_dict", "__setstate__"),
            effect=Effect.RESTORES,
            source=f"{_OPTIMIZER}: load_state_dict",
        ),
    )


class TorchSchedulerRules(GenericRules):
    """``torch.optim.lr_scheduler``: it changes the settings of its optimizer, and has no row of its own."""

    library = "torch.lr_scheduler"
    source = "https://docs.pytorch.org/docs/stable/optim.html"
    bases = ("torch.optim.lr_scheduler.LRScheduler", "torch.optim.lr_scheduler._LRScheduler")
    required_methods = ()


RULES = (TorchModuleRules(), TorchOptimizerRules(), TorchSchedulerRules())
