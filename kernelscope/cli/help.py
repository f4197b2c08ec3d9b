"""``kernelscope help``: the pages of the reference and the help of each command."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable

import click
from click.shell_completion import CompletionItem

from kernelscope.cli.options import notes
from kernelscope.errors import UsageError

TOPICS = (
    "verdicts",
    "screen",
    "expectations",
    "records",
    "recordings",
    "errors",
    "libraries",
    "limits",
    "probe",
    "security",
    "wire",
    "developing",
    "changes",
)
"""The pages in the order in which ``kernelscope help`` lists them."""

_WIDEST = 100
"""Columns of a page: longer lines are hard to read."""


def page_file(topic: str) -> Traversable:
    """The Markdown file of a topic."""
    package = files("kernelscope")
    return package / "CHANGES.md" if topic == "changes" else package / "docs" / f"{topic}.md"


def page_source(topic: str) -> str:
    """The Markdown of a topic."""
    return page_file(topic).read_text(encoding="utf-8")


def page_title(topic: str) -> str:
    """What a topic is about, in one line."""
    return page_source(topic).partition("\n")[0].removeprefix("# ")


def _complete_topic(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(word) for word in (*TOPICS, *_commands(ctx)) if word.startswith(incomplete)]


def _commands(ctx: click.Context) -> Mapping[str, click.Command]:
    group = ctx.find_root().command
    return group.commands if isinstance(group, click.Group) else {}


@click.command(
    "help",
    short_help="Show a page of the reference, or the help of a command.",
    epilog=notes(
        "kernelscope help",
        "kernelscope help records",
        "kernelscope help watch",
        exits="2 if there is no such topic.",
    ),
)
@click.argument("topic", required=False, shell_complete=_complete_topic)
@click.pass_context
def help_(ctx: click.Context, topic: str | None) -> None:
    """Show a page of the reference, or the help of a command. Without TOPIC: list the topics.

    On a terminal a page opens in your pager (PAGER, else less).
    """
    commands = _commands(ctx)
    if topic is None:
        click.echo(_list_topics())
    elif topic in commands:
        command = commands[topic]
        click.echo(command.get_help(click.Context(command, info_name=topic, parent=ctx.find_root())))
    elif topic in TOPICS:
        _show_page(topic)
    else:
        near = difflib.get_close_matches(topic.lower(), (*TOPICS, *commands), n=1)
        hint = (
            f"Did you mean `kernelscope help {near[0]}`?" if near else "`kernelscope help` lists the topics."
        )
        raise UsageError(f"there is no help topic {topic!r}", hint)


def _list_topics() -> str:
    width = max(map(len, TOPICS))
    return "\n".join(
        (
            "Topics:",
            *(f"  {topic:<{width}}  {page_title(topic)}" for topic in TOPICS),
            "",
            "`kernelscope help TOPIC` shows a page, `kernelscope help COMMAND` the help of a command,",
            "`kernelscope --help` lists the commands.",
        )
    )


def _show_page(topic: str) -> None:
    import shutil

    from kernelscope.cli.terminal_page import render_page

    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    width = min(shutil.get_terminal_size().columns, _WIDEST) if is_terminal else _WIDEST
    click.echo_via_pager(render_page(page_source(topic), width=width, color=is_terminal))
