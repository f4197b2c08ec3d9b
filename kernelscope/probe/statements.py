"""Reads statements and expressions in the order in which they run, and passes every call to its reader."""

from __future__ import annotations

import ast
import types
from typing import TYPE_CHECKING, Any, Iterator, Sequence

from ..cellcode.control import REACHED, Block, blocks_of, may_leave_block
from ..cellcode.syntax import (
    bound_names,
    expressions,
    named_targets,
    names_bound_later,
    own_expressions,
    single_target,
    single_targets,
)
from .arguments import ArgumentBinder
from .cell_notes import CellNotes
from .frame import Frame
from .lookups import find_function
from .persistence import Files
from .resolve import Resolver
from .standins import UNKNOWN, LocalFunction, OpenedFile, Scope, Unknown

if TYPE_CHECKING:
    from .calls_in_code import CallReader
    from .functions import FunctionReader
    from .methods import MethodReader

_MOST_ROUNDS = 16
"""Items of a loop that are gone through one by one, if it saves or loads."""
_DECIDES = (ast.BoolOp, ast.IfExp, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class CellReading:
    """One reading of one cell: its statements, and what the parts of a reading share."""

    calls: CallReader
    functions: FunctionReader
    methods: MethodReader

    def __init__(self, at: Resolver, binder: ArgumentBinder, notes: CellNotes, files: Files) -> None:
        self.at, self.binder, self.notes, self.files = at, binder, notes, files
        self.tables = at.tables

    # Statements.

    def block(self, body: list[ast.stmt], frame: Frame) -> None:
        """Statements in order; after one that may leave the block, nothing is sure any more."""
        doubts = self.notes.doubts
        later = names_bound_later(body) if frame.depth == 0 else [frozenset()] * len(body)
        for statement, names in zip(body, later):
            self.notes.check_time()
            # What such a name held is not known any more: it holds something else now.
            self._statement(statement, frame.with_names(dict.fromkeys(names, UNKNOWN)))
            if may_leave_block(statement):
                self.notes.doubts += 1
        self.notes.doubts = doubts

    def _statement(self, node: ast.stmt, frame: Frame) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self._definition(node, frame)
            if frame.depth > 0:
                self._bind(node, frame.scope)
            return
        scope = frame.scope
        if isinstance(node, ast.ClassDef):
            scope = dict(scope)  # its body is run; what it binds is no name outside
        if frame.depth == 0:
            self.files.aim(single_target(node), getattr(node, "value", None), scope, named_targets(node))
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete)):
            self._writes(node, scope)
        within = Frame(scope, frame.inside, frame.depth).with_names(self._bound_within(node, scope))
        for child in own_expressions(node):
            self.expression(child, within)
        for block in [Block(node.body, REACHED)] if isinstance(node, ast.ClassDef) else blocks_of(node):
            with self.notes.doubting(not block.guard.is_sure):
                self.block(block.body, within)
        with self.notes.doubting():
            for names in self._rounds(node, scope):
                self.block(node.body, within.with_names(names))  # type: ignore[attr-defined]
        if frame.depth > 0:
            self._bind(node, scope)

    def _bind(self, node: ast.stmt, scope: Scope) -> None:
        """What a function binds of its own, and a function in it."""
        if isinstance(node, ast.Assign):
            self.files.bind_states(single_target(node), node.value, scope)
            value = self.at.value(node.value, scope)
            for target in node.targets:
                names = (t.id for t in single_targets(target) if isinstance(t, ast.Name))
                scope.update({**dict.fromkeys(names, UNKNOWN), **self.binder.bind_target(target, value)})
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not node.decorator_list:
            scope[node.name] = LocalFunction(node, scope)

    def _bound_within(self, node: ast.stmt, scope: Scope) -> Scope:
        """What a loop or a ``with`` binds for the statements in it."""
        if isinstance(node, (ast.For, ast.AsyncFor)):
            return dict.fromkeys(bound_names(node.target), UNKNOWN)
        return self._bind_context_managers(node, scope) if isinstance(node, (ast.With, ast.AsyncWith)) else {}

    def _definition(self, node: ast.FunctionDef | ast.AsyncFunctionDef, frame: Frame) -> None:
        """The body is not run by being defined; defaults are, and so is what decorates it."""
        for default in (*node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)):
            self.expression(default, frame)
        for decorator in node.decorator_list:
            self.expression(decorator, frame)
            value = self.at.value(decorator, frame.scope)
            if type(value) is Unknown or (type(value) is types.FunctionType and self.at.is_users(value)):
                self.notes.complete = False

    def _writes(self, node: ast.stmt, scope: Scope) -> None:
        """Attributes of models that the statement writes to, also ``m.coef_[0] += 1``."""
        source = getattr(node, "value", None)
        if isinstance(source, ast.Subscript):
            holder = self.at.value(source.value, scope)
            if type(holder) is OpenedFile and holder.is_store:
                self.files.load_item()
        targets = node.targets if isinstance(node, (ast.Assign, ast.Delete)) else [node.target]  # type: ignore[attr-defined]
        for target in (t for written in targets for t in single_targets(written)):
            if isinstance(target, ast.Name) and isinstance(node, ast.AugAssign):
                self.notes.add_tensor_write(self.kind_of_write([node.value]))  # `p -= rate * p.grad`
            item = target
            while isinstance(target, ast.Subscript):
                item, target = target, target.value
            if isinstance(target, ast.Attribute):
                self.note_write(target, scope)
            elif isinstance(item, ast.Subscript):
                self._note_item(item, getattr(node, "value", None), scope)

    def _note_item(self, target: ast.Subscript, value: ast.expr | None, scope: Scope) -> None:
        """``net[2] = nn.Linear(4, 1)``: a part of a model is another one."""
        holder = self.at.value(target.value, scope)
        token = self.at.token(holder)
        index = target.slice
        if type(holder) is OpenedFile and holder.is_store and value is not None:
            self.files.save_item(value, scope)
        if token is not None:
            shown = repr(index.value) if isinstance(index, ast.Constant) else "…"
            self.notes.add_write(token, f"[{shown}]")

    def note_write(self, target: ast.expr, scope: Scope) -> bool:
        """Notes a write to something that models hold, as one of each model on the way to it; whether there is any."""
        path, is_of_a_model, direct = "", False, isinstance(target, ast.Attribute)
        while isinstance(target, (ast.Attribute, ast.Subscript)):
            path = target.attr if isinstance(target, ast.Attribute) else path
            target = target.value
            holder = self.at.value(target, scope)
            token = self.at.token(holder)
            is_network = self.at.library(holder) in self.tables.networks
            if token is not None and (not path or direct or is_network):
                self.notes.add_write(token, path)
                is_of_a_model = True
            direct = False
        return is_of_a_model

    def _bind_context_managers(self, node: ast.With | ast.AsyncWith, scope: Scope) -> Scope:
        return {
            item.optional_vars.id: self.at.value(item.context_expr, scope)
            for item in node.items
            if isinstance(item.optional_vars, ast.Name)
        }

    # Expressions.

    def expression(self, node: ast.expr, frame: Frame) -> None:
        """Every call in it."""
        parts = expressions(node)
        with self.notes.doubting(any(isinstance(part, _DECIDES) for part, _ in parts)):
            for part, names in parts:
                if isinstance(part, ast.Call):
                    self.calls.read(part, frame.with_names(dict.fromkeys(names, UNKNOWN)))
                for within in self._rounds_of_comprehension(part, frame):
                    inner: Any = part
                    for call, _ in expressions(inner.elt if hasattr(inner, "elt") else inner.value):
                        if isinstance(call, ast.Call):
                            self.calls.read(call, within)

    def _rounds_of_comprehension(self, node: ast.expr, frame: Frame) -> Iterator[Frame]:
        """What the names of a comprehension over known items are bound to, round by round."""
        if len(getattr(node, "generators", ())) == 1:
            for names in self._rounds(node, frame.scope):
                yield frame.with_names(names) if names else frame

    def _rounds(self, node: Any, scope: Scope) -> list[Scope]:
        """What the names of a loop that saves or loads are bound to, round by round, if its items are known."""
        if not isinstance(node, (ast.For, ast.ListComp, ast.SetComp, ast.DictComp)):
            return []
        loop = node if isinstance(node, ast.For) else node.generators[0]
        inner = node.body if isinstance(node, ast.For) else [node]
        calls = (c for part in inner for c in ast.walk(part) if isinstance(c, ast.Call))
        if not any(self._may_use_files(c, scope) for c in calls):
            return []
        items = self.binder.items(loop.iter, scope)[:_MOST_ROUNDS]
        return [self.binder.bind_target(loop.target, item) for item in items]

    def _may_use_files(self, node: ast.Call, scope: Scope) -> bool:
        """Whether it is a save or a load, or a function of the user's, which may be one."""
        callee = self.at.value(node.func, scope)
        if type(callee) is types.FunctionType and self.at.is_users(callee):
            return True
        tables = (self.tables.file_functions, self.tables.dumping_functions)
        return any(find_function(callee, table) is not None for table in tables)

    def kind_of_write(self, values: Sequence[ast.expr]) -> str:
        """A write in place by hand, or a step of gradient descent by hand: it makes use of a gradient."""
        names = self.tables.gradient_attributes
        uses = any(isinstance(n, ast.Attribute) and n.attr in names for e in values for n in ast.walk(e))
        return "gradient step" if uses else "value"
