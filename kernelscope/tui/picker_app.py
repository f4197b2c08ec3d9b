"""The app that asks which kernel to attach to."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from kernelscope.kernel.entry import KernelEntry
from kernelscope.tui.base_app import BaseApp
from kernelscope.tui.screens.picker import PickerScreen

Find = Callable[[], Awaitable[Sequence[KernelEntry]]]
"""Finds kernels; called repeatedly while the picker is open."""


class PickerApp(BaseApp[KernelEntry | Path | str | None]):
    """``run()`` returns the chosen kernel, a recording, ``"demo"``, or ``None`` if the reader quit.

    Args:
        find: finds kernels.
        looked_in: the places that ``find`` searches, shown if it finds no kernel.
        every: seconds between two searches.
        now: the wall clock, to show how long ago a kernel was used.
    """

    def __init__(
        self,
        find: Find,
        *,
        looked_in: Sequence[str] = (),
        every: float = 2.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        self._find = find
        self._looked_in = tuple(looked_in)
        self._every = every
        self._now = now

    def on_mount(self) -> None:
        """Show the picker and return its answer."""
        self.push_screen(PickerScreen(self._find, self._looked_in, self._every, self._now), self.exit)
