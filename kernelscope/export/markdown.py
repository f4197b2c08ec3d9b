"""The timeline as Markdown for a pull request: a summary, with the evidence folded away.

Kernel text stands only in code spans and code blocks, where no renderer makes a link, a tag, an image, a
mention or the number of an issue of it.  A sentence comes in segments that say what is quoted: those become
code spans.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TextIO

from kernelscope.domain.changes import Change, Moment, Verdict
from kernelscope.domain.display import short_class
from kernelscope.presentation.evidence import evidence_sentences
from kernelscope.presentation.explain import gist
from kernelscope.presentation.glyphs import GLYPHS, HATCH, LEGEND, LOSS, WALL
from kernelscope.presentation.quantities import quantity
from kernelscope.presentation.segments import Segment, Sentence, quote
from kernelscope.presentation.verbs import VERBS, around_name
from kernelscope.text import clean, clean_block, headline
from kernelscope.timeline.cells import Cell, CellEffect
from kernelscope.timeline.timeline import Row
from kernelscope.timeline.view import TimelineView

MOST = 60_000
"""Characters of a page: a comment on GitHub may have 65,536."""
_TABLE = 16_000
"""Characters of a table."""
_TABLE_ROWS = 40
_MARKS = 24
"""How many changes of one model the table shows: the latest."""
_CODE = 2_000
"""Characters of one cell's source."""
_CELL = 80
_TEXT = 300
_EVIDENCE = 8

_WORD = re.compile(r"[(]?[A-Za-z]+(?:-[a-z]+)*(?:'s|\(s\))?[),.;:]*")
"""Letters in a row: no renderer makes a link, mention, reference or emphasis of these."""
_NUMBER = re.compile(r"[(]?\d{1,6}[),.;:]*")
_OURS = frozenset(["→", "—", "·", "…"])
_HASH = re.compile(r"[(]?[0-9a-f]{7,}[),.;:]*")
"""What GitHub may take for the name of a commit."""
_NO_REFERENCE = re.compile(r"#\d+|\d{7,}")
"""In our own words, what GitHub may take for an issue or a commit: the number of a generation."""


def write_markdown(timeline: TimelineView, out: TextIO, title: str | None = None) -> None:
    """Writes a page of at most ``MOST`` characters, which says how much it leaves out.

    Args:
        title: of the page; by default the notebook's name.
    """
    room = MOST
    for block in _blocks(timeline, title):
        out.write(block)
        room -= len(block)
    changed = [m for m in timeline.moments if m.changes or (m.run is not None and m.run.local)]
    if changed:
        out.write("\n## Run by run\n")
    for place, moment in enumerate(changed):
        block = _moment(moment)
        if len(block) > room:
            out.write(f"\n… and {quantity(len(changed) - place, 'moment')} more that changed a model.\n")
            break
        out.write(block)
        room -= len(block)


def _blocks(timeline: TimelineView, title: str | None) -> Iterator[str]:
    yield f"# {_title(timeline, title)}\n\n{_summary(timeline)}\n"
    yield from _table("What running a cell again did", ("cell", "runs", "again"), [*_rerun_rows(timeline)])
    yield from _table("Models", ("model", "class", "what happened"), [*_model_rows(timeline)])
    if timeline.verdicts:
        yield f"\n{_legend(timeline)}\n"


# Kernel text.


def code(text: str, *, limit: int = _TEXT) -> str:
    """A code span."""
    safe = clean(text, limit=limit)
    fence = "`" * (_longest_fence(safe) + 1)
    if safe.startswith("`") or safe.endswith("`") or (safe.startswith(" ") and safe.endswith(" ")):
        safe = f" {safe} "
    return f"{fence}{safe or ' '}{fence}"


def _cell(text: str) -> str:
    """A code span in a table, in which a pipe must be escaped; after a backslash some renderers end the cell
    nevertheless, so that pipe is replaced."""
    return code(text, limit=_CELL).replace("\\|", "\\¦").replace("|", "\\|")


def block(text: str, *, limit: int = _CODE) -> str:
    """A fenced block that its text cannot end."""
    safe = clean_block(text, limit=limit)
    fence = "`" * max(3, _longest_fence(safe) + 1)
    return f"{fence}python\n{safe.rstrip()}\n{fence}\n"


