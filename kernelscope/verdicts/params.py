"""How hyper-parameters differ between two looks; the layers of a network are among them."""

from __future__ import annotations

from kernelscope.domain.facts import ObjectFacts, Opaque, Value
from kernelscope.libraries.registry import rules_for
from kernelscope.verdicts.context import JudgingContext, differing_values, flat_params
from kernelscope.verdicts.learned_finding import AttributeChanges

NOT_THERE = Opaque("—")
"""The value of a layer before it was added, and after it was removed."""


def differing_params(
    before: ObjectFacts, after: ObjectFacts, context: JudgingContext
) -> dict[str, tuple[Value, Value]]:
    """Hyper-parameters that differ, as (before, after); objects of two classes have nothing to compare."""
    if before.cls != after.cls:
        return {}
    old, new = flat_params(before, context.before), flat_params(after, context.after)
    differing = differing_values(old, new)
    if not rules_for(after).is_network:
        return differing
    if before.token != after.token:  # each network has layers of its own
        return {n: (a, b) for n, (a, b) in differing.items() if not _are_alike(a, b)}
    names = [n for n in (*old, *new) if (n in old) != (n in new)]
    layers = [n for n in names if isinstance(old.get(n, new.get(n)), Opaque)]
    differing |= {n: (old.get(n, NOT_THERE), new.get(n, NOT_THERE)) for n in layers}
    return differing


def _are_alike(one: Value, other: Value) -> bool:
    return isinstance(one, Opaque) and isinstance(other, Opaque) and one.text == other.text


def layers_of_changes(
    before: ObjectFacts, after: ObjectFacts, changes: AttributeChanges, context: JudgingContext
) -> tuple[str, ...]:
    """The layers of a network that are other ones, or are gone, if every weight that differs belongs to one of them."""
    differing = differing_params(before, after, context)
    layers = {n: _dotted(n) for n, (old, new) in differing.items() if isinstance(old, Opaque)}
    layers |= {n: _dotted(n) for n, (old, new) in differing.items() if old is NOT_THERE}
    theirs = {name: [n for n, path in layers.items() if name.startswith(path)] for name in changes.names}
    if not rules_for(after).is_network or not all(theirs.values()):
        return ()
    outermost = (min(names, key=len) for names in theirs.values())
    return tuple(dict.fromkeys(outermost))


def _dotted(path: str) -> str:
    """``head[0]`` as the names of weights have it: ``head.0.``."""
    return path.replace("[", ".").replace("]", "").lstrip(".") + "."
