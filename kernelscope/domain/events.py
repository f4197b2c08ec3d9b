"""Events: what live kernels, recordings and tests report, in one vocabulary."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from kernelscope.domain.changes import Judgement
from kernelscope.domain.facts import Cost, KernelFacts, Movement, Observation, Snapshot

KernelState = Literal["idle", "busy", "restarted", "died", "unreachable", "back"]

SHUT_DOWN = "it was asked to shut down"
"""The detail of a death that was requested."""


class Waiting(Struct, frozen=True, tag="waiting"):
    """Not attached yet, and why."""

    reason: str


class Attached(Struct, frozen=True, tag="attached"):
    """From here on every run is reported.

    ``history`` is what an earlier watcher's probe had already seen since ``base``, oldest first;
    empty for the first watcher.
    """

    epoch: int
    kernel: KernelFacts
    base: Snapshot
    history: tuple[Observation, ...] = ()
    cost: Cost | None = None
    """What the probe had cost by then: the looks for earlier watchers, and that of the attach."""


class Observed(Struct, frozen=True, tag="observed"):
    """One observation of the probe."""

    epoch: int
    observation: Observation


class KernelChanged(Struct, frozen=True, tag="kernel"):
    """The kernel changed its state, as its clients can see it; the epoch is the one it was in."""

    epoch: int
    state: KernelState
    detail: str = ""
    """Why, if that is known."""
    requested: bool = False
    """Of a death: somebody asked the kernel to shut down, so no cell was cut off by it."""


class Progress(Struct, frozen=True, tag="progress"):
    """The running cell is still at work; says which models are seen to change, and gives no verdict."""

    epoch: int
    execution_count: int
    """Of the cell that runs."""
    seconds: float
    """How long it has been running."""
    moved: tuple[Movement, ...] = ()
    """What changed since the progress before."""


class Lost(Struct, frozen=True, tag="lost"):
    """Observations that were sent and never arrived."""

    epoch: int
    count: int


class Detached(Struct, frozen=True, tag="detached"):
    """The end: nothing follows."""

    reason: str


Event = Waiting | Attached | Observed | Progress | KernelChanged | Lost | Detached


class ReplayedEvent(Struct, frozen=True):
    """An event of a recording with its judgements, which are kept."""

    event: Event
    judgements: tuple[Judgement, ...] = ()
    """One for each look: an attach has its own and those of its history, an observation has one."""


def is_transient(event: Event) -> bool:
    """Whether an event only says that a cell has begun or ended, which no recording needs."""
    return isinstance(event, KernelChanged) and event.state in ("busy", "idle")


def count_looks(event: Event) -> int:
    """Count the looks in an event; each look is judged on its own."""
    match event:
        case Attached(history=history):
            return 1 + len(history)
        case Observed():
            return 1
    return 0
