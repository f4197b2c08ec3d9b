"""Which modules of the probe are sent, and in which order the kernel runs them."""

from __future__ import annotations

import ast

from kernelscope.kernel.inject import PROBE_MODULES
from tests.support.tiers import ROOT

_PROBE = ROOT / "kernelscope" / "probe"
_NOT_SENT = {"__init__", "loader", "audit", "wire"}
"""The loader is the expression itself, an audit's source goes with its request, and `wire` is read by type checkers."""


def test_every_module_of_the_probe_is_sent() -> None:
    modules = {path.stem for path in _PROBE.glob("*.py")}
    assert set(PROBE_MODULES) == modules - _NOT_SENT
    assert len(PROBE_MODULES) == len(set(PROBE_MODULES))


def test_each_module_is_sent_after_those_that_it_imports() -> None:
    for place, name in enumerate(PROBE_MODULES):
        missing = _imported_by(name) - set(PROBE_MODULES[:place])
        assert not missing, f"{name} imports {missing}"


def _imported_by(name: str) -> set[str]:
    """The probe's modules that a module imports when it runs."""
    tree = ast.parse((_PROBE / f"{name}.py").read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.level == 1]
    return {node.module for node in imports if node.module is not None}
