"""Puts bugs back, each in a copy of the repository, and reports whether the tests catch them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.faults import ROOT, Bug, catalogue

_COPIED = ("kernelscope", "tests", "screenshots", "pyproject.toml", "README.md")
_FAILED = 1
"""pytest's exit status if tests ran and failed; any other says nothing about the bug."""


def is_caught(bug: Bug) -> bool:
    """Whether the test fails with the bug."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in _COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(ROOT / name, copy / name)
        bug.apply(copy)
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", bug.test]
        env = {**os.environ, "PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(command, cwd=copy, env=env, capture_output=True, text=True, check=False)
    if done.returncode not in (0, _FAILED):
        sys.stderr.write(done.stdout[-3_000:])
    return done.returncode == _FAILED


def main(numbers: list[str]) -> int:
    """Print a line per bug; returns 1 if one was not caught."""
    missed = 0
    for case in catalogue():
        for bug in case.bug if not numbers or str(case.number) in numbers else ():
            caught = is_caught(bug)
            missed += not caught
            sys.stdout.write(f"{case.number:>3}  {'caught' if caught else 'MISSED'}  {bug.test}\n")
            sys.stdout.flush()
    return min(missed, 1)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
