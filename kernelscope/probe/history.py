"""What the probe keeps for watchers to come: a base, and the observations since then."""

from __future__ import annotations

import collections
from json import loads
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import wire

HISTORY_BYTES = 4_000_000
"""Of observations that are kept; older ones are folded into the base."""


class History:
    """The observations in order, as the JSON that was sent, and the snapshot that the oldest is a difference to."""

    def __init__(self) -> None:
        self.base: wire.Base = {"seq": 0, "names": {}, "objects": []}
        self._texts: collections.deque[str] = collections.deque()
        self._bytes = 0

    def add(self, text: str) -> None:
        """Keep an observation; the oldest ones are folded into the base if there are too many."""
        self._texts.append(text)
        self._bytes += len(text)
        while self._bytes > HISTORY_BYTES and len(self._texts) > 1:
            oldest = self._texts.popleft()
            self._bytes -= len(oldest)
            fold(self.base, loads(oldest))

    def observations(self) -> list[wire.Observation]:
        """Those that are kept, the oldest first."""
        return [loads(text) for text in self._texts]


def fold(base: wire.Base, observation: wire.Observation) -> None:
    """Bring a base forward over one observation; objects that no name reaches any more are dropped."""
    objects = {o["token"]: o for o in base["objects"]}
    objects.update({o["token"]: o for o in observation["objects"]})
    for name, token in observation["names"].items():
        if token is None:
            base["names"].pop(name, None)
        else:
            base["names"][name] = token
    reachable = set(base["names"].values())
    pending = list(reachable)
    while pending:
        facts = objects.get(pending.pop())
        parts = facts["parts"] if facts is not None else []
        pending += [p["token"] for p in parts if p["token"] not in reachable]
        reachable.update(p["token"] for p in parts)
    base["objects"] = [o for t, o in objects.items() if t in reachable]
    base["seq"] = observation["seq"]
