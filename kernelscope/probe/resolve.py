"""What an expression stands for, told without running it.

Names are looked up in the namespace and in module, class and instance dictionaries; a few calls are
known by what they give.  Everything else is ``UNKNOWN``.
"""

from __future__ import annotations

import ast
import builtins
import io
import os
import pathlib
import sys
import types
from collections import OrderedDict
from typing import Any, Iterator

from .identity import Tokens
from .interrupts import is_own_failure
from .types import (
    ATOMS,
    ESTIMATOR,
    OPAQUE,
    USER_OBJECT,
    TypeCache,
    class_attribute,
    instance_dict,
    is_class,
    is_one_of,
    is_small_atom,
    qualified_name,
)

_LONGEST_PATH = 4_096
_MOST_KEYS = 10_000
_MOST_HELD = 64
_CO_VARARGS, _CO_VARKEYWORDS = 0x04, 0x08
HELD_DEPTH = 3
"""Levels of containers in which a save is searched for models."""

# Bound now: what the user puts in their place later is not run.
_Path = type(pathlib.Path())
_PATHS = (pathlib.Path, pathlib.PurePath, _Path)
_join, _abspath, _stat, _open = os.path.join, os.path.abspath, os.stat, io.open

_RETURNS_ITSELF = frozenset(
    {"fit", "partial_fit", "set_params", "set_output", "set_fit_request"}
    # PyTorch's modules give themselves back, whatever they are moved or set to.
    | {"to", "cuda", "cpu", "float", "double", "half", "bfloat16", "train", "eval", "requires_grad_", "apply"}
)
_KERAS_IN_TENSORFLOW = "tensorflow.python.util.lazy_loader.KerasLazyLoader"
"""What ``tf.keras`` is: it stands for the package ``keras``."""
_BOOSTER = frozenset({"get_booster", "booster_"})
"""How XGBoost's and LightGBM's estimators give their ``Booster``; it is kept as ``_Booster``."""
_PIPELINES = frozenset({"sklearn.pipeline.Pipeline", "imblearn.pipeline.Pipeline"})
_NAMED_STEPS = "named_steps"
_TREE = ("_parameters", "_buffers", "_modules")
"""Where a PyTorch module keeps what reads as its attributes (``Module.__getattr__``)."""


class Unknown:
    """The value of an expression that cannot be told without running it."""


class New:
    """What a class of models was called to make."""

    def __init__(self, cls: type) -> None:
        self.cls = cls


class OpenedFile:
    """What ``open`` was called to give."""

    def __init__(self, path: str | None) -> None:
        self.path = path


class Inner:
    """A function that another function has defined: it is in no namespace."""

    def __init__(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: dict[str, Any]) -> None:
        self.node, self.scope = node, scope


UNKNOWN = Unknown()
STAND_INS = (Unknown, New, OpenedFile, Inner)

FIRST, GLOBALS = "(first)", "(globals)"
"""Keys of a scope that no name can have: arguments that come before those written, and the namespace of
the module that a function was written in."""


