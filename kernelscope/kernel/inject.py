"""The probe as one expression: read as text, sent, and never imported here."""

from __future__ import annotations

import ast
import base64
import contextlib
import hashlib
import json
import os
import zlib
from functools import cache
from importlib.resources import files
from pathlib import Path

from kernelscope import __version__
from kernelscope.kernel.processes import start_mark

# In the order in which they import one another.
_MODULES = (
    "",
    "types",
    "identity",
    "budget",
    "tensors",
    "values",
    "frameworks",
    "look",
    "syntax",
    "resolve",
    "sources",
    "persistence",
    "code",
    "calls",
    "cost",
    "pulse",
    "poller",
    "agent",
)


_LONGEST = 64_000_000
"""Characters of an answer: what is packed could be made to unpack to anything."""


@cache
def _sources() -> tuple[tuple[str, str], ...]:
    return tuple((name, _source(name or "__init__")) for name in _MODULES)


def _source(module: str) -> str:
    return (files("kernelscope") / "probe" / f"{module}.py").read_text(encoding="utf-8")


@cache
def _packed() -> tuple[str, str]:
    """The modules as they are sent, and their checksum."""
    plain = json.dumps(_sources()).encode()
    return base64.b64encode(zlib.compress(plain, 9)).decode(), hashlib.sha256(plain).hexdigest()


def attach_expression(watcher: str, *, keep: float = 0.0, poll: float | None = None) -> str:
    """An expression that puts the probe in, or joins the one that is there.

    Args:
        watcher: names this watcher; its lease hangs on this very process.
        keep: seconds for which the probe stays after the last watcher has left.
        poll: seconds between looks while no cell runs; ``None`` for none.
    """
    sources, checksum = _packed()
    pid = os.getpid()
    return _expression(
        {
            "do": "attach",
            "version": __version__,
            "checksum": checksum,
            "sources": sources,
            "watcher": watcher,
            "pid": pid,
            "process_started": start_mark(pid),
            "machine": machine_mark(),
            "keep": keep,
            "poll": poll,
        }
    )


def machine_mark() -> str:
    """What tells one machine, and one space of process ids on it, from another, as ``machine_mark`` in
    the probe's agent reads it."""
    marks = [os.uname().nodename if hasattr(os, "uname") else ""]
    with contextlib.suppress(OSError):
        marks.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
        marks.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(marks)


def detach_expression() -> str:
    """An expression that takes the probe out, whoever put it in."""
    return _expression({"do": "detach"})


def audit_expression() -> str:
    """An expression that tells what the kernel looks like from inside, and installs nothing."""
    return _expression({"do": "audit", "source": _source("audit")})


def _expression(request: dict[str, object]) -> str:
    """One expression that needs no name in the namespace and leaves none."""
    run = f"s['exec'](s['compile']({_source('loader')!r}, '<kernelscope>', 'exec', 0, True), s)"
    return (
        f"(lambda s, q: ({run}, s['_kernelscope'](q))[1])"
        # Not by the name `dict`, which many a notebook gives to something else.
        f"({{**__import__('builtins').__dict__}}, {json.dumps(request)!r})"
    )


def value_of(user_expression: object) -> str | None:
    """The text that an expression of ours evaluated to; ``None`` where the kernel gave no value."""
    if not isinstance(user_expression, dict) or user_expression.get("status") != "ok":
        return None
    data = user_expression.get("data")
    shown = data.get("text/plain") if isinstance(data, dict) else None
    try:
        value = ast.literal_eval(shown) if isinstance(shown, str) else None
        return _unpacked(value) if isinstance(value, str) else None
    except (ValueError, SyntaxError, MemoryError, RecursionError, zlib.error):
        return None


def _unpacked(text: str) -> str:
    """What the loader packed because it was long."""
    if not text.startswith("z"):
        return text
    return zlib.decompressobj().decompress(base64.b64decode(text[1:]), _LONGEST).decode()
