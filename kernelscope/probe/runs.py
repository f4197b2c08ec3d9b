"""The runs under way: which they are, which one an event belongs to, and what is sent of each."""

from __future__ import annotations

import hashlib
import sys
from os import getpid
from threading import get_ident
from time import perf_counter, time
from typing import TYPE_CHECKING, Any, Callable

from .comm import BackgroundParent
from .types import mro_of

if TYPE_CHECKING:
    from . import wire

CODE_CHARACTERS = 65_536


class Run:
    """A run that has begun and whose end has not been reported."""

    __slots__ = (
        "began",
        "company",
        "count",
        "cut",
        "has_look_before",
        "hook_seconds",
        "info",
        "is_reported",
        "parent",
        "result",
        "started",
        "thread",
    )

    def __init__(self, info: Any, parent: Any, count: int, company: bool) -> None:
        self.info, self.parent, self.count, self.company = info, parent, count, company
        self.thread = get_ident()
        self.has_look_before = False
        """What there was before it began is known."""
        self.cut: list[str] = []
        """Why the look before it was not finished."""
        self.hook_seconds = 0.0
        """What the hook before it took."""
        self.result: Any = None
        self.is_reported = False
        self.begin()

    def begin(self) -> None:
        """Take the time: its code runs from here on."""
        self.began = perf_counter()
        now = time()  # a label; if the user has put a clock in its place it may say anything
        # fault: 87a
        self.started = now if type(now) is float and now - now == 0.0 else 0.0

    @property
    def request(self) -> object:
        """Identifies the request that asked for it; a cell within a cell has the same."""
        return message_id(self.parent)

    @property
    def source(self) -> str:
        """The cell as the user wrote it."""
        raw = self.info.raw_cell
        return raw if type(raw) is str else ""

    def latest_count(self) -> int:
        """The execution count, as its result has it."""
        count = self.result.execution_count if self.result is not None else None
        # fault: 101a
        return count if type(count) is int else self.count

    def describe(self, ended: float, python: str = "") -> wire.RunFacts:
        """What is sent of it.

        Args:
            ended: when its code ended, by ``perf_counter``.
            python: the source as IPython has transformed it; empty: that is not known.
        """
        info, raw = self.info, self.source
        header = (self.parent or {}).get("header", {})
        # fault: 77a
        code = raw[:CODE_CHARACTERS]
        return {
            "execution_count": self.latest_count(),
            "code": code,
            "code_cut": len(raw) > CODE_CHARACTERS,
            "transformed": python[:CODE_CHARACTERS] if python.rstrip() != raw.rstrip() else "",
            "code_hash": hashlib.blake2b(raw.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest(),
            "status": _status_of(self.result),
            "started": self.started,
            "seconds": ended - self.began,
            "cell_id": info.cell_id if type(getattr(info, "cell_id", None)) is str else None,
            "client": header.get("session"),
        }


class RunTracker:
    """Knows which runs are under way; more than one if ipykernel's subshells run cells beside one another.

    Args:
        background: gets the request of each run that begins or ends.
        poller_thread: returns the id of the probe's own thread, which is no company of a cell.
    """

    def __init__(
        self, ip: Any, background: BackgroundParent, poller_thread: Callable[[], int | None]
    ) -> None:
        self._ip, self._background, self._poller_thread = ip, background, poller_thread
        self.pid = getpid()
        self.active: list[Run] = []
        self.unreported: list[Run] = []
        """Those that have ended and are being reported."""
        self._threads_at_install: frozenset[int] = frozenset()
        """The kernel's own."""

    def start(self) -> None:
        """Take the threads that are there for the kernel's own."""
        self._threads_at_install = frozenset(sys._current_frames())

    def current_parent(self) -> Any:
        """The request of the cell that this thread runs."""
        return self._ip.parent_header

    def begin(self, info: Any, parent: Any) -> Run:
        """Add a run whose code is about to begin."""
        self._background.message = parent
        run = Run(info, parent, self._next_count(), self.has_company())
        self.active.append(run)
        return run

    def end(self, result: Any) -> Run | None:
        """Find the run that this is the end of; ``None`` for a cell within a cell, and in a forked child."""
        # fault: 46a
        if getpid() != self.pid:
            return None
        run = self._find_ended(result)
        if run is not None:
            self._background.message = run.parent
        return run

    def _find_ended(self, result: Any) -> Run | None:
        here = get_ident()
        for run in self.active:
            if run.info is result.info if result is not None else run.thread == here:
                self._move_to_unreported(run, result)
                return run
        parent = self.current_parent()
        if result is None or type(result.execution_count) is not int or not result.info.store_history:
            return None
        if self.is_nested(parent):
            return None
        run = Run(result.info, parent, result.execution_count, company=True)  # the hook before it failed
        run.result = result
        self.unreported.append(run)
        return run

    def end_lost(self, parent: Any) -> None:
        """End the runs of this thread whose end was not noticed: the thread begins another one.

        An interrupt can fall between two of IPython's own steps, so that it calls no hook.
        """
        here, request = get_ident(), message_id(parent)
        for run in [r for r in self.active if r.thread == here and r.request != request]:
            last = self._ip.last_execution_result
            self._move_to_unreported(run, last if last is not None and last.info is run.info else None)

    def _move_to_unreported(self, run: Run, result: Any) -> None:
        run.result = result
        self.unreported.append(run)  # until it is reported: a failure may fall in between
        self.active.remove(run)

    def find_ended_runs(self) -> list[Run]:
        """The runs of this thread that have ended; the caller removes each one from ``unreported`` when it has reported it."""
        here = get_ident()
        return [run for run in self.unreported if run.thread == here]

    def is_nested(self, parent: Any) -> bool:
        """Whether a cell that runs already has asked for this one, by ``run_cell``."""
        request = message_id(parent)
        return any(run.request == request for run in self.active)

    def has_unfinished(self) -> bool:
        """Whether a run is under way, including by what IPython says of one whose end reached no hook."""
        last = self._ip.last_execution_result
        ended = last.info if last is not None else None
        return any(run.info is not ended for run in self.active)

    def has_company(self) -> bool:
        """Whether another run is under way, or a thread alive that was not there at the install."""
        if self.active:
            return True
        poller = self._poller_thread()
        return not self._threads_at_install.issuperset(t for t in sys._current_frames() if t != poller)

    def latest_execution_count(self) -> int:
        """The execution count of the latest run that has ended."""
        count: int = min(run.count for run in self.active) if self.active else self._ip.execution_count
        return count - 1

    def source_of(self, run: Run, count: int) -> str:
        """The cell as Python, with IPython's magics transformed."""
        parsed = self._ip.history_manager.input_hist_parsed
        source = parsed[count] if 0 < count < len(parsed) else run.info.raw_cell
        return source if type(source) is str else ""

    def _next_count(self) -> int:
        """The execution count of a run that begins: IPython 9.16 has advanced its own by then."""
        count: int = self._ip.execution_count
        stored = len(self._ip.history_manager.input_hist_parsed)
        return count - 1 if count - 1 == stored else count


def message_id(message: Any) -> object:
    """The id of a Jupyter message; ``None`` if it has none."""
    header = message.get("header") if type(message) is dict else None
    return header.get("msg_id") if type(header) is dict else None


def _status_of(result: Any) -> str:
    if result is None:
        return "interrupted"
    error = result.error_before_exec if result.error_before_exec is not None else result.error_in_exec
    if error is None:
        return "ok"
    is_interrupt = any(base is KeyboardInterrupt for base in mro_of(type(error)))
    return "interrupted" if is_interrupt else "error"
