"""The README and the reference pages, as the tests read them."""

from __future__ import annotations

import re
from pathlib import Path

from kernelscope.cli.help import TOPICS, page_source

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {topic: page_source(topic) for topic in TOPICS}
"""The reference by topic."""


def fenced_blocks(page: str, language: str) -> list[str]:
    """Return the code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page, flags=re.DOTALL | re.MULTILINE)


def shell_commands(page: str) -> list[str]:
    """Return every command of the page's shell blocks, without its comment."""
    lines = "".join(fenced_blocks(page, "sh")).splitlines()
    return [re.sub(r"\s{2,}# .*$", "", line) for line in lines]


def table_rows(page: str, *heading: str) -> list[list[str]]:
    """Return the rows of the first table whose heading begins with these cells."""
    start = page.index("| " + " | ".join(heading))
    rows = [line for line in page[start:].split("\n\n")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split(" |")] for row in rows[2:]]


def sections(page: str) -> dict[str, str]:
    """Return the text below each heading of the second and third level."""
    parts = re.split(r"^#{2,3} (.*)$", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def code_words(text: str) -> list[str]:
    """Return what is in backticks."""
    return re.findall(r"`([^`]+)`", text)
