"""Exceptions that land in the probe and belong to the user: recognise them, and pass them on.

Python raises what a signal handler raises, and what ``PyThreadState_SetAsyncExc`` sets, in whichever
frame the thread runs at that moment.  That is how Stop, SIGALRM timeouts and libraries such as
func_timeout and stopit work, and the frame is often one of the probe's.  Such an exception is no failure
of the probe:

* A callback in the middle of the user's own call lets it through, without the probe's frames
  (``strip_traceback``, then a bare ``raise``), and none that comes before its ``try`` (``close_entry``).
* Nothing may come out of a hook, because IPython would print it and go on.  ``Interrupts`` keeps it and
  raises it at the first line of the cell that it was meant for.
"""

from __future__ import annotations

import builtins
import sys
from collections import defaultdict
from contextlib import suppress
from datetime import datetime
from functools import partial

# By name, here and in the other modules: what the user puts in their place later is not run.
from signal import getsignal, valid_signals
from sys import gettrace, settrace
from threading import get_ident
from time import time
from types import CodeType, FrameType, FunctionType, MethodType, TracebackType
from typing import Any, Callable

from .types import class_attribute, class_dict, is_class

_get_args = class_dict(BaseException)["args"].__get__
_traceback = class_dict(BaseException)["__traceback__"]
_context = class_dict(BaseException)["__context__"]
"""Getters and setters of C's: an exception class of the user's may define attributes of these names."""

_NEVER_OURS = frozenset(map(id, (KeyboardInterrupt, SystemExit, TimeoutError)))
_WITHOUT_MESSAGE = frozenset(map(id, (MemoryError, RecursionError, GeneratorExit, StopIteration)))
"""The interpreter raises these without a message."""
_BUILTIN = frozenset(id(kind) for kind in list(vars(builtins).values()) if is_class(kind))
_LIBRARIES = frozenset({"zmq", "json", "zlib", "struct", "_queue", "jupyter_client", "ipykernel", "tornado"})
"""Packages whose exceptions can come out of what the probe calls."""
_CO_OPTIMIZED = 0x01
"""Of a function's code; a cell's has its names in a namespace instead."""
_MOST_CONTEXTS = 50
_MOST_CLIENTS = 64


def is_own_failure(error: BaseException) -> bool:
    """Whether code of the probe failed; otherwise the exception belongs to the user.

    The probe's own code raises built-in exceptions with a message, and libraries that it calls raise
    theirs.  Everything else came from a signal handler or from another thread.
    """
    kind = type(error)
    if id(kind) in _NEVER_OURS or not _is_known(kind):
        return False
    if id(kind) in _WITHOUT_MESSAGE:
        return True
    trace = _traceback.__get__(error)
    if not _get_args(error) and not _was_raised_by_statement(trace):
        return False  # set from another thread, which makes it without a message
    return _first_handler(trace) is None


def strip_traceback(error: BaseException) -> None:
    """Remove the probe's frames from what an exception of the user's shows and keeps alive.

    What is left begins with the signal handler that raised it; nothing is left where none did.
    """
    trace = _traceback.__get__(error)
    handler = _first_handler(trace)
    while handler is not None and trace is not handler:
        # The handler's frame still refers to these, and they to the probe.
        with suppress(RuntimeError):  # it still runs
            trace.tb_frame.clear()
        trace = trace.tb_next
    _traceback.__set__(error, handler)
    for _ in range(_MOST_CONTEXTS):
        context = outer = _context.__get__(error)
        while context is not None and _is_in_probe(_traceback.__get__(context)):
            context = _context.__get__(context)
        if context is not outer:
            _context.__set__(error, context)
        if context is None:
            return
        error = context


def close_entry(function: Callable[..., Any]) -> None:
    """Keep signals and other threads from interrupting a function before its first line.

    Python looks for them when a function begins, where no ``try`` of its own can catch what they raise, but
    not when one goes on after ``await``.  Both are the instruction ``RESUME``, with 0 and 3 as its
    argument (dis, CPython 3.11 and later); the first one of the function gets the latter.  Elsewhere nothing changes.
    """
    opcodes = sys.modules.get("opcode")
    resume = opcodes.opmap.get("RESUME") if opcodes is not None else None
    code = bytearray(function.__code__.co_code)
    place = next((at for at in range(0, len(code), 2) if code[at] == resume), None)
    if place is not None and code[place + 1] == _AT_START:
        code[place + 1] = _AFTER_AWAIT
        function.__code__ = function.__code__.replace(co_code=bytes(code))


_AT_START, _AFTER_AWAIT = 0, 3


def _is_known(kind: type) -> bool:
    if id(kind) in _BUILTIN:
        return True
    module = class_dict(kind).get("__module__")
    return type(module) is str and module.partition(".")[0] in _LIBRARIES


def _was_raised_by_statement(trace: TracebackType | None) -> bool:
    """Whether the code that the traceback ends in raised the exception, rather than having it land there."""
    opcodes = sys.modules.get("opcode")
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or opcodes is None:
        return False
    raises = opcodes.opmap["RAISE_VARARGS"]
    return trace.tb_lasti >= 0 and trace.tb_frame.f_code.co_code[trace.tb_lasti] == raises


