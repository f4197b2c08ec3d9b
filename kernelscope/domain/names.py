"""How the user reaches an object: ``model``, ``models['lr']``, ``trainer.model``.

The probe writes these names (``kernelscope.probe.walk``); everybody else takes them apart here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

_LONGEST_INDEX = 10
"""Digits: what a kernel sends as a name may be anything."""
_ROOT = re.compile(r"[^.\[]*")
_STEP = re.compile(
    r"""
    \.[^.\[]*                      # .model
    | \['(?:[^'\\]|\\.)*'\]        # ['lr']
    | \["(?:[^"\\]|\\.)*"\]        # ["it's"]
    | \[[^\]]*\]                   # [0]
    | .+                           # whatever is no name: one step
    """,
    re.VERBOSE | re.DOTALL,
)
_DOUBLE_QUOTED_ITEM = re.compile(r'\["([^"\']*)"\]')


class NamePath(Struct, frozen=True):
    """A name, taken apart: a variable, and the steps from it to the object."""

    root: str
    """The variable: ``models`` of ``models['lr'].steps[0]``."""
    steps: tuple[str, ...] = ()
    """As they are written: ``['lr']``, ``.steps``, ``[0]``."""

    @classmethod
    def parse(cls, name: str) -> NamePath:
        """Take a name apart; what is no name has its rest as one step."""
        root = root_of(name)
        return cls(root, tuple(_STEP.findall(name, len(root))))

    def __str__(self) -> str:
        return self.root + "".join(self.steps)

    @property
    def outer(self) -> NamePath | None:
        """What the object is an item or an attribute of; ``None`` for a variable."""
        return NamePath(self.root, self.steps[:-1]) if self.steps else None

    @property
    def outers(self) -> Iterator[NamePath]:
        """All that the object is reached through, the nearest first."""
        for count in range(len(self.steps) - 1, -1, -1):
            yield NamePath(self.root, self.steps[:count])

    @property
    def item(self) -> str | None:
        """The key or the index as it is written: ``'lr'`` of ``models['lr']``; ``None`` if the last step is none."""
        last = self.steps[-1] if self.steps else ""
        return last[1:-1] if last.startswith("[") and last.endswith("]") else None

    @property
    def attribute(self) -> str | None:
        """``model`` of ``trainer.model``; ``None`` if the last step is none."""
        last = self.steps[-1] if self.steps else ""
        return last[1:] if last.startswith(".") else None

    @property
    def index(self) -> int | None:
        """The place in a list: 2 of ``models[2]``; ``None`` if the last step is none."""
        item = self.item
        return int(item) if item is not None and item.isdecimal() and len(item) < _LONGEST_INDEX else None


def root_of(name: str) -> str:
    """The variable of a name: ``models`` of ``models['lr']``."""
    match = _ROOT.match(name)
    return match[0] if match else name


def is_reached_through(name: str, outer: str) -> bool:
    """Whether the name is ``outer`` itself, or an item or an attribute of it, near or far."""
    return name == outer or name.startswith((f"{outer}[", f"{outer}."))


def names_through(outer: str, names: Iterable[str]) -> list[str]:
    """Those of the names that are ``outer`` itself, or are reached through it, in their order."""
    return [name for name in names if is_reached_through(name, outer)]


def canonical_name(written: str) -> str:
    """A name that somebody typed, as the timeline spells it: ``models["lr"]`` is ``models['lr']``."""
    return _DOUBLE_QUOTED_ITEM.sub(r"['\1']", written)
