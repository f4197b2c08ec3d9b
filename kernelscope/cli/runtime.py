"""Runs a command's work: the event loop, its signals, and messages on standard error."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kernelscope.errors import KernelscopeError
from kernelscope.system import on_end_signals
from kernelscope.text import clean_block

if TYPE_CHECKING:
    from kernelscope.tui.base_app import BaseApp

T = TypeVar("T")

NO = 1
"""The exit status for: the answer is no."""


def run(work: Coroutine[Any, Any, T]) -> T:
    """Runs the work to its end; SIGTERM and SIGHUP end it as Ctrl-C does, so that the probe leaves the kernel."""

    import asyncio

    async def with_signals() -> T:
        task = asyncio.ensure_future(work)
        on_end_signals(asyncio.get_running_loop(), task.cancel)
        return await task

    try:
        return asyncio.run(with_signals())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def run_app(app: BaseApp[T]) -> T | None:
    """Shows a screen and returns the user's answer; an app that fails ends the command."""
    answer = app.run()
    if app.failure is not None:
        error = app.failure
        # fault: 73f
        raise KernelscopeError(
            f"kernelscope hit an internal error: {type(error).__name__}: {error}"
        ) from error
    if app.return_code:
        raise SystemExit(app.return_code)
    return answer


def print_message(text: str) -> None:
    """Prints to standard error; makes text from a kernel or a file name harmless."""
    click.echo(clean_block(f"kernelscope: {text}"), err=True)


def warn_about_polling(poll: float | None) -> None:
    """Says what looking between runs costs the kernel, before it begins."""
    if poll is not None:
        print_message(
            f"a thread in the kernel will look every {poll:g} s between runs: about half a "
            "millisecond each with ten models, 50 ms at most. What it finds counts as activity of the kernel, "
            "so a server that culls idle kernels may keep it."
        )
