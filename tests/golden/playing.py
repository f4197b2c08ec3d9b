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
"""A hook of the probe that gave up reading code because the machine was too busy takes at least so long."""
PLAYS = 5
"""How often a notebook is played, at most, if the probe was starved."""

_HASHES = {"PYTHONHASHSEED": "0"}
"""Fixes the order of sets of strings in kernels: CatBoost's parameters come in that of a set."""

_SEED = """(lambda modules: (
    __import__('random').seed(0),
    'numpy.random' in modules and modules['numpy.random'].seed(0),
    'torch' in modules and modules['torch'].manual_seed(0),
))(__import__('sys').modules)"""
"""Gives models without a seed the same numbers in each play; it imports nothing and binds no name."""


class PlayResult(NamedTuple):
    """The records of one played notebook."""

    records: list[Record]
    folder: str
    """The kernel's folder, which occurs in paths."""

    @property
    def is_starved(self) -> bool:
        """Whether the machine may have been too busy for the probe to see everything."""
        return any(r["hook_seconds"] >= STARVED_S for r in self.records if r["type"] == "execution")


def play(notebook: Notebook, python: str, recording: Path | None = None) -> PlayResult:
    """Run each cell once the records of the one before have arrived.

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
        process = WatchProcess(kernel.connection_file, *options)
        try:
            _run(notebook, kernel, process)
        except BaseException as error:
            error.add_note(f"standard error of kernelscope: {process.stop()}")
            raise
        errors = process.stop()
    assert "Traceback" not in errors, errors
    return PlayResult(process.records, folder)


@cache
def _parent(python: str, modules: tuple[str, ...]) -> Nursery:
    """Return a parent that forks kernels with the hash seed of ``_HASHES``."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _HASHES.items():
            patch.setenv(name, value)
        return Nursery(python, modules)


def _run(notebook: Notebook, kernel: KernelProcess, process: WatchProcess) -> None:
    epoch = 1
    process.wait_attached(epoch)
    for cell in notebook.cells:
        if cell.code is None:
            kernel.restart()
            _seed(kernel)
            epoch += 1
            process.wait_attached(epoch)
        else:
            reply = kernel.wait(kernel.queue(cell.code, cell_id=cell.cell_id))
            process.wait_run(epoch, reply["execution_count"])


def _seed(kernel: KernelProcess) -> None:
    kernel.wait(kernel.queue(_SEED, silent=True, store_history=False))
