"""Whether a kernel that is attached to still answers, and for how long it may not; no I/O, and no clock."""

from __future__ import annotations

from msgspec import Struct

from kernelscope.domain.events import KernelState

DOWN_S = 1.0
"""Seconds after which a lost connection is reported; a quick restart is reported as a restart alone."""
GONE_S = 12.0
"""Seconds after which a dead kernel counts as gone for good, while its connection file exists."""
GONE_WITHOUT_FILE_S = 3.0
"""The same once the file is gone, too: servers remove it when they shut a kernel down."""
AWAY_S = 900.0
"""Seconds after which a kernel on another machine counts as gone: its tunnel may come back."""
FIRST_PULSE_S = 1.0
"""Seconds after which a long run sends its first pulse."""
QUIET_S = 5.0
"""Seconds by which a pulse may be late before a kernel that runs a cell counts as not answering."""


class ProcessStatus(Struct, frozen=True):
    """What the operating system says about the kernel's process."""

    ended: bool | None = None
    """``None``: unknown, because the kernel runs on another machine."""
    stopped: bool = False
    """Whether it was stopped, by SIGSTOP or a debugger."""


class SignsOfLife:
    """Whether a connected kernel still answers, by its heartbeats and the pulses of long runs."""

    def __init__(self) -> None:
        self.silence = ""
        """Why the kernel counts as not answering; empty while it answers."""
        self._has_heartbeat = True
        self._pulse_due: float | None = None
        """When the probe should have sent a pulse at the latest; ``None``: no run lasts."""

    def begin(self) -> None:
        """Forget what was expected of the connection before."""
        self._has_heartbeat, self._pulse_due = True, None

    def receive_heartbeat(self, has_heartbeat: bool) -> None:
        """A heartbeat was answered, or was not."""
        self._has_heartbeat = has_heartbeat

    def receive_message(self, now: float) -> None:
        """Any message of the kernel is a sign of life."""
        if self._pulse_due is not None:
            self._pulse_due = max(self._pulse_due, now)

    def expect_pulse(self, due: float | None) -> None:
        """The next pulse should come until ``due``; ``None``: none will."""
        self._pulse_due = due

    def find_silence(self, now: float, process: ProcessStatus) -> str:
        """Why the kernel does not answer; empty if it does."""
        if not self._has_heartbeat:
            return explain_silence(process)
        if self._pulse_due is not None and now > self._pulse_due + QUIET_S:
            return "its process lives, and code that is not Python holds its interpreter"
        return ""


def explain_silence(process: ProcessStatus) -> str:
    """Why a kernel whose process has not ended does not answer."""
    if process.ended is None:
        return "nothing comes over the connection to its machine"
    return "its process is stopped" if process.stopped else "its process lives and does not answer"


class Absence:
    """How long the connection has been broken, and what was reported about it."""

    def __init__(self) -> None:
        self.reported: KernelState | None = None
        self._since = 0.0

    def begin(self, now: float, reported: KernelState | None) -> None:
        """The connection broke; ``reported`` is what was reported about the kernel before."""
        self._since, self.reported = now, reported

    def is_news(self, now: float, state: KernelState) -> bool:
        """Whether it lasts long enough to be reported, and was not reported as this."""
        return now - self._since > DOWN_S and self.reported != state

    def is_final(self, now: float, process: ProcessStatus, *, has_file: bool, was_attached: bool) -> bool:
        """Whether the kernel has not answered for so long that it counts as gone for good."""
        if process.ended is False:
            return False
        limit = AWAY_S if process.ended is None and was_attached else GONE_S
        return now - self._since > (limit if has_file else GONE_WITHOUT_FILE_S)
