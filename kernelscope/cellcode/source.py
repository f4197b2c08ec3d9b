"""What a cell's own text says of a second run: which names it binds, to what, and under which conditions.

The probe reads the source as well, with the user's namespace at hand, and tells which calls can have
been made.  What it does not tell is whether an assignment would be made *again*: ``m = make()`` would,
``if 'm' not in globals(): m = make()`` would not.  That is read here, from the syntax alone.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from kernelscope.domain.facts import Scalar

Kind = Literal["alias", "makes", "may keep", "maybe", "loop", "item", "plain"]
How = Literal["constant", "name", "itself", "call"]
Definitions = Mapping[str, "ast.FunctionDef | ast.ClassDef"]
"""Functions and classes that the user's cells define, by name."""

_MAKERS = frozenset(
    [
        "clone",
        "copy",
        "deepcopy",
        "load",
        "loads",
        "make_pipeline",
        "make_union",
        "make_column_transformer",
        "list",
        "tuple",
        "dict",
    ]
)
"""Library functions that hand out another object at every call."""
_COPIES = frozenset({"clone", "copy", "deepcopy"})
_USED_UP = frozenset({"iter", "zip", "map", "filter", "enumerate", "reversed", "open"})
"""What these hand out can be gone through once."""
_NAMESPACES = frozenset({"globals", "locals", "vars", "dir"})
SOME = "[*]"
"""After a container: an item of it, which the text does not tell."""
ANY = "*"
"""As the attribute of a setting: any, as in ``m.set_params(**values)``."""
_KEEPS = frozenset({"get", "setdefault", "pop"})
"""Methods of containers that hand out what is kept in them."""


class Binding(Struct, frozen=True):
    """A name, item or attribute that the cell assigns to."""

    target: str
    """As the timeline spells names: ``m``, ``models['lr']``, ``trainer.model``."""
    kind: Kind
    """``alias`` what another name holds · ``makes`` a new object each time · ``may keep`` what a function
    hands out that could not be read · ``maybe`` one or the other · ``loop`` an item of what a loop goes
    through, or of what is unpacked · ``item`` one that is looked up · ``plain`` a constant."""
    text: str = ""
    """Of an alias: the name; of what is made: what makes it; of a loop: the first name that it goes through."""
    given: str | None = None
    """What ``copy.deepcopy`` and the like are given, where it is a name."""
    condition: bool = False
    """It is made only if some condition holds."""
    missing: str | None = None
    """It is made only while this name is not there."""
    step: int = 0
    """Bindings of one step (``a, b = b, a``) are made at once."""


class Setting(Struct, frozen=True):
    """An attribute or a hyper-parameter that the cell sets."""

    receiver: str
    attribute: str
    how: How
    """``constant`` · ``name`` what names hold that are not its receiver · ``itself`` what it was before goes
    into it · ``call`` what a call returns."""
    value: Scalar = None
    """Of a constant that is a plain scalar."""
    scalar: bool = False
    """Whether ``value`` is told."""
    item: bool = False
    """A part of the attribute's value is written, as in ``m.coef_[0] = 1``."""


class Source(Struct, frozen=True):
    """One cell, read."""

    readable: bool = False
    bindings: tuple[Binding, ...] = ()
    settings: tuple[Setting, ...] = ()
    needs: frozenset[str] = frozenset()
    """Names that it reads before it binds them itself."""
    deletes: tuple[str, ...] = ()
    """Names that it deletes."""
    lost: tuple[str, ...] = ()
    """Names that it deletes and does not bind: when it runs again, they have to be there again."""
    grows: frozenset[str] = frozenset()
    """Lists that it appends to."""
    calls: frozenset[str] = frozenset()
    """Functions, classes and methods that it calls, by their last word."""
    methods: tuple[tuple[str, str, bool], ...] = ()
    """Methods that it calls, itself or in functions of the user's: (receiver, method, whether some
    condition decides)."""

    def binding(self, name: str) -> Binding | None:
        """The last one of this name, else of the container or object that it is reached through."""
        for wanted in (name, *_outer(name)):
            for one in reversed(self.bindings):
                if one.target in (wanted, f"{wanted}{SOME}" if wanted != name else wanted):
                    return one
        return None

    def is_conditional(self, method: str, receivers: Collection[str]) -> bool:
        """Whether some condition decides about every call of this method, as far as they can be told
        apart by their receivers."""
        told = [(r, condition) for r, m, condition in self.methods if m == method]
        mine = [condition for r, condition in told if r in receivers] or [c for _, c in told]
        return bool(mine) and all(mine)


