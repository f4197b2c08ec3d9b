"""Real `kernelscope` processes, started at the price of a fork.

Reads a line of JSON per process from standard input, `[file for its output, argument, …]`, and answers
with its process id.  Nobody needs to ask how they ended.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self


def serve() -> None:
    """Until standard input ends."""
    import kernelscope.export.lines
    import kernelscope.kernel.discovery
    import kernelscope.kernel.live
    import kernelscope.session  # noqa: F401 - so that no child has to
    from kernelscope.cli import main

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        out, *arguments = json.loads(line)
        pid = os.fork()
        if pid == 0:
            os.dup2(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 1)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            main(arguments)
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


class Zygote:
    """The parent of such processes."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.zygote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def start(self, out: Path, *arguments: str) -> int:
        """Another process; what it prints is added to the file."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps([str(out), *arguments]) + "\n")
        stdin.flush()
        return int(stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait()


if __name__ == "__main__":
    serve()
