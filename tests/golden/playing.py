"""Plays one notebook in a real kernel, watched by ``watch --json``."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.golden.notebooks import Notebook
from tests.support.kernels import KernelProcess
from tests.support.scenarios import Record, WatchProcess
from tests.support.zygote import Nursery

STARVED_S = 0.2
"""The least that a hook of the probe takes where it gave up reading code because the machine was too busy."""
PLAYS = 5
"""How often a notebook is played, at most, where the probe was starved."""

_HASHES = {"PYTHONHASHSEED": "0"}
"""In kernels, sets of strings have one order: CatBoost's parameters come in that of a set."""

_SEED = """(lambda modules: (
    __import__('random').seed(0),
    'numpy.random' in modules and modules['numpy.random'].seed(0),
    'torch' in modules and modules['torch'].manual_seed(0),
))(__import__('sys').modules)"""
"""Models without a seed draw the same numbers in each play; it imports nothing and binds no name."""


class Played(NamedTuple):
    """What was written about one notebook."""

    records: list[Record]
    folder: str
    """The kernel's: it stands in paths."""

    @property
    def is_starved(self) -> bool:
        """Whether the machine may have been too busy for the probe to see all that there is."""
        return any(r["hook_seconds"] >= STARVED_S for r in self.records if r["type"] == "execution")


def play(notebook: Notebook, python: str, recording: Path | None = None) -> Played:
    """Run each cell once the records of the one before are there.

    Args:
        notebook: what to play.
        python: the kernel's interpreter.
        recording: a file that the events are written to, in place of one that is there.

    Raises:
        AssertionError: kernelscope printed a traceback.
    """
    if recording is not None:
        recording.unlink(missing_ok=True)
    options = () if recording is None else ("--record", str(recording))
    parent = None if notebook.imported is None else _parent(python, notebook.imported)
    with (
        tempfile.TemporaryDirectory(prefix="golden-") as folder,
        KernelProcess(Path(folder), python, env=_HASHES, nursery=parent) as kernel,
    ):
        _seed(kernel)
        for code in notebook.before:
            kernel.run(code)
        watching = WatchProcess(kernel.connection_file, *options)
        try:
            _run(notebook, kernel, watching)
        except BaseException as error:
            error.add_note(f"standard error of kernelscope: {watching.stop()}")
            raise
        errors = watching.stop()
    assert "Traceback" not in errors, errors
    return Played(watching.records, folder)


@cache
def _parent(python: str, modules: tuple[str, ...]) -> Nursery:
    """Forks kernels whose hashes are those of ``_HASHES``."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _HASHES.items():
            patch.setenv(name, value)
        return Nursery(python, modules)


def _run(notebook: Notebook, kernel: KernelProcess, watching: WatchProcess) -> None:
    epoch = 1
    watching.wait_attached(epoch)
    for cell in notebook.cells:
        if cell.code is None:
            kernel.restart()
            _seed(kernel)
            epoch += 1
            watching.wait_attached(epoch)
        else:
            reply = kernel.wait(kernel.queue(cell.code, cell_id=cell.cell_id))
            watching.wait_run(epoch, reply["execution_count"])


def _seed(kernel: KernelProcess) -> None:
    kernel.wait(kernel.queue(_SEED, silent=True, store_history=False))
