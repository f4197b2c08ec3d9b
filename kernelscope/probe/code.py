"""What a cell can have called, read from its source and from the functions of the user's it reaches.

Nothing is run: names are looked up in the namespace and in module and instance dictionaries.  Told
are the methods that can have been called on which model, the attributes written to, copies in
memory, and saves and loads with their files.  What could not be followed makes the answer
incomplete, never wrong: ``complete`` is false then.
"""

from __future__ import annotations

import ast
import builtins
import io
import linecache
import os
import pathlib
import sys
import types
from time import perf_counter
from typing import Any, Iterator  # noqa: UP035 - as Python 3.9 has it at run time, too

from .identity import Tokens
from .types import (
    ESTIMATOR,
    USER_OBJECT,
    TypeCache,
    class_attribute,
    class_dict,
    instance_dict,
    is_class,
    is_one_of,
)

LONGEST = 1 << 16
"""Characters of a cell beyond which it is not read."""
_DEPTH = 5
_SECONDS = 0.02
_MOST_PARSED = 64

LEARNS = frozenset(
    {
        "fit",
        "partial_fit",
        "fit_transform",
        "fit_predict",
        "fit_resample",
        "train",
        "train_on_batch",
        "fit_generator",
    }
)
_RETURNS_ITSELF = frozenset({"fit", "partial_fit", "set_params", "set_output", "set_fit_request"})
_READS_ONLY = frozenset(
    {"predict", "predict_proba", "predict_log_proba", "decision_function", "score", "transform", "get_params"}
    | {"inverse_transform", "score_samples", "get_feature_names_out", "set_params", "set_output"}
)
_HARMLESS = frozenset({"print", "repr", "len", "str", "type", "id", "isinstance", "display", "vars", "dir"})
_CODE_IN_TEXT = frozenset({"time", "timeit", "capture", "prun"})

_FILES = (
    ("pickle", "dump", "save"), ("pickle", "load", "load"),
    ("joblib", "dump", "save"), ("joblib", "load", "load"),
    ("cloudpickle", "dump", "save"), ("cloudpickle", "load", "load"),
    ("dill", "dump", "save"), ("dill", "load", "load"),
    ("skops.io", "dump", "save"), ("skops.io", "load", "load"),
    ("torch", "save", "save"), ("torch", "load", "load"),
)  # fmt: skip
_COPIES = (
    ("copy", "copy"),
    ("copy", "deepcopy"),
    ("pickle", "loads"),
    ("cloudpickle", "loads"),
    ("dill", "loads"),
)


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


UNKNOWN = Unknown()
_STAND_INS = (Unknown, New, OpenedFile)


