"""Binds the arguments of a call, and the items of a loop, to names."""

from __future__ import annotations

import ast
import types
from typing import Any

from .lookups import MOST_HELD, is_mapping
from .resolve import Resolver
from .standins import FIRST_ARGUMENTS, GLOBALS, UNKNOWN, Scope
from .types import has_plain_keys, is_one_of, is_small_atom

_CO_VARARGS, _CO_VARKEYWORDS = 0x04, 0x08


class ArgumentBinder:
    """Binds arguments and items, as far as a resolver can tell what they are."""

    def __init__(self, at: Resolver) -> None:
        self._at = at

    def positional(self, node: ast.Call, scope: Scope) -> list[Any]:
        """What a call's positional arguments stand for; ``*args`` as far as it is known."""
        values = list(scope.get(FIRST_ARGUMENTS, ()))
        for arg in node.args:
            value = self._at.value(arg.value if isinstance(arg, ast.Starred) else arg, scope)
            if not isinstance(arg, ast.Starred):
                values.append(value)
            elif is_one_of(type(value), (tuple, list)):
                values += value[:MOST_HELD]
            else:
                break
        return values

    def by_keyword(self, node: ast.Call, scope: Scope) -> Scope:
        """What a call's keyword arguments stand for; ``**kwargs`` as far as it is known."""
        values: Scope = {}
        for keyword in node.keywords:
            value = self._at.value(keyword.value, scope)
            if keyword.arg is not None:
                values[keyword.arg] = value
            elif is_mapping(value) and has_plain_keys(value):
                values.update(value)
        return values

    def bind_parameters(
        self,
        function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
        node: ast.Call,
        scope: Scope,
    ) -> Scope:
        """Bind the arguments of a call to the parameters of a function that is known by its source alone."""
        names = function.args
        own = dict.fromkeys((a.arg for a in (*names.args, *names.kwonlyargs)), UNKNOWN)
        own.update(zip(list(own), self.positional(node, scope)))
        own.update({k: v for k, v in self.by_keyword(node, scope).items() if k in own})
        return own

    def bind_call(self, function: types.FunctionType, positional: list[Any], named: Scope) -> Scope:
        """Bind a function's own names as it is called: parameters, defaults, its closure."""
        code = function.__code__
        names, count = code.co_varnames, code.co_argcount
        own: Scope = dict.fromkeys(names, UNKNOWN)
        if function.__globals__ is not self._at.namespace:
            own[GLOBALS] = function.__globals__
        for name, cell in zip(code.co_freevars, function.__closure__ or ()):
            own[name] = _content_of(cell)
        defaults = function.__defaults__ or ()
        own.update(zip(names[count - len(defaults) : count], defaults))
        own.update(function.__kwdefaults__ or {})
        own.update(zip(names[:count], positional))
        place = count + code.co_kwonlyargcount
        if code.co_flags & _CO_VARARGS:
            own[names[place]] = tuple(positional[count:])
            place += 1
        if code.co_flags & _CO_VARKEYWORDS:
            own[names[place]] = {k: v for k, v in named.items() if k not in names[:place]}
        own.update({k: v for k, v in named.items() if k in names[:place]})
        return own

    def items(self, node: ast.expr, scope: Scope) -> list[Any]:
        """What an expression gives item by item: a container, ``d.items()``, ``enumerate(…)``, ``zip(…)``."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args:
            owner = self._at.value(node.func.value, scope)
            if is_mapping(owner) and has_plain_keys(owner):
                method: Any = {"items": dict.items, "values": dict.values, "keys": dict.keys}.get(
                    node.func.attr
                )
                return list(method(owner)) if method is not None else []
        if isinstance(node, ast.Call) and node.args:
            callee = self._at.value(node.func, scope)
            if callee is range:
                return self._numbers(node, scope)
            columns = [self.items(a, scope) for a in node.args]
            if callee is enumerate:
                return list(enumerate(columns[0]))
            return list(zip(*columns)) if callee is zip else []
        value = self._at.value(node, scope)
        if is_mapping(value):
            return list(value) if has_plain_keys(value) else []
        return list(value[:MOST_HELD]) if is_one_of(type(value), (list, tuple)) else []

    def _numbers(self, node: ast.Call, scope: Scope) -> list[Any]:
        """What a ``range`` gives."""
        bounds = [self._at.value(a, scope) for a in node.args]
        are_known = len(bounds) <= 3 and all(type(b) is int and is_small_atom(b) for b in bounds)
        return list(range(*bounds)[:MOST_HELD]) if are_known and 0 not in bounds[2:] else []

    def bind_target(self, target: ast.expr, item: Any) -> Scope:
        """Bind a loop's names to one item."""
        if isinstance(target, ast.Name):
            return {target.id: item}
        inner = target.elts if isinstance(target, (ast.Tuple, ast.List)) else []
        if not is_one_of(type(item), (tuple, list)) or len(item) != len(inner):
            return {}
        return {n: v for t, i in zip(inner, item) for n, v in self.bind_target(t, i).items()}


def _content_of(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not bound yet
        return UNKNOWN
