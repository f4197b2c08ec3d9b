"""The app that asks which kernel to attach to."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from kernelscope.kernel.entry import KernelEntry
from kernelscope.tui.base_app import BaseApp
from kernelscope.tui.screens.picker import PickerScreen

Find = Callable[[], Awaitable[Sequence[KernelEntry]]]
"""Looks for kernels; asked again and again while the picker is open."""


class PickerApp(BaseApp[KernelEntry | Path | str | None]):
    """``run()`` gives back the chosen entry, a recording, ``"demo"``, or ``None`` where the reader left.

    Args:
        find: looks for kernels.
        looked_in: the places that ``find`` looks in, shown when it finds none.
        every: seconds between two looks.
        now: the wall clock, for telling how long ago a kernel was used.
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
        """Begin."""
        self.push_screen(PickerScreen(self._find, self._looked_in, self._every, self._now), self.exit)
