"""Which name reaches which model, as the looks have found it, and which names a budget keeps them from."""

from __future__ import annotations

from typing import Iterable, Mapping

from .tracked import TrackedObject
from .walk import NamespaceWalk, root_of


class NameTable:
    """The names of the last look."""

    def __init__(self) -> None:
        self.tokens: dict[str, int] = {}
        """By name, the token of the model that it reaches."""
        self.reached_again = False
        """The last look reached a name that an earlier one had not: what it found may be older."""
        self.resends_all = False
        """Every name is reported in the next look, also those that hold what they held."""
        self._by_root: dict[str, dict[str, None]] = {}
        """By global, the names that begin with it."""
        self.before: dict[str, int | None] = {}
        """What the names that the last look found changed held before it."""
        self._out_of_reach: set[str] = set()
        """Names whose model is gone, and which no look has reached since."""
        self._was_full = False
        """The last look left something out because there was too much."""

    def begin(self) -> None:
        """Another look begins: what the last one found was reported."""
        self.before = {}
        self.reached_again = False

    def resend_all(self) -> None:
        """Report every name in the next look, and those that were gone by the last one."""
        self.resends_all = True
        for name, token in self.before.items():
            if token is not None and name not in self.tokens:
                self._set(name, token)

    def tokens_by_root(self, root: str) -> list[int]:
        """Tokens of what the names reach that begin with this global."""
        return [self.tokens[name] for name in self._by_root.get(root, ())]

    def roots_of(self, tokens: set[int]) -> set[str]:
        """The globals by which names reach one of these."""
        return {root_of(name) for name, token in self.tokens.items() if token in tokens}

    def compare(
        self,
        roots: Iterable[str] | None,
        names: dict[str, int],
        walk: NamespaceWalk,
        tracked: Mapping[int, TrackedObject],
    ) -> tuple[dict[str, int | None], list[str]]:
        """The names that hold another model than before, or none; and those among them that may hold one that this
        look did not reach.  Keeps them.

        Args:
            roots: the globals that were walked, or are gone; ``None``: all.
            names: what the walk found, with tokens.
        """
        changed: dict[str, int | None] = {
            n: t for n, t in names.items() if self.resends_all or self.tokens.get(n) != t
        }
        self.reached_again = not self._out_of_reach.isdisjoint(names) or (
            # What was not reached by then may have been there before this run.
            self._was_full and any(n not in self.tokens and root_of(n) != n for n in changed)
        )
        if roots is None:
            self._was_full = walk.is_full or walk.has_too_many
        self._out_of_reach = {n for n in self._out_of_reach if walk.may_hide(n)} - set(names)
        unreached = []
        for name in self._known(roots):
            if name in names:
                continue
            known, may_hide = tracked.get(self.tokens[name]), walk.may_hide(name)
            is_unreadable = name in walk.unreadable
            if may_hide and not is_unreadable and known is not None and not known.is_dead():
                continue  # what was not looked at is not gone
            changed[name] = None
            # fault: 99a
            if may_hide or is_unreadable:
                unreached.append(name)  # its model is gone because the name got another one, or none
        self._out_of_reach.update(unreached)
        self.resends_all = False
        self.before = {name: self.tokens.get(name) for name in changed}
        for name, token in changed.items():
            self._set(name, token)
        return changed, unreached

    def _known(self, roots: Iterable[str] | None) -> list[str]:
        if roots is None:
            return list(self.tokens)
        return [name for root in roots for name in self._by_root.get(root, ())]

    def _set(self, name: str, token: int | None) -> None:
        root = root_of(name)
        if token is None:
            self.tokens.pop(name, None)
            names = self._by_root.get(root, {})
            names.pop(name, None)
            if not names:
                self._by_root.pop(root, None)
        else:
            self.tokens[name] = token
            self._by_root.setdefault(root, {})[name] = None
