"""The story of one name, as text or as one JSON object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kernelscope.presentation.story import Again, Chapter, Story
from kernelscope.protocol.records import SCHEMA, Record, change_record, encode
from kernelscope.text import clean, escaped_json

_LONGEST = 65_536


def story_text(story: Story) -> str:
    """A sentence a line, oldest first; below each how it is known."""
    return "\n".join(clean(line, limit=_LONGEST) for line in _lines(story))


def _lines(story: Story) -> Iterator[str]:
    yield story.name
    for chapter in story.chapters:
        yield f"  {chapter.sentence}"
        if chapter.evidence and chapter.kind != "attached":
            yield f"      {chapter.certainty}: {'; '.join(chapter.evidence)}"
    yield f"  {story.end}"
    if story.not_looked_at:
        yield f"  The latest look left out: {'; '.join(story.not_looked_at)}."
    yield from (f"  {again.sentence}" for again in story.again)


def story_json(story: Story) -> str:
    """The same as one JSON object, on one line."""
    holds = story.holds
    record: Record = {
        "type": "story",
        "schema": SCHEMA,
        "name": story.name,
        "story": [_chapter(chapter) for chapter in story.chapters],
        "holds": None
        if holds is None
        else {
            "class": holds.cls,
            "generation": holds.generation,
            "id": hex(holds.id),
            "fitted": story.fitted,
        },
        "end": story.end,
        "again": [_again(again) for again in story.again],
    }
    if story.not_looked_at:
        record["not_evaluated"] = list(story.not_looked_at)
    return escaped_json(encode(record)).decode().rstrip("\n")


def _chapter(chapter: Chapter) -> dict[str, Any]:
    return {
        "kind": chapter.kind,
        "epoch": chapter.epoch,
        "execution_count": chapter.execution_count,
        "rerun_of": chapter.rerun_of,
        "sentence": chapter.sentence,
        "certainty": chapter.certainty,
        "evidence": list(chapter.evidence),
        "change": None if chapter.change is None else change_record(chapter.change),
    }


def _again(again: Again) -> dict[str, Any]:
    return {
        "execution_count": again.execution_count,
        "code": again.code,
        "sentence": again.sentence,
        "verdict": again.verdict,
        "times": again.times,
        "of": again.of,
        "forecast": not again.of,
    }
