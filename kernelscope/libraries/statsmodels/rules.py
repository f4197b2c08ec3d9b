"""statsmodels: results are made by ``fit`` of a model that is another object, and do not learn again.

``remove_data`` only takes the data out.  Read in statsmodels 0.15; older ones were not read.
"""

from __future__ import annotations

from kernelscope.domain.facts import ObjectFacts
from kernelscope.libraries.base import (
    Arguments,
    AttributeKind,
    Attributes,
    Effect,
    FileMethods,
    Functions,
    LibraryRules,
    Objects,
)
from kernelscope.libraries.generic.rules import GenericRules

_SHRINK = "statsmodels/base/model.py"
_PICKLE = "statsmodels/iolib/smpickle.py"


class StatsModelsRules(LibraryRules):
    """``Results``, and the wrapper that stands for them."""

    library = "statsmodels"
    source = "https://www.statsmodels.org/stable/dev/internal.html"
    bases = ("statsmodels.base.wrapper.ResultsWrapper", "statsmodels.base.model.Results")
    born_fitted = True

    # What makes its model learn gives a new results object: a results object goes on by nothing.
    calls = tuple(c for c in GenericRules.calls if c.effect in (Effect.RESTORES, Effect.READS, Effect.REFITS))
    attributes = (
        Attributes(
            kind=AttributeKind.CACHE,
            names=("model", "mle_settings", "mle_retvals", "data_in_cache"),
            source=f"{_SHRINK}: Results",
            reported=False,
        ),
    )
    functions = (
        Functions(
            action="save",
            module="statsmodels.iolib.smpickle",
            names=("save_pickle",),
            source=_PICKLE,
            shown="statsmodels",
        ),
        Functions(
            action="load",
            module="statsmodels.iolib.smpickle",
            names=("load_pickle",),
            source=_PICKLE,
            shown="statsmodels",
        ),
    )
    arguments = (Arguments(kind="path", names=("fname",), source=f"{_SHRINK}: Results.save"),)
    file_methods = (FileMethods(action="save", methods=("save",), source=f"{_SHRINK}: Results.save"),)

    def is_fitted(self, facts: ObjectFacts, objects: Objects) -> bool:
        """Always: they are what was learned."""
        return True

    def is_learned(self, attribute: str) -> bool:
        """The estimates; diagnostics are kept beside them on first use."""
        return attribute.endswith("params")


RULES = (StatsModelsRules(),)
