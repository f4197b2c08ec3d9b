"""Sees calls of learning methods as they happen (``sys.monitoring``, CPython 3.12+).

Only local events on the code objects of chosen methods are used, so other code runs as fast as before.

Sees: the watched methods of every class that a look has come upon, and of the libraries' usual classes (``early_classes``);
methods that run in a wrapper which the library shares between classes (``method_wrappers``).  Cannot see: methods
written in C, and those of a class that is made and used for the first time within one cell, unless they run in
such a wrapper; the cell's code must tell of these.
"""

from __future__ import annotations

import sys
import types
import weakref
from typing import TYPE_CHECKING, Any

from .arrivals import StateWay, find_way
from .identity import Tokens, is_dead, reference_to
from .interrupts import close_entry, is_own_failure, strip_traceback
from .lookups import was_written
from .types import ESTIMATOR, TypeCache, class_attribute, is_class, names_in

if TYPE_CHECKING:
    from . import wire

MOST_OBJECTS = 256
"""Objects whose calls are reported per run; what a search clones by the hundred is dropped beyond."""
_MOST_FRAMES = 200
_CO_OPTIMIZED = 0x01
"""Of a function's code; of a module's or class body's frame ``f_locals`` is the namespace itself."""
_CO_VARARGS = 0x04
_MOST_CALLS = 4_096
"""Calls under way that are remembered; one that raised is forgotten only when there are so many."""
_TAKERS = frozenset({"locals", "vars", "dir", "eval", "exec"})
"""Functions that give a frame's own dict of locals away."""
_PUTS_IN = "__setstate__"
_NO_WAY = StateWay()
_TOOL = "kernelscope"
_TOOL_IDS = (4, 3)
"""0 to 2 and 5 are reserved for debuggers, coverage, profilers and optimisers."""


class CallRecord:
    """Calls of one method on one object in one run."""

    __slots__ = (
        "address",
        "cls",
        "continuation_args",
        "inside",
        "local",
        "method",
        "nested",
        "reference",
        "returned",
        "running",
        "times",
        "token",
        "way",
    )

    def __init__(self, obj: Any, token: int, cls: str, method: str, nested: bool) -> None:
        self.reference = reference_to(obj)
        self.token, self.cls, self.method, self.nested = token, cls, method, nested
        self.address = id(obj)
        self.times = self.returned = 0
        self.running = False
        """One of them is still at work."""
        self.inside: str | None = None
        self.continuation_args: tuple[str, ...] = ()
        self.way = _NO_WAY
        """Of the state that the last of them put in or took out."""
        self.local = False
        """Made by the user's code inside a function, on the object itself."""

    def add_late_call(self, begun: CallRecord) -> CallRecord:
        """Adds a call of a thread that began before the last run did, and came back in this one."""
        if begun is not self:
            self.times += 1
            return self
        later = CallRecord.__new__(CallRecord)
        for slot in CallRecord.__slots__:
            setattr(later, slot, getattr(begun, slot))
        later.times, later.returned, later.local, later.running = 1, 0, False, False
        return later

    def _path(self) -> str | None:
        """Of the file; one that was only written to be renamed (joblib does so) is not there any more."""
        is_saved = self.method != _PUTS_IN
        return None if is_saved and not was_written(self.way.path, None) else self.way.path

    def as_fact(self) -> wire.Call:
        """As it is sent: ``Call`` in ``kernelscope.domain.facts``."""
        return {
            "token": self.token,
            "cls": self.cls,
            "method": self.method,
            "times": self.times,
            "returned": self.returned,
            "inside": self.inside,
            "nested": self.nested,
            "given": self.continuation_args,
            "error": "",
            "via": self.way.via,
            "through": self.way.through,
            "path": self._path(),
            "part": False,
            "running": self.running,
        }


