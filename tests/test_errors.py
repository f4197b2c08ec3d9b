"""Tests the tree of errors."""

from __future__ import annotations

import pytest

from kernelscope import errors
from kernelscope.errors import KernelError, KernelscopeError, TimedOutError, UsageError


def with_subclasses(cls: type[KernelscopeError]) -> list[type[KernelscopeError]]:
    return [
        cls,
        *(
            each
            for below in cls.__subclasses__()
            if below.__module__ == errors.__name__
            for each in with_subclasses(below)
        ),
    ]


@pytest.mark.parametrize("cls", with_subclasses(KernelscopeError))
def test_given_any_error_when_raised_then_it_has_title_hint_and_text(
    cls: type[KernelscopeError],
) -> None:
    error = cls("no kernel", "start one")

    assert (error.title, error.hint, str(error)) == ("no kernel", "start one", "no kernel")
    assert cls("no kernel").hint == ""


@pytest.mark.parametrize("cls", with_subclasses(KernelError))
def test_given_any_error_of_a_kernel_when_it_ends_the_program_then_the_status_is_3(
    cls: type[KernelError],
) -> None:
    assert cls.exit_code == 3


def test_given_the_other_errors_when_they_end_the_program_then_each_has_its_status() -> None:
    assert (UsageError.exit_code, TimedOutError.exit_code, KernelscopeError.exit_code) == (2, 4, 1)


def test_the_diagram_in_the_docstring_is_the_tree() -> None:
    drawn = errors.__doc__ or ""

    assert [cls.__name__ for cls in with_subclasses(KernelscopeError) if cls.__name__ not in drawn] == []
    for cls in with_subclasses(KernelscopeError):
        assert cls.__doc__


def test_every_error_of_ours_has_the_one_base() -> None:
    ours = [c for c in vars(errors).values() if isinstance(c, type) and c.__module__ == errors.__name__]

    assert ours
    assert all(issubclass(c, KernelscopeError) for c in ours)