def root_of(name: str) -> str:
    """``models`` of ``models['lr']``, ``trainer`` of ``trainer.model``."""
    return re.split(r"[.\[]", name, maxsplit=1)[0]


class Surroundings:
    """What a notebook's cells define for one another."""

    def __init__(self, codes: Iterable[str] = ()) -> None:
        self.definitions: dict[str, ast.FunctionDef | ast.ClassDef] = {}
        self._given: dict[str, set[str | None]] = {}
        """By name, the functions whose results it was given; ``None``: a generator."""
        for code in codes:
            self.add(code)

    def add(self, code: str) -> None:
        """One more cell, or one that was changed: what it defined before may still be there."""
        definitions, given = _told_by(code)
        self.definitions.update(definitions)
        for name, function in given:
            self._given.setdefault(name, set()).add(function)

    @property
    def used_up(self) -> frozenset[str]:
        """Names that hold what can be gone through once."""
        return frozenset(
            name for name, functions in self._given.items() if any(map(self._is_used_up, functions))
        )

    def _is_used_up(self, function: str | None) -> bool:
        if function is None or function in _USED_UP:
            return True
        found = self.definitions.get(function)
        return found is not None and any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in ast.walk(found))


def read(code: str, around: Surroundings | None = None) -> Source:
    """The cell, read; ``around``: what the other cells define."""
    tree = _parsed(code)
    if tree is None:
        return Source()
    around = around or Surroundings()
    reader = _Reader({**around.definitions, **definitions_of(code)}, used_up=around.used_up)
    try:
        reader.block(tree.body, condition=False, missing=None)
        return reader.source(tree)
    except RecursionError:
        return Source()


def definitions_of(code: str) -> Definitions:
    """The functions and classes that a cell defines at its top level."""
    return _told_by(code)[0]


