"""Where the learned state of a new object comes from."""

from __future__ import annotations

import re

from msgspec.structs import replace

from kernelscope.domain.changes import Learned
from kernelscope.domain.evidence import Circumstance, StateReadFromFile
from kernelscope.domain.facts import Call, FileAccess, ObjectFacts
from kernelscope.domain.names import root_of
from kernelscope.libraries.registry import Effect, LibraryRules, rules_for
from kernelscope.verdicts.causes import LEARNING_EFFECTS, causes_in_code, may_have_learned
from kernelscope.verdicts.context import JudgingContext
from kernelscope.verdicts.fitted import had_learned, has_learned
from kernelscope.verdicts.learned import same_object
from kernelscope.verdicts.learned_finding import (
    LearnedFinding,
    call_seen,
    calls_in_code,
    restored_state,
    twin_of,
)
from kernelscope.verdicts.networks import new_network

_WORD = re.compile(r"\w+")


def new_object(after: ObjectFacts, context: JudgingContext) -> LearnedFinding:
    """Where the learned state of an object that was not there before comes from."""
    rules = rules_for(after)
    if rules.is_network:
        return new_network(after, context)
    now, shows = has_learned(after, context.after, {}), rules.shows_learning(after)
    calls = context.calls_on(after.token)
    if not shows and (finding := _judge_by_history(rules, after, calls, context)) is not None:
        return finding
    if any(rules.effect(after, c.method, c.given) is Effect.RESTORES for c in calls):
        if not now:
            return LearnedFinding(Learned.NONE)
        return _after_restore(rules, after, calls, put_in_state(after, context))
    if now:
        return _origin(rules, after, calls, context)
    if any(f.token == after.token and f.call in rules.untraced_loads for f in context.files("load")):
        return restored_state(after, context, "inferred", ())
    return LearnedFinding(Learned.NONE)


def _origin(
    rules: LibraryRules, after: ObjectFacts, calls: tuple[Call, ...], context: JudgingContext
) -> LearnedFinding:
    """Of a state that was not seen being put in."""
    if _stands_on_known_parts(rules, after, context):
        return LearnedFinding(Learned.CARRIED, "observed", (Circumstance.PARTS_KEEP_STATE,), in_memory=True)
    grown = _judge_growth(rules, after, context)
    if grown is not None:
        return grown
    learning_calls = [
        c for c in calls if c.returned and rules.effect(after, c.method, c.given) in LEARNING_EFFECTS
    ]
    if learning_calls:
        return LearnedFinding(Learned.FITTED, "observed", tuple(call_seen(c) for c in learning_calls))
    if _may_be_restored(after, context) and not may_have_learned(after, context):
        return restored_state(after, context, "inferred", ())
    return _judge_by_state(rules, after, context)


def put_in_state(facts: ObjectFacts, context: JudgingContext) -> LearnedFinding:
    """Where a state comes from that was seen being put into a new object."""
    rules = rules_for(facts)
    ways = [
        c
        for c in context.calls_on(facts.token)
        if c.via and rules.effect(facts, c.method, c.given) is Effect.RESTORES
    ]
    if not ways:
        restored = restored_state(facts, context, "observed", (Circumstance.STATE_PUT_IN,))
        is_known = restored.source is not None or twin_of(facts, context) is not None
        if is_known or context.observation.code.copies:
            return restored
        unseen = (Circumstance.STATE_PUT_IN, Circumstance.ORIGIN_NOT_SEEN)
        return LearnedFinding(Learned.UNKNOWN, "unknown", unseen)
    way = ways[-1]
    if way.via == "process":
        return LearnedFinding(Learned.FITTED, "inferred", (Circumstance.FROM_ANOTHER_PROCESS,))
    if way.via == "copy":
        return LearnedFinding(Learned.CARRIED, "observed", (Circumstance.COPIED_IN_MEMORY,), copied=True)
    named = restored_state(facts, context, "observed", (Circumstance.STATE_PUT_IN,), way.path)
    if named.source is not None and way.path in (None, named.source.path):
        return named
    source = FileAccess("load", way.through, token=facts.token, path=way.path, touched=True)
    evidence = (StateReadFromFile(way.through, way.path),)
    return LearnedFinding(Learned.CARRIED, "observed", evidence, source)


