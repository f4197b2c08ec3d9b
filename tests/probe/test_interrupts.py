"""Tests which exceptions are the probe's own, how the others' tracebacks are cut, and when each is raised."""

from __future__ import annotations

import ctypes
import json
import re
import signal
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kernelscope.probe import interrupts
from kernelscope.probe.interrupts import Interrupts, close_entry, is_own_failure, strip_traceback
from kernelscope.probe.pulse import Pulse


class MineError(Exception):
    def __init__(self) -> None:
        super().__init__("of the user's own")


class Stops(BaseException):
    """Derives from BaseException as func_timeout's does."""


def compile_as_probe(source: str, **names: object) -> Callable[..., object]:
    """Compile the function ``go`` of a source with the file name of one of the probe's modules."""
    space: dict[str, Any] = {**names, "__name__": "kernelscope.probe.scanner"}
    exec(compile(source, interrupts.__file__.replace("interrupts", "look"), "exec"), space)
    go: Callable[..., object] = space["go"]
    return go


def catch(raises: Callable[[], object]) -> BaseException:
    """Catch the exception as the outermost function of the probe sees it, without the frames that called it."""
    try:
        raises()
    except BaseException as error:  # noqa: BLE001 - the test examines it
        while error.__traceback__ is not None and error.__traceback__.tb_frame.f_code.co_filename == __file__:
            error.__traceback__ = error.__traceback__.tb_next
        return error
    raise AssertionError("nothing was raised")


LOOP = """
def go():
    try:
        while True:
            at_work.set()
            sum((1, 2))
    except BaseException as error:
        landed.append(error)
"""
HANDLES = """
def go():
    try:
        {}["missing"]
    except KeyError:
        """


def interrupt_from_a_thread(kind: type[BaseException]) -> BaseException:
    """Send an exception into a thread that runs the probe, by ``PyThreadState_SetAsyncExc``; returns it."""
    landed: list[BaseException] = []
    at_work = threading.Event()
    thread = threading.Thread(target=compile_as_probe(LOOP, landed=landed, at_work=at_work))
    thread.start()
    at_work.wait()
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(kind))
    thread.join()
    return landed[0]


@pytest.fixture
def ring() -> Iterator[Callable[[BaseException], Callable[[], object]]]:
    """Builds code of the probe in which a signal handler removes itself and raises the exception."""
    wanted: list[BaseException] = []

    def handler(*_: object) -> None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        raise wanted[0]

    def code(error: BaseException) -> Callable[[], object]:
        wanted[:] = [error]
        return compile_as_probe(HANDLES + "signal.raise_signal(signal.SIGALRM)", signal=signal)

    before = signal.signal(signal.SIGALRM, handler)
    yield code
    signal.signal(signal.SIGALRM, before)


OWN = {
    "a key that is missing": "{}['missing']",
    "a statement without a message": "raise ZeroDivisionError",
    "a library that is called": "json.loads('{')",
    "the standard library": "re.compile('(')",
    "no memory": "[0] * (1 << 62)",
    "an iterator at its end": "next(iter(()))",
    "the end of the stack": "go()",
}


@pytest.mark.parametrize("line", OWN.values(), ids=OWN)
def test_what_the_probe_raises_itself_is_its_own_failure(line: str) -> None:
    assert is_own_failure(catch(compile_as_probe(f"def go():\n    {line}", json=json, re=re)))


@pytest.mark.parametrize("kind", [ValueError, TimeoutError, SystemExit, KeyboardInterrupt, MineError, Stops])
def test_what_another_thread_sends_belongs_to_the_user(kind: type[BaseException]) -> None:
    error = interrupt_from_a_thread(kind)
    assert type(error) is kind
    assert not is_own_failure(error)


@pytest.mark.parametrize("error", [ValueError("slow"), KeyError("slow"), TimeoutError(), KeyboardInterrupt()])
def test_what_a_signal_handler_raises_belongs_to_the_user(
    ring: Callable[[BaseException], Callable[[], object]], error: BaseException
) -> None:
    assert catch(ring(error)) is error
    assert not is_own_failure(error)


def test_a_library_s_signal_handler_is_not_code_of_the_probe() -> None:
    """PyTorch's handler reports to the main thread that a worker has died."""
    space: dict[str, Any] = {"__name__": "torch.utils.data"}
    exec(compile("def handler(*_): raise RuntimeError('a worker died')", "/lib/torch/data.py", "exec"), space)
    code = compile_as_probe("def go():\n    signal.raise_signal(signal.SIGALRM)", signal=signal)
    before = signal.signal(signal.SIGALRM, space["handler"])
    error = catch(code)
    assert not is_own_failure(error)
    signal.signal(signal.SIGALRM, before)
    assert is_own_failure(error), "like what the library's own code raises"


def test_a_traceback_keeps_the_handler_and_drops_the_probe(
    ring: Callable[[BaseException], Callable[[], object]],
) -> None:
    handled = KeyError("of the user's")

    def work() -> None:
        try:
            raise handled
        except KeyError:
            ring(ValueError("slow"))()

    error = catch(work)
    assert error.__context__ is not handled, "the probe was handling one of its own"
    strip_traceback(error)
    assert error.__context__ is handled
    names = []
    trace = error.__traceback__
    while trace is not None:
        names.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    assert names == ["handler"]


def test_a_traceback_of_nothing_but_the_probe_is_dropped() -> None:
    error = catch(compile_as_probe(HANDLES + "raise KeyboardInterrupt"))
    strip_traceback(error)
    assert error.__traceback__ is None
    assert error.__context__ is None


