"""The form that every rule card has, and the card for what no library claims."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

from kernelscope.domain.facts import ObjectFacts


class Effect(StrEnum):
    """What one call does to the learned state of the object it is made on."""

    REFITS = "refits"
    """What was learned before is thrown away; learning starts from nothing."""
    CONTINUES = "continues"
    """Learning goes on from where it was (from nothing, where nothing was learned yet)."""
    CLEARS = "clears"
    """What was learned is thrown away, and nothing takes its place: random weights are nothing learned."""
    RESTORES = "restores"
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
    born_fitted: bool
    """Whether its objects come into being by training (a ``Booster``, results)."""
    by_history: bool
    """Whether the state itself does not tell if anything was learned: a network has weights from its
    first moment on."""

    def effect(self, facts: ObjectFacts, method: str, given: tuple[str, ...] = ()) -> Effect:
        """What calling ``method`` does, with the parameters that ``facts`` hold and with these
        decisive arguments ``given``."""
        ...

    def is_unread(self, facts: ObjectFacts) -> bool:
        """Whether nothing of its learned state can be looked at, so that calls alone tell of it."""
        ...

    def effect_on_partner(self, method: str) -> Effect:
        """What calling ``method`` does to the models that the object works on (an optimizer's ``step``)."""
        ...

    def is_fitted(self, facts: ObjectFacts, objects: Objects) -> bool:
        """Whether the object has learned anything that it can be used with."""
        ...

    def was_written(self, facts: ObjectFacts) -> bool:
        """Whether the values themselves show that they were changed after they were made."""
        ...

    def works_with_given_parts(self, facts: ObjectFacts) -> bool:
        """Whether the parts it was given as parameters are those it learns and predicts with
        (a pipeline), or clones of them (a search, a voting classifier)."""
        ...

    def is_learned(self, attribute: str) -> bool:
        """Whether an instance attribute belongs to the learned state at all."""
        ...

    def is_only_checked(self, facts: ObjectFacts, attributes: tuple[str, ...]) -> bool:
        """Whether these attributes are no more than what ``fit`` sets before it learns, so that one that is
        refused leaves them behind."""
        ...

    def keeps_its_core(self, facts: ObjectFacts, changed: tuple[str, ...]) -> bool:
        """Whether that without which it cannot be used is there, and none of the attributes that changed."""
        ...


class GenericCard:
    """For an object of unknown origin with ``get_params`` and ``fit``.

    The method names are taken to mean what scikit-learn's developer guide says they mean; nothing
    else is known, so any instance attribute that is no parameter counts as learned.
    """

    library = "other"
    source = "https://scikit-learn.org/stable/developers/develop.html"
    by_history = False
    born_fitted = False

    def is_unread(self, facts: ObjectFacts) -> bool:
        """No: what it has learned is in its attributes."""
        return False

    def effect_on_partner(self, method: str) -> Effect:
        """None: it works on itself alone."""
        return Effect.NONE

    def effect(self, facts: ObjectFacts, method: str, given: tuple[str, ...] = ()) -> Effect:
        """By the method's name alone."""
        if method in ("fit", "fit_transform", "fit_predict"):
            return Effect.REFITS
        if method in ("partial_fit", "train_on_batch"):
            return Effect.CONTINUES
        if method == "__setstate__":
            return Effect.RESTORES
        if method in ("__getstate__", "__reduce_ex__"):
            return Effect.READS
        return Effect.NONE

    def is_fitted(self, facts: ObjectFacts, objects: Objects) -> bool:
        """Whether it has any attribute that is no parameter; one that a budget left out is there."""
        told = any(s.text != "None" for name, s in facts.learned.items() if self.is_learned(name))
        return told or any(self.is_learned(name) for name in facts.not_evaluated)

    def was_written(self, facts: ObjectFacts) -> bool:
        """Not as far as is known."""
        return False

    def works_with_given_parts(self, facts: ObjectFacts) -> bool:
        """Not as far as is known: scikit-learn's rule is to fit clones."""
        return False

    def is_learned(self, attribute: str) -> bool:
        """Any instance attribute may be."""
        return True

    def is_only_checked(self, facts: ObjectFacts, attributes: tuple[str, ...]) -> bool:
        """Not as far as is known."""
        return False

    def keeps_its_core(self, facts: ObjectFacts, changed: tuple[str, ...]) -> bool:
        """Not as far as is known."""
        return False


GENERIC = GenericCard()
