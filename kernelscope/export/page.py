"""The timeline as one page of HTML that needs nothing else: no network, no server, no kernelscope.

The templates in ``assets`` hold all markup, and Jinja2 escapes every value that it puts into them.  Kernel
text reaches the page in two ways only.  For the script it is JSON in a data block, which no character can end,
and the script makes text nodes of it: the policy of the page forbids the browser to make markup of text
(``require-trusted-types-for``).  For print, and for readers without scripts, it is text (``paper.html``).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from importlib.resources import files
from typing import Any, TextIO

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from kernelscope.domain.changes import Change, Moment, Run, TrackEntry, Verdict
from kernelscope.domain.display import format_value
from kernelscope.domain.facts import ObjectFacts
from kernelscope.export.paper import Paper, lay_out
from kernelscope.forecast.forecaster import Forecaster
from kernelscope.presentation.colours import DARK, HUES, LIGHT, variables
from kernelscope.presentation.evidence import evidence_sentences
from kernelscope.presentation.explain import gist
from kernelscope.presentation.glyphs import DOUBT, LEGEND, LOSS
from kernelscope.presentation.quantities import quantity
from kernelscope.presentation.reasons import reason_text
from kernelscope.presentation.segments import text_of
from kernelscope.presentation.verbs import VERBS, around_name
from kernelscope.protocol.records import utc
from kernelscope.text import clean, clean_block, headline
from kernelscope.timeline.cells import Cell
from kernelscope.timeline.view import TimelineView

_NAME = 1_000
_TEXT = 4_000
_CODE = 20_000
"""Characters of a cell's source; a longer one is cut, and the page says so."""
_FORESEEN = 100
"""How many cells get a forecast: those that ran last."""

_SCRIPTS = (
    "session",
    "elements",
    "grid",
    "rows",
    "moves",
    "inspector",
    "cells",
    "views",
    "pointer",
    "keyboard",
    "paper",
    "begin",
)
_VERDICTS = tuple(Verdict)
_KINDS = {"attached": 0, "run": 1, "between": 2}


class _Page(msgspec.Struct, frozen=True):
    """The values of ``page.html``."""

    title: str
    policy: str
    style: str
    script: str
    data: dict[str, Any]
    """What the script gets."""
    summary: list[str]
    paper: Paper


def write_html(timeline: TimelineView, out: TextIO, title: str | None = None) -> None:
    """Writes the page; ``out`` must encode as UTF-8.

    Args:
        title: of the page; by default the notebook's name.
    """
    heading = clean(title if title is not None else _notebook(timeline), limit=_NAME)
    style, script, summary = _style(), _script(), _summary(timeline)
    page = _Page(
        title=heading,
        policy=_policy(style, script),
        style=style,
        script=script,
        data={"title": heading, "summary": summary, **_data(timeline)},
        summary=summary,
        paper=lay_out(timeline),
    )
    out.write(TEMPLATES.get_template("page.html").render(page=page))


