"""The result of an audit: a kernel inspected from inside before, while and after it was watched."""

from __future__ import annotations

from msgspec import Struct

from kernelscope.domain.facts import Cost, SwitchedOff

Report = dict[str, tuple[str, ...]]
"""Each inspected kind of thing with what there was of it, as texts that are safe to display."""


class InstalledProbe(Struct, frozen=True):
    """The probe that was in the kernel at that moment."""

    version: str
    watchers: int
    cost: Cost
    switched_off: tuple[SwitchedOff, ...] = ()
    compared_after: dict[str, int] = {}
    """By name, the execution count of the run after which the content of its model was last compared."""
    latest: int = 0
    """Execution count of the latest run."""


class Inspection(Struct, frozen=True):
    """One inspection from inside."""

    report: Report
    probe: InstalledProbe | None = None


class Activity(Struct, frozen=True):
    """``last_activity`` as the kernel's server reports it, in seconds since the epoch."""

    begin: float
    end: float


class Audit(Struct, frozen=True):
    """A kernel at three moments, and what happened between the second and the third."""

    kernel: str
    """Its notebook or connection file."""
    before: Inspection
    during: Inspection
    after: Inspection
    cost: Cost
    """The probe's cost, shortly before it left."""
    seconds: float
    """The time for which it was watched."""
    requests: int
    """The number of requests that the audit made."""
    runs: tuple[int, ...] = ()
    """Execution counts of cells that others ran meanwhile."""
    lost: int = 0
    """The number of observations that were sent and never arrived."""
    activity: Activity | None = None
    """While nothing was sent to it; ``None`` if no server of this machine owns the kernel."""
