"""How a kernel is attached to; commands make these options and the kernel package takes them."""

from __future__ import annotations

from msgspec import Struct


class AttachOptions(Struct, frozen=True, kw_only=True):
    """The options of one attachment; the defaults are those of the command line."""

    keep: float = 0.0
    """Seconds for which the probe stays in the kernel after the last watcher has left."""
    poll: float | None = None
    """Seconds between looks while no cell runs; ``None``: the probe looks after each run only."""
    limit: float | None = None
    """Seconds that a request may wait for a busy kernel; ``None``: as long as the kernel is busy."""
    insecure: bool = False
    """Accept a connection file without a key for a kernel on another machine as well."""
    insecure_file: bool = False
    """Accept a connection file that other users can read or change."""
    visits: bool = False
    """Attach, report what is known and leave; another watcher's lease is neither prolonged nor cut short."""
