"""Tests ``kernelscope help``, which shows every page in every width, with and without a terminal."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from kernelscope import cli
from kernelscope.cli.help import TOPICS, page_title
from kernelscope.cli.terminal_page import render_page
from tests.support.pages import PAGES, ROOT, fenced_blocks

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command; returns its exit status, output and messages."""

    def call(*arguments: str) -> tuple[int, str, str]:
        status = 0
        try:
            cli.main(list(arguments))
        except SystemExit as end:
            status = int(end.code or 0)
        return status, *capsys.readouterr()

    return call


def test_every_page_is_a_topic_and_every_topic_a_page() -> None:
    files = {path.stem for path in (ROOT / "kernelscope" / "docs").glob("*.md")}

    assert files | {"changes"} == set(TOPICS)
    assert all(page.startswith("# ") for page in PAGES.values())


def test_help_lists_the_topics(run: Run) -> None:
    status, out, err = run("help")

    assert (status, err) == (0, "")
    for topic in TOPICS:
        assert re.search(rf"^  {topic} +{re.escape(page_title(topic))}$", out, flags=re.MULTILINE)
    assert max(map(len, out.splitlines())) <= 100


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_is_shown_as_plain_text(topic: str, run: Run) -> None:
    status, out, err = run("help", topic)

    assert (status, err) == (0, "")
    assert out.startswith(page_title(topic).replace("`", ""))
    assert "\x1b" not in out
    assert "](" not in out
    assert "\n\n\n" not in out
    assert not any(line.endswith(" ") for line in out.splitlines())


@pytest.mark.proof
def test_a_page_fits_into_a_narrow_terminal() -> None:
    for topic in TOPICS:
        lines = render_page(PAGES[topic], width=60, color=False).splitlines()
        assert max(len(line) for line in lines if not line.startswith("    ")) <= 60, topic


def test_code_is_never_wrapped_so_that_it_can_be_copied() -> None:
    (example,) = fenced_blocks(PAGES["records"], "json")
    text = render_page(PAGES["records"], width=60, color=False)

    assert all(f"    {line}".rstrip() in text.splitlines() for line in example.splitlines())


def test_a_link_becomes_a_command_or_an_address() -> None:
    source = (
        "[The wire](wire.md#a), [a guide](https://e.org/x) and [code](../probe).\n\n[Changes](../CHANGES.md)"
    )
    text = render_page(source, width=100, color=False)

    assert text == (
        "The wire (`kernelscope help wire`), a guide: https://e.org/x and code.\n\n"
        "Changes (`kernelscope help changes`)\n"
    )


def test_styles_are_used_only_on_a_terminal() -> None:
    assert "\x1b[1" in render_page("# Title\n\n`code`", width=80, color=True)


def test_help_for_a_command_is_the_command_s_own_help(run: Run) -> None:
    assert run("help", "watch") == run("watch", "--help")
    assert run("help", "help") == run("help", "--help")


@pytest.mark.parametrize(("word", "meant"), [("recods", "records"), ("Wire", "wire"), ("wtach", "watch")])
def test_a_mistyped_topic_is_an_error_with_a_suggestion(word: str, meant: str, run: Run) -> None:
    status, out, err = run("help", word)

    assert (status, out) == (2, "")
    assert f"there is no help topic '{word}'" in err
    assert f"Did you mean `kernelscope help {meant}`?" in err
    assert "`kernelscope help` lists the topics." in run("help", "qqqq")[2]


def test_help_works_on_every_system(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["help", "limits"], platform="win32")

    assert "Limits" in capsys.readouterr().out
