"""Attributes and hyper-parameters that a cell sets, and what goes into their values."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kernelscope.cellcode.effects import Setting, ValueSource
from kernelscope.cellcode.known_calls import KnownCalls
from kernelscope.cellcode.syntax import names_in
from kernelscope.domain.names import root_of

_SCALARS = (bool, int, float, str)


def read_assigned_settings(target: ast.expr, value: ast.expr, *, in_place: bool = False) -> Iterator[Setting]:
    """``m.C = 2`` and ``m.coef_[0] = 1``; nothing for a target that is no attribute.

    Args:
        in_place: it is an augmented assignment: ``m.C *= 2``.
    """
    some_item = isinstance(target, ast.Subscript)
    while isinstance(target, ast.Subscript):
        target = target.value
    if isinstance(target, ast.Attribute):
        receiver = ast.unparse(target.value)
        yield _setting(receiver, target.attr, value, some_item=some_item, in_place=in_place)


def read_called_settings(call: ast.Call, known: KnownCalls) -> Iterator[Setting]:
    """``setattr(m, 'C', 2)`` and ``m.set_params(C=2)``."""
    match call:
        case ast.Call(
            func=ast.Name(id="setattr"), args=[receiver, ast.Constant(value=str(attribute)), value]
        ):
            yield _setting(ast.unparse(receiver), attribute, value)
        case ast.Call(func=ast.Attribute(value=receiver, attr=method)) if method in known.sets_params:
            for keyword in call.keywords:
                yield from _by_keyword(ast.unparse(receiver), keyword)


def _by_keyword(receiver: str, keyword: ast.keyword) -> Iterator[Setting]:
    """One argument of ``set_params``; a dict in ``**{…}`` has its own keys."""
    if keyword.arg is not None:
        yield _setting(receiver, keyword.arg, keyword.value)
    elif isinstance(keyword.value, ast.Dict):
        for key, value in zip(keyword.value.keys, keyword.value.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield _setting(receiver, key.value, value)
    else:
        yield _setting(receiver, None, keyword.value)


def _setting(
    receiver: str,
    attribute: str | None,
    value: ast.expr,
    *,
    some_item: bool = False,
    in_place: bool = False,
) -> Setting:
    if in_place or root_of(receiver) in set(names_in(value, ast.Load)):
        return Setting(receiver, attribute, ValueSource.ITSELF, some_item=some_item)
    if any(isinstance(part, ast.Call) for part in ast.walk(value)):
        return Setting(receiver, attribute, ValueSource.CALL, some_item=some_item)
    try:
        constant = ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return Setting(receiver, attribute, ValueSource.NAMES, some_item=some_item)
    is_scalar = constant is None or type(constant) in _SCALARS
    scalar = constant if is_scalar else None
    return Setting(receiver, attribute, ValueSource.CONSTANT, scalar, is_scalar, some_item)
