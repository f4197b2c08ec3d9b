"""Which kernel to attach to: looks again by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from kernelscope.errors import KernelscopeError
from kernelscope.kernel.entry import KernelEntry
from kernelscope.tui.commands.base import bindings
from kernelscope.tui.commands.other_screens import PICKER
from kernelscope.tui.render import show_notice
from kernelscope.tui.screens.lists import ListScreen, list_widget
from kernelscope.tui.screens.recordings import RecordingsScreen
from kernelscope.tui.state.spans import Span, line, safe_span
from kernelscope.tui.views.kernel_lines import entry_line, matching, nothing
from kernelscope.tui.widgets.filter_input import FilterInput
from kernelscope.tui.widgets.text import TextPane

if TYPE_CHECKING:
    from textual.binding import BindingType
    from textual.widget import Widget
    from textual.widgets import Input

Find = Callable[[], Awaitable[Sequence[KernelEntry]]]


class PickerScreen(ListScreen[KernelEntry | Path | str | None]):
    """Gives back an entry, a recording, ``"demo"`` or ``None``."""

    COMMANDS_HERE = PICKER
    BINDINGS: ClassVar[list[BindingType]] = bindings("picker", PICKER)

    def __init__(self, find: Find, looked_in: Sequence[str], every: float, now: Callable[[], float]) -> None:
        super().__init__(id="picker")
        self._find = find
        self._looked_in = looked_in
        self._every = every
        self._now = now
        self._entries: tuple[KernelEntry, ...] | None = None
        self._matches: tuple[KernelEntry, ...] = ()
        self._query = ""

    def body(self) -> Sequence[Widget]:
        """See ``CommandScreen``."""
        return (
            TextPane(line(Span(" Attach to a kernel", "strong")), id="cells-title"),
            FilterInput(line(Span("type to filter, enter keeps it, escape drops it")), id="filter"),
            TextPane(id="empty"),
            list_widget(),
        )

    def on_mount(self) -> None:
        """Begin."""
        self.run_worker(self._look(), name="looking", exit_on_error=False)

    async def _look(self) -> None:
        """Again and again; a slow look delays the next one instead of piling up."""
        while True:
            try:
                self._entries = tuple(await self._find())
            except (KernelscopeError, OSError) as error:
                self.query_one("#empty", TextPane).show_lines([line(safe_span(error, "loss"))])
            else:
                self.refresh_view()
            await asyncio.sleep(self._every)

    def refresh_view(self) -> None:
        """Show the view as it is now."""
        if self._entries is None:
            return
        selected = self.selected
        self._matches = matching(self._entries, self._query)
        room = max(40, self.size.width - 6)
        self.fill([entry_line(entry, room, self._now()) for entry in self._matches])
        files = [entry.connection_file for entry in self._matches]
        if selected is not None and selected.connection_file in files:
            self.list.highlighted = files.index(selected.connection_file)
        usable = any(entry.state != "dead" for entry in self._matches)
        empty = self.query_one("#empty", TextPane)
        empty.display = not usable
        empty.show_lines(nothing(self._entries, self._query, self._looked_in))

    @property
    def selected(self) -> KernelEntry | None:
        """The entry under the highlight."""
        place = self.list.highlighted
        return self._matches[place] if place is not None and place < len(self._matches) else None

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while typing."""
        self._query = event.value
        self.refresh_view()

    def on_input_submitted(self) -> None:
        """Enter in the line that is typed in."""
        self.close_filter()

    def open_filter(self) -> None:
        """Open the line to type in."""
        self.query_one(FilterInput).open(self._query)

    def action_drop_filter(self) -> None:
        """Show all kernels again."""
        self.query_one(FilterInput).value = ""
        self.close_filter()

    def close_filter(self) -> None:
        """Keep what was typed."""
        self.query_one(FilterInput).display = False
        self.set_focus(None)

    def open_line(self) -> None:
        """Attach to the highlighted kernel, if it lives."""
        entry = self.selected
        if entry is None:
            return
        if entry.state == "dead":
            message = "Nobody answers there: the file was left behind by a kernel that is gone"
            show_notice(self, line(Span(message)), seconds=4)
            return
        self.dismiss(entry)

    def open_recordings(self) -> None:
        """Choose a recording instead of a kernel."""

        def selected(file: Path | None) -> None:
            if file is not None:
                self.dismiss(file)

        self.app.push_screen(RecordingsScreen(self._now()), selected)

    async def go_back(self) -> None:
        """Leave without attaching."""
        if self._query:
            self.action_drop_filter()
            return
        self.dismiss(None)
