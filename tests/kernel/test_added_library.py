"""Adds a library to a real kernel and plays its labelled notebook; switches off a library whose reader fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kernelscope.domain.changes import Run, Verdict
from kernelscope.domain.evidence import LibraryNotRead
from kernelscope.libraries.registry import LibraryRegistry, use_registry
from kernelscope.presentation.explain import explain
from kernelscope.presentation.segments import text_of
from kernelscope.protocol.records import records_of
from kernelscope.timeline.timeline import Timeline
from tests.kernel.watching import Watcher, watching
from tests.support.kernels import KernelProcess
from tests.support.scenarios import problems, scenarios_of

PACKAGE = '''
class Model:
    """Learns by `absorb`, all over again, and by `absorb_more`, further."""

    __slots__ = ("__weakref__", "_cell")

    def __init__(self, rate=0.1):
        self._cell = [rate, None]

    def absorb(self, X):
        self._cell[1] = sum(X)

    def absorb_more(self, X):
        self._cell[1] = (self._cell[1] or 0) + sum(X)

    def answer(self):
        return self._cell[1]

    def write_to(self, path):
        with open(path, "w") as file:
            file.write(str(self._cell))
'''
RULES = '''
from kernelscope.libraries.base import Arguments, Calls, Effect, FileMethods, LibraryRules

MANUAL = "https://toylib.example/manual.html"


class ToyRules(LibraryRules):
    """`toylib.Model`."""

    library = "toylib"
    source = MANUAL
    bases = ("toylib.Model",)
    calls = (
        Calls(methods=("absorb",), effect=Effect.REFITS, source=MANUAL, watched=True, in_code="fits", fits_local=True),
        Calls(methods=("absorb_more",), effect=Effect.CONTINUES, source=MANUAL, watched=True, in_code="fits"),
    )
    arguments = (Arguments(kind="path", names=("path",), source=MANUAL),)
    file_methods = (FileMethods(action="save", methods=("write_to",), source=MANUAL),)

    def is_fitted(self, facts, objects):
        return not facts.learned["sum"].is_none


RULES = (ToyRules(),)
'''
IN_KERNEL = """
from ...probe.library import LibraryReader
from ...probe.types import class_attribute

class ToyReader(LibraryReader):
    by_attributes = False

    def split(self, obj, info):
        rate, learned = class_attribute(type(obj), "_cell").__get__(obj)
        return {"rate": rate}, {"sum": learned}

READERS = {"toylib": ToyReader}
"""
SCENARIOS = """
[[scenario]]
id = "toy"
needs = ["toylib"]
  [[scenario.step]]
  code = "from toylib import Model\\nm = Model(0.5)"
  expect = { m = { verdict = "created", learned = "none", fitted = false } }
  [[scenario.step]]
  code = "m.absorb([1, 2])"
  expect = { m = { verdict = "fitted", fitted = true } }
  [[scenario.step]]
  code = "m.absorb([4])"
  expect = { m = "refitted" }
  [[scenario.step]]
  code = "m.absorb_more([1])"
  expect = { m = "continued" }
  [[scenario.step]]
  code = "m.answer()"
  expect = {}
  [[scenario.step]]
  code = "m.write_to('m.toy')"
  expect = { m = { verdict = "saved" } }
  [[scenario.step]]
  code = "def run():\\n    Model().absorb([1])\\nrun()"
  expect = {}
  local = ["Model"]
  [[scenario.step]]
  code = "m = Model()"
  expect = { m = "reset" }
