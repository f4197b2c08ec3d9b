"""What a cell can have called, read from its source and from the functions of the user's it reaches.

Nothing is run: names are looked up in the namespace and in module and instance dictionaries.  Told
are the methods that can have been called on which model, the attributes written to, copies in
memory, and saves and loads with their files.  What could not be followed makes the answer
incomplete, never wrong: ``complete`` is false then.
"""

from __future__ import annotations

import ast
import builtins
import functools
import operator
import re
import types
from typing import TYPE_CHECKING, Any, Iterator, Sequence

from .budget import Budget
from .identity import Tokens
from .persistence import BY_METHOD, DUMPS, FILES, LOADS_INTO, SAVES_ITSELF, Files, Memory
from .resolve import FIRST, GLOBALS, STAND_INS, UNKNOWN, Inner, New, Resolver, Unknown, known
from .sources import Sources
from .syntax import (
    bodies,
    bound_names,
    expressions,
    names_bound_later,
    own_expressions,
    parse,
    single_target,
    single_targets,
)
from .types import (
    DECISIVE,
    ESTIMATOR,
    OPAQUE,
    USER_OBJECT,
    TypeCache,
    attributes_of,
    class_attribute,
    is_class,
    is_one_of,
    qualified_name,
)

if TYPE_CHECKING:
    from . import wire

LONGEST = 1 << 16
"""Characters of a cell beyond which it is not read."""
_DEPTH = 5
_SECONDS = 0.02
_MOST_ROUNDS = 16
"""Items of a loop that are gone through one by one, where it saves or loads."""
_FLAGS = re.compile(r"(?:-\w+(?:[ =]?\d+)?\s+)*")
"""Options of a magic, before the code that it is given."""
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
_MOVES = frozenset(
    {"step", "update", "boost", "reset_parameters", "init_weights", "initialize"}
    | {"load_state_dict", "load_model", "load_weights", "set_weights", "load_params", "model_from_string"}
)
"""Methods of the frameworks that may change a model; of those that many other objects have, too, the
verdict is not made from the name alone."""
_BY_GRADIENTS = {
    "backward": "backward",
    "gradient": "backward",
    "grad": "backward",
    "apply_gradients": "apply_gradients",
}
"""Calls around which a network learns, on whatever they are made (``loss``, ``tape``, an optimizer of Keras;
``grad`` on a module: ``torch.autograd.grad``), and what they are told as."""
_ASSIGNS = frozenset({"assign", "assign_add", "assign_sub"})
"""How a variable of TensorFlow and Keras is written to."""
_INITIALISERS = frozenset(
    {"uniform_", "normal_", "constant_", "ones_", "zeros_", "xavier_uniform_", "xavier_normal_"}
    | {"kaiming_uniform_", "kaiming_normal_", "orthogonal_", "trunc_normal_", "sparse_", "eye_", "dirac_"}
)
"""Of ``torch.nn.init``."""
_NETWORKS = frozenset({"torch", "keras"})
_OPTIMIZERS = frozenset({"torch.optim"})
_READS_ONLY = frozenset(
    {"predict", "predict_proba", "predict_log_proba", "decision_function", "score", "transform", "get_params"}
    | {"inverse_transform", "score_samples", "get_feature_names_out", "set_params", "set_output"}
)
_HARMLESS = frozenset({"print", "repr", "len", "str", "type", "id", "isinstance", "display", "vars", "dir"})
_CODE_IN_TEXT = frozenset({"time", "timeit", "capture", "prun"})

_COPIES = (
    ("copy", "copy"),
    ("copy", "deepcopy"),
    ("pickle", "loads"),
    ("cloudpickle", "loads"),
    ("dill", "loads"),
    ("skops.io", "loads"),
)


