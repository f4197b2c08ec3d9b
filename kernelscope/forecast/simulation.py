"""The state of one simulated run: what names and objects would be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from msgspec.structs import replace

from kernelscope.domain.changes import Change, Identity, Run, Verdict
from kernelscope.domain.facts import ObjectFacts
from kernelscope.domain.names import root_of
from kernelscope.forecast.outlook import Forecast
from kernelscope.forecast.present import Present
from kernelscope.forecast.reasons import Reason
from kernelscope.forecast.stand_ins import StandIns
from kernelscope.verdicts.context import rows_of

_NEW_OBJECT = (Identity.NEW, Identity.RECREATED)


class CellSimulation:
    """One cell that runs once more, in thought.

    It holds the state; ``bindings``, ``parameters``, ``learning`` and ``observation`` change it, in this order.
    What the last run did to an object it would do to the ``successor`` of that object.

    Args:
        now: what is known at this moment.
        run: the latest run of the cell.
    """

    def __init__(self, now: Present, run: Run) -> None:
        self.now, self.run, self.seen = now, run, run.seen
        self.effects = now.count_effects(run)
        self.changes: Mapping[str, Change] = {c.name: c for c in run.changes}
        """What the last run did, by name."""
        facts_after = self._facts_after_run()
        self.names_then: Mapping[str, int] = {n: facts.token for n, facts in facts_after.items()}
        """What the names of the cell held after its last run."""
        self.facts_then: Mapping[int, ObjectFacts] = {
            f.token: f for f in (*facts_after.values(), *run.seen.objects)
        }
        self._stand_ins = StandIns(run.fresh)
        self._moved = dict(self._moves())
        self._kept: dict[int, int] = {}
        """Objects that the last run made and one more would not: each with the one that is there in its place."""
        self.names: dict[str, int] = dict(now.names)
        """What the names would hold afterwards."""
        self.objects: dict[int, ObjectFacts] = dict(self._recreated_objects())
        """The objects as they would be afterwards, if they would differ."""
        self.decided: dict[str, Forecast] = {}
        """Forecasts that are made without the judge."""
        self.unsure: set[str] = set()
        """Names whose forecast rests on what the last run did alone."""
        self.origins: dict[str, Reason] = {}
        """How each name would get its object."""

    def _facts_after_run(self) -> dict[str, ObjectFacts]:
        """What the names that the cell needs, or changed, held after its last run."""
        roots = dict.fromkeys((*sorted(self.effects.needs), *map(root_of, self.changes)))
        names = [name for root in roots for name in self.now.names_by_root.get(root, ())]
        return {n: facts for n in names if (facts := self.now.facts_after(n, self.run)) is not None}

    def _recreated_objects(self) -> Iterator[tuple[int, ObjectFacts]]:
        for original in self.run.fresh:
            facts, token = self.facts_then[original], self.successor(original)
            parts = tuple(replace(part, token=self.successor(part.token)) for part in facts.parts)
            partners = tuple(map(self.successor, facts.partners))
            yield token, replace(facts, token=token, generation=None, parts=parts, partners=partners)

    # Which object the code would act on now.

    def _moves(self) -> Iterator[tuple[int, int]]:
        """Objects of the last run, each with the one that is in its place now.

        Names tell: those that the cell reads count first, if it did not rebind them itself.
        """
        rebound = frozenset(n for n, c in self.changes.items() if c.identity is not Identity.SAME)
        by_token: dict[int, list[str]] = {}
        for name, token in self.names_then.items():
            by_token.setdefault(token, []).append(name)
        for token, names in by_token.items():
            here = [n for n in names if n in self.now.names]
            read = [n for n in here if root_of(n) in self.effects.needs and n not in rebound]
            places = {self.now.names[n] for n in read}
            if places and token not in places:
                yield token, min(places)
            elif not places and token not in self.now.in_use and here:
                yield token, self.now.names[here[0]]

    def successor(self, token: int) -> int:
        """The object that the cell would act on in place of this one.

        That is another one that it would make, the one that the name holds now, or the same one.
        """
        if token in self._kept:
            return self._kept[token]
        stand_in = self._stand_ins.of(token)
        return stand_in if stand_in is not None else self._moved.get(token, token)

    def keep(self, name: str) -> None:
        """The cell would make no other object for this name: it is there already."""
        then, now = self.names_then.get(name), self.now.names.get(name)
        if then is not None and now is not None:
            self._kept[then] = now

    def is_kept(self, token: int) -> bool:
        """Whether the last run made this object, and one more would act on what there is."""
        return token in self._kept

    def is_displaced(self, token: int) -> bool:
        """Whether another object is in the place of this one now."""
        return token in self._moved

    def acts_elsewhere(self, token: int) -> bool:
        """Whether what the cell did to this object it would do to the one that displaced it."""
        return self.is_displaced(token) and self._stand_ins.of(token) is None

    def is_simulated(self, token: int) -> bool:
        """Whether the cell would make this object."""
        return self._stand_ins.is_simulated(token)

    def is_there(self, token: int) -> bool:
        """Whether the cell would make this object, or a name reaches it."""
        return self.is_simulated(token) or token in self.now.in_use

    def facts_of(self, token: int) -> ObjectFacts | None:
        """The object as it would be."""
        return self.objects.get(token) or self.now.objects.get(token)

    def rows(self, root: str, names: Mapping[str, int] | None = None) -> dict[str, int]:
        """The token of every name and part that would be reached through this variable.

        Args:
            root: the variable.
            names: what the names hold, if not at the end.
        """
        mine = {n: t for n, t in (self.names if names is None else names).items() if root_of(n) == root}
        known = {**self.now.objects, **self.objects}
        return {name: token for name, (token, _) in rows_of(mine, known).items()}

    def resolve(self, text: str) -> int | None:
        """The object that a name or a part (``pipe['clf']``) would stand for."""
        if text in self.names:
            return self.names[text]
        return self.rows(root_of(text)).get(text)

    @cached_property
    def names_bound(self) -> frozenset[str]:
        """What the cell binds."""
        return frozenset(binding.target for binding in self.effects.exact_bindings)

    @cached_property
    def recreated_names(self) -> tuple[str, ...]:
        """Names that got a new object in the last run, and may get another one."""
        return tuple(name for name, change in self.changes.items() if change.identity in _NEW_OBJECT)

    def decide(self, name: str, verdict: Verdict | None, reason: Reason) -> None:
        """Make a forecast without the judge, who overrules it only if it has a verdict."""
        self.decided[name] = Forecast(name, verdict, reason, sure=verdict is not None)
