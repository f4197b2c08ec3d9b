"""What can go wrong, drawn once.

::

    KernelscopeError                 title, what to do next, exit code
    ├── UnknownNameError        1    a name that held no model, or not then
    ├── UsageError              2    the command line does not make sense
    ├── KernelError             3    no kernel, or it cannot be attached to
    │   ├── ConnectionFileError      the connection file cannot be used
    │   ├── NoKernelError            nothing to attach to, or too much to choose from
    │   ├── UnreachableError         nobody answers at the ports in the file
    │   ├── KeyMismatchError         somebody answers, but the key is not theirs
    │   ├── UnsupportedKernelError   not an IPython kernel, or one that is too old
    │   ├── ProbeError               the kernel answered, the probe could not be put in
    │   └── UnsupportedSystemError   kernelscope has not been tried on this operating system
    ├── TimedOutError           4    a limit that the user gave ran out
    ├── RecordingError          5    a recording that cannot be written or opened
    └── ExportError             5    an export file that cannot be written
"""

from __future__ import annotations


class KernelscopeError(Exception):
    """The base of every error that a user is told about.

    Args:
        title: what is wrong, one line, for a person.
        hint: what to do next; may be empty.
    """

    exit_code = 1

    def __init__(self, title: str, hint: str = "") -> None:
        super().__init__(title)
        self.title = title
        self.hint = hint


class UnknownNameError(KernelscopeError):
    """Nothing is known of the name that was asked for, or not of that time."""


class UsageError(KernelscopeError):
    """The command line does not make sense."""

    exit_code = 2


class KernelError(KernelscopeError):
    """No kernel, or it cannot be attached to."""

    exit_code = 3


class ConnectionFileError(KernelError):
    """The connection file is missing, unreadable, malformed or cannot be trusted."""


class NoKernelError(KernelError):
    """No kernel matches, or more than one does."""


class UnreachableError(KernelError):
    """Nobody answers at the ports in the connection file, or not any more."""


class KeyMismatchError(KernelError):
    """The kernel is there and does not sign with the key in the file."""


class UnsupportedKernelError(KernelError):
    """The kernel is no IPython kernel, or one that is too old."""


class ProbeError(KernelError):
    """The kernel answered, and the probe could not be put in."""


class UnsupportedSystemError(KernelError):
    """kernelscope has not been tried on this operating system, and might harm a kernel there."""


class TimedOutError(KernelscopeError):
    """A time limit that the user gave ran out."""

    exit_code = 4


class RecordingError(KernelscopeError):
    """A recording that cannot be written, or a file that is none that can be opened."""

    exit_code = 5


class ExportError(KernelscopeError):
    """The export file cannot be written."""

    exit_code = 5
