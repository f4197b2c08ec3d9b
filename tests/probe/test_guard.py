"""No failure leaves a callback of the probe, and no exception of the user is lost in one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kernelscope.probe import guard as module
from kernelscope.probe.guard import MOST_FAILURES, FailureGuard, guarded
from kernelscope.probe.interrupts import Interrupts


def raise_in_probe(error: BaseException) -> Callable[..., Any]:
    """Build a function with a file name of the probe that raises an exception."""

    def function(*_: object) -> None:
        raise error

    function.__code__ = function.__code__.replace(co_filename=module.__file__)
    return function


def _of_the_probe(_owner: Any, error: BaseException) -> None:
    raise error


_of_the_probe.__code__ = _of_the_probe.__code__.replace(co_filename=module.__file__)


class Owner:
    """Has a callback that raises its argument."""

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


def test_the_probe_uninstalls_itself_after_three_failures(owner: Owner) -> None:
    errors = [ZeroDivisionError(str(number)) for number in range(MOST_FAILURES)]
    for error in errors:
        owner.callback(error)
    assert owner.given_up == [errors[-1]]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(), TimeoutError("slow")])
def test_an_exception_of_the_user_is_kept_and_is_not_a_failure(owner: Owner, error: BaseException) -> None:
    owner.callback(error)
    assert owner.guard.failures == 0
    assert owner.guard.interrupts._pending is not None
    assert owner.guard.interrupts._pending.error is error


def test_an_exception_during_handling_stays_inside_and_is_kept_if_it_is_the_user_s(owner: Owner) -> None:
    owner.guard.handle = raise_in_probe(ZeroDivisionError("of the probe's"))  # type: ignore[method-assign]
    owner.callback(ValueError("first"))
    stop = KeyboardInterrupt()
    owner.guard.handle = raise_in_probe(stop)  # type: ignore[method-assign]
    owner.callback(ValueError("first"))
    assert owner.guard.interrupts._pending is not None
    assert owner.guard.interrupts._pending.error is stop


def test_a_third_exception_stays_inside_as_well(owner: Owner) -> None:
    owner.guard.handle = raise_in_probe(KeyboardInterrupt())  # type: ignore[method-assign]
    owner.guard.interrupts.keep = raise_in_probe(SystemExit())  # type: ignore[method-assign]
    owner.callback(ValueError("first"))
