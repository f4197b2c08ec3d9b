"""Gives every test its tier, a time limit and a private cache folder; has fixtures for kernels' interpreters."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import cache as cached
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.pythons import VARIABLE
from tests.support.tiers import TIERS, UnitGuard, mark_tier, place_tier, tiers_of

# A loaded machine is no failure: no deadline, no check of how fast examples are generated.
_NO_TIME_LIMITS = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
_SAME_EXAMPLES = settings(_NO_TIME_LIMITS, derandomize=True)
settings.register_profile("default", _SAME_EXAMPLES, max_examples=25)  # keeps the unit tier fast
settings.register_profile("ci", _SAME_EXAMPLES, max_examples=200)
settings.register_profile("search", _NO_TIME_LIMITS, max_examples=1_000)  # other examples each time
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# A shell without job control has a background job ignore Ctrl-C, and so would all that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_GUARD = UnitGuard()


@cached
def _interpreters() -> dict[str, str]:
    """Return the interpreters by version, such as ``3.12``."""
    by_version = {}
    for path in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
        code = "import sys, ipykernel, sklearn; print('%d.%d' % sys.version_info[:2])"
        version = subprocess.run(
            [path, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        by_version[version] = path
    return by_version


def interpreter(version: str) -> str:
    """Return the path of this version's interpreter; skip the test if there is none."""
    if version == "own":
        return sys.executable
    path = _interpreters().get(version)
    if path is None:
        pytest.skip(f"no Python {version} with ipykernel is named in {VARIABLE}")
    return path


@pytest.fixture(params=["own", "3.9", "3.10", "3.12", "3.13"])
def python(request: pytest.FixtureRequest) -> str:
    """Each available interpreter for kernels."""
    return interpreter(request.param)


@pytest.fixture(params=["3.12", "3.13"])
def call_seeing_python(request: pytest.FixtureRequest) -> str:
    """Each available interpreter in which the probe sees calls."""
    return interpreter(request.param)


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The cache folder for the session, instead of the user's own."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


def pytest_configure(config: pytest.Config) -> None:
    """Register the tiers as marks."""
    for tier, description in TIERS.items():
        config.addinivalue_line("markers", f"{tier}: {description}")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import no file of another tier for ``-m unit``, which would take most of its time."""
    if config.option.markexpr == "unit" and collection_path.suffix == ".py":
        return place_tier(collection_path) != "unit" or None
    return None


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its tier; run the longest tests first."""
    for item in items:
        mark_tier(item)
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    """Exclude imported objects from later calls of ``gc.collect()``: many tests call it, at 0.1 s each."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Set up the fixtures of a unit test under the guard."""
    return (yield from _guarded(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Run a unit test under the guard."""
    return (yield from _guarded(item))


def _guarded(item: pytest.Item) -> Iterator[None]:
    if tiers_of(item) != ["unit"]:
        return (yield)
    with _GUARD.active():
        outcome = yield
    if _GUARD.refused:
        pytest.fail(f"a unit test must not do this: {', '.join(_GUARD.refused)}", pytrace=False)
    return outcome


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the tables that tests have recorded."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, table in getattr(report, "user_properties", ()):
                if name == "table" and getattr(report, "when", "") == "call":
                    terminalreporter.section(report.nodeid)
                    terminalreporter.write_line(str(table))
