"""The shape of the code: sizes of modules, classes and functions, no import cycle, and no word that names nothing.

Each table below lists what does not keep its rule yet.  An entry that keeps the rule fails the test, so a table can
only shrink.  ``python -m tests.test_shape && ruff format`` writes today's tables into this file; they should have
become shorter.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from msgspec import Struct

ROOT = Path(__file__).parents[1]
PACKAGE = "kernelscope"

MOST_METHODS = 25
"""Limit of a class's methods, including those that it inherits from classes of this package."""
MOST_LINES = 450
"""Limit of a module that gives no reason."""
MOST_LINES_OF_A_FUNCTION = 22
"""Limit that 95 in 100 functions keep."""

_REASON = re.compile(r"^(?:# )?Length: .{20,}$", re.MULTILINE)
"""The line in a long module that says why it is long: a comment, or part of its docstring."""

WORDS = frozenset(
    [
        "anew",
        "found",
        "given",
        "greeted",
        "heard",
        "held",
        "made",
        "nobody",
        "said",
        "taught",
        "told",
        "whoever",
    ]
)
"""Words that tell a reader nothing about what they name."""

LONG_MODULES: list[str] = []
LARGE_CLASSES: list[str] = []
CYCLES: list[list[str]] = []
POOR_NAMES: dict[str, str] = {
    "kernelscope.domain.facts": "given",
    "kernelscope.probe.agent": "found",
    "kernelscope.probe.loader": "held",
    "kernelscope.probe.lookups": "held",
    "kernelscope.probe.wire": "given",
}
"""The words by module; a word may occur in many of its names."""

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Module(Struct, frozen=True):
    """The source of one module."""

    name: str
    is_package: bool
    source: str
    tree: ast.Module


@cache
def modules() -> dict[str, Module]:
    """Every module of the package, by name."""
    by_name = {}
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        source = path.read_text(encoding="utf-8")
        by_name[name] = Module(name, is_package, source, ast.parse(source))
    return by_name


def test_a_long_module_gives_its_reason() -> None:
    assert sorted(long_modules()) == LONG_MODULES


def long_modules() -> frozenset[str]:
    """Modules that are too long and give no reason."""
    return frozenset(
        module.name
        for module in modules().values()
        if len(module.source.splitlines()) > MOST_LINES and not _REASON.search(module.source)
    )


def test_most_functions_are_short() -> None:
    lengths = sorted(
        (node.end_lineno or 0) - node.lineno + 1
        for module in modules().values()
        for node in ast.walk(module.tree)
        if isinstance(node, _FUNCTIONS)
    )
    assert lengths[len(lengths) * 95 // 100] <= MOST_LINES_OF_A_FUNCTION


def test_no_class_has_too_many_methods() -> None:
    assert sorted(large_classes()) == LARGE_CLASSES


def large_classes() -> frozenset[str]:
    """Classes with too many methods, with those that they inherit."""
    return frozenset(name for name in classes() if len(methods_of(name)) > MOST_METHODS)


@cache
def classes() -> dict[str, ast.ClassDef]:
    """Every class at the top of a module, by full name."""
    return {
        f"{module.name}.{node.name}": node
        for module in modules().values()
        for node in module.tree.body
        if isinstance(node, ast.ClassDef)
    }


@cache
def methods_of(full_name: str) -> frozenset[str]:
    """Names of a class's methods and properties, with those of its bases in this package."""
    node, module = classes()[full_name], full_name.rpartition(".")[0]
    methods = {one.name for one in node.body if isinstance(one, _FUNCTIONS)}
    for base in node.bases:
        base_name = _resolve(modules()[module], base)
        if base_name in classes():
            methods |= methods_of(base_name)
    return frozenset(methods)


def _resolve(module: Module, base: ast.expr) -> str:
    """The full name of a base class."""
    name, _, rest = ast.unparse(base.value if isinstance(base, ast.Subscript) else base).partition(".")
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return ".".join(filter(None, (_origin(module, node), alias.name, rest)))
    return f"{module.name}.{name}"


def test_no_modules_import_one_another() -> None:
    assert sorted(map(sorted, cycles())) == CYCLES


def cycles() -> frozenset[frozenset[str]]:
    """Modules that import one another when they are imported."""
    graph = {
        module.name: set(_imports(module, module.tree.body)) - {module.name} for module in modules().values()
    }
    circles = set()
    while True:
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            circle = error.args[1]
            circles.add(frozenset(circle))
            graph[circle[1]].discard(circle[0])  # so that the next one is found
        else:
            return frozenset(circles)


def _imports(module: Module, body: list[ast.stmt]) -> Iterator[str]:
    """The modules of this package that these statements import when they run."""
    for node in body:
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names if alias.name in modules())
            case ast.ImportFrom():
                origin = _origin(module, node)
                for name in (f"{origin}.{alias.name}" for alias in node.names):
                    if name in modules() or origin in modules():
                        yield name if name in modules() else origin
            case ast.If() if "TYPE_CHECKING" not in ast.unparse(node.test):
                yield from _imports(module, [*node.body, *node.orelse])
            case ast.Try():
                yield from _imports(module, [*node.body, *node.orelse, *node.finalbody])


def _origin(module: Module, node: ast.ImportFrom) -> str:
    """The module that names are imported from."""
    if not node.level:
        return node.module or ""
    package = module.name.split(".")
    package = package[: len(package) - node.level + module.is_package]
    return ".".join([*package, *filter(None, [node.module])])


def test_names_say_what_they_name() -> None:
    assert poor_names() == POOR_NAMES


def poor_names() -> dict[str, str]:
    """Return by module the words that occur in the names that it defines."""
    return {
        module.name: " ".join(sorted(words))
        for module in modules().values()
        if (words := WORDS.intersection(_words([module.name.rpartition(".")[2], *_names(module.tree)])))
    }


def _names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Name(ctx=ast.Store()):
                yield node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.attr
            case ast.arg():
                yield node.arg
            case ast.alias(asname=str() as name) | ast.MatchAs(name=str() as name):
                yield name
            case ast.ExceptHandler(name=str() as name) | ast.MatchStar(name=str() as name):
                yield name


def _words(names: list[str]) -> Iterator[str]:
    for name in names:
        yield from re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().split("_")


def _write_tables() -> None:
    """Put today's tables into this file."""
    tables = {
        "LONG_MODULES": repr(sorted(long_modules())),
        "LARGE_CLASSES": repr(sorted(large_classes())),
        "CYCLES": repr(sorted(map(sorted, cycles()))),
        "POOR_NAMES": repr(poor_names()),
    }
    path = Path(__file__)
    lines = path.read_text(encoding="utf-8").splitlines()
    places = {
        node.target.id: (node.lineno, node.end_lineno or 0)
        for node in ast.parse("\n".join(lines)).body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    for name in sorted(tables, key=lambda name: -places[name][0]):
        first, last = places[name]
        declared = lines[first - 1].partition(" = ")[0]
        lines[first - 1 : last] = [f"{declared} = {tables[name]}"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    _write_tables()
