"""The notebooks that have golden files: the labelled ones, and the demo's."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from kernelscope import demo
from tests.support import pythons
from tests.support.scenarios import Scenario
from tests.support.zygote import SKLEARN
from tests.test_scenarios import FRAMEWORKS, GOLDEN_VERSIONS, SCENARIOS, has_module, modules_to_import

VERSIONS = GOLDEN_VERSIONS
"""Versions of the interpreters for golden files; the first does not see calls, the others do."""


class Cell(NamedTuple):
    """One step of a notebook."""

    step: int
    code: str | None
    """``None``: the kernel is restarted."""
    cell_id: str | None = None


class Notebook(NamedTuple):
    """The cells that run in one kernel."""

    name: str
    """The file and the id in it, such as ``files:bundles``."""
    cells: tuple[Cell, ...]
    before: tuple[str, ...] = ()
    """Code that runs before the attach."""
    needs: tuple[str, ...] = ()
    """Packages that the kernel must have."""
    imported: tuple[str, ...] | None = None
    """What the forked kernel has already imported; ``None``: the kernel is not forked."""

    @property
    def is_heavy(self) -> bool:
        """Whether it needs a framework that other interpreters do not have."""
        return bool((FRAMEWORKS | {"skops"}).intersection(self.needs))

    @property
    def steps(self) -> tuple[int, ...]:
        """The numbers of the steps that run code."""
        return tuple(cell.step for cell in self.cells if cell.code is not None)


class Case(NamedTuple):
    """A notebook, and the version of Python to play it in."""

    notebook: Notebook
    version: str


@cache
def notebooks() -> dict[str, Notebook]:
    """Return all notebooks by name."""
    labelled = (_labelled(name, scenario) for name, scenario in SCENARIOS.items())
    return {notebook.name: notebook for notebook in (*labelled, _demo())}


def cases(only: str = "*") -> Iterator[Case]:
    """Yield every notebook whose name matches the pattern, in each of its versions."""
    for notebook in notebooks().values():
        if fnmatch.fnmatch(notebook.name, only):
            versions = VERSIONS[:1] if notebook.is_heavy else VERSIONS
            yield from (Case(notebook, version) for version in versions)


def python_for(case: Case, offered: Sequence[str] = pythons.ALL) -> str | None:
    """Return the first interpreter of this version that has what the notebook needs."""
    needs = case.notebook.needs or ("sklearn",)
    fitting = (p for p in offered if _version(p) == case.version and all(has_module(p, n) for n in needs))
    return next(fitting, None)


def _version(python: str) -> str:
    return ".".join(str(part) for part in pythons.version(python))


def _labelled(name: str, scenario: Scenario) -> Notebook:
    codes: list[str] = []
    cells = []
    for number, step in enumerate(scenario["step"], 1):
        restarts = step.get("restart", False)
        codes.append("" if restarts else step["code"] if "code" in step else codes[step["again"] - 1])
        cells.append(Cell(number, None if restarts else codes[-1]))
    before, needs = scenario.get("before", ()), scenario.get("needs", ())
    return Notebook(name, tuple(cells), tuple(before), tuple(needs), modules_to_import(name, scenario))


def _demo() -> Notebook:
    cells = tuple(Cell(n, step.code, step.cell_id) for n, step in enumerate(demo.steps(), 1))
    return Notebook("demo:demo", cells, needs=("sklearn",), imported=SKLEARN)