class CallWatcher:
    """Sees calls where the interpreter can show them; elsewhere ``active`` stays false."""

    def __init__(self, types_: TypeCache, tokens: Tokens, namespace: dict[str, Any]) -> None:
        self._types, self._tokens, self._namespace = types_, tokens, namespace
        self._codes: dict[int, tuple[weakref.ref[types.CodeType], str, str]] = {}
        """By id of the code object: the method's name, or of the variable in the frame that holds the method."""
        self._classes: dict[int, weakref.ref[type]] = {}
        self._seen: dict[tuple[int, str], CallRecord] = {}
        self._under_way: dict[int, tuple[int, CallRecord | None]] = {}
        """By id of the frame: id of the receiver, and the record of the call."""
        self._tool: int | None = None
        self._early_classes = list(types_.tables.early_classes)
        self._wrappers = list(types_.tables.method_wrappers)
        """Those whose library is not imported yet."""
        self.active = False
        self.dropped = 0
        """Calls of the current run that were one object too many."""
        self.failed = 0

    def begin(self) -> None:
        """Takes a free tool id; without one, or before 3.12, calls stay unseen."""
        monitoring: Any = getattr(sys, "monitoring", None)
        for tool in _TOOL_IDS if monitoring is not None else ():
            if monitoring.get_tool(tool) is None:
                monitoring.use_tool_id(tool, _TOOL)
                monitoring.register_callback(tool, monitoring.events.PY_START, self._on_start)
                monitoring.register_callback(tool, monitoring.events.PY_RETURN, self._on_return)
                self._tool, self.active = tool, True
                return

    def end(self) -> None:
        """Gives everything back: local events, callbacks, the tool id."""
        tool, self.active = self._tool, False
        if _owns(tool):
            monitoring = _monitoring()
            for reference, _, _ in list(self._codes.values()):
                code = reference()
                if code is not None:
                    monitoring.set_local_events(tool, code, 0)
            monitoring.register_callback(tool, monitoring.events.PY_START, None)
            monitoring.register_callback(tool, monitoring.events.PY_RETURN, None)
            monitoring.free_tool_id(tool)
        self._tool = None  # last: an end that was broken off is made once more
        self._codes.clear()

    def check_tool(self) -> None:
        """Stop watching calls if the user has freed the tool id: events set on it now would go to somebody else."""
        # fault: 100a
        self.active = self.active and _owns(self._tool)

    def watch_class(self, cls: type) -> None:
        """Sees the learning methods of this class from now on, too."""
        known = self._classes.get(id(cls))
        if self.active and (known is None or known() is not cls):
            self._classes[id(cls)] = weakref.ref(cls)
            for method in self._types.tables.watched_methods:
                self._watch(_code_of(class_attribute(cls, method)), method)

    def watch_libraries(self) -> None:
        """Sees the calls of libraries that have been imported since."""
        for entry in [e for e in self._early_classes if self.active and e[0] in sys.modules]:
            module, names = entry
            own = names_in(module)
            classes = [own[n] for n in names if is_class(own.get(n))]
            if classes:  # not in the middle of being imported
                self._early_classes.remove(entry)
            for cls in classes:
                self.watch_class(cls)
        for wrapper in [w for w in self._wrappers if self.active]:
            module, name, nested, variable = wrapper
            function = names_in(module).get(name)
            if type(function) is types.FunctionType:
                self._wrappers.remove(wrapper)
                self._watch(_nested_code(function.__code__, nested), variable=variable)

    def _watch(self, code: types.CodeType | None, method: str = "", variable: str = "") -> None:
        known = self._codes.get(id(code))
        if code is None or (known is not None and known[0]() is code):
            return
        self.check_tool()
        if not self.active:
            return
        events = _monitoring().events
        _monitoring().set_local_events(self._tool, code, events.PY_START | events.PY_RETURN)
        self._codes[id(code)] = (weakref.ref(code), method, variable)

    def drain(self) -> list[CallRecord]:
        """What was seen since the last time, in order of first call."""
        seen, self._seen, self.dropped = list(self._seen.values()), {}, 0
        self._mark_running(seen)
        return seen

    def add_calls_on(self, changed: set[int], calls: list[CallRecord]) -> list[CallRecord]:
        """What a look reports: calls that were drained before it, and those that threads have made on such objects
        while it looked.  On all others they stay for the next look.

        Args:
            changed: tokens of objects that the look found changed.
        """
        during = [r for r in list(self._seen.values()) if r.token in changed]
        if not during:
            return calls
        for record in during:
            del self._seen[record.token, record.method]
        self._mark_running(during)
        by_key = {(r.token, r.method): r for r in calls}
        for record in during:
            earlier = by_key.setdefault((record.token, record.method), record)
            if earlier is not record:
                earlier.times = record.times + (earlier.returned if earlier.running else earlier.times)
                earlier.returned += record.returned
                earlier.running = record.running
        return list(by_key.values())

    def _mark_running(self, records: list[CallRecord]) -> None:
        unfinished = [record for record in records if record.returned < record.times]
        if unfinished:
            at_work = self._records_at_work()
            for record in unfinished:
                record.running = any(record is one for one in at_work)

    def _records_at_work(self) -> list[CallRecord]:
        """Those of calls that some thread is in the middle of; one that raised leaves no trace but its absence."""
        at_work = []
        for innermost in sys._current_frames().values():
            frame: types.FrameType | None = innermost
            for _ in range(_MOST_FRAMES):
                if frame is None:
                    break
                known = self._codes.get(id(frame.f_code))
                if known is not None and known[0]() is frame.f_code:
                    record = self._under_way.get(id(frame), (0, None))[1]
                    if record is not None:
                        at_work.append(record)
                frame = frame.f_back
        return at_work

    # Called by the interpreter, in the middle of the user's own calls.  In Python 3.11 and newer a bare `raise`
    # adds no frame, so that what belongs to the user shows none of these.

    def _on_start(self, code: types.CodeType, _offset: int) -> None:
        try:
            self._note(code, sys._getframe(1))
        except RecursionError:
            self.dropped += 1  # the user's code is as deep as Python allows: not one call more fits in
        except BaseException as error:
            # fault: 93a
            if not is_own_failure(error):
                strip_traceback(error)
                self = code = None  # type: ignore[assignment] # a handler's frame may keep this one
                raise
            self.dropped += 1
            self.failed += 1

    def _on_return(self, _code: types.CodeType, _offset: int, _value: object) -> None:
        try:
            self._note_return(id(sys._getframe(1)))
        except RecursionError:
            self.dropped += 1
        except BaseException as error:
            if not is_own_failure(error):
                strip_traceback(error)
                # The call has ended, whatever happens in its last moment.
                self._note_return(id(sys._getframe(1)))
                self = _code = _value = None  # type: ignore[assignment]
                raise
            self.dropped += 1
            self.failed += 1

    def _note_return(self, frame: int) -> None:
        """Counts a call as returned; does nothing for one that was counted."""
        # The frame's locals are not read again: before 3.13 that brings a dict that the function
        # may have taken with `locals()` up to date, which its owner would notice.
        _, seen = self._under_way.get(frame, (0, None))
        if seen is not None and seen.returned < seen.times:
            now = self._seen.get((seen.token, seen.method), seen)
            if now is not seen or (seen.token, seen.method) not in self._seen:
                now = self._seen[seen.token, seen.method] = now.add_late_call(seen)
            now.returned += 1
        self._under_way.pop(frame, None)

    def _note(self, code: types.CodeType, frame: types.FrameType) -> None:
        obj, method = self._receiver(frame)
        own = frame.f_locals
        wanted = self._types.tables.continuation_args
        args = tuple(n for n in wanted if n in code.co_varnames and own.get(n) is not None)
        if type(own) is dict and code.co_flags & _CO_OPTIMIZED:
            # Before 3.13 this is a copy that the frame keeps until the call ends, and with it all
            # that the arguments hold.  The call has just begun: no other code can have taken it.
            own.clear()
        if len(self._under_way) >= _MOST_CALLS:
            self._under_way.clear()
        self._under_way[id(frame)] = (id(obj), None)
        if not method or self._types.of(type(obj)).kind != ESTIMATOR:
            return
        nested = self._enclosing(obj, frame)
        if nested is None:
            return
        token = self._tokens.find_token(obj)
        if token is None and not self._has_room():
            self.dropped += 1
            return
        token = self._tokens.of(obj)
        seen = self._seen.get((token, method))
        if seen is None:
            seen = CallRecord(obj, token, self._types.of(type(obj)).name, method, nested)
            seen.inside, seen.local = self._user_function(obj, frame)
            seen.continuation_args = args
            self._seen[(token, method)] = seen
        if method in self._types.tables.state_carriers:
            way = find_way(frame, self._types.tables, self._namespace, is_read=method == _PUTS_IN)
            seen.way = way if way.via else seen.way
        seen.times += 1
        self._under_way[id(frame)] = (id(obj), seen)

    def _has_room(self) -> bool:
        """Whether one more object may be remembered; what a search cloned and let go of makes room."""
        if len(self._seen) >= MOST_OBJECTS:
            kept = {key: s for key, s in self._seen.items() if not (s.nested and is_dead(s.reference))}
            self._seen = kept
        return len(self._seen) < MOST_OBJECTS

    def _receiver(self, frame: types.FrameType) -> tuple[Any, str]:
        """The object that a watched method was called on, and the method's name."""
        code = frame.f_code
        reference, method, variable = self._codes.get(id(code), (None, "", ""))
        if reference is None or reference() is not code or not code.co_varnames:
            return None, ""
        own = frame.f_locals
        if variable:
            wrapped = own.get(variable)
            method = wrapped.__name__ if type(wrapped) is types.FunctionType else ""
        return own.get(code.co_varnames[0]), method

    def _enclosing(self, obj: Any, frame: types.FrameType) -> bool | None:
        """Whether another seen call made this one; ``None`` where one on the same object did."""
        nested = False
        outer = frame.f_back
        for _ in range(_MOST_FRAMES):
            if outer is None:
                break
            known = self._codes.get(id(outer.f_code))
            if known is not None and known[0]() is outer.f_code:
                if self._under_way.get(id(outer), (0, None))[0] == id(obj):
                    return None
                nested = True
            outer = outer.f_back
        return nested

    def _user_function(self, obj: Any, frame: types.FrameType) -> tuple[str | None, bool]:
        """The user's function that made the call, and whether it made the call directly.

        A library's method on the same object (``fit_transform`` on its way to ``fit``) does not
        stand in between; a library's function that fits what it was given, or clones, does.
        """
        outer, direct = frame.f_back, True
        for _ in range(_MOST_FRAMES):
            if outer is None:
                break
            code = outer.f_code
            if outer.f_globals is self._namespace or self._types.is_user_file(code.co_filename):
                if code.co_name == "<module>":
                    return None, False
                if not code.co_name.startswith("<") or code.co_name == "<lambda>":
                    return code.co_name, direct
            elif direct and not self._passes_on(outer, obj):
                direct = False
            outer = outer.f_back
        return None, False

    def _passes_on(self, frame: types.FrameType, obj: Any) -> bool:
        """Whether a library's frame is a method of this very object on its way to ``fit``.

        Only frames of such names are read: before 3.13 reading one's locals makes a copy that the frame
        keeps until it ends.
        """
        code = frame.f_code
        if code.co_name not in self._types.tables.passing_frames or not code.co_varnames:
            return False
        own = frame.f_locals
        first = own.get(code.co_varnames[0])
        if type(first) is tuple and code.co_flags & _CO_VARARGS:  # a decorator's `inner_f(*args, **kwargs)`
            first = first[0] if first else None
        is_receiver = first is obj
        if type(own) is dict and code.co_flags & _CO_OPTIMIZED and not _TAKERS.intersection(code.co_names):
            own.clear()  # as in `_note`
        return is_receiver


close_entry(CallWatcher._on_start)
close_entry(CallWatcher._on_return)


def _monitoring() -> Any:
    return sys.monitoring  # type: ignore[attr-defined,unused-ignore]


def _owns(tool: int | None) -> bool:
    """Whether the tool id is still the probe's."""
    return tool is not None and _monitoring().get_tool(tool) == _TOOL


def _code_of(entry: object) -> types.CodeType | None:
    """The code that runs in the end: what a decorator wraps, where it says so."""
    for _ in range(8):
        if type(entry) is not types.FunctionType:
            return None
        wrapped = entry.__dict__.get("__wrapped__")
        if wrapped is None:
            return entry.__code__
        entry = wrapped
    return None


def _nested_code(code: types.CodeType, names: list[str]) -> types.CodeType | None:
    """The code object of a function defined within a function, by its path of names."""
    for name in names:
        inner = [c for c in code.co_consts if type(c) is types.CodeType and c.co_name == name]
        if not inner:
            return None
        code = inner[0]
    return code
