"""Which modules of the probe are sent, and in which order the kernel runs them."""

from __future__ import annotations

import ast
import builtins
import re

from kernelscope.kernel.inject import PROBE_MODULES, SHARED_MODULES
from tests.support.tiers import ROOT

_PROBE = ROOT / "kernelscope" / "probe"
_NOT_SENT = {"__init__", "loader", "audit", "wire"}
"""The loader is the expression itself, an audit's source goes with its request, and `wire` is read by type checkers."""

_CACHED = {"Optional", "Union", "Callable", "Dict", "List", "Tuple", "Set", "Iterable", "Sequence", "Mapping"}
"""What ``typing`` remembers with its arguments."""
_BUILTIN = {*_CACHED, *vars(builtins), "Any", "ast"}


def test_every_module_of_the_probe_is_sent() -> None:
    modules = {path.stem for path in _PROBE.glob("*.py")}
    assert set(PROBE_MODULES) == modules - _NOT_SENT
    assert len(PROBE_MODULES) == len(set(PROBE_MODULES))


def test_each_module_is_sent_after_those_that_it_imports() -> None:
    for place, name in enumerate(PROBE_MODULES):
        missing = _imported_by(name) - set(PROBE_MODULES[:place])
        assert not missing, f"{name} imports {missing}"


def test_the_table_of_modules_has_every_one() -> None:
    table = re.findall(r"^``(\w+)``", ast.get_docstring(_tree("__init__")) or "", flags=re.MULTILINE)
    assert sorted(table) == sorted(path.stem for path in _PROBE.glob("[!_]*.py"))


def test_nothing_of_the_probe_stays_in_the_caches_of_typing() -> None:
    """``Optional[Node]`` at run time would keep each probe's class for ever, and with it the module."""
    for name in PROBE_MODULES:
        for node in _tree(name).body:
            if not isinstance(node, ast.Assign):
                continue
            for part in ast.walk(node.value):
                if isinstance(part, ast.Subscript) and getattr(part.value, "id", "") in _CACHED:
                    names = {n.id for n in ast.walk(part.slice) if isinstance(n, ast.Name)}
                    assert names <= _BUILTIN, f"{name}: {ast.unparse(part)}"


def _tree(name: str) -> ast.Module:
    return ast.parse((_PROBE / f"{name}.py").read_text(encoding="utf-8"))


def _imported_by(name: str) -> set[str]:
    """The probe's modules that a module imports when it runs."""
    imports = [node for node in _tree(name).body if isinstance(node, ast.ImportFrom) and node.level == 1]
    return {node.module for node in imports if node.module is not None}


def test_what_is_sent_beside_the_probe_imports_what_was_sent_before_it() -> None:
    before: set[str] = set()
    for name in SHARED_MODULES:
        path = ROOT.joinpath("kernelscope", *name.split(".")).with_suffix(".py")
        imports = [
            n for n in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(n, ast.ImportFrom)
        ]
        package = name.rpartition(".")[0]
        assert {f"{package}.{n.module}" for n in imports if n.level} <= before
        before.add(name)
