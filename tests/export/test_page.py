"""The page: what it holds, and that nothing of a kernel is more than text in it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given

from kernelscope.domain.changes import Verdict
from kernelscope.domain.facts import Observation
from kernelscope.export.page import write_html
from kernelscope.presentation.explain import gist
from kernelscope.presentation.glyphs import GLYPHS
from kernelscope.presentation.segments import text_of
from kernelscope.text import clean
from kernelscope.timeline.timeline import Timeline
from kernelscope.timeline.view import TimelineView
from tests.export.hostile import HOSTILE, hostile_story
from tests.support.facts import reasons
from tests.support.script import Story, churn, learn
from tests.timeline.test_properties import fast, streams, timeline_of

DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', flags=re.DOTALL)
SCRIPT = re.compile(r"<script>(.*?)</script>", flags=re.DOTALL)
STYLE = re.compile(r"<style>(.*?)</style>", flags=re.DOTALL)
POLICY = re.compile(r'http-equiv="Content-Security-Policy" content="([^"]*)"')


def page(timeline: TimelineView, title: str | None = None) -> str:
    out = io.StringIO()
    write_html(timeline, out, title)
    return out.getvalue()


def data(text: str) -> dict[str, Any]:
    (found,) = DATA.findall(text)
    told: dict[str, Any] = json.loads(found)
    return told


def written(text: str) -> str:
    """What is written out for print."""
    return text[text.index('<div id="printed">') :]


class Elements(HTMLParser):
    """Every element and attribute, and all the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def told(timeline: TimelineView) -> list[tuple[int, str, str, str, list[str]]]:
    """Every change of every row: moment, row, verdict, sentence, evidence."""
    return [
        (
            held.moment,
            safe(row.name, 1_000),
            str(c.verdict),
            safe(text_of(gist(c))),
            [safe(one) for one in reasons(c)],
        )
        for row in timeline.rows()
        for held in timeline.track(row.name)
        if (c := held.change) is not None
    ]


def safe(text: str, limit: int = 4_000) -> str:
    return clean(text, limit=limit)


def read(held: dict[str, Any]) -> list[tuple[int, str, str, str, list[str]]]:
    """The same from the page."""
    texts, changes, verdicts = held["texts"], held["changes"], held["verdicts"]
    return [
        (entry[0], texts[name], verdicts[c[0]][0], texts[c[11]], [texts[one] for one in c[12]])
        for name, _, _, track in held["rows"]
        for entry in track
        if entry[1] is not None and (c := changes[entry[1]])
    ]


@pytest.mark.proof
@fast
@given(streams())
def test_given_any_session_when_written_and_read_then_the_changes_are_the_same(
    looks: list[Observation],
) -> None:
    timeline = timeline_of(looks)

    assert read(data(page(timeline))) == told(timeline)


def test_given_a_long_session_when_written_and_read_then_changes_runs_and_cells_are_the_same() -> None:
    timeline = churn().view()

    held = data(page(timeline))

    assert read(held) == told(timeline)
    texts = held["texts"]
    runs = [texts[m[3]] for m in held["moments"] if m[0] == 1]
    assert runs == [m.run.facts.code for m in timeline.moments if m.run is not None]
    assert [texts[cell[0]] for cell in held["cells"]] == [cell.code for cell in timeline.cells()]
    effects = [
        [(texts[e[0]], held["verdicts"][e[1]][0], e[2], e[3]) for e in c[4]] for c in held["cells"] if c[3]
    ]
    assert effects == [
        [(e.name, str(e.verdict), e.times, e.of) for e in cell.effects]
        for cell in timeline.cells()
        if cell.reruns
    ]


def test_given_a_session_when_written_then_the_policy_lets_in_this_script_and_this_style_alone() -> None:
    text = page(churn().view())

    (policy,), (script,), (style,) = POLICY.findall(text), SCRIPT.findall(text), STYLE.findall(text)
    rules = dict(rule.split(" ", 1) for rule in policy.replace("&#x27;", "'").split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["script-src"] == sha256(script)
    assert rules["style-src"] == sha256(style)
    assert rules["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in policy


def sha256(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_given_a_session_when_written_then_the_page_asks_for_nothing_from_anywhere() -> None:
    text = page(churn().view())

    assert set(re.findall(r"[a-z]+://[^\s\"'<>]+", text)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(
        r"@import|url\(|\b(?:src|srcset|action|background)=|<(?:link|base|iframe|object|embed|form)\b", text
    )
    assert "style=" not in text


@pytest.mark.parametrize("text", HOSTILE)
def test_given_hostile_text_when_written_then_it_is_text_and_whole(text: str) -> None:
    timeline = hostile_story(text).view()

    made = page(timeline, title=text)

    assert made.count("</script>") == 2
    assert DATA.search(made)
    assert not re.search("[<>&\u2028\u2029\x00-\x1f]", DATA.findall(made)[0])
    assert read(data(made)) == told(timeline)
    found, plain = Elements(written(made)), Elements(written(page(hostile_story("plain").view())))
    assert set(found.tags) <= set(plain.tags)
    assert found.attributes <= plain.attributes
    assert clean(text, limit=1_000) in found.text
    made.encode()


def test_given_a_text_like_a_place_in_the_page_when_written_then_nothing_is_put_there() -> None:
    made = page(hostile_story("{{script}}").view(), title="{{data}}")

    assert "<title>{{data}} · kernelscope</title>" in made
    assert len(SCRIPT.findall(made)) == 1


def test_given_a_session_when_written_then_every_glyph_is_drawn() -> None:
    drawn = re.findall(r'<symbol id="v-(\w+)"', page(TimelineView(Timeline())))

    assert set(drawn) == {str(verdict) for verdict in GLYPHS} == {str(verdict) for verdict in Verdict}


def test_given_a_session_when_written_then_its_changes_are_there_without_scripts() -> None:
    text = Elements(written(page(churn().view()))).text

    assert "resets model: 2 of 2 times" in text
    assert "model was replaced: a new LogisticRegression (#4), not fitted yet" in text
    assert "a new object, #4, first seen in this run" in text


@pytest.mark.proof
def test_given_many_changes_when_written_out_then_it_is_told_how_many_are_not() -> None:
    story = Story()
    story.attach()
    for number in range(700):
        story.run(f"m = make({number})", names={"m": learn(story.new())})

    text = written(page(story.view()))

    assert text.count("<article>") == 500
    assert "The first 500 of 700 changes are written out here." in text


@pytest.mark.proof
def test_given_a_cell_that_is_cut_when_written_then_the_page_says_at_what_length() -> None:
    story = Story()
    story.attach()
    story.run("x = 1\n" * 100_000)
    story.run("y = 1\n" * 5_000)

    runs = [m for m in data(page(story.view()))["moments"] if m[0] == 1]

    assert [m[11] for m in runs] == [20_000, 20_000]


def test_given_nothing_when_written_then_it_is_a_page() -> None:
    text = page(TimelineView(Timeline()))

    assert "<title>kernelscope · kernelscope</title>" in text
    assert "No run changed a model." in text


def test_given_a_change_of_a_part_when_written_then_it_is_told_once() -> None:
    timeline = churn().view()
    held = data(page(timeline))

    parts = {id(each) for m in timeline.moments for c in m.changes for each in (c, *c.parts)}
    local = sum(len(m.run.local) for m in timeline.moments if m.run is not None)
    assert len(held["changes"]) == len(parts) + local
