"""flax.nnx: modules hold their state, and ``Optimizer.update`` puts other arrays into it.

Read in flax 0.12.  ``flax.linen`` and other libraries of immutable modules keep their state in plain trees, and are not
read here.
"""

from __future__ import annotations

from kernelscope.domain.facts import ObjectFacts
from kernelscope.libraries.base import (
    AttributeKind,
    Attributes,
    Calls,
    Effect,
    Functions,
    LibraryRules,
    ModelKind,
    Names,
    Objects,
)
from kernelscope.libraries.generic.rules import GenericRules

_BASICS = "https://flax.readthedocs.io/en/stable/nnx_basics.html"
_OPTIMIZER = "flax/nnx/training/optimizer.py: Optimizer.update"
_GRAPH = "https://flax.readthedocs.io/en/stable/api_reference/flax.nnx/graph.html"


class FlaxModuleRules(LibraryRules):
    """``flax.nnx.Module``."""

    library = "flax"
    source = _BASICS
    bases = ("flax.nnx.module.Module",)
    is_network = True
    has_immutable_values = True
    model_kind = ModelKind.NETWORK

    calls = (
        Calls(
            methods=("__setstate__",), effect=Effect.RESTORES, source="flax/nnx/pytreelib.py: __setstate__"
        ),
        Calls(methods=("__getstate__",), effect=Effect.READS, source="flax/nnx/pytreelib.py: __getstate__"),
    )
    attributes = (
        Attributes(
            kind=AttributeKind.STATISTICS,
            names=("mean", "var"),
            source="flax/nnx/nn/normalization.py: BatchNorm.__call__",
        ),
    )
    functions = (
        Functions(action="copy", module="flax.nnx.graphlib", names=("clone", "merge"), source=_GRAPH),
        Functions(action="copy", module="flax.nnx.graph", names=("clone", "merge"), source=_GRAPH),
    )
    names = (
        Names(kind="gradient function", names=("grad", "value_and_grad"), source=_BASICS),
        Names(
            # What `nnx.jit` and `jax.jit` make holds the function that it stands for.
            kind="function attribute",
            names=("fun", "_fun"),
            source="flax/nnx/transforms/compilation.py: JitWrapped; jax/_src/pjit.py: _cpp_pjit",
        ),
    )

    def shows_as_learned(self, facts: ObjectFacts, objects: Objects) -> bool | None:
        """Its arrays do not tell how they came about."""
        return None


class FlaxOptimizerRules(GenericRules):
    """``flax.nnx.Optimizer``: it does not hold the module that it is given with each step."""

    library = "flax.optimizer"
    source = _OPTIMIZER
    bases = ("flax.nnx.training.optimizer.Optimizer",)
    required_methods = ()
    model_kind = ModelKind.OPTIMIZER
    works_on_arguments = True
    runs_compiled = True

    calls = (
        Calls(
            methods=("update",),
            effect=Effect.CONTINUES,
            on_partner=Effect.CONTINUES,
            source=_OPTIMIZER,
        ),
        Calls(
            methods=("__setstate__",), effect=Effect.RESTORES, source="flax/nnx/pytreelib.py: __setstate__"
        ),
    )

    def is_fitted(self, facts: ObjectFacts, objects: Objects) -> bool:
        """Whether it has taken steps; while its counter is still being computed, it has something to count."""
        return "iterations" in facts.signs or bool(facts.learned)


RULES = (FlaxModuleRules(), FlaxOptimizerRules())
