"""Opens the screens of the dashboard, and runs the tasks that they start: recording, export, polling."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kernelscope.errors import ExportError, RecordingError
from kernelscope.export.files import SUFFIXES, Form, write_file
from kernelscope.export.recordings import recording_summary
from kernelscope.session import LooksBetweenRuns
from kernelscope.tui.output_files import free_path, save_copy
from kernelscope.tui.render import show_notice
from kernelscope.tui.screens.cells import CellsScreen
from kernelscope.tui.screens.confirm import ConfirmScreen
from kernelscope.tui.screens.cost import CostScreen
from kernelscope.tui.screens.diff import DiffScreen
from kernelscope.tui.screens.evidence import EvidenceScreen
from kernelscope.tui.screens.export import ExportScreen
from kernelscope.tui.screens.timeline import TimelineScreen
from kernelscope.tui.state.spans import Line, Span, line, safe_span
from kernelscope.tui.views.cost_lines import start_polling_lines, stop_polling_lines

if TYPE_CHECKING:
    from kernelscope.storage.recorder import RecordingResult
    from kernelscope.tui.app import KernelscopeApp

POLL_S = 5.0
"""Seconds between two polls, unless the reader chose otherwise."""


class AppNavigator:
    """The navigator of the dashboard: see ``Navigator``.

    Args:
        app: the app whose screens are pushed and popped.
        heading: the heading of exported pages, in place of the notebook's name.
        poll: seconds between two polls; ``None``: ``POLL_S``.
    """

    def __init__(self, app: KernelscopeApp, *, heading: str | None, poll: float | None) -> None:
        self._app, self._heading, self._poll = app, heading, poll or POLL_S
        self._session, self._view = app.session, app.view

    def open_evidence(self, tab: str = "happened") -> None:
        """Open the evidence for the selected change."""
        if self._view.row is not None:
            self._app.push_screen(EvidenceScreen(self._view, tab))

    def open_diff(self) -> None:
        """Open the comparison for the selected row."""
        if self._view.row is not None:
            self._app.push_screen(DiffScreen(self._view))

    def open_cells(self) -> None:
        """Open the list of cells."""
        self._app.push_screen(CellsScreen(self._view))

    def open_cost(self) -> None:
        """Open the costs."""
        self._app.push_screen(CostScreen(self._view))

    def show_run(self, index: int) -> None:
        """Return to the timeline, with the cursor at this moment."""
        while not isinstance(self._app.screen, TimelineScreen) and len(self._app.screen_stack) > 2:
            self._app.pop_screen()
        self._view.go_to(index)
        self._app.refresh_screens()

    def copy_lines(self, lines: Sequence[Line]) -> None:
        """Copy to the clipboard, and to a file for terminals without one."""
        self._app.copy(lines)
        show_notice(self._app.screen, save_copy(lines), seconds=4)

    # Recording.

    def toggle_recording(self) -> None:
        """Start recording into a new file, or stop."""
        if self._view.about is not None:
            show_notice(self._app.screen, line(Span("This is a replay: it is recorded already")), seconds=4)
        elif self._session.recording is not None:
            self._report_recording(self._session.stop_recording())
        else:
            self._start_recording(free_path(self._session.view, "kscope"))
        self._view.recording = self._session.recording is not None
        self._app.refresh_screens()

    def _start_recording(self, file: Path) -> None:
        try:
            self._session.record(file, lambda why: self._app.warn(f"the recording stopped: {why}"))
        except RecordingError as error:
            self._app.warn(f"{error.title}: {error.hint}")
            return
        if self._session.recording is not None:
            path = safe_span(str(file.absolute()), limit=1_000)
            notice = line(Span("Recording everything since attach to "), path, Span("; r stops it"))
            show_notice(self._app.screen, notice, seconds=6)

    def _report_recording(self, result: RecordingResult | None) -> None:
        if result is not None and result.failure:
            self._app.warn(recording_summary(result))
            return
        file = shlex.quote(str(result.path)) if result is not None else ""
        command = safe_span(file, limit=1_000)
        notice = line(Span("Recording saved. To open it: kernelscope replay "), command)
        show_notice(self._app.screen, notice, seconds=8)

    # Export.

    def open_export(self) -> None:
        """Ask for a format, then export the whole timeline."""

        def write(form: Form | None) -> None:
            if form is not None:
                self._app.run_worker(self._export(form), name="export")

        self._app.push_screen(ExportScreen(), write)

    async def _export(self, form: Form) -> None:
        timeline = self._session.view
        path = free_path(timeline, SUFFIXES[form])
        try:
            write_file(timeline, self._session.past, form, path, self._heading)
        except ExportError as error:
            self._app.warn(f"{error.title}: {error.hint}")
            return
        notice = line(Span("Exported to "), safe_span(str(path.absolute()), limit=1_000))
        show_notice(self._app.screen, notice, seconds=8)

    # Polling between runs.

    def offer_poll(self) -> None:
        """Ask whether to start or stop polling between runs; nothing happens before the answer."""
        obstacle = self._obstacle_to_poll()
        if obstacle:
            show_notice(self._app.screen, line(Span(obstacle)), seconds=4)
            return
        now = self._view.poll
        question = start_polling_lines(self._view, self._poll) if now is None else stop_polling_lines(now)
        seconds = self._poll if now is None else None

        def act(confirmed: bool | None) -> None:
            if confirmed:
                self._app.run_worker(self._poll_between_runs(seconds), name="poll")

        self._app.push_screen(ConfirmScreen(question), act)

    def _obstacle_to_poll(self) -> str:
        timeline = self._session.view
        if not isinstance(self._session.source, LooksBetweenRuns):
            return "Polling needs a live kernel; this is a replay"
        if timeline.kernel is None or timeline.ended is not None:
            return "No kernel is attached: there is nothing to poll"
        return ""

    async def _poll_between_runs(self, seconds: float | None) -> None:
        if isinstance(self._session.source, LooksBetweenRuns):
            await self._session.source.look_between_runs(seconds)
            self._view.poll = seconds
            self._app.refresh_screens()
