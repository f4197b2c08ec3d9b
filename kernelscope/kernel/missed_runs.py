"""Finds runs that the kernel counted and the probe did not report.

A notebook that clears IPython's callbacks removes the probe's hooks, and the probe cannot notice that.  But iopub
announces every request that runs code with the execution count that it will have.  If the next request is
announced with a higher count, the one before was counted.  (The same count again means that the one before was
a tool's own request, such as VS Code's variable view makes: the kernel does not count those.)
"""

from __future__ import annotations


class MissedRunDetector:
    """Compares the announced execution counts with the runs that the probe reports."""

    def __init__(self) -> None:
        self._open: int | None = None
        """The count of the latest announced run; ``None``: the probe has reported a run since."""
        self._has_missed = False

    def announce(self, count: object) -> None:
        """A request begins; it gets this execution count if the kernel counts it."""
        if not isinstance(count, int):
            return
        # fault: 34b
        self._has_missed = self._has_missed or (self._open is not None and count > self._open)
        if self._open is None or count != self._open:
            self._open = count

    def forget(self) -> None:
        """Start over: the probe reported a run, so its hooks are in place, or nothing is known of what runs."""
        self._open, self._has_missed = None, False

    @property
    def has_missed(self) -> bool:
        """Whether the kernel counted a run that the probe did not report."""
        return self._has_missed
