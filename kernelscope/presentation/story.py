"""The story of one name: what happened to it, oldest first, how that is known, and what would happen next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

from kernelscope.domain.changes import Certainty, Change, Held, Moment, Run, Verdict
from kernelscope.domain.facts import ObjectFacts
from kernelscope.forecast.forecaster import Forecaster
from kernelscope.forecast.outlook import Forecast
from kernelscope.presentation.reasons import reason_text
from kernelscope.timeline.cells import Cell, effects_of
from kernelscope.timeline.timeline import Timeline
from kernelscope.verdicts.explain import gist, short_class, standing

ChapterKind = Literal["unknown", "attached", "run", "between"]


class Chapter(Struct, frozen=True):
    """One sentence of the story."""

    kind: ChapterKind
    """``unknown``: what was before kernelscope looked · ``attached``: what the name held then · ``run`` ·
    ``between`` runs."""
    sentence: str
    epoch: int
    execution_count: int
    """Of the run; of the last run before it, for the other kinds."""
    certainty: Certainty
    evidence: tuple[str, ...] = ()
    change: Change | None = None
    rerun_of: int | None = None


class Again(Struct, frozen=True):
    """What running a cell again did to the name or, of a cell that never ran again, would do."""

    execution_count: int
    """Of the latest run of the cell."""
    code: str
    sentence: str
    verdict: Verdict | None
    """``None``: that cannot be told."""
    times: int = 0
    """How many re-runs ended so; 0 for a forecast."""
    of: int = 0
    """How many re-runs there were."""


class Story(Struct, frozen=True):
    """What is known of one name."""

    name: str
    chapters: tuple[Chapter, ...]
    holds: ObjectFacts | None
    """In the end; ``None``: no model."""
    fitted: bool | None
    end: str
    """What it holds in the end, in a sentence."""
    again: tuple[Again, ...] = ()
    not_looked_at: tuple[str, ...] = ()
    """What the latest look left out, and why."""


def known_runs(timeline: Timeline, epoch: int) -> tuple[int, int]:
    """The last run before anything was seen in this epoch, and the last that was seen."""
    counts = [m.execution_count for m in timeline.moments if m.epoch == epoch]
    return (counts[0], max(counts)) if counts else (0, 0)


def moment_of(timeline: Timeline, epoch: int, count: int) -> Moment | None:
    """The latest moment that belongs to this run, or to the time before the next; ``None``: it was not
    seen."""
    found = [m for m in timeline.moments if m.epoch == epoch and m.execution_count == count]
    return found[-1] if found else None


def story(timeline: Timeline, name: str, until: Moment | None = None, forgotten: int = 0) -> Story:
    """The story of a row of the timeline, which must be one.

    Args:
        timeline: as it stands.
        name: of the row; the part of a composite has one, too.
        until: nothing after this moment is told.
        forgotten: how many observations the probe did not keep, of those before the history.
    """
    last = until or timeline.moments[-1]
    track = [held for held in timeline.track(name) if held.moment <= last.index]
    chapters = tuple(_chapters(timeline, name, track, forgotten))
    held = track[-1] if track else None
    facts = held.facts if held is not None else None
    fitted = held.fitted if held is not None else None
    now = "Now" if until is None else _after(until)
    if held is not None and held.is_out_of_reach:
        end = f"{now} it is not known what {name} holds: the look did not reach it."
    else:
        end = f"{now} {_holding(name, facts, fitted)}."
    again = tuple(_again(timeline, name, last, forecast=until is None))
    return Story(
        name, chapters, facts, fitted, end, again, not_looked_at=timeline.cut if until is None else ()
    )


def _chapters(timeline: Timeline, name: str, track: Sequence[Held], forgotten: int) -> Iterator[Chapter]:
    told: set[int] = set()
    for held in track:
        moment = timeline.moments[held.moment]
        if moment.epoch not in told:
            told.add(moment.epoch)
            start = next(m for m in timeline.moments if m.epoch == moment.epoch)
            yield from _beginning(timeline, name, held if moment is start else None, start, forgotten)
        if held.change is not None:
            yield _chapter(moment, held.change)


def _chapter(moment: Moment, change: Change) -> Chapter:
    run, count = moment.run, moment.execution_count
    again = f", again after In [{run.rerun_of}]," if run is not None and run.rerun_of is not None else ""
    where = f"In [{count}]{again}" if run is not None else f"{_after(moment)}, by no cell:"
    return Chapter(
        "between" if run is None else "run",
        f"{where} {gist(change)}",
        moment.epoch,
        count,
        change.certainty,
        change.evidence,
        change,
        run.rerun_of if run is not None else None,
    )


def _beginning(
    timeline: Timeline, name: str, held: Held | None, start: Moment, forgotten: int
) -> Iterator[Chapter]:
    """An attach: what was before it is unknown."""
    count, epoch = start.execution_count, start.epoch
    if held is not None and start.index:
        fresh = f"The kernel began anew (epoch {epoch}): what {name} had held is gone."
        yield Chapter("attached", fresh, epoch, count, "observed")
    if count:
        kept = forgotten and epoch == timeline.epoch
        why = f"kernelscope kept no more ({forgotten} observations)" if kept else "nobody was watching"
        before = f"What happened to {name} before In [{count + 1}] is unknown: {why}."
        yield Chapter("unknown", before, epoch, count, "unknown")
    if held is not None and held.facts is not None:
        now = f"{_after(start)} {_holding(name, held.facts, held.fitted)}."
        yield Chapter("attached", now, epoch, count, "observed", ("it was there at the attach",))


def _holding(name: str, facts: ObjectFacts | None, fitted: bool | None) -> str:
    if facts is None:
        return f"{name} holds no model"
    number = f"generation {facts.generation}" if facts.generation is not None else "a part"
    return (
        f"{name} holds {_article(short_class(facts.cls))} ({number}), {standing(facts, fitted=bool(fitted))}"
    )


def _after(moment: Moment) -> str:
    return f"After In [{moment.execution_count}]" if moment.execution_count else "At the beginning"


def _article(noun: str) -> str:
    spelt_out = noun[:2].isupper()
    return f"an {noun}" if noun[:1] in ("AEFHILMNORSX" if spelt_out else "AEIOU") else f"a {noun}"


# What running cells again does.


def _again(timeline: Timeline, name: str, last: Moment, *, forecast: bool) -> Iterator[Again]:
    """Of each cell that has to do with the name, in order of first run."""
    forecaster = Forecaster(timeline)
    for cell in timeline.cells():
        runs = tuple(run for run in cell.runs if run.moment <= last.index)
        if not runs:
            continue
        latest, until_then = runs[-1], Cell(cell.code, runs)
        if until_then.reruns:
            yield from _did(until_then, name)
        elif forecast and latest.epoch == timeline.epoch:
            told = (f for f in forecaster.of(latest).forecasts if f.name == name)
            yield from (_would(latest, f) for f in told if f.verdict is not Verdict.UNTOUCHED)


def _did(cell: Cell, name: str) -> Iterator[Again]:
    latest = cell.runs[-1]
    for effect in effects_of(cell.reruns, parts=True):
        if effect.name == name:
            times = (
                f"{effect.times} of {effect.of} times" if effect.of > 1 else "the one time that it ran again"
            )
            told = f"Re-running In [{latest.count}] {_DOES[effect.verdict].format(name)}: {times}."
            yield Again(latest.count, latest.facts.code, told, effect.verdict, effect.times, effect.of)


def _would(run: Run, forecast: Forecast) -> Again:
    cell, name = f"re-running In [{run.count}]", forecast.name
    if forecast.verdict is None:
        told = f"What {cell} would do to {name} cannot be told: {reason_text(forecast.reason)}."
    else:
        verb, _, rest = _DOES[forecast.verdict].format(name).partition(" ")
        plain = _INFINITIVES.get(verb, verb.removesuffix("s"))
        told = f"R{cell[1:]} {'would' if forecast.sure else 'may'} {plain} {rest}: {reason_text(forecast.reason)}."
    return Again(run.count, run.facts.code, told, forecast.verdict)


_INFINITIVES = {"copies": "copy"}
_DOES = {
    Verdict.CREATED: "creates {}",
    Verdict.RESET: "resets {}",
    Verdict.REFITTED: "refits {}",
    Verdict.CONTINUED: "continues {}",
    Verdict.FITTED: "fits {}",
    Verdict.PARAMS: "changes {}'s hyper-parameters",
    Verdict.EDITED: "edits {}",
    Verdict.RESTORED: "restores {}",
    Verdict.COPIED: "copies a learned state into {}",
    Verdict.ALIASED: "makes {} another name of a known object",
    Verdict.CLEARED: "clears {}",
    Verdict.SAVED: "saves {}",
    Verdict.DELETED: "deletes {}",
    Verdict.UNKNOWN: "changes {}, nobody can tell how",
    Verdict.UNTOUCHED: "leaves {} alone",
}