class CodeReader:
    """Reads cells against one namespace."""

    def __init__(self, namespace: dict[str, Any], types_: TypeCache, tokens: Tokens) -> None:
        self.namespace, self.types, self.tokens = namespace, types_, tokens
        self._parsed: dict[str, ast.Module | None] = {}

    def read(self, source: str, since: float) -> dict[str, Any]:
        """``{"code": CodeFacts, "files": [FileAccess, …]}`` of a cell that has just run.

        ``since``: seconds since the epoch when it began, to tell files that it wrote.
        """
        reading = _Reading(self, since)
        tree = _parse(source) if len(source) <= LONGEST else None
        if tree is None:
            reading.complete = False
        else:
            try:
                reading.block(tree.body, {}, None, 0)
            except _OutOfTimeError:
                reading.complete = False
        return reading.facts()

    def function_node(self, function: types.FunctionType) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The source of a function that a cell defined, as IPython keeps it for tracebacks."""
        code = function.__code__
        tree = self._tree(code.co_filename)
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == code.co_name:
                first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                if first == code.co_firstlineno:
                    return node
        return None

    def _tree(self, filename: str) -> ast.Module | None:
        if filename not in self._parsed:
            entry = linecache.cache.get(filename)
            lines = entry[2] if type(entry) is tuple and len(entry) == 4 else []
            source = "".join(lines) if len(lines) < 10_000 else ""
            if len(self._parsed) >= _MOST_PARSED:
                self._parsed.pop(next(iter(self._parsed)))
            self._parsed[filename] = _parse(source) if source else None
        return self._parsed[filename]


class _OutOfTimeError(Exception):
    """The reading has used up its time."""


class _Reading:
    """One reading of one cell."""

    def __init__(self, reader: CodeReader, since: float) -> None:
        self._reader, self._since = reader, since
        self._deadline = perf_counter() + _SECONDS
        self._methods: dict[tuple[str, int | None, str | None], None] = {}
        self._assigned: dict[tuple[int, str], None] = {}
        self._copies: dict[str, None] = {}
        self._files: list[dict[str, Any]] = []
        self._entered: set[int] = set()
        self._target: str | None = None
        """The global name that the statement at hand assigns to."""
        self.complete = True

    def facts(self) -> dict[str, Any]:
        methods = [{"method": m, "token": t, "inside": i} for m, t, i in self._methods]
        code = {
            "methods": methods,
            "assigned": [list(pair) for pair in self._assigned],
            "copies": list(self._copies),
            "complete": self.complete,
        }
        return {"code": code, "files": self._files}

    # Statements.

    def block(self, body: list[ast.stmt], scope: dict[str, Any], inside: str | None, depth: int) -> None:
        for statement in body:
            if perf_counter() > self._deadline:
                raise _OutOfTimeError
            self._statement(statement, scope, inside, depth)

    def _statement(self, node: ast.stmt, scope: dict[str, Any], inside: str | None, depth: int) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            return  # defined, not run
        if depth == 0:
            self._target = _single_target(node)
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete)):
            self._writes(node, scope)
        if isinstance(node, (ast.For, ast.AsyncFor)):
            scope = {**scope, **dict.fromkeys(_bound_names(node.target), UNKNOWN)}
        if isinstance(node, (ast.With, ast.AsyncWith)):
            scope = {**scope, **self._opened(node, scope)}
        for child in _own_expressions(node):
            self._expression(child, scope, inside, depth)
        for body in _bodies(node):
            self.block(body, scope, inside, depth)
        if isinstance(node, ast.Assign) and depth > 0:
            value = self._value(node.value, scope)
            scope.update({name: value for target in node.targets for name in _bound_names(target)})

    def _writes(self, node: ast.stmt, scope: dict[str, Any]) -> None:
        """Attributes of models that the statement writes to, also ``m.coef_[0] += 1``."""
        targets = node.targets if isinstance(node, (ast.Assign, ast.Delete)) else [node.target]  # type: ignore[attr-defined]
        for target in targets:
            while isinstance(target, ast.Subscript):
                target = target.value
            if isinstance(target, ast.Attribute):
                token = self._token(self._value(target.value, scope))
                if token is not None:
                    self._assigned[(token, target.attr)] = None

    def _opened(self, node: Any, scope: dict[str, Any]) -> dict[str, Any]:
        found = {}
        for item in node.items:
            if isinstance(item.optional_vars, ast.Name):
                found[item.optional_vars.id] = self._value(item.context_expr, scope)
        return found

    # Expressions.

    def _expression(self, node: ast.expr, scope: dict[str, Any], inside: str | None, depth: int) -> None:
        for part in _expressions(node):
            if isinstance(part, ast.Call):
                self._call(part, scope, inside, depth)

    def _call(self, node: ast.Call, scope: dict[str, Any], inside: str | None, depth: int) -> None:
        if isinstance(node.func, ast.Attribute):
            receiver = self._value(node.func.value, scope)
            if self._method(node, receiver, node.func.attr, scope, inside, depth):
                return
        self._function(node, self._value(node.func, scope), scope, depth)

    def _method(
        self,
        node: ast.Call,
        receiver: Any,
        method: str,
        scope: dict[str, Any],
        inside: str | None,
        depth: int,
    ) -> bool:
        """A call on a model, on an object of the user's, or on something that cannot be told."""
        if method in ("run_line_magic", "run_cell_magic"):
            self._magic(node, scope, inside, depth)
            return True
        if type(receiver) is Unknown:
            if method in LEARNS:
                self._methods[(method, None, inside)] = None
            return True
        if type(receiver) is New:
            self._methods[(method, self._made(receiver), inside)] = None
            return True
        kind = self._reader.types.of(type(receiver)).kind
        if kind == ESTIMATOR:
            self._methods[(method, self._token(receiver), inside)] = None
            if method not in LEARNS and method not in _READS_ONLY:
                self._descend(class_attribute(type(receiver), method), receiver, node, scope, depth)
            return True
        if kind == USER_OBJECT:
            self._descend(class_attribute(type(receiver), method), receiver, node, scope, depth)
            return True
        return False

    def _function(self, node: ast.Call, callee: Any, scope: dict[str, Any], depth: int) -> None:
        access = _known(callee, _FILES)
        if access is not None:
            self._file_access(node, access, scope)
        elif _known(callee, _COPIES) is not None:
            self._copies[".".join(_known(callee, _COPIES)[:2])] = None  # type: ignore[index]
        elif type(callee) is Unknown or callee is builtins.exec or callee is builtins.eval:
            self.complete = False
        elif is_class(callee):
            self._descend(class_dict(callee).get("__init__"), UNKNOWN, node, scope, depth)
        elif type(callee) is types.FunctionType and self._is_users(callee):
            self._descend(callee, None, node, scope, depth)
        elif self._given_a_model(node, scope) and getattr(node.func, "id", "") not in _HARMLESS:
            self.complete = False  # a library may do anything to a model that it is given

    def _descend(
        self, function: Any, receiver: Any, node: ast.Call, scope: dict[str, Any], depth: int
    ) -> None:
        """Into a function of the user's, with what its parameters are bound to."""
        if type(function) is not types.FunctionType or not self._is_users(function):
            if receiver is None or is_one_of(type(function), (classmethod, staticmethod)):
                self.complete = False
            return
        code = function.__code__
        if depth >= _DEPTH or id(code) in self._entered:
            return
        self._entered.add(id(code))
        definition = self._reader.function_node(function)
        if definition is None:
            self._names_only(code)
            return
        given = [receiver] if receiver is not None else []
        given += [self._value(a, scope) for a in node.args]
        own: dict[str, Any] = dict.fromkeys(code.co_varnames, UNKNOWN)
        own.update(zip(code.co_varnames[: code.co_argcount], given))
        own.update({k.arg: self._value(k.value, scope) for k in node.keywords if k.arg in own})
        self.block(definition.body, own, code.co_name, depth + 1)
        self._entered.discard(id(code))

    def _names_only(self, code: types.CodeType) -> None:
        """Of a function without a source: the names it uses."""
        self.complete = False
        for name in code.co_names:
            if name in LEARNS:
                self._methods[(name, None, code.co_name)] = None
        for inner in code.co_consts:
            if type(inner) is types.CodeType:
                self._names_only(inner)

    def _magic(self, node: ast.Call, scope: dict[str, Any], inside: str | None, depth: int) -> None:
        texts = [a.value for a in node.args if isinstance(a, ast.Constant) and type(a.value) is str]
        tree = _parse(texts[-1]) if texts and texts[0] in _CODE_IN_TEXT else None
        if tree is None:
            self.complete = False
        else:
            self.block(tree.body, scope, inside, depth)

    def _file_access(self, node: ast.Call, access: tuple[str, ...], scope: dict[str, Any]) -> None:
        module, function, action = access
        arguments = {k.arg: k.value for k in node.keywords}
        place = 1 if action == "save" else 0
        where = (
            node.args[place] if len(node.args) > place else arguments.get("file", arguments.get("filename"))
        )
        path = self._path(where, scope) if where is not None else None
        fact: dict[str, Any] = {"action": action, "call": f"{module}.{function}", "path": path}
        if action == "save":
            fact["token"] = self._token(self._value(node.args[0], scope)) if node.args else None
            fact["name"] = node.args[0].id if node.args and isinstance(node.args[0], ast.Name) else None
        elif self._target is not None:
            fact["name"] = self._target
            fact["token"] = self._token(self._reader.namespace.get(self._target, UNKNOWN))
        fact["touched"] = _touched(path, self._since if action == "save" else None)
        self._files.append(fact)

    # Values, without running anything.

    def _value(self, node: ast.expr, scope: dict[str, Any]) -> Any:
        """What the expression stands for now, or ``UNKNOWN``."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return self._lookup(node.id, scope)
        if isinstance(node, ast.Attribute):
            return self._attribute(self._value(node.value, scope), node.attr)
        if isinstance(node, ast.Subscript):
            return _item(self._value(node.value, scope), node.slice)
        if isinstance(node, ast.Call):
            return self._result(node, scope)
        if isinstance(node, ast.JoinedStr):
            return self._joined(node, scope)
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Div, ast.Add)):
            return _combined(self._value(node.left, scope), self._value(node.right, scope), node.op)
        if isinstance(node, ast.NamedExpr):
            return self._value(node.value, scope)
        return UNKNOWN

    def _lookup(self, name: str, scope: dict[str, Any]) -> Any:
        if name in scope:
            return scope[name]
        space = self._reader.namespace
        return space[name] if name in space else builtins.__dict__.get(name, UNKNOWN)

    def _attribute(self, owner: Any, name: str) -> Any:
        if is_one_of(type(owner), _STAND_INS):
            return UNKNOWN
        if type(owner) is types.ModuleType:
            return owner.__dict__.get(name, UNKNOWN)
        own = class_dict(owner) if is_class(owner) else instance_dict(owner)
        return own.get(name, UNKNOWN) if own is not None else UNKNOWN

    def _result(self, node: ast.Call, scope: dict[str, Any]) -> Any:
        """What a call gives, where its kind is known: a new model, the receiver itself, a file."""
        if isinstance(node.func, ast.Attribute) and node.func.attr in _RETURNS_ITSELF:
            receiver = self._value(node.func.value, scope)
            if type(receiver) is New or self._token(receiver) is not None:
                return receiver
        callee = self._value(node.func, scope)
        if _is_open(callee):
            return OpenedFile(self._path(node.args[0], scope) if node.args else None)
        if is_class(callee):
            if self._reader.types.of(callee).kind == ESTIMATOR:
                return New(callee)
            if is_one_of(callee, (pathlib.Path, pathlib.PurePath, type(pathlib.Path()))):
                return _as_path([self._value(a, scope) for a in node.args])
        if callee is os.path.join:
            parts = [self._value(a, scope) for a in node.args]
            return os.path.join(*parts) if parts and all(type(p) is str for p in parts) else UNKNOWN
        if isinstance(node.func, ast.Attribute) and node.func.attr == "open":
            return OpenedFile(self._path(node.func.value, scope))
        return UNKNOWN

    def _joined(self, node: ast.JoinedStr, scope: dict[str, Any]) -> Any:
        texts = []
        for part in node.values:
            plain = (
                isinstance(part, ast.FormattedValue) and part.conversion == -1 and part.format_spec is None
            )
            value = self._value(part.value if plain else part, scope)  # type: ignore[attr-defined]
            if not is_one_of(type(value), (str, int)):
                return UNKNOWN
            texts.append(str(value))
        return "".join(texts)

    def _path(self, node: ast.expr, scope: dict[str, Any]) -> str | None:
        value = self._value(node, scope)
        if type(value) is OpenedFile:
            return value.path
        if is_one_of(type(value), (io.BufferedWriter, io.BufferedReader, io.BufferedRandom)):
            value = value.name
        if type(value) is type(pathlib.Path()):
            value = str(value)
        return os.path.abspath(value) if type(value) is str and len(value) < 4_096 else None

    def _token(self, value: Any) -> int | None:
        if is_one_of(type(value), _STAND_INS) or value is None:
            return None
        return (
            self._reader.tokens.known(value) if self._reader.types.of(type(value)).kind == ESTIMATOR else None
        )

    def _made(self, new: New) -> int:
        """The token of a new model that the statement binds to a name; 0: some other object."""
        held = self._reader.namespace.get(self._target) if self._target else None
        return (self._token(held) or 0) if type(held) is new.cls else 0

    def _is_users(self, function: types.FunctionType) -> bool:
        code = function.__code__
        return function.__globals__ is self._reader.namespace or self._reader.types.is_user_file(
            code.co_filename
        )

    def _given_a_model(self, node: ast.Call, scope: dict[str, Any]) -> bool:
        given = [*node.args, *(k.value for k in node.keywords)]
        return any(self._token(self._value(a, scope)) is not None for a in given)


def _parse(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _single_target(node: ast.stmt) -> str | None:
    """The one name that a statement assigns to."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id
    return None