def _judge_by_history(
    rules: LibraryRules, facts: ObjectFacts, calls: tuple[Call, ...], context: JudgingContext
) -> LearnedFinding | None:
    """What is known of an object whose state does not show whether it has learned, by what was done with it."""
    effects = {rules.effect(facts, c.method, c.given) for c in calls if c.returned}
    if Effect.RESTORES in effects:
        return None
    learning = [c for c in calls if c.returned and rules.effect(facts, c.method, c.given) in LEARNING_EFFECTS]
    if learning:
        return LearnedFinding(Learned.FITTED, "observed", tuple(call_seen(c) for c in learning))
    possible = [c for c in causes_in_code(facts, context) if c.effect in LEARNING_EFFECTS]
    sure = tuple(dict.fromkeys(c.evidence for c in possible if c.sure))
    if sure:
        return LearnedFinding(Learned.FITTED, "inferred", sure)
    is_class_called = facts.cls in context.observation.code.classes_called
    if is_class_called and not possible and not _may_be_restored(facts, context):
        return LearnedFinding(Learned.NONE)
    return None


def _judge_growth(rules: LibraryRules, facts: ObjectFacts, context: JudgingContext) -> LearnedFinding | None:
    """A new model that a training function made from another one (``xgb.train(…, xgb_model=old)``)."""
    methods = context.observation.code.methods
    training = [m for m in methods if rules.is_training_function(m.method) and m.token == facts.token]
    if {rules.effect(facts, m.method, m.given) for m in training} != {Effect.CONTINUES}:
        return None
    return LearnedFinding(Learned.CONTINUED, "inferred", calls_in_code(training), in_memory=True)


def _stands_on_known_parts(rules: LibraryRules, facts: ObjectFacts, context: JudgingContext) -> bool:
    """Whether a new composite stands around parts that had learned before, and none of its parts learned anything in
    this run."""
    parts = [p.token for p in facts.parts if p.key is not None]
    if not rules.fits_parts_in_place(facts) or facts.learned:
        return False
    known = [token for token in parts if token in context.before]
    new = [context.after[token] for token in parts if token not in context.before and token in context.after]
    if not known or any(has_learned(part, context.after, context.trained) is not False for part in new):
        return False
    return not any(
        same_object(context.before[token], context.after[token], context).happened for token in known
    )


def _after_restore(
    rules: LibraryRules, facts: ObjectFacts, calls: tuple[Call, ...], restored: LearnedFinding
) -> LearnedFinding:
    """The restored state, or what it became if the same run continued or refitted it."""
    effects = [rules.effect(facts, c.method, c.given) for c in calls]
    later = zip(effects, calls, strict=True)
    rest = [e for e, c in tuple(later)[effects.index(Effect.RESTORES) + 1 :] if c.returned]
    evidence = tuple(call_seen(c) for c in calls)
    if Effect.REFITS in rest:
        return LearnedFinding(Learned.FITTED, "observed", evidence)
    if Effect.CONTINUES in rest and restored.learned is Learned.CARRIED:
        return replace(restored, learned=Learned.CONTINUED, evidence=evidence)
    return restored  # what another process sent back stays learned, and an unknown origin stays unknown


def may_hold_known_state(facts: ObjectFacts, context: JudgingContext) -> bool:
    """Whether the learned state of a new object can be one that was known before."""
    unread = any(s.digest is None for s in facts.learned.values()) or facts.not_evaluated
    return bool(unread) or twin_of(facts, context) is not None


