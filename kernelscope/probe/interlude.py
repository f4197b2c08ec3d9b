"""Whether anything can have happened between the end of one run and the beginning of the next.

Only if something can is the namespace looked at before a run.  Sees: comm messages and other requests, tasks and
timers in the kernel's event loop, the loop of a graphical interface (``%gui``), and cells that may have left something
of that kind behind; ``RunTracker`` sees threads and other runs.  Cannot see: what the user's own signal handlers and
finalizers do; the next run's look finds it.
"""

from __future__ import annotations

import asyncio
import re
import sys
import types
from typing import Any

from .types import instance_dict

_PLAIN_MESSAGES = 4
"""What ipykernel sends between two runs if nothing else happens: reply, idle, busy, execute_input."""
_LEAVES_BEHIND = re.compile(
    r"\b(?:await|async|asyncio|create_task|ensure_future|gather|TaskGroup|call_later|call_soon|call_at|add_callback"
    r"|PeriodicCallback|add_done_callback|run_in_executor|signal|setitimer|Timer|events)\b"
)
"""Words of a cell that may leave a task, a timer or a callback behind."""


_KERNELS_OWN = re.compile(r"[/\\](?:ipykernel|tornado|zmq|jupyter_client)[/\\]")
"""In the path of a file of the kernel's."""


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
        self._was_pending = False
        """A task or a timer was left in the kernel's event loop when the last run ended."""

    def begin(self, source: str) -> None:
        """A run has been looked at, and is over.

        Args:
            source: of its cell.
        """
        self._may_go_on = self._may_go_on or _LEAVES_BEHIND.search(source) is not None
        self._sent = self._messages_sent()
        self._was_pending = self._is_pending()

    def disturb(self) -> None:
        """Something else has run, or the last look was not finished."""
        self._sent = None

    def is_quiet(self) -> bool:
        """Whether nothing can have happened since the last run, other threads and runs aside."""
        if self._sent is None or self._may_go_on or self._was_pending:
            return False
        if getattr(self._kernel, "eventloop", None) is not None:
            return False
        sent = self._messages_sent()
        return sent is not None and sent - self._sent <= _PLAIN_MESSAGES

    def _is_pending(self) -> bool:
        """Whether a timer, or a task that is not the kernel's own, is in the event loop, as far as asyncio tells."""
        loop = getattr(getattr(self._kernel, "io_loop", None), "asyncio_loop", None)
        if len(getattr(loop, "_scheduled", ())):
            return True
        tasks = sys.modules.get("asyncio.tasks")
        known = getattr(tasks, "_scheduled_tasks", None) or getattr(tasks, "_all_tasks", None)
        return not all(_is_of_the_kernel(reference()) for reference in list(getattr(known, "data", ())))

    def _messages_sent(self) -> int | None:
        session = getattr(self._kernel, "session", None)
        count = (instance_dict(session) or {}).get("message_count")
        return count if type(count) is int else None


def _is_of_the_kernel(task: Any) -> bool:
    """Whether a task runs code of ipykernel's, or of what that is made of; ``None`` is one that is gone."""
    if task is None:
        return True
    if type(task) is not asyncio.Task:
        return False
    coroutine = task.get_coro()
    code = coroutine.cr_code if type(coroutine) is types.CoroutineType else None
    return code is not None and _KERNELS_OWN.search(code.co_filename) is not None
