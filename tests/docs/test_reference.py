"""Compares the tables of the README and the reference pages with the code: fields, words, keys, numbers, links."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, get_args, get_type_hints

import click
import pytest
from msgspec import Struct

from kernelscope import cli
from kernelscope.cli.help import TOPICS, page_file
from kernelscope.domain import facts
from kernelscope.domain.changes import Certainty, Identity, Learned, Verdict
from kernelscope.domain.events import Event
from kernelscope.errors import KernelscopeError
from kernelscope.expectations.checker import ExpectationChecker
from kernelscope.expectations.language import KEYWORDS, WHEN, parse
from kernelscope.export.csv_table import COLUMNS
from kernelscope.kernel import inject
from kernelscope.libraries.registry import registry
from kernelscope.presentation.glyphs import GLYPHS
from kernelscope.protocol import records, wire
from kernelscope.storage.schema import APPLICATION_ID, VERSION, migrate
from kernelscope.timeline.timeline import Timeline
from kernelscope.timeline.view import TimelineView
from kernelscope.tui.commands import other_screens
from kernelscope.tui.commands.base import Command
from kernelscope.tui.commands.timeline import TIMELINE
from tests.support.facts import (
    OBSCURE,
    Watch,
    call_evidence,
    forget,
    model,
    params,
    rebind,
    save_access,
)
from tests.support.pages import PAGES, README, ROOT, code_words, sections, table_rows

COMMANDS = cli.cli.commands


# The wire and the recordings.


def structs_below(*roots: type[Struct]) -> set[type[Struct]]:
    """Return these structs and every struct that their fields can contain."""
    reached, waiting = set[type[Struct]](), list[Any](roots)
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, type) and issubclass(kind, Struct):
            if kind not in reached:
                reached.add(kind)
                waiting += get_type_hints(kind).values()
        else:
            waiting += get_args(kind)
    return reached


def test_every_message_and_every_field_is_documented() -> None:
    own = [
        kind for kind in vars(wire).values() if isinstance(kind, type) and kind.__module__ == wire.__name__
    ]
    structs = structs_below(*(kind for kind in own if issubclass(kind, Struct)), facts.Observation)
    documented = {
        code_words(heading)[0]: {code_words(row[0])[0] for row in table_rows(text, "field", "meaning")}
        for heading, text in sections(PAGES["wire"]).items()
        if "| field |" in text
    }

    assert documented == {kind.__name__: set(kind.__struct_fields__) for kind in structs}


def test_the_requests_are_documented() -> None:
    greeting = wire.Greeting("session", 1.0)
    requests = {
        str(question.request["do"])
        for question in (inject.GREETING, inject.DETACH, inject.look_inside(), inject.attach("w", greeting))
    }
    page = sections(PAGES["wire"])["Requests"]

    assert {code_words(row[0])[0] for row in table_rows(page, "request")} == requests
    keys = {code_words(row[0])[0] for row in table_rows(page, "key", "meaning")}
    assert keys == set(inject.attach("w", greeting).request)
    assert all(f"`{key}`" in page for key in ("note", "token"))


def test_the_three_versions_are_those_of_the_code() -> None:
    documented = {code_words(row[0])[0]: int(row[1]) for row in table_rows(PAGES["wire"], "name", "value")}

    assert documented == {"WIRE": wire.WIRE, "SCHEMA": records.SCHEMA, "VERSION": VERSION}
    assert f"these records: {records.SCHEMA}." in PAGES["records"]


def test_the_tables_of_a_recording_are_documented() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        migrate(database)
        names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        tables = {n: {row[1] for row in database.execute(f"PRAGMA table_info({n})")} for n in names}
    rows = table_rows(PAGES["recordings"], "table", "columns")

    assert {code_words(row[0])[0]: set(code_words(row[1])) for row in rows} == tables
    assert f"`0x{APPLICATION_ID:X}`" in PAGES["recordings"]


def test_the_columns_of_the_csv_are_documented() -> None:
    rows = table_rows(PAGES["recordings"], "column", "content")

    assert sorted(word for row in rows for word in code_words(row[0])) == sorted(COLUMNS)


# Words, glyphs and keys.


@pytest.mark.parametrize("page", [README, PAGES["verdicts"]], ids=["README", "verdicts"])
def test_the_verdicts_and_glyphs_are_the_product_s(page: str) -> None:
    documented = {row[1]: row[0] for row in table_rows(page, "glyph", "verdict")}

    assert documented == {str(verdict.value): glyph for verdict, glyph in GLYPHS.items()}


def test_the_verdicts_are_in_order_of_precedence() -> None:
    assert [row[1] for row in table_rows(PAGES["verdicts"], "glyph", "verdict")] == [str(v) for v in Verdict]


def test_the_axes_have_the_values_of_the_code() -> None:
    rows = {row[0]: code_words(row[1]) for row in table_rows(PAGES["verdicts"], "axis", "values")}

    assert rows["identity"] == [str(value) for value in Identity]
    assert rows["learned"] == [str(value) for value in Learned]
    assert re.findall(r"^- `(\w+)`:", PAGES["verdicts"], flags=re.MULTILINE) == list(get_args(Certainty))


def shown_keys(screen: tuple[Command, ...]) -> set[str]:
    return {part for command in screen for part in command.key_display.split()}


def test_every_key_of_the_timeline_is_documented() -> None:
    rows = table_rows(PAGES["screen"], "key", "what it does")
    documented = {part for row in rows for cell in row for word in code_words(cell) for part in word.split()}
    own_words = {"fg"}

    assert shown_keys(TIMELINE) == documented - own_words


def test_every_key_that_the_readme_names_is_a_command_s() -> None:
    rows = table_rows(README, "key", "what it does")

    assert len(rows) >= 6
    assert {key for row in rows for key in code_words(row[0])} <= shown_keys(TIMELINE)


def test_the_keys_of_the_other_screens_are_their_commands() -> None:
    screens = {
        "evidence": other_screens.EVIDENCE,
        "comparison": other_screens.DIFF,
        "cells": (*other_screens.CELLS, *other_screens.CELL_RUNS),
        "cost": other_screens.COST,
        "export": other_screens.EXPORT,
        "picker": other_screens.PICKER,
    }
    rows = table_rows(PAGES["screen"], "screen", "keys")

    assert {row[0] for row in rows} == set(screens)
    for screen, keys in rows:
        assert {part for word in code_words(keys) for part in word.split()} <= shown_keys(screens[screen]), (
            screen
        )


# Expectations.


def session_with_expectations(*, broken: bool) -> list[Event]:
    """Build a session that meets the expectations of the table, or breaks them; In [13] is the last run."""
    model_, scaler, item = model(1), model(2), model(3)
    watch = Watch()

    watch.cell(names={"model": model_, "scaler": scaler, "models['lr']": rebind(item)})
    watch.cell(model_ := rebind(model_), **call_evidence(model_, "fit", seen=True))
    if broken:
        for _ in range(3):
            watch.cell(model_ := rebind(model_), **call_evidence(model_, "fit", seen=True))
        watch.cell(names={"model": model(4)})
        watch.cell(names={"model": None})
        watch.cell(names={"model": model(5)})
        watch.cell(forget(rebind(item)))
        watch.cell(rebind(scaler, tag="x"), code=OBSCURE, sees_calls=False)
        watch.cell(rebind(scaler, tag="y"), code=OBSCURE, sees_calls=False)
    else:
        watch.cell(files=[save_access(rebind(item))])
    while watch.count < 12:
        watch.cell()
    watch.cell(*([params(rebind(scaler, tag="y"), C=3.0)] if broken else []))
    return watch.events


@pytest.mark.parametrize(
    "text", [row[0].strip("`") for row in table_rows(PAGES["expectations"], "expectation", "holds if")]
)
def test_an_expectation_of_the_table_means_what_it_says(text: str) -> None:
    for broken in (False, True):
        timeline = Timeline()
        checker = ExpectationChecker([parse(text)], TimelineView(timeline))
        for event in session_with_expectations(broken=broken):
            checker(timeline.apply(event))
        (result,) = checker.results()
        assert (result.outcome == "holds") != broken, (text, broken, result)


def test_the_table_of_expectations_has_every_word_of_the_language() -> None:
    words = " ".join(" ".join(row) for row in table_rows(PAGES["expectations"], "expectation", "holds if"))

    assert [word for word in (*KEYWORDS, *WHEN) if word not in words] == []


# Limits, errors, libraries, layout.

_LIMITS = {
    "time of a look after which only contents that the cell could have touched are still read": (
        "SOFT_SECONDS",
        0.001,
        "1 ms",
    ),
    "contents of larger arrays that one look reads in full, of models that the cell could have touched": (
        "IN_FULL",
        32_000_000,
        "32 MB",
    ),
    "contents that one look compares at least, of models that the cell cannot have touched": (
        "LEAST_WAITING",
        16,
        "16",
    ),
    "time in which a look reads contents": ("SECONDS", 0.05, "50 ms"),
    "of that, for models that were never described before": ("FIRST_SECONDS", 0.025, "25 ms"),
    "models found by one look": ("MOST_MODELS", 10_000, "10,000"),
    "items of one container that are looked at": ("MOST_IN_CONTAINER", 64, "64"),
    "levels of containers and attributes": ("MOST_DEPTH", 3, "3"),
    "containers and objects of your classes that one look opens": ("MOST_NODES", 4_000, "4,000"),
    "tensors of one model": ("MOST_TENSORS", 400, "400"),
    "layers of one network, and their settings": ("_MOST_SETTINGS", 128, "128"),
    "trees of one CatBoost model whose leaves are read": ("_MOST_TREES", 2_000, "2,000"),
    "objects whose calls are reported per run": ("MOST_OBJECTS", 256, "256"),
    "source of a cell": ("CODE_CHARACTERS", 65_536, "65,536"),
    "history that the probe keeps for the next watcher": ("HISTORY_BYTES", 4_000_000, "4 MB"),
}
"""What is limited: the probe's constant, its value, and how its text in the page begins."""


