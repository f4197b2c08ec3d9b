"""What the kernel is asked, as one expression: the probe is read as text, sent, and never imported here."""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import os
import zlib
from functools import cache
from importlib.resources import files

from msgspec import Struct, to_builtins

from kernelscope import __version__
from kernelscope.libraries.registry import LibraryRegistry, registry
from kernelscope.protocol.wire import WIRE, Greeting
from kernelscope.system import machine_mark, start_mark

FRESH_S = 10.0
"""Seconds, by the kernel's own clock, within which it must read an attach after its greeting."""

SHARED_MODULES = ("cellcode.syntax", "cellcode.magics", "cellcode.control")
"""What reads the form of cells there as it does here, by its name in kernelscope."""

PROBE_MODULES = (
    "tables",
    "types",
    "identity",
    "interrupts",
    "budget",
    "tensors",
    "library",
    "fingerprints",
    "texts",
    "values",
    "names",
    "containers",
    "structure",
    "walk",
    "parts",
    "tracked",
    "marks",
    "content",
    "describer",
    "rotation",
    "sight",
    "in_sight",
    "global_walks",
    "name_table",
    "postponed",
    "mentions",
    "newcomers",
    "scanner",
    "standins",
    "lookups",
    "resolve",
    "arguments",
    "frame",
    "sources",
    "persistence",
    "cell_notes",
    "statements",
    "functions",
    "trainers",
    "picklers",
    "methods",
    "calls_in_code",
    "code",
    "arrivals",
    "calls",
    "raised",
    "cost",
    "guard",
    "comm",
    "pulse",
    "poller",
    "keep_alive",
    "processes",
    "lease",
    "history",
    "runs",
    "interlude",
    "observe",
    "hooks",
    "install",
    "kernel_info",
    "agent",
)
"""In the order in which they import one another."""


def kernel_modules() -> tuple[str, ...]:
    """Every module that runs in the kernel, by its name in kernelscope."""
    return (
        *SHARED_MODULES,
        *(f"probe.{name}" for name in PROBE_MODULES),
        *(f"libraries.{library.name}.in_kernel" for library in registry().libraries),
    )


_LONGEST = 64_000_000
"""Characters of an answer: what is packed could be made to unpack to anything."""


def _source(module: str) -> str:
    """The text of a module, by its name in kernelscope."""
    *folders, name = module.split(".")
    return files("kernelscope").joinpath(*folders, f"{name}.py").read_text(encoding="utf-8")


@cache
def _pack(libraries: LibraryRegistry) -> tuple[str, str]:
    """The modules and tables as they are sent, and their checksum."""
    plain = json.dumps(
        {
            "modules": [
                (name, _source(name)) for name in (*SHARED_MODULES, *(f"probe.{n}" for n in PROBE_MODULES))
            ],
            "libraries": [
                (lib.name, f"libraries.{lib.name}.in_kernel", lib.in_kernel()) for lib in libraries.libraries
            ],
            "tables": to_builtins(libraries.kernel_tables),
        }
    ).encode()
    return base64.b64encode(zlib.compress(plain, 9)).decode(), hashlib.sha256(plain).hexdigest()


class ProbeRequest(Struct, frozen=True):
    """What the loader is asked; see ``probe/loader.py``."""

    request: dict[str, object]

    def expression(self, *, note: str = "", token: str = "") -> str:
        """One expression that needs no name in the namespace and leaves none.

        Args:
            note: a file that says that this question waits in the kernel; removed where it holds ``token``.
        """
        run = f"s['exec'](s['compile']({_source('probe.loader')!r}, '<frozen kernelscope>', 'exec', 0, True), s)"
        request = json.dumps({**self.request, "note": note, "token": token})
        return (
            f"(lambda s, q: ({run}, s['_kernelscope'](q))[1])"
            # Not by the name `dict`, which many a notebook gives to something else.
            f"({{**__import__('builtins').__dict__}}, {request!r})"
        )


# fault: 11b
GREETING = ProbeRequest({"do": "greet"})
"""Who is there: puts nothing in."""
DETACH = ProbeRequest({"do": "detach"})
"""Uninstalls the probe, even if another kernelscope installed it."""


def look_inside() -> ProbeRequest:
    """What the kernel looks like from inside: puts nothing in."""
    return ProbeRequest({"do": "audit", "source": _source("probe.audit")})


def attach(
    watcher: str,
    greeting: Greeting,
    *,
    keep: float = 0.0,
    poll: float | None = None,
    visits: bool = False,
) -> ProbeRequest:
    """Installs the probe, or joins the one that is installed.

    Args:
        watcher: names this watcher; its lease hangs on this very process.
        greeting: the kernel's answer to ours, just now.  If the kernel is another process by then, or it
            is much later, the loader installs nothing: the sender may have left.
        keep: seconds for which the probe stays after the last watcher has left.
        poll: seconds between looks while no cell runs; ``None`` for none.
        visits: only asks what is known; a probe without another watcher leaves at once.
    """
    sources, checksum = _pack(registry())
    pid = os.getpid()
    return ProbeRequest(
        {
            "do": "attach",
            "session": greeting.session,
            "until": greeting.clock + FRESH_S,
            "wire": WIRE,
            "version": __version__,
            "checksum": checksum,
            "sources": sources,
            "watcher": watcher,
            "pid": pid,
            "process_started": start_mark(pid),
            "machine": machine_mark(),
            "keep": keep,
            "poll": poll,
            "visits": visits,
        }
    )


def value_of(user_expression: object) -> str | None:
    """The text that an expression of ours evaluated to; ``None`` where the kernel gave no value."""
    if not isinstance(user_expression, dict) or user_expression.get("status") != "ok":
        return None
    data = user_expression.get("data")
    shown = data.get("text/plain") if isinstance(data, dict) else None
    try:
        value = ast.literal_eval(shown) if isinstance(shown, str) else None
        return _unpack(value) if isinstance(value, str) else None
    except (ValueError, SyntaxError, MemoryError, RecursionError, zlib.error):
        return None


def _unpack(text: str) -> str:
    """What the loader packed because it was long."""
    if not text.startswith("z"):
        return text
    return zlib.decompressobj().decompress(base64.b64decode(text[1:]), _LONGEST).decode()
