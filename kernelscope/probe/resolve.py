"""Finds what an expression stands for, without running it.

Names are looked up in the namespace and in module, class and instance dictionaries; a library's reader knows what its
objects give besides, and a few calls are known by what they give.  Everything else is ``UNKNOWN``.
"""

from __future__ import annotations

import ast
import builtins
import io
import types
from typing import Any, Iterator

from .containers import BY_ATTRIBUTE, first_items
from .identity import Tokens
from .library import MISSING, Libraries, LibraryReader, NamedItems
from .lookups import (
    MOST_HELD,
    PATH_CLASS,
    PATH_CLASSES,
    abspath,
    as_path,
    attribute_of,
    combine,
    constant_key,
    is_open,
    is_open_of,
    is_short_text,
    item_of,
    join,
    name_of,
)
from .standins import GLOBALS, STAND_INS, UNKNOWN, NewInstance, OpenedFile, Scope
from .types import (
    ARRAY,
    CONTAINER,
    ESTIMATOR,
    FRAME,
    ITEMS,
    OPAQUE,
    SERIES,
    USER_OBJECT,
    TypeCache,
    is_atom,
    is_class,
    is_one_of,
    is_small_atom,
)

SEARCH_DEPTH = 3
"""Levels of containers in which a save is searched for models."""