def test_the_limits_are_those_of_the_probe() -> None:
    written = {row[0]: row[1] for row in table_rows(PAGES["limits"], "limit", "value")}
    sources = [p.read_text(encoding="utf-8") for p in (ROOT / "kernelscope").rglob("*.py")]
    constants = [m for s in sources for m in re.findall(r"^(\w+) = ([\d_.]+)$", s, flags=re.MULTILINE)]

    assert set(written) == set(_LIMITS)
    for what, (constant, value, text) in _LIMITS.items():
        assert value in {float(number) for name, number in constants if name == constant}, constant
        assert written[what].startswith(text)


def test_the_exit_statuses_are_those_of_the_errors() -> None:
    def statuses(error: type[KernelscopeError]) -> set[int]:
        return {error.exit_code}.union(*(statuses(kind) for kind in error.__subclasses__()))

    documented = {int(row[0]) for row in table_rows(PAGES["errors"], "exit status", "when")}
    assert documented == statuses(KernelscopeError) | {0, cli.INTERRUPTED}


def test_every_source_of_a_library_s_rules_is_named() -> None:
    sources = {rules.source for library in registry().libraries for rules in library.rules}

    assert len(sources) >= 8
    assert [source for source in sorted(sources) if source not in PAGES["libraries"]] == []


