"""Follows calls into functions, scripts, magics and texts of the user's."""

from __future__ import annotations

import ast
import types
from typing import Any

from ..cellcode.magics import python_of_magic, texts_of_magic
from ..cellcode.syntax import parse
from .frame import Frame
from .sources import Sources
from .standins import GLOBALS, LocalFunction
from .statements import CellReading
from .types import is_one_of

_DEPTH = 5
"""Calls within calls that are followed."""
_CO_GENERATORS = 0x20 | 0x80 | 0x200
"""Flags of functions whose body is not run by calling them: generators, coroutines, both."""


class FunctionReader:
    """Follows one call after another of one cell."""

    def __init__(self, reading: CellReading, sources: Sources) -> None:
        self._reading, self._sources = reading, sources
        self._at, self._notes, self._binder = reading.at, reading.notes, reading.binder

    def descend(self, function: Any, receiver: Any, node: ast.Call, frame: Frame) -> None:
        """Into a function of the user's, with what its parameters are bound to."""
        if type(function) is not types.FunctionType or not self._at.is_users(function):
            if receiver is None or is_one_of(type(function), (classmethod, staticmethod)):
                self._notes.complete = False
            return
        code = function.__code__
        if frame.depth >= _DEPTH:
            self._notes.complete = False
        if frame.depth >= _DEPTH or id(code) in self._notes.entered:
            return
        self._notes.entered.add(id(code))
        definition = self._sources.function_node(function)
        if definition is None:
            self.note_names(code)
            return
        first = [receiver] if receiver is not None else []
        positional = [*first, *self._binder.positional(node, frame.scope)]
        own = self._binder.bind_call(function, positional, self._binder.by_keyword(node, frame.scope))
        with self._notes.doubting(bool(code.co_flags & _CO_GENERATORS)):
            self._reading.block(definition.body, Frame(own, code.co_name, frame.depth + 1))
        self._notes.entered.discard(id(code))

    def descend_into_local(self, function: LocalFunction, node: ast.Call, frame: Frame) -> None:
        """Into a function that the function at hand has defined."""
        definition = function.node
        if frame.depth >= _DEPTH or id(definition) in self._notes.entered:
            self._notes.complete = False
            return
        self._notes.entered.add(id(definition))
        own = {**function.scope, **self._binder.bind_parameters(definition, node, frame.scope)}
        with self._notes.doubting(isinstance(definition, ast.AsyncFunctionDef)):
            self._reading.block(definition.body, Frame(own, definition.name, frame.depth + 1))
        self._notes.entered.discard(id(definition))

    def note_names(self, code: types.CodeType) -> None:
        """Of a function without a source: the names it uses."""
        self._notes.complete = False
        for name in code.co_names:
            if name in self._reading.tables.fit_methods:
                self._notes.add(name, None, code.co_name)
        for inner in code.co_consts:
            if type(inner) is types.CodeType:
                self.note_names(inner)

    def reload(self, node: ast.Call, frame: Frame) -> None:
        """``importlib.reload`` of a module of the user's runs its file once more."""
        module = self._at.value(node.args[0], frame.scope) if node.args else None
        tree = None
        if type(module) is types.ModuleType and frame.depth < _DEPTH:
            path = module.__dict__.get("__file__")
            tree = self._sources.script(path) if type(path) is str else None
        if tree is None:
            self._notes.complete = False
        else:
            self._reading.block(tree.body, Frame({GLOBALS: module.__dict__}, None, frame.depth + 1))

    def read_text(self, node: ast.Call, frame: Frame) -> None:
        """``exec`` of a text that the source holds; any other is not followed."""
        arg = node.args[0] if node.args else None
        text = arg.value if isinstance(arg, ast.Constant) else None
        tree = parse(text) if type(text) is str else None
        if tree is None or len(node.args) > 1 or node.keywords:
            self._notes.complete = False
        else:
            self._reading.block(tree.body, Frame(frame.scope, None, frame.depth))

    def read_magic(self, node: ast.Call, frame: Frame) -> None:
        """``%time m.fit(X)``, ``%run script.py``; any other is not followed."""
        texts, tree = texts_of_magic(node), python_of_magic(node)
        if len(texts) > 1 and texts[0] == "run":
            words = [w for w in texts[1].split() if not w.startswith("-")]
            tree = self._sources.script(words[0]) if words else None
        if len(texts) > 1 and texts[0] == "store":
            self._reading.files.store(texts[1].split())
        elif tree is None:
            self._notes.complete = False
        else:
            self._reading.block(tree.body, frame)
