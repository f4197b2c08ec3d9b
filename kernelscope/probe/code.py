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
import warnings
from time import perf_counter
from typing import Any, Iterator, Union  # noqa: UP035 - as Python 3.9 has it at run time, too

from .identity import Tokens
from .types import (
    ATOMS,
    ESTIMATOR,
    OPAQUE,
    USER_OBJECT,
    TypeCache,
    class_attribute,
    class_dict,
    instance_dict,
    is_class,
    is_one_of,
    is_small_atom,
)

LONGEST = 1 << 16
"""Characters of a cell beyond which it is not read."""
_DEPTH = 5
_SECONDS = 0.02
_MOST_PARSED = 64
_MOST_LINES = 3_000
"""Of a file of functions: parsing takes about 10 µs a line, and cannot be broken off."""
_LONGEST_PATH = 4_096
_MOST_KEYS = 10_000
_FILE_NAME = "<kernelscope>"
_NO_WARNINGS = ("ignore", None, Warning, _FILE_NAME, 0)

# Bound now: what the user puts in their place later is not run.
_Path = type(pathlib.Path())
_PATHS = (pathlib.Path, pathlib.PurePath, _Path)
_join, _abspath, _stat, _open = os.path.join, os.path.abspath, os.stat, io.open

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


_CO_GENERATORS = 0x20 | 0x80 | 0x200
"""Flags of functions whose body is not run by calling them: generators, coroutines, both."""
_LEAVES = (ast.Return, ast.Raise, ast.Break, ast.Continue)
_DECIDES = (ast.BoolOp, ast.IfExp, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


_DUMPS = (("pickle", "dumps"), ("cloudpickle", "dumps"), ("dill", "dumps"))
_HELD_DEPTH, _MOST_HELD = 3, 64


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
        self._parsed: dict[tuple[object, ...], _Functions] = {}

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
            except (_OutOfTimeError, RecursionError):
                reading.complete = False
        return reading.facts()

    def function_node(self, function: types.FunctionType) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The source of a function that a cell defined, as IPython keeps it for tracebacks."""
        code = function.__code__
        return self._functions(code.co_filename).get((code.co_name, code.co_firstlineno))

    def _functions(self, filename: str) -> _Functions:
        """The functions of a file, as it was when it was last looked up for a traceback."""
        entry = linecache.cache.get(filename)
        if type(entry) is not tuple or len(entry) != 4 or len(entry[2]) > _MOST_LINES:
            return {}
        version = (filename, *entry[:2])
        if version not in self._parsed:
            if len(self._parsed) >= _MOST_PARSED:
                self._parsed.pop(next(iter(self._parsed)))
            self._parsed[version] = _functions_in(_parse("".join(entry[2])))
        return self._parsed[version]


class _OutOfTimeError(Exception):
    """The reading has used up its time."""


class _Reading:
    """One reading of one cell."""

    def __init__(self, reader: CodeReader, since: float) -> None:
        self._reader, self._since = reader, since
        self._deadline = perf_counter() + _SECONDS
        self._methods: dict[tuple[str, int | None, str | None, str | None], bool] = {}
        """(method, token, function, class) → whether the run cannot have left it out."""
        self._doubts = 0
        """How many conditions, loops and the like stand around what is being read."""
        self._assigned: dict[tuple[int, str], None] = {}
        self._copies: dict[str, None] = {}
        self._files: list[dict[str, Any]] = []
        self._entered: set[int] = set()
        self._target: str | None = None
        """The global name that the statement at hand assigns to."""
        self.complete = True

    def facts(self) -> dict[str, Any]:
        methods = [
            {"method": m, "token": t, "inside": i, "cls": c, "sure": sure}
            for (m, t, i, c), sure in self._methods.items()
        ]
        code = {
            "methods": methods,
            "assigned": [list(pair) for pair in self._assigned],
            "copies": list(self._copies),
            "complete": self.complete,
        }
        return {"code": code, "files": self._files}

    def _note(self, method: str, token: int | None, inside: str | None, cls: str | None = None) -> None:
        key = (method, token, inside, cls)
        self._methods[key] = self._methods.get(key, False) or self._doubts == 0

    # Statements.

    def block(self, body: list[ast.stmt], scope: dict[str, Any], inside: str | None, depth: int) -> None:
        """Statements in order; after one that may leave the block, nothing is sure any more."""
        doubts = self._doubts
        for statement in body:
            if perf_counter() > self._deadline:
                raise _OutOfTimeError
            self._statement(statement, scope, inside, depth)
            if any(isinstance(n, _LEAVES) for n in ast.walk(statement)):
                self._doubts += 1
        self._doubts = doubts

    def _statement(self, node: ast.stmt, scope: dict[str, Any], inside: str | None, depth: int) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self._definition(node, scope, inside, depth)
            return
        if isinstance(node, ast.ClassDef):
            scope = dict(scope)  # its body is run; what it binds is no name outside
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
        decides = not isinstance(node, (ast.With, ast.AsyncWith, ast.ClassDef))
        self._doubts += decides
        for body in _bodies(node):
            self.block(body, scope, inside, depth)
        self._doubts -= decides
        if isinstance(node, ast.Assign) and depth > 0:
            value = self._value(node.value, scope)
            scope.update({name: value for target in node.targets for name in _bound_names(target)})

    def _definition(self, node: Any, scope: dict[str, Any], inside: str | None, depth: int) -> None:
        """The body is not run by being defined; defaults are, and so is what decorates it."""
        for default in (*node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)):
            self._expression(default, scope, inside, depth)
        for decorator in node.decorator_list:
            self._expression(decorator, scope, inside, depth)
            value = self._value(decorator, scope)
            if type(value) is Unknown or (type(value) is types.FunctionType and self._is_users(value)):
                self.complete = False

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
        parts = _expressions(node)
        decides = any(isinstance(part, _DECIDES) for part, _ in parts)
        self._doubts += decides
        for part, bound in parts:
            if isinstance(part, ast.Call):
                inner = {**scope, **dict.fromkeys(bound, UNKNOWN)} if bound else scope
                self._call(part, inner, inside, depth)
        self._doubts -= decides

    def _call(self, node: ast.Call, scope: dict[str, Any], inside: str | None, depth: int) -> None:
        for given in (*node.args, *(k.value for k in node.keywords)):
            self._callback(given, scope, inside)
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
        if self._written_bytes(node, method, scope):
            return True
        if type(receiver) is Unknown:
            if method in LEARNS:
                self._note(method, None, inside)
            else:
                self.complete = False
            return True
        if type(receiver) is New and self._reader.types.of(receiver.cls).kind != ESTIMATOR:
            self._descend(class_attribute(receiver.cls, method), UNKNOWN, node, scope, depth)
            return True
        if type(receiver) is New:
            self._note(method, self._made(receiver), inside, self._reader.types.of(receiver.cls).name)
            return True
        kind = self._reader.types.of(type(receiver)).kind
        if kind == ESTIMATOR:
            self._note(method, self._token(receiver), inside)
            if method not in LEARNS and method not in _READS_ONLY:
                self._descend(class_attribute(type(receiver), method), receiver, node, scope, depth)
            return True
        if kind == USER_OBJECT:
            self._descend(class_attribute(type(receiver), method), receiver, node, scope, depth)
            return True
        return False

    def _callback(self, node: ast.expr, scope: dict[str, Any], inside: str | None) -> None:
        """What is given to a call may be called by it: a lambda, a function of the user's, ``m.fit``."""
        if isinstance(node, ast.Lambda):
            for part, _ in _expressions(node.body):
                if isinstance(part, ast.Call):
                    self.complete = False
                    if isinstance(part.func, ast.Attribute) and part.func.attr in LEARNS:
                        self._note(part.func.attr, None, "<lambda>")
        elif isinstance(node, ast.Attribute) and node.attr in LEARNS:
            self.complete = False
            self._doubts += 1  # it is given, not called
            self._note(node.attr, self._token(self._value(node.value, scope)), inside)
            self._doubts -= 1
        elif isinstance(node, (ast.Name, ast.Attribute)):
            value = self._value(node, scope)
            if type(value) is types.FunctionType and self._is_users(value):
                self._names_only(value.__code__)

    def _function(self, node: ast.Call, callee: Any, scope: dict[str, Any], depth: int) -> None:
        if self._library_function(node, callee, scope, depth):
            return
        if type(callee) is Unknown:
            self.complete = False
        elif is_class(callee):
            self._descend(class_attribute(callee, "__init__"), UNKNOWN, node, scope, depth)
        elif type(callee) is types.FunctionType and self._is_users(callee):
            self._descend(callee, None, node, scope, depth)
        elif is_one_of(type(callee), (classmethod, staticmethod)):
            function = callee.__func__
            if type(function) is types.FunctionType and self._is_users(function):
                self._descend(function, UNKNOWN if type(callee) is classmethod else None, node, scope, depth)
        elif self._given_a_model(node, scope) and getattr(node.func, "id", "") not in _HARMLESS:
            self.complete = False  # a library may do anything to a model that it is given

    def _library_function(self, node: ast.Call, callee: Any, scope: dict[str, Any], depth: int) -> bool:
        """A function that is known to write or read files, to copy, or to run a text."""
        access, copied = _known(callee, _FILES), _known(callee, _COPIES)
        if access is not None:
            self._file_access(node, access, scope)
        elif copied is not None:
            if not self._read_bytes(node, copied, scope):
                self._copies[".".join(copied)] = None
        elif callee is builtins.exec or callee is builtins.eval:
            self._source_in_text(node, scope, depth)
        else:
            return False
        return True

    def _descend(
        self, function: Any, receiver: Any, node: ast.Call, scope: dict[str, Any], depth: int
    ) -> None:
        """Into a function of the user's, with what its parameters are bound to."""
        if type(function) is not types.FunctionType or not self._is_users(function):
            if receiver is None or is_one_of(type(function), (classmethod, staticmethod)):
                self.complete = False
            return
        code = function.__code__
        if depth >= _DEPTH:
            self.complete = False
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
        runs_later = bool(code.co_flags & _CO_GENERATORS)
        self._doubts += runs_later
        self.block(definition.body, own, code.co_name, depth + 1)
        self._doubts -= runs_later
        self._entered.discard(id(code))

    def _names_only(self, code: types.CodeType) -> None:
        """Of a function without a source: the names it uses."""
        self.complete = False
        for name in code.co_names:
            if name in LEARNS:
                self._note(name, None, code.co_name)
        for inner in code.co_consts:
            if type(inner) is types.CodeType:
                self._names_only(inner)

    def _source_in_text(self, node: ast.Call, scope: dict[str, Any], depth: int) -> None:
        """``exec`` of a text that the source holds; any other is not followed."""
        given = node.args[0] if node.args else None
        text = given.value if isinstance(given, ast.Constant) else None
        tree = _parse(text) if type(text) is str else None
        if tree is None or len(node.args) > 1 or node.keywords:
            self.complete = False
        else:
            self.block(tree.body, scope, None, depth)

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
            self._saves(fact, node.args[0] if node.args else None, scope)
        else:
            self._loads(fact)

    def _saves(self, fact: dict[str, Any], saved: ast.expr | None, scope: dict[str, Any]) -> None:
        """One fact per model in what is saved; one without a model where none could be told."""
        fact["touched"] = _touched(fact["path"], self._since)
        fact["name"] = saved.id if isinstance(saved, ast.Name) else None
        tokens = list(dict.fromkeys(self._tokens_in(saved, scope))) if saved is not None else []
        self._files += [{**fact, "token": token} for token in tokens] or [{**fact, "token": None}]

    def _loads(self, fact: dict[str, Any]) -> None:
        """Into the name that the statement assigns to, where it is one."""
        fact["touched"] = _touched(fact["path"], None)
        if self._target is not None:
            fact["name"] = self._target
            fact["token"] = self._token(self._reader.namespace.get(self._target, UNKNOWN))
        self._files.append(fact)

    def _tokens_in(self, node: ast.expr, scope: dict[str, Any]) -> Iterator[int]:
        """Models that the expression's value is or holds."""
        if isinstance(node, ast.Dict):
            for item in node.values:
                yield from self._tokens_in(item, scope)
        elif isinstance(node, (ast.List, ast.Tuple)):
            for item in node.elts:
                yield from self._tokens_in(item, scope)
        else:
            yield from self._tokens_held(self._value(node, scope), _HELD_DEPTH)

    def _tokens_held(self, value: Any, depth: int) -> Iterator[int]:
        """Models that a value is or holds, as names reach them: containers and the user's objects."""
        kind = OPAQUE if is_one_of(type(value), _STAND_INS) else self._reader.types.of(type(value)).kind
        if kind == ESTIMATOR:
            token = self._token(value)
            if token is not None:
                yield token
        elif depth and kind != OPAQUE:
            for item in _held_by(value):
                yield from self._tokens_held(item, depth - 1)

    def _written_bytes(self, node: ast.Call, method: str, scope: dict[str, Any]) -> bool:
        """``path.write_bytes(pickle.dumps(m))``, ``file.write(pickle.dumps(m))``: a save."""
        given = node.args[0] if node.args else None
        if method not in ("write", "write_bytes") or not isinstance(given, ast.Call) or not given.args:
            return False
        made = _known(self._value(given.func, scope), _DUMPS)
        if made is None or not isinstance(node.func, ast.Attribute):
            return False
        path = self._path(node.func.value, scope)
        fact = {"action": "save", "call": ".".join(made), "path": path}
        self._saves(fact, given.args[0], scope)
        return True

    def _read_bytes(self, node: ast.Call, made: tuple[str, ...], scope: dict[str, Any]) -> bool:
        """``pickle.loads(path.read_bytes())``, ``pickle.loads(file.read())``: a load."""
        given = node.args[0] if node.args else None
        reads = isinstance(given, ast.Call) and isinstance(given.func, ast.Attribute)
        if not reads or made[1] != "loads" or given.func.attr not in ("read", "read_bytes"):  # type: ignore[union-attr]
            return False
        path = self._path(given.func.value, scope)  # type: ignore[union-attr]
        self._loads({"action": "load", "call": ".".join(made), "path": path})
        return True

    # Values, without running anything.

    def _value(self, node: ast.expr, scope: dict[str, Any]) -> Any:
        """What the expression stands for now, or ``UNKNOWN``."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return self._lookup(node.id, scope)
        if isinstance(node, ast.Attribute):
            return _attribute(self._value(node.value, scope), node.attr)
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
            if is_one_of(callee, _PATHS):
                return _as_path([self._value(a, scope) for a in node.args])
            if self._reader.types.of(callee).kind in (ESTIMATOR, USER_OBJECT):
                return New(callee)
        if callee is _join:
            parts = [self._value(a, scope) for a in node.args]
            return _join(*parts) if parts and all(_is_short_text(p) for p in parts) else UNKNOWN
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
            if not _is_short_text(value) and not (type(value) is int and is_small_atom(value)):
                return UNKNOWN
            texts.append(str(value))
        return "".join(texts)

    def _path(self, node: ast.expr, scope: dict[str, Any]) -> str | None:
        value = self._value(node, scope)
        if type(value) is OpenedFile:
            return value.path
        if is_one_of(type(value), (io.BufferedWriter, io.BufferedReader, io.BufferedRandom)):
            value = _name_of(value)
        if type(value) is _Path:
            value = str(value)
        return _abspath(value) if _is_short_text(value) else None

    def _token(self, value: Any) -> int | None:
        if is_one_of(type(value), _STAND_INS) or value is None:
            return None
        return (
            self._reader.tokens.known(value) if self._reader.types.of(type(value)).kind == ESTIMATOR else None
        )

    def _made(self, new: New) -> int | None:
        """The token of a new model that the statement binds to a name; ``None``: some other one."""
        held = self._reader.namespace.get(self._target) if self._target else None
        return self._token(held) if type(held) is new.cls else None

    def _is_users(self, function: types.FunctionType) -> bool:
        code = function.__code__
        return function.__globals__ is self._reader.namespace or self._reader.types.is_user_file(
            code.co_filename
        )

    def _given_a_model(self, node: ast.Call, scope: dict[str, Any]) -> bool:
        given = [*node.args, *(k.value for k in node.keywords)]
        return any(self._token(self._value(a, scope)) is not None for a in given)


_Functions = dict[tuple[str, int], Union[ast.FunctionDef, ast.AsyncFunctionDef]]
"""By name and the line that the code object has for its first: that of the first decorator."""


def _functions_in(tree: ast.Module | None) -> _Functions:
    found: _Functions = {}
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            found[(node.name, first)] = node
    return found


def _parse(source: str) -> ast.Module | None:
    """The source as a tree, without a word: a parser warns of ``"\\d"``, and the user has read that once.

    Not by ``catch_warnings``, which makes Python forget which of the user's warnings were shown.
    """
    filters = warnings.filters
    filters.insert(0, _NO_WARNINGS)  # type: ignore[attr-defined]
    try:
        return ast.parse(source, _FILE_NAME)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    finally:
        for place, entry in enumerate(filters):
            if entry is _NO_WARNINGS:  # type: ignore[comparison-overlap]
                del filters[place]  # type: ignore[attr-defined]
                break


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


def _expressions(node: ast.expr) -> list[tuple[ast.expr, frozenset[str]]]:
    """The expression and those in it, innermost last, each with the names that comprehensions around it
    bind; lambdas are not run by being written."""
    found: list[tuple[ast.expr, frozenset[str]]] = []
    pending: list[tuple[ast.AST, frozenset[str]]] = [(node, frozenset())]
    while pending:
        here, bound = pending.pop()
        if isinstance(here, ast.Lambda):
            continue
        if isinstance(here, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            bound = bound.union(*(_bound_names(g.target) for g in here.generators))
        if isinstance(here, ast.expr):
            found.append((here, bound))
        pending += [(child, bound) for child in ast.iter_child_nodes(here)]
    return found


def _attribute(owner: Any, name: str) -> Any:
    """An attribute as it stands in the owner's own dictionary."""
    if is_one_of(type(owner), _STAND_INS):
        return UNKNOWN
    if type(owner) is types.ModuleType:
        return owner.__dict__.get(name, UNKNOWN)
    if is_class(owner):
        return class_dict(owner).get(name, UNKNOWN)
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
    index = getattr(index, "value", index) if type(index).__name__ == "Index" else index
    sign = 1
    if isinstance(index, ast.UnaryOp) and isinstance(index.op, ast.USub):
        index, sign = index.operand, -1
    key = index.value if isinstance(index, ast.Constant) else UNKNOWN
    if type(key) is int:
        key *= sign
    if type(owner) is dict and is_one_of(type(key), (str, int)) and _has_plain_keys(owner):
        return owner.get(key, UNKNOWN)
    if is_one_of(type(owner), (list, tuple)) and type(key) is int and -len(owner) <= key < len(owner):
        return owner[key]
    return UNKNOWN


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
    return callee is _open


def _touched(path: str | None, since: float | None) -> bool:
    """Whether the file is there and, where ``since`` is given, was written after that."""
    if path is None:
        return False
    try:
        written = _stat(path).st_mtime
    except (OSError, ValueError):  # ValueError: a NUL in it
        return False
    # File systems stamp with a clock that ticks every few milliseconds.
    return since is None or written >= since - 0.02