def test_the_layout_is_the_package_s() -> None:
    rows = [row[0].strip("`") for row in table_rows(PAGES["developing"], "folder", "what is in it")]
    packages = {f"kernelscope/{init.parent.name}" for init in (ROOT / "kernelscope").glob("*/__init__.py")}

    assert [path for path in rows if not (ROOT / path).exists()] == []
    assert packages <= set(rows)


# Links, commands and options.

EVERY_PAGE = {"README": README, **PAGES}


@pytest.mark.parametrize("name", EVERY_PAGE)
def test_every_link_leads_somewhere(name: str) -> None:
    folder = ROOT if name == "README" else Path(str(page_file(name))).parent
    headings = {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in sections(EVERY_PAGE[name])}
    for link in re.findall(r"\]\(([^)]+)\)", EVERY_PAGE[name]):
        if link.startswith("#"):
            assert link[1:] in headings, link
        elif not link.startswith("https://"):
            assert (folder / link.partition("#")[0]).exists(), link


@pytest.mark.parametrize("name", EVERY_PAGE)
def test_every_command_and_option_named_exists(name: str) -> None:
    known = {
        option
        for command in (cli.cli, *COMMANDS.values())
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
    }
    of_others = {"--grep", "--dist", "--only"}  # of `git log`, pytest and tests.golden
    assert set(re.findall(r"(?<![\w-])--[a-z]+(?:-[a-z]+)*", EVERY_PAGE[name])) <= known | of_others | {
        "--help"
    }
    for command in re.findall(r"`kernelscope ([a-z]+)", EVERY_PAGE[name]):
        assert command in COMMANDS
    for topic in re.findall(r"`kernelscope help ([a-z]+)", EVERY_PAGE[name]):
        assert topic in TOPICS or topic in COMMANDS


def test_the_readme_names_every_command_and_every_page() -> None:
    for command in set(COMMANDS) - {"attach"}:
        assert f"kernelscope {command}" in README, command
    for topic in TOPICS:
        assert f"{topic}.md" in README.replace("CHANGES", "changes"), topic


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 250
