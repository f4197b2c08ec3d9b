"""What can have changed the learned state of one object: the calls that were seen, or else those in the code.

A call on an estimator reaches that estimator; of one on a composite it is not known which parts it reaches.  A network
is trained and loaded through whatever works on it: a module around it, its layers, its optimizer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from kernelscope.domain.evidence import Evidence
from kernelscope.domain.facts import Call, MethodInCode, ObjectFacts
from kernelscope.libraries.registry import Effect, registry, rules_for
from kernelscope.verdicts.context import JudgingContext, holds
from kernelscope.verdicts.learned_finding import AttributeChanges, call_seen, calls_in_code

CHANGING_EFFECTS = (Effect.REFITS, Effect.CONTINUES, Effect.LEARNS, Effect.RESTORES, Effect.CLEARS)
LEARNING_EFFECTS = (Effect.REFITS, Effect.CONTINUES, Effect.LEARNS, Effect.RESTORES)
"""Effects of calls after which a model has learned something."""
_ON_NETWORKS = (Effect.CONTINUES, Effect.RESTORES, Effect.CLEARS)


class Cause(Struct, frozen=True):
    """Something in the run that can have changed the learned state of an object."""

    effect: Effect
    evidence: Evidence
    seen: bool
    """It was seen happening; otherwise it stands in the code."""
    sure: bool
    """It cannot have been skipped."""
    part: bool = False
    """It was done to one of many parts that are recorded as one value, so that what it did cannot be seen."""
    direct: bool = True
    """It was done to the object or, for a network, to what holds it; otherwise the code does not name its receiver."""


def causes_of(facts: ObjectFacts, context: JudgingContext) -> tuple[Cause, ...]:
    """The causes that were seen or, if none was, those in the code that may have gone unseen."""
    seen = tuple(_seen(facts, context))
    if seen:
        return seen
    if rules_for(facts).learns_with_partners and (causes := _through_partners(facts, context)):
        return causes
    in_code = causes_in_code(facts, context)
    rules = rules_for(facts)
    if not context.sees_calls or rules.is_network or rules.runs_compiled:
        return in_code
    # A method that is no Python function is not seen: it can be the cause if the run cannot have skipped it.
    must_have_run = any(c.sure and c.direct and c.effect in LEARNING_EFFECTS for c in in_code)
    return in_code if must_have_run else ()


def _through_partners(facts: ObjectFacts, context: JudgingContext) -> tuple[Cause, ...]:
    """What trained the networks that an optimizer works on has made it take steps."""
    networks = (context.after[token] for token in facts.partners if token in context.after)
    return tuple(
        c for network in networks for c in causes_of(network, context) if c.effect is Effect.CONTINUES
    )


def causes_through_shared_values(
    before: ObjectFacts, after: ObjectFacts, changes: AttributeChanges, context: JudgingContext
) -> tuple[Cause, ...]:
    """The causes for another network that has the same layers: what trained that one has trained this one."""
    for other in context.observation.objects:
        then = context.before.get(other.token)
        if then is None or not rules_for(other).is_network or _is_within(after, other, context):
            continue
        if _shares(before, then, changes.names) and _shares(after, other, changes.names):
            causes = causes_of(other, context)
            if causes:
                return causes
    return ()


def _is_within(one: ObjectFacts, other: ObjectFacts, context: JudgingContext) -> bool:
    """Whether one of the two is the other, or a part of it."""
    return (
        one.token == other.token
        or holds(context.after, one.token, other.token)
        or holds(context.after, other.token, one.token)
    )


def _shares(mine: ObjectFacts, others: ObjectFacts, names: Sequence[str]) -> bool:
    """Whether another network has values equal to each of these."""
    digests = {s.digest for s in others.learned.values()}
    return all(
        name in mine.learned
        and mine.learned[name].digest is not None
        and mine.learned[name].digest in digests
        for name in names
    )


def causes_in_code(facts: ObjectFacts, context: JudgingContext) -> tuple[Cause, ...]:
    """Calls in the code that may have been made on the object, or on what works on it."""
    return tuple(_in_code(facts, context))


def raised_calls(facts: ObjectFacts, context: JudgingContext) -> tuple[Call, ...]:
    """Learning calls on the object that all raised: none returned, and none is still at work.

    Where calls are not seen, those that the error came out of which ended the run: another one may have returned before,
    unless the code has no other that learns.
    """
    rules = rules_for(facts)
    raised = tuple(
        c
        for c in context.calls_on(facts.token)
        if c.has_raised and rules.effect(facts, c.method, c.given) in LEARNING_EFFECTS
    )
    if context.sees_calls or not raised:
        return raised
    others = [c for c in causes_in_code(facts, context) if c.effect in LEARNING_EFFECTS]
    return raised if len(others) <= 1 else ()


def running_causes(facts: ObjectFacts, context: JudgingContext) -> tuple[Cause, ...]:
    """Learning calls on the object that a thread is in the middle of."""
    rules = rules_for(facts)
    return tuple(
        Cause(effect, call_seen(call, came_back=False), seen=True, sure=True)
        for call in context.calls_on(facts.token)
        if call.running and (effect := rules.effect(facts, call.method, call.given)) in LEARNING_EFFECTS
    )


def _seen(facts: ObjectFacts, context: JudgingContext) -> Iterator[Cause]:
    if rules_for(facts).is_network:
        for call in context.observation.calls:
            effect = _effect_on_network(call.method, call.token, call.given, facts, context)
            if effect is Effect.RESTORES and _puts_in_its_own(call, context):
                continue
            if effect is not Effect.NONE and call.returned:
                yield Cause(effect, call_seen(call), seen=True, sure=True)
        return
    for call in context.calls_on(facts.token):
        effect = rules_for(facts).effect(facts, call.method, call.given)
        if call.returned and effect in LEARNING_EFFECTS:
            yield Cause(effect, call_seen(call), seen=True, sure=True, part=call.part)


def _puts_in_its_own(call: Call, context: JudgingContext) -> bool:
    """Whether all that the code puts in by this method is the live state of the very same object."""
    methods = context.observation.code.methods
    may_be_mine = [m for m in methods if m.method == call.method and m.token in (call.token, None)]
    return bool(may_be_mine) and all(m.state_of == call.token for m in may_be_mine)


def _in_code(facts: ObjectFacts, context: JudgingContext) -> Iterator[Cause]:
    run = context.observation.run
    ended = run is not None and run.status == "ok"
    for method in _methods_in_code(facts, context):
        if method.token is not None and method.state_of == method.token:
            continue  # what it holds is put in its own place
        effect = _effect_in_code(method, facts, context)
        if effect in CHANGING_EFFECTS:
            named = method.token is not None if rules_for(facts).is_network else method.token == facts.token
            yield Cause(
                effect,
                calls_in_code([method])[0],
                seen=False,
                sure=method.sure and ended,
                part=method.part,
                direct=named,
            )


def _methods_in_code(facts: ObjectFacts, context: JudgingContext) -> tuple[MethodInCode, ...]:
    if not rules_for(facts).is_network:
        return context.methods_possible_on(facts.token)
    return tuple(
        m
        for m in context.observation.code.methods
        if m.token is not None or _may_be_called_on_network(m, facts, context)
    )


def _effect_in_code(method: MethodInCode, facts: ObjectFacts, context: JudgingContext) -> Effect:
    if rules_for(facts).is_network and method.token is not None:
        return _effect_on_network(method.method, method.token, method.given, facts, context)
    effect = rules_for(facts).effect(facts, method.method, method.given)
    return effect if effect in _ON_NETWORKS or not rules_for(facts).is_network else Effect.NONE


def _effect_on_network(
    method: str, token: int, arguments: tuple[str, ...], facts: ObjectFacts, context: JudgingContext
) -> Effect:
    """What a call on ``token`` does to this network: on itself, on what holds it, on an optimizer."""
    if token == facts.token or token in context.wholes_of(facts.token):
        effect = rules_for(facts).effect(facts, method, arguments)
    elif token in context.workers_on(facts.token) or (
        token in context.after and _may_work_on(facts, context.after[token])
    ):
        effect = rules_for(context.after[token]).effect_on_partner(method)
    else:
        in_parts = any(p.token == token for p in facts.parts)
        effect = rules_for(facts).effect(facts, method, arguments) if in_parts else Effect.NONE
        if effect is Effect.CLEARS:
            return Effect.NONE  # initialising one layer again is an edit of the whole
    return effect if effect in _ON_NETWORKS else Effect.NONE


def _may_work_on(network: ObjectFacts, worker: ObjectFacts) -> bool:
    """Whether the network may be what a worker of the same library was given to work on."""
    folder = rules_for(network).library
    return rules_for(worker).works_on_arguments and worker.library.partition(".")[0] == folder


def _may_be_called_on_network(method: MethodInCode, facts: ObjectFacts, context: JudgingContext) -> bool:
    """Whether a method whose receiver is not known may have been called on this network or its optimizer."""
    if method.cls is None or registry().is_step(method.method):
        return True
    return facts.token not in context.before and method.cls == facts.cls


def restores_best_checkpoint(causes: tuple[Cause, ...], facts: ObjectFacts, context: JudgingContext) -> bool:
    """Whether a state is loaded after training, and it stems from this very training: from memory, or from a
    file that this run wrote.  What came before the training may have started it from scratch."""
    effects = tuple(dict.fromkeys(c.effect for c in causes if c.effect is not Effect.CLEARS))
    if effects != (Effect.CONTINUES, Effect.RESTORES):
        return False
    written = {f.path for f in context.files("save") if f.token == facts.token}
    read = {f.path for f in context.files("load") if f.token in (facts.token, None)}
    return read <= written


def may_have_learned(facts: ObjectFacts, context: JudgingContext) -> bool:
    """Whether the code contains a call that may have fitted or continued an estimator."""
    return any(c.effect in (Effect.REFITS, Effect.CONTINUES) for c in causes_in_code(facts, context))
