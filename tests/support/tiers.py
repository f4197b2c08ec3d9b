"""The tier of every test: what it needs, how long it may take, and a guard for unit tests.

A test is a ``unit`` test unless ``PLACES`` names its file or a folder above it, or it carries the mark of another
tier; the mark wins over the table.  Unit tests run under a guard: one that starts a process, opens a network
socket or runs the screen fails, and so cannot be left in the wrong tier.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

TIERS = {
    "unit": "needs no process, no network and no screen; all of them take less than 20 s",
    "screen": "runs the screen by Textual's pilot, in this process",
    "kernel": "starts real kernels, or other processes",
    "frameworks": "watches a model of a heavy framework; skips if it is not installed",
    "browser": "opens an exported page in a Chromium; skips if there is none",
    "proof": "takes long: shows by many repetitions that something always holds",
}

SECONDS = {"unit": 60, "screen": 180, "kernel": 600, "frameworks": 900, "browser": 300, "proof": 1200}
"""Time limits after which a test counts as hanging, generous enough for a loaded machine."""

PLACES = {
    "tests/estimators": "kernel",
    "tests/export/test_page_in_browser.py": "browser",
    "tests/golden": "kernel",
    "tests/kernel": "kernel",
    "tests/kernel/test_cycles.py": "proof",
    "tests/kernel/test_attachment.py": "unit",
    "tests/kernel/test_connection_file.py": "unit",
    "tests/kernel/test_restarts.py": "proof",
    "tests/probe/test_calls.py": "kernel",
    "tests/probe/test_every_line.py": "proof",
    "tests/probe/test_hostile.py": "proof",
    "tests/probe/test_libraries.py": "frameworks",
    "tests/probe/test_living.py": "proof",
    "tests/probe/test_menagerie.py": "proof",
    "tests/proofs": "proof",
    "tests/protocol/test_contract.py": "kernel",
    "tests/storage/test_recordings.py": "proof",
    "tests/storage/test_survival.py": "proof",
    "tests/test_between.py": "kernel",
    "tests/test_forecasts.py": "kernel",
    "tests/test_imports.py": "kernel",
    "tests/test_packaging.py": "proof",
    "tests/test_readme.py": "kernel",
    "tests/test_scenarios.py": "kernel",
    "tests/test_screenshots.py": "screen",
    "tests/test_words.py": "kernel",
    "tests/timeline/test_properties.py": "proof",
    "tests/tui": "screen",
    "tests/tui/test_bytes.py": "kernel",
    "tests/tui/test_cells.py": "unit",
    "tests/tui/test_gate.py": "unit",
    "tests/tui/test_grid_model.py": "unit",
    "tests/tui/test_playback.py": "unit",
    "tests/tui/test_strangers.py": "proof",
    "tests/tui/test_terminal.py": "kernel",
}
"""Tier by file or folder, relative to the repository; the longest matching path decides."""

_REFUSED = frozenset(
    [
        *("subprocess.Popen", "os.system", "os.posix_spawn", "os.spawn", "os.exec"),
        *("os.fork", "os.forkpty", "pty.spawn", "socket.connect", "socket.bind"),
    ]
)
"""Audit events that a unit test must not cause."""
_REFUSED_CALLS = {
    "textual.app": ("App", ("run_test", "run_async")),
    "zmq.sugar.socket": ("Socket", ("connect", "bind")),  # they raise no audit event
}
"""Methods that a unit test must not call, by module and class."""


def place_tier(path: Path) -> str:
    """Return the tier of the file's unmarked tests."""
    for place in (path, *path.parents):
        if place.is_relative_to(ROOT) and (tier := PLACES.get(place.relative_to(ROOT).as_posix())):
            return tier
    return "unit"


def mark_tier(item: pytest.Item) -> str:
    """Mark a test with its tier, unless it is marked, and with the tier's time limit.

    Raises:
        pytest.UsageError: it carries the marks of two tiers.
    """
    marked = {mark.name for mark in item.iter_markers() if mark.name in TIERS}
    if len(marked) > 1:
        raise pytest.UsageError(f"{item.nodeid} is in more than one tier: {', '.join(sorted(marked))}")
    tier = marked.pop() if marked else place_tier(item.path)
    item.add_marker(tier)
    if item.get_closest_marker("timeout") is None:
        item.add_marker(pytest.mark.timeout(SECONDS[tier]))
    return tier


def tiers_of(item: pytest.Item) -> list[str]:
    """Return the tiers that a test is marked with."""
    return sorted({mark.name for mark in item.iter_markers() if mark.name in TIERS})


class UnitGuard:
    """Refuses what a unit test must not do, and remembers it in case the test swallows the error."""

    def __init__(self) -> None:
        self.refused: list[str] = []
        self._active = False
        sys.addaudithook(self._on_event)  # stays as long as the process, and is idle outside of unit tests

    @contextmanager
    def active(self) -> Iterator[None]:
        """Refuse these events and calls while the context lasts."""
        self.refused = []
        with pytest.MonkeyPatch.context() as patch:
            for module, (name, methods) in _REFUSED_CALLS.items():
                cls = getattr(sys.modules.get(module), name, None)
                for method in methods if cls is not None else ():
                    patch.setattr(cls, method, self._refusing(f"{name}.{method}"))
            self._active = True
            try:
                yield
            finally:
                self._active = False

    def _on_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._active and event in _REFUSED and not _is_local(event, arguments):
            self._refuse(event)

    def _refusing(self, what: str) -> Callable[..., None]:
        return lambda *_, **__: self._refuse(what)

    def _refuse(self, what: str) -> None:
        self.refused.append(what)
        raise RuntimeError(f"a unit test must not do this: {what} (see tests/support/tiers.py)")


def _is_local(event: str, arguments: tuple[Any, ...]) -> bool:
    """Whether the socket is a file, which tests create to have a file of that kind."""
    return event == "socket.bind" and arguments[0].family == socket.AF_UNIX
