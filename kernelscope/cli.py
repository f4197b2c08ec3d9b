"""The command line: parses, builds a source and its listeners, turns errors into exit codes.

What a command needs is imported by that command: `kernelscope --help` must not wait for Textual.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kernelscope import __version__
from kernelscope.errors import KernelscopeError, UsageError

if TYPE_CHECKING:
    from kernelscope.session import Session
    from kernelscope.timeline.timeline import Timeline, Update

INTERRUPTED = 130

CONNECTION_HELP = """CONNECTION is a connection file, its name, a fragment of it, a kernel id, a
notebook's path, or - for the output of %connect_info on standard input; without it, the only live
kernel."""
