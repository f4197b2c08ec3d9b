"""Where a value comes from: whether its expression makes another object when it is evaluated again."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping

from msgspec import Struct

from kernelscope.cellcode.definitions import Definitions
from kernelscope.cellcode.effects import Origin, ValueOrigin
from kernelscope.cellcode.known_calls import RETURNS_STORED_OBJECT, KnownCalls
from kernelscope.cellcode.syntax import callee_name, find_first_call, is_class_name, is_reference


class _Scope(Struct, frozen=True):
    """The functions of the user's that are being read, the outermost being the cell."""

    functions: frozenset[str] = frozenset()
    """Their names, so that a recursion ends."""
    classes: frozenset[str] = frozenset()
    """Parameters of the innermost one that a class was passed for."""


_CELL = _Scope()


class _Body(Struct, frozen=True):
    """What a function of the user's assigns and shares."""

    assigned: Mapping[str, list[ast.expr]]
    """By local name, the values it is bound to."""
    shared: frozenset[str]
    """Names declared ``global`` or ``nonlocal``."""


class OriginReader:
    """Reads the origins of values.

    Args:
        definitions: the functions and classes that the expressions may call.
        known: functions of libraries that they may call.
    """

    def __init__(self, definitions: Definitions, known: KnownCalls) -> None:
        self._definitions, self._known = definitions, known

    def of(self, value: ast.expr) -> ValueOrigin:
        """The origin of the value of this expression."""
        if isinstance(value, ast.Constant):
            return ValueOrigin(Origin.CONSTANT)
        if is_reference(value):
            return ValueOrigin(Origin.ALIAS, ast.unparse(value))
        if isinstance(value, ast.Subscript) and is_reference(value.value):
            return ValueOrigin(Origin.ITEM, ast.unparse(value.value))
        call = find_first_call(value)
        maker = callee_name(call.func) if call is not None else ""
        return ValueOrigin(self._origin(value, _CELL), maker, _copy_source(value, self._known))

    def _origin(self, node: ast.expr, scope: _Scope) -> Origin:
        """``NEW``, ``PERHAPS_STORED`` or ``CONDITIONAL``."""
        match node:
            case ast.IfExp() | ast.BoolOp():
                return Origin.CONDITIONAL
            case ast.NamedExpr():
                return self._origin(node.value, scope)
            case ast.Attribute() | ast.Subscript() | ast.Starred() | ast.Await():
                return Origin.PERHAPS_STORED if is_reference(node) else self._origin(node.value, scope)
            case ast.Call():
                return self._of_call(node, scope)
            case ast.Constant():
                return Origin.NEW
            case _:
                return self._of_several(node, scope)

    def _of_several(self, node: ast.expr, scope: _Scope) -> Origin:
        """Of an expression that puts several values together."""
        match node:
            case ast.List() | ast.Tuple() | ast.Set():
                return self._of_display(node.elts, scope)
            case ast.Dict():
                return self._of_display(node.values, scope)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
                return self._origin(node.elt, scope)
            case ast.DictComp():
                return self._origin(node.value, scope)
            case ast.BinOp(op=ast.Mult()):  # [Ridge()] * 3
                return self._of_display((node.left, node.right), scope)
            case ast.BinOp():
                return _least_new((self._origin(node.left, scope), self._origin(node.right, scope)))
            case _:
                return Origin.PERHAPS_STORED

    def _of_display(self, items: Iterable[ast.expr], scope: _Scope) -> Origin:
        """Names in a list do not count, as the list itself is new."""
        return _least_new(self._origin(item, scope) for item in items if not is_reference(item))

    def _of_call(self, node: ast.Call, scope: _Scope) -> Origin:
        name, is_method = callee_name(node.func), isinstance(node.func, ast.Attribute)
        if isinstance(node.func, ast.Name):
            function, class_ = self._definitions.function(name), self._definitions.class_(name)
            if function is not None:
                return self._of_function(function, node, scope)
            if class_ is not None:
                return _of_class(class_)
        if is_class_name(name) or name in self._known.makes_new_object or name in scope.classes:
            return Origin.NEW
        if is_method and name == "fromkeys" and len(node.args) > 1:
            return self._origin(node.args[1], scope)
        if is_method and name in RETURNS_STORED_OBJECT:
            return Origin.CONDITIONAL
        if isinstance(node.func, ast.Attribute) and not is_reference(node.func.value):
            return self._origin(node.func.value, scope)  # Ridge().fit(X, y)
        return Origin.PERHAPS_STORED

    def _of_function(self, function: ast.FunctionDef, call: ast.Call, scope: _Scope) -> Origin:
        """``NEW`` if every value that it returns is made in it."""
        if function.name in scope.functions or function.decorator_list:
            return Origin.PERHAPS_STORED
        inner = _Scope(scope.functions | {function.name}, _classes_passed(function, call))
        body = _body_of(function)
        returned = [r.value for r in ast.walk(function) if isinstance(r, ast.Return) and r.value is not None]
        if not returned:
            return Origin.PERHAPS_STORED
        return _least_new([self._of_returned(value, body, inner) for value in returned])

    def _of_returned(self, value: ast.expr, body: _Body, scope: _Scope) -> Origin:
        match value:
            case ast.Name(id=name) if name in body.shared:
                return Origin.CONDITIONAL
            case ast.Name(id=name):
                values = body.assigned.get(name)
                if values is None:
                    return Origin.PERHAPS_STORED
                return _least_new(self._origin(value, scope) for value in values)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name) as receiver, attr=method)) if (
                name in body.assigned and method not in RETURNS_STORED_OBJECT
            ):
                return self._of_returned(receiver, body, scope)  # return model.fit(X, y)
            case ast.Tuple() | ast.List():
                return _of_items([self._of_returned(item, body, scope) for item in value.elts])
            case _:
                return self._origin(value, scope)


