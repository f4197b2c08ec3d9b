"""Whether anything can have happened between the end of one run and the beginning of the next.

Only if something can is the namespace looked at before a run.  Sees: comm messages and other
requests, and cells that may have left a task or a timer behind.  Cannot see: what the user's own signal handlers and
finalizers do; the next run's look finds it.
"""

from __future__ import annotations

import re
from typing import Any

from .types import instance_dict

_PLAIN_MESSAGES = 4
"""What ipykernel sends between two runs if nothing else happens: reply, idle, busy, execute_input."""
_LEAVES_BEHIND = re.compile(
    r"\b(?:await|async|asyncio|create_task|ensure_future|gather|TaskGroup|call_later|call_soon|call_at|add_callback"
    r"|PeriodicCallback|add_done_callback|run_in_executor|signal|setitimer|Timer|events)\b"
)
"""Words of a cell that may leave a task, a timer or a callback behind."""


class Interlude:
    """Remembers the end of each run.

    Args:
        kernel: the kernel application, whose session counts what it sends.
    """

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        self._sent: int | None = None
        """How many messages the kernel had sent when the last run ended; ``None``: that is not known."""
        self._may_go_on = False
        """Some cell may have left something behind that goes on."""

    def begin(self, source: str) -> None:
        """A run has been looked at, and is over.

        Args:
            source: of its cell.
        """
        self._may_go_on = self._may_go_on or _LEAVES_BEHIND.search(source) is not None
        self._sent = self._messages_sent()

    def disturb(self) -> None:
        """Something else has run, or the last look was not finished."""
        self._sent = None

    def is_quiet(self) -> bool:
        """Whether nothing can have happened since the last run, other threads and runs aside."""
        if self._sent is None or self._may_go_on:
            return False
        sent = self._messages_sent()
        return sent is not None and sent - self._sent <= _PLAIN_MESSAGES

    def _messages_sent(self) -> int | None:
        session = getattr(self._kernel, "session", None)
        count = (instance_dict(session) or {}).get("message_count")
        return count if type(count) is int else None
