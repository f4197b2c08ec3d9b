"""Which calls of learning methods an error came out of, by its traceback; so they are known before CPython 3.12, too."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

from .identity import Tokens
from .types import ESTIMATOR, TypeCache, mro_of, qualified_name

if TYPE_CHECKING:
    from . import wire

_MOST_FRAMES = 200
_CO_OPTIMIZED = 0x01
_traceback_of = BaseException.__dict__["__traceback__"].__get__


def calls_in_traceback(error: Any, types_: TypeCache, tokens: Tokens) -> list[wire.Call]:
    """Calls on known models that the error ended, the outermost first."""
    calls: list[wire.Call] = []
    if error is None or not any(base is BaseException for base in mro_of(type(error))):
        return calls
    traceback: types.TracebackType | None = _traceback_of(error)
    reported: set[tuple[int, str]] = set()
    for _ in range(_MOST_FRAMES):
        if traceback is None:
            break
        frame, traceback = traceback.tb_frame, traceback.tb_next
        if frame.f_code.co_name not in types_.tables.watched_methods or not frame.f_code.co_varnames:
            continue
        obj = _first_argument(frame)
        info = types_.of(type(obj))
        token = tokens.find_token(obj) if info.kind == ESTIMATOR else None
        key = (token or 0, frame.f_code.co_name)
        if token is not None and key not in reported:
            reported.add(key)
            calls.append(
                {
                    "token": token,
                    "cls": info.name,
                    "method": frame.f_code.co_name,
                    "times": 1,
                    "returned": 0,
                    "inside": None,
                    "nested": bool(calls),
                    "given": (),
                    "error": error_name(error),
                    "via": "",
                    "through": "",
                    "path": None,
                    "part": False,
                    "running": False,
                }
            )
    return calls


def error_name(error: Any) -> str:
    """The class of an error as it is shown, without its module where that is Python's own."""
    return qualified_name(type(error))


def _first_argument(frame: types.FrameType) -> Any:
    own = frame.f_locals
    obj = own.get(frame.f_code.co_varnames[0])
    if type(own) is dict and frame.f_code.co_flags & _CO_OPTIMIZED:
        # Before 3.13 this is a copy that the frame keeps; a debugger that asks for the locals gets another one.
        own.clear()
    return obj
