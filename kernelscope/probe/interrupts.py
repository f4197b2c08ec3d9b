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
import os
import sys
from _signal import NSIG, SIGINT, default_int_handler, getsignal
from _signal import signal as set_handler
from collections import defaultdict
from contextlib import suppress
from contextvars import Context
from datetime import datetime
from functools import partial

# By name, here and in the other modules: what the user puts in their place later is not run.
from sys import gettrace, settrace
from threading import get_ident, main_thread
from time import monotonic, time
from types import (
    BuiltinFunctionType,
    CodeType,
    FrameType,
    FunctionType,
    MethodType,
    ModuleType,
    TracebackType,
)
from typing import Any, Callable

from .types import class_dict, is_class

_get_args = class_dict(BaseException)["args"].__get__
_traceback = class_dict(BaseException)["__traceback__"]
_context = class_dict(BaseException)["__context__"]
"""Getters and setters of C's: an exception class of the user's may define attributes of these names."""

_NEVER_OURS = frozenset(map(id, (KeyboardInterrupt, SystemExit, TimeoutError)))
_WITHOUT_MESSAGE = frozenset(map(id, (MemoryError, RecursionError, GeneratorExit, StopIteration)))
"""The interpreter raises these without a message."""
_BUILTIN = frozenset(id(kind) for kind in list(vars(builtins).values()) if is_class(kind))
_OF_THE_KERNEL = (
    "zmq",
    "json",
    "zlib",
    "struct",
    "_queue",
    "jupyter_client",
    "ipykernel",
    "IPython",
    "tornado",
    "traitlets",
)
_OF_DATA = ("numpy", "scipy", "pandas", "sklearn", "torch", "tensorflow", "keras", "jax")
_OF_MODELS = ("xgboost", "lightgbm", "catboost", "statsmodels", "skorch")
_LIBRARIES = frozenset((*_OF_THE_KERNEL, *_OF_DATA, *_OF_MODELS))
"""Packages that the probe calls: their code, and exceptions of their classes, may come up in it."""
_STANDARD_LIBRARY = os.path.dirname(os.__file__) + os.sep
_INSTALLED = ("site-packages", "dist-packages")
"""Folders within that of the standard library where other packages lie."""
_CO_OPTIMIZED = 0x01
"""Of a function's code; a cell's has its names in a namespace instead."""
_MOST_CONTEXTS = 50
_MOST_CLIENTS = 64
_KEPT_S = 1.0
"""Seconds at rest after which the kernel has nothing queued that an exception could be meant for."""
_ARMED_S = 10.0
"""Seconds within which a cell begins that was announced."""


def is_own_failure(error: BaseException) -> bool:
    """Whether code of the probe failed; otherwise the exception belongs to the user.

    The probe runs none of the user's code.  So an exception that passed through any other code than
    its own, Python's and that of the libraries that it calls came from a signal handler or a trace
    function.  What another thread sets is made without a message, and raised by no statement.
    """
    kind = type(error)
    if id(kind) in _NEVER_OURS or not _is_known(kind):
        return False
    trace = _traceback.__get__(error)
    if _first_of_user(trace) is not None:
        return False
    return id(kind) in _WITHOUT_MESSAGE or bool(_get_args(error)) or _was_raised_by_statement(trace)


def strip_traceback(error: BaseException) -> None:
    """Remove the probe's frames from what an exception of the user's shows and keeps alive.

    What is left begins with the user's own code, such as a signal handler that raised it; nothing is left
    if there is none.
    """
    trace = _traceback.__get__(error)
    kept = _first_of_user(trace)
    while kept is not None and trace is not kept:
        # The handler's frame still refers to these, and they to the probe.
        with suppress(RuntimeError):  # it still runs
            trace.tb_frame.clear()
        trace = trace.tb_next
    # fault: 94a
    _traceback.__set__(error, kept)
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
    if type(module) is not str:
        return False
    return module.partition(".")[0] in _LIBRARIES or _is_of_standard_library(module)


def _is_of_standard_library(module: str) -> bool:
    if module in sys.builtin_module_names:
        return True
    found = sys.modules.get(module)
    file = found.__dict__.get("__file__") if type(found) is ModuleType else None
    return type(file) is str and _is_standard_file(file)


def _is_standard_file(file: str) -> bool:
    return file.startswith(_STANDARD_LIBRARY) and not any(folder in file for folder in _INSTALLED)


def _was_raised_by_statement(trace: TracebackType | None) -> bool:
    """Whether the code that the traceback ends in raised the exception, rather than having it land there."""
    opcodes = sys.modules.get("opcode")
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or opcodes is None:
        return False
    raises = opcodes.opmap["RAISE_VARARGS"]
    return trace.tb_lasti >= 0 and trace.tb_frame.f_code.co_code[trace.tb_lasti] == raises


def _first_of_user(trace: TracebackType | None) -> TracebackType | None:
    """The entry of the first code that is neither the probe's nor called by it."""
    while trace is not None and _is_called_by_probe(trace.tb_frame):
        trace = trace.tb_next
    return trace


