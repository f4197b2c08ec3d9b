"""The form that every rule card has, and the card for what no library claims."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

from kernelscope.timeline.facts import ObjectFacts


class Effect(StrEnum):
    """What one call does to the learned state of the object it is made on."""

    ANEW = "anew"
    """What was learned before is thrown away; learning starts from nothing."""
    ONWARD = "onward"
    """Learning goes on from where it was (from nothing, where nothing was learned yet)."""
    CARRIES = "carries"
    """A state made elsewhere is put in."""
    READS = "reads"
    """The whole state is read out, as a save or a copy does."""
    NONE = "none"


Objects = Mapping[int, ObjectFacts]
"""What is known of every object, by token: composites are judged with their parts."""


class RuleCard(Protocol):
    """What a library's own documentation or source says of its objects."""

    library: str
    source: str
    """Where the rules come from: a page or a file that can be read again."""

    def effect(self, facts: ObjectFacts, method: str) -> Effect:
        """What calling ``method`` does, with the parameters that ``facts`` hold."""
        ...

    def is_fitted(self, facts: ObjectFacts, objects: Objects) -> bool:
        """Whether the object has learned anything that it can be used with."""
        ...

    def works_with_given_parts(self, facts: ObjectFacts) -> bool:
        """Whether the parts it was given as parameters are those it learns and predicts with
        (a pipeline), or clones of them (a search, a voting classifier)."""
        ...

    def is_learned(self, attribute: str) -> bool:
        """Whether an instance attribute belongs to the learned state at all."""
        ...


class GenericCard:
    """For an object of unknown origin with ``get_params``, ``set_params`` and ``fit``.

    The method names are taken to mean what scikit-learn's developer guide says they mean; nothing
    else is known, so any instance attribute that is no parameter counts as learned.
    """

    library = "other"
    source = "https://scikit-learn.org/stable/developers/develop.html"

    def effect(self, facts: ObjectFacts, method: str) -> Effect:  # noqa: ARG002 - as the form has it
        """By the method's name alone."""
        if method in ("fit", "fit_transform", "fit_predict"):
            return Effect.ANEW
        if method in ("partial_fit", "train_on_batch"):
            return Effect.ONWARD
        if method == "__setstate__":
            return Effect.CARRIES
        if method in ("__getstate__", "__reduce_ex__"):
            return Effect.READS
        return Effect.NONE

    def is_fitted(self, facts: ObjectFacts, objects: Objects) -> bool:  # noqa: ARG002 - as the form has it
        """Whether it has any attribute that is no parameter; one that a budget left out is there."""
        told = any(s.text != "None" for name, s in facts.learned.items() if self.is_learned(name))
        return told or any(self.is_learned(name) for name in facts.not_evaluated)

    def works_with_given_parts(self, facts: ObjectFacts) -> bool:  # noqa: ARG002 - as the form has it
        """Not as far as is known: scikit-learn's rule is to fit clones."""
        return False

    def is_learned(self, attribute: str) -> bool:  # noqa: ARG002 - as the form has it
        """Any instance attribute may be."""
        return True


GENERIC = GenericCard()
