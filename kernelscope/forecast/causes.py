"""Why the simulated run would have the effect that the judge sees."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from kernelscope.domain.changes import Change, Learned, Verdict
from kernelscope.domain.facts import ObjectFacts, Observation, Opaque
from kernelscope.forecast.learning import LEARNING
from kernelscope.forecast.reasons import (
    BindsKnownObject,
    ClearsState,
    ConditionalCall,
    ContinuesLearning,
    Copies,
    FitsFirstTime,
    FittedIndirectly,
    Learns,
    LoadsFile,
    MakesNewObject,
    ParameterChange,
    PartFitted,
    Reason,
    RemovesModel,
    RestoresState,
    SavesFile,
    SetsParameters,
    StartsOver,
    WarmStartUnreadable,
    WrapsFittedParts,
    WritesAttributes,
)
from kernelscope.forecast.simulation import CellSimulation
from kernelscope.forecast.stand_ins import UnknownValue
from kernelscope.libraries.registry import rules_for


def find_cause(simulation: CellSimulation, change: Change, again: Observation) -> Reason:
    """Why the run would do this.

    Args:
        simulation: after it ran.
        change: what the judge makes of it, for one name.
        again: what the probe would see.
    """
    name, file = change.name, change.persistence.file if change.persistence is not None else None
    match change.verdict:
        case Verdict.RESTORED:
            return LoadsFile(file) if file else RestoresState()
        case Verdict.RESET | Verdict.CREATED:
            return simulation.origins.get(name, MakesNewObject(change.cls))
        case Verdict.COPIED:
            is_wrapped = change.learned is Learned.CARRIED and not again.code.copies
            return WrapsFittedParts(change.cls) if is_wrapped else Copies()
        case Verdict.ALIASED:
            return simulation.origins.get(name, BindsKnownObject())
        case Verdict.DELETED:
            return RemovesModel()
        case Verdict.SAVED:
            return SavesFile(file or None)
        case Verdict.PARAMS:
            return _parameters(change)
        case Verdict.EDITED:
            token = simulation.names.get(name)
            return WritesAttributes(tuple(a for t, a in again.code.assigned if t == token))
        case Verdict.CLEARED:
            return ClearsState()
        case _:
            return _learning(simulation, simulation.names[name], change.verdict, again)


def _parameters(change: Change) -> SetsParameters:
    return SetsParameters(
        tuple(
            ParameterChange(name, now, then, is_known=not isinstance(then, UnknownValue))
            for name, (now, then) in (change.params or {}).items()
        )
    )


def _learning(simulation: CellSimulation, token: int, verdict: Verdict, again: Observation) -> Reason:
    facts = simulation.facts_of(token)
    if facts is None:
        return Learns()
    method = next(
        (m for m in _methods_on(token, again) if rules_for(facts).effect(facts, m) in LEARNING), None
    )
    if method is None:
        starts_over = verdict is Verdict.REFITTED
        return PartFitted(starts_over) if facts.parts else FittedIndirectly(starts_over)
    if verdict is Verdict.FITTED:
        return FitsFirstTime(method)
    if verdict is Verdict.CONTINUED:
        return ContinuesLearning(method, by_warm_start=_warm_start_decides(facts, method, is_set=True))
    return StartsOver(method, no_warm_start=_warm_start_decides(facts, method, is_set=False))


def _methods_on(token: int, again: Observation) -> Iterator[str]:
    """Methods called on this object or, as far as the code tells, on some object."""
    yield from (call.method for call in again.calls if call.token == token and not call.nested)
    yield from (call.method for call in again.code.methods if call.token in (token, None))


def _warm_start_decides(facts: ObjectFacts, method: str, *, is_set: bool) -> bool:
    """Whether ``warm_start`` has this value, and the method would do something else without it."""
    rules = rules_for(facts)
    if facts.params.get(rules.warm_start_param) is not is_set:
        return False
    otherwise = replace(facts, params={**facts.params, rules.warm_start_param: not is_set})
    return rules.effect(facts, method) is not rules.effect(otherwise, method)


def find_open_question(simulation: CellSimulation, name: str) -> WarmStartUnreadable | ConditionalCall | None:
    """Why it is not known whether, or how, the model would learn."""
    token = simulation.names[name]
    facts = simulation.facts_of(token)
    if facts is None:
        return None
    if isinstance(facts.params.get(rules_for(facts).warm_start_param), Opaque):
        return WarmStartUnreadable()
    learning = [m for m in _methods_of_last_run(simulation) if rules_for(facts).effect(facts, m) in LEARNING]
    pairs = (*simulation.names.items(), *simulation.names_then.items())
    receivers = {n for n, t in pairs if simulation.successor(t) == token}
    if learning and all(simulation.effects.is_conditional(method, receivers) for method in learning):
        return ConditionalCall(learning[0])
    return None


def _methods_of_last_run(simulation: CellSimulation) -> tuple[str, ...]:
    """Methods that were seen or, if none was, that stand in the code."""
    seen = dict.fromkeys(c.method for c in simulation.seen.calls if not c.nested and c.returned)
    return tuple(seen or dict.fromkeys(m.method for m in simulation.seen.code.methods))
