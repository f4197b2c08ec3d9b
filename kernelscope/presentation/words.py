"""Nouns and verbs for each kind of model, and articles."""

from __future__ import annotations

from msgspec import Struct

from kernelscope.domain.facts import ObjectFacts
from kernelscope.libraries.base import ModelKind
from kernelscope.libraries.registry import registry


class ModelWords(Struct, frozen=True):
    """The words for models of one kind."""

    noun: str = "object"
    fitted: str = "fitted"
    perhaps: str = "perhaps fitted"
    """Whether it has learned anything is not known."""
    blank: str = "not fitted"
    """It has learned nothing."""
    blank_yet: str = "not fitted yet"
    began: str = "was fitted for the first time"
    began_again: str = "was fitted again"
    went_on: str = "learned on"
    learned: str = "what it has learned"
    values: str = "learned attributes"
    params: str = "hyper-parameters"


_MODEL = ModelWords()
_NETWORK = ModelWords(
    noun="network",
    fitted="trained",
    perhaps="perhaps trained",
    blank="not trained",
    blank_yet="not trained yet",
    began="was trained, having learned nothing before",  # or nothing that was left: it may have been cleared
    began_again="was trained again",
    went_on="was trained further",
    values="weights",
)
_OPTIMIZER = ModelWords(
    noun="optimizer",
    fitted="with steps on record",
    perhaps="perhaps with steps on record",
    blank="with no steps on record",  # plain SGD records none, ever
    blank_yet="with no steps on record",
    began="took its first steps",
    began_again="started its record of steps again",
    went_on="took further steps",
    learned="its record of steps",
    values="its record of steps",
    params="settings",
)
_WORDS = {ModelKind.MODEL: _MODEL, ModelKind.NETWORK: _NETWORK, ModelKind.OPTIMIZER: _OPTIMIZER}


def words_for(library: str | None) -> ModelWords:
    """The words for models of this library."""
    return _WORDS[registry().rules_of_kind(library or "").model_kind]


def standing(facts: ObjectFacts, *, fitted: bool | None) -> str:
    """Whether it has learned anything, in the words for its kind: ``fitted``, ``not trained``, ``perhaps trained``."""
    words = words_for(facts.library)
    if fitted is None:
        return words.perhaps
    return words.fitted if fitted else words.blank


def article(noun: str) -> str:
    """``a`` or ``an``; a name that begins with initials (SGDClassifier) is spelt out in speech."""
    spelt_out = noun[:2].isupper()
    return "an" if noun[:1] in ("AEFHILMNORSX" if spelt_out else "AEIOU") else "a"
