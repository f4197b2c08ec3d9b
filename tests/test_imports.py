"""Tests what each part of the program imports, in an interpreter that has imported nothing else."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ["textual", "rich", "sklearn", "numpy", "zmq", "jupyter_client", "IPython", "ipykernel"]
"""Top-level packages that a command imports only if it uses them."""


def modules_after_import(*modules: str) -> set[str]:
    """Return every module that is loaded after importing these."""
    code = (
        f"import sys, json; {'; '.join(f'import {m}' for m in modules)}; print(json.dumps(list(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(json.loads(done.stdout))


def only_from(modules: set[str], *packages: str) -> list[str]:
    return sorted(m for m in modules if any(m == p or m.startswith(p + ".") for p in packages))


@pytest.fixture(scope="module")
def cli() -> set[str]:
    return modules_after_import("kernelscope.cli")


@pytest.mark.parametrize("package", [*HEAVY, "jinja2"])
def test_given_a_clean_interpreter_when_the_command_line_is_imported_then_nothing_heavy_is(
    cli: set[str], package: str
) -> None:
    assert only_from(cli, package) == []


def test_given_a_clean_interpreter_when_the_command_line_is_imported_then_no_screen_and_no_probe(
    cli: set[str],
) -> None:
    assert only_from(cli, "kernelscope.tui", "kernelscope.probe", "kernelscope.kernel") == []


def test_given_a_clean_interpreter_when_the_command_line_is_imported_then_nothing_that_help_does_without(
    cli: set[str],
) -> None:
    """Half of the time of `--help` would go into these."""
    judging = ("domain", "libraries", "verdicts", "timeline", "presentation", "protocol", "session")
    assert only_from(cli, *(f"kernelscope.{package}" for package in judging)) == []
    assert only_from(cli, "msgspec", "asyncio", "importlib.metadata", "sqlite3") == []


@pytest.mark.parametrize("module", ["timeline.timeline", "protocol.records", "protocol.wire"])
def test_given_a_clean_interpreter_when_the_pure_parts_are_imported_then_they_stay_pure(module: str) -> None:
    modules = modules_after_import(f"kernelscope.{module}")

    assert (
        only_from(modules, "kernelscope.cli", "kernelscope.tui", "kernelscope.kernel", "kernelscope.storage")
        == []
    )
    assert only_from(modules, "asyncio", "sqlite3", "threading.local", "subprocess", "click", *HEAVY) == []


def test_given_a_clean_interpreter_when_the_timeline_is_imported_then_no_layer_above_it() -> None:
    assert (
        only_from(
            modules_after_import("kernelscope.timeline.timeline"), "kernelscope.protocol", "kernelscope.text"
        )
        == []
    )


@pytest.mark.parametrize(
    "module", ["session", "export.lines", "export.csv_table", "export.markdown", "export.page"]
)
def test_given_a_clean_interpreter_when_the_screenless_parts_are_imported_then_no_screen_and_no_transport(
    module: str,
) -> None:
    modules = modules_after_import(f"kernelscope.{module}")

    assert only_from(modules, "kernelscope.tui", "kernelscope.kernel", "kernelscope.probe", *HEAVY) == []


def test_given_the_import_contracts_when_linted_then_all_are_kept() -> None:
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent)) or shutil.which(
        "lint-imports"
    )
    if command is None:
        pytest.skip("import-linter is not installed")

    done = subprocess.run([command, "--no-cache"], capture_output=True, text=True, cwd=ROOT, check=False)

    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout
