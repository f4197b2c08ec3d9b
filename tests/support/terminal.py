"""A terminal for tests: runs a command on a pseudo-terminal and draws its output as a terminal would.

Every byte is parsed as text, a control sequence or a bare control character.  ``strange`` lists those
that Textual has no reason to send.
"""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from wcwidth import wcwidth

LONG = 120.0

_TOKEN = re.compile(
    r"\x1b\[(?P<csi>[0-?]*[ -/]*[@-~])"
    r"|\x1b\](?P<osc>[^\x07\x1b]*)(?:\x07|\x1b\\)"
    r"|\x1b(?P<esc>[^\[\]])"
    r"|(?P<control>[\x00-\x1f\x7f-\x9f])"
    r"|(?P<text>[^\x00-\x1f\x7f-\x9f]+)"
)
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*\x1b?)?$")
_MODES = "7|25|1000|1003|1004|1006|1015|1049|2004|2026|2048"
_TEXTUALS = re.compile(
    rf"\d+;\d+H|[\d;]*m|\?(?:{_MODES})[hl]|\?20(?:26|48)\$p|>\d+u|<u"  # screen, colours, modes, keys
)
_TEXTUALS_OSC = re.compile(r"22;\w+|52;c;[A-Za-z0-9+/=]*")
"""The pointer's shape, and the clipboard, base64."""
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

_ON_ITS_OWN_TERMINAL = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


def _plain_environment() -> dict[str, str]:
    """Return the environment without the variables that override what the terminal itself reports."""
    return {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}


