"""Rule cards: what a library's calls do to what an object has learned.

A card states facts about a library, each with its source; it judges nothing.  ``card_for`` picks the
card by the classes that an object inherits from.
"""

from kernelscope.timeline.rules.card import Effect, RuleCard, card_for

__all__ = ["Effect", "RuleCard", "card_for"]
