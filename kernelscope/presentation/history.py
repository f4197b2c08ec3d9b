"""The history of one name: what happened to it, oldest first, how that is known, and what re-runs would do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

from kernelscope.domain.changes import Certainty, Change, Moment, Run, TrackEntry, Verdict
from kernelscope.domain.display import short_class
from kernelscope.domain.facts import ObjectFacts
from kernelscope.forecast.forecaster import Forecaster
from kernelscope.forecast.outlook import Forecast
from kernelscope.presentation.evidence import evidence_sentences, generation_name
from kernelscope.presentation.explain import gist
from kernelscope.presentation.moments import after_label, run_label
from kernelscope.presentation.reasons import reason_sentence
from kernelscope.presentation.segments import Sentence, quote, sentence
from kernelscope.presentation.verbs import does, would_do
from kernelscope.presentation.words import article, standing
from kernelscope.timeline.cells import Cell, count_effects
from kernelscope.timeline.view import TimelineView

EntryKind = Literal["unknown", "attached", "run", "between"]


class HistoryEntry(Struct, frozen=True):
    """One sentence of the history."""

    kind: EntryKind
    """``unknown``: what was before kernelscope looked · ``attached``: what the name held then · ``run`` ·
    ``between`` runs."""
    sentence: Sentence
    epoch: int
    execution_count: int
    """Of the run or, for the other kinds, of the last run before it."""
    certainty: Certainty
    evidence: tuple[Sentence, ...] = ()
    change: Change | None = None
    rerun_of: int | None = None


class Rerun(Struct, frozen=True):
    """What running a cell again did to the name or, if the cell never ran again, would do."""

    execution_count: int
    """Of the latest run of the cell."""
    code: str
    sentence: Sentence
    verdict: Verdict | None
    """``None``: it cannot be forecast."""
    times: int = 0
    """How many re-runs had this verdict; 0 for a forecast."""
    of: int = 0
    """How many re-runs there were."""


class NameHistory(Struct, frozen=True):
    """What is known of one name."""

    name: str
    entries: tuple[HistoryEntry, ...]
    holds: ObjectFacts | None
    """In the end; ``None``: no model."""
    fitted: bool | None
    end: Sentence
    """What it holds in the end."""
    reruns: tuple[Rerun, ...] = ()
    not_looked_at: tuple[str, ...] = ()
    """What the latest look left out, and why.  The first of it, if it is much."""
    not_looked_at_count: int = 0
    """How much that is in all."""


def known_runs(timeline: TimelineView, epoch: int) -> tuple[int, int]:
    """The last run before anything was seen in this epoch, and the last that was seen."""
    counts = [m.execution_count for m in timeline.moments if m.epoch == epoch]
    return (counts[0], max(counts)) if counts else (0, 0)


def find_moment(timeline: TimelineView, epoch: int, count: int) -> Moment | None:
    """The latest moment of this run or of the time before the next; ``None`` if it was not seen."""
    moments = [m for m in timeline.moments if m.epoch == epoch and m.execution_count == count]
    return moments[-1] if moments else None


def name_history(
    timeline: TimelineView, name: str, until: Moment | None = None, forgotten: int = 0
) -> NameHistory:
    """The history of a row of the timeline, which must be one.

    Args:
        timeline: as it stands.
        name: of the row; the part of a composite has one, too.
        until: nothing after this moment is in it.
        forgotten: how many observations the probe did not keep, of those before the history.
    """
    last = until or timeline.moments[-1]
    track = [entry for entry in timeline.track(name) if entry.moment <= last.index]
    entry = track[-1] if track else None
    return NameHistory(
        name,
        tuple(_entries(timeline, name, track, forgotten)),
        entry.facts if entry is not None else None,
        entry.fitted if entry is not None else None,
        _end(name, entry, until),
        tuple(_reruns(timeline, name, last, forecast=until is None)),
        not_looked_at=timeline.cut if until is None else (),
        not_looked_at_count=timeline.cut_count if until is None else 0,
    )


def _end(name: str, entry: TrackEntry | None, until: Moment | None) -> Sentence:
    now = "Now" if until is None else after_label(until.execution_count)
    if entry is not None and entry.is_out_of_reach:
        return sentence(now, " it is not known what ", quote(name), " holds: the look did not reach it.")
    holding = _holding(name, entry.facts, entry.fitted) if entry is not None else _holding(name, None, None)
    return sentence(now, " ", holding, ".")


def _entries(
    timeline: TimelineView, name: str, track: Sequence[TrackEntry], forgotten: int
) -> Iterator[HistoryEntry]:
    epochs: set[int] = set()
    for entry in track:
        moment = timeline.moments[entry.moment]
        if moment.epoch not in epochs:
            epochs.add(moment.epoch)
            start = next(m for m in timeline.moments if m.epoch == moment.epoch)
            yield from _beginning(timeline, name, entry if moment is start else None, start, forgotten)
        if entry.change is not None:
            yield _entry(moment, entry.change)


def _entry(moment: Moment, change: Change) -> HistoryEntry:
    run, count = moment.run, moment.execution_count
    if run is None:
        place = sentence(after_label(count), ", by no cell:")
    elif run.rerun_of is None:
        place = run_label(count)
    else:
        place = sentence(run_label(count), ", again after ", run_label(run.rerun_of), ",")
    return HistoryEntry(
        "between" if run is None else "run",
        sentence(place, " ", gist(change)),
        moment.epoch,
        count,
        change.certainty,
        evidence_sentences(change),
        change,
        run.rerun_of if run is not None else None,
    )


def _beginning(
    timeline: TimelineView, name: str, entry: TrackEntry | None, start: Moment, forgotten: int
) -> Iterator[HistoryEntry]:
    """The entries for an attach: what was before it is unknown."""
    count, epoch, quoted = start.execution_count, start.epoch, quote(name)
    if entry is not None and start.index:
        fresh = sentence(f"The kernel was restarted (epoch {epoch}): what ", quoted, " had held is gone.")
        yield HistoryEntry("attached", fresh, epoch, count, "observed")
    if count:
        is_cut = forgotten and epoch == timeline.epoch
        why = (
            f"kernelscope kept no more ({forgotten} observations)"
            if is_cut
            else "kernelscope was not attached"
        )
        before = sentence(
            "What happened to ", quoted, " before ", run_label(count + 1), f" is unknown: {why}."
        )
        yield HistoryEntry("unknown", before, epoch, count, "unknown")
    if entry is not None and entry.facts is not None:
        now = sentence(after_label(count), " ", _holding(name, entry.facts, entry.fitted), ".")
        there = (sentence("it was there at the attach"),)
        yield HistoryEntry("attached", now, epoch, count, "observed", there)


def _holding(name: str, facts: ObjectFacts | None, fitted: bool | None) -> Sentence:
    if facts is None:
        return sentence(quote(name), " holds no model")
    cls = short_class(facts.cls)
    state = f" ({generation_name(facts.generation)}), {standing(facts, fitted=fitted)}"
    return sentence(quote(name), f" holds {article(cls)} ", quote(cls), state)


# What running cells again does.


def _reruns(timeline: TimelineView, name: str, last: Moment, *, forecast: bool) -> Iterator[Rerun]:
    """A re-run of each cell that touches the name, in order of first run."""
    forecaster = Forecaster(timeline)
    for cell in timeline.cells():
        runs = tuple(run for run in cell.runs if run.moment <= last.index)
        if not runs:
            continue
        latest, until_then = runs[-1], Cell(cell.code, runs)
        if until_then.reruns:
            yield from _did(until_then, name)
        elif forecast and latest.epoch == timeline.epoch:
            forecasts = (f for f in forecaster.of(latest).forecasts if f.name == name)
            yield from (_would(latest, f) for f in forecasts if f.verdict is not Verdict.UNTOUCHED)


def _did(cell: Cell, name: str) -> Iterator[Rerun]:
    latest = cell.runs[-1]
    for effect in count_effects(cell.reruns, parts=True):
        if effect.name == name:
            times = (
                f"{effect.times} of {effect.of} times" if effect.of > 1 else "the one time that it ran again"
            )
            did = does(effect.verdict, quote(name))
            words = sentence("Re-running ", run_label(latest.count), " ", did, f": {times}.")
            yield Rerun(latest.count, latest.facts.code, words, effect.verdict, effect.times, effect.of)


def _would(run: Run, forecast: Forecast) -> Rerun:
    cell, name, reason = run_label(run.count), quote(forecast.name), reason_sentence(forecast.reason)
    if forecast.verdict is None:
        words = sentence(
            "What re-running ", cell, " would do to ", name, " cannot be forecast: ", reason, "."
        )
    else:
        effect = would_do(forecast.verdict, name, is_sure=forecast.sure)
        words = sentence("Re-running ", cell, " ", effect, ": ", reason, ".")
    return Rerun(run.count, run.facts.code, words, forecast.verdict)
