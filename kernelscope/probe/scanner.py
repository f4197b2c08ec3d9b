"""Looks at the namespace again and again, and reports what differs: which names reach which models, and how each is.

What a look can and cannot see is documented in ``walk``, ``parts`` and ``values``.  What a budget left out is listed in
``cut``, and a name that was not looked at is not gone.

Every look compares identities: which object each name reaches, and what each attribute of each model holds
(``structure``, ``marks``).  It compares the content of those models that a cell could have touched, and of as many
others as the soft budget allows, those first that have waited longest (``rotation``).

A look holds strong references only while it lasts.  What it remembers between looks are tokens,
weak references and its own copies of small builtins.
"""

from __future__ import annotations

from collections import OrderedDict
from time import perf_counter
from typing import TYPE_CHECKING, Any, Callable, Iterable

from .describer import Describer
from .identity import Tokens, target_of
from .library import Libraries, Part
from .marks import MarkTable
from .mentions import Touched
from .name_table import NameTable
from .names import UserNames
from .rotation import Rotation
from .structure import Structure
from .tracked import TensorOwners, TrackedObject
from .types import TypeCache
from .values import ValueReader
from .walk import MOST_DEPTH, NamespaceWalk, root_of

if TYPE_CHECKING:
    from . import wire

SECONDS = 0.05
"""The most that one look may take of the kernel's time."""
SOFT_SECONDS = 0.001
"""What a look may spend on the content of models that its cell cannot have touched."""
HIDDEN_PER_LOOK = 16
"""Of what lives on out of sight, how much one look checks for whether it still does."""
MOST_WAITING = 256
"""Models whose content one look may compare in its soft budget."""
_PER_TURN = 4
"""Of these, how many before the budget is asked again."""


