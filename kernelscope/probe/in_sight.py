"""The objects that names reach, and their parts: in which order their content is looked at, and which have left."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Iterable

from .describer import Describer
from .marks import MarkTable
from .rotation import Rotation
from .sight import Sight
from .tracked import TrackedObject

if TYPE_CHECKING:
    from . import wire

HIDDEN_PER_LOOK = 16
"""Of what lives on out of sight, how much one look checks for whether it still does."""


class ObjectsInSight:
    """Follows which objects come into sight and leave it, look by look."""

    def __init__(self, describer: Describer) -> None:
        self._describer = describer
        self._sight = Sight(describer.part_tokens)
        describer.on_parts = self._sight.replace_parts
        self._marks = MarkTable(describer.parts.reader_of)
        self._rotation = Rotation()
        self.linked: dict[int, None] = {}
        """Tokens of those that change one another: networks, optimizers."""
        self.by_address: dict[int, None] = {}
        """Tokens of those that have no weak reference."""
        self._hidden: OrderedDict[int, None] = OrderedDict()
        """Tokens of what lives on out of sight, as in ``Out``."""
        self.not_compared = 0
        """How many of them the last look did not compare the content of."""

    def __contains__(self, token: int) -> bool:
        return token in self._sight

    @property
    def compared_one_by_one(self) -> int:
        """Objects that the last look did not find unchanged together with others."""
        return self._marks.compared

    def find_changed(self) -> dict[int, TrackedObject]:
        """By token, those whose attributes hold something else; those that are gone are among them."""
        return self._marks.find_changed()

    def waiting(self, most: int) -> list[int]:
        """Those whose content was not looked at for longest."""
        return self._rotation.first(most)

    def with_parts_and_links(self, tokens: Iterable[int]) -> dict[int, None]:
        """These, as far as they are in sight, their parts, and the networks and optimizers that belong together."""
        reached: dict[int, None] = {}
        pending = list(tokens)
        while pending:
            token = pending.pop()
            if token in reached or token not in self._sight:
                continue
            reached[token] = None
            pending += self._describer.part_tokens(token)
            if token in self.linked:
                pending += [other for other in self.linked if other not in reached]
        return reached

    def is_compared(self, tokens: Iterable[int], run: int) -> bool:
        """Whether the content of all of these, and of what belongs to them, was compared after this run."""
        tracked = (self._describer.tracked.get(token) for token in self.with_parts_and_links(tokens))
        return all(one is None or one.looked_after >= run for one in tracked)

    def describe_not_compared(self, names: dict[str, int], most: int) -> wire.NotCompared:
        """Of how many the content was not compared, and after which run those that wait longest had their last turn.

        Args:
            names: by name, the token of what it reaches.
            most: how many are named.
        """
        tokens = dict.fromkeys(self.waiting(min(most, self.not_compared)))
        waiting = {name: token for name, token in names.items() if token in tokens}
        after = list(self.compared_after(waiting).items())
        return {"models": self.not_compared, "after": dict(after[:most])}

    def compared_after(self, names: dict[str, int]) -> dict[str, int]:
        """By name, the execution count of the run after which the content of its model was last compared."""
        known = ((name, self._describer.tracked.get(token)) for name, token in names.items())
        return {name: tracked.looked_after for name, tracked in known if tracked is not None}

    def begin_again(self, reached: Iterable[int]) -> None:
        """Forget what was in sight.

        Args:
            reached: by name, the token of the object that it reaches.
        """
        tracked = self._describer.tracked
        for token in self._sight:
            if token in tracked:
                self._leave(token)
        for one in tracked.values():
            one.names = 0
        self._sight = Sight(self._describer.part_tokens)
        self._describer.on_parts = self._sight.replace_parts
        for token in reached:
            self._sight.add(token)
            self._count_name(token, 1)
        self._sight.left = dict.fromkeys(token for token in tracked if token not in self._sight)

    def update(self, changed: dict[str, int | None], before: dict[str, int | None]) -> None:
        """Names reach other objects.

        Args:
            changed: by name, the token of the object that it reaches.
            before: of that which it reached.
        """
        for name, token in changed.items():
            if token is not None and token != before[name]:
                self._sight.add(token)
                self._count_name(token, 1)
        for name, token in changed.items():
            old = before[name]
            if old is not None and token != old:
                self._sight.remove(old)
                self._count_name(old, -1)

    def _count_name(self, token: int, names: int) -> None:
        """More or fewer names reach an object itself."""
        tracked = self._describer.tracked.get(token)
        if tracked is not None:
            tracked.names += names

    def hide(self, token: int) -> None:
        """One is known that no name reaches."""
        self._hidden[token] = None

    def settle(self) -> int:
        """Keep what is in sight now, and forget what has died; how many objects that took."""
        entered, left = self._sight.settle()
        for token in left:
            self._leave(token)
        for token in entered:
            self._enter(token)
        compared = [token for token in self._describer.compared if token in self._sight]
        for token in compared:
            self._marks.note(token, self._describer.tracked[token])
            self._rotation.note(token)
        self._marks.settle()
        self.not_compared = max(0, len(self._rotation) - len(compared))
        return len(self._describer.seen) + self._forget(left)

    def _enter(self, token: int) -> None:
        tracked = self._describer.tracked.get(token)
        if tracked is None or tracked.record is None:
            return
        if tracked.is_linked:
            self.linked[token] = None
        if tracked.is_by_address():
            self.by_address[token] = None
        else:
            self._marks.add(token, tracked)
            self._rotation.add(token)

    def _leave(self, token: int) -> None:
        self._marks.discard(token)
        self._rotation.discard(token)
        self.linked.pop(token, None)
        self.by_address.pop(token, None)

    def _forget(self, left: list[int]) -> int:
        """Drop the dead; of what lives on out of sight, in case a name comes back to it, the
        number and the bindings stay.

        What has left sight since the last look is gone through, and a few of what left it before.
        """
        hidden = [self._hidden.popitem(last=False)[0] for _ in range(min(len(self._hidden), HIDDEN_PER_LOOK))]
        for token in (*left, *hidden):
            tracked = self._describer.tracked.get(token)
            if tracked is None or token in self._sight:
                continue
            tracked.record = None
            if tracked.is_dead():
                self._describer.forget(token)
            else:
                self._hidden[token] = None
        return len(left) + len(hidden)
