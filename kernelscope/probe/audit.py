"""What a kernel looks like from inside: everything in which an observer could leave a trace.

Sent by itself and run once per request, with nothing installed: it must also describe a kernel without
the probe.  It runs none of the user's code, keeps nothing, and imports nothing that ipykernel has not
imported itself.
"""

from __future__ import annotations

import atexit
import gc
import hashlib
import linecache
import os
import signal
import sys
import threading
import types
import warnings
from _random import Random
from typing import Any

MAX_ITEMS = 20_000
MAX_CHARACTERS = 200
"""Of one item."""
_LAST_ERROR = ("last_type", "last_value", "last_traceback", "last_exc")
_FD = "/proc/self/fd"


def report(ip: Any) -> dict[str, list[str]]:
    """By aspect of the kernel, what there is of it, as texts."""
    history = ip.history_manager
    names = _pairs(ip.user_ns)
    aspects = {
        "names": sorted(_text(n) for n, _ in names),
        "what the names hold": [
            _digest([(_text(n), id(v)) for n, v in names if not _is_moved_by_ipython(n)])
        ],
        "In": [f"In[{i}] {_digest(_text(s))}" for i, s in enumerate(_items(ip.user_ns.get("In")))],
        "Out": [f"Out[{_text(n)}] {id(v):#x}" for n, v in _pairs(ip.user_ns.get("Out"))],
        "_ __ ___": [f"{n} {id(ip.user_ns.get(n)):#x}" for n in ("_", "__", "___")],
        "history": [f"session {history.session_number}", f"{len(history.input_hist_raw)} inputs"],
        "execution count": [str(ip.execution_count)],
        "callbacks": [
            f"{e}: {_describe_callback(f)}" for e, fs in _pairs(ip.events.callbacks) for f in _items(fs)
        ],
        "modules": sorted(_text(n) for n in list(sys.modules)),
        "comms": sorted(_text(n) for n, _ in _pairs(ip.kernel.comm_manager.comms)),
        "threads": _threads(),
        "file descriptors": _descriptors(),
        "linecache": sorted(_text(n) for n in list(linecache.cache)),
        "the last error": [f"sys.{n} {id(sys.__dict__.get(n)):#x}" for n in _LAST_ERROR],
        "tracing": _tracing(),
        "warnings filters": [str(len(warnings.filters)), _digest([id(f) for f in warnings.filters])],
        "streams and hooks": [
            f"sys.{n} {id(sys.__dict__.get(n)):#x}"
            for n in ("stdin", "stdout", "stderr", "displayhook", "excepthook", "unraisablehook")
        ],
        "import system": [str(len(sys.meta_path)), str(len(sys.path_hooks)), _digest(_texts(sys.path))],
        "garbage collection": [str(gc.isenabled()), str(gc.get_threshold()), str(len(gc.callbacks))],
        "signal handlers": [f"{s} {id(signal.getsignal(s)):#x}" for s in range(1, 32) if s not in (9, 19)],
        "at exit": [str(getattr(atexit, "_ncallbacks", int)())],
        "builtins": sorted(_text(n) for n, _ in _pairs(sys.modules["builtins"].__dict__)),
        "random state": _random_state(),
        "limits": [str(sys.getrecursionlimit()), str(sys.getswitchinterval())],
        "environment": [_digest(sorted(_pairs(os.environ.__dict__.get("_data"))))],
        "working directory": [_directory()],
    }
    return {name: [item[:MAX_CHARACTERS] for item in items[:MAX_ITEMS]] for name, items in aspects.items()}


def _is_moved_by_ipython(name: object) -> bool:
    """Whether IPython itself binds the name with each cell."""
    return type(name) is str and (
        name.startswith(("_i", "_o", "_d")) or name in ("In", "Out", "_", "__", "___")
    )


def _pairs(mapping: Any) -> list[tuple[Any, Any]]:
    copy = dict.copy(mapping) if type(mapping) is dict else {}
    return list(copy.items())


def _items(value: Any) -> list[Any]:
    return list(value) if type(value) is list or type(value) is tuple else []


def _texts(value: Any) -> list[str]:
    return [_text(item) for item in _items(value)]


def _text(value: object) -> str:
    return value if type(value) is str else f"<{_name(type(value))}>"


def _name(cls: type) -> str:
    name = type.__dict__["__qualname__"].__get__(cls)
    return name if type(name) is str else "?"


def _describe_callback(function: object) -> str:
    """A function's module and name; the type of any other callable."""
    inner = function.__func__ if type(function) is types.MethodType else function
    if type(inner) is types.FunctionType:
        return f"{_text(inner.__module__)}.{_text(inner.__qualname__)}"
    return f"<{_name(type(inner))}>"


def _digest(content: object) -> str:
    """Of content that consists of plain texts and numbers."""
    return hashlib.blake2b(repr(content).encode("utf-8", "backslashreplace"), digest_size=6).hexdigest()


def _threads() -> list[str]:
    active: dict[int, Any] = dict.copy(threading.__dict__["_active"])
    attributes = [object.__getattribute__(t, "__dict__") for t in active.values()]
    names = sorted(_text(own.get("_name")) for own in attributes)
    return [*names, *(["<not known to threading>"] * (len(sys._current_frames()) - len(names)))]


def _descriptors() -> list[str]:
    """The target of each; empty if the system has no list of them."""
    descriptors = []
    try:
        for name in os.listdir(_FD):
            try:
                descriptors.append(f"{name} {os.readlink(_FD + '/' + name)}")
            except OSError:  # noqa: PERF203 - the one by which they are listed, closed again
                continue
    except OSError:
        return []
    return sorted(descriptors)


def _tracing() -> list[str]:
    monitoring = getattr(sys, "monitoring", None)
    tools = [_text(monitoring.get_tool(i)) for i in range(6) if monitoring.get_tool(i)] if monitoring else []
    return [
        f"trace {id(sys.gettrace()):#x}",
        f"profile {id(sys.getprofile()):#x}",
        *(f"tool {t}" for t in tools),
    ]


def _random_state() -> list[str]:
    """Of the generator behind ``random.random``; numpy's own is not read."""
    module = sys.modules.get("random")
    inst = module.__dict__.get("_inst") if module is not None else None
    is_random = [base is Random for base in type.__dict__["__mro__"].__get__(type(inst))]
    return [_digest(Random.getstate(inst))] if any(is_random) else []  # type: ignore[arg-type]


def _directory() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return "?"
