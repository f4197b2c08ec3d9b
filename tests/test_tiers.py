"""Tests that every test has one tier, and that a unit test fails if it needs more than it may."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.tiers import PLACES, ROOT, SECONDS, TIERS, place_tier, tiers_of

NEEDS = {
    "a_process": "subprocess.run(['true'], check=True)",
    "a_fork": "os.waitpid(os.fork() or os._exit(0), 0)",
    "a_connection": "socket.create_connection(('127.0.0.1', 9))",
    "a_port": "socket.create_server(('127.0.0.1', 0)).close()",
    "a_kernel": "zmq.Context.instance().socket(zmq.DEALER).connect('tcp://127.0.0.1:9')",
    "the_screen": "asyncio.run(App().run_async())",
    "swallows_the_error": "with contextlib.suppress(Exception): subprocess.run(['true'])",
}
"""What a unit test must not do, by the name of a test that does it."""

SOURCE = """
import asyncio, contextlib, os, socket, subprocess, pytest, zmq
from textual.app import App

@pytest.fixture
def process():
    return subprocess.run(["true"], check=True)

def test_a_fixture_with_a_process(process): pass

def test_nothing(): pass

def test_a_file_that_is_a_socket(tmp_path):
    with socket.socket(socket.AF_UNIX) as listener: listener.bind(str(tmp_path / "socket"))

@pytest.mark.kernel
def test_a_process_in_its_tier(process): pass
"""


def test_every_file_of_the_table_exists() -> None:
    files = [place for place in PLACES if place.endswith(".py")]
    assert [file for file in files if not (ROOT / file).exists()] == []


def test_every_tier_of_the_table_is_known() -> None:
    assert set(PLACES.values()) <= set(TIERS)
    assert set(SECONDS) == set(TIERS)


def test_the_longest_matching_path_decides() -> None:
    assert place_tier(ROOT / "tests/kernel/test_live.py") == "kernel"
    assert place_tier(ROOT / "tests/kernel/test_connection_file.py") == "unit"
    assert place_tier(ROOT / "tests/protocol/test_wire.py") == "unit"


def test_every_test_has_one_tier_and_a_time_limit(request: pytest.FixtureRequest) -> None:
    for item in request.session.items:
        assert len(tiers_of(item)) == 1, item.nodeid
        assert item.get_closest_marker("timeout") is not None, item.nodeid


@pytest.mark.kernel
def test_a_unit_test_that_needs_more_fails(tmp_path: Path) -> None:
    tests = [f"def test_{name}():\n    {code}\n" for name, code in NEEDS.items()]
    path = tmp_path / "test_needs.py"
    path.write_text("\n".join([SOURCE, *tests]))
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -q -rA -p no:cacheprovider -p tests.conftest\n")

    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", str(tmp_path / "pytest.ini"), str(path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    by_test = {
        test: outcome
        for outcome, test in re.findall(r"^(PASSED|FAILED|ERROR) \S+::test_(\w+)", ended.stdout, re.MULTILINE)
    }
    assert by_test == {
        **dict.fromkeys(NEEDS, "FAILED"),
        "a_fixture_with_a_process": "ERROR",
        "nothing": "PASSED",
        "a_file_that_is_a_socket": "PASSED",
        "a_process_in_its_tier": "PASSED",
    }, ended.stdout
