"""Raises errors in the probe's own lines, one after another: runs in the watched kernel (Python 3.9 and later).

The test puts it into ``sys.modules`` there as ``fault_lines``, which neither the user's namespace nor the
probe knows of.  Lines are reached by tracing, so that nothing of the probe is changed for it: only the
frames of code whose file name is the probe's are traced line by line.
"""

from __future__ import annotations

import json
import sys
import threading
from typing import Any, Callable, Dict, List, Optional, Tuple, Type  # noqa: UP035 - as Python 3.9 has it

ERRORS: Tuple[Type[BaseException], ...] = (  # noqa: UP006
    *(ZeroDivisionError, MemoryError, RecursionError, GeneratorExit, SystemExit, KeyboardInterrupt),
)
"""The last two never count as the probe's own: a hook passes them on to a cell."""
ENTRIES = frozenset({"_kernelscope", "pre_run_cell", "post_run_cell", "on_comm_message", "look_between_runs"})
"""Functions of the probe that others call; a place is identified by the one that led there."""
GUARDS = frozenset({"call", "handle_msg", "run"})
"""Functions that wrap those."""
Place = Tuple[str, str, int]  # noqa: UP006
"""The probe's entry that led there, the module and the line."""

reached: Dict[Place, int] = {}  # noqa: UP006
"""How often each place was reached while lines were collected."""
fired: List[Tuple[str, str, int, str]] = []  # noqa: UP006
missed: List[Place] = []  # noqa: UP006
Fault = Tuple[str, str, int, int, int, int]  # noqa: UP006
"""Entry, module, line, at which visit it fires, which error, and which of the next looks fails first (0: none),
so that the lines that handle a failure are reached."""
_plan: List[Fault] = []  # noqa: UP006
_armed: Optional[Fault] = None  # noqa: UP045
_left = 0
_entered = ""


def _entry(frame: Any) -> str:
    """Return the probe function through which execution entered; remembers this frame if it is an entry."""
    global _entered
    name = frame.f_code.co_name
    if name in ENTRIES:
        _entered = name
    return "guard" if name in GUARDS else _entered


def _is_the_probes(filename: str) -> bool:
    """Exclude readers of libraries: one that raises is switched off, which has its own test."""
    return filename.startswith("<frozen kernelscope") and ".libraries." not in filename


def _collect(frame: Any, event: str, arg: Any) -> Any:
    if not _is_the_probes(frame.f_code.co_filename):
        return None
    entry, module = _entry(frame), frame.f_code.co_filename

    def lines(inner: Any, what: str, _arg: Any) -> Any:
        if what == "line":
            place = (entry, module, inner.f_lineno)
            reached[place] = reached.get(place, 0) + 1
        return lines

    return lines


def _fire(frame: Any, event: str, arg: Any) -> Any:
    if not _is_the_probes(frame.f_code.co_filename):
        return None
    entry = _entry(frame)
    if _armed is None or frame.f_code.co_filename != _armed[1] or entry != _armed[0]:
        return None
    return _fire_at_line


def _fire_at_line(frame: Any, event: str, arg: Any) -> Any:
    global _armed, _left
    if event == "line" and _armed is not None and frame.f_lineno == _armed[2]:
        _left -= 1
        if _left <= 0:
            (entry, module, line, _, kind, _), _armed = _armed, None
            fired.append((entry, module, line, ERRORS[kind].__name__))
            raise ERRORS[kind]("a fault at a line")  # the interpreter ends the tracing with it
    return _fire_at_line


def collect(on: bool) -> None:
    """Record the lines of the probe that this thread and new threads reach."""
    sys.settrace(_collect if on else None)
    threading.settrace(_collect if on else None)


def agent() -> Any:
    return getattr(sys.modules.get("_kernelscope_probe.probe.agent"), "AGENT", None)


def break_a_look(number: int) -> None:
    """Let the next look of the probe fail, or the one after it."""
    look, remaining = agent().observer.scanner, [number]
    interlude = agent().observer.interlude
    if number > 1:
        interlude.is_quiet = lambda: False  # so that the next one is that before the run

    def take(*arguments: Any, **named: Any) -> Any:
        remaining[0] -= 1
        if remaining[0] == 0:
            del look.scan
            interlude.__dict__.pop("is_quiet", None)
            raise OSError("a look that fails")
        return type(look).scan(look, *arguments, **named)

    look.scan = take


def plan(faults: str) -> None:
    """Take the faults to come, as JSON."""
    _plan[:] = [(*fault,) for fault in json.loads(faults)]


def step() -> None:
    """Arm the next fault, and forget the failures that the probe has counted."""
    global _armed, _left
    if _armed is not None:
        missed.append(_armed[:3])
        _armed = None
    here = agent()
    if here is None or not _plan:
        return
    here.guard.failures = 0
    _armed = _plan.pop(0)
    _left = _armed[3]
    if _armed[5]:
        break_a_look(_armed[5])
    sys.settrace(_fire)


