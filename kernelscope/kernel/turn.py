"""At most one question of ours waits in a kernel, whoever on this machine asked it.

A question that was sent to a busy kernel waits there until its cell has ended, and cannot be taken
back: also where the kernelscope that asked it has left, and another has come.  So each leaves a note
while it waits: a small file named for the kernel's process, which whoever answers removes (the loader
in the kernel, see ``probe/loader.py``).  As long as it lies there, nobody asks.

Until the question is on its way the note names who is about to ask: where that process was killed first,
nothing waits in the kernel, and its note keeps nobody from asking.
"""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from pathlib import Path

from kernelscope.kernel.places import notes_dir
from kernelscope.kernel.processes import kernel_of
from kernelscope.system import has_ended, start_mark


class Turn:
    """The right to ask one kernel.

    Args:
        connection_file: the kernel's; ``None`` where there is none, for connection info from standard input.
    """

    def __init__(self, connection_file: Path | None) -> None:
        self.token = uuid.uuid4().hex
        """What tells this question's note from another's."""
        self._note = None if connection_file is None else _note_for(connection_file)
        self._asked = False

    @property
    def note(self) -> str:
        """Where the note lies, for whoever answers; empty where there is none."""
        return "" if self._note is None else str(self._note)

    def take(self) -> bool:
        """Whether it is ours now: nobody else's question waits, as far as can be known here."""
        if self._note is None:
            return True
        _forget_the_unasked(self._note)
        try:
            with self._note.open("x", encoding="ascii") as file:
                file.write(f"{self.token} {os.getpid()} {start_mark(os.getpid())}")
        except FileExistsError:
            # fault: 18a
            return False
        except OSError:  # no place for notes: then there are none
            self._note = None
        return True

    def asked(self) -> None:
        """The question is on its way, and waits in the kernel whatever becomes of us.

        Called once time has passed since it was sent: ZMQ hands it over by a thread of its own.
        """
        if self._note is not None and not self._asked:
            self._asked = True
            with suppress(OSError):
                # fault: 18d
                os.truncate(self._note, len(self.token))  # makes none, where it was removed meanwhile

    def overrule(self) -> None:
        """The question that the note tells of does not wait any more."""
        if self._note is not None:
            with suppress(OSError):
                self._note.unlink()

    def give_back(self) -> None:
        """The question was answered, or died with its kernel."""
        with suppress(OSError):
            if self._note is not None and self._note.read_text(encoding="ascii").startswith(self.token):
                self._note.unlink()


def _note_for(connection_file: Path) -> Path | None:
    """``None`` where the kernel's process cannot be told: it runs on another machine."""
    pid = kernel_of(connection_file)
    if pid is None:
        return None
    folder = notes_dir()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _forget_the_dead(folder)
    except OSError:
        return None
    return folder / f"asked-{pid}-{start_mark(pid)}"


def _forget_the_unasked(note: Path) -> None:
    """A note whose writer was killed before its question was on its way."""
    with suppress(OSError, ValueError):
        _, pid, mark = note.read_text(encoding="ascii").split(" ", 2)
        # fault: 18c
        if has_ended(int(pid), mark):
            note.unlink()


def _forget_the_dead(folder: Path) -> None:
    """Notes to kernels that have ended."""
    for note in folder.glob("asked-*-*"):
        _, pid, mark = note.name.split("-", 2)
        if not pid.isdigit() or has_ended(int(pid), mark):
            with suppress(OSError):
                note.unlink()
