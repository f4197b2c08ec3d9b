"""Plays labelled notebooks end to end in every available Python, and compares verdicts with their labels."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kernelscope.libraries.registry import registry
from tests.support import pythons
from tests.support.scenarios import Scenario, labelled_notebooks, play
from tests.support.zygote import SKLEARN

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

SCENARIOS = labelled_notebooks()
FRAMEWORKS = {library.name for library in registry().libraries} - {"generic", "sklearn"} | {"tensorflow"}
"""Packages that the other interpreters may lack: their notebooks are played only in this one."""
HEAVY = {"sklearn": SKLEARN, "torch": ("torch",), "keras": ("keras",)}
"""Slow imports, by the package that a notebook needs."""


GOLDEN_VERSIONS = ("3.11", "3.12", "3.13")
"""Pythons in which ``tests/golden`` plays the notebooks that need no framework; it checks their labels, too."""


def cases() -> list[ParameterSet]:
    """Return every notebook in each of its interpreters, except those that ``tests/golden`` plays."""
    parameters = []
    others = [python for python in pythons.oldest_and_newest() if version_name(python) not in GOLDEN_VERSIONS]
    for name, scenario in SCENARIOS.items():
        heavy = FRAMEWORKS.intersection(scenario.get("needs", ()))
        for python in [sys.executable] if heavy else others:
            marks = [pytest.mark.frameworks] if heavy else []
            case = f"{name}-{pythons.environment_name(python)}"
            parameters.append(
                pytest.param(scenario, python, modules_to_import(name, scenario), id=case, marks=marks)
            )
    return parameters


def version_name(python: str) -> str:
    """Return the version of an interpreter, such as ``3.12``."""
    return ".".join(str(part) for part in pythons.version(python))


def modules_to_import(name: str, scenario: Scenario) -> tuple[str, ...] | None:
    """Return what the notebook's kernel imports before it starts; ``None`` starts a fresh kernel."""
    if scenario.get("fresh"):
        return None
    packages = HEAVY.keys() & scenario.get("needs", ()) or {"sklearn"}
    return tuple(module for package in sorted(packages) for module in HEAVY[package])


@pytest.mark.parametrize(("scenario", "python", "has"), cases())
def test_every_label_is_met(
    scenario: Scenario, python: str, has: tuple[str, ...] | None, tmp_path: Path
) -> None:
    missing = [name for name in scenario.get("needs", ()) if not has_module(python, name)]
    if missing:
        pytest.skip(f"not installed in the kernel: {', '.join(missing)}")
    assert play(scenario, tmp_path, python, has) == []


@cache
def has_module(python: str, name: str) -> bool:
    """Whether that interpreter could import it."""
    code = "import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)"
    return subprocess.run([python, "-c", code, name], check=False).returncode == 0
