"""Lists the recordings in the working directory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from kernelscope.tui.commands.base import bindings
from kernelscope.tui.commands.other_screens import RECORDINGS
from kernelscope.tui.screens.lists import ListScreen, make_list
from kernelscope.tui.state.spans import Span, line
from kernelscope.tui.views.kernel_lines import no_recordings_lines, recording_line
from kernelscope.tui.widgets.text import TextPane

if TYPE_CHECKING:
    from textual.binding import BindingType
    from textual.widget import Widget


class RecordingsScreen(ListScreen[Path | None]):
    """Returns the file, or ``None`` if the reader went back.

    Args:
        now: seconds since the Unix epoch, to show how old each recording is.
    """

    COMMANDS_HERE = RECORDINGS
    BINDINGS: ClassVar[list[BindingType]] = bindings("recordings", RECORDINGS)

    def __init__(self, now: float) -> None:
        super().__init__(id="recordings")
        self._now = now
        self._files = _newest_first(Path())

    def body(self) -> Sequence[Widget]:
        """Title, notice and list: see ``CommandScreen``."""
        return (
            TextPane(line(Span(" Open a recording in this folder", "strong")), id="cells-title"),
            TextPane(id="empty"),
            make_list(),
        )

    def refresh_view(self) -> None:
        """List the recordings, or say how to make one."""
        room = max(40, self.size.width - 6)
        self.fill([recording_line(path.name, size, self._now - at, room) for path, size, at in self._files])
        empty = self.query_one("#empty", TextPane)
        empty.display = not self._files
        empty.show_lines(no_recordings_lines())

    def open_line(self) -> None:
        """Return the highlighted recording."""
        place = self.list.highlighted
        if place is not None and place < len(self._files):
            self.dismiss(self._files[place][0])

    async def go_back(self) -> None:
        """Return without a recording."""
        self.dismiss(None)


def _newest_first(folder: Path) -> list[tuple[Path, int, float]]:
    """Recordings, each with its size in bytes and the time of its last write."""
    files = []
    try:
        for path in folder.glob("*.kscope"):
            status = path.stat()
            files.append((path, status.st_size, status.st_mtime))
    except OSError:
        pass  # list those that can be read
    return sorted(files, key=lambda file: -file[2])
