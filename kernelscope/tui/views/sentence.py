"""The sentence under the grid: what the selected run did to the selected row, and why we know."""

from __future__ import annotations

from kernelscope.domain.changes import Change, Held, Moment
from kernelscope.presentation.glyphs import GLYPHS, LIVE
from kernelscope.tui.model.board import Board
from kernelscope.tui.model.grid_model import hue_role
from kernelscope.tui.model.said import Line, Said, line, say
from kernelscope.verdicts.explain import short_class, standing

_OTHERS_SHOWN = 4


def sentence(board: Board) -> tuple[Line, ...]:
    """A headline, then the explanation or, where nothing happened, what the row holds."""
    moment, row = board.moment, board.row
    if moment is None or row is None:
        return ()
    change, moving = board.change, _moving(board, row)
    if change is not None:
        return (*moving, headline(change), line(say(change.explanation, limit=1_000)))
    return (*moving, _quiet_headline(board, moment, row), *_quiet(board, moment))


def _moving(board: Board, row: str) -> tuple[Line, ...]:
    """What the cell that still runs is seen to do to the row, for who follows it."""
    progress = board.timeline.progress
    found = next((m for m in progress.moved if m.name == row), None) if progress is not None else None
    if progress is None or found is None or not board.follow:
        return ()
    wait = f"; no verdict before In [{progress.execution_count}] has ended"
    name, what = say(f"{LIVE} {row}", "strong"), say(found.text, limit=500)
    return (line(name, Said(" is moving: "), what, Said(wait, "dim")),)


def headline(change: Change) -> Line:
    """Name and verdict: ``model ◆ REFITTED  generation 2  observed``."""
    verdict = f"verdict.{change.verdict}"
    pieces = [
        say(change.name, "strong"),
        Said(f"  {GLYPHS[change.verdict]} {change.verdict.upper()}", f"strong {verdict}"),
    ]
    if change.generation is not None:
        before = change.previous_generation
        moved = before is not None and before != change.generation
        told = f"generation {before} → {change.generation}" if moved else f"generation {change.generation}"
        pieces.append(Said(f"  {told}", "dim"))
    pieces.append(Said(f"  {change.certainty}", "dim" if change.certainty == "observed" else "warn"))
    return tuple(pieces)


def when(moment: Moment) -> str:
    """How a moment is called."""
    match moment.kind:
        case "run":
            return f"In [{moment.execution_count}]"
        case "between":
            return f"After In [{moment.execution_count}], between runs"
        case _ if moment.index == 0:
            return (
                f"At the attach, after In [{moment.execution_count}]"
                if moment.execution_count
                else "At the attach"
            )
        case _:
            return "Attached again" if moment.execution_count else "Kernel restarted"


def holding(held: Held | None, moment: Moment, *, fitted: bool | None, name: str) -> Line:
    """What a row holds, in one sentence."""
    facts = held.facts if held is not None else None
    if held is not None and held.is_out_of_reach:
        return line(say(name, "strong"), " may hold a model: the look did not reach it.")
    if facts is None:
        return line(say(name, "strong"), " holds no model at this moment.")
    generation = f"generation {facts.generation}" if facts.generation is not None else "a part without a name"
    return line(
        say(name, "strong"),
        Said(" is "),
        Said(generation, hue_role(facts, moment.epoch)),
        Said(f" ({hex(facts.id)}): "),
        say(short_class(facts.cls)),
        Said(f", {standing(facts, fitted=bool(fitted))}."),
    )


def _quiet_headline(board: Board, moment: Moment, row: str) -> Line:
    held = board.held
    if moment.kind == "run":
        absent = held is None or held.facts is None
        what = "no model here" if absent else "left as it was"
        if held is not None and held.is_out_of_reach:
            what = "not looked at"
        return line(Said(f"{when(moment)} · "), say(row, "strong"), Said(f"  · {what}", "dim"))
    if moment.index == 0 and held is not None:
        return line(
            Said(f"{when(moment)} · "), say(row, "strong"), Said("  ╌ already there; history unknown", "warn")
        )
    return line(Said(f"{when(moment)} · "), say(row, "strong"))


def _quiet(board: Board, moment: Moment) -> tuple[Line, ...]:
    held = board.held
    fitted = held.fitted if held is not None else None
    told = holding(held, moment, fitted=fitted, name=board.row or "")
    return (told, *_elsewhere(moment))


def _elsewhere(moment: Moment) -> tuple[Line, ...]:
    """What the same moment did to others, so that no change is overlooked."""
    pieces: list[Said] = []
    for change in moment.changes[:_OTHERS_SHOWN]:
        glyph = GLYPHS[change.verdict]
        pieces += [
            say(change.name, "strong"),
            Said(f" {glyph} {change.verdict}  ", f"verdict.{change.verdict}"),
        ]
    if len(moment.changes) > _OTHERS_SHOWN:
        pieces.append(Said(f"and {len(moment.changes) - _OTHERS_SHOWN} more", "dim"))
    lines = (
        [line("This run changed: " if moment.kind == "run" else "Changed here: ", *pieces)] if pieces else []
    )
    if moment.run is not None and moment.run.local:
        lines += [line(say(change.explanation)) for change in moment.run.local[:1]]
    if moment.run is not None and moment.run.cut:
        lines.append(line(Said("Not all was looked at: ", "warn"), say("; ".join(moment.run.cut))))
    return tuple(lines)