"""


def write_library(folder: Path, in_kernel: str = IN_KERNEL) -> Path:
    """Write the folder of the made-up library."""
    library = folder / "libraries" / "toylib"
    library.mkdir(parents=True)
    for name, text in (
        ("__init__.py", ""),
        ("rules.py", RULES),
        ("in_kernel.py", in_kernel),
        ("scenarios.toml", SCENARIOS),
    ):
        (library / name).write_text(text)
    return library.parent


@pytest.fixture
def kernel(python: str, tmp_path: Path) -> Iterator[KernelProcess]:
    """A kernel in which the made-up library can be imported."""
    (tmp_path / "toylib.py").write_text(PACKAGE)
    with KernelProcess(tmp_path, python, env={"PYTHONPATH": str(tmp_path)}) as process:
        yield process


def records(watch: Watcher) -> list[dict[str, Any]]:
    """Return the records that ``watch --json`` would write."""
    timeline = Timeline()
    return [r for e in watch.events for r in records_of(timeline.apply(e))]


def runs(watch: Watcher) -> list[Run]:
    timeline = Timeline()
    moments = [moment for event in watch.events for moment in timeline.apply(event).moments]
    return [moment.run for moment in moments if moment.run is not None]


async def test_a_folder_is_all_that_adds_a_library(kernel: KernelProcess, tmp_path: Path) -> None:
    folder = write_library(tmp_path)
    (scenario,) = scenarios_of(folder / "toylib" / "scenarios.toml")
    with use_registry(LibraryRegistry([str(folder)])):
        async with watching(kernel) as watch:
            sees_calls = (await watch.wait_for_attach()).kernel.sees_calls
            for step in scenario["step"]:
                assert kernel.run(step["code"])["status"] == "ok"
            await watch.wait_for_runs(len(scenario["step"]))
            lines = [r for r in records(watch) if r["type"] == "execution"]
        wrong = [
            f"step {number}: {problem}"
            for number, (step, line) in enumerate(zip(scenario["step"], lines, strict=True), 1)
            for problem in problems(step, line, sees_calls)
        ]
    assert wrong == []


BROKEN = IN_KERNEL.replace(
    'return {"rate": rate}',
    'if learned == 13:\n            raise LookupError("no such table")\n        return {"rate": rate}',
)
SETUP = """
from toylib import Model
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
class Wrapper(BaseEstimator):
    def __init__(self, inner=None):
        self.inner = inner
    def fit(self, X, y):
        self.inner.absorb(X)
        return self
m, other, plain, wrapped = Model(), Model(), LogisticRegression(), Wrapper(Model())
"""


async def test_a_library_whose_reader_raises_is_switched_off_and_the_others_still_work(
    kernel: KernelProcess, tmp_path: Path
) -> None:
    error = "LookupError: no such table"
    with use_registry(LibraryRegistry([str(write_library(tmp_path, BROKEN))])):
        async with watching(kernel) as watch:
            await watch.wait_for_attach()
            cells = [
                SETUP,
                "m.absorb([1])",
                "m.absorb([13]); plain.fit([[0], [1]], [0, 1])",
                "m.absorb([2]); new = Model()",
                "plain.fit([[0], [1]], [0, 1]); del other",
                "m = LogisticRegression()",
            ]
            for cell in cells:
                assert kernel.run(cell)["status"] == "ok"
            await watch.wait_for_runs(len(cells))
            lines = [r for r in records(watch) if r["type"] == "execution"]
            verdicts = [{c["name"]: c["verdict"] for c in line["changes"]} for line in lines]
            assert verdicts[1] == {"m": "fitted"}
            assert verdicts[2] == {
                "m": "unknown",
                "other": "unknown",
                "wrapped": "unknown",
                "plain": "fitted",
            }
            assert verdicts[3] == {}, "what cannot be read gets no verdict"
            assert verdicts[4] == {"plain": "refitted"}
            assert set(verdicts[5]) == {"m"}
            (off,) = watch.runs[2].switched_off
            assert (off.library, off.error) == ("toylib", error)
            assert lines[2]["switched_off"] == [{"library": "toylib", "error": error}]
            assert "switched_off" not in lines[1]
            change = next(c for c in runs(watch)[2].changes if c.name == "m")
            assert change.verdict is Verdict.UNKNOWN
            assert change.evidence == (LibraryNotRead("toylib", error),)
            assert "is not followed any more" in text_of(explain(change))
            cost = watch.runs[-1].cost
            assert cost is not None
            assert cost.failures == 0, "this is not a failure of the probe"
        async with watching(kernel) as again:
            base = (await again.wait_for_attach()).base
            assert {"plain", "m"} <= set(base.names)


async def test_a_library_that_cannot_be_loaded_is_switched_off_from_the_start(
    kernel: KernelProcess, tmp_path: Path
) -> None:
    with use_registry(LibraryRegistry([str(write_library(tmp_path, "raise OSError('broken')"))])):
        kernel.run(
            "from toylib import Model\nfrom sklearn.linear_model import Ridge\nm, r = Model(), Ridge()"
        )
        async with watching(kernel) as watch:
            base = (await watch.wait_for_attach()).base
            assert [(off.library, off.error) for off in base.switched_off] == [("toylib", "OSError: broken")]
            assert set(base.names) == {"r"}
            kernel.run("r.fit([[0], [1]], [0, 1])")
            await watch.wait_for_runs(1)
            (line,) = [r for r in records(watch) if r["type"] == "execution"]
            assert [(c["name"], c["verdict"]) for c in line["changes"]] == [("r", "fitted")]
