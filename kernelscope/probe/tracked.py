"""What the probe remembers of an object between looks, and which models a tensor belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable

from .identity import Binding, Tokens, Unreferable, is_dead, reference_to, target_of
from .parts import PartFinder

if TYPE_CHECKING:
    from . import wire
    from .content import Content


class TrackedObject:
    """What is remembered of one object between looks: nothing that keeps it alive."""

    __slots__ = (
        "bindings",
        "content",
        "generation",
        "has_other_names",
        "in_order",
        "is_changed",
        "is_linked",
        "is_plain",
        "known",
        "levels",
        "list_mark",
        "lists",
        "looked_after",
        "mark",
        "names",
        "owed",
        "record",
        "reference",
        "tensor_mark",
    )

    def __init__(self, obj: Any) -> None:
        # fault: 51a
        self.reference = reference_to(obj)
        self.names = 0
        """How many names reach it itself, and not only what holds it."""
        self.is_linked = False
        """What it holds is another model's business, too: a network, an optimizer."""
        self.has_other_names = False
        """Names reach other ones of its parts than at the last look."""
        self.is_plain = False
        """It has an instance dictionary that can be read."""
        self.mark: tuple[int, ...] = ()
        """Ids of what its attributes held at the last look, in their order."""
        self.list_mark: tuple[tuple[int, ...], ...] = ()
        """Ids of the items of each of its lists of parts."""
        self.tensor_mark: tuple[Any, ...] = ()
        """Ids of its tensors, and how often these were written."""
        self.lists: tuple[str, ...] = ()
        """Attributes that are lists with parts in them."""
        self.levels = 0
        """How deep parts of parts of it are reported."""
        self.looked_after = 0
        """The execution count of the run after which its content was last looked at."""
        self.is_changed = False
        """Its attributes hold something else than at the last look, which was after the run before."""
        self.bindings: dict[str, Binding] = {}
        self.content: Content | None = None
        """What is compared of its attributes."""
        self.in_order: list[tuple[str, Binding]] = []
        """The bindings as the instance dictionary has them."""
        self.generation: int | None = None
        self.record: wire.ObjectFacts | None = None
        self.known = ""
        """As what it was there before it was reported for the first time: see ``ObjectFacts.known``."""
        self.owed = False
        """What is remembered of it may never have been reported, or not be so."""

    def is_dead(self) -> bool:
        """Whether the object is known to be gone."""
        return is_dead(self.reference)

    def is_by_address(self) -> bool:
        """Whether another object of its class at the same address would be taken for it."""
        # fault: 52a
        return type(self.reference) is Unreferable

    def is_of(self, obj: Any) -> bool:
        """Whether it is known to be this object."""
        return target_of(self.reference) is obj

    def binding(self, attribute: str) -> Binding:
        """What is remembered of one attribute; made on first use."""
        binding = self.bindings.get(attribute)
        if binding is None:
            binding = self.bindings[attribute] = Binding()
        return binding

    def doubt(self) -> None:
        """What was noted in a look that was broken off may be half done, and was not reported."""
        self.owed = True
        for binding in list(self.bindings.values()):
            binding.doubt()


class TensorOwners:
    """Which models a tensor belongs to, so that an optimizer's networks are known: also those that are gone, whose
    tensors it keeps alive."""

    def __init__(self, tokens: Tokens, parts: PartFinder) -> None:
        self._tokens, self._parts = tokens, parts
        self._owners: dict[int, dict[int, None]] = {}
        """By token of a tensor, the models whose own it is or was."""

    def partners_of(self, named: Iterable[Any]) -> dict[int, list[int]]:
        """By token of each linked object among those that names reach, the models that it works on."""
        linked = {self._tokens.of(obj): obj for obj in named if self._parts.reader_of(obj).is_linked}
        if not linked:
            self._owners = {}
            return {}
        owners = self._owners_now(linked.values())
        partners = {
            token: list(self._find_partners(self._parts.reader_of(obj).objects_worked_on(obj), owners))
            for token, obj in linked.items()
        }
        self._owners = owners
        return partners

    def _owners_now(self, linked: Iterable[Any]) -> dict[int, dict[int, None]]:
        networks = list(linked)
        whole = [obj for obj in networks if self._parts.reader_of(obj).levels == 1]
        networks += [part for obj in whole for _, _, part in self._parts.parts_of(obj).parts]
        owners: dict[int, dict[int, None]] = {}
        for obj in networks:
            for tensor in self._parts.reader_of(obj).owned_tensors(obj):
                token = self._tokens.of(tensor)
                before = owners.get(token) or self._owners.get(token) or {}
                owners[token] = {**before, self._tokens.of(obj): None}
        return owners

    def _find_partners(self, objects: list[Any], owners: dict[int, dict[int, None]]) -> dict[int, None]:
        partners: dict[int, None] = {}
        for obj in objects:
            token = self._tokens.of(obj)
            if token not in owners and token in self._owners:
                owners[token] = self._owners[token]
            partners.update({token: None} if self._parts.is_model(obj) else owners.get(token, {}))
        return partners
