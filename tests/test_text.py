"""Tests the functions that make a kernel's text safe to show."""

from __future__ import annotations

import json
import re
import tracemalloc
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernelscope.text import clean, clean_block, escape_json

anything = st.text(st.characters(codec=None), max_size=60)
hostile = st.lists(
    st.sampled_from(["\x1b[31m", "\u202e", "\ud800", "e\u0301" * 6, "\n", "\t", "ok", "é"])
).map("".join)
limits = st.integers(1, 40)


def is_harmless(text: str, keep: str = "") -> bool:
    """Whether nothing in the text controls a terminal or is invisible, except blanks of other scripts."""
    return all(c in keep or c.isprintable() or unicodedata.category(c) == "Zs" for c in text)


def unescape(text: str) -> str:
    """Replace every escape by one character."""
    return re.sub(r"\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\U[0-9a-f]{8}", "?", text)


@pytest.mark.fault(73, 76)
@settings(deadline=None)
@given(anything | hostile)
def test_given_any_text_when_cleaned_then_it_is_one_harmless_line_that_can_be_encoded(text: str) -> None:
    cleaned = clean(text)

    assert is_harmless(cleaned)
    assert len(cleaned.splitlines()) <= 1
    cleaned.encode()


@settings(deadline=None)
@given(anything | hostile)
def test_given_any_source_when_cleaned_then_it_is_harmless_but_for_lines_and_tabs(text: str) -> None:
    cleaned = clean_block(text)

    assert is_harmless(cleaned, "\n\t")
    cleaned.encode()


@settings(deadline=None)
@given(anything | hostile, limits)
def test_given_a_limit_when_cleaned_then_each_escape_counts_as_one_character(text: str, limit: int) -> None:
    assert len(unescape(clean(text, limit=limit))) <= limit
    assert len(unescape(clean_block(text, limit=limit))) <= limit
    assert len(clean(text, limit=limit)) <= 10 * limit


@settings(deadline=None)
@given(anything | hostile)
def test_given_cleaned_text_when_cleaned_again_then_it_is_unchanged(text: str) -> None:
    once = clean(text, limit=1_000)
    block = clean_block(text)

    assert clean(once, limit=1_000) == once
    assert clean_block(block) == block


@settings(deadline=None)
@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=100))
def test_given_plain_text_when_cleaned_then_it_is_unchanged(text: str) -> None:
    assert clean(text) == text
    assert clean_block(text) == text


@pytest.mark.parametrize("limit", [0, -1])
def test_given_a_limit_of_zero_when_cleaned_then_it_is_empty(limit: int) -> None:
    assert clean("abc", limit=limit) == ""
    assert clean_block("abc", limit=limit) == ""


@pytest.mark.fault(73, 75, 76)
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;x\x07", r"\x1b]0;x\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("\x7f\x00", r"\x7f\x00"),
        ("a\nb\tc\r", r"a\x0ab\x09c\x0d"),
        ("\u202eevil\u2066", r"\u202eevil\u2066"),
        ("\u200b\ufeff\u00ad", r"\u200b\ufeff\xad"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("\ud800", r"\ud800"),
        ("\xad\uffff\U000f0000", r"\xad\uffff\U000f0000"),
        ("\U000e0041", r"\U000e0041"),
        ("\ue000", r"\ue000"),
        ("[bold]x[/]", "[bold]x[/]"),
        ("\u3164\u115f\ufe0f", r"\u3164\u115f\ufe0f"),
        ("👍🏽", r"👍\U0001f3fd"),
        ("🇩🇪", r"\U0001f1e9\U0001f1ea"),
        ("\u1100" + "\u1161" * 5, "\u1100" + "\u1161" * 4 + r"\u1161"),
        ("modèle → 模型 🌲", "modèle → 模型 🌲"),
        ("e\u0301", "e\u0301"),
        ("e" + "\u0301" * 6, "e" + "\u0301" * 4 + r"\u0301\u0301"),
        ("e" + "\u0301" * 4 + "e" + "\u0301" * 4, "e" + "\u0301" * 4 + "e" + "\u0301" * 4),
    ],
)
def test_given_control_or_invisible_characters_when_cleaned_then_they_are_escaped(
    text: str, shown: str
) -> None:
    assert clean(text) == shown


@pytest.mark.parametrize(("limit", "shown"), [(1, "…"), (2, "a…"), (3, "ab…"), (4, "abcd"), (5, "abcd")])
def test_given_a_limit_when_text_is_longer_then_it_ends_in_an_ellipsis(limit: int, shown: str) -> None:
    assert clean("abcd", limit=limit) == shown
    assert clean_block("abcd", limit=limit) == shown


@pytest.mark.fault(77)
def test_given_50_mb_of_source_when_cleaned_then_only_its_first_64_kib_are_read() -> None:
    source = "x\x1b\r\n" * 12_500_000
    tracemalloc.start()
    try:
        cleaned = clean_block(source)
        line = clean(source)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(unescape(cleaned)) == 65_536
    assert cleaned.endswith("…")
    assert len(unescape(line)) == 200
    assert most < 4_000_000


def test_given_source_with_line_ends_of_another_system_when_cleaned_then_they_are_newlines() -> None:
    assert clean_block("a\r\n\tb\rc") == "a\n\tb\\x0dc"


@settings(deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.floats(allow_nan=False) | anything, st.lists))
def test_given_any_json_when_escaped_then_it_means_the_same_and_is_harmless(value: object) -> None:
    encoded = (json.dumps(value) + "\n").encode()
    raw = (json.dumps(value, ensure_ascii=False) + "\n").encode(errors="replace")

    assert escape_json(encoded) == encoded
    assert json.loads(escape_json(raw)) == json.loads(raw)
    assert all(c.isprintable() or c == "\n" for c in escape_json(raw).decode())
