"""Tests the exported page: its content, and that everything from a kernel is only text in it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from jinja2 import UndefinedError

from kernelscope.domain.changes import Verdict
from kernelscope.domain.facts import Observation
from kernelscope.export.page import TEMPLATES, write_html
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
    (script,) = DATA.findall(text)
    content: dict[str, Any] = json.loads(script)
    return content


def printed_part(text: str) -> str:
    """Return the part of the page that is only for print."""
    return text[text.index('<div id="printed">') :]


class Elements(HTMLParser):
    """Collects every element and attribute, and all text."""

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


def rows_of(timeline: TimelineView) -> list[tuple[int, str, str, str, list[str]]]:
    """Return every change of every row: moment, row, verdict, sentence, evidence."""
    return [
        (
            point.moment,
            cleaned(row.name, 1_000),
            str(c.verdict),
            cleaned(text_of(gist(c))),
            [cleaned(one) for one in reasons(c)],
        )
        for row in timeline.rows()
        for point in timeline.track(row.name)
        if (c := point.change) is not None
    ]


def cleaned(text: str, limit: int = 4_000) -> str:
    return clean(text, limit=limit)


def rows_in_page(content: dict[str, Any]) -> list[tuple[int, str, str, str, list[str]]]:
    """Return the same from the page's data."""
    texts, changes, verdicts = content["texts"], content["changes"], content["verdicts"]
    return [
        (entry[0], texts[name], verdicts[c[0]][0], texts[c[11]], [texts[one] for one in c[12]])
        for name, _, _, track in content["rows"]
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

    assert rows_in_page(data(page(timeline))) == rows_of(timeline)


def test_given_a_long_session_when_written_and_read_then_changes_runs_and_cells_are_the_same() -> None:
    timeline = churn().view()

    content = data(page(timeline))

    assert rows_in_page(content) == rows_of(timeline)
    texts = content["texts"]
    runs = [texts[m[3]] for m in content["moments"] if m[0] == 1]
    assert runs == [m.run.facts.code for m in timeline.moments if m.run is not None]
    assert [texts[cell[0]] for cell in content["cells"]] == [cell.code for cell in timeline.cells()]
    effects = [
        [(texts[e[0]], content["verdicts"][e[1]][0], e[2], e[3]) for e in c[4]]
        for c in content["cells"]
        if c[3]
    ]
    assert effects == [
        [(e.name, str(e.verdict), e.times, e.of) for e in cell.effects]
        for cell in timeline.cells()
        if cell.reruns
    ]


def test_given_a_session_when_written_then_the_policy_allows_only_this_script_and_this_style() -> None:
    text = page(churn().view())

    (policy,), (script,), (style,) = POLICY.findall(text), SCRIPT.findall(text), STYLE.findall(text)
    rules = dict(rule.split(" ", 1) for rule in policy.replace("&#39;", "'").split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["script-src"] == sha256(script)
    assert rules["style-src"] == sha256(style)
    assert rules["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in policy


def sha256(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_given_a_session_when_written_then_the_page_loads_nothing() -> None:
    text = page(churn().view())

    assert set(re.findall(r"[a-z]+://[^\s\"'<>]+", text)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(
        r"@import|url\(|\b(?:src|srcset|action|background)=|<(?:link|base|iframe|object|embed|form)\b", text
    )
    assert "style=" not in text


@pytest.mark.parametrize("text", HOSTILE)
def test_given_hostile_text_when_written_then_it_is_text_and_complete(text: str) -> None:
    timeline = hostile_story(text).view()

    markup = page(timeline, title=text)

    assert markup.count("</script>") == 2
    assert DATA.search(markup)
    assert not re.search("[<>&\u2028\u2029\x00-\x1f]", DATA.findall(markup)[0])
    assert rows_in_page(data(markup)) == rows_of(timeline)
    elements, plain = (
        Elements(printed_part(markup)),
        Elements(printed_part(page(hostile_story("plain").view()))),
    )
    assert set(elements.tags) <= set(plain.tags)
    assert elements.attributes <= plain.attributes
    assert clean(text, limit=1_000) in elements.text
    markup.encode()


def test_given_a_text_like_a_template_variable_when_written_then_nothing_replaces_it() -> None:
    markup = page(hostile_story("{{script}}").view(), title="{{data}}")

    assert "<title>{{data}} · kernelscope</title>" in markup
    assert len(SCRIPT.findall(markup)) == 1


def test_an_undefined_name_in_a_template_is_an_error() -> None:
    for source in ("{{ titel }}", "{{ page.titel }}", "{% if page.titel %}{% endif %}"):
        with pytest.raises(UndefinedError, match="titel"):
            TEMPLATES.from_string(source).render(page={"title": "churn"})


def test_only_our_own_style_and_script_are_put_into_the_page_unescaped() -> None:
    assets = files("kernelscope.export").joinpath("assets")
    templates = "\n".join(
        assets.joinpath(name).read_text(encoding="utf-8")
        for name in TEMPLATES.list_templates(["html", "css"])
    )

    assert re.findall(r"\S+ *\| *safe\b", templates) == ["page.style | safe", "page.script | safe"]
    assert "autoescape" not in templates
    assert TEMPLATES.from_string("{{ text }}").render(text="<b>'\"&") == "&lt;b&gt;&#39;&#34;&amp;"


def test_given_a_session_when_written_then_every_glyph_is_drawn() -> None:
    drawn = re.findall(r'<symbol id="v-(\w+)"', page(TimelineView(Timeline())))

    assert set(drawn) == {str(verdict) for verdict in GLYPHS} == {str(verdict) for verdict in Verdict}


def test_given_a_session_when_written_then_its_changes_are_readable_without_scripts() -> None:
    text = Elements(printed_part(page(churn().view()))).text

    assert "resets model: 2 of 2 times" in text
    assert "model was replaced: a new LogisticRegression (#4), not fitted yet" in text
    assert "a new object, #4, first seen in this run" in text


@pytest.mark.proof
def test_given_many_changes_when_printed_then_the_page_says_how_many_are_left_out() -> None:
    story = Story()
    story.attach()
    for number in range(700):
        story.run(f"m = make({number})", names={"m": learn(story.new())})

    text = printed_part(page(story.view()))

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


def test_given_an_empty_session_when_written_then_it_is_a_page() -> None:
    text = page(TimelineView(Timeline()))

    assert "<title>kernelscope · kernelscope</title>" in text
    assert "No run changed a model." in text


def test_given_a_change_of_a_part_when_written_then_it_is_there_once() -> None:
    timeline = churn().view()
    content = data(page(timeline))

    parts = {id(each) for m in timeline.moments for c in m.changes for each in (c, *c.parts)}
    local = sum(len(m.run.local) for m in timeline.moments if m.run is not None)
    assert len(content["changes"]) == len(parts) + local
