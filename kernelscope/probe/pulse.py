"""What moves while a cell still runs, and a sign that Python does.

There is no thread of the probe's own: a timer in the event loop by which ipykernel publishes, and that
only once a run has lasted a second, looks at the models that names reach.  It reads what can be read
beside code that is at work on it: identities of attributes, plain numbers, lengths of lists, small
arrays' bytes, the counts of writes of tensors.

Sees: counters that grow, ensembles that do, weights that are written if the library counts that.  Cannot see:
what C code keeps to itself until the fit is over, clones that no name reaches (a search), weights that only
an operation of the library's can read.  While C code holds the interpreter's
lock no pulse is sent at all, and that silence is the sign of it.
"""

from __future__ import annotations

import zlib
from time import perf_counter, thread_time
from typing import TYPE_CHECKING, Any, Callable

from .interrupts import is_own_failure, strip_traceback
from .names import UserNames
from .scanner import NamespaceScanner
from .types import instance_dict, is_one_of, is_small_atom, pairs_of

if TYPE_CHECKING:
    from . import wire

FIRST_S = 1.0
"""A run that ends within this many seconds is not looked at before its end."""
LONGEST_S = 10.0
"""The most time between two looks; they become rarer as the run lasts."""
MOST_FAILURES = 10
"""After which it says no more than that Python runs."""
_SHARE = 500
"""A look may take one part in so many of the time until the next one, of its thread's own work."""
_MOST_MODELS = 32
_MOST_ATTRIBUTES = 64
_MOST_NAMED = 3
"""Attributes of one model that are named."""
_SMALL = 1 << 12
"""Bytes of an array that are read."""

Marks = dict[str, Any]


