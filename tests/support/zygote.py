"""Starts `kernelscope` and kernels as forks of a parent that has imported what they need.

The parent reads a line of JSON per process from standard input and prints its process id.  It ignores how
they end.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

SKLEARN = ("sklearn.ensemble", "sklearn.linear_model", "sklearn.model_selection", "sklearn.pipeline")
"""Importing these imports nearly everything of scikit-learn that notebooks use."""
_ROOT = Path(__file__).parents[2]
_FORKED = Path(__file__).with_name("forked.py")
_PADDING = "-" * 8_192
"""Makes room for the command lines of kernels."""


def serve() -> None:
    """Fork processes until standard input ends."""
    import kernelscope.export.lines
    import kernelscope.kernel.discovery
    import kernelscope.kernel.live_source
    import kernelscope.session  # noqa: F401 - so that no child has to
    from kernelscope.cli import main

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            for file, path in ((1, request["out"]), (2, request["err"])):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), file)
            os.chdir(request["folder"])
            os.environ.clear()
            os.environ.update(request["env"])
            main(request["arguments"])
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


class Forked:
    """A process that is not our child, with the part of ``Popen`` that tests need."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._file = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """Return 0 if it has ended, in whatever way, else ``None``."""
        return self.wait(0)

    def wait(self, seconds: float | None = None) -> int | None:
        """Wait until it has ended; returns ``None`` if it has not in that time."""
        if self._file >= 0:
            if not select.select([self._file], [], [], seconds)[0]:
                return None
            os.close(self._file)
            self._file = -1
        return 0

    def kill(self) -> None:
        """Send SIGKILL."""
        self._send(signal.SIGKILL)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._send(signal.SIGTERM)

    def _send(self, number: signal.Signals) -> None:
        if self._file >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._file, number)


class Parent:
    """A process that forks others on request."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=env,
        )

    def fork(self, **request: Any) -> int:
        """Fork a process; returns its id."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(request) + "\n")
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


class Zygote(Parent):
    """The parent of `kernelscope` processes."""

    def __init__(self) -> None:
        super().__init__([sys.executable, "-m", "tests.support.zygote"])

    def start(self, out: Path, *arguments: str, err: Path = Path(os.devnull)) -> int:
        """Start `kernelscope` in the current folder and environment; its output is appended to the files."""
        files = {"out": str(out), "err": str(err), "folder": str(Path.cwd())}
        return self.fork(arguments=arguments, env=dict(os.environ), **files)


class Nursery(Parent):
    """The parent of kernels, in one interpreter.

    Args:
        python: the interpreter.
        modules: what the kernels have already imported.
    """

    def __init__(self, python: str, modules: Sequence[str]) -> None:
        env = {**os.environ, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
        super().__init__([python, str(_FORKED), *modules, "--", _PADDING], env)

    def start(self, connection_file: Path, log: Path, env: Mapping[str, str]) -> Forked:
        """Start a kernel in the folder of its connection file."""
        paths = {"connection_file": str(connection_file), "folder": str(connection_file.parent)}
        return Forked(self.fork(**paths, log=str(log), env=dict(env)))


@cache
def nursery(python: str, modules: tuple[str, ...] = SKLEARN) -> Nursery:
    """Return this process's only nursery of that kind; it ends with this process."""
    return Nursery(python, modules)


if __name__ == "__main__":
    serve()
