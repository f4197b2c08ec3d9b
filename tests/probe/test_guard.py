"""Nothing leaves a callback of the probe, and nothing of the user's is lost in one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kernelscope.probe import guard as module
from kernelscope.probe.guard import MOST_FAILURES, FailureGuard, guarded
from kernelscope.probe.interrupts import Interrupts


def raises(error: BaseException) -> Callable[..., Any]:
    """A function of the probe, by its file name, that raises an exception."""

    def function(*_: object) -> None:
        raise error

    function.__code__ = function.__code__.replace(co_filename=module.__file__)
    return function


def _of_the_probe(_owner: Any, error: BaseException) -> None:
    raise error


_of_the_probe.__code__ = _of_the_probe.__code__.replace(co_filename=module.__file__)


class Owner:
    """Has a callback that raises what it is called with."""

    def __init__(self) -> None:
        self.given_up: list[BaseException] = []
        self.guard = FailureGuard(Interrupts({}), self.given_up.append)

    callback = guarded(_of_the_probe)


@pytest.fixture
def owner() -> Owner:
    return Owner()


def test_a_failure_of_the_probe_is_counted(owner: Owner) -> None:
    owner.callback(ZeroDivisionError("of the probe's"))
    assert owner.guard.failures == 1
    assert owner.given_up == []
    assert owner.guard.interrupts._pending is None


def test_the_probe_gives_up_after_three(owner: Owner) -> None:
    errors = [ZeroDivisionError(str(number)) for number in range(MOST_FAILURES)]
    for error in errors:
        owner.callback(error)
    assert owner.given_up == [errors[-1]]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(), TimeoutError("slow")])
def test_an_exception_of_the_user_s_is_kept_and_no_failure(owner: Owner, error: BaseException) -> None:
    owner.callback(error)
    assert owner.guard.failures == 0
    assert owner.guard.interrupts._pending is not None
    assert owner.guard.interrupts._pending.error is error


def test_what_falls_into_the_handling_stays_inside_and_is_kept_if_it_is_the_user_s(owner: Owner) -> None:
    owner.guard.handle = raises(ZeroDivisionError("of the probe's"))  # type: ignore[method-assign]
    owner.callback(ValueError("first"))
    stop = KeyboardInterrupt()
    owner.guard.handle = raises(stop)  # type: ignore[method-assign]
    owner.callback(ValueError("first"))
    assert owner.guard.interrupts._pending is not None
    assert owner.guard.interrupts._pending.error is stop


def test_a_third_exception_stays_inside_as_well(owner: Owner) -> None:
    owner.guard.handle = raises(KeyboardInterrupt())  # type: ignore[method-assign]
    owner.guard.interrupts.keep = raises(SystemExit())  # type: ignore[method-assign]
    owner.callback(ValueError("first"))
