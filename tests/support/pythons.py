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


def oldest_and_newest() -> list[str]:
    """Return the oldest and the newest of the others, or this one: enough for long tests.

    They have calls seen and not seen, both kinds of ipykernel, and old and new libraries."""
    others = sorted(ALL[1:], key=version)
    return list(dict.fromkeys([*others[:1], *others[-1:]])) or [sys.executable]


@cache
def version(python: str) -> tuple[int, ...]:
    """Return the major and minor version."""
    code = "import sys; print(*sys.version_info[:2])"
    output = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout
    return tuple(int(part) for part in output.split())


def environment_name(python: str) -> str:
    """Return the name of an interpreter's environment, for test ids."""
    return Path(python).parent.parent.name
