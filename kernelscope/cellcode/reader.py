"""Reads the effects of a cell from its source alone: what it binds, sets, deletes and calls.

The probe reads the same tree (``syntax``, ``magics`` and ``control`` run there, too), with the user's namespace at hand: which calls
can have happened, on which objects.  Forecasts take these from it.  This module reads what a namespace does not show:
what is bound *again*.  ``m = make()`` is, after ``if 'm' not in globals():`` it is not.
"""

from __future__ import annotations

import ast

from msgspec.structs import replace

from kernelscope.cellcode.control import (
    REACHED,
    Guard,
    blocks_of,
    find_conditional_parts,
    may_stop_cell,
)
from kernelscope.cellcode.definitions import Definitions, NotebookDefinitions
from kernelscope.cellcode.effects import Binding, CellEffects, MethodCall, Origin, Setting, ValueOrigin
from kernelscope.cellcode.flow import follow_names
from kernelscope.cellcode.known_calls import APPEND, KnownCalls
from kernelscope.cellcode.origins import OriginReader
from kernelscope.cellcode.settings import read_assigned_settings, read_called_settings
from kernelscope.cellcode.source import parse_cell
from kernelscope.cellcode.syntax import callee_name, is_reference, names_in
from kernelscope.domain.names import root_of


def read_cell(
    code: str, notebook: NotebookDefinitions | None = None, known: KnownCalls | None = None
) -> CellEffects:
    """What the cell does when it runs.

    Args:
        code: its source, as the user typed it.
        notebook: what the other cells define.
        known: calls whose effect is known by their name; Python's own if it is left out.
    """
    tree = parse_cell(code)
    if tree is None:
        return CellEffects()
    reader = _CellReader((notebook or NotebookDefinitions()).seen_from(code), known or KnownCalls())
    try:
        reader.read_block(tree.body, REACHED)
        return reader.effects(tree)
    except RecursionError:
        return CellEffects()


