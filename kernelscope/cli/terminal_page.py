"""A page of the reference as text for a terminal. Imported only when a page is shown: it loads Rich."""

from __future__ import annotations

import io
import re

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown
from rich.text import Text
from rich.theme import Theme

_RULES = {"h1": "=", "h2": "-"}
"""What underlines a heading, so that it stands out without colour, too."""
_STYLES = Theme(
    {
        **dict.fromkeys(("markdown.h1", "markdown.h2", "markdown.h3", "markdown.code"), "bold"),
        **dict.fromkeys(("markdown.table.header", "markdown.item.bullet"), "none"),
        "markdown.table.border": "dim",
    }
)
"""Bold and dim alone: they suit dark and light terminals."""
_PAGE_LINK = re.compile(r"\[([^]]+)\]\((?:[.\w]+/)*(\w+)\.md(?:#[\w-]+)?\)")
_WEB_LINK = re.compile(r"\[([^]]+)\]\((https?://[^)]+)\)")
_OTHER_LINK = re.compile(r"\[([^]]+)\]\([^)]+\)")


def render_page(source: str, *, width: int, color: bool) -> str:
    """Render Markdown as text.

    Args:
        width: columns that a line may take; lines of code may be longer, so that they can be copied.
        color: use ANSI styles; else plain text, in which inline code keeps its backticks.
    """
    text = _replace_links(source)
    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=color, color_system="standard" if color else None, emoji=False,
        highlight=False, markup=False, theme=_STYLES,
    )  # fmt: skip
    console.print(_Page(text if color else _keep_backticks(text), hyperlinks=False), crop=False)
    lines = "\n".join(line.rstrip() for line in out.getvalue().splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines).strip("\n") + "\n"


class _UnderlinedHeading(Heading):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text()
        yield self.text
        if rule := _RULES.get(self.tag):
            yield Text(rule * min(self.text.cell_len, options.max_width))


class _IndentedCode(CodeBlock):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in str(self.text).rstrip().splitlines():
            yield Text(f"    {line}", no_wrap=True, overflow="ignore")


class _Page(Markdown):
    elements = {  # noqa: RUF012 - overrides a class variable of the library's
        **Markdown.elements,
        "heading_open": _UnderlinedHeading,
        "fence": _IndentedCode,
        "code_block": _IndentedCode,
    }


def _replace_links(source: str) -> str:
    """Replace each link by what a reader of a terminal can use: a command, or an address."""
    source = _PAGE_LINK.sub(lambda m: f"{m[1]} (`kernelscope help {m[2].lower()}`)", source)
    source = _WEB_LINK.sub(r"\1: \2", source)
    return _OTHER_LINK.sub(r"\1", source)


def _keep_backticks(source: str) -> str:
    """Quote the backticks of inline code, which nothing else marks in plain text."""
    parts = re.split(r"(^```.*?^```$)", source, flags=re.DOTALL | re.MULTILINE)
    parts[::2] = [re.sub(r"`([^`\n]+)`", r"`` `\1` ``", text) for text in parts[::2]]
    return "".join(parts)