class Pulse:
    """Looks again and again while one run lasts, and speaks.

    Args:
        loop: ipykernel's event loop (tornado's) in the thread that publishes.
        scanner: knows which names reach which models.
        names: the namespace; for this thread alone.
        speak: is given what was seen.
        goes_on: whether the run still does, and anybody listens.
    """

    def __init__(
        self,
        loop: Any,
        scanner: NamespaceScanner,
        names: UserNames,
        speak: Callable[[wire.Pulse], None],
        goes_on: Callable[[], bool],
    ) -> None:
        self._loop, self._scanner, self._speak, self._goes_on = loop, scanner, speak, goes_on
        self._names = names
        self._run: tuple[int, float] | None = None
        self._marks: dict[str, tuple[int, Marks]] = {}
        self._armed: object = None
        """Names the timer that counts; one that was set before it does nothing."""
        self._timer: object = None
        self.failures = 0

    def begin(self, count: int) -> None:
        """A run has begun; called in its own thread, as ``end`` is."""
        self._marks = {}
        self._run = count, perf_counter()
        if self._armed is None:
            self._arm(FIRST_S)

    def end(self) -> None:
        """The run is over, and with it all looks at it; a timer that was set finds nothing to do."""
        self._run = None
        self._marks = {}

    def leave(self) -> None:
        """Nothing of it stays in the loop."""
        self.end()
        self._armed = None
        self._loop.add_callback(self._cancel)

    def _cancel(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            self._loop.remove_timeout(timer)

    def _arm(self, seconds: float) -> None:
        armed = self._armed = object()
        self._loop.add_callback(self._set, seconds, armed)

    def _set(self, seconds: float, armed: object) -> None:
        if armed is self._armed:
            self._timer = self._loop.call_later(seconds, self._beat, armed)

    def _beat(self, armed: object) -> None:
        try:
            if armed is self._armed:
                self._armed = None
                run = self._run
                wait = self._look_at(*run) if run is not None else 0.0
                if wait and self._armed is None:
                    self._arm(wait)
        except BaseException as error:
            self._marks = {}
            if self._run is not None:
                self._arm(FIRST_S)
            if not is_own_failure(error):  # somebody stops this thread: it is not the probe's
                strip_traceback(error)
                raise
            self.failures += 1  # the loop would log it, and it is the kernel's log

    def _look_at(self, count: int, begun: float) -> float:
        """Seconds until the next look; 0 where there shall be none."""
        lasted, work = perf_counter() - begun, thread_time()
        if lasted < FIRST_S:
            return FIRST_S - lasted
        if not self._goes_on():
            self.end()
            return 0.0
        moved = self._find_movements() if self.failures < MOST_FAILURES else []
        wait = min(max(lasted / 10, FIRST_S), LONGEST_S)
        wait = max(wait, (thread_time() - work) * _SHARE)
        if self._run is not None:
            self._speak({"execution_count": count, "seconds": lasted, "next": wait, "moved": moved})
        return wait

    def _find_movements(self) -> list[wire.Movement]:
        """What differs from the look before, by name; nothing at the first one."""
        before, now = self._marks, {}
        moved: list[wire.Movement] = []
        models = self._scanner.walks.walk_all(self._names).names
        for name in list(models)[:_MOST_MODELS]:
            model = models[name]
            marks: Marks = {}
            try:
                self._read(model, "", marks, 2)
            except Exception as error:
                if self._scanner.libraries.folder_at_fault(error) is None:
                    raise
                continue  # the look after the run reports it
            now[name] = id(model), marks
            known, old = before.get(name, (0, marks))
            texts = [t for t in map(_difference, marks, map(old.get, marks), marks.values()) if t]
            if known == id(model) and texts:
                texts.sort(key=_importance)
                moved.append(
                    {
                        "name": name,
                        "cls": self._scanner.types.of(type(model)).name,
                        "generation": self._scanner.generation_of(name, model),
                        "text": ", ".join(t for _, t in texts[:_MOST_NAMED]),
                    }
                )
        if self._run is not None:
            self._marks = now
        return moved

    def _read(self, model: Any, prefix: str, marks: Marks, depth: int) -> None:
        info = self._scanner.types.of(type(model))
        counts = self._scanner.libraries.reader_of(info).write_counts(model)
        if counts is not None:
            marks[prefix + "weights"] = _Writes(counts)
            return
        own = instance_dict(model)
        for attribute, value in pairs_of(own, _MOST_ATTRIBUTES) if own is not None else ():
            if type(attribute) is str and len(attribute) <= _SMALL:
                marks[prefix + attribute] = self._mark(value)
        for label, _, part in self._scanner.parameter_parts(model) if depth else ():
            self._read(part, f"{prefix}{label} ", marks, depth - 1)

    def _mark(self, value: Any) -> Any:
        kind = type(value)
        number = value.item() if self._scanner.types.of(kind).numpy_scalar else value
        if is_one_of(type(number), (int, float)) and is_small_atom(number):
            return number
        if kind is list:
            return _Items(len(value))
        raw = self._scanner.reader.small_bytes(value, _SMALL)
        return id(value), 0 if raw is None else zlib.crc32(raw)


class _Items(int):
    """The length of a list."""


class _Writes(list):  # type: ignore[type-arg] # counts of writes; 3.9 subscribes no base at run time
    """How often each tensor of a network was written."""


def _difference(name: str, before: Any, now: Any) -> tuple[int, str] | None:
    """The text for one attribute, and its rank: lower ranks say more."""
    if type(before) is not type(now):
        return 2, f"{name} set"
    if before == now or (before != before and now != now):  # not a number, twice
        return None
    if type(now) is _Items:
        return 1, f"{name} {before:d} → {now:d} items"
    if type(now) is _Writes:
        written = sum(a != b for a, b in zip(before, now))
        return 0, f"{written} of {len(now)} tensors written"
    if type(now) is tuple:
        return 2, f"{name} written" if before[0] == now[0] else f"{name} set"
    return 0, f"{name} {before:.6g} → {now:.6g}"


def _importance(text: tuple[int, str]) -> int:
    return text[0]