class _CellReader:
    """Goes through the statements of a cell, or of a function that it calls, in order.

    Definitions of functions and classes are skipped: their bodies do not run until they are called.

    Args:
        definitions: functions and classes that the statements may call.
        known: calls whose effect is known by their name.
        callers: names of the functions that are being read already, so that a recursion ends.
    """

    def __init__(
        self, definitions: Definitions, known: KnownCalls, callers: frozenset[str] = frozenset()
    ) -> None:
        self._definitions, self._known, self._callers = definitions, known, callers
        self._origins = OriginReader(definitions, known)
        self._step = 0
        self._bindings: list[Binding] = []
        self._settings: list[Setting] = []
        self._deletes: list[str] = []
        self._appends_to: set[str] = set()
        self._methods: dict[MethodCall, None] = {}

    def effects(self, tree: ast.Module) -> CellEffects:
        """All that was read, with what the order of the statements tells."""
        flow = follow_names(tree)
        return CellEffects(
            readable=True,
            bindings=tuple(self._bindings),
            settings=tuple(self._settings),
            needs=flow.needs,
            deletes=tuple(self._deletes),
            consumes=flow.consumes,
            appends_to=frozenset(self._appends_to),
            methods=tuple(self._methods),
        )

    def read_block(self, body: list[ast.stmt], guard: Guard) -> None:
        """Read statements in order; one that may stop the cell decides about those below it."""
        for node in body:
            self._step += 1
            self._read_statement(node, guard)
            if not guard.conditional and may_stop_cell(node):
                guard = guard.under_condition()

    # Statements.

    def _read_statement(self, node: ast.stmt, guard: Guard) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return
            case ast.If() | ast.While():
                self._read_expressions(node.test, guard)
            case ast.For() | ast.AsyncFor():
                self._read_loop_head(node, guard)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    self._read_expressions(item.context_expr, guard)
            case ast.Try() | ast.Match():
                pass
            case _:
                self._read_simple(node, guard)
        runs_dry = isinstance(node, ast.For) and self._definitions.is_iterator(node.iter)
        for block in blocks_of(node, guard):
            self.read_block(block.body, block.guard.under_condition(runs_dry))

    def _read_loop_head(self, node: ast.For | ast.AsyncFor, guard: Guard) -> None:
        value = self._origins.of(node.iter)
        if value.origin is not Origin.NEW:
            value = ValueOrigin(Origin.LOOP, next(names_in(node.iter, ast.Load), ""))
        for name in names_in(node.target, ast.Store):
            self._bindings.append(Binding(name, replace(value, copied=None), guard, self._step))
        self._read_expressions(node.iter, guard)

    def _read_simple(self, node: ast.stmt, guard: Guard) -> None:
        match node:
            case ast.Assign():
                for target in node.targets:
                    self._read_assignment(target, node.value, guard)
            case ast.AnnAssign(value=ast.expr() as value):
                self._read_assignment(node.target, value, guard)
            case ast.AugAssign():
                self._settings += read_assigned_settings(node.target, node.value, in_place=True)
                if isinstance(node.value, ast.List):
                    self._appends_to.add(ast.unparse(node.target))
            case ast.Delete():
                self._deletes += map(ast.unparse, node.targets)
            case _:
                pass
        self._read_expressions(node, guard)

    # Assignments.

    def _read_assignment(self, target: ast.expr, value: ast.expr, guard: Guard) -> None:
        if not isinstance(target, (ast.Tuple, ast.List)):
            self._settings += read_assigned_settings(target, value)
            self._bind(target, self._origins.of(value), guard)
            return
        values = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
        if len(values) == len(target.elts) and not any(isinstance(v, ast.Starred) for v in values):
            for one, its_value in zip(target.elts, values, strict=True):
                self._read_assignment(one, its_value, guard)
            return
        unpacked = self._origins.of(value)
        if unpacked.origin is Origin.ALIAS:
            unpacked = replace(unpacked, origin=Origin.LOOP)
        for one in target.elts:
            self._bind(one.value if isinstance(one, ast.Starred) else one, unpacked, guard)

    def _bind(self, target: ast.expr, value: ValueOrigin, guard: Guard) -> None:
        some_item = isinstance(target, ast.Subscript) and not is_reference(target)
        name = ast.unparse(target.value if isinstance(target, ast.Subscript) and some_item else target)
        guard = guard.under_condition(value.origin is Origin.CONDITIONAL)
        self._bindings.append(Binding(name, value, guard, self._step, some_item))

    # Calls.

    def _read_expressions(self, node: ast.AST, guard: Guard) -> None:
        """What is called in it, and what ``:=`` binds."""
        under_condition = find_conditional_parts(node)
        for part in ast.walk(node):
            if isinstance(part, ast.Call):
                self._read_call(part, guard.decides or id(part) in under_condition)
                self._bind_globals_of(part, guard)
            elif isinstance(part, ast.NamedExpr):
                self._read_assignment(part.target, part.value, guard)

    def _read_call(self, node: ast.Call, is_conditional: bool) -> None:
        self._add_methods_called_by(node, is_conditional)
        self._settings += read_called_settings(node, self._known)
        if isinstance(node.func, ast.Attribute):
            receiver, method = ast.unparse(node.func.value), node.func.attr
            self._methods[MethodCall(receiver, method, is_conditional)] = None
            if method == APPEND:
                self._appends_to.add(receiver)

    def _add_methods_called_by(self, node: ast.Call, is_conditional: bool) -> None:
        """Method calls in the function that is called, and in every method of the user's of that name."""
        name = callee_name(node.func)
        if name in self._callers:
            return
        functions = self._definitions.methods(name) if isinstance(node.func, ast.Attribute) else []
        if isinstance(node.func, ast.Name) and (function := self._definitions.function(name)) is not None:
            functions = [function]
        for function in functions:
            self._methods.update(self._read_function(function, Guard(is_conditional))._methods)

    def _bind_globals_of(self, node: ast.Call, guard: Guard) -> None:
        """What a function of the user's binds with ``global``."""
        name = getattr(node.func, "id", "")
        function = self._definitions.function(name)
        if function is None or name in self._callers or function.decorator_list:
            return
        shared = {n for part in ast.walk(function) if isinstance(part, ast.Global) for n in part.names}
        if not shared:
            return
        for binding in self._read_function(function, guard)._bindings:
            if root_of(binding.target) in shared:
                value = replace(binding.value, copied=None)
                if value.origin in (Origin.ALIAS, Origin.LOOP):  # of a name inside the function
                    value = replace(value, origin=Origin.PERHAPS_STORED)
                self._bindings.append(replace(binding, value=value, step=self._step))

    def _read_function(self, function: ast.FunctionDef, guard: Guard) -> _CellReader:
        inner = _CellReader(self._definitions, self._known, self._callers | {function.name})
        inner.read_block(function.body, guard)
        return inner
