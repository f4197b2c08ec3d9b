"""The terminal that a command was started from."""

from __future__ import annotations

import os
import sys

from kernelscope.system import open_terminal


def is_interactive() -> bool:
    """Whether a dashboard can be shown and used."""
    return not list_non_terminals()


def list_non_terminals(*, except_stdin: bool = False) -> list[str]:
    """The names of the standard streams that are not terminals; a closed stream is ``None``."""
    streams = {"stdout": sys.stdout, "stderr": sys.stderr}  # Textual draws on these
    if not except_stdin:
        streams = {"stdin": sys.stdin, **streams}
    return [name for name, stream in streams.items() if stream is None or not stream.isatty()]


def has_cursor() -> bool:
    """Whether a dashboard can be drawn on the terminal."""
    # fault: 78a
    return os.environ.get("TERM") not in ("dumb", "unknown")


def read_keys_from_terminal() -> None:
    """Replaces standard input by the terminal, after the pipe with the connection info has ended."""
    with open_terminal() as terminal:
        os.dup2(terminal.fileno(), 0)