def _may_be_restored(facts: ObjectFacts, context: JudgingContext) -> bool:
    loads = context.files("load")
    return any(f.token in (facts.token, None) for f in loads) or _may_be_copied(facts, context)


def _may_be_copied(facts: ObjectFacts, context: JudgingContext) -> bool:
    """Whether what the cell copies can be this object, or something that holds it."""
    code = context.observation.code
    return bool(code.copies) and code.may_copy({facts.cls, *context.classes_around(facts.token)})


def _judge_by_state(rules: LibraryRules, facts: ObjectFacts, context: JudgingContext) -> LearnedFinding:
    """What is known about a new object that has learned something, if no call on it was seen."""
    possible = [
        m
        for m in context.methods_possible_on(facts.token)
        if rules.effect(facts, m.method, m.given) in (Effect.REFITS, Effect.CONTINUES)
    ]
    evidence = calls_in_code(possible)
    twin = twin_of(facts, context)
    if not _may_be_restored(facts, context):
        code = context.observation.code
        # What equals a known model may be one that was kept: then only a call that must have been made tells.
        needs_sure = twin is not None and code.keeps_results
        if any(m.sure or not needs_sure for m in possible):
            return LearnedFinding(Learned.FITTED, "inferred", evidence)
        calls_its_class = facts.cls in code.classes_called
        followed = ((code.complete or rules.born_fitted) and twin is None) or (
            code.complete and calls_its_class
        )
        if followed or _something_learns(rules, facts, context, needs_sure=needs_sure):
            return LearnedFinding(Learned.FITTED, "inferred", (Circumstance.NO_LOAD_IN_CODE,))
        if twin is None and _mentions_template(facts, context):
            return LearnedFinding(Learned.FITTED, "inferred", (Circumstance.UNFITTED_MODEL_MENTIONED,))
        if twin is None:
            return LearnedFinding(Learned.UNKNOWN, "unknown", (Circumstance.ORIGIN_NOT_SEEN,))
    elif {rules.effect(facts, m.method, m.given) for m in possible} == {Effect.CONTINUES}:
        return replace(restored_state(facts, context, "inferred", evidence), learned=Learned.CONTINUED)
    elif twin is None:
        return LearnedFinding(Learned.FITTED, "inferred", evidence)
    elif _was_only_loaded(facts, context):
        return restored_state(facts, context, "inferred", evidence)
    return LearnedFinding(Learned.UNKNOWN, "unknown", (*evidence, Circumstance.EQUALS_KNOWN_STATE))


def _was_only_loaded(facts: ObjectFacts, context: JudgingContext) -> bool:
    """Whether the cell loads a file or, where it fits, writes that very file, and did not write it."""
    mine = (facts.token, None)
    loaded = {f.path for f in context.files("load") if f.token in mine}
    saves = [f for f in context.files("save") if f.token in mine and f.path in loaded and f.path is not None]
    return bool(saves) and not any(f.touched for f in saves)


def _mentions_template(facts: ObjectFacts, context: JudgingContext) -> bool:
    """Whether the cell mentions a model of the same class that has learned nothing: clones of it were fitted."""
    run = context.observation.run
    words = frozenset(_WORD.findall(run.code)) if run is not None else frozenset()
    return any(
        root_of(name) in words
        and context.before[token].cls == facts.cls
        and had_learned(context.before[token], context) is False
        for name, token in context.names_before.items()
        if token in context.before
    )


def _something_learns(
    rules: LibraryRules, facts: ObjectFacts, context: JudgingContext, *, needs_sure: bool
) -> bool:
    """Whether the code contains any learning call, on any object.

    Args:
        needs_sure: only calls count that the run cannot have skipped.
    """
    methods = (m for m in context.observation.code.methods if m.sure or not needs_sure)
    return any(rules.effect(facts, m.method, m.given) in (Effect.REFITS, Effect.CONTINUES) for m in methods)