def _bound_names(target: ast.expr) -> Iterator[str]:
    for node in ast.walk(target):
        if isinstance(node, ast.Name):
            yield node.id


def _bodies(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    for field in ("body", "orelse", "finalbody"):
        body = getattr(node, field, None)
        if isinstance(body, list):
            yield body
    for handler in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        yield handler.body


def _own_expressions(node: ast.stmt) -> Iterator[ast.expr]:
    """Expressions of the statement itself, not of the statements in it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield child
        elif isinstance(child, ast.withitem):
            yield child.context_expr


def _expressions(node: ast.expr) -> list[ast.expr]:
    """The expression and those in it, innermost last; lambdas are not run by being written."""
    found: list[ast.expr] = []
    pending: list[ast.AST] = [node]
    while pending:
        here = pending.pop()
        if isinstance(here, ast.Lambda):
            continue
        if isinstance(here, ast.expr):
            found.append(here)
        pending += ast.iter_child_nodes(here)
    return found


def _item(owner: Any, index: ast.expr) -> Any:
    """An item of an exact dict, list or tuple under a constant key."""
    index = getattr(index, "value", index) if type(index).__name__ == "Index" else index
    key = index.value if isinstance(index, ast.Constant) else UNKNOWN
    if type(owner) is dict and is_one_of(type(key), (str, int)):
        return owner.get(key, UNKNOWN)
    if is_one_of(type(owner), (list, tuple)) and type(key) is int and -len(owner) <= key < len(owner):
        return owner[key]
    return UNKNOWN


def _combined(left: Any, right: Any, operator: ast.operator) -> Any:
    """``path / name`` and ``text + text``."""
    path = type(pathlib.Path())
    if isinstance(operator, ast.Div) and type(left) is path and is_one_of(type(right), (str, path)):
        return left / right
    if isinstance(operator, ast.Add) and type(left) is str and type(right) is str:
        return left + right
    return UNKNOWN


def _as_path(parts: list[Any]) -> Any:
    path = type(pathlib.Path())
    return pathlib.Path(*parts) if all(is_one_of(type(p), (str, path)) for p in parts) else UNKNOWN


def _known(callee: Any, table: tuple[tuple[str, ...], ...]) -> tuple[str, ...] | None:
    """The entry of a table of functions that ``callee`` is, by identity."""
    if is_one_of(type(callee), _STAND_INS):
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
    return callee is io.open


def _touched(path: str | None, since: float | None) -> bool:
    """Whether the file is there and, where ``since`` is given, was written after that."""
    if path is None:
        return False
    try:
        written = os.stat(path).st_mtime
    except OSError:
        return False
    # File systems stamp with a clock that ticks every few milliseconds.
    return since is None or written >= since - 0.02
