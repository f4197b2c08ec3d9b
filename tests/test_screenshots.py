"""Tests that the README's pictures show what kernelscope shows today."""

from __future__ import annotations

import html
import re
import shutil
import struct
from pathlib import Path

import pytest

from kernelscope.domain.changes import Change
from kernelscope.timeline.timeline import Timeline
from screenshots import make

AGAIN = "the screen has changed: run `python screenshots/make.py render` and look at the pictures"


def words(svg: str) -> list[str]:
    """Return every piece of text in a picture, in order, without colours and places."""
    pieces = re.findall(r"<text[^>]*>(.*?)</text>", svg, flags=re.DOTALL)
    return [text for piece in pieces if (text := html.unescape(piece).replace("\xa0", " ").strip())]


@pytest.mark.parametrize("name", make.NAMES)
async def test_a_picture_shows_what_the_screen_shows(name: str) -> None:
    drawn = await make.picture(name, make.read())

    assert words(drawn) == words((make.HERE / f"{name}.svg").read_text(encoding="utf-8")), AGAIN


def test_there_are_no_other_pictures() -> None:
    assert {path.stem for path in make.HERE.glob("*.svg")} == set(make.NAMES)


async def test_pictures_are_reproducible_and_fetch_nothing() -> None:
    first, second = [await make.picture("timeline", make.read()) for _ in range(2)]

    assert first == second
    assert re.findall(r"https?://[^\"'<> )]+", first.replace("https://www.textualize.io", "")) == [
        "http://www.w3.org/2000/svg"
    ]


async def test_the_recording_has_what_the_demo_does_today(tmp_path: Path) -> None:
    """Addresses, times and folders may differ; what each run did to each model must be the same."""
    fresh = tmp_path / "demo.jsonl"

    await make.record(fresh)

    assert verdicts(fresh) == verdicts(make.RECORDING), (
        "run `python screenshots/make.py record`, then `render`"
    )
    for path in (fresh, make.RECORDING):
        text = path.read_text(encoding="utf-8")
        assert "kernelscope-demo-" not in text
        assert make.FOLDER in text


def verdicts(recording: Path) -> list[tuple[str, ...]]:
    """Return every change of a global name; local models are only seen from Python 3.12 on."""
    timeline = Timeline()
    for event in make.read(recording):
        timeline.apply(event)
    return [
        (str(moment.execution_count), *describe_change(change))
        for moment in timeline.moments
        for change in moment.changes
        if change.scope == "global"
    ]


def describe_change(change: Change) -> tuple[str, ...]:
    return change.name, change.verdict, change.identity, change.learned or "-"


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium not found (Debian: chromium)")
async def test_the_picture_of_the_exported_page_can_be_taken(tmp_path: Path) -> None:
    await make.page(tmp_path)

    for name in make.PAGES:
        assert size(tmp_path / f"{name}.png") == size(make.HERE / f"{name}.png") == make.PAGE_SIZE


def size(png: Path) -> tuple[int, int]:
    """Return width and height in pixels, from the file's header."""
    width, height = struct.unpack(">II", png.read_bytes()[16:24])
    return width, height


def test_the_command_prints_its_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert make.main([]) == 2
    assert "record | render | page" in capsys.readouterr().err
