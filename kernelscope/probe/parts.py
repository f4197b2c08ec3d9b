"""Finds the models that a composite is made of: those that it was given, and those that it learned."""

from __future__ import annotations

from itertools import islice
from typing import Any, Callable, Iterator

from .containers import holds_objects, index_of, is_plain_key
from .identity import Tokens
from .library import Libraries, LibraryReader, Part, Values
from .types import ESTIMATOR, ITEMS, LONGEST_NAME, UNREADABLE, TypeCache, instance_dict, is_atom, pairs_of

MOST_IN_LIST = 64
"""Items of a list parameter that are looked at."""
MOST_LEARNED_PARTS = 8
"""A learned list of more estimators than this (a forest) is recorded as one value, not as parts."""
_DEPTH = 2
"""Levels of containers within a learned attribute in which parts are looked for."""
_MOST_ATTRIBUTES = 16
MOST_FOLDED = 1_000
"""Of such a list: estimators that are known again when a name reaches one of them."""


class Composition:
    """What one object is made of."""

    __slots__ = ("folded", "lists", "parts")

    def __init__(self, parts: list[Part]) -> None:
        self.parts = parts
        """(label, key, model), readable or not; ``key`` is ``None`` for learned ones."""
        self.lists: tuple[str, ...] = ()
        """Attributes that are lists with parts in them, or may get some."""
        self.folded: frozenset[int] = frozenset()
        """Tokens of what its learned lists hold that are recorded as one value."""


class PartFinder:
    """Finds the parts of one object after another."""

    def __init__(self, types_: TypeCache, libraries: Libraries, tokens: Tokens) -> None:
        self._types, self._libraries, self._tokens = types_, libraries, tokens
        self.is_named: Callable[[int], bool] = _never
        """Whether a name reaches an object itself, by token."""

    def reader_of(self, obj: Any) -> LibraryReader:
        """How this object is read."""
        return self._libraries.reader_of(self._types.of(type(obj)))

    def is_model(self, value: Any) -> bool:
        """Whether it is a model that can be read."""
        info = self._types.of(type(value))
        return info.kind == ESTIMATOR and self._libraries.reader_of(info).is_model(value)

    def is_unreadable(self, value: Any) -> bool:
        """Whether it is one whose library is switched off."""
        return self._types.of(type(value)).kind == UNREADABLE

    def _is_part(self, value: Any) -> bool:
        return not is_atom(value) and (self.is_model(value) or self.is_unreadable(value))

    def parts_of(self, obj: Any, split: tuple[Values, Values] | None = None) -> Composition:
        """What a composite holds.

        Args:
            split: its hyper-parameters and what it has learned, if that was read already.
        """
        reader, info = self.reader_of(obj), self._types.of(type(obj))
        own = reader.parts(obj)
        if own is not None:
            return Composition([part for part in own if self._is_part(part[2])])
        params, learned = split or reader.split(obj, info)
        composition = Composition(self._parts_in_params(params))
        lists = [name for name, value in params.items() if _is_list(value)]
        value: Any
        for name, value in learned.items():
            if self._is_part(value):
                composition.parts.append((f".{name}", None, value))
            elif self._add_learned(name, value, composition) and _is_list(value):
                lists.append(name)
        composition.lists = tuple(lists)
        return composition

    def parameter_parts(self, obj: Any) -> list[Part]:
        """The readable parts that it was given; changes nothing here, so that another thread may ask."""
        params, _ = self.reader_of(obj).split(obj, self._types.of(type(obj)))
        return [part for part in self._parts_in_params(params) if not self.is_unreadable(part[2])]

    def _parts_in_params(self, params: dict[str, Any]) -> list[Part]:
        parts: list[Part] = []
        for name, value in params.items():
            if self._is_part(value):
                parts.append((f".{name}", name, value))
            elif _is_list(value):
                parts += self._parts_in_list(name, value)
        return parts

    def _add_learned(self, name: str, value: Any, composition: Composition) -> bool:
        """Add the estimators in a learned list: all of a few, of many those that a name reaches, too.

        Returns whether the list holds any, or may get some.
        """
        if is_atom(value):
            return False
        parts = list(self._models_in(f".{name}", value, _DEPTH))
        if len(parts) > MOST_LEARNED_PARTS:
            tokens = [self._tokens.of(v) for _, v in parts]
            composition.folded |= frozenset(tokens)
            parts = [part for part, token in zip(parts, tokens) if self.is_named(token)]
        composition.parts += [(label, None, v) for label, v in parts]
        return bool(parts or composition.folded or (_is_list(value) and not value))

    def _models_in(self, label: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
        """Models in a learned attribute: in lists, tuples, dicts and arrays of objects, and as attributes of the objects
        that a list holds (scikit-learn's ``calibrated_classifiers_``)."""
        if self._is_part(value):
            yield label, value
        elif depth and not is_atom(value):
            for further, item in self._items_of(value, depth):
                if not is_atom(item):
                    yield from self._models_in(label + further, item, depth - 1)

    def _items_of(self, value: Any, depth: int) -> list[tuple[str, Any]]:
        if _is_list(value):
            return [(f"[{place}]", item) for place, item in enumerate(value[:MOST_FOLDED])]
        if holds_objects(value):
            return [
                (index_of(place, value.shape), item)
                for place, item in enumerate(islice(value.flat, MOST_FOLDED))
            ]
        if self._types.of(type(value)).shape == ITEMS:
            pairs = pairs_of(value, MOST_FOLDED)
            return [(f"[{key!r}]", item) for key, item in pairs if is_plain_key(key)]
        own = instance_dict(value) if depth < _DEPTH else None
        pairs = pairs_of(own, _MOST_ATTRIBUTES) if own is not None else []
        return [(f".{name}", item) for name, item in pairs if type(name) is str]

    def _parts_in_list(self, name: str, value: Any) -> list[Part]:
        """Estimators in a list parameter: bare, or named as a pipeline's steps are."""
        parts: list[Part] = []
        for place, item in enumerate(list(value)[:MOST_IN_LIST]):
            if self._is_part(item):
                parts.append((f".{name}[{place}]", "", item))
            elif type(item) is tuple and len(item) > 1 and type(item[0]) is str:
                step = item[0][:LONGEST_NAME]
                parts += [(f"[{step!r}]", step, v) for v in item[1:2] if self._is_part(v)]
        return parts


def _never(_token: int) -> bool:
    """Stands for one who knows which names there are, if there is none."""
    return False


def _is_list(value: Any) -> bool:
    return type(value) is list or type(value) is tuple