def _environment() -> Environment:
    """The template engine: it escapes every value, and an undefined name in a template is an error."""
    environment = Environment(
        loader=PackageLoader("kernelscope.export", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.policies["json.dumps_function"] = _encode  # for the filter `tojson`
    environment.policies["json.dumps_kwargs"] = {}
    return environment


def _encode(data: object) -> str:
    return msgspec.json.encode(data).decode()


TEMPLATES = _environment()


def _asset(name: str) -> str:
    return files("kernelscope.export").joinpath("assets", name).read_text(encoding="utf-8")


def _script() -> str:
    """All scripts in one scope: each file sees what the files before it define."""
    return '"use strict";\n(() => {\n' + "\n".join(_asset(f"{name}.js") for name in _SCRIPTS) + "})();\n"


def _notebook(timeline: TimelineView) -> str:
    kernel = timeline.kernel
    return "kernelscope" if kernel is None else (kernel.notebook or kernel.connection_file).rsplit("/", 1)[-1]


def _policy(style: str, script: str) -> str:
    """The policy of the page: nothing is fetched, and only our own script runs."""
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src {_hash(style)}",
            f"script-src {_hash(script)}",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _style() -> str:
    """The screen's colours as variables, then the rules that use them."""
    light, dark = _variables(dark=False), _variables(dark=True)
    colours = TEMPLATES.get_template("colours.css").render(light=light, dark=dark, hues=HUES)
    return colours + _asset("page.css")


def _variables(*, dark: bool) -> dict[str, str]:
    base = DARK if dark else LIGHT
    return {name: str(colour) for name, colour in base.items()} | variables(dark=dark)


# What the script gets.


class _PageData:
    """What the script gets, each text, change and set of values only once."""

    def __init__(self) -> None:
        self.texts: dict[str, int] = {}
        self.sets: dict[tuple[int, ...], int] = {}
        """Names and values in turn, as indexes of texts."""
        self.changes: list[list[Any]] = []
        self._places: dict[int, int] = {}

    def text(self, text: str | None, limit: int = _TEXT) -> int | None:
        return None if text is None else self._number(clean(text, limit=limit))

    def code(self, code: str) -> int:
        return self._number(clean_block(code, limit=_CODE))

    def _number(self, text: str) -> int:
        return self.texts.setdefault(text, len(self.texts))

    def pairs(self, pairs: Iterable[tuple[str, str]]) -> int:
        numbers = tuple(self._number(clean(text)) for pair in pairs for text in pair)
        return self.sets.setdefault(numbers, len(self.sets))

    def change(self, change: Change) -> int:
        """The index of a change; a part and its whole share one."""
        known = self._places.get(id(change))
        if known is None:
            parts = [self.change(part) for part in change.parts]
            known = self._places[id(change)] = len(self.changes)
            self.changes.append(self._change(change, parts))
        return known

    def _change(self, change: Change, parts: list[int]) -> list[Any]:
        kept = change.persistence
        return [
            _VERDICTS.index(change.verdict),
            self.text(change.name, _NAME),
            self.text(change.cls, _NAME),
            change.generation,
            change.previous_generation,
            _hex(change.id),
            _hex(change.previous_id),
            change.fitted,
            self.text(change.identity),
            self.text(change.learned),
            self.text(change.certainty),
            self.text(text_of(gist(change))),
            [self.text(text_of(one)) for one in evidence_sentences(change)],
            [
                [self.text(name, _NAME), self.text(format_value(before)), self.text(format_value(after))]
                for name, (before, after) in (change.params or {}).items()
            ],
            [self.text(f"{kept.action} {kept.file or 'a file'} ({kept.call})")] if kept else [],
            [self.text(name, _NAME) for name in change.stale],
            parts,
        ]


def _data(timeline: TimelineView) -> dict[str, Any]:
    page = _PageData()
    cells = timeline.cells()
    cell_of = {id(run): place for place, cell in enumerate(cells) for run in cell.runs}
    data = {
        "verdicts": [
            [
                v,
                verb.short,
                "loss" if v in LOSS else "doubt" if v in DOUBT else "",
                around_name(verb.does),
                around_name(verb.do),
            ]
            for v, verb in ((v, VERBS[v]) for v in _VERDICTS)
        ],
        "legend": [_VERDICTS.index(v) for v in LEGEND],
        "moments": [_moment(moment, page, cell_of) for moment in timeline.moments],
        "rows": [*_rows(timeline, page)],
        "cells": [*_cells(timeline, cells, page)],
    }
    return {**data, "changes": page.changes, "sets": [*page.sets], "texts": [*page.texts]}


def _summary(timeline: TimelineView) -> list[str]:
    runs = sum(moment.kind == "run" for moment in timeline.moments)
    models = sum(row.whole is None for row in timeline.rows())
    facts = [quantity(runs, "run"), quantity(models, "model")]
    if timeline.epoch > 1:
        facts.append(quantity(timeline.epoch - 1, "restart"))
    if timeline.kernel is not None:
        facts.append(f"Python {clean(timeline.kernel.python)}")
    if timeline.lost:
        facts.append(f"{quantity(timeline.lost, 'observation')} lost on the way")
    return facts


def _moment(moment: Moment, page: _PageData, cell_of: dict[int, int]) -> list[Any]:
    run = moment.run
    head: list[Any] = [_KINDS[moment.kind], moment.epoch, moment.execution_count]
    if run is None:
        return head
    facts = run.facts
    cut = min(len(facts.code), _CODE) if facts.code_cut or len(facts.code) > _CODE else 0
    return [
        *head,
        page.code(facts.code),
        page.text(facts.status),
        page.text(utc(facts.started)),
        round(facts.seconds, 3),
        run.rerun_of,
        cell_of[id(run)],
        [page.change(change) for change in run.local],
        [page.text(what) for what in run.cut],
        cut,
    ]


def _rows(timeline: TimelineView, page: _PageData) -> Iterator[list[Any]]:
    rows = timeline.rows()
    places = {row.name: place for place, row in enumerate(rows)}
    for row in rows:
        label = row.name if row.whole is None else row.name.removeprefix(row.whole)
        track = [_entry(entry, page) for entry in timeline.track(row.name)]
        whole = None if row.whole is None else places.get(row.whole)
        yield [page.text(row.name, _NAME), whole, page.text(label, _NAME), track]


def _entry(entry: TrackEntry, page: _PageData) -> list[Any]:
    """What a row holds from one moment on; shorter if it holds no model."""
    change = None if entry.change is None else page.change(entry.change)
    facts = entry.facts
    if facts is None:
        return [entry.moment, change]
    return [
        entry.moment,
        change,
        facts.generation,
        int(entry.facts is not None and entry.fitted is not False),
        page.text(facts.cls, _NAME),
        hex(facts.id),
        page.pairs((name, format_value(value)) for name, value in facts.params.items()),
        page.pairs(_learned(facts)),
    ]


def _learned(facts: ObjectFacts) -> Iterator[tuple[str, str]]:
    return ((name, signature.text) for name, signature in facts.learned.items())


def _cells(timeline: TimelineView, cells: tuple[Cell, ...], page: _PageData) -> Iterator[list[Any]]:
    """Each cell with its source, its moments and what re-runs did, or would do if there were none."""
    forecaster = Forecaster(timeline)
    latest = sorted((c.runs[-1].moment for c in cells if not c.reruns), reverse=True)[:_FORESEEN]
    foreseen = frozenset(latest)
    for cell in cells:
        effects = [
            [page.text(e.name, _NAME), _VERDICTS.index(e.verdict), e.times, e.of]
            for e in (cell.effects if cell.reruns else cell.first_effects)
        ]
        run = cell.runs[-1]
        outlook = _outlook(forecaster, run, page) if run.moment in foreseen and not cell.reruns else None
        line = page.text(headline(cell.code), 300)
        yield [page.code(cell.code), line, [r.moment for r in cell.runs], len(cell.reruns), effects, outlook]


def _outlook(forecaster: Forecaster, run: Run, page: _PageData) -> list[Any]:
    outlook = forecaster.of(run)
    forecasts = [
        [
            page.text(f.name, _NAME),
            None if f.verdict is None else _VERDICTS.index(f.verdict),
            int(f.sure),
            page.text(reason_text(f.reason)),
        ]
        for f in outlook.forecasts
    ]
    return [forecasts, page.text(reason_text(outlook.doubt) if outlook.doubt is not None else None)]


def _hex(address: int | None) -> str | None:
    return None if address is None else hex(address)
