"""Exceptions that land in the probe and belong to the user: recognise them, and deliver them.

Python raises what a signal handler raises, and what ``PyThreadState_SetAsyncExc`` sets, in whichever
frame the thread runs at that moment.  Stop, SIGALRM timeouts and libraries like func_timeout and stopit
work that way, and the frame is often one of the probe's.  Such an exception is no failure of the probe:

* A callback in the middle of the user's own call lets it through without the probe's frames
  (``strip_traceback``, then a bare ``raise``).  ``close_entry`` keeps it from landing before the callback's ``try``.
* Nothing may leave a hook, because IPython would print it and go on.  ``Interrupts`` keeps it and
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
"""The getters and setters in C: an exception class of the user's may define attributes of these names."""

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
_OF_MODELS = ("xgboost", "lightgbm", "catboost", "statsmodels", "skorch", "prophet", "flax")
_LIBRARIES = frozenset((*_OF_THE_KERNEL, *_OF_DATA, *_OF_MODELS))
"""Packages that the probe calls: their code may raise in it, and their exception classes may be raised."""
_STANDARD_LIBRARY = os.path.dirname(os.__file__) + os.sep
_INSTALLED = ("site-packages", "dist-packages")
"""Folders inside that of the standard library that hold other packages."""
_CO_OPTIMIZED = 0x01
"""Of a function's code; a cell's has its names in a namespace instead."""
_MAX_CONTEXTS = 50
_MAX_CLIENTS = 64
_KEEP_S = 1.0
"""Seconds at rest after which the kernel has no cell queued that an exception could be meant for."""
_DELIVER_S = 10.0
"""Seconds within which an announced cell begins."""


def is_own_failure(error: BaseException) -> bool:
    """Whether code of the probe failed; otherwise the exception belongs to the user.

    The probe runs none of the user's code.  An exception that passed through code other than its own,
    Python's and that of the libraries that it calls therefore came from a signal handler or a trace
    function.  One that another thread sets has no message, and no statement raises it.
    """
    kind = type(error)
    if id(kind) in _NEVER_OURS or not _is_known(kind):
        return False
    trace = _traceback.__get__(error)
    if _find_user_entry(trace) is not None:
        return False
    return id(kind) in _WITHOUT_MESSAGE or bool(_get_args(error)) or _is_raised_by_statement(trace)


def strip_traceback(error: BaseException) -> None:
    """Remove the probe's frames from what an exception of the user's shows and keeps alive.

    The rest of the traceback begins with the user's own code, for example the signal handler that raised
    it; there is no rest if the probe's frames are all there is.
    """
    trace = _traceback.__get__(error)
    rest = _find_user_entry(trace)
    while rest is not None and trace is not rest:
        # The handler's frame still refers to these frames, and they to the probe.
        with suppress(RuntimeError):  # it still runs
            trace.tb_frame.clear()
        trace = trace.tb_next
    # fault: 94a
    _traceback.__set__(error, rest)
    for _ in range(_MAX_CONTEXTS):
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

    Python checks for them when a function begins, where no ``try`` of its own can catch what they raise, but
    not when a function continues after ``await``.  Both are the instruction ``RESUME``, with 0 and 3 as its
    argument (dis, CPython 3.11 and later); this gives the first ``RESUME`` of the function the latter.  Before
    CPython 3.11 nothing changes.
    """
    opcodes = sys.modules.get("opcode")
    resume = opcodes.opmap.get("RESUME") if opcodes is not None else None
    code = bytearray(function.__code__.co_code)
    place = next((at for at in range(0, len(code), 2) if code[at] == resume), None)
    if place is not None and code[place + 1] == _AT_START:
        code[place + 1] = _AFTER_AWAIT
        function.__code__ = function.__code__.replace(co_code=bytes(code))


_AT_START, _AFTER_AWAIT = 0, 3
"""Arguments of ``RESUME``."""


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
    imported = sys.modules.get(module)
    file = imported.__dict__.get("__file__") if type(imported) is ModuleType else None
    return type(file) is str and _is_standard_file(file)


def _is_standard_file(file: str) -> bool:
    return file.startswith(_STANDARD_LIBRARY) and not any(folder in file for folder in _INSTALLED)


def _is_raised_by_statement(trace: TracebackType | None) -> bool:
    """Whether the traceback ends at a ``raise`` statement, rather than where the exception happened to land."""
    opcodes = sys.modules.get("opcode")
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or opcodes is None:
        return False
    raises = opcodes.opmap["RAISE_VARARGS"]
    return trace.tb_lasti >= 0 and trace.tb_frame.f_code.co_code[trace.tb_lasti] == raises


def _find_user_entry(trace: TracebackType | None) -> TracebackType | None:
    """The first entry whose code is neither the probe's nor called by it; ``None`` if there is none."""
    while trace is not None and _is_called_by_probe(trace.tb_frame):
        trace = trace.tb_next
    return trace


