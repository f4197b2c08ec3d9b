"""How much of a timeline is shown: everything, everything up to a moment, or a growing part as it plays."""

from __future__ import annotations

from collections.abc import Sequence

from kernelscope.domain.changes import Moment

SPEEDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0, 256.0)
"""Multiples of the original speed."""
SHORTEST_S, LONGEST_S = 0.04, 3.0
"""Seconds between two moments at the original speed: a night without runs is skipped, and moments of one instant are
shown one by one.  If the clock was set back, the shortest gap applies."""


class Playback:
    """The player's position in a timeline, and its speed.

    Args:
        moments: all moments of the timeline; a live one grows.
        at_rest: the timeline is a recording: at its end, playing starts from its beginning.
    """

    def __init__(self, moments: Sequence[Moment], *, at_rest: bool = False) -> None:
        self._moments = moments
        self.at_rest = at_rest
        self.limit: int | None = None
        """The number of moments to show; ``None``: all, including future ones."""
        self.playing = False
        self.speed = 1.0
        self._due = 0.0
        """Seconds of the original time until the next moment."""

    @property
    def is_paused(self) -> bool:
        """Whether new moments stay hidden until the reader acts."""
        return self.limit is not None and not self.playing

    @property
    def count(self) -> int:
        """The number of moments shown."""
        return len(self._moments) if self.limit is None else self.limit

    def toggle(self) -> None:
        """Pause or resume; a recording at its end plays from its start, a live timeline jumps to its end."""
        if self.playing or (self.limit is None and not self.at_rest):
            self.playing, self.limit = False, self.count
        elif not self.at_rest:
            self.end()
        else:
            self.play()

    def play(self) -> None:
        """Play from here; if everything is shown, from the start."""
        if self.limit is None or self.limit >= len(self._moments):
            self.limit = min(1, len(self._moments))
        self.playing, self._due = True, self._gap()

    def end(self) -> None:
        """Show everything, and keep up with new moments."""
        self.playing, self.limit = False, None

    def step(self, by: int) -> None:
        """Show ``by`` moments more, or fewer if it is negative, and pause."""
        self.show(self.count + by)

    def show(self, count: int) -> None:
        """Show the first ``count`` moments, at least one, and pause."""
        self.playing = False
        self.limit = max(1, min(count, len(self._moments))) if self._moments else None

    def seek(self, execution_count: int, epoch: int | None = None) -> bool:
        """Show everything up to a run, of the latest epoch that has it; returns whether there is such a run."""
        for moment in reversed(self._moments):
            here = moment.kind == "run" and moment.execution_count == execution_count
            if here and epoch in (None, moment.epoch):
                self.show(moment.index + 1)
                return True
        return False

    def faster(self, by: int) -> None:
        """Change to the next higher speed, or the next lower one if ``by`` is negative."""
        others = [speed for speed in SPEEDS if (speed > self.speed if by > 0 else speed < self.speed)]
        if others:
            self.speed = min(others) if by > 0 else max(others)

    def advance(self, seconds: float) -> bool:
        """Let ``seconds`` of the reader's time pass; returns whether another moment is shown."""
        if not self.playing or self.limit is None:
            return False
        self._due -= seconds * self.speed
        before = self.limit
        while self._due <= 0 and self.limit < len(self._moments):
            self.limit += 1
            self._due += self._gap()
        if self.limit >= len(self._moments):
            self.end()
        return self.limit != before

    def _gap(self) -> float:
        """Seconds of the original time from the last moment shown to the next one."""
        if self.limit is None or self.limit >= len(self._moments):
            return 0.0
        last, coming = self._moments[self.limit - 1], self._moments[self.limit]
        if last.run is None or coming.run is None:
            return LONGEST_S / 4
        since = coming.run.facts.started + coming.run.facts.seconds
        return max(SHORTEST_S, min(since - last.run.facts.started - last.run.facts.seconds, LONGEST_S))