class Cells:
    """Runs cells in a namespace, after the hooks."""

    def __init__(self) -> None:
        self.space: dict[str, Any] = {}
        self.interrupts = Interrupts(self.space)

    def run_code(self, code: str, sent: datetime | None = None, client: str = "one") -> BaseException | None:
        sent = sent or datetime.now(UTC)
        self.interrupts.announce({"header": {"date": sent, "session": client}})
        self.interrupts.deliver()
        try:
            exec(compile(code, "<cell>", "exec"), self.space, self.space)
        except BaseException as error:  # noqa: BLE001
            return error
        finally:
            self.interrupts.end_run()
        return None


def a_second_ago() -> datetime:
    """Return the date of a cell that was sent a second ago."""
    return datetime.now(UTC) - timedelta(seconds=1)


@pytest.fixture
def cells() -> Iterator[Cells]:
    before = sys.gettrace()
    yield Cells()
    sys.settrace(before)


def test_a_queued_cell_begins_with_what_is_kept_for_it(cells: Cells) -> None:
    assert cells.run_code("a = 1") is None
    sent, stop = a_second_ago(), KeyboardInterrupt()
    cells.interrupts.keep(stop)
    assert cells.run_code("a = 2", sent) is stop
    assert cells.space["a"] == 1
    assert cells.run_code("a = 3", sent) is None, "once"
    assert sys.gettrace() is None


def test_a_cell_that_was_sent_later_runs(cells: Cells) -> None:
    assert cells.run_code("a = 1") is None
    cells.interrupts.keep(KeyboardInterrupt())
    assert cells.run_code("a = 2", datetime.now(UTC)) is None
    assert cells.run_code("a = 3", datetime.now(UTC) - timedelta(minutes=1)) is None, (
        "the interrupt was dropped"
    )


@pytest.mark.parametrize("hours", [-3, 3])
def test_any_clock_of_a_client_works(cells: Cells, hours: int) -> None:
    def now() -> datetime:
        return datetime.now(UTC) + timedelta(hours=hours)

    assert cells.run_code("a = 1", now()) is None
    cells.interrupts.keep(KeyboardInterrupt())
    assert cells.run_code("a = 2", now()) is None
    sent = now() - timedelta(seconds=1)
    cells.interrupts.keep(KeyboardInterrupt())
    assert isinstance(cells.run_code("a = 3", sent), KeyboardInterrupt)


def test_nothing_is_known_about_a_new_client_s_clock(cells: Cells) -> None:
    sent = a_second_ago()
    cells.interrupts.keep(KeyboardInterrupt())
    assert cells.run_code("a = 1", sent, client="another") is None


def test_an_exception_that_no_cell_started_with_is_kept_for_the_next(cells: Cells) -> None:
    assert cells.run_code("a = 1") is None
    sent = a_second_ago()
    cells.interrupts.keep(KeyboardInterrupt())
    with pytest.raises(SyntaxError):
        raise cells.run_code("def broken(:", sent) or AssertionError
    assert isinstance(cells.run_code("a = 2", sent), KeyboardInterrupt)


def test_the_user_s_trace_function_is_restored(cells: Cells) -> None:
    def mine(*_: object) -> None:
        return None

    assert cells.run_code("a = 1") is None
    sent = a_second_ago()
    cells.interrupts.keep(KeyboardInterrupt())
    sys.settrace(mine)
    assert isinstance(cells.run_code("a = 2", sent), KeyboardInterrupt)
    assert sys.gettrace() is mine


def test_nothing_is_raised_after_the_probe_was_uninstalled(cells: Cells) -> None:
    assert cells.run_code("a = 1") is None
    sent = a_second_ago()
    cells.interrupts.keep(KeyboardInterrupt())
    cells.interrupts.drop_all()
    assert cells.run_code("a = 2", sent) is None


def test_a_function_is_not_interrupted_before_its_first_line() -> None:
    """A signal that is pending at the call is raised within its ``try``."""

    def guarded(kind: type[BaseException]) -> str:
        try:
            time.sleep(0)
        except kind:
            return "caught"
        return "nothing came"

    close_entry(guarded)
    code = bytes(guarded.__code__.co_code)
    close_entry(guarded)
    assert guarded.__code__.co_code == code, "doing it twice changes nothing"
    assert guarded(ValueError) == "nothing came"
    assert type(guarded) is types.FunctionType


class Loop:
    """The part of the kernel's event loop that the pulse needs."""

    def add_callback(self, *_: object) -> None:
        return None


@pytest.mark.parametrize("error", [KeyError("of the probe's"), KeyboardInterrupt(), TimeoutError("slow")])
def test_the_pulse_passes_on_exceptions_that_are_not_its_own(error: BaseException) -> None:
    walk_all = compile_as_probe("def go(_):\n    raise error", error=error)
    look: Any = types.SimpleNamespace(walks=types.SimpleNamespace(walk_all=walk_all))
    names: Any = None
    pulse = Pulse(Loop(), look, names, lambda _: None, lambda: True)
    pulse._run = 1, -1_000.0
    armed = pulse._armed = object()
    if isinstance(error, KeyError):
        pulse._beat(armed)
        assert pulse.failures == 1
    else:
        with pytest.raises(type(error)):
            pulse._beat(armed)
        assert pulse.failures == 0
    assert pulse._armed not in (None, armed), "it looks again"
