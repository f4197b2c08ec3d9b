"""Finds the models that a composite is made of: those that it was given, and those that it learned."""

from __future__ import annotations

from typing import Any, Iterable

from .identity import Tokens
from .library import Libraries, LibraryReader, Part
from .types import ESTIMATOR, LONGEST_NAME, UNREADABLE, TypeCache, is_one_of

MOST_IN_LIST = 64
"""Items of a list parameter that are looked at."""
MOST_LEARNED_PARTS = 8
"""A learned list of more estimators than this (a forest) is recorded as one value, not as parts."""
MOST_FOLDED = 1_000
"""Of such a list: estimators that are known again when a name reaches one of them."""


class PartFinder:
    """Finds the parts of one object after another, within one look."""

    def __init__(self, types_: TypeCache, libraries: Libraries, tokens: Tokens) -> None:
        self._types, self._libraries, self._tokens = types_, libraries, tokens
        self._named: frozenset[int] = frozenset()
        """Ids of all that names reach in this look."""
        self.folded: set[int] = set()
        """Tokens of what learned lists hold in this look that are recorded as one value."""

    def begin(self, named: Iterable[Any]) -> None:
        """Another look begins, in which names reach these objects."""
        self._named, self.folded = frozenset(map(id, named)), set()

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
        return self.is_model(value) or self.is_unreadable(value)

    def parts_of(self, obj: Any) -> list[Part]:
        """(label, key, model) of what a composite holds, readable or not; ``key`` is ``None`` for learned ones."""
        reader, info = self.reader_of(obj), self._types.of(type(obj))
        own = reader.parts(obj)
        if own is not None:
            return [part for part in own if self._is_part(part[2])]
        params, learned = reader.split(obj, info)
        parts = self._parts_in_params(params)
        value: Any
        for name, value in learned.items():
            if self._is_part(value):
                parts.append((f".{name}", None, value))
            elif is_one_of(type(value), (list, tuple)):
                parts += self._find_learned(name, value)
        return parts

    def parameter_parts(self, obj: Any) -> list[Part]:
        """The readable parts that it was given; changes nothing here, so that another thread may ask."""
        params, _ = self.reader_of(obj).split(obj, self._types.of(type(obj)))
        return [part for part in self._parts_in_params(params) if not self.is_unreadable(part[2])]

    def _parts_in_params(self, params: dict[str, Any]) -> list[Part]:
        parts: list[Part] = []
        for name, value in params.items():
            if self._is_part(value):
                parts.append((f".{name}", name, value))
            elif is_one_of(type(value), (list, tuple)):
                parts += self._parts_in_list(name, value)
        return parts

    def _find_learned(self, name: str, value: Any) -> list[Part]:
        """Estimators in a learned list: all of a few, of many those that a name reaches, too."""
        if len(value) <= MOST_LEARNED_PARTS:
            return [(f".{name}[{i}]", None, v) for i, v in enumerate(value) if self._is_part(v)]
        many = [(i, v) for i, v in enumerate(value[:MOST_FOLDED]) if self._is_part(v)]
        self.folded.update(self._tokens.of(v) for _, v in many)
        return [(f".{name}[{i}]", None, v) for i, v in many if id(v) in self._named]

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
