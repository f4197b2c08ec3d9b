"""Checks that all text reaches the screen through one gate.

What the modules of ``kernelscope.tui`` may take from Textual and Rich is listed here, and nothing on the
list shows text by itself.  What shows text (``Content``, ``Segment``, ``Static``, ``Input``, ``notify``,
the clipboard …) is touched in the gate's own modules alone, and these take ``Span`` and nothing else.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from unicodedata import category

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.widgets import Input
from wcwidth import wcwidth

from kernelscope.text import clean
from kernelscope.tui import render
from kernelscope.tui.state.spans import Span, fit, fit_name, line, safe_span, truncate, width
from tests.faults import ROOT
from tests.support.script import churn
from tests.tui.helpers import dashboard

TUI = ROOT / "kernelscope" / "tui"
GATE = {"render.py", "base_app.py", "widgets/text.py", "terminal.py", "output_files.py"}
"""Modules that may hand text to Textual, to the terminal or to a file."""

SILENT = {
    "textual.app": {"App", "ComposeResult"},
    "textual.binding": {"Binding", "BindingType"},
    "textual.command": {"Hits", "Provider"},
    "textual.containers": {"Center", "Horizontal", "Middle", "Vertical", "VerticalScroll"},
    "textual.content": {"Content"},  # as a type: what a widget's ``render`` returns
    "textual.geometry": {"Size"},
    "textual.message": {"Message"},
    "textual.screen": {"ModalScreen", "Screen"},
    "textual.scroll_view": {"ScrollView"},
    "textual.strip": {"Strip"},
    "textual.theme": {"Theme"},
    "textual.widget": {"Widget"},
    "textual.widgets": {"Input", "OptionList", "Tabs"},
    "textual.worker": {"Worker"},
    "textual": {"events"},
    "rich.cells": {"cell_len", "set_cell_size"},
    "rich.style": {"Style"},
}
"""What every other module may import from them."""

OURS = {"kernelscope", "__future__", "asyncio", "bisect", "collections", "contextlib", "dataclasses", "enum"}
OURS |= {"datetime", "functools", "msgspec", "pathlib", "re", "shlex", "statistics", "time", "typing"}
EMPTY_HANDED = {"Content": 0, "Input": 0, "Tabs": 1, "Strip": 1, "OptionList": 0, "Style": 0, "Binding": 99}
"""Positional arguments that these constructors may take; keywords that carry text are forbidden."""
SINKS = {"notify", "copy_to_clipboard", "update", "write", "bell", "panic", "log", "add_option"}
SINKS |= {"replace_option_prompt", "replace_option_prompt_at_index", "set_options", "insert_text_at_cursor"}
SINKS |= {
    "append_text",
    "print",
    "suggest",
    "set_title",
    "add_tab",
    "add_class_text",
    "run_javascript",
    "open_url",
}
TEXTS = {"title", "sub_title", "border_title", "border_subtitle", "tooltip", "placeholder", "label", "prompt"}
TEXTS |= {"renderable", "content", "visual", "suggester", "loading"}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(TUI.rglob("*.py")):
        yield str(path.relative_to(TUI)), ast.parse(path.read_text(encoding="utf-8"))


def bypasses(name: str, tree: ast.Module) -> Iterator[str]:
    """Yield what a module does that only the gate may."""
    for node in ast.walk(tree):
        ways = list(_bypasses_of(node))
        yield from (f"{name}:{getattr(node, 'lineno', 0)}: {what}" for what in ways)


def _imported(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (f"import {n.name}" for n in names if n.name.split(".")[0] not in OURS)
        case ast.ImportFrom(module=str(module), names=names) if module.split(".")[0] not in OURS:
            allowed = SILENT.get(module, {"NamedTemporaryFile"} if module == "tempfile" else set())
            yield from (f"from {module} import {n.name}" for n in names if n.name not in allowed or n.asname)


def _bypasses_of(node: ast.AST) -> Iterator[str]:
    yield from _imported(node)
    match node:
        case ast.Call(func=ast.Attribute(attr=attr), args=args) if attr in SINKS and (
            attr != "update" or args
        ):
            yield f"calls .{attr}()"
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
            if len(args) > EMPTY_HANDED.get(name, 99):
                yield f"{name}() gets an argument"
            texts = TEXTS - {"tooltip"} if name == "Binding" else TEXTS  # the footer is ours, and shows none
            yield from (f"{name}({k.arg}=…)" for k in keywords if k.arg in texts or k.arg == "link")
            if name in ("print", "getattr", "setattr", "exec", "eval", "__import__", "open"):
                yield f"calls {name}()"
        case ast.Assign(targets=targets):
            yield from (
                f"sets .{t.attr}" for t in targets if isinstance(t, ast.Attribute) and t.attr in TEXTS
            )
        case ast.FunctionDef(name=str(named), returns=returns) if named.startswith("render"):
            if returns is None or ast.unparse(returns) not in ("Content", "Strip"):
                yield f"{named}() returns something other than Content or Strip"
        case ast.Yield(value=ast.Constant(value=str())):
            yield "composes a text"


def test_no_module_but_the_gate_hands_text_to_textual() -> None:
    assert {name for name, _ in modules()} > GATE
    ways = [way for name, tree in modules() if name not in GATE for way in bypasses(name, tree)]
    assert ways == []


@pytest.mark.parametrize(
    "code",
    [
        "from textual.widgets import Static",
        "from textual.widgets import Label as Input",
        "from rich.segment import Segment",
        "from rich.text import Text",
        "import textual.widgets",
        "import sys",
        "import os",
        "from textual import widgets",
        "from importlib import import_module",
        "self.notify(name)",
        "self.app.copy_to_clipboard(name)",
        "self.query_one(TextPane).update(name)",
        "self.app._driver.write(name)",
        "self.list.add_option(name)",
        "Content(name)",
        "Input(placeholder=name)",
        "OptionList(name)",
        "Strip([name], 3)",
        "Style(link=name)",
        "print(name)",
        "getattr(app, 'no' + 'tify')(name)",
        "self.title = name",
        "self.border_title = name",
        "def render(self) -> str: return name",
        "def render_line(self, y): return name",
        "def compose(self):\n    yield 'name'",
    ],
)
def test_a_bypass_of_the_gate_is_found(code: str) -> None:
    assert list(bypasses("x.py", ast.parse(code)))


anything = st.text(st.characters(codec=None), max_size=40) | st.lists(
    st.sampled_from(
        [*"\x1b\x9b\x07\u202e\u200d\ufe0f\u0301\u3164\ud800\n\t", "[/b]", "模", "👩", "क\u094d", "ok"]
    )
).map("".join)


@pytest.mark.fault(73, 75, 76)
@settings(deadline=None)
@given(anything)
def test_a_span_is_safe_however_it_is_made(text: str) -> None:
    spans = (
        Span(text),
        safe_span(text),
        *line(text),
        *truncate([Span(text)], 9),
        Span(fit(text, 9)),
        Span(fit_name(text, 9)),
    )
    for span in spans:
        assert clean(span.text, limit=100_000) == span.text
        assert sum(map(wcwidth, span.text)) == width([span])
        span.text.encode()
    assert [width([span]) for span in spans[-2:]] == [9, 9]
    assert width(spans[3:-2]) <= 9


@pytest.mark.fault(73, 75)
@settings(deadline=None)
@given(anything)
def test_the_filter_below_removes_control_characters_and_keeps_the_rest(text: str) -> None:
    (sifted,) = render.ControlCharFilter().apply([Segment(text, Style(bold=True))], Color(0, 0, 0))

    assert sifted.style == Style(bold=True)
    assert sifted.text == "".join(c for c in text if c.isprintable() or category(c) == "Zs")


@pytest.mark.screen
@pytest.mark.fault(73)
async def test_every_line_of_every_widget_passes_the_filter() -> None:
    async with dashboard(churn()) as driver:
        assert isinstance(driver.app.get_line_filters()[-1], render.ControlCharFilter)
        await driver.press("slash")
        driver.app.screen.query_one(Input).cursor_blink = False
        with driver.app.screen.query_one(Input).prevent(Input.Changed):
            driver.app.screen.query_one(Input).set_reactive(Input.value, "a\x1b]0;owned\x07\u202eb")
        driver.app.screen.query_one(Input).refresh()
        await driver.wait_until(lambda: "a]0;ownedb" in driver.screen())


@pytest.mark.screen
@pytest.mark.fault(73, 74)
async def test_a_notification_by_textual_itself_is_safe_and_not_markup() -> None:
    async with dashboard(churn()) as driver:
        driver.app.notify("[@click=app.quit]leave[/]\x1b[2J", title="\u202e", markup=True)
        await driver.wait_until(lambda: len(driver.app._notifications))
        (notification,) = driver.app._notifications
        assert (notification.message, notification.title, notification.markup) == (
            r"[@click=app.quit]leave[/]\x1b[2J",
            r"\u202e",
            False,
        )


@pytest.mark.screen
@pytest.mark.fault(73)
async def test_text_copied_by_textual_itself_is_safe() -> None:
    async with dashboard(churn()) as driver:
        driver.app.copy_to_clipboard("a\x1b[31m\nb\x07")
        assert driver.app.clipboard == "a\\x1b[31m\nb\\x07"
