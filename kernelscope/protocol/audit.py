"""What an audit learns: a kernel as it looks from inside, before, while and after it was watched."""

from __future__ import annotations

from msgspec import Struct

from kernelscope.domain.facts import Cost, SwitchedOff

Report = dict[str, tuple[str, ...]]
"""By what was looked at: what there was of it, as texts that are safe to display."""


class ProbeThere(Struct, frozen=True):
    """The probe that was in the kernel at that moment."""

    version: str
    watchers: int
    cost: Cost
    switched_off: tuple[SwitchedOff, ...] = ()


class Look(Struct, frozen=True):
    """One look from inside."""

    report: Report
    probe: ProbeThere | None = None


class Activity(Struct, frozen=True):
    """``last_activity`` as the kernel's server tells it, in seconds since the epoch."""

    begin: float
    end: float


class Audit(Struct, frozen=True):
    """A kernel at three moments, and what passed between the second and the third."""

    kernel: str
    """Its notebook or connection file."""
    before: Look
    during: Look
    after: Look
    cost: Cost
    """Of the probe, as it left."""
    seconds: float
    """For which it was watched."""
    requests: int
    """That the audit made."""
    runs: tuple[int, ...] = ()
    """Execution counts of cells that others ran meanwhile."""
    lost: int = 0
    """Observations that were sent and never arrived."""
    activity: Activity | None = None
    """While it was only listened to; ``None`` where no server of this machine owns the kernel."""
