"""The interpreters that kernels run in: this one, and those that ``KERNELSCOPE_TEST_PYTHONS`` names."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

VARIABLE = "KERNELSCOPE_TEST_PYTHONS"
"""Environment variable: paths of interpreters with ipykernel, separated as in ``PATH``."""

ALL = [sys.executable, *filter(None, os.environ.get(VARIABLE, "").split(os.pathsep))]


def ends() -> list[str]:
    """The oldest and the newest of the others, else this one: for long tests, which calls that are seen and
    such as are not, both kinds of ipykernel, and libraries of different age, are enough for."""
    others = sorted(ALL[1:], key=version)
    return list(dict.fromkeys([*others[:1], *others[-1:]])) or [sys.executable]


@cache
def version(python: str) -> tuple[int, ...]:
    """Its version, as far as it tells languages apart."""
    code = "import sys; print(*sys.version_info[:2])"
    told = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout
    return tuple(int(part) for part in told.split())


def folder(python: str) -> str:
    """What an interpreter is called in a test's name: the folder of its environment."""
    return Path(python).parent.parent.name
