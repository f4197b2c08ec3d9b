"""Runs that the kernel counted, against runs that the probe told of.

Whoever clears IPython's callbacks takes the probe's hooks away, and the probe cannot tell.  But each
request that runs code is announced on iopub with the execution count that it will have, and where the
next one is announced with a higher count, that one was counted.  (Where it has the same, it was a tool's
own, as VS Code's variable view makes them: the kernel does not count those.)
"""

from __future__ import annotations


class Counted:
    """Which run, if any, should have been told and was not."""

    def __init__(self) -> None:
        self._open: int | None = None
        """The count of the latest request of which, or after which, nothing was told."""
        self._missed = False

    def announced(self, count: object) -> None:
        """A request begins, with this count should it be counted."""
        if not isinstance(count, int):
            return
        # fault: 34b
        self._missed = self._missed or (self._open is not None and count > self._open)
        if self._open is None or count != self._open:
            self._open = count

    def told(self) -> None:
        """The probe told of a run: its hooks are there, and a gap in its numbers would be told as such."""
        self.forget()

    def forget(self) -> None:
        """Nothing is known of what runs now."""
        self._open, self._missed = None, False

    @property
    def missed(self) -> bool:
        """Whether a run was counted since the probe told of one."""
        return self._missed
