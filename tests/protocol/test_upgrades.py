"""Tests that older recordings are shown as they were, and that other files are not changed."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelscope.domain.changes import Change, Late
from kernelscope.domain.events import KernelChanged
from kernelscope.domain.evidence import OldSentence
from kernelscope.presentation.explain import gist
from kernelscope.presentation.segments import text_of
from kernelscope.protocol.stored import decode_event, decode_judgements
from kernelscope.protocol.upgrades import event_to_3, judgements_to_3
from kernelscope.session import Session
from kernelscope.storage.recording import RecordingSource
from tests.support.facts import explanation_of, reasons

WRITTEN = Path(__file__).parent.parent / "storage" / "written"
LATE = "an earlier look failed or did not reach everything, so this may have happened before"
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                (
                    *("rows", "local", "change", "evidence", "explanation", "parts", "type", "detail"),
                    *("observation", "history", "base", "code", "methods", "method", "objects", "learned"),
                )
            ),
            inner,
        )
    ),
    max_leaves=12,
)


def changes_of(path: Path) -> list[Change]:
    """Return the changes of every run from a replay."""
    session = Session(RecordingSource(path))
    asyncio.run(session.run())
    return [
        change
        for moment in session.timeline.moments
        for change in (*moment.changes, *(moment.run.local if moment.run else ()))
    ]


def stored_changes(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the changes as they are stored in the file."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as database:
        for (text,) in database.execute("SELECT judgements FROM events ORDER BY seq"):
            for judgement in json.loads(text or "[]"):
                rows = judgement.get("rows", ())
                yield from (r["change"] for r in rows if "change" in r and not r.get("part"))
                yield from judgement.get("local", ())


def old_change(**fields: object) -> dict[str, Any]:
    return {
        "name": "m", "verdict": "refitted", "identity": "same", "learned": "refitted", "params": {},
        "certainty": "observed", "evidence": ["fit() seen"],
        "explanation": "In [7] m was fitted again. Seen: fit() seen.", "parts": [], **fields,
    }  # fmt: skip


def upgrade(**fields: object) -> Change:
    judgements = [{"rows": [{"name": "m", "change": old_change(**fields)}]}]
    (judgement,) = decode_judgements(judgements_to_3(json.dumps(judgements)))
    return judgement.changes[0]


def test_a_recording_with_sentences_shows_its_original_sentences() -> None:
    changes, stored = changes_of(WRITTEN / "2.kscope"), list(stored_changes(WRITTEN / "2.kscope"))
    assert len(changes) == len(stored) > 20
    for change, old in zip(changes, stored, strict=True):
        assert explanation_of(change) == old["explanation"]
        assert list(reasons(change)) == old["evidence"]
        assert text_of(gist(change)) in old["explanation"]
        assert not text_of(gist(change)).startswith("In [")


def test_an_old_change_keeps_its_words_its_run_and_its_parts() -> None:
    part = old_change(name="m.x", explanation="Between runs, by no cell: m.x was fitted. Seen: fit() seen.")
    change = upgrade(parts=[part])
    assert (change.execution_count, text_of(gist(change))) == (7, "m was fitted again.")
    assert change.evidence == (OldSentence("fit() seen"),)
    assert (change.parts[0].execution_count, text_of(gist(change.parts[0]))) == (None, "m.x was fitted.")


def test_an_old_change_that_was_found_late_is_late() -> None:
    change = upgrade(
        evidence=["fit() seen", LATE],
        explanation=f"Between runs, or in one that could not be looked at: m was. Seen: fit() seen; {LATE}.",
    )
    assert change.late == Late()
    assert reasons(change) == ("fit() seen", LATE)
    assert text_of(gist(change)) == "m was."


@pytest.mark.parametrize(("detail", "requested"), [("it was told to shut down", True), ("", False)])
def test_a_requested_death_in_an_old_recording_is_still_one(detail: str, requested: bool) -> None:
    old = json.dumps({"type": "kernel", "epoch": 1, "state": "died", "detail": detail})
    assert decode_event(event_to_3(old)) == KernelChanged(1, "died", detail, requested)


@pytest.mark.parametrize("place", ["observation", "history"])
def test_what_a_cell_did_to_tensors_is_no_method_any_more(place: str) -> None:
    names = ("backward", "by-gradient", "in-place", "in-place", "step")
    methods = [{"method": name, "token": None} for name in names] + [{"method": "backward", "token": 1}]
    look = {"code": {"methods": methods, "complete": True}}
    old = {"type": "observed", place: look if place == "observation" else [look]}
    upgraded = json.loads(event_to_3(json.dumps(old)))
    code = (upgraded[place] if place == "observation" else upgraded[place][0])["code"]
    assert code == {
        "methods": [{"method": "step", "token": None}, {"method": "backward", "token": 1}],
        "gradients": True,
        "tensor_writes": ["gradient step", "value"],
        "complete": True,
    }


@pytest.mark.parametrize("place", ["observation", "history", "base"])
def test_what_the_text_of_a_value_said_is_a_field(place: str) -> None:
    texts = ("None", "tensor", "float32 tensor (0,)", "float32 tensor (10,)")
    look = {"objects": [{"learned": {text: {"text": text} for text in texts}}]}
    upgraded = json.loads(event_to_3(json.dumps({place: [look] if place == "history" else look})))
    (facts,) = (upgraded[place][0] if place == "history" else upgraded[place])["objects"]
    assert [(s.get("is_none"), s.get("lacks_values")) for s in facts["learned"].values()] == [
        (True, None),
        (None, True),
        (None, True),
        (None, None),
    ]


@given(ANYTHING)
def test_any_other_document_is_unchanged_or_left_to_the_decoder(document: Any) -> None:
    text = json.dumps(document)
    json.loads(judgements_to_3(text))
    json.loads(event_to_3(text))


@pytest.mark.parametrize("text", ["", "[", "[" * 100_000, '"\\ud800"'])
def test_text_that_is_not_json_is_left_to_the_decoder(text: str) -> None:
    assert judgements_to_3(text) in (text, '"\\ud800"')
