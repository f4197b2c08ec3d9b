"""Reads a call that stands in the source: what it may run, and what that is known to do."""

from __future__ import annotations

import ast
import builtins
import functools
import operator
import types
from typing import Any

from ..cellcode.syntax import expressions
from .frame import Frame
from .lookups import find_function
from .standins import FIRST_ARGUMENTS, STAND_INS, UNKNOWN, LocalFunction, NewInstance, Unknown
from .statements import CellReading
from .types import (
    ESTIMATOR,
    USER_OBJECT,
    attributes_of,
    class_attribute,
    class_module,
    is_class,
    is_one_of,
    pairs_of,
    qualified_name,
)

_HARMLESS = frozenset({"print", "repr", "len", "str", "type", "id", "isinstance", "display", "vars", "dir"})
_RELOADS = (("importlib", "reload"),)
_WRAPPED = "__wrapped__"
_PLAIN_WRAPPERS = ("contextlib", "functools")
"""Modules whose wrappers run the function whenever they are called; ``functools``' caches are known by their type."""
_MOST_ATTRIBUTES = 64
"""Of a function."""
_LruCached = type(functools.lru_cache(maxsize=None)(len))


class CallReader:
    """Reads one call after another of one cell."""

    def __init__(self, reading: CellReading) -> None:
        self._reading = reading
        self._at, self._notes, self._files = reading.at, reading.notes, reading.files
        self._tables = reading.tables

    def read(self, node: ast.Call, frame: Frame) -> None:
        """The call itself, and what it is given that it may call."""
        for arg in (*node.args, *(k.value for k in node.keywords)):
            self._callback(arg, frame)
        node = self._as_method_call(node, frame)
        if isinstance(node.func, ast.Lambda):
            own = self._reading.binder.bind_parameters(node.func, node, frame.scope)
            self._reading.expression(node.func.body, frame.with_names(own))
            return
        if isinstance(node.func, ast.Attribute):
            receiver = self._at.value(node.func.value, frame.scope)
            if self._reading.methods.read(node, receiver, node.func.attr, frame):
                return
        self._function(node, self._at.value(node.func, frame.scope), frame)

    def _as_method_call(self, node: ast.Call, frame: Frame) -> ast.Call:
        """``m.fit(X)``, if it was written as ``getattr(m, "fit")(X)``, ``SGDClassifier.fit(m, X)`` or
        ``methodcaller("fit", X)(m)``."""
        of, args, scope = node.func, node.args, frame.scope
        if isinstance(of, ast.Attribute) and of.attr in self._tables.fit_methods and args:
            owner = self._at.value(of.value, scope)
            if not is_class(owner) or self._at.kind(self._at.value(args[0], scope)) != ESTIMATOR:
                return node
            return _method_call(args[0], of.attr, args[1:], node)
        if isinstance(of, ast.Call) and of.args:
            callee = self._at.value(of.func, scope)
            if callee is builtins.getattr and len(of.args) > 1:
                name = self._at.value(of.args[1], scope)
                if type(name) is str:
                    self._files.handled.add(id(of))
                    return _method_call(of.args[0], name, args, node)
                return node
            if callee is operator.methodcaller and args:
                name = self._at.value(of.args[0], scope)
                return _method_call(args[0], name, of.args[1:], node) if type(name) is str else node
        return node

    def _callback(self, node: ast.expr, frame: Frame) -> None:
        """What is given to a call may be called by it: a lambda, a function of the user's, ``m.fit``."""
        fits = self._tables.fit_methods
        if isinstance(node, ast.Lambda):
            for part, _ in expressions(node.body):
                if isinstance(part, ast.Call):
                    self._notes.complete = False
                    if isinstance(part.func, ast.Attribute) and part.func.attr in fits:
                        self._notes.add(part.func.attr, None, "<lambda>")
        elif isinstance(node, ast.Attribute) and node.attr in fits:
            self._notes.complete = False
            token = self._at.token(self._at.value(node.value, frame.scope))
            with self._notes.doubting():  # it is given, not called
                self._notes.add(node.attr, token, frame.inside)
        elif isinstance(node, ast.Call) and self._at.value(node.func, frame.scope) is operator.methodcaller:
            name = self._at.value(node.args[0], frame.scope) if node.args else None
            self._notes.complete = False
            if type(name) is str and name in fits:
                self._notes.add(name, None, frame.inside)
        elif isinstance(node, (ast.Name, ast.Attribute)):
            value = self._at.value(node, frame.scope)
            if type(value) is types.FunctionType and self._at.is_users(value):
                self._reading.functions.note_names(value.__code__)

    def _function(self, node: ast.Call, callee: Any, frame: Frame) -> None:
        functions = self._reading.functions
        if self._library_function(node, callee, frame):
            return
        if type(callee) is Unknown:
            self._notes.complete = False
        elif is_class(callee):
            self._make(node, callee, frame)
        elif callee is builtins.getattr and len(node.args) > 1:
            if id(node) not in self._files.handled:
                self._read_getattr(node.args[1])
        elif type(callee) is LocalFunction:
            functions.descend_into_local(callee, node, frame)
        elif type(callee) is types.FunctionType and self._at.is_users(callee):
            functions.descend(callee, None, node, frame)
        elif self._callable_object(node, callee, frame):
            return
        elif self._has_model_argument(node, frame) and getattr(node.func, "id", "") not in _HARMLESS:
            self._notes.complete = False  # a library may do anything to a model that it is given

    def _make(self, node: ast.Call, cls: type, frame: Frame) -> None:
        """A class is called: what its ``__init__`` does."""
        if self._at.makes_a_model(NewInstance(cls)):
            self._notes.classes_called[qualified_name(cls)] = None
        instance = self._files.bound_or_new(NewInstance(cls))
        self._reading.functions.descend(class_attribute(cls, "__init__"), instance, node, frame)

    def _read_getattr(self, name: ast.expr) -> None:
        """``getattr(m, "reset_parameters", None)``, which is then called."""
        method = name.value if isinstance(name, ast.Constant) else None
        if type(method) is str and method in self._tables.telling_methods:
            self._notes.complete = False
            with self._notes.doubting():
                self._notes.add(method, None, None)

    def _callable_object(self, node: ast.Call, callee: Any, frame: Frame) -> bool:
        """Reads what is called like a function, and is none; whether it is such a thing."""
        kind, functions = type(callee), self._reading.functions
        if kind is functools.partial:
            self._function(node, callee.func, frame.with_names({FIRST_ARGUMENTS: callee.args}))
        elif kind is types.MethodType:
            self._bound_method(callee, node, frame)
        elif kind is _LruCached:
            with self._notes.doubting():  # it may have been run before
                self._function(node, callee.__wrapped__, frame)
        elif is_one_of(kind, (classmethod, staticmethod)):
            function = callee.__func__
            if type(function) is types.FunctionType and self._at.is_users(function):
                functions.descend(function, UNKNOWN if kind is classmethod else None, node, frame)
        elif self._at.kind(callee) == USER_OBJECT:
            functions.descend(class_attribute(kind, "__call__"), callee, node, frame)
        else:
            return self._wrapper(callee, node, frame)
        return True

    def _wrapper(self, callee: Any, node: ast.Call, frame: Frame) -> bool:
        """Reads what a library made of a function, and runs in its place; whether it is such a thing.

        What it is known to stand for is run.  Of any other wrapper (joblib's ``Memory`` makes such) it is not known
        whether it runs the function, or gives what it has kept.
        """
        if is_one_of(type(callee), STAND_INS):
            return False
        is_function = type(callee) is types.FunctionType
        pairs = pairs_of(callee.__dict__, _MOST_ATTRIBUTES) if is_function else attributes_of(callee)
        own = {n: v for n, v in pairs if type(n) is str}
        stands_for = next((v for n, v in own.items() if n in self._tables.function_attributes), None)
        if type(stands_for) is types.FunctionType:
            self._reading.functions.descend(stands_for, None, node, frame)
            return True
        wrapped = own.get(_WRAPPED)
        if type(wrapped) is not types.FunctionType or not self._at.is_users(wrapped):
            return False
        module = dict.get(callee.__globals__, "__name__") if is_function else class_module(type(callee))
        if type(module) is not str or module not in _PLAIN_WRAPPERS:
            self._notes.complete, self._notes.keeps_results = False, True
        with self._notes.doubting():
            self._reading.functions.descend(wrapped, None, node, frame)
        return True

    def _bound_method(self, callee: types.MethodType, node: ast.Call, frame: Frame) -> None:
        """``f(X)``, if ``f = m.fit``."""
        receiver, function = callee.__self__, callee.__func__
        if type(function) is not types.FunctionType:
            self._notes.complete = False
        elif self._at.kind(receiver) == ESTIMATOR:
            args = self._reading.methods.continuation_args(node)
            self._notes.add(function.__name__, self._at.token(receiver), frame.inside, args=args)
        else:
            self._reading.functions.descend(function, receiver, node, frame)

    def _sets(self, node: ast.Call, frame: Frame) -> None:
        """``setattr(m, "coef_", value)``."""
        args = [self._at.value(a, frame.scope) for a in node.args[:2]]
        token = self._at.token(args[0]) if len(args) > 1 else None
        if token is not None and type(args[1]) is str:
            self._notes.add_write(token, args[1])
        else:
            self._notes.complete = False

    def _library_function(self, node: ast.Call, callee: Any, frame: Frame) -> bool:
        """Reads a function that is known to write or read files, to copy, or to run a text; whether it is one."""
        if id(node) in self._files.handled:
            return True
        access = find_function(callee, self._tables.file_functions)
        copied = find_function(callee, self._tables.copying_functions)
        trained = find_function(callee, self._tables.training_functions)
        if access is not None:
            self._files.read_or_write(node, access, frame.scope)
            if access[2] == "load into" and node.args:
                token = self._at.token(self._at.value(node.args[0], frame.scope))
                self._notes.add(access[1], token, frame.inside)
        elif trained is not None:
            token = self._at.token(self._at.value_of_name(self._files.target))
            self._notes.add(trained[1], token, None, args=self._reading.methods.continuation_args(node))
        elif is_class(callee) and self._at.library(NewInstance(callee)) in self._tables.with_own_files:
            self._files.load_by_constructor(node, callee, frame.scope)
            return False
        elif self._is_initialiser(callee):
            self._reading.methods.note_write_in_place(node.args[0] if node.args else node, frame.scope)
        elif find_function(callee, _RELOADS) is not None:
            self._reading.functions.reload(node, frame)
        elif copied is not None:
            is_load = self._files.handle_load_of_bytes(node, copied, frame.scope)
            is_of_data = copied[2] == "copy" and self._is_of_data(node, frame)
            if not is_load and not is_of_data and not self._is_of_a_state(node):
                self._notes.add_copy(".".join(copied[:2]), self._class_copied(node, frame))
        else:
            return self._builtin_function(node, callee, frame)
        return True

    def _is_initialiser(self, callee: Any) -> bool:
        module = callee.__module__ if type(callee) is types.FunctionType else None
        return type(module) is str and module in self._tables.initialising_modules

    def _class_copied(self, node: ast.Call, frame: Frame) -> str:
        """The class of the model that a call copies; empty if it may be anything, or hold several."""
        value = self._at.value(node.args[0], frame.scope) if node.args else UNKNOWN
        if type(value) is NewInstance:
            return qualified_name(value.cls) if self._at.makes_a_model(value) else ""
        return qualified_name(type(value)) if self._at.kind(value) == ESTIMATOR else ""

    def _is_of_data(self, node: ast.Call, frame: Frame) -> bool:
        """``copy.deepcopy(settings)``: no copy of a model."""
        return bool(node.args) and self._at.is_plain_data(self._at.value(node.args[0], frame.scope))

    def _is_of_a_state(self, node: ast.Call) -> bool:
        """``copy.deepcopy(net.state_dict())``: no copy of a model."""
        arg = node.args[0] if node.args else None
        called = arg.func if isinstance(arg, ast.Call) else None
        return getattr(called, "attr", "") in self._tables.state_methods | self._tables.parameter_methods

    def _builtin_function(self, node: ast.Call, callee: Any, frame: Frame) -> bool:
        if callee is builtins.exec or callee is builtins.eval:
            self._reading.functions.read_text(node, frame)
        elif callee is builtins.setattr or callee is builtins.delattr:
            self._sets(node, frame)
        else:
            return False
        return True

    def _has_model_argument(self, node: ast.Call, frame: Frame) -> bool:
        args = [*node.args, *(k.value for k in node.keywords)]
        return any(self._at.token(self._at.value(a, frame.scope)) is not None for a in args)


def _method_call(receiver: ast.expr, name: str, args: list[ast.expr], node: ast.Call) -> ast.Call:
    """``receiver.name(*args)``, with the keywords of ``node``."""
    return ast.Call(ast.Attribute(receiver, name, ast.Load()), args, node.keywords)
