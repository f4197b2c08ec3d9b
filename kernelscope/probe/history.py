"""What the probe keeps for watchers to come: a base, and the observations since then."""

from __future__ import annotations

import collections
from json import loads
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import wire

HISTORY_BYTES = 4_000_000
"""Of observations that are kept; older ones are folded into the base."""
_FOLDS_BETWEEN_SWEEPS = 256
"""After so many, objects that no name reaches any more are dropped from the base."""


class Base:
    """What the oldest observations amount to; brought forward in time that grows only with what they changed."""

    def __init__(self) -> None:
        self._seq = 0
        self._names: dict[str, int] = {}
        self._objects: dict[int, wire.ObjectFacts] = {}
        self._folded = 0
        """Observations since the last sweep."""

    def start(self, state: wire.State) -> None:
        """Begin with what there is."""
        self._names = dict(state["names"])
        self._objects = {facts["token"]: facts for facts in state["objects"]}

    def fold(self, observation: wire.Observation) -> None:
        """Bring it forward over one observation."""
        self._objects.update((facts["token"], facts) for facts in observation["objects"])
        for name, token in observation["names"].items():
            if token is None:
                self._names.pop(name, None)
            else:
                self._names[name] = token
        self._seq = observation["seq"]
        self._folded += 1
        if self._folded >= _FOLDS_BETWEEN_SWEEPS:
            self._sweep()

    def snapshot(self) -> wire.Base:
        """As it is sent."""
        self._sweep()
        return {"seq": self._seq, "names": dict(self._names), "objects": list(self._objects.values())}

    def _sweep(self) -> None:
        """Drop the objects that no name reaches any more."""
        reachable = set(self._names.values())
        pending = list(reachable)
        while pending:
            facts = self._objects.get(pending.pop())
            parts = facts["parts"] if facts is not None else []
            pending += [part["token"] for part in parts if part["token"] not in reachable]
            reachable.update(part["token"] for part in parts)
        self._objects = {token: facts for token, facts in self._objects.items() if token in reachable}
        self._folded = 0


class History:
    """The observations in order, as the JSON that was sent, and the base that the oldest is a difference to."""

    def __init__(self) -> None:
        self.base = Base()
        self._texts: collections.deque[str] = collections.deque()
        self._bytes = 0

    def add(self, text: str) -> None:
        """Keep an observation; the oldest ones are folded into the base if there are too many."""
        self._texts.append(text)
        self._bytes += len(text)
        while self._bytes > HISTORY_BYTES and len(self._texts) > 1:
            oldest = self._texts.popleft()
            self._bytes -= len(oldest)
            self.base.fold(loads(oldest))

    def observations(self) -> list[wire.Observation]:
        """Those that are kept, the oldest first."""
        return [loads(text) for text in self._texts]
