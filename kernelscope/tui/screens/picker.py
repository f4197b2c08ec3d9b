"""Lists the running kernels to attach to, and keeps the list up to date."""

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
from kernelscope.tui.screens.lists import ListScreen, make_list
from kernelscope.tui.screens.recordings import RecordingsScreen
from kernelscope.tui.state.spans import Span, line, safe_span
from kernelscope.tui.views.kernel_lines import entry_line, filter_entries, no_kernels_lines
from kernelscope.tui.widgets.filter_input import FilterInput
from kernelscope.tui.widgets.text import TextPane

if TYPE_CHECKING:
    from textual.binding import BindingType
    from textual.widget import Widget
    from textual.widgets import Input

Find = Callable[[], Awaitable[Sequence[KernelEntry]]]


class PickerScreen(ListScreen[KernelEntry | Path | str | None]):
    """Returns a kernel, a recording, ``"demo"`` or ``None``."""

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
        """Title, filter, notice and list: see ``CommandScreen``."""
        return (
            TextPane(line(Span(" Attach to a kernel", "strong")), id="cells-title"),
            FilterInput(line(Span("type to filter · enter keeps · esc clears")), id="filter"),
            TextPane(id="empty"),
            make_list(),
        )

    def on_mount(self) -> None:
        """Start searching for kernels."""
        self.run_worker(self._search(), name="search", exit_on_error=False)

    async def _search(self) -> None:
        """Search repeatedly; a slow search delays the next one instead of overlapping it."""
        while True:
            try:
                self._entries = tuple(await self._find())
            except (KernelscopeError, OSError) as error:
                self.query_one("#empty", TextPane).show_lines([line(safe_span(error, "loss"))])
            else:
                self.refresh_view()
            await asyncio.sleep(self._every)

    def refresh_view(self) -> None:
        """Redraw the list; the highlight stays on its kernel."""
        if self._entries is None:
            return
        selected = self.selected
        self._matches = filter_entries(self._entries, self._query)
        room = max(40, self.size.width - 6)
        self.fill([entry_line(entry, room, self._now()) for entry in self._matches])
        files = [entry.connection_file for entry in self._matches]
        if selected is not None and selected.connection_file in files:
            self.list.highlighted = files.index(selected.connection_file)
        usable = any(entry.state != "dead" for entry in self._matches)
        empty = self.query_one("#empty", TextPane)
        empty.display = not usable
        empty.show_lines(no_kernels_lines(self._entries, self._query, self._looked_in))

    @property
    def selected(self) -> KernelEntry | None:
        """The highlighted kernel."""
        place = self.list.highlighted
        return self._matches[place] if place is not None and place < len(self._matches) else None

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while typing."""
        self._query = event.value
        self.refresh_view()

    def on_input_submitted(self) -> None:
        """Keep the filter."""
        self.close_filter()

    def open_filter(self) -> None:
        """Show the filter field."""
        self.query_one(FilterInput).open(self._query)

    def action_clear_filter(self) -> None:
        """Show all kernels again."""
        self.query_one(FilterInput).value = ""
        self.close_filter()

    def close_filter(self) -> None:
        """Hide the filter field; the filter stays."""
        self.query_one(FilterInput).display = False
        self.set_focus(None)

    def open_line(self) -> None:
        """Return the highlighted kernel, if it is alive."""
        entry = self.selected
        if entry is None:
            return
        if entry.state == "dead":
            message = "This kernel is gone; only its connection file is left. Choose another one"
            show_notice(self, line(Span(message)), seconds=4)
            return
        self.dismiss(entry)

    def open_recordings(self) -> None:
        """Let the reader choose a recording instead of a kernel."""

        def choose(file: Path | None) -> None:
            if file is not None:
                self.dismiss(file)

        self.app.push_screen(RecordingsScreen(self._now()), choose)

    async def go_back(self) -> None:
        """Clear the filter; without one, return nothing."""
        if self._query:
            self.action_clear_filter()
            return
        self.dismiss(None)
