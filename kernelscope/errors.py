"""The errors that a user sees, each with a title, a next step and an exit code.

::

    KernelscopeError
    ├── UnknownNameError        1    no model had this name, or not at that time
    ├── UsageError              2    the command line is wrong
    ├── KernelError             3    no kernel, or it cannot be attached to
    │   ├── ConnectionFileError      the connection file cannot be used
    │   ├── NoKernelError            no kernel matches, or several do
    │   ├── UnreachableError         no kernel answers at the ports in the file
    │   ├── KeyMismatchError         a kernel answers with another key
    │   ├── UnsupportedKernelError   not an IPython kernel, or one that is too old
    │   ├── ProbeError               the kernel answers, the probe could not be installed
    │   └── UnsupportedSystemError   kernelscope has not been tried on this operating system
    ├── TimedOutError           4    a limit that the user set ran out
    ├── RecordingError          5    a recording cannot be written or opened
    └── ExportError             5    an export file cannot be written
"""

from __future__ import annotations


class KernelscopeError(Exception):
    """The base of every error that is shown to a user.

    Args:
        title: what is wrong, in one line.
        hint: what to do next; may be empty.
    """

    exit_code = 1

    def __init__(self, title: str, hint: str = "") -> None:
        super().__init__(title)
        self.title = title
        self.hint = hint


class UnknownNameError(KernelscopeError):
    """No model had this name, or not at the time in question."""


class UsageError(KernelscopeError):
    """The command line is wrong."""

    exit_code = 2


class KernelError(KernelscopeError):
    """There is no kernel, or it cannot be attached to."""

    exit_code = 3


class ConnectionFileError(KernelError):
    """The connection file is missing, unreadable, malformed or not to be trusted."""


class NoKernelError(KernelError):
    """No kernel matches, or more than one does."""


class UnreachableError(KernelError):
    """No kernel answers at the ports in the connection file, or none does any longer."""


class KeyMismatchError(KernelError):
    """The kernel answers, but does not sign with the key in the file."""


class UnsupportedKernelError(KernelError):
    """The kernel is not an IPython kernel, or is too old."""


class ProbeError(KernelError):
    """The kernel answers, but the probe could not be installed or is gone."""


class UnsupportedSystemError(KernelError):
    """kernelscope has not been tried on this operating system, and might harm a kernel there."""


class TimedOutError(KernelscopeError):
    """A time limit that the user set ran out."""

    exit_code = 4


class RecordingError(KernelscopeError):
    """A recording cannot be written, or the file is not a recording that can be opened."""

    exit_code = 5


class ExportError(KernelscopeError):
    """The export file cannot be written."""

    exit_code = 5