class Terminal:
    """A command on a terminal of its own, in a session of its own.

    Args:
        command: arguments of this Python, ``-m kernelscope …``.
        size: columns and lines.
        controlling: whether a signal informs the command that the terminal was closed.
        env: variables on top of the test's own environment.
    """

    def __init__(
        self,
        *command: str,
        size: tuple[int, int] = (120, 36),
        env: dict[str, str] | None = None,
        cwd: Path | None = None,
        controlling: bool = True,
    ) -> None:
        self.columns, self.rows = size
        self.cells = [[" "] * self.columns for _ in range(self.rows)]
        self.modes: set[str] = {"7", "25"}
        """Private modes that are on: 25 shows the cursor, 1049 is the alternate screen."""
        self.strange: list[str] = []
        """What kernelscope's screens must never send."""
        self.clipboard: list[str] = []
        self.shapes: set[str] = set()
        """The kinds of control sequences received, without their numbers."""
        self.printed = ""
        """All text received, in order."""
        self.closed = False
        self._row = self._column = 0
        self._decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
        self._rest = ""
        self._master, slave = pty.openpty()
        self.before = termios.tcgetattr(slave)
        self._size(size)
        os.set_blocking(self._master, False)
        self._slave = (
            slave  # kept open, so that the terminal's settings can be read after the command has ended
        )
        self.process = subprocess.Popen(
            [
                *([sys.executable, "-c", _ON_ITS_OWN_TERMINAL] if controlling else []),
                sys.executable,
                *command,
            ],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            cwd=cwd,
            env={**_plain_environment(), "TERM": "xterm-256color", "COLORTERM": "truecolor", **(env or {})},
        )

    # What the user does.

    def press(self, keys: str) -> None:
        """Send keys as a terminal would."""
        os.write(self._master, keys.encode(errors="surrogateescape"))

    def resize(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.cells = [[" "] * columns for _ in range(rows)]
        self._size((columns, rows))

    def hang_up(self) -> None:
        """Close the window."""
        self.closed = True
        os.close(self._slave)
        os.close(self._master)

    # What the user sees.

    def wait_until(self, fact: Callable[[Terminal], object], seconds: float = LONG) -> None:
        """Read output until the fact holds."""
        end = time.monotonic() + seconds
        while not fact(self):
            if time.monotonic() > end:
                raise AssertionError(
                    f"not in {seconds} s; on the screen:\n{self.screen}\n{self.printed[-2_000:]}"
                )
            if not self._read(0.05) and self.process.poll() is not None and not fact(self):
                raise AssertionError(f"it ended with {self.process.returncode}:\n{self.printed[-2_000:]}")

    def wait_until_shown(self, text: str) -> None:
        """Wait until a line of the screen contains this."""
        self.wait_until(lambda t: text in t.screen)

    def wait_until_gone(self, text: str) -> None:
        self.wait_until(lambda t: text not in t.screen)

    def wait_for_output(self, seconds: float = LONG) -> None:
        """Wait for the next output, without reading it."""
        assert select.select([self._master], [], [], seconds)[0], f"no output in {seconds} s"

    def wait_until_quiet(self) -> None:
        """Read until no output comes for a moment."""
        while self._read(0.1):
            pass

    def wait(self, seconds: float = LONG) -> int:
        """Wait for the exit status, and read the remaining output."""
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < end, f"it still runs:\n{self.screen}"
            if not self.closed:
                self._read(0.02)
            else:
                select.select([], [], [], 0.02)
        while not self.closed and self._read(0):
            pass
        return self.process.returncode

    @property
    def screen(self) -> str:
        """The text on the screen, line by line."""
        return "\n".join("".join(row) for row in self.cells)

    @property
    def lines(self) -> Sequence[str]:
        return self.screen.split("\n")

    @property
    def restored(self) -> bool:
        """Whether the modes and the input settings of the terminal are as they were before."""
        return self.modes == {"7", "25"} and termios.tcgetattr(self._slave)[:4] == self.before[:4]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if not self.closed:
            self.hang_up()

    # What the terminal does.

    def _size(self, size: tuple[int, int]) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))

    def _read(self, seconds: float) -> bool:
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        try:
            output = os.read(self._master, 1 << 16)
        except OSError:  # no process has it open any more
            return False
        self._feed(self._decode(output))
        return bool(output)

    def _feed(self, text: str) -> None:
        text = self._rest + text
        cut = _UNFINISHED.search(text)
        self._rest = text[cut.start() :] if cut else ""
        place, end = 0, cut.start() if cut else len(text)
        while place < end:
            match = _TOKEN.match(text, place, end)
            if match is None:  # an escape that begins no sequence
                self.strange.append(repr(text[place : place + 20]))
                place += 1
                continue
            place = match.end()
            self._token(match)

    def _token(self, match: re.Match[str]) -> None:
        kind, sequence = str(match.lastgroup), match.group()
        body = match[kind]
        if kind == "text":
            self._print(body)
            return
        self.shapes.add(re.sub(r"\d+", "N", sequence if kind != "osc" else "\x1b]" + body[:2]))
        known = {
            "csi": bool(_TEXTUALS.fullmatch(body)),
            "osc": bool(_TEXTUALS_OSC.fullmatch(body)),
            "esc": False,
            "control": body in "\r\n",
        }[kind]
        if not known:
            self.strange.append(repr(sequence))
        elif kind == "control":
            self._column = 0
            self._row += body == "\n"
        elif kind == "osc":
            self.clipboard += [body.split(";")[2]] if body.startswith("52") else []
        elif body.endswith("H"):
            self._row, self._column = (int(n) - 1 for n in body[:-1].split(";"))
        elif body[0] == "?" and body[-1] in "hl":
            (self.modes.add if body[-1] == "h" else self.modes.discard)(body[1:-1])

    def _print(self, text: str) -> None:
        self.printed += text
        for char in text:
            if unicodedata.category(char) in _HIDDEN:
                self.strange.append(repr(char))
            width = wcwidth(char)
            if 0 <= self._row < self.rows and self._column < self.columns:
                row = self.cells[self._row]
                if width == 0 and self._column:
                    row[self._column - 1] += char
                elif width > 0:
                    row[self._column] = char
                    row[self._column + 1 : self._column + width] = [""] * min(
                        width - 1, self.columns - self._column - 1
                    )
            self._column += max(0, width)
