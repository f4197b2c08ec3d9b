"""skorch: ``fit`` makes a new module unless ``warm_start`` is set, ``partial_fit`` goes on (skorch/net.py).

Read in skorch 1.4.
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
    Objects,
)
from kernelscope.libraries.generic.rules import GenericRules

_NET = "skorch/net.py"


class SkorchRules(GenericRules):
    """``skorch.NeuralNet``: scikit-learn's methods, and its own ways in and out of files."""

    library = "skorch"
    source = "https://skorch.readthedocs.io/en/stable/user/neuralnet.html"
    bases = ("skorch.net.NeuralNet",)
    required_methods = ()
    network_part = ".module_"
    early_classes = (EarlyClasses("skorch.net", ("NeuralNet",)),)
    untraced_loads = frozenset({"load_params"})  # into a net that was only made: its history stays empty

    calls = (
        Calls(
            # It makes an untrained module.
            methods=("initialize",),
            effect=Effect.CLEARS,
            source=f"{_NET}: initialize",
            watched=True,
            in_code="changes",
        ),
        Calls(
            methods=("load_params",),
            effect=Effect.RESTORES,
            source=f"{_NET}: load_params",
            watched=True,
            in_code="changes",
        ),
        *GenericRules.calls,
    )
    attributes = (
        Attributes(
            kind=AttributeKind.CACHE,
            names=("virtual_params_", "prefixes_", "cuda_dependent_attributes_", "init_context_"),
            source=f"{_NET}: initialize",
            reported=False,
        ),
    )
    arguments = (Arguments(kind="path", names=("f_params",), source=f"{_NET}: save_params"),)
    file_methods = (
        FileMethods(action="save", methods=("save_params",), source=f"{_NET}: save_params"),
        FileMethods(action="load", methods=("load_params",), source=f"{_NET}: load_params"),
    )

    def effect(self, facts: ObjectFacts, method: str, args: tuple[str, ...] = ()) -> Effect:
        """As scikit-learn's, with ``warm_start`` heeded."""
        effect = super().effect(facts, method, args)
        warm = effect is Effect.REFITS and facts.params.get(self.warm_start_param) is True
        return Effect.CONTINUES if warm else effect

    def is_fitted(self, facts: ObjectFacts, objects: Objects) -> bool:
        """Its history has an entry per epoch; a module that is only initialised has learned nothing."""
        history = facts.learned.get("history_")
        return history is not None and history.number is not None and history.number > 0


RULES = (SkorchRules(),)