_CO_GENERATORS = 0x20 | 0x80 | 0x200
"""Flags of functions whose body is not run by calling them: generators, coroutines, both."""
_LEAVES = (ast.Return, ast.Raise, ast.Break, ast.Continue)
_DECIDES = (ast.BoolOp, ast.IfExp, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


_LruCached = type(functools.lru_cache(maxsize=None)(len))
_TRAINS = (("xgboost.training", "train"), ("lightgbm.engine", "train"))
"""Functions that train and give a new model."""

_RELOADS = (("importlib", "reload"),)


class CodeReader:
    """Reads cells against one namespace."""

    def __init__(self, namespace: dict[str, Any], types_: TypeCache, tokens: Tokens) -> None:
        self.resolver = Resolver(namespace, types_, tokens)
        self.sources = Sources(types_)
        self.memory = Memory()

    def read(self, source: str, since: float) -> wire.CodeReading:
        """``{"code": CodeFacts, "files": [FileAccess, …]}`` of a cell that has just run.

        ``since``: seconds since the epoch when it began, to tell files that it wrote.
        """
        reading = _Reading(self, since)
        tree = parse(source) if len(source) <= LONGEST else None
        if tree is None:
            reading.complete = False
        else:
            try:
                reading.block(tree.body, {}, None, 0)
            except (_OutOfTimeError, RecursionError):
                reading.complete = False
        return reading.facts()


class _OutOfTimeError(Exception):
    """The reading has used up its time."""


class _Reading:
    """One reading of one cell."""

    def __init__(self, reader: CodeReader, since: float) -> None:
        self._reader, self._at = reader, reader.resolver
        self._budget = Budget(_SECONDS)
        self._methods: dict[tuple[str, int | None, str | None, str | None, tuple[str, ...]], bool] = {}
        """(method, token, function, class, decisive arguments) → whether the run cannot have left it out."""
        self._doubts = 0
        """How many conditions, loops and the like stand around what is being read."""
        self._assigned: dict[tuple[int, str], None] = {}
        self._copies: dict[str, None] = {}
        self._files = Files(self._at, reader.memory, self._copies, since)
        self._entered: set[int] = set()
        self._learning: set[int | None] = set()
        """Tokens of the user's own estimators whose ``fit`` is being read."""
        self.complete = True

    def facts(self) -> wire.CodeReading:
        methods: list[wire.MethodInCode] = [
            {"method": m, "token": t, "inside": i, "cls": c, "sure": sure, "given": given}
            for (m, t, i, c, given), sure in self._methods.items()
        ]
        code: wire.CodeFacts = {
            "methods": methods,
            "assigned": [list(pair) for pair in self._assigned],
            "copies": list(self._copies),
            "complete": self.complete,
        }
        return {"code": code, "files": self._files.facts}

    def _note(
        self,
        method: str,
        token: int | None,
        inside: str | None,
        cls: str | None = None,
        given: tuple[str, ...] = (),
    ) -> None:
        if self._learning and (token is None or token in self._learning):
            return  # its own way of learning
        key = (method, token, inside, cls, given)
        self._methods[key] = self._methods.get(key, False) or self._doubts == 0

    # Statements.

    def block(self, body: list[ast.stmt], scope: dict[str, Any], inside: str | None, depth: int) -> None:
        """Statements in order; after one that may leave the block, nothing is sure any more."""
        doubts = self._doubts
        later = names_bound_later(body) if depth == 0 else [frozenset()] * len(body)
        for statement, names in zip(body, later):
            if self._budget.is_spent():
                raise _OutOfTimeError
            # What such a name held is not known any more: it holds something else now.
            here = {**scope, **dict.fromkeys(names, UNKNOWN)} if names else scope
            self._statement(statement, here, inside, depth)
            if any(isinstance(n, _LEAVES) for n in ast.walk(statement)):
                self._doubts += 1
        self._doubts = doubts

    def _statement(self, node: ast.stmt, scope: dict[str, Any], inside: str | None, depth: int) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self._definition(node, scope, inside, depth)
            if depth > 0:
                self._assigns(node, scope)
            return
        if isinstance(node, ast.ClassDef):
            scope = dict(scope)  # its body is run; what it binds is no name outside
        if depth == 0:
            self._files.aim(single_target(node), getattr(node, "value", None), scope)
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete)):
            self._writes(node, scope)
        bound_here = self._bound_within(node, scope)
        within = {**scope, **bound_here} if bound_here else scope
        for child in own_expressions(node):
            self._expression(child, within, inside, depth)
        decides = not isinstance(node, (ast.With, ast.AsyncWith, ast.ClassDef))
        self._doubts += decides
        for body in bodies(node):
            self.block(body, within, inside, depth)
        for bound in self._rounds(node, scope):
            self.block(node.body, {**within, **bound}, inside, depth)  # type: ignore[attr-defined]
        self._doubts -= decides
        if depth > 0:
            self._assigns(node, scope)

    def _assigns(self, node: ast.stmt, scope: dict[str, Any]) -> None:
        """What a function binds of its own, and a function in it."""
        if isinstance(node, ast.Assign):
            self._files.holds_states(single_target(node), node.value, scope)
            value = self._at.value(node.value, scope)
            for target in node.targets:
                names = (t.id for t in single_targets(target) if isinstance(t, ast.Name))
                scope.update({**dict.fromkeys(names, UNKNOWN), **self._at.bound(target, value)})
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not node.decorator_list:
            scope[node.name] = Inner(node, scope)

    def _bound_within(self, node: ast.stmt, scope: dict[str, Any]) -> dict[str, Any]:
        """What a loop or a ``with`` binds for the statements in it."""
        if isinstance(node, (ast.For, ast.AsyncFor)):
            return dict.fromkeys(bound_names(node.target), UNKNOWN)
        return self._opened(node, scope) if isinstance(node, (ast.With, ast.AsyncWith)) else {}

    def _definition(self, node: Any, scope: dict[str, Any], inside: str | None, depth: int) -> None:
        """The body is not run by being defined; defaults are, and so is what decorates it."""
        for default in (*node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)):
            self._expression(default, scope, inside, depth)
        for decorator in node.decorator_list:
            self._expression(decorator, scope, inside, depth)
            value = self._at.value(decorator, scope)
            if type(value) is Unknown or (type(value) is types.FunctionType and self._at.is_users(value)):
                self.complete = False

    def _writes(self, node: ast.stmt, scope: dict[str, Any]) -> None:
        """Attributes of models that the statement writes to, also ``m.coef_[0] += 1``."""
        targets = node.targets if isinstance(node, (ast.Assign, ast.Delete)) else [node.target]  # type: ignore[attr-defined]
        for target in (t for written in targets for t in single_targets(written)):
            if isinstance(target, ast.Name) and isinstance(node, ast.AugAssign):
                self._note(_kind_of_write([node.value]), None, None)  # `p -= rate * p.grad`
            while isinstance(target, ast.Subscript):
                target = target.value
            if isinstance(target, ast.Attribute):
                self._written(target, scope)

    def _written(self, target: ast.expr, scope: dict[str, Any]) -> bool:
        """Notes a write to something that models hold, as one of each model on the way to it."""
        path, found, direct = "", False, isinstance(target, ast.Attribute)
        while isinstance(target, (ast.Attribute, ast.Subscript)):
            path = target.attr if isinstance(target, ast.Attribute) else path
            target = target.value
            holder = self._at.value(target, scope)
            token = self._at.token(holder)
            if token is not None and (not path or direct or self._at.library(holder) in _NETWORKS):
                self._assigned[(token, path)] = None
                found = True
            direct = False
        return found

    def _opened(self, node: Any, scope: dict[str, Any]) -> dict[str, Any]:
        found = {}
        for item in node.items:
            if isinstance(item.optional_vars, ast.Name):
                found[item.optional_vars.id] = self._at.value(item.context_expr, scope)
        return found

    # Expressions.

    def _expression(self, node: ast.expr, scope: dict[str, Any], inside: str | None, depth: int) -> None:
        parts = expressions(node)
        decides = any(isinstance(part, _DECIDES) for part, _ in parts)
        self._doubts += decides
        for part, bound in parts:
            if isinstance(part, ast.Call):
                inner = {**scope, **dict.fromkeys(bound, UNKNOWN)} if bound else scope
                self._call(part, inner, inside, depth)
            for around in self._rounds_of_comprehension(part, scope):
                for within, _ in expressions(part.elt if hasattr(part, "elt") else part.value):  # type: ignore[attr-defined]
                    if isinstance(within, ast.Call):
                        self._call(within, around, inside, depth)
        self._doubts -= decides

    def _rounds_of_comprehension(self, node: ast.expr, scope: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """What the names of a comprehension over known items are bound to, round by round."""
        if len(getattr(node, "generators", ())) == 1:
            for bound in self._rounds(node, scope):
                yield {**scope, **bound}

    def _rounds(self, node: Any, scope: dict[str, Any]) -> list[dict[str, Any]]:
        """What the names of a loop that saves or loads are bound to, round by round, where its items are known."""
        if not isinstance(node, (ast.For, ast.ListComp, ast.SetComp, ast.DictComp)):
            return []
        loop = node if isinstance(node, ast.For) else node.generators[0]
        inner = node.body if isinstance(node, ast.For) else [node]
        calls = (c for part in inner for c in ast.walk(part) if isinstance(c, ast.Call))
        if not any(self._may_use_files(c, scope) for c in calls):
            return []
        return [self._at.bound(loop.target, item) for item in self._at.items(loop.iter, scope)[:_MOST_ROUNDS]]

    def _may_use_files(self, node: ast.Call, scope: dict[str, Any]) -> bool:
        """Whether it is a save or a load, or a function of the user's, which may be one."""
        callee = self._at.value(node.func, scope)
        if type(callee) is types.FunctionType and self._at.is_users(callee):
            return True
        return known(callee, FILES) is not None or known(callee, DUMPS) is not None

    def _call(self, node: ast.Call, scope: dict[str, Any], inside: str | None, depth: int) -> None:
        for given in (*node.args, *(k.value for k in node.keywords)):
            self._callback(given, scope, inside)
        node = self._as_method_call(node, scope)
        if isinstance(node.func, ast.Lambda):
            own = self._at.parameters(node.func, node, scope)
            self._expression(node.func.body, {**scope, **own}, inside, depth)
            return
        if isinstance(node.func, ast.Attribute):
            receiver = self._at.value(node.func.value, scope)
            if self._method(node, receiver, node.func.attr, scope, inside, depth):
                return
        self._function(node, self._at.value(node.func, scope), scope, inside, depth)

    def _as_method_call(self, node: ast.Call, scope: dict[str, Any]) -> ast.Call:
        """``m.fit(X)``, where it was written as ``getattr(m, "fit")(X)``, ``SGDClassifier.fit(m, X)`` or
        ``methodcaller("fit", X)(m)``."""
        of, given = node.func, node.args
        if isinstance(of, ast.Attribute) and of.attr in LEARNS and given:
            owner = self._at.value(of.value, scope)
            if not is_class(owner) or self._at.kind(self._at.value(given[0], scope)) != ESTIMATOR:
                return node
            return _method_call(given[0], of.attr, given[1:], node)
        if isinstance(of, ast.Call) and of.args:
            callee = self._at.value(of.func, scope)
            if callee is builtins.getattr and len(of.args) > 1:
                name = self._at.value(of.args[1], scope)
                if type(name) is str:
                    self._files.told.add(id(of))
                    return _method_call(of.args[0], name, given, node)
                return node
            if callee is operator.methodcaller and given:
                name = self._at.value(of.args[0], scope)
                return _method_call(given[0], name, of.args[1:], node) if type(name) is str else node
        return node

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
        if self._files.written_bytes(node, method, scope):
            return True
        kind = self._at.kind(receiver)
        on_a_tensor = kind == OPAQUE and self._on_a_tensor(node, method, scope, inside)
        if type(receiver) is Unknown:
            if not on_a_tensor and (method in LEARNS or method in _MOVES):
                self._note(method, None, inside, given=_decisive(node))
            self.complete = self.complete and method in LEARNS
            return True
        if type(receiver) is New and not self._at.makes_a_model(receiver):
            made = self._files.held(receiver)
            self._descend(class_attribute(receiver.cls, method), made, node, scope, depth)
            return True
        if kind == ESTIMATOR or type(receiver) is New:
            self._method_of_model(node, receiver, method, scope, inside, depth)
            return True
        if kind == USER_OBJECT:
            self._descend(class_attribute(type(receiver), method), receiver, node, scope, depth)
            return True
        if method in LEARNS:
            self._note(method, None, inside, qualified_name(type(receiver)))
            return self._teaches_what_it_is_given(node, method, scope, inside)
        # `scaler.step(optimizer)`
        stepped = method == "step" and self._teaches_what_it_is_given(node, method, scope, inside)
        return on_a_tensor or stepped

    def _on_a_tensor(self, node: ast.Call, method: str, scope: dict[str, Any], inside: str | None) -> bool:
        """Calls on tensors, tapes and what computes with them: ``loss.backward()``, ``w.add_(1)``."""
        in_place = method.endswith("_") and not method.endswith("__")
        if in_place or method in _ASSIGNS:
            given = [*node.args, *(k.value for k in node.keywords)]
            self._writes_in_place(node.func.value, scope, given)  # type: ignore[attr-defined]
        of_a_module = type(self._at.value(node.func.value, scope)) is types.ModuleType  # type: ignore[attr-defined]
        told = _BY_GRADIENTS.get(method) if of_a_module is (method == "grad") else None
        if told is not None:
            self._note(told, None, inside)
        return method in _ASSIGNS or told is not None

    def _method_of_model(
        self,
        node: ast.Call,
        receiver: Any,
        method: str,
        scope: dict[str, Any],
        inside: str | None,
        depth: int,
    ) -> None:
        library = self._at.library(receiver)
        if method in LOADS_INTO:
            self._files.loads_into(node, receiver, scope)
        elif method in SAVES_ITSELF and library in BY_METHOD:
            self._files.saves_itself(node, scope)
        elif method == "copy" and library in BY_METHOD:
            self._copies[f"{library}'s copy"] = None
        if type(receiver) is New:
            made = self._files.made(receiver)
            self._note(method, made, inside, qualified_name(receiver.cls), _decisive(node))
            self._initialises(node, method, made, scope)
            return
        token = self._at.token(receiver)
        self._note(method, token, inside, given=_decisive(node))
        self._initialises(node, method, token, scope)
        if method in LEARNS:
            self._how_it_learns(class_attribute(type(receiver), method), receiver, token, node, scope, depth)
        elif method not in _READS_ONLY:
            self._descend(class_attribute(type(receiver), method), receiver, node, scope, depth)

    def _how_it_learns(
        self,
        function: Any,
        receiver: Any,
        token: int | None,
        node: ast.Call,
        scope: dict[str, Any],
        depth: int,
    ) -> None:
        """A ``fit`` that the user wrote, for what it teaches other models: one that it was given."""
        complete, fresh = self.complete, token not in self._learning
        self._learning.add(token)
        self._descend(function, receiver, node, scope, depth)
        self.complete = complete
        if fresh:
            self._learning.discard(token)

    def _writes_in_place(
        self, target: ast.expr, scope: dict[str, Any], given: Sequence[ast.expr] = ()
    ) -> None:
        """``net.weight.fill_(0)``, and ``p.mul_(0.5)`` where ``p`` cannot be told."""
        kind = _kind_of_write(given)
        if not self._written(target, scope) or kind != "in-place":
            self._note(kind, None, None)

    def _teaches_what_it_is_given(
        self, node: ast.Call, method: str, scope: dict[str, Any], inside: str | None
    ) -> bool:
        """``trainer.fit(net)``, with a library's trainer: a network that it is given learns."""
        given = [self._at.value(a, scope) for a in (*node.args, *(k.value for k in node.keywords))]
        wanted = _NETWORKS if method in LEARNS else _OPTIMIZERS
        networks = [g for g in given if self._at.library(g) in wanted and type(g) is not New]
        for network in networks:
            self._note(method, self._at.token(network), inside)
        return bool(networks)

    def _initialises(self, node: ast.Call, method: str, token: int | None, scope: dict[str, Any]) -> None:
        """``net.apply(f)`` with an ``f`` of the user's that sets weights anew."""
        given = self._at.value(node.args[0], scope) if method == "apply" and node.args else None
        if type(given) is types.FunctionType and self._at.is_users(given):
            names = {*given.__code__.co_names, *(c for c in given.__code__.co_consts if type(c) is str)}
            if (
                names & _INITIALISERS or "reset_parameters" in names
            ):  # a text: `getattr(m, "reset_parameters")`
                self._note("reset_parameters", token, given.__code__.co_name)

    def _callback(self, node: ast.expr, scope: dict[str, Any], inside: str | None) -> None:
        """What is given to a call may be called by it: a lambda, a function of the user's, ``m.fit``."""
        if isinstance(node, ast.Lambda):
            for part, _ in expressions(node.body):
                if isinstance(part, ast.Call):
                    self.complete = False
                    if isinstance(part.func, ast.Attribute) and part.func.attr in LEARNS:
                        self._note(part.func.attr, None, "<lambda>")
        elif isinstance(node, ast.Attribute) and node.attr in LEARNS:
            self.complete = False
            self._doubts += 1  # it is given, not called
            self._note(node.attr, self._at.token(self._at.value(node.value, scope)), inside)
            self._doubts -= 1
        elif isinstance(node, ast.Call) and self._at.value(node.func, scope) is operator.methodcaller:
            name = self._at.value(node.args[0], scope) if node.args else None
            self.complete = False
            if type(name) is str and name in LEARNS:
                self._note(name, None, inside)
        elif isinstance(node, (ast.Name, ast.Attribute)):
            value = self._at.value(node, scope)
            if type(value) is types.FunctionType and self._at.is_users(value):
                self._names_only(value.__code__)

    def _function(
        self, node: ast.Call, callee: Any, scope: dict[str, Any], inside: str | None, depth: int
    ) -> None:
        if self._library_function(node, callee, scope, depth):
            return
        if type(callee) is Unknown:
            self.complete = False
        elif is_class(callee):
            made = self._files.held(New(callee))
            self._descend(class_attribute(callee, "__init__"), made, node, scope, depth)
        elif callee is builtins.getattr and len(node.args) > 1:
            if id(node) not in self._files.told:
                self._asked_for(node.args[1])
        elif type(callee) is Inner:
            self._into_inner(callee, node, scope, depth)
        elif type(callee) is types.FunctionType and self._at.is_users(callee):
            self._descend(callee, None, node, scope, depth)
        elif self._callable_object(node, callee, scope, inside, depth):
            return
        elif self._given_a_model(node, scope) and getattr(node.func, "id", "") not in _HARMLESS:
            self.complete = False  # a library may do anything to a model that it is given

    def _asked_for(self, name: ast.expr) -> None:
        """``getattr(m, "reset_parameters", None)``, which is then called."""
        if isinstance(name, ast.Constant) and (name.value in LEARNS or name.value in _MOVES):
            self.complete = False
            self._doubts += 1
            self._note(name.value, None, None)
            self._doubts -= 1

    def _callable_object(
        self, node: ast.Call, callee: Any, scope: dict[str, Any], inside: str | None, depth: int
    ) -> bool:
        """What is called like a function, and is none."""
        kind = type(callee)
        if kind is functools.partial:
            self._function(node, callee.func, {**scope, FIRST: callee.args}, inside, depth)
        elif kind is types.MethodType:
            self._bound_method(callee, node, scope, inside, depth)
        elif kind is _LruCached:
            self._doubts += 1  # it may have been run before
            self._function(node, callee.__wrapped__, scope, inside, depth)
            self._doubts -= 1
        elif is_one_of(kind, (classmethod, staticmethod)):
            function = callee.__func__
            if type(function) is types.FunctionType and self._at.is_users(function):
                self._descend(function, UNKNOWN if kind is classmethod else None, node, scope, depth)
        elif self._at.kind(callee) == USER_OBJECT:
            self._descend(class_attribute(kind, "__call__"), callee, node, scope, depth)
        elif type(_wrapped_by(callee)) is types.FunctionType:
            self._descend(_wrapped_by(callee), None, node, scope, depth)
        else:
            return False
        return True

    def _bound_method(
        self, callee: types.MethodType, node: ast.Call, scope: dict[str, Any], inside: str | None, depth: int
    ) -> None:
        """``f(X)``, where ``f = m.fit``."""
        receiver, function = callee.__self__, callee.__func__
        if type(function) is not types.FunctionType:
            self.complete = False
        elif self._at.kind(receiver) == ESTIMATOR:
            self._note(function.__name__, self._at.token(receiver), inside, given=_decisive(node))
        else:
            self._descend(function, receiver, node, scope, depth)

    def _sets(self, node: ast.Call, scope: dict[str, Any]) -> None:
        """``setattr(m, "coef_", value)``."""
        given = [self._at.value(a, scope) for a in node.args[:2]]
        token = self._at.token(given[0]) if len(given) > 1 else None
        if token is not None and type(given[1]) is str:
            self._assigned[(token, given[1])] = None
        else:
            self.complete = False

    def _into_inner(self, inner: Inner, node: ast.Call, scope: dict[str, Any], depth: int) -> None:
        """A function that the function at hand has defined."""
        if depth >= _DEPTH or id(inner.node) in self._entered:
            self.complete = False
            return
        self._entered.add(id(inner.node))
        own = self._at.parameters(inner.node, node, scope)
        later = isinstance(inner.node, ast.AsyncFunctionDef)
        self._doubts += later
        self.block(inner.node.body, {**inner.scope, **own}, inner.node.name, depth + 1)
        self._doubts -= later
        self._entered.discard(id(inner.node))

    def _library_function(self, node: ast.Call, callee: Any, scope: dict[str, Any], depth: int) -> bool:
        """A function that is known to write or read files, to copy, or to run a text."""
        access, copied = known(callee, FILES), known(callee, _COPIES)
        if id(node) in self._files.told:
            return True
        if access is not None:
            self._files.access(node, access, scope)
        elif known(callee, _TRAINS) is not None:
            token = self._at.token(self._at.held_by_name(self._files.target))
            self._note("train", token, None, given=_decisive(node))
        elif is_class(callee) and self._at.library(New(callee)) in BY_METHOD:
            self._files.constructed(node, callee, scope)
            return False
        elif type(callee) is types.FunctionType and callee.__module__ == "torch.nn.init":
            self._writes_in_place(node.args[0] if node.args else node, scope)
        elif known(callee, _RELOADS) is not None:
            self._reload(node, scope, depth)
        elif copied is not None:
            if not self._files.read_bytes(node, copied, scope) and not _is_of_a_state(node):
                self._copies[".".join(copied)] = None
        else:
            return self._builtin_function(node, callee, scope, depth)
        return True

    def _reload(self, node: ast.Call, scope: dict[str, Any], depth: int) -> None:
        """``importlib.reload`` of a module of the user's runs its file once more."""
        module = self._at.value(node.args[0], scope) if node.args else None
        tree = None
        if type(module) is types.ModuleType and depth < _DEPTH:
            path = module.__dict__.get("__file__")
            tree = self._reader.sources.script(path) if type(path) is str else None
        if tree is None:
            self.complete = False
        else:
            self.block(tree.body, {GLOBALS: module.__dict__}, None, depth + 1)

    def _builtin_function(self, node: ast.Call, callee: Any, scope: dict[str, Any], depth: int) -> bool:
        if callee is builtins.exec or callee is builtins.eval:
            self._source_in_text(node, scope, depth)
        elif callee is builtins.setattr or callee is builtins.delattr:
            self._sets(node, scope)
        else:
            return False
        return True

    def _descend(
        self, function: Any, receiver: Any, node: ast.Call, scope: dict[str, Any], depth: int
    ) -> None:
        """Into a function of the user's, with what its parameters are bound to."""
        if type(function) is not types.FunctionType or not self._at.is_users(function):
            if receiver is None or is_one_of(type(function), (classmethod, staticmethod)):
                self.complete = False
            return
        code = function.__code__
        if depth >= _DEPTH:
            self.complete = False
        if depth >= _DEPTH or id(code) in self._entered:
            return
        self._entered.add(id(code))
        definition = self._reader.sources.function_node(function)
        if definition is None:
            self._names_only(code)
            return
        given = [receiver] if receiver is not None else []
        own = self._at.own_scope(
            function, [*given, *self._at.arguments(node, scope)], self._at.keywords(node, scope)
        )
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
        tree = parse(text) if type(text) is str else None
        if tree is None or len(node.args) > 1 or node.keywords:
            self.complete = False
        else:
            self.block(tree.body, scope, None, depth)

    def _magic(self, node: ast.Call, scope: dict[str, Any], inside: str | None, depth: int) -> None:
        texts = [a.value for a in node.args if isinstance(a, ast.Constant) and type(a.value) is str]
        tree = parse(_FLAGS.sub("", texts[-1], 1)) if texts and texts[0] in _CODE_IN_TEXT else None
        if len(texts) > 1 and texts[0] == "run":
            words = [w for w in texts[1].split() if not w.startswith("-")]
            tree = self._reader.sources.script(words[0]) if words else None
        if tree is None:
            self.complete = False
        else:
            self.block(tree.body, scope, inside, depth)

    def _given_a_model(self, node: ast.Call, scope: dict[str, Any]) -> bool:
        given = [*node.args, *(k.value for k in node.keywords)]
        return any(self._at.token(self._at.value(a, scope)) is not None for a in given)


def _method_call(receiver: ast.expr, name: str, given: list[ast.expr], node: ast.Call) -> ast.Call:
    """``receiver.name(*given)``, with the keywords of ``node``."""
    return ast.Call(ast.Attribute(receiver, name, ast.Load()), given, node.keywords)


def _wrapped_by(callee: Any) -> Any:
    """The function that a callable object of a library stands for, as ``tf.function`` makes one."""
    if is_one_of(type(callee), (types.FunctionType, *STAND_INS)):
        return None
    return next((v for n, v in attributes_of(callee) if n in ("_python_function", "__wrapped__")), None)


def _is_of_a_state(node: ast.Call) -> bool:
    """``copy.deepcopy(net.state_dict())``: no copy of a model."""
    given = node.args[0] if node.args else None
    called = given.func if isinstance(given, ast.Call) else None
    return getattr(called, "attr", "") in ("state_dict", "get_weights", "get_params")


def _kind_of_write(given: Sequence[ast.expr]) -> str:
    """A write in place by hand, or a step of gradient descent by hand: it makes use of a gradient."""
    uses = any(isinstance(n, ast.Attribute) and n.attr == "grad" for e in given for n in ast.walk(e))
    return "by-gradient" if uses else "in-place"


def _decisive(node: ast.Call) -> tuple[str, ...]:
    """Keyword arguments that decide what a call does, but for those that are ``None``."""
    given = (k for k in node.keywords if k.arg in DECISIVE)
    return tuple(
        k.arg for k in given if k.arg and not (isinstance(k.value, ast.Constant) and k.value.value is None)
    )