class NamespaceScanner:
    """Looks at one namespace again and again, and reports what differs."""

    def __init__(self, namespace: dict[str, Any], libraries: Libraries) -> None:
        self._globals = UserNames(namespace)
        self.libraries = libraries
        self.types = TypeCache(libraries.tables)
        self.types.forbid(libraries.unreadable())
        self.tokens = Tokens()
        self.reader = ValueReader(self.types, self.tokens, libraries.tensors)
        self.describer = Describer(self.types, libraries, self.tokens, self.reader)
        self._parts = self.describer.parts
        self._owners = TensorOwners(self.tokens, self._parts)
        self._structure = Structure(self.types)
        self._marks = MarkTable(self._parts.reader_of)
        self._rotation = Rotation()
        self._table = NameTable()
        self._roots: dict[str, list[int]] = {}
        """By global, the tokens of the models that names reach through it."""
        self._must_walk = False
        """The last walk came upon something that only another walk can compare."""
        self._run = 0
        self._is_between_runs = False
        self._at_work = False
        """A look has begun and not ended: one that was broken off, if another begins."""
        self._in_sight: dict[int, None] = {}
        """Tokens of what names reach, with all parts."""
        self._linked: frozenset[int] = frozenset()
        """Of these, the objects that change one another: networks, optimizers."""
        self._hidden: OrderedDict[int, None] = OrderedDict()
        """Tokens of what lives on out of sight, as in ``Out``."""
        self.cut: list[str] = []
        """What the last look left out, and why."""
        self._cut_by_walk: list[str] = []
        self.visited = 0
        """Objects and keys that the last look went through; must not grow with the number of runs."""

    @property
    def names(self) -> dict[str, int]:
        """By name, the token of the model that it reached at the last look."""
        return self._table.tokens

    @property
    def tracked(self) -> dict[int, TrackedObject]:
        """By token, what is remembered of each object."""
        return self.describer.tracked

    @property
    def behind(self) -> bool:
        """There was no time left for something in the last look; what it would have found, the next one finds."""
        return self.describer.behind

    @property
    def reached_again(self) -> bool:
        """The last look reached a name that an earlier one had not: what it found may be older."""
        return self._table.reached_again

    def watch_classes(self, on_class: Callable[[type], None]) -> None:
        """Have the class of every model that a look describes given to a function."""
        self.describer.on_class = on_class

    def scan(
        self, touched: Touched | None = None, run: int = 0, *, is_between_runs: bool = False
    ) -> wire.Findings:
        """One look: ``{"names", "objects", "cut"}`` as differences to the look before.

        ``unreached``, if there are any, lists the names whose model is gone and that a budget left out: they
        may hold another; and ``unreadable`` those among them whose model cannot be read any more.  ``switched_off``
        lists the libraries that are not read.

        After one that was broken off, by an interrupt say, the next one reports everything again.

        Args:
            touched: what a cell may have done something to; ``None`` if that may be anything.
            run: the execution count of the run that the look follows.
            is_between_runs: it looks for what was done after that run.
        """
        self._run, self._is_between_runs = run, is_between_runs
        if self._at_work:
            self._begin_again()
        self._at_work = True
        seen = self._scan_what_can_be_read(touched)
        self._at_work = False
        return seen

    def _scan_what_can_be_read(self, touched: Touched | None) -> wire.Findings:
        """One look; it begins again without a library whose reader raises."""
        try:
            return self._scan(touched)
        except Exception as error:
            folder = self.libraries.folder_at_fault(error)
            if folder is None:
                raise
            self.types.forbid(self.libraries.switch_off(folder, error))
        self._table.mark_reported()
        self._begin_again()
        return self._scan_what_can_be_read(touched)  # once per library at most

    def _begin_again(self) -> None:
        self.resend_all_next_time()
        self._in_sight = dict.fromkeys(self.tracked)

    def resend_all_next_time(self) -> None:
        """What the last look found was not reported: the next one reports everything again."""
        self._table.resend_all()
        self._structure.forget()
        for tracked in list(self.tracked.values()):
            tracked.doubt()

    def _scan(self, touched: Touched | None) -> wire.Findings:
        self.reader.begin(SECONDS)
        changed = self._marks.find_changed()
        walk = self._walk_if_changed(changed)
        if walk is not None:
            self._cut_by_walk = walk.left_out()
        self.describer.begin(list(self._cut_by_walk), self._run, is_between_runs=self._is_between_runs)
        for tracked in changed:
            tracked.is_changed = True
        if walk is not None:
            self._describe_named(walk)
        for tracked in changed:
            self._describe(tracked)
        self._describe_touched(touched)
        if walk is None and self.describer.unreadable:
            self._structure.forget()  # a model is made of something that cannot be read: its names are, too
            return self._scan(touched)
        findings = self._findings(walk)
        self.reader.end()
        return findings

    def _findings(self, walk: NamespaceWalk | None) -> wire.Findings:
        unreached: list[str] = []
        unreadable: list[str] = []
        changed: dict[str, int | None] = {}
        if walk is None:
            self._table.keep()
        else:
            changed, unreached = self._compare_names(walk)
            unreadable = [name for name in unreached if name in walk.unreadable]
        self._note_partners(is_all=walk is not None)
        for token in changed.values():
            if token is not None:
                self.describer.name(token)
        self._settle(walk)
        describer = self.describer
        self.cut = describer.cut
        findings: wire.Findings = {
            "names": changed,
            "objects": list(describer.objects.values()),
            "cut": describer.cut,
        }
        if unreached:
            findings["unreached"] = unreached
        if unreadable:
            findings["unreadable"] = unreadable
        if self.libraries.switched_off:
            findings["switched_off"] = self.libraries.report()
        return findings

    # Names.

    def _walk_if_changed(self, changed: Iterable[TrackedObject]) -> NamespaceWalk | None:
        """A walk, unless it would come upon what the last one came upon."""
        names, values = self._globals.read()
        self.visited = self._globals.examined
        may_skip = not (self._must_walk or self.describer.visits_all) and not any(
            tracked.is_named and tracked.is_dead() for tracked in changed
        )
        if may_skip and self._structure.is_same(names, values):
            return None
        walk = NamespaceWalk(self._globals, self.types, self._parts.is_model, (names, values))
        self.visited += walk.visited
        self._structure.keep(names, walk.root)
        self._must_walk = bool(walk.unreadable) or walk.has_candidates
        return walk

    def walk(self, names: UserNames) -> NamespaceWalk:
        """A walk through the namespace, by another thread's own view of it."""
        return NamespaceWalk(names, self.types, self._parts.is_model)

    def _compare_names(self, walk: NamespaceWalk) -> tuple[dict[str, int | None], list[str]]:
        names = {name: self.tokens.of(obj) for name, obj in walk.names.items()}
        unreadable = self.describer.unreadable
        walk.unreadable.update({n: walk.names[n] for n, t in names.items() if t in unreadable})
        names = {name: token for name, token in names.items() if name not in walk.unreadable}
        return self._table.compare(names, walk, self.tracked)

    # Objects.

    def _describe_named(self, walk: NamespaceWalk) -> None:
        """Describe what names reach for the first time, and what only a visit can compare."""
        before = self._parts.named
        self._parts.begin(walk.names.values())
        tracked_of, everything = self.tracked.get, self.describer.visits_all
        for obj in walk.names.values():
            tracked = tracked_of(self.tokens.of(obj))
            if (
                everything
                or tracked is None
                or tracked.record is None
                or tracked.owed
                or not tracked.is_named
            ):
                self.describer.describe(obj, MOST_DEPTH)
        if before != self._parts.named:
            named = frozenset(map(self.tokens.of, walk.names.values()))
            for token in self.describer.folding(named):
                self.tracked[token].has_other_names = True
                self._describe(self.tracked[token])

    def _describe(self, tracked: TrackedObject) -> None:
        """Describe an object in sight again, if it has not been yet."""
        obj = target_of(tracked.reference)
        if obj is not None and tracked.record is not None:
            self.describer.describe(obj, tracked.levels)

    def _describe_touched(self, touched: Touched | None) -> None:
        """Compare the content of what a cell may have done something to, and of what has waited longest."""
        if touched is None:
            tokens: Iterable[int] = list(self._in_sight)
        else:
            tokens = self._with_parts_and_links(self._tokens_of(touched))
        for token in tokens:
            tracked = self.tracked.get(token)
            if tracked is not None:
                self._describe(tracked)
        if touched is not None:
            self.describer.is_thorough = False
            self._describe_waiting()
            self.describer.is_thorough = True
        for token in self.describer.seen:
            self._rotation.note(token)

    def _tokens_of(self, touched: Touched) -> list[int]:
        tokens = [token for word in touched.words for token in self._roots.get(word, ())]
        # What differs by now may have been done by what else differs.
        return [*tokens, *touched.tokens, *self.describer.objects]

    def _with_parts_and_links(self, tokens: Iterable[int]) -> dict[int, None]:
        reached: dict[int, None] = {}
        pending = list(tokens)
        while pending:
            token = pending.pop()
            tracked = self.tracked.get(token)
            if token in reached or tracked is None or tracked.record is None:
                continue
            reached[token] = None
            pending += [part["token"] for part in tracked.record["parts"]]
            if token in self._linked:
                pending += [other for other in self._linked if other not in reached]
        return reached

    def _describe_waiting(self) -> None:
        until = perf_counter() + SOFT_SECONDS
        waiting = self._rotation.first(MOST_WAITING)
        for at in range(0, len(waiting), _PER_TURN):
            if perf_counter() > until:
                return
            for token in waiting[at : at + _PER_TURN]:
                tracked = self.tracked.get(token)
                if tracked is not None and token not in self.describer.seen:
                    self._describe(tracked)

    def _note_partners(self, *, is_all: bool) -> None:
        """Find the models that optimizers and the like work on, if that can have changed."""
        if not is_all and self._linked.isdisjoint(self.describer.seen):
            return
        named = [target_of(self.tracked[t].reference) for t in self.names.values() if t in self.tracked]
        linked = [obj for obj in named if obj is not None and self._parts.reader_of(obj).is_linked]
        for token, partners in self._owners.partners_of(linked).items():
            self.describer.note_partners(token, partners)

    def _settle(self, walk: NamespaceWalk | None) -> None:
        """Keep what is in sight now, and forget what has died."""
        gone: list[int] = []
        if walk is not None or self.describer.has_other_parts:
            before, self._in_sight = self._in_sight, self._reach()
            gone = [token for token in before if token not in self._in_sight]
            self._follow()
        elif self.describer.described:
            self._marks.refresh()
        self.visited += len(self.describer.seen)
        self._forget(gone)

    def _reach(self) -> dict[int, None]:
        """Tokens of what names reach, with all parts."""
        reached: dict[int, None] = {}
        pending = list(reversed(list(self.names.values())))
        while pending:
            token = pending.pop()
            tracked = self.tracked.get(token)
            if token not in reached and tracked is not None:
                reached[token] = None
                if tracked.record is not None:
                    pending += [part["token"] for part in reversed(tracked.record["parts"])]
        return reached

    def _follow(self) -> None:
        """Compare what is in sight from now on."""
        tracked = [self.tracked[token] for token in self._in_sight]
        described = [one for one in tracked if one.record is not None and not one.is_by_address()]
        self.describer.visits_all = len(described) < len(tracked)
        named = frozenset(self.names.values())
        for token, one in zip(self._in_sight, tracked):
            one.is_named = token in named
        self._marks.rebuild(described)
        self._rotation.follow(self._in_sight)
        self._linked = frozenset(t for t, one in zip(self._in_sight, tracked) if one.is_linked)
        self._roots = {}
        for name, token in self.names.items():
            self._roots.setdefault(root_of(name), []).append(token)

    def _forget(self, gone: list[int]) -> None:
        """Drops the dead; of what lives on out of sight, in case a name comes back to it, the
        number and the bindings stay.

        What has left sight since the last look is gone through, and a few of what left it before.
        """
        gone += [self._hidden.popitem(last=False)[0] for _ in range(min(len(self._hidden), HIDDEN_PER_LOOK))]
        self.visited += len(gone)
        for token in gone:
            tracked = self.tracked.get(token)
            if tracked is None or token in self._in_sight:
                continue
            tracked.record = None
            tracked.is_named = False
            if tracked.is_dead():
                self.describer.forget(token)
            else:
                self._hidden[token] = None

    # For others.

    def number(self, obj: Any) -> int:
        """The object's generation: given when a name first reaches it, or a local is reported."""
        token = self.tokens.of(obj)
        tracked = self.tracked.get(token)
        if tracked is None:
            tracked = self.tracked[token] = TrackedObject(obj)
            self._hidden[token] = None
        return self.describer.generation_of(tracked)

    def next_number(self) -> int:
        """A generation's number, never given again."""
        return self.describer.next_number()

    def generation_of(self, name: str, obj: Any) -> int | None:
        """The number of the model that the name held at the last look, if it is still this one."""
        tracked = self.tracked.get(self.names.get(name, 0))
        return tracked.generation if tracked is not None and tracked.is_of(obj) else None

    def everything(self) -> wire.State:
        """What the last looks amount to: ``{"names", "objects"}``, not as a difference."""
        records = [t.record for t in self.tracked.values() if t.record is not None]
        return {"names": dict(self.names), "objects": records}

    def parameter_parts(self, obj: Any) -> list[Part]:
        """The models that it was given; changes nothing here, so that another thread may ask."""
        return self._parts.parameter_parts(obj)
