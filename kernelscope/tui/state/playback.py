"""How the moments of a timeline come to be shown: all there are, up to one, or one after the other."""

from __future__ import annotations

from collections.abc import Sequence

from kernelscope.domain.changes import Moment

SPEEDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0, 256.0)
"""Times as fast as it happened."""
SHORTEST_S, LONGEST_S = 0.04, 3.0
"""Seconds between two moments at the speed at which it happened: the reader does not wait through a night, and what
came in one instant is seen one by one.  Clocks that were set back count as no time."""


class Playback:
    """Where the playing is.

    Args:
        moments: of the whole timeline; it may get longer.
        at_rest: a recording, which plays from its start where it is asked to play at its end.
    """

    def __init__(self, moments: Sequence[Moment], *, at_rest: bool = False) -> None:
        self._moments = moments
        self.at_rest = at_rest
        self.shown: int | None = None
        """How many moments are shown; ``None``: all there are, and those to come."""
        self.playing = False
        self.speed = 1.0
        self._due = 0.0
        """Seconds, at the chosen speed, until the next moment."""

    @property
    def paused(self) -> bool:
        """Nothing more is shown by itself."""
        return self.shown is not None and not self.playing

    @property
    def count(self) -> int:
        """How many moments are shown."""
        return len(self._moments) if self.shown is None else self.shown

    def toggle(self) -> None:
        """Pause, or go on: from the start where all was shown of what is at rest, to the end where it lives."""
        if self.playing or (self.shown is None and not self.at_rest):
            self.playing, self.shown = False, self.count
        elif not self.at_rest:
            self.end()
        else:
            self.play()

    def play(self) -> None:
        """From here, or from the start where all is shown."""
        if self.shown is None or self.shown >= len(self._moments):
            self.shown = min(1, len(self._moments))
        self.playing, self._due = True, self._gap()

    def end(self) -> None:
        """To the newest moment, and stay with it."""
        self.playing, self.shown = False, None

    def step(self, by: int) -> None:
        """So many moments on, or back where it is negative; pauses."""
        self.show(self.count + by)

    def show(self, count: int) -> None:
        """So many, at least one and at most all; pauses."""
        self.playing = False
        self.shown = max(1, min(count, len(self._moments))) if self._moments else None

    def seek(self, execution_count: int, epoch: int | None = None) -> bool:
        """To the run of that count, in the latest epoch that has one; says whether there is one."""
        for moment in reversed(self._moments):
            here = moment.kind == "run" and moment.execution_count == execution_count
            if here and epoch in (None, moment.epoch):
                self.show(moment.index + 1)
                return True
        return False

    def faster(self, by: int) -> None:
        """The next of the speeds, or the one before where ``by`` is negative."""
        others = [speed for speed in SPEEDS if (speed > self.speed if by > 0 else speed < self.speed)]
        if others:
            self.speed = min(others) if by > 0 else max(others)

    def advance(self, seconds: float) -> bool:
        """Time has passed; says whether another moment is shown."""
        if not self.playing or self.shown is None:
            return False
        self._due -= seconds * self.speed
        before = self.shown
        while self._due <= 0 and self.shown < len(self._moments):
            self.shown += 1
            self._due += self._gap()
        if self.shown >= len(self._moments):
            self.end()
        return self.shown != before

    def _gap(self) -> float:
        """Between the last moment that is shown and the one after it."""
        if self.shown is None or self.shown >= len(self._moments):
            return 0.0
        last, coming = self._moments[self.shown - 1], self._moments[self.shown]
        if last.run is None or coming.run is None:
            return LONGEST_S / 4
        since = coming.run.facts.started + coming.run.facts.seconds
        return max(SHORTEST_S, min(since - last.run.facts.started - last.run.facts.seconds, LONGEST_S))
