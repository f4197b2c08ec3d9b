"""What the probe puts into the kernel, and how each of these things is taken out again."""

from __future__ import annotations

import sys
from types import MethodType
from typing import Any

from .comm import CommEnd
from .hooks import Hooks

EVENTS = ("pre_run_cell", "post_run_cell")
"""Of IPython; ``Hooks`` has a method of each name."""


class Installation:
    """The hooks in IPython's events, the comm in the comm manager, and the modules."""

    def __init__(self, ip: Any, hooks: Hooks, comm: CommEnd) -> None:
        self._ip, self._hooks, self._comm = ip, hooks, comm

    def add_hooks(self) -> None:
        """Add the hooks after the callbacks that are there.

        Not by ``register``, which compares each callback that is there with ours, and the user's may define ``__eq__``.
        """
        for event in EVENTS:
            self._ip.events.callbacks[event].append(getattr(self._hooks, event))

    def has_all_hooks(self) -> bool:
        """Whether the hooks are still where they were put."""
        return all(self.find_hooks(event) for event in EVENTS)

    def find_hooks(self, event: str) -> list[int]:
        """The places of ours among the callbacks of an event."""
        callbacks = self._ip.events.callbacks.get(event, [])
        return [i for i, c in enumerate(callbacks) if type(c) is MethodType and c.__self__ is self._hooks]

    def remove_hooks(self) -> None:
        """Remove the hooks, wherever they are among the callbacks."""
        for event in EVENTS:
            for place in reversed(self.find_hooks(event)):
                del self._ip.events.callbacks[event][place]

    def add_comm(self) -> None:
        """Have the comm manager hand on what watchers send."""
        self._ip.kernel.comm_manager.comms[self._comm.comm_id] = self._comm

    def remove_comm(self) -> None:
        """Have it hand on nothing any more."""
        # fault: 55a
        self._ip.kernel.comm_manager.comms.pop(self._comm.comm_id, None)


def remove_modules(agent: object) -> None:
    """Take the probe's modules out, unless they are those of another probe by now."""
    package = __name__.partition(".")[0]
    entry = sys.modules.get(package + ".probe.agent")
    # fault: 35a
    if entry is not None and entry.__dict__.get("AGENT") is not agent:
        return  # another probe came after somebody had taken these modules away
    for name in [n for n in list(sys.modules) if type(n) is str]:
        if name == package or name.startswith(package + "."):
            del sys.modules[name]
    if entry is not None:  # a frame in a traceback of the user's may keep the module
        entry.__dict__["AGENT"] = None