def _first_handler(trace: TracebackType | None) -> TracebackType | None:
    """The entry of the first signal handler in a traceback."""
    handlers = _codes_of_handlers() if trace is not None else ()
    while trace is not None and not any(trace.tb_frame.f_code is code for code in handlers):
        trace = trace.tb_next
    return trace


def _codes_of_handlers() -> list[CodeType]:
    """The code of every signal handler that is written in Python."""
    found = []
    for number in valid_signals():
        handler: Any = getsignal(number)
        if type(handler) is partial:
            handler = handler.func
        if type(handler) is MethodType:
            handler = handler.__func__
        if type(handler) is not FunctionType:
            handler = class_attribute(type(handler), "__call__")
        if type(handler) is FunctionType:
            found.append(handler.__code__)
    return found


def _is_in_probe(trace: TracebackType | None) -> bool:
    """Whether an exception was raised in the probe, and went no further than it."""
    return trace is not None and trace.tb_frame.f_code.co_filename.startswith(_OWN_FILES)


_OWN_FILES = _is_in_probe.__code__.co_filename.rpartition("interrupts")[0]
"""How the file names of the probe's modules begin."""


class Interrupts:
    """What the user raised while a hook of the probe ran, until the cell begins that it was meant for.

    Stop ends the run that it falls into and what was queued when it was pressed, never a run that was
    requested afterwards.  So does everything else that is kept here.

    Args:
        namespace: the user's; a cell's code runs in it.
    """

    def __init__(self, namespace: dict[str, Any]) -> None:
        self._namespace = namespace
        self._kept: tuple[BaseException, float, int] | None = None
        """The exception, when it came, and to which thread."""
        self._about_to_run: set[int] = set()
        """Threads whose next cell has been announced and has not begun."""
        self._armed: tuple[BaseException, float, int] | None = None
        """What the next cell of its thread begins with."""
        self._tracer: Any = None
        """The trace function that was there before; ``None``: there was none."""
        self._shortest: dict[str, float] = {}
        """By client, the shortest time from the date of a request to the beginning of its run."""

    def keep(self, error: BaseException) -> None:
        """Hold an exception of the user's for a later cell."""
        strip_traceback(error)
        self._kept = error, time(), get_ident()

    def announce(self, request: Any) -> None:
        """A cell is about to run; drop what came before it was requested.

        Args:
            request: the message that asks for the run, as IPython's ``parent_header`` has it.
        """
        self._disarm()
        sent, kept = self._latest_possible_date(request), self._kept
        if kept is not None and kept[2] == get_ident() and (sent is None or sent > kept[1]):
            self._kept = None
        self._about_to_run.add(get_ident())

    def pass_on(self) -> None:
        """The hook returns: let the announced cell begin with what is kept for it."""
        kept = self._kept
        if kept is None or kept[2] != get_ident() or kept[2] not in self._about_to_run:
            return
        self._about_to_run.discard(kept[2])
        self._tracer = gettrace()
        self._armed, self._kept = kept, None
        settrace(self._on_call)

    def end_run(self) -> None:
        """The cell is over; what it did not begin with, because none of its code ran, is kept for the next."""
        self._about_to_run.discard(get_ident())
        self._disarm()

    def forget(self) -> None:
        """The probe leaves: nothing is raised any more."""
        self._disarm()
        self._kept = None

    def _disarm(self) -> None:
        armed, tracer = self._armed, self._tracer
        if armed is not None and armed[2] == get_ident():
            self._armed, self._kept = None, armed
            settrace(tracer)
        elif tracer is not None and gettrace() is None:
            settrace(tracer)  # raising has ended all tracing
        if armed is None or armed[2] == get_ident():
            self._tracer = None

    def _on_call(self, frame: FrameType, _event: str, _arg: object) -> Any:
        """The trace function until the cell begins; the local one that it returns raises."""
        armed = self._armed
        if armed is None or not self._is_cell(frame):
            return None
        self._armed = None
        return _raiser(armed[0])

    def _is_cell(self, frame: FrameType) -> bool:
        return frame.f_globals is self._namespace and not frame.f_code.co_flags & _CO_OPTIMIZED

    def _latest_possible_date(self, request: Any) -> float | None:
        """When the request was sent at the latest, by this machine's clock; ``None`` where it cannot be known.

        The date in a request is of the client's clock, a browser's on another machine for example.  The shortest time
        from such a date to the beginning of the run bounds how far the two clocks are apart.
        """
        header = request.get("header") if type(request) is dict else None
        date, client = (header.get("date"), header.get("session")) if type(header) is dict else (None, None)
        if type(date) is not datetime or type(client) is not str:
            return None
        sent = date.timestamp()
        taken = time() - sent
        if len(self._shortest) >= _MOST_CLIENTS and client not in self._shortest:
            self._shortest.clear()
        shortest = self._shortest[client] = min(taken, self._shortest.get(client, taken))
        return sent + shortest


def _raiser(error: BaseException) -> Callable[..., Any]:
    """A trace function that raises the exception, in C so that the traceback shows no frame of the probe.

    Before Python 3.11 the traceback has the cell's line twice.

    ``max`` asks its key for the frame, the key has no such item and asks for a default, and throwing
    into a generator that has ended raises what is thrown.
    """
    none: tuple[object, ...] = ()
    ended = (item for item in none)
    next(ended, None)
    return partial(max, key=defaultdict(partial(ended.throw, error)).__getitem__)
