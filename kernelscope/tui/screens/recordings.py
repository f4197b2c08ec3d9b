"""Which recording to open, of those in the working directory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from kernelscope.tui.commands.base import bindings
from kernelscope.tui.commands.other_screens import RECORDINGS
from kernelscope.tui.screens.lists import ListScreen, list_widget
from kernelscope.tui.state.spans import Span, line
from kernelscope.tui.views.kernel_lines import no_recordings, recording_line
from kernelscope.tui.widgets.text import TextPane

if TYPE_CHECKING:
    from textual.binding import BindingType
    from textual.widget import Widget


class RecordingsScreen(ListScreen[Path | None]):
    """Gives back the file, or nothing.

    Args:
        now: seconds since the epoch, for telling how old one is.
    """

    COMMANDS_HERE = RECORDINGS
    BINDINGS: ClassVar[list[BindingType]] = bindings("recordings", RECORDINGS)

    def __init__(self, now: float) -> None:
        super().__init__(id="recordings")
        self._now = now
        self._files = _newest_first(Path())

    def body(self) -> Sequence[Widget]:
        """See ``CommandScreen``."""
        return (
            TextPane(line(Span(" Open a recording of this folder", "strong")), id="cells-title"),
            TextPane(id="empty"),
            list_widget(),
        )

    def refresh_view(self) -> None:
        """The files, or what to do where there is none."""
        room = max(40, self.size.width - 6)
        self.fill([recording_line(path.name, size, self._now - at, room) for path, size, at in self._files])
        empty = self.query_one("#empty", TextPane)
        empty.display = not self._files
        empty.show_lines(no_recordings())

    def open_line(self) -> None:
        """This one."""
        place = self.list.highlighted
        if place is not None and place < len(self._files):
            self.dismiss(self._files[place][0])

    async def go_back(self) -> None:
        """Choose nothing."""
        self.dismiss(None)


def _newest_first(folder: Path) -> list[tuple[Path, int, float]]:
    """Each with its size in bytes, and when it was last written."""
    files = []
    try:
        for path in folder.glob("*.kscope"):
            status = path.stat()
            files.append((path, status.st_size, status.st_mtime))
    except OSError:
        pass  # those that can be seen are shown
    return sorted(files, key=lambda each: -each[2])
