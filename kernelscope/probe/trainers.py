"""Reads what a library's trainer does with files: it puts a checkpoint into a network, or writes one of it."""

from __future__ import annotations

import ast
from typing import Any

from .frame import Frame
from .lookups import was_written
from .persistence import access_fact
from .resolve import Resolver
from .standins import NewInstance
from .statements import CellReading
from .types import attributes_of, class_module

_LEVELS = 3
_MOST_OBJECTS = 100
"""Whose attributes are gone through to find the network that a trainer works with, per level."""


class TrainerReader:
    """Reads one method call after another on what may be a trainer."""

    def __init__(self, reading: CellReading) -> None:
        self._at, self._notes, self._files = reading.at, reading.notes, reading.files
        self._tables = reading.tables

    def read(self, node: ast.Call, receiver: Any, method: str, frame: Frame) -> None:
        """``trainer.test(net, data, ckpt_path=path)``, ``trainer.save_checkpoint(path)``."""
        keywords = [k for k in node.keywords if k.arg in self._tables.loading_args and not is_none(k.value)]
        if keywords:
            self._load(node, method, keywords[0], frame)
        if method in self._tables.trainer_saving_methods:
            fact = access_fact("save", method, self._files.path_argument(node, 0, frame.scope))
            fact["touched"] = self._files.was_saved(fact["path"])
            for network in self._networks_of(receiver):
                self._files.facts.append({**fact, "name": None, "token": self._at.token(network)})

    def _load(self, node: ast.Call, method: str, keyword: ast.keyword, frame: Frame) -> None:
        """Lightning's ``"best"`` and ``"last"`` are no paths."""
        path = self._at.path(keyword.value, frame.scope)
        fact = access_fact("load", method, path if was_written(path, None) else None)
        for network in models_among(node, self._tables.networks, self._at, frame):
            token = self._at.token(network)
            self._files.facts.append({**fact, "name": None, "token": token})
            self._notes.add(method, token, frame.inside, args=(keyword.arg or "",))

    def _networks_of(self, trainer: Any) -> list[Any]:
        """The networks that it reaches through objects of its own package."""
        package = _package_of(trainer)
        networks: dict[int, Any] = {}
        seen: set[int] = set()
        level = [trainer]
        for _ in range(_LEVELS):
            reached = [value for one in level for _, value in attributes_of(one)]
            networks.update((id(n), n) for n in reached if self._at.library(n) in self._tables.networks)
            level = [one for one in reached if id(one) not in seen and _package_of(one) == package]
            level = level[:_MOST_OBJECTS]
            seen.update(map(id, level))
        return list(networks.values())


def models_among(node: ast.Call, libraries: frozenset[str], at: Resolver, frame: Frame) -> list[Any]:
    """The models of some libraries among the arguments of a call."""
    arguments = [at.value(a, frame.scope) for a in (*node.args, *(k.value for k in node.keywords))]
    return [one for one in arguments if at.library(one) in libraries and type(one) is not NewInstance]


def is_none(node: ast.expr) -> bool:
    """Whether an argument is written as ``None``."""
    return isinstance(node, ast.Constant) and node.value is None


def _package_of(value: Any) -> str:
    return class_module(type(value)).partition(".")[0]
