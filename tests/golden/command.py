"""``python -m tests.golden``: play every notebook and write the golden files again.

Kernels run in this interpreter and in those that ``KERNELSCOPE_TEST_PYTHONS`` names; notebooks whose packages
no interpreter of a version has are left as they are, and named.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.golden.files import KINDS, render, write
from tests.golden.notebooks import Case, cases
from tests.golden.playing import PLAYS, play
from tests.golden.rendering import Line


def main() -> int:
    """Returns the exit status: 1 where a notebook could not be played, or two Pythons do not agree."""
    asked = _arguments()
    started = time.monotonic()
    found = sorted(cases(asked.only, asked.python), key=_by_kernel)
    todo = [case for case in found if case.python is not None]
    _say(*(f"no Python {c.version} has what {c.notebook.name} needs" for c in found if c.python is None))
    results: dict[tuple[str, str], dict[str, list[Line]]] = {}
    failed = 0
    # Each process forks its kernels from parents of its own, which must not be shared.
    with ProcessPoolExecutor(asked.jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        for case, lines in zip(
            todo, pool.map(_played, todo, [asked.record] * len(todo), chunksize=4), strict=True
        ):
            if isinstance(lines, str):
                failed += 1
                _say(f"{case.notebook.name} in Python {case.version}: {lines}")
            else:
                results[case.version, case.notebook.name] = lines
    wrong = [line for kind in KINDS for line in write(kind, {k: lines[kind] for k, lines in results.items()})]
    _say(*wrong, f"{len(results)} notebooks played in {time.monotonic() - started:.0f} s, {failed} failed")
    return int(failed > 0 or bool(wrong))


def _played(case: Case, recordings: Path | None) -> dict[str, list[Line]] | str:
    """The lines of each kind, or why there are none."""
    recording = None
    if recordings is not None:
        recording = recordings / f"py{case.version}" / f"{case.notebook.name.replace(':', '.')}.kscope"
        recording.parent.mkdir(parents=True, exist_ok=True)
    try:
        assert case.python is not None
        earlier = None
        for _ in range(PLAYS):
            played = play(case.notebook, case.python, recording)
            lines = render(case.notebook, played)
            if not played.is_starved or lines == earlier:
                return lines
            earlier = lines
    except (AssertionError, OSError, RuntimeError, TimeoutError) as error:
        return f"{type(error).__name__}: {error}"
    return "the machine is too busy: the probe had too little time to look"


def _by_kernel(case: Case) -> tuple[str, Sequence[str], str]:
    """Notebooks that are forked from one parent come after another."""
    return case.version, case.notebook.imported or (), case.notebook.name


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.golden", description=(__doc__ or "").partition(":")[2]
    )
    parser.add_argument(
        "--only", default="*", metavar="PATTERN", help="of notebooks, such as 'torch*' or files:bundles"
    )
    parser.add_argument("--python", metavar="PATH", help="play in this interpreter alone")
    parser.add_argument("--jobs", type=int, default=2, help="how many notebooks are played at once (2)")
    parser.add_argument("--record", type=Path, metavar="FOLDER", help="write a recording of each play there")
    return parser.parse_args()


def _say(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")
