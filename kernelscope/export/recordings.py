"""What became of a recording, in one sentence."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from kernelscope.presentation.quantities import quantity

if TYPE_CHECKING:
    from kernelscope.storage.recorder import RecordingResult


def recording_summary(result: RecordingResult) -> str:
    """Whether the recording is complete, what it holds if it is not, and the command that opens it.

    The path is not safe to display: clean the sentence first.
    """
    opens = f"`kernelscope replay {shlex.quote(str(result.path))}` opens it"
    if not result.failure:
        return f"recorded: {opens}"
    if not result.is_there:
        return f"the recording ended early ({result.failure}): {_extent(result)} had been written"
    return f"the recording ended early ({result.failure}): it holds {_extent(result)}; {opens}"


def _extent(result: RecordingResult) -> str:
    """How many runs it holds, and up to which."""
    if not result.runs:
        return "no runs"
    epoch = f" in epoch {result.last_epoch}" if result.last_epoch > 1 else ""
    return f"{quantity(result.runs, 'run')}, up to In [{result.last_count}]{epoch}"
