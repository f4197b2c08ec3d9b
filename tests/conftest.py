"""Interpreters that kernels are run in: the test's own, and those named in the environment."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache as cached
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.pythons import VARIABLE

settings.register_profile("ci", derandomize=True)  # what passes once passes again
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@cached
def _found() -> dict[str, str]:
    """Interpreter by version, such as ``3.12``."""
    told = {}
    for path in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
        ask = "import sys, ipykernel, sklearn; print('%d.%d' % sys.version_info[:2])"
        version = subprocess.run([path, "-c", ask], capture_output=True, text=True, check=True).stdout.strip()
        told[version] = path
    return told


def interpreter(version: str) -> str:
    """Its path; skips the test where there is none."""
    if version == "own":
        return sys.executable
    path = _found().get(version)
    if path is None:
        pytest.skip(f"no Python {version} with ipykernel is named in {VARIABLE}")
    return path


@pytest.fixture(params=["own", "3.9", "3.10", "3.12", "3.13"])
def python(request: pytest.FixtureRequest) -> str:
    """An interpreter for kernels: each that there is."""
    return interpreter(request.param)


@pytest.fixture(params=["3.12", "3.13"])
def seeing_python(request: pytest.FixtureRequest) -> str:
    """An interpreter in which calls can be seen."""
    return interpreter(request.param)


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the dashboard's file of what was copied last goes, in place of the user's own."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that take longest begin."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints the tables that tests have recorded."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, told in getattr(report, "user_properties", ()):
                if name == "table" and getattr(report, "when", "") == "call":
                    terminalreporter.section(report.nodeid)
                    terminalreporter.write_line(str(told))
