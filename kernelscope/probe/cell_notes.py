"""What the reading of one cell has found so far."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Iterator

from .budget import Budget

if TYPE_CHECKING:
    from . import wire

SECONDS = 0.02
"""The most that reading one cell may take."""


class OutOfTimeError(Exception):
    """The reading has used up its time."""


class CellNotes:
    """Methods that can have been called, attributes that were written to, copies; and whether that is all."""

    def __init__(self) -> None:
        self._budget = Budget(SECONDS)
        self._methods: dict[tuple[Any, ...], bool] = {}
        """(method, token, function, class, continuation arguments, whose state) → whether the run cannot have left it
        out."""
        self.doubts = 0
        """How many conditions, loops and the like stand around what is being read."""
        self.assigned: dict[tuple[int, str], None] = {}
        """(token of a model, attribute) that the source writes to."""
        self.copies: dict[str, None] = {}
        self._classes_copied: dict[str, None] = {}
        self.classes_called: dict[str, None] = {}
        """Classes of models that the source calls."""
        self._gradients = False
        self._tensor_writes: dict[str, None] = {}
        self.entered: set[int] = set()
        """Ids of the functions that are being read."""
        self.learning: set[int | None] = set()
        """Tokens of the user's own estimators whose ``fit`` is being read."""
        self._own: list[int | None] = []
        """Tokens of the models whose methods are being read."""
        self.complete = True
        """Every call could be followed."""
        self.keeps_results = False
        """Some function may give what it has given before."""

    def add(
        self,
        method: str,
        token: int | None,
        inside: str | None,
        cls: str | None = None,
        args: tuple[str, ...] = (),
        state_of: int | None = None,
    ) -> None:
        """A method that can have been called; on which model and with which continuation arguments, if they are known.

        Args:
            state_of: the model whose live state it puts in.
        """
        if self.learning and (token is None or token in self.learning):
            return  # its own way of learning
        key = (method, token, inside, cls, args, state_of)
        self._methods[key] = self._methods.get(key, False) or self.doubts == 0

    def add_gradients(self) -> None:
        """The cell computes gradients."""
        if not self.learning:
            self._gradients = True

    def add_tensor_write(self, kind: str) -> None:
        """The cell writes into some tensor: a ``value``, or a ``gradient step``."""
        if not self.learning:
            self._tensor_writes[kind] = None

    def add_copy(self, function: str, cls: str = "") -> None:
        """The cell copies something in memory.

        Args:
            cls: the class of a model that is copied; empty: it is not known what is.
        """
        self.copies[function] = None
        self._classes_copied[cls] = None

    @contextmanager
    def doubting(self, doubtful: bool = True) -> Iterator[None]:
        """What is read meanwhile need not be reached; nothing changes if it is not ``doubtful``."""
        self.doubts += doubtful
        yield
        self.doubts -= doubtful

    @contextmanager
    def within_methods_of(self, token: int | None) -> Iterator[None]:
        """What is read meanwhile belongs to a model: what it writes to itself is not done by hand."""
        self._own.append(token)
        yield
        self._own.pop()

    def add_write(self, token: int, attribute: str) -> None:
        """The cell writes to an attribute of a model, or to an item of it."""
        if token not in self._own:
            self.assigned[(token, attribute)] = None

    def check_time(self) -> None:
        """Raises OutOfTimeError when the time is used up."""
        if self._budget.is_spent():
            raise OutOfTimeError

    def facts(self) -> wire.CodeFacts:
        """``CodeFacts``, as they are sent."""
        return {
            "methods": [
                {
                    "method": method,
                    "token": token,
                    "inside": inside,
                    "cls": cls,
                    "sure": sure,
                    "given": args,
                    "part": False,
                    "state_of": state_of,
                }
                for (method, token, inside, cls, args, state_of), sure in self._methods.items()
            ],
            "assigned": [list(pair) for pair in self.assigned],
            "copies": list(self.copies),
            "classes_copied": list(self._classes_copied),
            "classes_called": list(self.classes_called),
            "gradients": self._gradients,
            "tensor_writes": list(self._tensor_writes),
            "complete": self.complete,
            "keeps_results": self.keeps_results,
        }