def _is_called_by_probe(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    if file.startswith((_OWN_FILES, "<frozen ")):
        return True
    if _is_signal_handler(frame.f_code):  # a library may have one: PyTorch reports dead workers by it
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
    """Whether an exception was raised in the probe, and caught there."""
    return trace is not None and trace.tb_frame.f_code.co_filename.startswith(_OWN_FILES)


_OWN_FILES = _is_in_probe.__code__.co_filename.rpartition("interrupts")[0]
"""How the file names of the probe's modules begin."""


class _Pending:
    """An exception of the user's that waits for a cell."""

    __slots__ = ("deadline", "error", "thread", "time")

    def __init__(self, error: BaseException, when: float, thread: int) -> None:
        self.error, self.time, self.thread = error, when, thread
        """``time``: when it came, by the wall clock, which requests are dated by."""
        self.deadline = 0.0
        """Until when it is raised if the announced cell begins, by ``monotonic``."""


class Interrupts:
    """Keeps what the user raised while a hook of the probe ran, until the cell begins that it was meant for.

    Stop ends the run that it falls into and what was queued when it was pressed, never a run that was
    requested afterwards.  So does everything else that is kept here.

    Args:
        namespace: the user's; a cell's code runs in it.
        loop: the kernel's event loop (tornado's), in which it takes requests; ``None`` if it is not known.
    """

    def __init__(self, namespace: dict[str, Any], loop: Any = None) -> None:
        self._namespace, self._loop = namespace, loop
        self._pending: _Pending | None = None
        """The latest exception that no cell has begun with."""
        self._announced: set[int] = set()
        """Threads whose next cell has been announced and has not begun."""
        self._deliveries: dict[int, _Pending] = {}
        """By thread, what its next cell begins with."""
        self._tracers: dict[int, Any] = {}
        """By thread, the trace function that was there before."""
        self._min_delays: dict[str, float] = {}
        """By client, the shortest time from the date of a request to the beginning of its run."""

    def keep(self, error: BaseException) -> None:
        """Keep an exception of the user's for a later cell."""
        strip_traceback(error)
        pending = self._pending = _Pending(error, time(), get_ident())
        if self._loop is not None and pending.thread not in self._announced:
            # In an empty context: ipykernel 6 finds the cell that output belongs to by contexts.
            Context().run(self._loop.add_callback, self._drop_later, pending)

    def _drop_later(self, pending: _Pending) -> None:
        self._loop.call_later(_KEEP_S, self._drop, pending)

    def _drop(self, pending: _Pending) -> None:
        if self._pending is pending:
            self._pending = None

    def announce(self, request: Any) -> None:
        """Prepare for a cell that is about to run; drop what came before it was requested.

        Args:
            request: the message that asks for the run, as IPython's ``parent_header`` has it.
        """
        self._disarm()
        sent, pending = self._latest_possible_date(request), self._pending
        # fault: 96a
        if pending is not None and pending.thread == get_ident() and (sent is None or sent > pending.time):
            self._pending = None
        self._announced.add(get_ident())

    def deliver(self) -> None:
        """Let the announced cell begin with what is kept for it; called as a hook returns."""
        pending, here = self._pending, get_ident()
        if pending is None or pending.thread != here or here not in self._announced:
            return
        self._announced.discard(here)
        set_trace = _builtin_settrace()
        if set_trace is not None:
            self._tracers[here] = gettrace()
            pending.deadline = monotonic() + _DELIVER_S
            self._deliveries[here] = pending
            self._pending = None
            # fault: 95a
            set_trace(self._on_call)

    def end_run(self) -> None:
        """Take note that the cell is over; if it ran no code of its own, the next one begins with what was kept."""
        self._announced.discard(get_ident())
        self._disarm()

    def drop_all(self) -> None:
        """Raise nothing any more that came so far: the probe is uninstalled."""
        self._disarm()
        self._deliveries.clear()
        self._pending = None

    def enable_stop(self) -> Any:
        """Let Stop raise in this hook; returns what ``restore_handler`` takes.

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

    def restore_handler(self, handler: Any) -> None:
        """Put the handler back that ``enable_stop`` has replaced, if it has."""
        if handler is not None:
            set_handler(SIGINT, handler)

    def _disarm(self) -> None:
        """Stop waiting for this thread's cell, and put its own trace function back."""
        here = get_ident()
        delivery, tracer = self._deliveries.pop(here, None), self._tracers.pop(here, None)
        if delivery is not None:
            # Another object than before, which `_drop` may have been scheduled for.
            self._pending = _Pending(delivery.error, delivery.time, here)
        current = gettrace()
        waits = type(current) is MethodType and current.__self__ is self
        if waits or (tracer is not None and current is None):  # raising has ended all tracing
            set_trace = _builtin_settrace()
            if set_trace is not None:
                set_trace(tracer)

    def _on_call(self, frame: FrameType, _event: str, _arg: object) -> Any:
        """The trace function until the cell begins; the local one that it returns raises."""
        here = get_ident()
        delivery = self._deliveries.get(here)
        if delivery is None or monotonic() > delivery.deadline:
            self._deliveries.pop(here, None)
            set_trace = _builtin_settrace()
            if set_trace is not None:
                set_trace(self._tracers.pop(here, None))
            return None
        if not self._is_cell(frame):
            return None
        del self._deliveries[here]
        return _raiser(delivery.error)

    def _is_cell(self, frame: FrameType) -> bool:
        """Whether it runs a cell's own code, as IPython's ``run_code`` does."""
        if frame.f_code.co_flags & _CO_OPTIMIZED or frame.f_back is None:
            return False
        return frame.f_locals is self._namespace and frame.f_back.f_code.co_name == "run_code"

    def _latest_possible_date(self, request: Any) -> float | None:
        """When the request was sent at the latest, by this machine's clock; ``None`` if that cannot be known.

        The date in a request is of the client's clock, and the client may be a browser on another machine.  The
        shortest time from such a date to the beginning of the run bounds how far the two clocks are apart.
        """
        header = request.get("header") if type(request) is dict else None
        date, client = (header.get("date"), header.get("session")) if type(header) is dict else (None, None)
        if type(date) is not datetime or type(client) is not str:
            return None
        sent = date.timestamp()
        delay = time() - sent
        if len(self._min_delays) >= _MAX_CLIENTS and client not in self._min_delays:
            self._min_delays.clear()
        min_delay = self._min_delays[client] = min(delay, self._min_delays.get(client, delay))
        # fault: 97a
        return sent + min_delay


def _builtin_settrace() -> Any:
    """``sys.settrace`` itself; ``None`` if it cannot be found.

    A debugger puts another function in its place, which prints a warning.
    """
    holder = getattr(sys.modules.get("pydevd_tracing"), "TracingFunctionHolder", None)
    for function in (settrace, getattr(holder, "_original_tracing", None)):
        if type(function) is BuiltinFunctionType:
            return function
    return None


def _raiser(error: BaseException) -> Callable[..., Any]:
    """A trace function that raises the exception, in C so that the traceback shows no frame of the probe.

    ``max`` looks the frame up by its key, which is the look-up in a ``defaultdict``; the item is missing, so the
    default is asked for, and throwing into an exhausted generator raises what is thrown.

    Before Python 3.11 the traceback has the cell's line twice.
    """
    nothing: tuple[object, ...] = ()
    exhausted = (item for item in nothing)
    next(exhausted, None)
    return partial(max, key=defaultdict(partial(exhausted.throw, error)).__getitem__)