class Resolver:
    """Looks expressions up in one namespace."""

    def __init__(self, namespace: dict[str, Any], types_: TypeCache, tokens: Tokens) -> None:
        self._namespace, self._types, self._tokens = namespace, types_, tokens

    def kind(self, value: Any) -> int:
        """What the value's type is; ``OPAQUE`` for a stand-in."""
        return OPAQUE if is_one_of(type(value), STAND_INS) else self._types.of(type(value)).kind

    def makes_a_model(self, new: New) -> bool:
        """Whether the class that was called is one of models."""
        return self._types.of(new.cls).kind == ESTIMATOR

    def held_by_name(self, name: str | None) -> Any:
        """What a global name holds now."""
        return self._namespace.get(name, UNKNOWN) if name is not None else UNKNOWN

    def value(self, node: ast.expr, scope: dict[str, Any]) -> Any:
        """What the expression stands for now, or ``UNKNOWN``."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return self._lookup(node.id, scope)
        if isinstance(node, ast.Attribute):
            return self._attribute_of(self.value(node.value, scope), node)
        if isinstance(node, ast.Subscript):
            return self._item_of(self.value(node.value, scope), node.slice)
        if isinstance(node, ast.Call):
            return self._result(node, scope)
        if isinstance(node, ast.JoinedStr):
            return self._joined(node, scope)
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Div, ast.Add)):
            return _combined(self.value(node.left, scope), self.value(node.right, scope), node.op)
        if isinstance(node, ast.NamedExpr):
            return self.value(node.value, scope)
        return self._display(node, scope)

    def _attribute_of(self, owner: Any, node: ast.Attribute) -> Any:
        if node.attr in _BOOSTER and self.kind(owner) == ESTIMATOR:
            return self._booster(owner)
        if type(owner) is dict and getattr(node.value, "attr", "") == _NAMED_STEPS:
            return owner.get(node.attr, UNKNOWN) if _has_plain_keys(owner) else UNKNOWN
        found = _attribute(owner, node.attr)
        if found is UNKNOWN and node.attr == _NAMED_STEPS:
            found = self._steps(owner) or UNKNOWN
        return self._in_a_module(owner, node.attr) if found is UNKNOWN else found

    def _item_of(self, owner: Any, index: ast.expr) -> Any:
        key, steps = _key(index), self._steps(owner)
        if steps:
            return _item(list(steps.values()) if type(key) is int else steps, index)
        found = _item(owner, index)
        return self._in_a_module(owner, str(key)) if found is UNKNOWN else found

    def _display(self, node: ast.expr, scope: dict[str, Any]) -> Any:
        """A list, tuple or dict that is written out."""
        if isinstance(node, (ast.List, ast.Tuple)):
            return tuple(self.value(item, scope) for item in node.elts[:_MOST_HELD])
        if isinstance(node, ast.Dict) and all(isinstance(k, ast.Constant) for k in node.keys):
            pairs = zip(node.keys[:_MOST_HELD], node.values)
            return {k.value: self.value(v, scope) for k, v in pairs}  # type: ignore[union-attr]
        return UNKNOWN

    def library(self, value: Any) -> str:
        """Whose rule card applies to a model; empty for everything else."""
        if type(value) is New:
            info = self._types.of(value.cls)
        elif is_one_of(type(value), STAND_INS):
            return ""
        else:
            info = self._types.of(type(value))
        return info.library if info.kind == ESTIMATOR else ""

    def _booster(self, owner: Any) -> Any:
        return _attribute(owner, "_Booster") if self.library(owner) in ("xgboost", "lightgbm") else UNKNOWN

    def _in_a_module(self, owner: Any, name: str) -> Any:
        """A parameter, buffer or child of a PyTorch module."""
        own = instance_dict(owner) if self.library(owner) == "torch" and type(owner) is not New else None
        for kind in _TREE:
            held: Any = own.get(kind) if own is not None else None
            if is_one_of(type(held), (dict, OrderedDict)) and _has_plain_keys(held) and name in held:
                return dict.__getitem__(held, name)
        return UNKNOWN

    def _steps(self, owner: Any) -> dict[str, Any]:
        """By name, the steps of a pipeline, which ``pipe["name"]``, ``pipe[-1]`` and ``named_steps`` give."""
        if self.library(owner) != "sklearn" or type(owner) is New:
            return {}
        own = instance_dict(owner) if self._types.of(type(owner)).name in _PIPELINES else None
        steps: Any = own.get("steps") if own is not None and _has_plain_keys(own) else None
        pairs = list(steps[:_MOST_HELD]) if type(steps) is list else []
        plain = all(type(p) is tuple and len(p) == 2 and type(p[0]) is str for p in pairs)
        return dict(pairs) if plain else {}

    def _lookup(self, name: str, scope: dict[str, Any]) -> Any:
        if name in scope:
            return scope[name]
        space = scope.get(GLOBALS, self._namespace)
        return space[name] if name in space else builtins.__dict__.get(name, UNKNOWN)

    def _result(self, node: ast.Call, scope: dict[str, Any]) -> Any:
        """What a call gives, where its kind is known: a new model, the receiver itself, a file."""
        if isinstance(node.func, ast.Attribute) and node.func.attr in _BOOSTER:
            return self._booster(self.value(node.func.value, scope))
        if isinstance(node.func, ast.Attribute) and node.func.attr in _RETURNS_ITSELF:
            receiver = self.value(node.func.value, scope)
            if type(receiver) is New or self.token(receiver) is not None:
                return receiver
        callee = self.value(node.func, scope)
        if _is_open(callee):
            return OpenedFile(self.path(node.args[0], scope) if node.args else None)
        if is_class(callee):
            return self._made(callee, node, scope)
        if callee is _join:
            parts = [self.value(a, scope) for a in node.args]
            return _join(*parts) if parts and all(_is_short_text(p) for p in parts) else UNKNOWN
        if isinstance(node.func, ast.Attribute) and node.func.attr == "open":
            return OpenedFile(self.path(node.func.value, scope))
        return UNKNOWN

    def _made(self, cls: type, node: ast.Call, scope: dict[str, Any]) -> Any:
        """What a class gives that is called."""
        if is_one_of(cls, _PATHS):
            return _as_path([self.value(a, scope) for a in node.args])
        if cls is io.BytesIO:
            return io.BytesIO()  # it stands for any
        return New(cls) if self._types.of(cls).kind in (ESTIMATOR, USER_OBJECT) else UNKNOWN

    def arguments(self, node: ast.Call, scope: dict[str, Any]) -> list[Any]:
        """What a call's positional arguments stand for; ``*args`` as far as it is known."""
        found = list(scope.get(FIRST, ()))
        for given in node.args:
            value = self.value(given.value if isinstance(given, ast.Starred) else given, scope)
            if not isinstance(given, ast.Starred):
                found.append(value)
            elif is_one_of(type(value), (tuple, list)):
                found += value[:_MOST_HELD]
            else:
                break
        return found

    def keywords(self, node: ast.Call, scope: dict[str, Any]) -> dict[str, Any]:
        """What a call's keyword arguments stand for; ``**kwargs`` as far as it is known."""
        found: dict[str, Any] = {}
        for given in node.keywords:
            value = self.value(given.value, scope)
            if given.arg is not None:
                found[given.arg] = value
            elif type(value) is dict and _has_plain_keys(value):
                found.update(value)
        return found

    def parameters(
        self,
        function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
        node: ast.Call,
        scope: dict[str, Any],
    ) -> dict[str, Any]:
        """What the parameters of a function stand for that is known by its source alone."""
        names = function.args
        own = dict.fromkeys((a.arg for a in (*names.args, *names.kwonlyargs)), UNKNOWN)
        own.update(zip(list(own), self.arguments(node, scope)))
        own.update({k: v for k, v in self.keywords(node, scope).items() if k in own})
        return own

    def own_scope(
        self, function: types.FunctionType, given: list[Any], named: dict[str, Any]
    ) -> dict[str, Any]:
        """What a function's own names stand for as it is called: parameters, defaults, its closure."""
        code = function.__code__
        names, count = code.co_varnames, code.co_argcount
        own: dict[str, Any] = dict.fromkeys(names, UNKNOWN)
        if function.__globals__ is not self._namespace:
            own[GLOBALS] = function.__globals__
        for name, cell in zip(code.co_freevars, function.__closure__ or ()):
            own[name] = _content_of(cell)
        defaults = function.__defaults__ or ()
        own.update(zip(names[count - len(defaults) : count], defaults))
        own.update(function.__kwdefaults__ or {})
        own.update(zip(names[:count], given))
        positional = count + code.co_kwonlyargcount
        if code.co_flags & _CO_VARARGS:
            own[names[positional]] = tuple(given[count:])
            positional += 1
        if code.co_flags & _CO_VARKEYWORDS:
            own[names[positional]] = {k: v for k, v in named.items() if k not in names[:positional]}
        own.update({k: v for k, v in named.items() if k in names[:positional]})
        return own

    def items(self, node: ast.expr, scope: dict[str, Any]) -> list[Any]:
        """What an expression gives item by item: a container, ``d.items()``, ``enumerate(…)``, ``zip(…)``."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args:
            owner = self.value(node.func.value, scope)
            if type(owner) is dict and _has_plain_keys(owner):
                made: Any = {"items": dict.items, "values": dict.values, "keys": dict.keys}.get(
                    node.func.attr
                )
                return list(made(owner)) if made is not None else []
        if isinstance(node, ast.Call) and node.args:
            callee = self.value(node.func, scope)
            given = [self.items(a, scope) for a in node.args]
            if callee is enumerate:
                return list(enumerate(given[0]))
            return list(zip(*given)) if callee is zip else []
        value = self.value(node, scope)
        if type(value) is dict:
            return list(value) if _has_plain_keys(value) else []
        return list(value[:_MOST_HELD]) if is_one_of(type(value), (list, tuple)) else []

    def bound(self, target: ast.expr, item: Any) -> dict[str, Any]:
        """What a loop's names are bound to by one item."""
        if isinstance(target, ast.Name):
            return {target.id: item}
        inner = target.elts if isinstance(target, (ast.Tuple, ast.List)) else []
        if not is_one_of(type(item), (tuple, list)) or len(item) != len(inner):
            return {}
        return {n: v for t, i in zip(inner, item) for n, v in self.bound(t, i).items()}

    def _joined(self, node: ast.JoinedStr, scope: dict[str, Any]) -> Any:
        texts = []
        for part in node.values:
            plain = (
                isinstance(part, ast.FormattedValue) and part.conversion == -1 and part.format_spec is None
            )
            value = self.value(part.value if plain else part, scope)  # type: ignore[attr-defined]
            if not _is_short_text(value) and not (type(value) is int and is_small_atom(value)):
                return UNKNOWN
            texts.append(str(value))
        return "".join(texts)

    def path(self, node: ast.expr, scope: dict[str, Any]) -> str | None:
        """The absolute path that a text, a ``Path`` or an open file stands for."""
        value = self.value(node, scope)
        if type(value) is OpenedFile:
            return value.path
        if is_one_of(type(value), (io.BufferedWriter, io.BufferedReader, io.BufferedRandom)):
            value = _name_of(value)
        if type(value) is _Path:
            value = str(value)
        return _abspath(value) if _is_short_text(value) else None

    def token(self, value: Any) -> int | None:
        """The token of a model that a look has seen; ``None`` for everything else."""
        if is_one_of(type(value), STAND_INS) or value is None:
            return None
        return self._tokens.known(value) if self._types.of(type(value)).kind == ESTIMATOR else None

    def is_users(self, function: types.FunctionType) -> bool:
        """Whether the user wrote it: in a cell, or in a file outside the Python installation."""
        code = function.__code__
        return function.__globals__ is self._namespace or self._types.is_user_file(code.co_filename)

    def tokens_held(self, value: Any, depth: int) -> Iterator[int]:
        """Models that a value is or holds, as names reach them: containers and the user's objects."""
        kind = OPAQUE if is_one_of(type(value), STAND_INS) else self._types.of(type(value)).kind
        if kind == ESTIMATOR:
            token = self.token(value)
            if token is not None:
                yield token
        elif depth and kind != OPAQUE:
            for item in _held_by(value):
                yield from self.tokens_held(item, depth - 1)


