"""What the reader of cells must know of libraries: derived from their rules."""

from __future__ import annotations

from kernelscope.cellcode.known_calls import KnownCalls
from kernelscope.libraries.registry import registry


def known_calls() -> KnownCalls:
    """Python's own calls, and those of the libraries."""
    python, libraries = KnownCalls(), registry()
    return KnownCalls(
        python.makes_new_object | libraries.functions("make", "clone"),
        python.copies | libraries.functions("clone"),
        libraries.methods("sets parameters"),
    )


def is_clone(function: str) -> bool:
    """Whether a function of this name copies an object without what it has learned."""
    return function in registry().functions("clone")
