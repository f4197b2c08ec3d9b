"""An entry in the list of kernels that can be attached to."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from msgspec import Struct

EntryState = Literal["idle", "busy", "live", "dead"]
"""``live``: it answers, but whether it is busy is unknown; ``dead``: a stale file."""


class KernelEntry(Struct, frozen=True):
    """One connection file, and what is known of its kernel without a request to it."""

    connection_file: Path
    kernel_id: str
    """The part of the file's name after ``kernel-``."""
    state: EntryState
    owner: str
    """``jupyter``, ``vs code``, ``console`` or ``other``: who started it."""
    notebook: str | None = None
    """Absolute path if it is known, else as the owner gives it."""
    kernel_name: str | None = None
    last_activity: float | None = None
    """Seconds since the epoch, as a server reports it; ``None`` without a server."""
    started: float | None = None
    """Seconds since the epoch: when the connection file was written."""
