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

from time import perf_counter
from typing import TYPE_CHECKING, Any, Callable

from .describer import Describer
from .global_walks import GlobalWalks
from .identity import Tokens, target_of
from .in_sight import ObjectsInSight
from .library import Libraries, Part
from .mentions import Touched
from .name_table import NameTable
from .newcomers import Newcomers
from .structure import Difference
from .tracked import TensorOwners, TrackedObject
from .types import TypeCache
from .values import ValueReader
from .walk import NamespaceWalk

if TYPE_CHECKING:
    from . import wire

SECONDS = 0.05
"""The most that one look may take of the kernel's time, unless more models are described for the first time."""
FIRST_SECONDS = 0.025
"""Of this, for models that were never described before; the rest is for changes of those that were."""
SOFT_SECONDS = 0.001
"""After so much of a look, the content of no further model is looked at that its cell cannot have touched."""
MOST_WAITING = 256
"""Models whose content one look may compare in its soft budget."""
LEAST_WAITING = 16
"""Of these, how many it compares whatever time that takes: with few models nothing depends on the machine's load."""
MOST_NAMED = 20
"""Of what a look left out, how much is named; the rest is counted."""
_PER_TURN = 4
"""Contents that it compares before the budget is asked again."""


class NamespaceScanner:
    """Looks at one namespace again and again, and reports what differs."""

    def __init__(self, namespace: dict[str, Any], libraries: Libraries) -> None:
        self.libraries = libraries
        self.types = TypeCache(libraries.tables)
        self.types.forbid(libraries.unreadable())
        self.tokens = Tokens()
        self.reader = ValueReader(self.types, self.tokens, libraries.tensors)
        self.describer = Describer(self.types, libraries, self.tokens, self.reader)
        self._parts = self.describer.parts
        self._owners = TensorOwners(self.tokens, self._parts)
        self.walks = GlobalWalks(namespace, self.types, self._parts.is_model)
        self._table = NameTable()
        self.sight = ObjectsInSight(self.describer)
        self._newcomers = Newcomers(self.describer)
        self._begun = 0.0
        """When the look began, by ``perf_counter``."""
        self._run = 0
        self._is_between_runs = False
        self._first_seconds = 0.0
        self._at_work = False
        """A look has begun and not ended: one that was broken off, if another begins."""
        self._begins_again = True
        """The next look reports everything."""
        self.cut: list[str] = []
        """What the last look left out, and why."""
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
    def has_more(self) -> bool:
        """There are models that no look had the time to describe."""
        return bool(self._newcomers.postponed)

    @property
    def reached_again(self) -> bool:
        """The last look reached a name that an earlier one had not: what it found may be older."""
        return self._table.reached_again

    def scan(
        self,
        touched: Touched | None = None,
        run: int = 0,
        *,
        is_between_runs: bool = False,
        first_seconds: float | None = None,
    ) -> wire.Findings:
        """One look: ``{"names", "objects", "cut"}`` as differences to the look before.

        ``not_compared`` tells of how many models the content was not compared, and which of them wait longest.
        ``unreached``, if there are any, lists the names whose model is gone and that a budget left out: they
        may hold another; and ``unreadable`` those among them whose model cannot be read any more.  ``switched_off``
        lists the libraries that are not read.

        After one that was broken off, by an interrupt say, the next one reports everything again.

        Args:
            touched: what a cell may have done something to; ``None`` if that may be anything.
            run: the execution count of the run that the look follows.
            is_between_runs: it looks for what was done after that run.
            first_seconds: how long it may describe models for the first time; ``None``: ``FIRST_SECONDS``.
        """
        self._first_seconds = FIRST_SECONDS if first_seconds is None else first_seconds
        self._run, self._is_between_runs = run, is_between_runs
        self._newcomers.postponed.begin(run)
        if self._at_work:
            self.resend_all_next_time()
        self._at_work = True
        findings = self._scan_what_can_be_read(touched)
        self._at_work = False
        return findings

    def _scan_what_can_be_read(self, touched: Touched | None) -> wire.Findings:
        """One look; it begins again without a library whose reader raises."""
        try:
            return self._scan(touched)
        except Exception as error:
            folder = self.libraries.folder_at_fault(error)
            if folder is None:
                raise
            self.types.forbid(self.libraries.switch_off(folder, error))
        self.resend_all_next_time()
        return self._scan_what_can_be_read(touched)  # once per library at most

    def resend_all_next_time(self) -> None:
        """What the last look found was not reported: the next one reports everything again."""
        self._table.resend_all()
        self._begins_again = True
        for tracked in list(self.tracked.values()):
            tracked.doubt()

    def _scan(self, touched: Touched | None) -> wire.Findings:
        self._begun = perf_counter()
        self.reader.begin(SECONDS - FIRST_SECONDS + self._first_seconds)
        changed = self.sight.find_changed()
        everything = self._begins_again or bool(self.sight.by_address)
        lost = {token for token, tracked in changed.items() if tracked.names and tracked.is_dead()}
        if lost and not everything:
            # Another object may be at the address of one that is gone, which a comparison of ids cannot see.
            self.walks.walk_again(self._table.roots_of(lost))
        postponed = self._newcomers.postponed
        if postponed:
            self.walks.walk_again(postponed.next_roots(() if touched is None else touched.words))
        difference, walk = self.walks.walk(everything=everything, known=len(self.names))
        postponed.take_up((*difference.changed, *difference.gone))
        self.describer.begin(list(self.walks.cut), self._run, is_between_runs=self._is_between_runs)
        self.describer.visits_all = bool(self.sight.by_address)
        self._newcomers.describe(walk, touched, self._first_seconds)
        names, unreached = self._compare_names(difference, walk)
        for token, tracked in changed.items():
            tracked.is_changed = True
            if token in self.sight:
                self._describe(tracked)
        self._describe_touched(touched)
        if not self.describer.unreadable.isdisjoint(self.names.values()):
            # A model is made of something that cannot be read now: its names are unreadable, too.
            self._begins_again = True
            return self._scan(touched)
        self._note_partners()
        for reached in names.values():
            if reached is not None:
                self.describer.name(reached)
        self.visited = self.walks.visited + self.sight.settle()
        self.reader.end()
        return self._findings(names, unreached, walk)

    def _findings(
        self, names: dict[str, int | None], unreached: list[str], walk: NamespaceWalk
    ) -> wire.Findings:
        describer = self.describer
        self.cut = describer.cut
        findings: wire.Findings = {
            "names": names,
            "objects": list(describer.objects.values()),
            "cut": describer.cut,
        }
        if unreached:
            findings["unreached"] = unreached
        if unreadable := [name for name in unreached if name in walk.unreadable]:
            findings["unreadable"] = unreadable
        if self.sight.not_compared:
            findings["not_compared"] = self.sight.describe_not_compared(self.names, MOST_NAMED)
        if self.libraries.switched_off:
            findings["switched_off"] = self.libraries.report()
        return findings

    # Names.

    def _compare_names(
        self, difference: Difference, walk: NamespaceWalk
    ) -> tuple[dict[str, int | None], list[str]]:
        """Names that reach something else, and those that a budget keeps from the look; brings the sight up to date."""
        names = {name: self.tokens.of(obj) for name, obj in walk.names.items()}
        unreadable = self.describer.unreadable
        walk.unreadable.update({n: walk.names[n] for n, t in names.items() if t in unreadable})
        names = {name: token for name, token in names.items() if name not in walk.unreadable}
        roots = None if difference.is_all else [*difference.changed, *difference.gone]
        self._table.begin()
        changed, unreached = self._table.compare(roots, names, walk, self.tracked)
        if self._begins_again:
            self.sight.begin_again(self.names.values())
            self._begins_again = False
        else:
            self.sight.update(changed, self._table.before)
            self._describe_again(changed)
        return changed, unreached

    def _describe_again(self, changed: dict[str, int | None]) -> None:
        """Describe those objects whose long lists hold what other names reach now."""
        reached = (*changed.values(), *self._table.before.values())
        moved = frozenset(token for token in reached if token is not None)
        for token in self.describer.folding(moved) if moved else ():
            self.tracked[token].has_other_names = True
            self._describe(self.tracked[token], again=True)

    # Objects.

    def _describe(self, tracked: TrackedObject, *, again: bool = False) -> None:
        """Describe an object in sight, if this look has not yet; or once more."""
        obj = target_of(tracked.reference)
        if obj is not None and tracked.record is not None:
            self.describer.describe(obj, tracked.levels, again=again)

    def _describe_touched(self, touched: Touched | None) -> None:
        """Compare the content of what a cell may have done something to, and of what has waited longest."""
        if touched is None:
            self._describe_all()
            return
        for token in self.sight.with_parts_and_links(self.tokens_of(touched)):
            if token in self.sight:
                self._describe(self.tracked[token])
        self.reader.is_thorough = False
        self._describe_waiting()

    def _describe_all(self) -> None:
        """Compare the content of everything, as far as there is time: what has waited longest first."""
        for token in self.sight.waiting(len(self.tracked)):
            if self.reader.overdue():
                return
            if token in self.sight:
                self._describe(self.tracked[token])

    def tokens_of(self, touched: Touched) -> list[int]:
        """Tokens of what a cell can have touched, without the parts."""
        tokens = [token for word in touched.words for token in self._table.tokens_by_root(word)]
        # What differs by now may have been done by what else differs.
        return [*tokens, *touched.tokens, *self.describer.objects]

    def _describe_waiting(self) -> None:
        until = self._begun + SOFT_SECONDS
        waiting = self.sight.waiting(MOST_WAITING)
        for at in range(0, len(waiting), _PER_TURN):
            if self.reader.overdue() or (at >= LEAST_WAITING and perf_counter() > until):
                return
            for token in waiting[at : at + _PER_TURN]:
                if token in self.sight and token not in self.describer.seen:
                    self._describe(self.tracked[token])

    def _note_partners(self) -> None:
        """Find the models that optimizers and the like work on, if that can have changed."""
        if not self.sight.linked and not any(
            self.tracked[t].is_linked for t in self.describer.objects if t in self.tracked
        ):
            return
        named = [self.tracked[token] for token in dict.fromkeys(self.names.values()) if token in self.tracked]
        linked = [target_of(tracked.reference) for tracked in named if tracked.is_linked]
        partners = self._owners.partners_of([obj for obj in linked if obj is not None])
        for token, worked_on in partners.items():
            self.describer.note_partners(token, worked_on)

    # For others.

    def watch_classes(self, on_class: Callable[[type], None]) -> None:
        """Have the class of every model that a look describes given to a function."""
        self.describer.on_class = on_class

    def number(self, obj: Any) -> int:
        """The object's generation: given when a name first reaches it, or a local is reported."""
        token = self.tokens.of(obj)
        tracked = self.tracked.get(token)
        if tracked is None:
            tracked = self.tracked[token] = TrackedObject(obj)
            self.sight.hide(token)
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


def shorten(cut: list[str]) -> list[str]:
    """The first of what was left out, and how many more there are."""
    more = len(cut) - MOST_NAMED
    return cut if more <= 0 else [*cut[:MOST_NAMED], f"{more:,} more"]
