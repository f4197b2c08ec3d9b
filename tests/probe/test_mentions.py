"""Which globals a cell can reach by name."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from kernelscope.probe.mentions import MentionReader
from tests.support.probe import make_types


def run(*sources: str) -> dict[str, Any]:
    """A namespace in which these cells have run."""
    space: dict[str, Any] = {"__name__": "__main__", "functools": functools, "m": 1, "other": 2}
    for source in sources:
        exec(source, space)
    return space


def words(space: dict[str, Any], source: str) -> frozenset[str]:
    touched = MentionReader(space, make_types()).read(source, frozenset())
    assert touched is not None
    return touched.words


@pytest.mark.parametrize(
    ("before", "cell"),
    [
        ("", "m.fit(X)"),
        ("", "%time m.fit(X)"),
        ("", "get_ipython().run_line_magic('timeit', 'm.fit(X)')"),
        ("", "%%capture output\nm.fit(X)"),
        ("", "best = %timeit -o m.fit(X)"),
        ("", "trainer.run(m)"),
        ("", "print('m')"),
        ("def train(): m.fit(X)", "train()"),
        ("def inner(): m.fit(X)\ndef train(): inner()", "train()"),
        ("def train():\n    def go(): m.fit(X)\n    go()", "train()"),
        ("class Trainer:\n    def go(self): m.fit(X)", "Trainer().go()"),
        ("class Trainer:\n    def go(self): m.fit(X)\ntrainer = Trainer()", "trainer.go()"),
        ("class A:\n    def go(self): m.fit(X)\nclass B(A): pass\nb = B()", "b.go()"),
        ("def train(a): m.fit(a)\nlater = functools.partial(train, 1)", "later()"),
        ("def train(): return [m.fit(x) for x in X]", "list(map(lambda _: train(), X))"),
    ],
)
def test_a_cell_mentions_what_it_reaches_by_name(before: str, cell: str) -> None:
    found = words(run(before), cell)
    assert "m" in found
    assert "other" not in found


@pytest.mark.parametrize(
    "cell",
    [
        "exec('m.fit(X)')",
        "globals()[name].fit(X)",
        "%run train.py",
        "vars()['m'].fit(X)",
        "get_ipython().run_line_magic('run', 'train.py')",
        "x = %rerun 3",
        "%%unknown\nfit",
        "a = 1\n" * 40_000,
    ],
)
def test_a_cell_that_can_reach_any_name_mentions_all(cell: str) -> None:
    assert MentionReader(run(), make_types()).read(cell, frozenset()) is None


def test_functions_that_call_one_another_end() -> None:
    found = words(
        run("def even(n): return n == 0 or odd(n - 1)\ndef odd(n): return m and even(n - 1)"), "even(4)"
    )
    assert {"even", "odd", "m"} <= found
