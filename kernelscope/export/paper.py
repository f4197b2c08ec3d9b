"""The values of ``paper.html``: what an exported page prints, and shows to readers without scripts.

It is every change in words, as far as there is room.  Kernel text is clean here, but not escaped: the template
does that.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from kernelscope.domain.changes import Certainty, Change, Moment, Run, Verdict
from kernelscope.presentation.evidence import evidence_sentences
from kernelscope.presentation.explain import gist
from kernelscope.presentation.glyphs import GLYPHS
from kernelscope.presentation.moments import moment_label
from kernelscope.presentation.quantities import quantity
from kernelscope.presentation.segments import text_of
from kernelscope.presentation.verbs import VERBS, around_name
from kernelscope.protocol.records import utc
from kernelscope.text import clean, clean_block
from kernelscope.timeline.cells import Cell, CellEffect
from kernelscope.timeline.view import TimelineView

_TEXT = 4_000
_CELLS = 100
_CHANGES = 500
"""Changes that are written out: more would fill hundreds of sheets."""


class PaperEffect(Struct, frozen=True):
    """What running a cell again did to one name: ``○ resets model: 2 of 2 times``."""

    glyph: str
    before: str
    name: str
    after: str
    times: str


class PaperCell(Struct, frozen=True):
    """A cell that ran more than once."""

    source: str
    """Its first lines."""
    runs: list[str]
    """The latest: ``[8]``."""
    effects: list[PaperEffect]


class PaperPart(Struct, frozen=True):
    """A change of a part of a composite."""

    name: str
    verdict: Verdict


class PaperChange(Struct, frozen=True):
    """A change and its evidence."""

    glyph: str
    verdict: Verdict
    name: str
    certainty: Certainty
    gist: str
    evidence: list[str]
    parts: list[PaperPart]


class PaperRun(Struct, frozen=True):
    """The run of a cell that changed something."""

    rerun_of: int | None
    status: str
    started: str
    epoch: int
    source: str
    """Its first lines."""


class PaperMoment(Struct, frozen=True):
    """A moment at which something changed."""

    label: str
    run: PaperRun | None
    changes: list[PaperChange]


class Paper(Struct, frozen=True):
    """All that is printed, apart from the timeline that the script draws."""

    cells: list[PaperCell]
    moments: list[PaperMoment]
    total: int
    """Changes of the whole session."""
    most: int
    """How many of them the moments hold at most."""


def lay_out(timeline: TimelineView) -> Paper:
    """Collects what is printed."""
    cells = [cell for cell in timeline.cells() if cell.reruns and cell.effects]
    return Paper(
        cells=[_cell(cell) for cell in cells[:_CELLS]],
        moments=[*_moments(timeline)],
        total=sum(len(_changes(moment)) for moment in timeline.moments),
        most=_CHANGES,
    )


def _cell(cell: Cell) -> PaperCell:
    return PaperCell(
        source=_first_lines(cell.code, 6, limit=400),
        runs=[f"[{run.count}]" for run in cell.runs[-20:]],
        effects=[_effect(effect) for effect in cell.effects],
    )


def _effect(effect: CellEffect) -> PaperEffect:
    before, after = around_name(VERBS[effect.verdict].does)
    return PaperEffect(
        glyph=GLYPHS[effect.verdict],
        before=before,
        name=_clean(effect.name),
        after=after,
        times=f"{effect.times} of {quantity(effect.of, 'time')}",
    )


def _moments(timeline: TimelineView) -> Iterator[PaperMoment]:
    room = _CHANGES
    for moment in timeline.moments:
        changes = _changes(moment)[:room]
        if changes:
            yield PaperMoment(
                label=text_of(moment_label(moment)),
                run=None if moment.run is None else _run(moment.run, moment.epoch),
                changes=[_change(change) for change in changes],
            )
        room -= len(changes)


def _changes(moment: Moment) -> tuple[Change, ...]:
    return (*moment.changes, *(moment.run.local if moment.run is not None else ()))


def _run(run: Run, epoch: int) -> PaperRun:
    return PaperRun(
        rerun_of=run.rerun_of,
        status=run.facts.status,
        started=utc(run.facts.started) or "",
        epoch=epoch,
        source=_first_lines(run.facts.code, 12, limit=800),
    )


def _change(change: Change) -> PaperChange:
    return PaperChange(
        glyph=GLYPHS[change.verdict],
        verdict=change.verdict,
        name=_clean(change.name),
        certainty=change.certainty,
        gist=_clean(text_of(gist(change))),
        evidence=[_clean(text_of(one)) for one in evidence_sentences(change)],
        parts=[PaperPart(_clean(part.name), part.verdict) for part in change.parts[:20]],
    )


def _first_lines(source: str, most: int, *, limit: int) -> str:
    return clean_block("\n".join(source.splitlines()[:most]), limit=limit)


def _clean(text: str) -> str:
    return clean(text, limit=_TEXT)
