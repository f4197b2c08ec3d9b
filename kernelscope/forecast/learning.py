"""What the cell would fit: the learning calls of its last run, made on the objects that are in place now."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from kernelscope.domain.changes import Identity, Learned
from kernelscope.domain.facts import Call, ObjectFacts, Part, Signature
from kernelscope.forecast.simulation import CellSimulation
from kernelscope.forecast.stand_ins import rebind_signature
from kernelscope.libraries.registry import Effect, rules_for
from kernelscope.verdicts.context import DEPTH

LEARNING = (Effect.REFITS, Effect.CONTINUES)
_LEARNED = (Learned.FITTED, Learned.REFITTED, Learned.CONTINUED)
_FIRST_LEARNED = {"learned_": Signature("", 1)}
"""Of a model that has learned nothing: some attribute that it would have afterwards.  Which one is not known; the
underscore makes it one that was learned (sklearn/utils/validation.py ``check_is_fitted``)."""


def learn(simulation: CellSimulation) -> tuple[Call, ...]:
    """Let the objects learn as the cell would; returns the calls that the probe would see."""
    if not simulation.seen.sees_calls:
        _learn_unseen(simulation)
        return ()
    calls = tuple(_calls(simulation))
    for call in calls:
        if call.returned and not simulation.is_simulated(call.token):
            _learn(simulation, call.token, call.method)
    _train_networks(simulation)
    return calls


def _train_networks(simulation: CellSimulation) -> None:
    """Let those networks learn again that an optimizer's or a trainer's calls have trained."""
    for change in simulation.run.changes:
        original = simulation.names_then.get(change.name)
        if original is None or change.identity is not Identity.SAME or change.learned not in _LEARNED:
            continue
        token = simulation.successor(original)
        facts = simulation.facts_of(token)
        if facts is not None and rules_for(facts).is_network and not simulation.is_simulated(token):
            _learn(simulation, token, "")


def is_learning_call(simulation: CellSimulation, token: int, method: str) -> bool:
    """Whether this object would learn by this method."""
    facts = simulation.facts_of(token)
    return facts is not None and rules_for(facts).effect(facts, method) in LEARNING


# Calls that were seen.


def _calls(simulation: CellSimulation) -> Iterator[Call]:
    """The calls of the last run, on the objects that are in place now."""
    receivers = (call.token for call in simulation.seen.calls if not call.nested)
    outer_act_elsewhere = any(map(simulation.acts_elsewhere, receivers))
    for call in simulation.seen.calls:
        token = simulation.successor(call.token)
        is_simulated = simulation.is_simulated(token)
        if call.nested and outer_act_elsewhere and not is_simulated:
            continue  # made by a call that would be made on another object
        if not call.returned or not simulation.is_there(token):
            continue
        facts = simulation.facts_of(token)
        if is_simulated or token == call.token or not call.nested:
            yield replace(call, token=token, cls=facts.cls if facts is not None else call.cls)
        if not is_simulated and not call.nested and facts is not None:
            yield from _nested_calls(simulation, facts, call)


def _nested_calls(
    simulation: CellSimulation, whole: ObjectFacts, call: Call, depth: int = DEPTH
) -> Iterator[Call]:
    """What a composite calls on the parts that it fits in place."""
    if depth == 0 or not is_learning_call(simulation, whole.token, call.method):
        return
    for part in _fitted_in_place(whole):
        facts = simulation.facts_of(part.token)
        if facts is not None:
            method = rules_for(facts).usual_fit_method
            yield Call(part.token, facts.cls, method, times=1, returned=1, nested=True)
            yield from _nested_calls(simulation, facts, call, depth - 1)


# Calls that were not seen.


def _learn_unseen(simulation: CellSimulation) -> None:
    """Let those learn again that learned in the last run."""
    methods = _methods_in_code(simulation)
    differed = _objects_that_differed(simulation)
    for change in simulation.run.changes:
        original = simulation.names_then.get(change.name)
        if original is None:
            continue
        if change.identity not in (Identity.SAME, Identity.REBOUND) and not simulation.is_kept(original):
            continue
        token = simulation.successor(original)
        if simulation.is_simulated(token) or change.learned not in (*_LEARNED, Learned.UNKNOWN):
            continue
        objects = _with_parts(simulation, token)
        receivers = [t for t in objects if t in methods]
        if not receivers and token != original and any(f.token == original for f in simulation.seen.objects):
            receivers = [token]
        for one in receivers or [t for t in objects if t in differed]:
            _learn(simulation, one, methods.get(one, ""))


def _methods_in_code(simulation: CellSimulation) -> dict[int, str]:
    """The learning method that the code calls on each object, by the token of the one that is in place now."""
    methods = {}
    for call in simulation.seen.code.methods:
        token = None if call.token is None else simulation.successor(call.token)
        if token is not None and is_learning_call(simulation, token, call.method):
            methods[token] = call.method
    return methods


def _objects_that_differed(simulation: CellSimulation) -> frozenset[int]:
    """Objects that the last run changed and that are still in place.

    None if the code would act on another object: it may have been the reason why each of them changed.
    """
    receivers = (call.token for call in simulation.seen.code.methods if call.token is not None)
    if any(map(simulation.is_displaced, receivers)):
        return frozenset()
    return frozenset(f.token for f in simulation.seen.objects if simulation.successor(f.token) == f.token)


def _with_parts(simulation: CellSimulation, token: int, depth: int = DEPTH) -> list[int]:
    facts = simulation.facts_of(token)
    if facts is None or depth == 0:
        return []
    return [token, *(t for part in facts.parts for t in _with_parts(simulation, part.token, depth - 1))]


# One object.


def _learn(simulation: CellSimulation, token: int, method: str, depth: int = DEPTH) -> None:
    """Let the object learn by this call, or by its usual one, and the parts that it fits in place."""
    facts = simulation.facts_of(token)
    if facts is None or depth == 0:
        return
    rules = rules_for(facts)
    if rules.effect(facts, method or rules.usual_fit_method) not in (*LEARNING, Effect.RESTORES):
        return
    parts = _fitted_in_place(facts)
    for part in parts:
        _learn(simulation, part.token, "", depth - 1)
    then = simulation.facts_then.get(token)
    known = {**(then.learned if then is not None else {}), **facts.learned}
    learned = {name: rebind_signature(signature) for name, signature in known.items()}
    if not learned and not parts:
        learned = _FIRST_LEARNED
    simulation.objects[token] = replace(simulation.facts_of(token) or facts, learned=learned)
    for other in list({**simulation.now.objects, **simulation.objects}.values()):
        if token in other.partners and rules_for(other).learns_with_partners:
            _learn(simulation, other.token, "", depth - 1)


def _fitted_in_place(facts: ObjectFacts) -> list[Part]:
    """The parts that were passed to the object and that it fits itself, not clones of them."""
    if not rules_for(facts).fits_parts_in_place(facts):
        return []
    return [part for part in facts.parts if part.key is not None]
