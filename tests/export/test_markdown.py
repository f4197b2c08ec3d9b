"""Tests the Markdown export: it says what happened, and no text of a kernel becomes markup."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from kernelscope.domain.facts import Observation
from kernelscope.export.markdown import MOST, _cell, block, harmless, render, write_markdown
from kernelscope.presentation.segments import join, quote
from kernelscope.text import clean, clean_block
from kernelscope.timeline.timeline import Timeline
from kernelscope.timeline.view import TimelineView
from tests.export.hostile import HOSTILE, hostile_story
from tests.support.script import Story, churn, learn
from tests.timeline.test_properties import fast, streams, timeline_of

if TYPE_CHECKING:
    from markdown_it.token import Token

OURS = re.compile(r"<details><summary>[\w ,\[\]]+: [\w ,]+</summary>\s*|</details>\s*|<br>", flags=re.ASCII)
RISKY = re.compile(r"[@#<>*_`$\\\[\]~|]|://|www\.|\b[0-9a-f]{7,}\b|:\w+:|\bGH-")
LETTERS = st.text(alphabet="ab1 @#<>*_`$\\[]()~|&;:.,/-!\n\t'\"=\u202e", max_size=40)

parser = MarkdownIt("gfm-like", {"html": True})


def page(timeline: TimelineView, title: str | None = None) -> str:
    out = io.StringIO()
    write_markdown(timeline, out, title)
    return out.getvalue()


def tokens(text: str) -> list[Token]:
    """Parse the text; returns all tokens, including those within lines."""
    return [each for token in parser.parse(text) for each in (token, *(token.children or ()))]


def assert_inert(text: str) -> None:
    for token in tokens(text):
        assert token.type not in ("link_open", "image", "html_inline") or OURS.fullmatch(token.content)
        if token.type == "html_block":
            assert OURS.fullmatch(token.content)
        if token.type == "text":
            assert not RISKY.search(token.content), token.content


def rendered_text(text: str) -> str:
    """Return what a reader sees of one line."""
    return "".join(t.content for t in tokens(text) if t.type in ("text", "code_inline"))


def test_given_a_session_when_written_then_a_reader_sees_what_was_reset_and_what_resets_it() -> None:
    text = page(churn().view())

    assert "- ○ **reset**: `model` 2×" in text
    assert (
        "| `model = LogisticRegression(C=1.0)` | `[5] [10] [15]` | ○ resets `model`: 2 of 2 times |" in text
    )
    assert "| `old` | `SGDClassifier` | `≈ 22  ✕ 26` |" in text
    assert "28 runs in Python `3.12.4`, 6 models, 1 restart." in text
    assert "`evaluate()` fitted a `LogisticRegression` of its own" in text


def test_given_a_session_when_written_then_every_run_that_changed_a_model_is_folded_away() -> None:
    timeline = churn().view()

    text = page(timeline)

    changed = [m for m in timeline.moments if m.run is not None and (m.changes or m.run.local)]
    assert text.count("<details>") == text.count("</details>") == len(changed)
    assert_inert(text)


def test_given_tables_when_parsed_then_every_row_has_as_many_cells_as_its_header() -> None:
    types = [t.type for t in tokens(page(churn().view()))]

    assert types.count("table_open") == 2
    assert types.count("td_open") == 3 * (types.count("tr_open") - 2)


@pytest.mark.parametrize("text", HOSTILE)
def test_given_hostile_text_when_written_then_it_is_shown_and_is_not_markup(text: str) -> None:
    timeline = hostile_story(text).view()

    markdown = page(timeline, title=text)

    assert_inert(markdown)
    contents = [t.content for t in tokens(markdown) if t.type in ("code_inline", "text")]
    assert clean(text, limit=80).strip() in (one.strip() for one in contents)
    rows = [t for t in tokens(markdown) if t.type == "td_open"]
    assert len(rows) % 3 == 0
    assert all(line.count("<details>") == 0 or line.startswith("<details>") for line in markdown.splitlines())
    assert [t.content for t in tokens(markdown) if t.type == "fence"].count(
        clean_block(text, limit=2_000).rstrip() + "\n"
    ) >= 1


@settings(deadline=None)
@given(st.text(max_size=60) | LETTERS)
def test_given_any_title_when_parsed_then_it_is_unchanged_and_inert(text: str) -> None:
    markdown = f"a {harmless(text)} z"

    assert_inert(markdown)
    assert rendered_text(markdown).split() == f"a {clean(text)} z".split()


@settings(deadline=None)
@given(st.lists(st.text(max_size=60) | LETTERS, max_size=4), st.sampled_from(("", " ", " was reset ", ": ")))
def test_given_any_quoted_text_when_a_sentence_is_parsed_then_it_is_unchanged_and_inert(
    texts: list[str], between: str
) -> None:
    markdown = f"a {render(join(between, map(quote, texts)))} z"

    assert_inert(markdown)
    assert rendered_text(markdown).split() == f"a {between.join(map(clean, texts))} z".split()


@settings(deadline=None)
@given(st.text(max_size=60) | LETTERS)
def test_given_any_text_when_in_a_table_then_it_stays_in_its_cell(text: str) -> None:
    markdown = f"| a | b |\n| --- | --- |\n| {_cell(text)} | end |\n"

    cells = [t for t in tokens(markdown) if t.type == "code_inline"]
    assert [t.content.strip() for t in cells] == [clean(text, limit=80).replace("\\|", "\\¦").strip()]
    assert [t.content for t in parser.parse(markdown) if t.type == "inline"][-1] == "end"


@settings(deadline=None)
@given(st.text(max_size=60) | LETTERS)
def test_given_any_source_when_fenced_then_it_stays_inside(text: str) -> None:
    blocks = parser.parse(f"{block(text)}\nafter\n")

    assert [t.type for t in blocks] == ["fence", "paragraph_open", "inline", "paragraph_close"]


@fast
@given(streams())
def test_given_any_session_when_written_then_it_is_inert(looks: list[Observation]) -> None:
    assert_inert(page(timeline_of(looks)))


@pytest.mark.proof
def test_given_a_long_session_when_written_then_it_fits_into_a_comment_and_says_what_it_left_out() -> None:
    story = Story()
    story.attach()
    for number in range(600):
        story.run(f"m{number} = make({number})  # {'x' * 60}", names={f"m{number}": learn(story.new())})

    text = page(story.view())

    assert len(text) < MOST + 200
    (omitted,) = re.findall(r"… and (\d+) moments more that changed a model", text)
    assert text.count("<details>") + int(omitted) == 600


def test_given_an_empty_session_when_written_then_it_says_so() -> None:
    assert page(TimelineView(Timeline())).startswith("# `kernelscope`")
    assert "0 runs, 0 models." in page(TimelineView(Timeline()))
