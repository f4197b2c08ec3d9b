"""The learned axis of networks, whose state alone does not tell whether they have learned anything.

A network has weights from its first moment on, and random ones are nothing learned.  So what it has
learned is a matter of its history: ``World.taught`` keeps it, and every change is told by what can
have caused it: an optimizer's step, a state that was put in, weights drawn anew, a write by hand.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from kernelscope.timeline.changes import Certainty, Learned
from kernelscope.timeline.facts import MethodInCode, ObjectFacts
from kernelscope.timeline.findings import (
    AttributeChanges,
    Finding,
    attribute_changes,
    call_seen,
    calls_in_code,
    carried_state,
    listed,
    twin_of,
)
from kernelscope.timeline.rules import Effect, card_for
from kernelscope.timeline.rules.networks import BATCH_STATISTICS, KERAS_BATCH_STATISTICS
from kernelscope.timeline.world import World

_STATISTICS = BATCH_STATISTICS | KERAS_BATCH_STATISTICS
_CONVERTS = frozenset({"to", "cuda", "cpu", "float", "double", "half", "bfloat16", "type"})
"""Methods of ``torch.nn.Module`` that change how weights are stored, not what was learned."""


class _Cause(Struct, frozen=True):
    """Something in the run that can have changed the network."""

    effect: Effect
    told: str
    seen: bool
    """It was seen happening; else it stands in the code."""
    sure: bool
    """It cannot have been left out."""
    whole: bool = True
    """It was done to the network as such, or to what holds it; else to something that the code does not
    tell."""


_BY_WHAT_IT_WAS = (Learned.FITTED, Learned.CONTINUED, Learned.REFITTED, Learned.CLEARED)
"""Words that say whether it had learned before."""


def same_network(before: ObjectFacts, after: ObjectFacts, world: World) -> Finding:
    """What happened to a network that is still the same object.

    Of one that was there at the attach nobody saw whether it had learned anything: it is told by what
    it shows, and that is said.
    """
    finding = _what_happened(before, after, world)
    if before.token in world.taught or finding.learned not in _BY_WHAT_IT_WAS:
        return finding
    was = was_fitted(before, world)
    shown = "its gradients, writes or steps show" if was else "nothing shows"
    told = f"it was there at the attach, and {shown} that it had learned before"
    return replace(finding, certainty="inferred", evidence=(*finding.evidence, told))


def _what_happened(before: ObjectFacts, after: ObjectFacts, world: World) -> Finding:
    was = was_fitted(before, world)
    changes = attribute_changes(before, after)
    causes = _causes(after, world)
    if not changes:
        return _nothing_differs(before, after, was, causes)
    if _is_converted(before, after, changes, world):
        return Finding(Learned.SAME if was else Learned.NONE)
    evidence = (*dict.fromkeys(c.told for c in causes), *changes.sentences())
    if _puts_its_own_best_back(causes, after, world):
        causes = tuple(c for c in causes if c.effect is Effect.ONWARD)
    certainty: Certainty = "observed" if causes and all(c.seen for c in causes) else "inferred"
    effects = {c.effect for c in causes}
    sure = {c.effect for c in causes if c.sure}
    on = Learned.CONTINUED if was else Learned.FITTED
    if _only_statistics(changes) and not effects & {Effect.CARRIES, Effect.FORGETS}:
        passed = "only the batch statistics differ: a forward pass in training mode updates them"
        return Finding(on, "inferred", (passed, *changes.sentences()))
    if len(effects) > 1 and not sure & {Effect.CARRIES, Effect.FORGETS}:
        return Finding(Learned.UNKNOWN, "unknown", (*evidence, "which of these came last is not known"))
    if effects & {Effect.CARRIES, Effect.FORGETS} and not _of_the_whole(causes, after, changes):
        return Finding(Learned.EDITED, "inferred", (*evidence, "most of its weights are as they were"))
    if Effect.CARRIES in effects:
        return carried_state(after, world, certainty, evidence)
    if Effect.FORGETS in effects:
        anew = Effect.ONWARD in effects
        learned = (Learned.REFITTED if anew else Learned.CLEARED) if was else (on if anew else Learned.NONE)
        return Finding(learned, certainty, evidence)
    if Effect.ONWARD in effects:
        return Finding(on, certainty, evidence)
    return _without_a_cause(before, after, changes, on, evidence, world)


def new_network(after: ObjectFacts, world: World) -> Finding:
    """Where the learned state of a network that was not there before comes from, if it has any."""
    causes = _causes(after, world)
    own_best = _puts_its_own_best_back(causes, after, world)
    effects = {Effect.ONWARD} if own_best else {c.effect for c in causes}
    evidence = tuple(dict.fromkeys(c.told for c in causes))
    certainty: Certainty = "observed" if causes and all(c.seen for c in causes) else "inferred"
    twin = twin_of(after, world)
    loaded = not own_best and any(f.token == after.token for f in world.files("load"))
    if Effect.CARRIES in effects or loaded:
        doubtful = not loaded and not any(c.sure for c in causes if c.effect is Effect.CARRIES)
        finding = carried_state(after, world, certainty, evidence)
        if finding.source is None and twin is not None and not was_fitted(twin, world):
            return Finding(Learned.NONE, certainty, ("it equals a network that has learned nothing",))
        if doubtful and Effect.ONWARD not in effects:
            return Finding(Learned.UNKNOWN, "unknown", (*evidence, "the code may have gone past it"))
        return replace(finding, learned=Learned.CONTINUED) if Effect.ONWARD in effects else finding
    if Effect.ONWARD in effects:
        return Finding(Learned.FITTED, certainty, evidence)
    if _stands_on_known_parts(after, world):
        kept = "its parts were there before, and keep what they have learned"
        return Finding(Learned.CARRIED, "observed", (kept,), in_memory=True)
    if twin is not None and was_fitted(twin, world):
        equal = "its weights are those of a network that was known before"
        return Finding(Learned.CARRIED, "inferred", (equal,), copied=True)
    if any(_is_copy_of_a_trained_one(p.token, world) for p in after.parts):
        held = "it is made of a copy of a network that had learned before"
        return Finding(Learned.CARRIED, "inferred", (held,), copied=True)
    if not world.observation.code.complete and card_for(after).was_written(after):
        often = "its weights were written more often than making it does, by code that was not followed"
        return Finding(Learned.FITTED, "inferred", (often,))
    return Finding(Learned.NONE)


def _is_copy_of_a_trained_one(part: int, world: World) -> bool:
    """Whether a part that was not there before equals a network that had learned (an average of weights
    begins with such a copy)."""
    facts = world.after.get(part) if part not in world.before else None
    twin = twin_of(facts, world) if facts is not None else None
    return twin is not None and was_fitted(twin, world)


def was_fitted(facts: ObjectFacts, world: World) -> bool:
    """Whether a network known before had learned anything, as far as is known."""
    return world.taught.get(facts.token, card_for(facts).is_fitted(facts, world.before))


def is_fitted(facts: ObjectFacts, world: World) -> bool:
    """Whether a network has learned anything, after the run."""
    before = world.before.get(facts.token)
    if before is not None and not world.may_differ(facts):
        return was_fitted(before, world)
    finding = new_network(facts, world) if before is None else same_network(before, facts, world)
    if finding.learned in (Learned.CLEARED, Learned.NONE):
        return False
    kept = finding.learned in (Learned.SAME, Learned.EDITED, Learned.UNKNOWN) and before is not None
    return was_fitted(before, world) if kept and before is not None else True


def taught_by(world: World) -> dict[int, bool]:
    """Of every network that the observation touched, whether it has learned anything now."""
    touched = (world.after.get(token) for token in world.touched)
    return {f.token: is_fitted(f, world) for f in touched if f is not None and card_for(f).by_history}


def _nothing_differs(
    before: ObjectFacts, after: ObjectFacts, was: bool, causes: tuple[_Cause, ...]
) -> Finding:
    """A call may have put in, or learned, the very same once more."""
    rewritten = any(
        s.version is not None and s.version != before.learned[n].version
        for n, s in after.learned.items()
        if n in before.learned
    )
    if not was and any(c.effect is Effect.CARRIES for c in causes):
        return Finding(Learned.NONE)  # tried out, and put back to the random weights that it had
    equal = "what it holds now is equal to what it held before"
    for effect, learned in (
        (Effect.CARRIES, Learned.CARRIED),
        (Effect.ONWARD, Learned.CONTINUED if was else Learned.FITTED),
    ):
        known = [c for c in causes if c.effect is effect and (c.seen or rewritten or (c.sure and c.whole))]
        counts = after.library != "torch" or rewritten  # a PyTorch tensor counts every write to it
        if known and counts and (was or effect is Effect.ONWARD):
            seen = all(c.seen for c in known)
            return Finding(learned, "observed" if seen else "inferred", (*(c.told for c in known), equal))
    return Finding(Learned.SAME if was else Learned.NONE)


def _without_a_cause(
    before: ObjectFacts,
    after: ObjectFacts,
    changes: AttributeChanges,
    on: Learned,
    evidence: tuple[str, ...],
    world: World,
) -> Finding:
    """Weights differ, and nothing that is known to change them was called."""
    if on is Learned.FITTED and not changes.lost and _only_new(before, changes):
        return Finding(Learned.NONE)  # it was built: its weights are there for the first time
    code = world.observation.code
    methods = {m.method for m in code.methods}
    mine = {after.token, *(p.token for p in after.parts)}
    written = tuple(dict.fromkeys(a for t, a in code.assigned if t in mine and a))
    of_another = bool(written) and "step" in methods  # an optimizer's, to which the gradients belong
    if "by-gradient" in methods or ("backward" in methods and not of_another):
        by_hand = "the cell writes weights in place by their gradients, as an optimizer does"
        return Finding(on, "inferred", (*evidence, by_hand))
    if written:
        return Finding(Learned.EDITED, "inferred", (*evidence, f"the cell writes to {listed(written)}"))
    parts = [
        m
        for m in code.methods
        if m.token in mine and card_for(after).effect(after, m.method) is Effect.FORGETS
    ]
    if parts:
        return Finding(Learned.EDITED, "inferred", (*evidence, *calls_in_code(parts)))
    if "in-place" in methods or (code.complete and not code.company):
        return Finding(Learned.EDITED, "inferred", (*evidence, "the cell calls nothing that learns"))
    return Finding(Learned.UNKNOWN, "unknown", (*evidence, "no call that learns was seen"))


def _causes(facts: ObjectFacts, world: World) -> tuple[_Cause, ...]:
    """What was seen; where nothing was, what stands in the code."""
    return tuple(_seen(facts, world)) or tuple(_in_the_code(facts, world))


def _seen(facts: ObjectFacts, world: World) -> Iterator[_Cause]:
    for call in world.observation.calls:
        effect = _effect_of(call.method, call.token, call.given, facts, world)
        if effect is not Effect.NONE and call.returned:
            yield _Cause(effect, call_seen(call), seen=True, sure=True)


def _in_the_code(facts: ObjectFacts, world: World) -> Iterator[_Cause]:
    run = world.observation.run
    ended = run is not None and run.status == "ok"
    for method in world.observation.code.methods:
        if method.token is not None:
            effect = _effect_of(method.method, method.token, method.given, facts, world)
        elif _may_be_meant(method, facts, world):
            effect = card_for(facts).effect(facts, method.method, method.given)
        else:
            continue
        if effect in (Effect.ONWARD, Effect.CARRIES, Effect.FORGETS):
            yield _Cause(
                effect,
                calls_in_code([method])[0],
                seen=False,
                sure=method.sure and ended,
                whole=method.token is not None,
            )


def _effect_of(method: str, token: int, given: tuple[str, ...], facts: ObjectFacts, world: World) -> Effect:
    """What a call on ``token`` does to this network: on itself, on what holds it, on an optimizer."""
    if token == facts.token or token in world.wholes_of(facts.token):
        found = card_for(facts).effect(facts, method, given)
    elif token in world.workers_on(facts.token):
        found = card_for(world.after[token]).effect_on_partner(method)
    else:
        in_parts = any(p.token == token for p in facts.parts)
        found = card_for(facts).effect(facts, method, given) if in_parts else Effect.NONE
        if found is Effect.FORGETS:
            return Effect.NONE  # one layer drawn anew is an edit of the whole
    return found if found in (Effect.ONWARD, Effect.CARRIES, Effect.FORGETS) else Effect.NONE


def _may_be_meant(method: MethodInCode, facts: ObjectFacts, world: World) -> bool:
    """Whether a method whose receiver is not known may have been called on this network, or on an
    optimizer of its."""
    if method.cls is None or method.method == "step":
        return True
    return facts.token not in world.before and method.cls == facts.cls


def _puts_its_own_best_back(causes: tuple[_Cause, ...], facts: ObjectFacts, world: World) -> bool:
    """Whether a state is put in after training, and it is one of this very training: kept in memory, or
    in a file that this run wrote.  What came before the training may have begun it anew."""
    effects = tuple(dict.fromkeys(c.effect for c in causes))
    if effects != (Effect.ONWARD, Effect.CARRIES):
        return False
    written = {f.path for f in world.files("save") if f.token == facts.token}
    read = {f.path for f in world.files("load") if f.token in (facts.token, None)}
    return read <= written


def _of_the_whole(causes: tuple[_Cause, ...], facts: ObjectFacts, changes: AttributeChanges) -> bool:
    """Whether other weights were put in the whole network, or more than half of it: one layer drawn anew
    is an edit of the whole."""
    if any(c.whole for c in causes if c.effect in (Effect.CARRIES, Effect.FORGETS)):
        return True
    differ = {*changes.written, *changes.bound}
    weights = [n for n in facts.learned if n.rpartition(".")[2] not in _STATISTICS]
    return 2 * sum(n in differ for n in weights) > len(weights)


def _only_new(before: ObjectFacts, changes: AttributeChanges) -> bool:
    """Whether all that differs was not there before: weights that were not made yet, or had no shape."""
    old = before.learned
    return all(
        n not in old or old[n].text.endswith(("tensor", "tensor (0,)"))
        for n in (*changes.bound, *changes.written)
    )


def _only_statistics(changes: AttributeChanges) -> bool:
    names = (*changes.written, *changes.bound)
    return not changes.lost and all(n.replace("/", ".").rpartition(".")[2] in _STATISTICS for n in names)


def _is_converted(before: ObjectFacts, after: ObjectFacts, changes: AttributeChanges, world: World) -> bool:
    """Whether the weights only took another element type or device, maybe there and back: parameters keep
    their tensors, buffers get others."""
    if changes.only_renewed and _only_statistics(changes):
        return True
    mine = {after.token, *world.wholes_of(after.token)}
    asked = any(m.method in _CONVERTS and m.token in (None, *mine) for m in world.observation.code.methods)
    changed = (*changes.written, *changes.bound)
    return (
        asked
        and not changes.lost
        and all(n in before.learned and before.learned[n].text != after.learned[n].text for n in changed)
    )


def _stands_on_known_parts(facts: ObjectFacts, world: World) -> bool:
    """A new network around networks that had learned before: all of its weights are theirs."""
    parts = [world.before.get(p.token) for p in facts.parts]
    if not parts or any(p is None or not was_fitted(p, world) for p in parts):
        return False
    return sum(len(p.learned) for p in parts if p is not None) == len(facts.learned)
