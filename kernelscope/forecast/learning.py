"""What the cell would teach: the learning calls of its last run, made on the objects that stand there by now."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from kernelscope.domain.changes import Identity, Learned
from kernelscope.domain.facts import Call, ObjectFacts, Part, Signature
from kernelscope.forecast.simulation import CellSimulation
from kernelscope.forecast.stand_ins import rebound
from kernelscope.libraries.registry import Effect, card_for
from kernelscope.verdicts.context import DEPTH

LEARNING = (Effect.REFITS, Effect.CONTINUES)
_LEARNED = (Learned.FITTED, Learned.REFITTED, Learned.CONTINUED)
_FIT = "fit"
"""What a composite calls on its parts (sklearn/pipeline.py ``Pipeline._fit``)."""
_FIRST_LEARNED = {"learned_": Signature("", 1)}
"""What a model that has learned nothing would have afterwards: some attribute, whose name ends as those of learned ones do."""


def learn(cell: CellSimulation) -> tuple[Call, ...]:
    """Let the objects learn; returns the calls that would be seen."""
    if not cell.seen.sees_calls:
        _learn_unseen(cell)
        return ()
    calls = tuple(_calls(cell))
    for call in calls:
        if call.returned and not cell.is_simulated(call.token):
            _learn(cell, call.token, call.method)
    return calls


def is_learning_call(cell: CellSimulation, token: int, method: str) -> bool:
    """Whether this method would teach this object."""
    facts = cell.facts_of(token)
    return facts is not None and card_for(facts).effect(facts, method) in LEARNING


# Calls that were seen.


def _calls(cell: CellSimulation) -> Iterator[Call]:
    """The calls of the last run, on the objects that stand there by now."""
    outer_act_elsewhere = any(cell.acts_elsewhere(c.token) for c in cell.seen.calls if not c.nested)
    for call in cell.seen.calls:
        token = cell.successor(call.token)
        is_simulated = cell.is_simulated(token)
        if call.nested and outer_act_elsewhere and not is_simulated:
            continue  # made by a call that would be made on another object
        if not call.returned or not cell.is_there(token):
            continue
        facts = cell.facts_of(token)
        if is_simulated or token == call.token or not call.nested:
            yield replace(call, token=token, cls=facts.cls if facts is not None else call.cls)
        if not is_simulated and not call.nested and facts is not None:
            yield from _nested_calls(cell, facts, call)


def _nested_calls(cell: CellSimulation, whole: ObjectFacts, call: Call, depth: int = DEPTH) -> Iterator[Call]:
    """A pipeline fits the steps that it was given."""
    if depth == 0 or not is_learning_call(cell, whole.token, call.method):
        return
    for part in _fitted_in_place(whole):
        facts = cell.facts_of(part.token)
        if facts is not None:
            yield Call(part.token, facts.cls, _FIT, times=1, returned=1, nested=True)
            yield from _nested_calls(cell, facts, call, depth - 1)


# Where calls are not seen.


def _learn_unseen(cell: CellSimulation) -> None:
    """What is known to have learned in the last run would learn again."""
    methods = _methods_in_code(cell)
    differed = _objects_that_differed(cell)
    for change in cell.run.changes:
        original = cell.names_then.get(change.name)
        if original is None or change.identity not in (Identity.SAME, Identity.REBOUND):
            continue
        token = cell.successor(original)
        if cell.is_simulated(token) or change.learned not in (*_LEARNED, Learned.UNKNOWN):
            continue
        objects = _with_parts(cell, token)
        called = [t for t in objects if t in methods]
        if not called and token != original and any(f.token == original for f in cell.seen.objects):
            called = [token]
        for one in called or [t for t in objects if t in differed]:
            _learn(cell, one, methods.get(one, _FIT))


def _methods_in_code(cell: CellSimulation) -> dict[int, str]:
    """By the token of the object that stands there by now, the learning method that the code calls on it."""
    methods = {}
    for call in cell.seen.code.methods:
        token = None if call.token is None else cell.successor(call.token)
        if token is not None and is_learning_call(cell, token, call.method):
            methods[token] = call.method
    return methods


def _objects_that_differed(cell: CellSimulation) -> frozenset[int]:
    """Objects that differed after the last run and stand there as they did; none if the code would act on
    another object, as each of them may have differed by that."""
    if any(call.token is not None and cell.is_displaced(call.token) for call in cell.seen.code.methods):
        return frozenset()
    return frozenset(f.token for f in cell.seen.objects if cell.successor(f.token) == f.token)


def _with_parts(cell: CellSimulation, token: int, depth: int = DEPTH) -> list[int]:
    facts = cell.facts_of(token)
    if facts is None or depth == 0:
        return []
    return [token, *(t for part in facts.parts for t in _with_parts(cell, part.token, depth - 1))]


# One object.


def _learn(cell: CellSimulation, token: int, method: str, depth: int = DEPTH) -> None:
    """The object after this call, and the parts that it fits in place."""
    facts = cell.facts_of(token)
    if facts is None or depth == 0:
        return
    if card_for(facts).effect(facts, method) not in (*LEARNING, Effect.RESTORES):
        return
    parts = _fitted_in_place(facts)
    for part in parts:
        _learn(cell, part.token, _FIT, depth - 1)
    then = cell.facts_then.get(token)
    known = {**(then.learned if then is not None else {}), **facts.learned}
    learned = {name: rebound(signature) for name, signature in known.items()}
    if not learned and not parts:
        learned = _FIRST_LEARNED
    cell.objects[token] = replace(cell.facts_of(token) or facts, learned=learned)


def _fitted_in_place(facts: ObjectFacts) -> list[Part]:
    """The parts that the object was given and fits themselves, not clones of them."""
    if not card_for(facts).works_with_given_parts(facts):
        return []
    return [part for part in facts.parts if part.key is not None]