class Resolver:
    """Looks expressions up in one namespace."""

    def __init__(
        self, namespace: dict[str, Any], types_: TypeCache, tokens: Tokens, libraries: Libraries
    ) -> None:
        self.namespace, self._types, self._tokens, self._libraries = namespace, types_, tokens, libraries
        self.tables = types_.tables
        self._handing_out = self.tables.self_returning_methods | libraries.part_methods
        """Methods that give their receiver or a part of it."""

    def kind(self, value: Any) -> int:
        """What the value's type is; ``OPAQUE`` for a stand-in."""
        if type(value) is NamedItems:
            return CONTAINER
        return OPAQUE if is_one_of(type(value), STAND_INS) else self._types.of(type(value)).kind

    def makes_a_model(self, new: NewInstance) -> bool:
        """Whether the class that was called is one of models."""
        return self._types.of(new.cls).kind == ESTIMATOR

    def value_of_name(self, name: str | None) -> Any:
        """What a global name holds now."""
        return self.namespace.get(name, UNKNOWN) if name is not None else UNKNOWN

    def value(self, node: ast.expr, scope: Scope) -> Any:
        """What the expression stands for now, or ``UNKNOWN``."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return self._lookup(node.id, scope)
        if isinstance(node, ast.Attribute):
            return self._attribute_of(self.value(node.value, scope), node)
        if isinstance(node, ast.Subscript):
            return self._item_of(self.value(node.value, scope), self._key(node.slice, scope))
        if isinstance(node, ast.Call):
            return self._result(node, scope)
        if isinstance(node, ast.JoinedStr):
            return self._join_text(node, scope)
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Div, ast.Add)):
            return combine(self.value(node.left, scope), self.value(node.right, scope), node.op)
        if isinstance(node, ast.NamedExpr):
            return self.value(node.value, scope)
        return self._display(node, scope)

    def _attribute_of(self, owner: Any, node: ast.Attribute) -> Any:
        if type(owner) is NamedItems:
            return owner.get(node.attr, UNKNOWN)
        value = attribute_of(owner, node.attr, self.tables.lazy_modules)
        if value is UNKNOWN and self.kind(owner) in (CONTAINER, USER_OBJECT):
            return self._item_by_attribute(owner, node.attr)
        return self._read_attribute(owner, node.attr) if value is UNKNOWN else value

    def _item_by_attribute(self, owner: Any, name: str) -> Any:
        """What a container or an object with slots gives as an attribute."""
        shape = self._types.of(type(owner)).shape
        if shape == ITEMS:
            return item_of(owner, name, shape)  # scikit-learn's `Bunch`
        contents = first_items(owner, shape)
        if contents.reached != BY_ATTRIBUTE or contents.keys is None:
            return UNKNOWN
        pairs = zip(contents.keys, contents.values)
        return next((item for key, item in pairs if type(key) is str and key == name), UNKNOWN)

    def _key(self, index: ast.expr, scope: Scope) -> Any:
        """A key that is written out, or a text or a small number that a name holds."""
        key = constant_key(index)
        if key is UNKNOWN and not isinstance(index, ast.Slice):
            value = self.value(index, scope)
            key = value if is_one_of(type(value), (str, int)) and is_small_atom(value) else UNKNOWN
        return key

    def _item_of(self, owner: Any, key: Any) -> Any:
        is_container = self.kind(owner) == CONTAINER
        value = item_of(owner, key, self._types.of(type(owner)).shape) if is_container else UNKNOWN
        reader = self._reader_of(owner) if value is UNKNOWN and key is not UNKNOWN else None
        if reader is not None:
            value = reader.item(owner, key)
        return UNKNOWN if value is MISSING else value

    def _display(self, node: ast.expr, scope: Scope) -> Any:
        """A list, tuple or dict that is written out."""
        if isinstance(node, (ast.List, ast.Tuple)):
            return tuple(self.value(item, scope) for item in node.elts[:MOST_HELD])
        if isinstance(node, ast.Dict) and all(isinstance(k, ast.Constant) for k in node.keys):
            pairs = zip(node.keys[:MOST_HELD], node.values)
            return {k.value: self.value(v, scope) for k, v in pairs}  # type: ignore[union-attr]
        return UNKNOWN

    def library(self, value: Any) -> str:
        """The library that a model belongs to; empty for everything else."""
        if type(value) is NewInstance:
            info = self._types.of(value.cls)
        elif is_one_of(type(value), STAND_INS):
            return ""
        else:
            info = self._types.of(type(value))
        return info.library if info.kind == ESTIMATOR else ""

    def _read_attribute(self, owner: Any, name: str) -> Any:
        """What the library's reader knows of an attribute that stands in no dictionary."""
        reader = self._reader_of(owner)
        value = MISSING if reader is None else reader.attribute(owner, name)
        return UNKNOWN if value is MISSING else value

    def _reader_of(self, value: Any) -> LibraryReader | None:
        """How a model is read; ``None`` for everything else."""
        if is_one_of(type(value), STAND_INS):
            return None
        info = self._types.of(type(value))
        return self._libraries.reader_of(info) if info.kind == ESTIMATOR else None

    def _lookup(self, name: str, scope: Scope) -> Any:
        if name in scope:
            return scope[name]
        space = scope.get(GLOBALS, self.namespace)
        return space[name] if name in space else builtins.__dict__.get(name, UNKNOWN)

    def _result(self, node: ast.Call, scope: Scope) -> Any:
        """What a call gives, if its kind is known: a new model, the receiver itself, a file."""
        if isinstance(node.func, ast.Attribute) and node.func.attr in self._handing_out:
            part = self._part_or_itself(self.value(node.func.value, scope), node.func.attr)
            if part is not UNKNOWN:
                return part
        callee = self.value(node.func, scope)
        if is_open(callee):
            return OpenedFile(self.path(node.args[0], scope) if node.args else None)
        if is_open_of(callee, self.tables.storing_modules):
            return OpenedFile(None, is_store=True)
        if is_class(callee):
            return self._instance(callee, node, scope)
        if callee is join:
            parts = [self.value(a, scope) for a in node.args]
            return join(*parts) if parts and all(is_short_text(p) for p in parts) else UNKNOWN
        if isinstance(node.func, ast.Attribute) and node.func.attr == "open":
            return OpenedFile(self.path(node.func.value, scope))
        return UNKNOWN

    def _part_or_itself(self, receiver: Any, method: str) -> Any:
        """What a method of a model gives that hands out the model itself, or a part of it."""
        if method in self.tables.self_returning_methods and (
            type(receiver) is NewInstance or self.token(receiver) is not None
        ):
            return receiver
        reader = self._reader_of(receiver)
        part = MISSING if reader is None else reader.result(receiver, method)
        return UNKNOWN if part is MISSING else part

    def _instance(self, cls: type, node: ast.Call, scope: Scope) -> Any:
        """What a class gives that is called."""
        if is_one_of(cls, PATH_CLASSES):
            return as_path([self.value(a, scope) for a in node.args])
        if cls is io.BytesIO:
            return io.BytesIO()  # it stands for any
        return NewInstance(cls) if self._types.of(cls).kind in (ESTIMATOR, USER_OBJECT) else UNKNOWN

    def _join_text(self, node: ast.JoinedStr, scope: Scope) -> Any:
        texts = []
        for part in node.values:
            plain = (
                isinstance(part, ast.FormattedValue) and part.conversion == -1 and part.format_spec is None
            )
            value = self.value(part.value if plain else part, scope)  # type: ignore[attr-defined]
            if not is_short_text(value) and not (type(value) is int and is_small_atom(value)):
                return UNKNOWN
            texts.append(str(value))
        return "".join(texts)

    def path(self, node: ast.expr, scope: Scope) -> str | None:
        """The absolute path that a text, a ``Path`` or an open file stands for."""
        value = self.value(node, scope)
        if type(value) is OpenedFile:
            return value.path
        if is_one_of(type(value), (io.BufferedWriter, io.BufferedReader, io.BufferedRandom)):
            value = name_of(value)
        if type(value) is PATH_CLASS:
            value = str(value)
        return abspath(value) if is_short_text(value) else None

    def token(self, value: Any) -> int | None:
        """The token of a model that a look has seen; ``None`` for everything else."""
        if is_one_of(type(value), STAND_INS) or value is None:
            return None
        return self._tokens.find_token(value) if self._types.of(type(value)).kind == ESTIMATOR else None

    def is_plain_data(self, value: Any) -> bool:
        """Whether a value is data: a number, a text, an array, a tensor, a frame, or a list or dict of numbers and
        texts."""
        if is_one_of(type(value), STAND_INS):
            return False
        if is_atom(value) or self._libraries.tensors.is_tensor(value):
            return True
        info = self._types.of(type(value))
        if info.shape in (ARRAY, SERIES, FRAME):
            return not first_items(value, info.shape).values
        if info.kind != CONTAINER:
            return False
        return all(map(is_atom, first_items(value, info.shape).values))

    def is_users(self, function: types.FunctionType) -> bool:
        """Whether the user wrote it: in a cell, or in a file outside the Python installation."""
        code = function.__code__
        return function.__globals__ is self.namespace or self._types.is_user_file(code.co_filename)

    def tokens_in(self, value: Any, depth: int) -> Iterator[int]:
        """Models that a value is or holds, as names reach them: containers and the user's objects."""
        kind = self.kind(value)
        if kind == ESTIMATOR:
            token = self.token(value)
            if token is not None:
                yield token
        elif depth and kind != OPAQUE:
            for item in first_items(value, self._types.of(type(value)).shape).values:
                yield from self.tokens_in(item, depth - 1)
