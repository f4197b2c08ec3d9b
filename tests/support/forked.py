"""Forks kernels: each interpreter that runs kernels runs this file.

``python forked.py MODULE... -- PADDING`` imports what every ipykernel imports, and these modules.  Then it
reads a line of JSON per kernel from standard input (``connection_file``, ``folder``, ``log``, ``env``) and
prints its process id.  Each kernel is a process with a command line of its own, by which kernelscope finds it;
it differs from a freshly started kernel only in what it has already imported.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

OWN = ("ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.debugger", "debugpy.server.api", "sqlite3")
"""What a kernel imports while it starts."""


def serve(modules: list[str]) -> None:
    """Fork kernels until standard input ends."""
    inherited = set(os.environ)
    for name in (*OWN, *modules):
        with suppress(ImportError):
            importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps them
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            for name in inherited.difference(request["env"]):  # keep what the imports have set
                del os.environ[name]
            become(request)
            return
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def become(request: dict[str, Any]) -> None:
    """Run the requested kernel until it ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.chdir(request["folder"])
    os.environ.update(request["env"])
    log = os.open(request["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for end, file in ((os.open(os.devnull, os.O_RDONLY), 0), (log, 1), (log, 2)):
        os.dup2(end, file)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - the old one has read requests ahead
    sys.argv = ["ipykernel_launcher", "-f", request["connection_file"]]
    rewrite_command_line([sys.executable, "-m", *sys.argv])
    kernelapp = importlib.import_module("ipykernel.kernelapp")
    kernelapp.launch_new_instance()


def rewrite_command_line(arguments: list[str]) -> None:
    """Change the command line in ``/proc``: it is in this process's memory, and the padding makes room."""
    fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    begin, end = int(fields[45]), int(fields[46])
    text = "\0".join(arguments).encode()
    if len(text) >= end - begin:
        raise ValueError("the padding is too short for the command line")
    ctypes.memmove(begin, text.ljust(end - begin, b"\0"), end - begin)


if __name__ == "__main__":
    del sys.path[0]  # a kernel must not import from the folder of this file
    serve(sys.argv[1 : sys.argv.index("--")])