def _state() -> Any:
    """Return what an attach changes, which must be restored when the probe is uninstalled."""
    ip = sys.modules["IPython"].get_ipython()
    monitoring = getattr(sys, "monitoring", None)
    return [
        {event: len(callbacks) for event, callbacks in ip.events.callbacks.items()},
        sorted(ip.kernel.comm_manager.comms),
        sorted(name for name in sys.modules if "kernelscope" in name),
        sorted(t.name for t in threading.enumerate()),
        [monitoring.get_tool(i) for i in range(6)] if monitoring else [],
        len(ip.user_ns),
    ]


def _try(faults: List[Fault], go: Callable[[], object], clean: Callable[[], object]) -> List[str]:  # noqa: UP006
    """Inject one fault after another while ``go`` runs; returns what was wrong then or differs after ``clean``."""
    global _armed, _left
    wrong = []
    for fault in faults:
        _armed, _left = fault, fault[3]
        answer: object = None
        try:
            sys.settrace(_fire)
            answer = go()
        except BaseException as error:  # noqa: BLE001 - the caller reports it
            wrong.append(f"{fault}: {type(error).__name__} came out")
        finally:
            sys.settrace(None)
        if _armed is not None:
            missed.append(fault[:3])
            _armed = None
        difference = clean()
        if difference:
            wrong.append(f"{fault}: {answer}: left {difference}")
    return wrong


def _uninstall_probe() -> None:
    here = agent()
    if here is not None:
        here.uninstall()


def attaches(expression: str, faults: str) -> str:
    """Attach once per fault, and roll back; returns what was wrong, as JSON."""
    _uninstall_probe()
    plain = _state()

    def go() -> str:
        return str(eval(expression, {}))[:100]

    def clean() -> Any:
        _uninstall_probe()
        now = _state()
        return [] if now == plain else [(a, b) for a, b in zip(plain, now) if a != b]  # noqa: B905

    return json.dumps(_try([(*f,) for f in json.loads(faults)], go, clean))


def leaves(expression: str, watcher: str, faults: str) -> str:
    """Attach once per fault, which hits the detach; returns what was wrong, as JSON."""
    _uninstall_probe()
    plain = _state()
    ip = sys.modules["IPython"].get_ipython()
    eval(expression, {})

    def go() -> str:
        comm = agent().comm
        comm.handle_msg({"content": {"data": {"leave": watcher}}})
        return "left"

    def clean() -> Any:
        for hook in list(ip.events.callbacks["pre_run_cell"]):
            here: Any = getattr(hook, "__self__", None)
            if "_kernelscope_probe" not in str(type(here)):
                continue
            if here._lease.watchers:
                here._lease._uninstall()  # the request never reached it, and it is complete
            else:
                here._uninstall_if_unwatched()  # as the next run does
        now = _state()
        if now == plain:
            eval(expression, {})
            return []
        return now

    return json.dumps(_try([(*f,) for f in json.loads(faults)], go, clean))


def _poll_once() -> Any:
    """Start a new thread of the poller that has something to report."""
    here, ip = agent(), sys.modules["IPython"].get_ipython()
    here.poller.stop()
    ip.user_ns["polled"] = type(ip.user_ns["m"])()
    for watcher in here.lease.watchers.values():
        watcher.poll = 0.002
    here.poller.tune(here.lease.min_poll())
    return here.poller.poller


def _until(poller: Any, fact: Callable[[], object]) -> bool:
    for _ in range(1_000):
        if fact():
            return True
        poller.join(0.005)
    return False


def polls(faults: str, collecting: bool = False) -> str:
    """Let the poller's own thread look once per fault; returns what was wrong, as JSON."""
    global _armed, _left
    here, ip, wrong = agent(), sys.modules["IPython"].get_ipython(), []
    if collecting:
        seq = here.observer.seq
        _until(_poll_once(), lambda: here.observer.seq > seq)
    for fault in [(*f,) for f in json.loads(faults)]:
        here.guard.failures = 0
        threading.settrace(_fire)
        _armed, _left = fault, fault[3]
        poller = _poll_once()
        if not _until(poller, lambda: _armed is None):  # noqa: B023
            missed.append(fault[:3])
            _armed = None
        threading.settrace(None)
        seq = here.observer.seq
        ip.user_ns["polled"] = type(ip.user_ns["m"])()
        if not _until(poller, lambda: here.observer.seq > seq):  # noqa: B023
            wrong.append(f"{fault}: it reports no more")
    return json.dumps(wrong)


def report() -> str:
    """Return what was reached, fired and missed, as JSON."""
    lines = [(*place, times) for place, times in reached.items()]
    return json.dumps({"reached": lines, "fired": fired, "missed": missed})