def _is_called_by_probe(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    if file.startswith((_OWN_FILES, "<frozen ")):
        return True
    if _is_signal_handler(frame.f_code):  # PyTorch has one that tells of workers that died
        return False
    if _is_standard_file(file):
        return True
    name = dict.get(frame.f_globals, "__name__")
    return type(name) is str and name.partition(".")[0] in _LIBRARIES


def _is_signal_handler(code: CodeType) -> bool:
    for number in range(1, NSIG):
        handler = getsignal(number)
        if type(handler) is MethodType:
            handler = handler.__func__
        if type(handler) is FunctionType and handler.__code__ is code:
            return True
    return False


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
        loop: the kernel's event loop (tornado's), in which it takes requests; ``None`` if it is not known.
    """

    def __init__(self, namespace: dict[str, Any], loop: Any = None) -> None:
        self._namespace, self._loop = namespace, loop
        self._kept: tuple[BaseException, float, int] | None = None
        """The exception, when it came, and to which thread."""
        self._about_to_run: set[int] = set()
        """Threads whose next cell has been announced and has not begun."""
        self._armed: dict[int, tuple[BaseException, float, float]] = {}
        """By thread, what its next cell begins with, when that came, and until when (``monotonic``) it is raised."""
        self._tracers: dict[int, Any] = {}
        """By thread, the trace function that was there before."""
        self._shortest: dict[str, float] = {}
        """By client, the shortest time from the date of a request to the beginning of its run."""

    def keep(self, error: BaseException) -> None:
        """Hold an exception of the user's for a later cell."""
        strip_traceback(error)
        kept = self._kept = error, time(), get_ident()
        if self._loop is not None and kept[2] not in self._about_to_run:
            # In an empty context: ipykernel 6 tells by contexts whose output is whose.
            Context().run(self._loop.add_callback, self._forget_later, kept)

    def _forget_later(self, kept: object) -> None:
        self._loop.call_later(_KEPT_S, self._forget, kept)

    def _forget(self, kept: object) -> None:
        if self._kept is kept:
            self._kept = None

    def announce(self, request: Any) -> None:
        """A cell is about to run; drop what came before it was requested.

        Args:
            request: the message that asks for the run, as IPython's ``parent_header`` has it.
        """
        self._disarm()
        sent, kept = self._latest_possible_date(request), self._kept
        # fault: 96a
        if kept is not None and kept[2] == get_ident() and (sent is None or sent > kept[1]):
            self._kept = None
        self._about_to_run.add(get_ident())

    def pass_on(self) -> None:
        """The hook returns: let the announced cell begin with what is kept for it."""
        kept, here = self._kept, get_ident()
        if kept is None or kept[2] != here or here not in self._about_to_run:
            return
        self._about_to_run.discard(here)
        trace = _builtin_settrace()
        if trace is not None:
            self._tracers[here] = gettrace()
            self._armed[here] = kept[0], kept[1], monotonic() + _ARMED_S
            self._kept = None
            # fault: 95a
            trace(self._on_call)

    def end_run(self) -> None:
        """The cell is over; what it did not begin with, because none of its code ran, is kept for the next."""
        self._about_to_run.discard(get_ident())
        self._disarm()

    def forget(self) -> None:
        """The probe leaves: nothing that came before is raised any more."""
        self._disarm()
        self._armed.clear()
        self._kept = None

    def listen(self) -> Any:
        """Have Stop raise in this hook; gives back what ``end_listening`` takes.

        While a cell with ``await`` is handled, ipykernel's own handler only cancels that cell, which is over.
        """
        if get_ident() != main_thread().ident:
            return None
        handler = getsignal(SIGINT)
        if type(handler) is not FunctionType or handler.__code__.co_name != "handle_sigint":
            return None
        if handler.__globals__.get("__name__") != "ipykernel.ipkernel":
            return None
        set_handler(SIGINT, default_int_handler)
        return handler

    def end_listening(self, handler: Any) -> None:
        """Put the handler back that ``listen`` gave."""
        if handler is not None:
            set_handler(SIGINT, handler)

    def _disarm(self) -> None:
        """Stop waiting for this thread's cell, and put its own trace function back."""
        here = get_ident()
        armed, tracer = self._armed.pop(here, None), self._tracers.pop(here, None)
        if armed is not None:
            self._kept = armed[0], armed[1], here
        current = gettrace()
        waits = type(current) is MethodType and current.__self__ is self
        if waits or (tracer is not None and current is None):  # raising has ended all tracing
            trace = _builtin_settrace()
            if trace is not None:
                trace(tracer)

    def _on_call(self, frame: FrameType, _event: str, _arg: object) -> Any:
        """The trace function until the cell begins; the local one that it returns raises."""
        here = get_ident()
        armed = self._armed.get(here)
        if armed is None or monotonic() > armed[2]:
            self._armed.pop(here, None)
            trace = _builtin_settrace()
            if trace is not None:
                trace(self._tracers.pop(here, None))
            return None
        if not self._is_cell(frame):
            return None
        del self._armed[here]
        return _raiser(armed[0])

    def _is_cell(self, frame: FrameType) -> bool:
        """Whether it runs a cell's own code, as IPython's ``run_code`` does."""
        if frame.f_code.co_flags & _CO_OPTIMIZED or frame.f_back is None:
            return False
        return frame.f_locals is self._namespace and frame.f_back.f_code.co_name == "run_code"

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
        # fault: 97a
        return sent + shortest


def _builtin_settrace() -> Any:
    """``sys.settrace`` itself: a debugger puts another in its place, which prints a warning; ``None`` if it is hidden."""
    holder = getattr(sys.modules.get("pydevd_tracing"), "TracingFunctionHolder", None)
    for function in (settrace, getattr(holder, "_original_tracing", None)):
        if type(function) is BuiltinFunctionType:
            return function
    return None


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
