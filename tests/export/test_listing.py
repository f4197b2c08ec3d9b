"""Tests ``ls``, which lists kernels as a table or as JSON lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kernelscope.export.listing import ago, json_line, table
from kernelscope.kernel.entry import KernelEntry

NOW = 1_000_000.0
ENTRY = KernelEntry(
    connection_file=Path("/run/jupyter/kernel-5e1c.json"),
    kernel_id="5e1c",
    state="idle",
    owner="jupyter",
    notebook="/w/churn.ipynb",
    kernel_name="python3",
    last_activity=NOW - 130,
    started=NOW - 4_000,
)
BARE = KernelEntry(Path("/run/jupyter/kernel-1.json"), "1", "dead", "other")


def test_given_no_kernels_when_listed_then_only_the_heading() -> None:
    assert table([], NOW) == "CONNECTION  NOTEBOOK  STATE  LAST ACTIVITY  STARTED BY"


def test_given_kernels_when_listed_then_aligned_columns_without_trailing_blanks() -> None:
    assert table([ENTRY, BARE], NOW).splitlines() == [
        "CONNECTION        NOTEBOOK        STATE       LAST ACTIVITY  STARTED BY",
        "kernel-5e1c.json  /w/churn.ipynb  idle        2 min ago      jupyter",
        "kernel-1.json     -               stale file  -              other",
    ]


def test_given_hostile_names_when_listed_then_they_are_shown_as_escapes_on_one_line() -> None:
    entry = KernelEntry(Path("/run/kernel-\x1b[2J\n.json"), "x", "idle", "jup\x07", "/w/\u202egpj.ipynb")

    rows = table([entry], NOW).splitlines()

    assert len(rows) == 2
    assert rows[1].isprintable()
    assert r"kernel-\x1b[2J\x0a.json" in rows[1]


def test_given_a_kernel_when_written_as_json_then_every_key_on_one_line() -> None:
    line = json_line(ENTRY)

    assert "\n" not in line
    assert json.loads(line) == {
        "connection_file": "/run/jupyter/kernel-5e1c.json", "kernel_id": "5e1c", "state": "idle",
        "owner": "jupyter", "notebook": "/w/churn.ipynb", "kernel_name": "python3",
        "last_activity": NOW - 130, "started": NOW - 4_000,
    }  # fmt: skip


def test_given_a_kernel_with_unknown_facts_when_written_as_json_then_they_are_null() -> None:
    record = json.loads(json_line(BARE))

    assert [record[k] for k in ("notebook", "kernel_name", "last_activity", "started")] == [None] * 4


@pytest.mark.parametrize("field", ["connection_file", "kernel_id", "notebook", "kernel_name"])
def test_given_a_file_name_that_is_not_utf_8_when_written_as_json_then_it_is_escaped(field: str) -> None:
    odd = "/run/kernel-\udcff\x1b.json"
    known = {"connection_file": Path("/run/k.json"), "kernel_id": "1", "state": "idle", "owner": "other"}
    fields = {**known, field: Path(odd) if field == "connection_file" else odd}

    text = json.loads(json_line(KernelEntry(**fields)))[field]  # type: ignore[arg-type]

    assert text == r"/run/kernel-\udcff\x1b.json"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "now"), (0, "now"), (59.9, "now"), (60, "1 min ago"), (3_599, "59 min ago"),
        (3_600, "1 h ago"), (86_399, "23 h ago"), (86_400, "1 d ago"), (10 * 86_400, "10 d ago"),
    ],
)  # fmt: skip
def test_given_a_duration_when_shown_then_in_the_largest_unit_that_it_fills(
    seconds: float, words: str
) -> None:
    assert ago(seconds) == words
