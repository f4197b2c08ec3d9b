"""Real processes, started at the price of a fork: `kernelscope` itself, and kernels.

The parent that has imported what each of them needs reads a line of JSON per process from standard input,
and answers with its process id.  Nobody needs to ask how they ended.
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
"""What imports nearly all of it that notebooks use."""
_ROOT = Path(__file__).parents[2]
_FORKED = Path(__file__).with_name("forked.py")
_PADDING = "-" * 8_192
"""Room for the command lines of kernels."""


def serve() -> None:
    """Until standard input ends."""
    import kernelscope.export.lines
    import kernelscope.kernel.discovery
    import kernelscope.kernel.live_source
    import kernelscope.session  # noqa: F401 - so that no child has to
    from kernelscope.cli import main

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            for file, path in ((1, asked["out"]), (2, asked["err"])):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), file)
            os.chdir(asked["folder"])
            os.environ.clear()
            os.environ.update(asked["env"])
            main(asked["arguments"])
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


class Forked:
    """A process that is no child of ours; as far as a ``Popen`` is needed of it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._file = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """Whether it has ended: then 0, however that was."""
        return self.wait(0)

    def wait(self, seconds: float | None = None) -> int | None:
        """Until it has ended; ``None`` where it has not in that time."""
        if self._file >= 0:
            if not select.select([self._file], [], [], seconds)[0]:
                return None
            os.close(self._file)
            self._file = -1
        return 0

    def kill(self) -> None:
        """SIGKILL."""
        self._send(signal.SIGKILL)

    def terminate(self) -> None:
        """SIGTERM."""
        self._send(signal.SIGTERM)

    def _send(self, number: signal.Signals) -> None:
        if self._file >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._file, number)


class Parent:
    """A process that forks others, as it is asked."""

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

    def fork(self, **asked: Any) -> int:
        """Another process."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(asked) + "\n")
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
        """Another process, as if we had started it; what it prints is added to the files."""
        files = {"out": str(out), "err": str(err), "folder": str(Path.cwd())}
        return self.fork(arguments=arguments, env=dict(os.environ), **files)


class Nursery(Parent):
    """The parent of kernels, in one interpreter.

    Args:
        python: the interpreter.
        modules: what is imported in them already.
    """

    def __init__(self, python: str, modules: Sequence[str]) -> None:
        env = {**os.environ, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
        super().__init__([python, str(_FORKED), *modules, "--", _PADDING], env)

    def start(self, connection_file: Path, log: Path, env: Mapping[str, str]) -> Forked:
        """Another kernel, at work in the folder of its connection file."""
        told = {"connection_file": str(connection_file), "folder": str(connection_file.parent)}
        return Forked(self.fork(**told, log=str(log), env=dict(env)))


@cache
def nursery(python: str, modules: tuple[str, ...] = SKLEARN) -> Nursery:
    """The one that this process has of them; it ends with this process."""
    return Nursery(python, modules)


if __name__ == "__main__":
    serve()
