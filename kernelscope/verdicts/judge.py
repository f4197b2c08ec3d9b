"""From the facts of one look to the changes it amounts to."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from kernelscope.domain.changes import (
    Background,
    Certainty,
    Change,
    Identity,
    Late,
    Learned,
    Persistence,
    RefusedCall,
    SavedState,
    StaleKind,
    Verdict,
)
from kernelscope.domain.evidence import (
    CallSeen,
    Circumstance,
    Evidence,
    KnownObject,
    LibraryNotRead,
    NewObject,
    SaveInCode,
)
from kernelscope.domain.facts import FileAccess, LocalModel, ObjectFacts
from kernelscope.libraries.registry import Effect, rules_for
from kernelscope.verdicts.causes import LEARNING_EFFECTS
from kernelscope.verdicts.context import JudgingContext
from kernelscope.verdicts.fitted import had_learned
from kernelscope.verdicts.histories import has_learned_after
from kernelscope.verdicts.learned import same_object
from kernelscope.verdicts.learned_finding import LearnedFinding, attribute_changes, twin_of
from kernelscope.verdicts.new_object import may_hold_known_state, new_object
from kernelscope.verdicts.params import differing_params

_BY_LEARNED = {
    Learned.CLEARED: Verdict.CLEARED,
    Learned.REFITTED: Verdict.REFITTED,
    Learned.CARRIED: Verdict.RESTORED,
    Learned.EDITED: Verdict.EDITED,
    Learned.UNKNOWN: Verdict.UNKNOWN,
    Learned.CONTINUED: Verdict.CONTINUED,
    Learned.FITTED: Verdict.FITTED,
}

_OUTRANK_ALIASED = (Verdict.CLEARED, Verdict.REFITTED, Verdict.RESTORED)

Rows = Mapping[str, tuple[int, str | None]]
"""Per row its token and, for a part, the name of its whole."""


def judge(context: JudgingContext, rows_before: Rows, rows_after: Rows) -> dict[str, Change]:
    """Every change of one look, by row, names before the parts that they hold.

    If the whole changed, too, a part's change is also listed under it.
    """
    changes: dict[str, Change] = {}
    parts: dict[str, list[Change]] = {}
    for name in dict.fromkeys((*rows_before, *rows_after)):
        old, whole_before = rows_before.get(name, (None, None))
        new, whole = rows_after.get(name, (None, whole_before))
        if new is not None and old is not None and (whole is None) != (whole_before is None):
            # A name and a part of one spelling, one after the other: the name wins.
            old, new, whole = (old, None, None) if whole_before is None else (None, new, None)
        change = _judge_row(name, whole or name, old, new, context)
        if change is not None:
            changes[name] = change
            if whole is not None:
                parts.setdefault(whole, []).append(change)
    for whole, part_changes in parts.items():
        if whole in changes:
            changes[whole] = replace(changes[whole], parts=tuple(part_changes))
    return changes


def judge_local(model: LocalModel, context: JudgingContext) -> Change:
    """The change that a model is which was fitted inside a call and which no name reaches."""
    change = Change(
        name=model.inside,
        verdict=Verdict.CREATED,
        identity=Identity.NEW,
        learned=Learned.FITTED,
        params={},
        certainty="observed",
        evidence=(CallSeen(model.method, inside=model.inside), Circumstance.NO_GLOBAL_NAME),
        cls=model.cls,
        generation=model.generation,
        id=model.id,
        fitted=True,
        scope="local",
    )
    return _date_change(change, context)


def refused_calls(context: JudgingContext, changes: Mapping[str, Change]) -> tuple[RefusedCall, ...]:
    """Learning calls of the run that raised, on models that it did not change."""
    refused = []
    for call in context.observation.calls:
        facts = context.after.get(call.token)
        names = context.names_of(call.token)
        if not call.has_raised or facts is None or not names or names[0] in changes:
            continue
        if rules_for(facts).effect(facts, call.method, call.given) in LEARNING_EFFECTS:
            refused.append(RefusedCall(names[0], call.method, call.error or None))
    return tuple(refused)


def _judge_row(
    name: str, root: str, old: int | None, new: int | None, context: JudgingContext
) -> Change | None:
    """The change of one row; ``root`` is the name that reaches it."""
    before = context.before.get(old) if old is not None else None
    after = context.after.get(new) if new is not None else None
    if before is not None and after is None:
        return _judge_gone(name, root, before, context)
    if after is None:
        return None
    if before is None:
        return _judge_new_name(name, after, context)
    if before.token == after.token:
        if not context.may_differ(after):
            return None
        return _judge_kept(name, before, after, context)
    return _judge_replaced(name, before, after, context)


def _judge_gone(name: str, root: str, before: ObjectFacts, context: JudgingContext) -> Change:
    """The change of a name whose model is gone; a name that the look did not reach may hold another one, or one that cannot be read."""
    observation, stale = context.observation, _stale_partners(before, None, context)
    out_of_reach = root in observation.unreached
    evidence: tuple[Evidence, ...] = (Circumstance.NO_MODEL_NOW,)
    if root in observation.unreadable:
        evidence = tuple(LibraryNotRead(off.library, off.error) for off in observation.switched_off)
    elif out_of_reach:
        evidence = (Circumstance.NAME_NOT_REACHED,)
    change = Change(
        name=name,
        verdict=Verdict.UNKNOWN if out_of_reach else Verdict.DELETED,
        identity=Identity.GONE,
        learned=None,
        params=None,
        certainty="unknown" if out_of_reach else "observed",
        evidence=evidence,
        previous_generation=before.generation,
        previous_id=before.id,
        stale=stale,
        background=Background(stale_kind=_kind_of(stale, context)),
    )
    return _date_change(change, context)


def _judge_new_name(name: str, after: ObjectFacts, context: JudgingContext) -> Change:
    """The change of a name that held no model before."""
    if after.token in context.before:
        return _judge_rebound(name, None, after, context)
    finding = new_object(after, context)
    verdict = _verdict_of_new(finding, after, context, Verdict.CREATED)
    return _build_change(name, verdict, Identity.NEW, None, after, finding, context)


def _judge_replaced(name: str, before: ObjectFacts, after: ObjectFacts, context: JudgingContext) -> Change:
    """The change of a name that held another object before."""
    if after.token in context.before:
        return _judge_rebound(name, before, after, context)
    finding = new_object(after, context)
    verdict = _verdict_of_new(finding, after, context, Verdict.RESET)
    return _build_change(name, verdict, Identity.RECREATED, before, after, finding, context)


def _judge_kept(name: str, before: ObjectFacts, after: ObjectFacts, context: JudgingContext) -> Change | None:
    """The change of a name that still holds the same object, if anything happened to it."""
    finding = same_object(before, after, context)
    params = differing_params(before, after, context)
    saved = _find_save(after, context)
    verdict = _BY_LEARNED.get(finding.learned)
    if finding.failed:
        verdict = Verdict.FAILED
    elif finding.copied:
        verdict = Verdict.COPIED
    if verdict is None:
        verdict = Verdict.PARAMS if params else Verdict.SAVED if saved else None
    if verdict is None:
        return None
    return _build_change(name, verdict, Identity.SAME, before, after, finding, context)


def _judge_rebound(
    name: str, before: ObjectFacts | None, after: ObjectFacts, context: JudgingContext
) -> Change:
    """The change of a name that got a known object; what happened to that object in this run may outrank it."""
    finding = same_object(context.before[after.token], after, context)
    verdict = _BY_LEARNED.get(finding.learned, Verdict.ALIASED)
    if verdict not in _OUTRANK_ALIASED:
        verdict = Verdict.ALIASED
    return _build_change(name, verdict, Identity.REBOUND, before, after, finding, context)


def _verdict_of_new(
    finding: LearnedFinding, after: ObjectFacts, context: JudgingContext, otherwise: Verdict
) -> Verdict:
    if finding.learned in (Learned.CARRIED, Learned.CONTINUED):
        if finding.source is not None:
            return Verdict.RESTORED
        if finding.copied:
            return Verdict.COPIED
        if finding.in_memory:
            return Verdict.COPIED if otherwise is Verdict.RESET else otherwise
        known = context.observation.code.copies or twin_of(after, context) is not None
        return Verdict.COPIED if known else Verdict.RESTORED
    if (
        finding.learned is Learned.UNKNOWN
        and otherwise is Verdict.RESET
        and may_hold_known_state(after, context)
    ):
        return Verdict.UNKNOWN
    return otherwise


def _build_change(
    name: str,
    verdict: Verdict,
    identity: Identity,
    before: ObjectFacts | None,
    after: ObjectFacts,
    finding: LearnedFinding,
    context: JudgingContext,
) -> Change:
    saved = _find_save(after, context)
    by_address = after.by_address and identity in (Identity.SAME, Identity.REBOUND)
    change = Change(
        name=name,
        verdict=verdict,
        identity=identity,
        learned=finding.learned,
        params={} if before is None else differing_params(before, after, context),
        certainty=_certainty(verdict, finding, saved, by_address),
        evidence=_evidence(identity, before, after, finding, saved, context),
        cls=after.cls,
        generation=after.generation,
        previous_generation=before.generation if before else None,
        id=after.id,
        previous_id=before.id if before else None,
        fitted=finding.learned is not Learned.CLEARED and has_learned_after(after, context),
        persistence=_persistence(finding, saved),
        stale=_stale_partners(before, after, context) if before else (),
    )
    change = replace(change, background=_background(change, before, after, context))
    return _date_change(change, context, context.missed_since.get(after.token))


def _date_change(change: Change, context: JudgingContext, missed_since: int | None = None) -> Change:
    """Adds the run that the change belongs to, and whether it was found late."""
    run = context.observation.run
    change = replace(change, execution_count=None if run is None else run.execution_count)
    if not context.observation.late and missed_since is None:
        return change
    certainty: Certainty = "inferred" if change.certainty == "observed" else change.certainty
    since = context.late_since if context.observation.late else missed_since
    return replace(change, certainty=certainty, late=Late(since))


def _background(
    change: Change, before: ObjectFacts | None, after: ObjectFacts, context: JudgingContext
) -> Background:
    known = context.before.get(after.token)
    background = Background(
        library=after.library,
        only_statistics=known is not None and _only_statistics_moved(known, after),
        stale_kind=_kind_of(change.stale, context),
        file_state=_file_state(change, context),
    )
    if change.verdict is Verdict.ALIASED:
        others = (n for n in context.names_of(after.token) if n != change.name)
        return replace(background, other_names=tuple(others))
    if change.verdict is not Verdict.RESET or before is None:
        return background
    return replace(
        background,
        previous_library=before.library,
        previous_fitted=had_learned(before, context),
        previous_names=context.names_of(before.token),
    )


def _only_statistics_moved(before: ObjectFacts, after: ObjectFacts) -> bool:
    """Whether a network passed data forward and nothing trained it: no optimizer reached its weights."""
    if not rules_for(after).is_network:
        return False
    names = attribute_changes(before, after).names
    return bool(names) and all(map(rules_for(after).is_statistic, names))


def _kind_of(stale: tuple[str, ...], context: JudgingContext) -> StaleKind:
    partners = [context.after[context.names_after[n]] for n in stale if n in context.names_after]
    if partners and all(rules_for(f).is_optimizer for f in partners):
        return "optimizers"
    return "schedulers" if partners and all(f.helper for f in partners) else "models"


def _file_state(change: Change, context: JudgingContext) -> SavedState | None:
    """What the file held, if the change is a load and the file was seen being written."""
    stored = change.persistence
    if stored is None or stored.action != "loaded" or stored.file is None or change.cls is None:
        return None
    kept = context.kept.get((stored.file, change.cls))
    if kept is None:
        return None
    return SavedState(kept.generation, kept.execution_count, before_restart=kept.epoch != context.epoch)


def _certainty(
    verdict: Verdict, finding: LearnedFinding, saved: FileAccess | None, by_address: bool
) -> Certainty:
    """How sure the verdict is: a new object is observed, whatever is known about what it learned."""
    if by_address and finding.certainty != "unknown":
        return "inferred"
    if verdict is Verdict.RESET and finding.learned is Learned.UNKNOWN:
        return "inferred"  # from contents that are none of those known before
    if verdict in (Verdict.RESET, Verdict.CREATED, Verdict.ALIASED, Verdict.PARAMS):
        return "observed"
    if verdict is Verdict.SAVED:
        return "observed" if saved is not None and saved.touched else "inferred"
    return finding.certainty


def _evidence(
    identity: Identity,
    before: ObjectFacts | None,
    after: ObjectFacts,
    finding: LearnedFinding,
    saved: FileAccess | None,
    context: JudgingContext,
) -> tuple[Evidence, ...]:
    evidence: list[Evidence] = []
    if identity in (Identity.NEW, Identity.RECREATED):
        evidence.append(NewObject(after.generation))
    if identity is Identity.REBOUND:
        evidence.append(KnownObject(context.before[after.token].generation))
    if before is not None and before.token != after.token and before.id == after.id:
        evidence.append(Circumstance.ADDRESS_REUSED)
    if after.by_address and identity in (Identity.SAME, Identity.REBOUND):
        evidence.append(Circumstance.NO_WEAK_REFERENCES)
    evidence += finding.evidence
    if before is not None and differing_params(before, after, context):
        evidence.append(Circumstance.PARAMS_DIFFER)
    if saved is not None:
        evidence.append(SaveInCode(saved.call, saved.path, saved.touched))
    return tuple(evidence) or (Circumstance.STATE_DIFFERS,)


def _persistence(finding: LearnedFinding, saved: FileAccess | None) -> Persistence | None:
    if finding.source is not None:
        return Persistence("loaded", finding.source.path, finding.source.call)
    if saved is not None:
        return Persistence("saved", saved.path, saved.call)
    return None


def _find_save(facts: ObjectFacts, context: JudgingContext) -> FileAccess | None:
    """The save of this object in this run; a save whose file was seen not to be written does not count."""
    for access in context.files("save"):
        if access.token == facts.token and (access.touched or access.path is None):
            return access
    return _find_seen_save(facts, context)


def _find_seen_save(facts: ObjectFacts, context: JudgingContext) -> FileAccess | None:
    """The save that was seen as the state was taken out; what is saved as part of a whole is no save of its own."""
    rules = rules_for(facts)
    for call in reversed(context.calls_on(facts.token)):
        is_read = rules.effect(facts, call.method, call.given) is Effect.READS
        if not is_read or not context.names_of(facts.token):
            continue
        if call.via == "file":
            return FileAccess("save", call.through, token=facts.token, path=call.path, touched=True)
        if not call.via:
            return _find_save_of_something(facts, context)
    return None


def _find_save_of_something(facts: ObjectFacts, context: JudgingContext) -> FileAccess | None:
    """The one save of which the source does not say what it saves."""
    saves = [f for f in context.files("save") if f.token is None and f.touched]
    return replace(saves[0], token=facts.token) if len(saves) == 1 else None


def _stale_partners(
    before: ObjectFacts, after: ObjectFacts | None, context: JudgingContext
) -> tuple[str, ...]:
    """Names of the partners that still hold what this run replaced.

    If the object was replaced and no name reaches it any more: the composites that still hold it.
    If a composite learned a new part (a search its ``best_estimator_``): the names that still hold the old
    part.
    """
    if after is None or after.token != before.token:
        return () if context.names_of(before.token) else context.holders_of(before.token)
    part_tokens = {p.token for p in after.parts}
    dropped = [p.token for p in before.parts if p.key is None and p.token not in part_tokens]
    return tuple(dict.fromkeys(name for token in dropped for name in context.names_of(token)))


def tokens_in_use(objects: Mapping[int, ObjectFacts], names: Mapping[str, int]) -> frozenset[int]:
    """Tokens that a name reaches, itself or through a composite."""
    seen: set[int] = set()
    pending = list(names.values())
    while pending:
        token = pending.pop()
        if token not in seen and token in objects:
            seen.add(token)
            pending += [p.token for p in objects[token].parts]
            pending += objects[token].partners
    return frozenset(seen)