def _copy_source(value: ast.expr, known: KnownCalls) -> str | None:
    """``a`` of ``copy.deepcopy(a)``."""
    if isinstance(value, ast.Call) and callee_name(value.func) in known.copies and value.args:
        return ast.unparse(value.args[0]) if is_reference(value.args[0]) else None
    return None


def _of_class(class_: ast.ClassDef) -> Origin:
    """A metaclass, and ``__new__``, may return what was stored."""
    defined = {getattr(part, "name", "") for part in class_.body}
    return Origin.PERHAPS_STORED if class_.keywords or "__new__" in defined else Origin.NEW


def _classes_passed(function: ast.FunctionDef, call: ast.Call) -> frozenset[str]:
    """Parameters that this call passes a class for."""
    passed = dict(zip([a.arg for a in function.args.args], call.args, strict=False))
    passed.update({k.arg: k.value for k in call.keywords if k.arg})
    return frozenset(name for name, value in passed.items() if is_class_name(callee_name(value)))


def _body_of(function: ast.FunctionDef) -> _Body:
    assigned: dict[str, list[ast.expr]] = {}
    shared: set[str] = set()
    for part in ast.walk(function):
        if isinstance(part, (ast.Global, ast.Nonlocal)):
            shared.update(part.names)
        elif isinstance(part, ast.Assign):
            for target in part.targets:
                if isinstance(target, ast.Name):
                    assigned.setdefault(target.id, []).append(part.value)
    return _Body(assigned, frozenset(shared))


def _least_new(origins: Iterable[Origin]) -> Origin:
    """The origin of a name that will hold one of several values."""
    kinds = set(origins)
    if Origin.CONDITIONAL in kinds:
        return Origin.CONDITIONAL
    return Origin.PERHAPS_STORED if Origin.PERHAPS_STORED in kinds else Origin.NEW


def _of_items(origins: list[Origin]) -> Origin:
    """Of what is returned together: one that cannot be read beside new ones is most often data or a score."""
    if Origin.CONDITIONAL in origins:
        return Origin.CONDITIONAL
    unread = bool(origins) and all(o is Origin.PERHAPS_STORED for o in origins)
    return Origin.PERHAPS_STORED if unread else Origin.NEW