def _content_of(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not bound yet
        return UNKNOWN


def _attribute(owner: Any, name: str) -> Any:
    """An attribute as it stands in the owner's own dictionary."""
    if is_one_of(type(owner), STAND_INS):
        return UNKNOWN
    if qualified_name(type(owner)) == _KERAS_IN_TENSORFLOW:
        owner = sys.modules.get("keras")
    if type(owner) is types.ModuleType:
        return owner.__dict__.get(name, UNKNOWN)
    if is_class(owner):
        found = class_attribute(owner, name)
        return UNKNOWN if found is None else found
    own = instance_dict(owner)
    return own.get(name, UNKNOWN) if own is not None and _has_plain_keys(own) else UNKNOWN


def _has_plain_keys(mapping: dict[Any, Any]) -> bool:
    """Whether a look-up runs nothing of the user's: another key may have the same hash, and ``__eq__``."""
    return len(mapping) <= _MOST_KEYS and ATOMS.issuperset(map(id, map(type, mapping)))


def _held_by(value: Any) -> list[Any]:
    """What a container or an object of the user's holds, within bounds."""
    if is_one_of(type(value), (list, tuple)):
        return list(value[:_MOST_HELD])
    own = value if type(value) is dict else instance_dict(value)
    return list(dict.values(own))[:_MOST_HELD] if own is not None else []


def _is_short_text(value: Any) -> bool:
    return type(value) is str and len(value) < _LONGEST_PATH


def _name_of(file: Any) -> Any:
    """The path that an open file was given; its ``name`` would ask what it wraps."""
    try:
        raw = file.raw
    except ValueError:  # detached
        return None
    return raw.name if type(raw) is io.FileIO else None


def _item(owner: Any, index: ast.expr) -> Any:
    """An item of an exact dict, list or tuple under a constant key."""
    key = _key(index)
    if type(owner) is dict and is_one_of(type(key), (str, int)) and _has_plain_keys(owner):
        return owner.get(key, UNKNOWN)
    if is_one_of(type(owner), (list, tuple)) and type(key) is int and -len(owner) <= key < len(owner):
        return owner[key]
    return UNKNOWN


def _key(index: Any) -> Any:
    """The constant that a subscript holds."""
    index = getattr(index, "value", index) if type(index).__name__ == "Index" else index
    sign = 1
    if isinstance(index, ast.UnaryOp) and isinstance(index.op, ast.USub):
        index, sign = index.operand, -1
    key = index.value if isinstance(index, ast.Constant) else UNKNOWN
    return key * sign if type(key) is int else key


def _combined(left: Any, right: Any, operator: ast.operator) -> Any:
    """``path / name`` and ``text + text``."""
    if (
        isinstance(operator, ast.Div)
        and type(left) is _Path
        and (_is_short_text(right) or type(right) is _Path)
    ):
        return left / right
    if isinstance(operator, ast.Add) and _is_short_text(left) and _is_short_text(right):
        return left + right
    return UNKNOWN


def _as_path(parts: list[Any]) -> Any:
    return _Path(*parts) if all(_is_short_text(p) or type(p) is _Path for p in parts) else UNKNOWN


def known(callee: Any, table: tuple[tuple[str, ...], ...]) -> tuple[str, ...] | None:
    """The entry of a table of functions that ``callee`` is, by identity."""
    if is_one_of(type(callee), STAND_INS):
        return None
    for entry in table:
        module = sys.modules.get(entry[0])
        if type(module) is types.ModuleType and module.__dict__.get(entry[1]) is callee:
            return entry
    return None


def _is_open(callee: Any) -> bool:
    """``open`` itself, or the wrapper of it that IPython puts into the namespace."""
    if type(callee) is types.FunctionType:
        callee = callee.__dict__.get("__wrapped__")
    return callee is _open


def touched(path: str | None, since: float | None) -> bool:
    """Whether the file is there and, where ``since`` is given, was written after that."""
    if path is None:
        return False
    try:
        written = _stat(path).st_mtime
    except (OSError, ValueError) as error:  # ValueError: a NUL in it
        if not is_own_failure(error):
            raise
        return False
    # File systems stamp with a clock that ticks every few milliseconds.
    return since is None or written >= since - 0.02
