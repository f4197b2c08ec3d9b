"""Kernels at the price of a fork: run by each interpreter that kernels are to be started in.

``python forked.py MODULE... -- PADDING`` imports what every ipykernel imports by itself, and the modules that
it is told.  Then it reads a line of JSON per kernel from standard input (``connection_file``, ``folder``,
``log``, ``env``), and answers with its process id.  Each is a process of its own with a command line of its
own, by which kernelscope finds it; it differs from one that was started anew in what is imported already.
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
    """Until standard input ends."""
    given = set(os.environ)
    for name in (*OWN, *modules):
        with suppress(ImportError):
            importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they ended
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            for name in given.difference(asked["env"]):  # not what the imports have set
                del os.environ[name]
            become(asked)
            return
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def become(asked: dict[str, Any]) -> None:
    """The kernel that is asked for, until that ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.chdir(asked["folder"])
    os.environ.update(asked["env"])
    log = os.open(asked["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for end, file in ((os.open(os.devnull, os.O_RDONLY), 0), (log, 1), (log, 2)):
        os.dup2(end, file)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - what was read ahead of the old one is for others
    sys.argv = ["ipykernel_launcher", "-f", asked["connection_file"]]
    rewrite_command_line([sys.executable, "-m", *sys.argv])
    kernelapp = importlib.import_module("ipykernel.kernelapp")
    kernelapp.launch_new_instance()


def rewrite_command_line(arguments: list[str]) -> None:
    """What others read in ``/proc``: it lies in this process's own memory, and the padding makes room."""
    fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    begin, end = int(fields[45]), int(fields[46])
    text = "\0".join(arguments).encode()
    if len(text) >= end - begin:
        raise ValueError("the padding is too short for the command line")
    ctypes.memmove(begin, text.ljust(end - begin, b"\0"), end - begin)


if __name__ == "__main__":
    del sys.path[0]  # the folder of this file is no place for a kernel to import from
    serve(sys.argv[1 : sys.argv.index("--")])
