"""``python -m tests.golden``: play every notebook and write the golden files again.

Kernels run in this interpreter and in those that ``KERNELSCOPE_TEST_PYTHONS`` names; notebooks whose packages
no interpreter of a version has are not changed, and are named.
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
from tests.golden.notebooks import Case, cases, python_for
from tests.golden.playing import PLAYS, play
from tests.golden.rendering import Line
from tests.support import pythons


def main() -> int:
    """Play and write; returns exit status 1 if a notebook could not be played, or two Pythons do not agree."""
    arguments = _arguments()
    started = time.monotonic()
    offered = pythons.ALL if arguments.python is None else [arguments.python]
    playable, results, wrong = [], {}, []
    for case in sorted(cases(arguments.only), key=_by_kernel):
        if (python := python_for(case, offered)) is not None:
            playable.append((case, python))
        elif arguments.python is None:
            _say(f"no Python {case.version} has what {case.notebook.name} needs")
    # Each process forks its kernels from parents of its own, which must not be shared.
    with ProcessPoolExecutor(arguments.jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        answers = pool.map(
            _play, *zip(*playable, strict=True), [arguments.record] * len(playable), chunksize=4
        )
        for (case, _), answer in zip(playable, answers, strict=True):
            if isinstance(answer, str):
                wrong.append(f"{case.notebook.name} in Python {case.version}: {answer}")
            else:
                results[case.version, case.notebook.name] = answer
    for kind in KINDS:
        wrong += write(kind, {key: lines[kind] for key, lines in results.items()})
    _say(*wrong, f"{len(results)} notebooks were played in {time.monotonic() - started:.0f} s")
    return int(bool(wrong))


def _play(case: Case, python: str, recordings: Path | None) -> dict[str, list[Line]] | str:
    """Play a notebook; returns the lines of each kind, or why there are none."""
    recording = None
    if recordings is not None:
        recording = recordings / f"py{case.version}" / f"{case.notebook.name.replace(':', '.')}.kscope"
        recording.parent.mkdir(parents=True, exist_ok=True)
    try:
        for _ in range(PLAYS):
            played = play(case.notebook, python, recording)
            if not played.is_starved:
                return render(case.notebook, played)
    except (AssertionError, OSError, RuntimeError, TimeoutError) as error:
        return f"{type(error).__name__}: {error}"
    return f"the machine is too busy: in each of {PLAYS} plays the probe had too little time to look"


def _by_kernel(case: Case) -> tuple[str, Sequence[str], str]:
    """Sort notebooks whose kernels have one parent next to each other."""
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