@lru_cache(maxsize=8_192)
def _told_by(code: str) -> tuple[Definitions, tuple[tuple[str, str | None], ...]]:
    """What a cell defines, and the names that it gives what may be gone through once, with the functions
    that make it (``None``: a generator).  Little of most cells: more of them are kept than parsed ones."""
    tree = _parsed(code)
    body = tree.body if tree is not None else []
    definitions = {n.name: n for n in body if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    given = [
        (name, function)
        for node in body
        if isinstance(node, ast.Assign)
        for function in _makers_of(node.value)
        for target in node.targets
        for name in _names_in(target, ast.Store)
    ]
    return definitions, tuple(given)


def _makers_of(value: ast.expr) -> tuple[str | None, ...]:
    """The function that makes the value, or ``None`` of its own; nothing of what cannot be used up."""
    if isinstance(value, ast.Call):
        return (value.func.id,) if isinstance(value.func, ast.Name) else ()
    return (None,) if isinstance(value, ast.GeneratorExp) else ()


@lru_cache(maxsize=512)
def _parsed(code: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of "\\d" the user has read in the kernel
            return ast.parse(_without_magics(code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _without_magics(code: str) -> str:
    """IPython's lines left out: ``%%time`` at the top, ``%magic`` and ``!command`` anywhere."""
    lines = code.split("\n")
    first = next((line.strip() for line in lines if line.strip()), "")
    if first.startswith("%%") and first.split()[0] not in ("%%time", "%%timeit", "%%capture", "%%prun"):
        return "?"  # another language, or who knows what: no Python
    return "\n".join(re.sub(r"^(\s*)[%!].*", r"\1pass", line) for line in lines)


def _outer(name: str) -> Iterator[str]:
    """``e.models[0]`` is reached through ``e.models`` and ``e``."""
    while (cut := max(name.rfind("."), name.rfind("["))) > 0:
        name = name[:cut]
        yield name


def _called(node: ast.expr) -> str:
    """The last word of what is called: ``Ridge`` of ``sklearn.linear_model.Ridge(…)``."""
    return getattr(node, "attr", getattr(node, "id", ""))


def _is_reference(node: ast.expr) -> bool:
    """A name, or an item or attribute of one by a constant: nothing is called."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        if isinstance(node, ast.Subscript) and not isinstance(node.slice, (ast.Constant, ast.UnaryOp)):
            return False
        node = node.value
    return isinstance(node, ast.Name)


def _names_in(node: ast.AST, context: type[ast.expr_context]) -> Iterator[str]:
    """Names in it, without the bodies of functions, which are not run by being defined."""
    pending = [node]
    while pending:
        here = pending.pop()
        if isinstance(here, ast.Name) and isinstance(here.ctx, context):
            yield here.id
        if isinstance(here, (ast.FunctionDef, ast.AsyncFunctionDef)):
            pending += [*here.decorator_list, *here.args.defaults]
        elif not isinstance(here, ast.Lambda):
            pending += ast.iter_child_nodes(here)


class _Reader:
    """Goes through the statements in order; bodies of functions and classes are left out."""

    def __init__(
        self,
        definitions: Definitions,
        inside: frozenset[str] = frozenset(),
        used_up: frozenset[str] = frozenset(),
    ) -> None:
        self._definitions, self._inside, self._used_up = definitions, inside, used_up
        self._step = 0
        self._classes: frozenset[str] = frozenset()
        """Parameters that a class was given for, in the function that is being read."""
        self._methods: dict[tuple[str, str, bool], None] = {}
        self._bindings: list[Binding] = []
        self._settings: list[Setting] = []
        self._deletes: list[str] = []
        self._grows: set[str] = set()
        self._calls: set[str] = set()

    def source(self, tree: ast.Module) -> Source:
        """What was found, with what the order of the statements tells."""
        bound: set[str] = set()
        needs: set[str] = set()
        gone: list[str] = []
        for node in tree.body:
            stored = set(_names_in(node, ast.Store))
            loops = stored if isinstance(node, (ast.For, ast.With)) else set()
            loops |= {
                n for c in ast.walk(node) if isinstance(c, ast.comprehension) for n in _names_in(c, ast.Store)
            }
            read_now = set(_names_in(node, ast.Load)) - loops
            if isinstance(node, ast.AugAssign):
                read_now |= stored
            needs |= read_now - bound
            if isinstance(node, ast.Delete):
                deleted = [t.id for t in node.targets if isinstance(t, ast.Name)]
                gone += [n for n in deleted if n not in bound]
                bound -= set(deleted)
            bound |= stored | {getattr(node, "name", "")}
        return Source(
            True,
            tuple(self._bindings),
            tuple(self._settings),
            frozenset(needs),
            tuple(self._deletes),
            tuple(n for n in gone if n not in bound),
            frozenset(self._grows),
            frozenset(self._calls),
            tuple(self._methods),
        )

    def block(self, body: list[ast.stmt], *, condition: bool, missing: str | None) -> None:
        """Statements in order."""
        for node in body:
            self._step += 1
            self._statement(node, condition, missing)
            condition = condition or _may_stop(node)

    def _statement(self, node: ast.stmt, condition: bool, missing: str | None) -> None:  # noqa: C901 - a case per kind
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return
            case ast.If():
                name = _missing_name(node.test)
                known = isinstance(node.test, ast.Constant) and bool(node.test.value)
                self._within(node.test, condition, missing)
                self.block(node.body, condition=condition or not (known or name), missing=name or missing)
                self.block(node.orelse, condition=True, missing=missing)
            case ast.Try():
                self.block(node.body, condition=condition, missing=missing)
                name = _tried_name(node)
                for handler in node.handlers:
                    self.block(handler.body, condition=condition or not name, missing=name or missing)
                self.block([*node.orelse, *node.finalbody], condition=condition, missing=missing)
            case ast.For() | ast.AsyncFor():
                kind, text, _ = self._made_by(node.iter)
                kind = "makes" if kind == "makes" else "loop"
                text = next(_names_in(node.iter, ast.Load), "") if kind == "loop" else text
                for name in _names_in(node.target, ast.Store):
                    self._bindings.append(Binding(name, kind, text, None, condition, missing, self._step))
                self._within(node.iter, condition, missing)
                gone_through = isinstance(node.iter, ast.Name) and node.iter.id in self._used_up
                self.block(node.body, condition=condition or gone_through, missing=missing)
            case ast.While():
                self._within(node.test, condition, missing)
                self.block(
                    node.body, condition=condition or not isinstance(node.test, ast.Constant), missing=missing
                )
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    self._within(item.context_expr, condition, missing)
                self.block(node.body, condition=condition, missing=missing)
            case ast.Match():
                for case in node.cases:
                    self.block(case.body, condition=True, missing=missing)
            case _:
                self._simple(node, condition, missing)

    def _simple(self, node: ast.stmt, condition: bool, missing: str | None) -> None:
        match node:
            case ast.Assign():
                for target in node.targets:
                    self._assign(target, node.value, condition, missing)
            case ast.AnnAssign(value=ast.expr() as value):
                self._assign(node.target, value, condition, missing)
            case ast.AugAssign():
                self._set(node.target, node.value, itself=True)
                if isinstance(node.value, ast.List):
                    self._grows.add(ast.unparse(node.target))
            case ast.Delete():
                self._deletes += [ast.unparse(t) for t in node.targets]
            case _:
                pass
        self._within(node, condition, missing)

    def _within(self, node: ast.AST, condition: bool, missing: str | None) -> None:
        """What is called in it."""
        decided = condition or missing is not None
        within = _decided_in(node)
        for part in ast.walk(node):
            if isinstance(part, ast.Call):
                self._call(part, decided or id(part) in within)
                self._globals_of(part, condition, missing)
            elif isinstance(part, ast.NamedExpr):
                self._assign(part.target, part.value, condition, missing)

    def _assign(self, target: ast.expr, value: ast.expr, condition: bool, missing: str | None) -> None:
        if isinstance(target, (ast.Tuple, ast.List)):
            values = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
            if len(values) == len(target.elts) and not any(isinstance(v, ast.Starred) for v in values):
                for one, its in zip(target.elts, values, strict=True):
                    self._assign(one, its, condition, missing)
                return
            for one in target.elts:
                self._bind(
                    one.value if isinstance(one, ast.Starred) else one, value, condition, missing, item=True
                )
            return
        self._set(target, value)
        self._bind(target, value, condition, missing)

    def _bind(
        self, target: ast.expr, value: ast.expr, condition: bool, missing: str | None, *, item: bool = False
    ) -> None:
        kind, text, given = self._made_by(value)
        if item and kind == "alias":
            kind = "loop"
        condition = condition or kind == "maybe"
        if isinstance(target, ast.Subscript) and not _is_reference(target):
            name = ast.unparse(target.value) + SOME
            self._bindings.append(Binding(name, kind, text, given, condition, missing, self._step))
            return
        self._bindings.append(Binding(ast.unparse(target), kind, text, given, condition, missing, self._step))

    def _globals_of(self, node: ast.Call, condition: bool, missing: str | None) -> None:
        """What a function of the user's binds outside of itself."""
        name = getattr(node.func, "id", "")
        function = self._definitions.get(name)
        if not isinstance(function, ast.FunctionDef) or name in self._inside or function.decorator_list:
            return
        told = {n for part in ast.walk(function) if isinstance(part, ast.Global) for n in part.names}
        if not told:
            return
        inner = _Reader(self._definitions, self._inside | {name}, self._used_up)
        inner.block(function.body, condition=condition, missing=missing)
        for one in inner._bindings:
            if root_of(one.target) in told:
                kind: Kind = "may keep" if one.kind in ("alias", "loop") else one.kind
                self._bindings.append(replace(one, kind=kind, given=None, step=self._step))

    def _set(self, target: ast.expr, value: ast.expr, *, itself: bool = False) -> None:
        """An attribute, or an item of one."""
        item = isinstance(target, ast.Subscript)
        while isinstance(target, ast.Subscript):
            target = target.value
        if isinstance(target, ast.Attribute):
            self._settings.append(
                _setting(ast.unparse(target.value), target.attr, value, item, itself=itself)
            )

    def _call(self, node: ast.Call, decided: bool) -> None:
        self._calls.add(_called(node.func))
        self._inner_methods(node, decided)
        if isinstance(node.func, ast.Attribute):
            self._methods[ast.unparse(node.func.value), node.func.attr, decided] = None
        if isinstance(node.func, ast.Name):
            named = node.args[1] if node.func.id == "setattr" and len(node.args) == 3 else None
            if isinstance(named, ast.Constant) and isinstance(named.value, str):
                receiver = ast.unparse(node.args[0])
                self._settings.append(_setting(receiver, named.value, node.args[2], item=False))
        elif isinstance(node.func, ast.Attribute):
            receiver = ast.unparse(node.func.value)
            if node.func.attr == "append":
                self._grows.add(receiver)
            elif node.func.attr == "set_params":
                self._settings += [s for k in node.keywords for s in _settings_in(receiver, k)]

    def _inner_methods(self, node: ast.Call, decided: bool) -> None:
        """Of the functions of the user's that are called, and of the classes' methods of that name."""
        name = _called(node.func)
        if name in self._inside:
            return
        defined = self._definitions.get(name) if isinstance(node.func, ast.Name) else None
        bodies = [defined] if isinstance(defined, ast.FunctionDef) else []
        if isinstance(node.func, ast.Attribute):
            classes = [d for d in self._definitions.values() if isinstance(d, ast.ClassDef)]
            bodies += [
                f for c in classes for f in c.body if isinstance(f, ast.FunctionDef) and f.name == name
            ]
        for function in bodies:
            inner = _Reader(self._definitions, self._inside | {name}, self._used_up)
            inner.block(function.body, condition=decided, missing=None)
            self._methods.update(inner._methods)

    def _made_by(self, value: ast.expr) -> tuple[Kind, str, str | None]:
        if isinstance(value, ast.Constant):
            return "plain", "", None
        if _is_reference(value):
            return "alias", ast.unparse(value), None
        if isinstance(value, ast.Subscript) and _is_reference(value.value):
            return "item", ast.unparse(value.value), None
        kept = self.keeps(value, frozenset())
        kind: Kind = "makes" if kept is False else "may keep" if kept is None else "maybe"
        call = _first_call(value)
        given = None
        if isinstance(value, ast.Call) and _called(value.func) in _COPIES and value.args:
            given = ast.unparse(value.args[0]) if _is_reference(value.args[0]) else None
        return kind, _called(call.func) if call is not None else "", given

    def keeps(self, node: ast.expr, inside: frozenset[str]) -> bool | None:
        """Whether evaluating it once more can hand out what was there before: ``False`` never,
        ``None`` where that cannot be read.  ``inside``: functions that are being read already."""
        match node:
            case ast.IfExp() | ast.BoolOp():
                return True
            case ast.NamedExpr():
                return self.keeps(node.value, inside)
            case ast.Attribute() | ast.Subscript() | ast.Starred() | ast.Await():
                return None if _is_reference(node) else self.keeps(node.value, inside)
            case ast.List() | ast.Tuple() | ast.Set():
                return self._any_keeps([e for e in node.elts if not _is_reference(e)], inside)
            case ast.Dict():
                return self._any_keeps([v for v in node.values if not _is_reference(v)], inside)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
                return self.keeps(node.elt, inside)
            case ast.DictComp():
                return self.keeps(node.value, inside)
            case ast.Call():
                return self._call_keeps(node, inside)
            case ast.Constant():
                return False
            case _:
                return None

    def _any_keeps(self, nodes: list[ast.expr], inside: frozenset[str]) -> bool | None:
        told = [self.keeps(n, inside) for n in nodes]
        return True if True in told else None if None in told else False

    def _call_keeps(self, node: ast.Call, inside: frozenset[str]) -> bool | None:
        name = _called(node.func)
        defined = self._definitions.get(name) if isinstance(node.func, ast.Name) else None
        if isinstance(defined, ast.FunctionDef):
            return None if name in inside else self._function_keeps(defined, node, inside | {name})
        if isinstance(defined, ast.ClassDef):
            made = {getattr(part, "name", "") for part in defined.body}
            return None if defined.keywords or "__new__" in made else False
        if _names_a_class(name) or name in _MAKERS or name in self._classes:
            return False
        if isinstance(node.func, ast.Attribute) and name not in _KEEPS and not _is_reference(node.func.value):
            return self.keeps(node.func.value, inside)  # Ridge().fit(X, y)
        return True if name in _KEEPS and isinstance(node.func, ast.Attribute) else None

    def _function_keeps(
        self, function: ast.FunctionDef, node: ast.Call, inside: frozenset[str]
    ) -> bool | None:
        """``False`` where every value that it returns is made in it."""
        if function.decorator_list:
            return None
        own: dict[str, list[ast.expr]] = {}
        shared = {n for s in ast.walk(function) if isinstance(s, (ast.Global, ast.Nonlocal)) for n in s.names}
        for part in ast.walk(function):
            for target in part.targets if isinstance(part, ast.Assign) else ():
                if isinstance(target, ast.Name) and isinstance(part, ast.Assign):
                    own.setdefault(target.id, []).append(part.value)
        returned = [r.value for r in ast.walk(function) if isinstance(r, ast.Return) and r.value is not None]
        given = dict(zip([a.arg for a in function.args.args], node.args, strict=False))
        given.update({k.arg: k.value for k in node.keywords if k.arg})
        before = self._classes
        self._classes = frozenset(n for n, v in given.items() if _names_a_class(_called(v)))
        told = [self._value_keeps(v, own, shared, inside) for v in returned]
        self._classes = before
        return True if True in told else None if None in told or not told else False

    def _value_keeps(
        self, value: ast.expr, own: dict[str, list[ast.expr]], shared: set[str], inside: frozenset[str]
    ) -> bool | None:
        if isinstance(value, ast.Name):
            if value.id in shared:
                return True
            return self._any_keeps(own[value.id], inside) if value.id in own else None
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
            receiver = value.func.value
            if isinstance(receiver, ast.Name) and receiver.id in own and value.func.attr not in _KEEPS:
                return self._value_keeps(receiver, own, shared, inside)  # return model.fit(X, y)
        if isinstance(value, (ast.Tuple, ast.List)):
            told = [self._value_keeps(e, own, shared, inside) for e in value.elts]
            return True if True in told else None if told and all(t is None for t in told) else False
        return self.keeps(value, inside)


def _names_a_class(name: str) -> bool:
    return name.lstrip("_")[:1].isupper()


def _decided_in(node: ast.AST) -> set[int]:
    """``id()`` of what ``if`` and ``or`` within expressions decide about."""
    found: set[int] = set()
    for part in ast.walk(node):
        if isinstance(part, (ast.IfExp, ast.BoolOp)) and id(part) not in found:
            found.update(id(inner) for inner in ast.walk(part))
    return found


def _first_call(node: ast.expr) -> ast.Call | None:
    """What makes the object: ``Ridge(…)`` of ``Ridge().set_params(alpha=2).fit(X, y)``."""
    calls = [n for n in ast.walk(node) if isinstance(n, ast.Call)]
    found = calls[0] if calls else None
    while found is not None and isinstance(found.func, ast.Attribute):
        inner = found.func.value
        while isinstance(inner, (ast.Attribute, ast.Subscript)):
            inner = inner.value
        if not isinstance(inner, ast.Call):
            break
        found = inner
    return found


def _may_stop(node: ast.stmt) -> bool:
    """Whether it ends the cell by what is there already: ``assert 'm' not in globals()``."""
    ends = isinstance(node, ast.Assert) or (
        isinstance(node, ast.If) and any(isinstance(part, ast.Raise) for part in ast.walk(node))
    )
    return ends and any(isinstance(n, ast.Name) and n.id in _NAMESPACES for n in ast.walk(node))


def _missing_name(test: ast.expr) -> str | None:
    """``x`` of ``'x' not in globals()``."""
    match test:
        case ast.Compare(
            left=ast.Constant(value=str(name)),
            ops=[ast.NotIn()],
            comparators=[ast.Call(func=ast.Name(id=namespace), args=[])],
        ) if namespace in _NAMESPACES:
            return name
        case ast.UnaryOp(
            op=ast.Not(),
            operand=ast.Compare(
                left=ast.Constant(value=str(name)),
                ops=[ast.In()],
                comparators=[ast.Call(func=ast.Name(id=namespace), args=[])],
            ),
        ) if namespace in _NAMESPACES:
            return name
    return None


def _tried_name(node: ast.Try) -> str | None:
    """``x`` of ``try: x`` with ``except NameError:``."""
    match node:
        case ast.Try(
            body=[ast.Expr(value=ast.Name(id=name))],
            handlers=[ast.ExceptHandler(type=ast.Name(id="NameError"))],
        ):
            return name
    return None


def _settings_in(receiver: str, keyword: ast.keyword) -> Iterator[Setting]:
    """Of one argument of ``set_params``; ``**{…}`` is looked into."""
    if keyword.arg is not None:
        yield _setting(receiver, keyword.arg, keyword.value, item=False)
    elif isinstance(keyword.value, ast.Dict):
        for key, value in zip(keyword.value.keys, keyword.value.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield _setting(receiver, key.value, value, item=False)
    else:
        yield _setting(receiver, ANY, keyword.value, item=False)


def _setting(receiver: str, attribute: str, value: ast.expr, item: bool, *, itself: bool = False) -> Setting:
    if itself or root_of(receiver) in set(_names_in(value, ast.Load)):
        return Setting(receiver, attribute, "itself", item=item)
    if any(isinstance(n, ast.Call) for n in ast.walk(value)):
        return Setting(receiver, attribute, "call", item=item)
    try:
        constant = ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return Setting(receiver, attribute, "name", item=item)
    scalar = constant is None or type(constant) in (bool, int, float, str)
    return Setting(receiver, attribute, "constant", constant if scalar else None, scalar, item)