def _longest_fence(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def render(pieces: Sentence, *, limit: int = 2_000) -> str:
    """A sentence, with what it quotes in code spans."""
    return _join_pieces(_shorten(pieces, limit))


def _shorten(pieces: Sentence, limit: int) -> Iterator[Segment]:
    """The pieces, safe to display and cut after so many characters."""
    for piece in pieces:
        text = clean(piece.text, limit=limit)
        limit -= len(piece.text)
        yield Segment(text, piece.is_quoted)
        if limit <= 0:
            return


def harmless(text: str, *, limit: int = 2_000) -> str:
    """A text that the user typed or pasted: plain words stand as they are, any other is a code span."""
    return _join_pieces(_words(clean(text, limit=limit)))


def _words(text: str) -> Iterator[Segment]:
    """Splits a text into words; punctuation after a word that is not plain stands alone."""
    for word in re.split("( +)", text):
        if _is_plain(word):
            yield Segment(word)
        else:
            bare = word.rstrip(",;.") or word
            yield quote(bare)
            yield Segment(word[len(bare) :])


def _join_pieces(pieces: Iterable[Segment]) -> str:
    """Joins pieces; quoted neighbours share a code span, because the marks of two that touch would be misread."""
    joined: list[Segment] = []
    for piece in pieces:
        if not piece.text:
            continue
        if piece.is_quoted and joined and joined[-1].is_quoted:
            joined[-1] = quote(joined[-1].text + piece.text)
        elif piece.is_quoted and len(joined) > 1 and joined[-1].text == " " and joined[-2].is_quoted:
            joined[-2:] = [quote(f"{joined[-2].text} {piece.text}")]
        else:
            joined.append(piece)
    return "".join(
        code(p.text, limit=2_000) if p.is_quoted else _NO_REFERENCE.sub(r"`\g<0>`", p.text) for p in joined
    )


def _is_plain(word: str) -> bool:
    if _HASH.fullmatch(word):
        return False
    ours = not word.strip() or word in _OURS or word in (",", ";", ".", ":")
    return ours or bool(_WORD.fullmatch(word) or _NUMBER.fullmatch(word))


# The parts of the page.


def _title(timeline: TimelineView, title: str | None) -> str:
    if title is not None:
        return harmless(title)
    return f"{code(_notebook(timeline))}: what each run did to each model"


def _notebook(timeline: TimelineView) -> str:
    kernel = timeline.kernel
    if kernel is None:
        return "kernelscope"
    return (kernel.notebook or kernel.connection_file).rsplit("/", 1)[-1]


def _summary(timeline: TimelineView) -> str:
    runs = sum(m.kind == "run" for m in timeline.moments)
    models = sum(row.whole is None for row in timeline.rows())
    restarts = max(timeline.epoch - 1, 0)
    python = f" in Python {code(timeline.kernel.python)}" if timeline.kernel is not None else ""
    again = f", {quantity(restarts, 'restart')}" if restarts else ""
    lost = f" {quantity(timeline.lost, 'observation')} got lost on the way." if timeline.lost else ""
    lines = [f"{quantity(runs, 'run')}{python}, {quantity(models, 'model')}{again}.{lost}"]
    lines += _losses(timeline)
    return "\n".join(lines)


def _losses(timeline: TimelineView) -> Iterator[str]:
    """For each verdict that takes something away: which names, and how often."""
    seen: dict[Verdict, Counter[str]] = {}
    for moment in timeline.moments:
        for change in moment.changes:
            seen.setdefault(change.verdict, Counter())[change.name] += 1
    for verdict in (
        Verdict.RESET,
        Verdict.REFITTED,
        Verdict.CLEARED,
        Verdict.FAILED,
        Verdict.DELETED,
        Verdict.UNKNOWN,
    ):
        if names := seen.get(verdict):
            listed = [
                f"{code(name)}{f' {times}×' if times > 1 else ''}" for name, times in names.most_common(8)
            ]
            more = f" and {len(names) - 8} more" if len(names) > 8 else ""
            yield f"- {GLYPHS[verdict]} **{verdict}**: {', '.join(listed)}{more}"


def _table(title: str, heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    if not rows:
        return
    lines = [_line(cells) for cells in (heads, ("---",) * len(heads))]
    room = _TABLE
    for cells in rows[:_TABLE_ROWS]:
        line = _line(cells)
        if len(line) > room:
            break
        lines.append(line)
        room -= len(line)
    left = len(rows) - (len(lines) - 2)
    more = f"\n… and {left} more.\n" if left else ""
    yield f"\n## {title}\n\n{''.join(lines)}{more}"


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _rerun_rows(timeline: TimelineView) -> Iterator[tuple[str, ...]]:
    """A row for each cell that was run again, first those that take something away."""
    cells = [cell for cell in timeline.cells() if cell.reruns]
    cells.sort(key=lambda cell: not any(e.verdict in LOSS for e in cell.effects))
    for cell in cells:
        effects = "<br>".join(_effect(e) for e in cell.effects[:8]) or "leaves every model alone"
        yield _cell(headline(cell.code)), _counts(cell), effects


def _effect(effect: CellEffect) -> str:
    times = f"{effect.times} of {quantity(effect.of, 'time')}"
    before, after = around_name(VERBS[effect.verdict].does)
    return f"{GLYPHS[effect.verdict]} {before}{_cell(effect.name)}{after}: {times}"


def _counts(cell: Cell) -> str:
    counts = [f"[{cell.runs[0].count}]"]
    for before, run in pairwise(cell.runs):
        counts += [] if before.epoch == run.epoch else [WALL]
        counts.append(f"[{run.count}]")
    return code(" ".join(counts if len(counts) < 7 else ["…", *counts[-6:]]))


def _model_rows(timeline: TimelineView) -> Iterator[tuple[str, ...]]:
    for row in timeline.rows():
        if row.whole is None:
            yield _cell(row.name), _class(timeline, row), _marks(timeline, row)


def _class(timeline: TimelineView, row: Row) -> str:
    track = timeline.track(row.name)
    latest = next((entry.facts for entry in reversed(track) if entry.facts is not None), None)
    return _cell(short_class(latest.cls if latest is not None else None))


def _marks(timeline: TimelineView, row: Row) -> str:
    """The lifeline: a glyph and the execution count for each change, and a wall for each restart."""
    marks: list[str] = []
    for entry in timeline.track(row.name):
        moment = timeline.moments[entry.moment]
        if entry.change is not None:
            marks.append(f"{GLYPHS[entry.change.verdict]} {moment.execution_count}")
        elif moment.kind == "attached":
            marks.append(WALL if moment.index > 0 else HATCH)
    left = len(marks) - _MARKS
    if left > 0:
        marks = [f"… {left} earlier", *marks[-_MARKS:]]
    while marks and marks[-1] == WALL:
        marks.pop()
    return code("  ".join(marks)) if marks else ""


def _legend(timeline: TimelineView) -> str:
    seen = [f"{GLYPHS[v]} {v}" for v in LEGEND if v in timeline.verdicts]
    signs = (*seen, f"{HATCH} there before the attach", f"{WALL} the kernel was restarted")
    return f"The number beside a glyph is the execution count. {' · '.join(signs)}"


def _moment(moment: Moment) -> str:
    """What one run did, folded; the summary is HTML and holds only our own words."""
    changes = (*moment.changes, *(moment.run.local if moment.run is not None else ()))
    verdicts = Counter("local" if c.scope == "local" else c.verdict for c in changes)
    summary = ", ".join(f"{n} {v}" if n > 1 else str(v) for v, n in verdicts.items())
    lines = [f"\n<details><summary>{_when(moment)}: {summary}</summary>\n\n"]
    lines += [_change(change) for change in changes[:_TABLE_ROWS]]
    if len(changes) > _TABLE_ROWS:
        lines.append(f"- … and {len(changes) - _TABLE_ROWS} more\n")
    if moment.run is not None:
        lines.append("\n" + block(moment.run.facts.code))
    return "".join([*lines, "\n</details>\n"])


def _when(moment: Moment) -> str:
    epoch = f", epoch {moment.epoch}" if moment.epoch > 1 else ""
    if moment.run is None:
        return f"After In [{moment.execution_count}], between runs{epoch}"
    again = f", again after [{moment.run.rerun_of}]" if moment.run.rerun_of is not None else ""
    failed = f", {moment.run.facts.status}" if moment.run.facts.status != "ok" else ""
    return f"In [{moment.execution_count}]{again}{failed}{epoch}"


def _change(change: Change) -> str:
    verdict = "local" if change.scope == "local" else change.verdict
    lines = [
        f"- {GLYPHS[change.verdict]} **{verdict}** {code(change.name)}, {change.certainty}: "
        f"{render(gist(change))}\n"
    ]
    lines += [f"  - {render(one)}\n" for one in evidence_sentences(change)[:_EVIDENCE]]
    for part in change.parts[:_EVIDENCE]:
        lines.append(f"  - part {code(part.name)}: {part.verdict}\n")
    return "".join(lines)
