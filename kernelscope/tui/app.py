"""The dashboard: a session's timeline on a terminal."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kernelscope.errors import ExportError, KernelscopeError, RecordingError
from kernelscope.export.files import SUFFIXES, Form, write_file
from kernelscope.export.recordings import recording_summary
from kernelscope.protocol.stored import About
from kernelscope.session import LooksBetweenRuns, Session
from kernelscope.timeline.timeline import Update
from kernelscope.tui.base_app import BaseApp
from kernelscope.tui.output_files import free_path, save
from kernelscope.tui.render import show_notice
from kernelscope.tui.screens.base import CommandScreen
from kernelscope.tui.screens.cells import CellsScreen
from kernelscope.tui.screens.confirm import ConfirmScreen
from kernelscope.tui.screens.cost import CostScreen
from kernelscope.tui.screens.diff import DiffScreen
from kernelscope.tui.screens.evidence import EvidenceScreen
from kernelscope.tui.screens.export import ExportScreen
from kernelscope.tui.screens.failure import FailureScreen
from kernelscope.tui.screens.timeline import TimelineScreen
from kernelscope.tui.state.spans import Line, Span, line, safe_span
from kernelscope.tui.state.view_state import ViewState
from kernelscope.tui.views.cost_lines import start_lines, stop_lines

if TYPE_CHECKING:
    from textual.worker import Worker

    from kernelscope.storage.recorder import RecordingResult

_FRAME = 1 / 30
"""Seconds: however fast events come, the screen follows at most once in this time."""
_STAYS = 86_400.0
POLL_S = 5.0
"""Seconds between two looks while no cell runs, where the reader asked for them and not how often."""
_LEAVING = 2.0
"""Seconds that the source gets to let go of the kernel."""


class KernelscopeApp(BaseApp[int]):
    """Runs a session and shows its timeline; ``run()`` gives back the exit status.

    Args:
        session: not started yet; the app runs it, and closes it when it leaves.
        title: shown in place of the notebook's name.
        about: of the recording that is shown; ``None``: it is none.
        play: show it from its start, and not its end at once.
        poll: seconds between looks at the namespace, where it is polled between runs as well.
    """

    def __init__(
        self,
        session: Session,
        *,
        title: str | None = None,
        poll: float | None = None,
        about: About | None = None,
        play: bool = False,
    ) -> None:
        super().__init__()
        self.session = session
        self.view = ViewState(session.timeline, at_rest=about is not None)
        self.view.about = about
        self._play = play
        self.view.poll = poll
        self._poll = poll or POLL_S
        self._status = 0
        """What ``run()`` gives back."""
        self._heading = title
        self._watcher: Worker[None] | None = None
        self._let_go = asyncio.Event()
        self._due = False

    def on_mount(self) -> None:
        """Begin."""
        self.session.listen(self._heard)
        self._timeline = TimelineScreen(self.view, self._heading)
        self.push_screen(self._timeline)
        self._watcher = self.run_worker(self._watch(), name="session", exit_on_error=False)

    def leave(self, status: int) -> None:
        """See ``BaseApp``; the source lets go of the kernel first."""
        self._status = status
        self.run_worker(self.action_quit(), name="leaving")

    # The session.

    async def _watch(self) -> None:
        try:
            await self.session.run()
        except KernelscopeError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - a reader gets a sentence, never a traceback
            self._fail(KernelscopeError(f"kernelscope stumbled: {type(error).__name__}: {error}"))
        finally:
            self._let_go.set()

    def _fail(self, error: KernelscopeError) -> None:
        """What was seen stays on the screen, and a bar says why nothing follows; where nothing was,
        the error has the screen to itself."""
        self._status = error.exit_code
        if self.session.timeline.kernel is None:
            self.push_screen(FailureScreen(error))

    def warn(self, text: str) -> None:
        """Of what goes wrong beside the session, which goes on; it stays until it is clicked away."""
        show_notice(self, line(safe_span(text, limit=1_000)), seconds=_STAYS, warning=True)

    def _heard(self, _: Update) -> None:
        """Bursts collapse: the first update of a burst asks for one refresh, which shows them all."""
        if not self._due:
            self._due = True
            self.set_timer(_FRAME, self._follow)

    def _follow(self) -> None:
        self._due = False
        self.view.recording = self.session.recording is not None
        self.view.update()
        self.refresh_screens()
        if self._play and self.view.whole.moments:
            self._play = False
            self._timeline.play()

    def refresh_screens(self) -> None:
        """Every screen that shows the view draws it anew."""
        if self.screen_stack and isinstance(self.screen, CommandScreen):
            self.screen.refresh_view()

    # Where screens lead.

    def open_evidence(self, tab: str = "happened") -> None:
        """Of the change that the cursor is on."""
        if self.view.row is not None:
            self.push_screen(EvidenceScreen(self.view, tab))

    def open_diff(self) -> None:
        """Of the row that the cursor is on."""
        if self.view.row is not None:
            self.push_screen(DiffScreen(self.view))

    def open_cells(self) -> None:
        """The founding question, turned round."""
        self.push_screen(CellsScreen(self.view))

    def open_cost(self) -> None:
        """What kernelscope costs the kernel."""
        self.push_screen(CostScreen(self.view))

    def toggle_recording(self) -> None:
        """From the attach on; tells where."""
        if self.view.about is not None:
            show_notice(self.screen, line(Span("This is a recording already")), seconds=4)
        elif self.session.recording is not None:
            self._tell_recorded(self.session.stop_recording())
        else:
            self._record(free_path(self.session.timeline, "kscope"))
        self.view.recording = self.session.recording is not None
        self.refresh_screens()

    def _record(self, file: Path) -> None:
        try:
            self.session.record(file, lambda why: self.warn(f"the recording has ended: {why}"))
        except RecordingError as error:
            self.warn(f"{error.title}: {error.hint}")
            return
        if self.session.recording is not None:
            told = line(
                Span("Writing all since the attach into "),
                safe_span(str(file.absolute()), limit=1_000),
                Span("; r ends it"),
            )
            show_notice(self.screen, told, seconds=6)

    def _tell_recorded(self, result: RecordingResult | None) -> None:
        if result is not None and result.failure:
            self.warn(recording_summary(result))
            return
        file = shlex.quote(str(result.path)) if result is not None else ""
        told = line(Span("Recorded: kernelscope replay "), safe_span(file, limit=1_000), Span(" opens it"))
        show_notice(self.screen, told, seconds=8)

    def open_export(self) -> None:
        """Asks in which form, and writes the whole timeline."""

        def chosen(form: Form | None) -> None:
            if form is not None:
                self.run_worker(self._export(form), name="export")

        self.push_screen(ExportScreen(), chosen)

    async def _export(self, form: Form) -> None:
        timeline, path = self.session.timeline, free_path(self.session.timeline, SUFFIXES[form])
        try:
            write_file(timeline, self.session.past, form, path, self._heading)
        except ExportError as error:
            self.warn(f"{error.title}: {error.hint}")
            return
        told = line(Span("Written: "), safe_span(str(path.absolute()), limit=1_000))
        show_notice(self.screen, told, seconds=8)

    def offer_poll(self) -> None:
        """Asks whether to look between runs, or whether to stop; nothing is done before the answer."""
        why = self._why_no_poll()
        if why:
            show_notice(self.screen, line(Span(why)), seconds=4)
            return
        now = self.view.poll
        asked = start_lines(self.view, self._poll) if now is None else stop_lines(now)
        wanted = self._poll if now is None else None

        def answered(yes: bool | None) -> None:
            if yes:
                self.run_worker(self._look_between_runs(wanted), name="poll")

        self.push_screen(ConfirmScreen(asked), answered)

    def _why_no_poll(self) -> str:
        timeline = self.session.timeline
        if not isinstance(self.session.source, LooksBetweenRuns):
            return "This is no live kernel: there is nothing to look at between runs"
        if timeline.kernel is None or timeline.ended is not None:
            return "There is no kernel to look into now"
        return ""

    async def _look_between_runs(self, seconds: float | None) -> None:
        if isinstance(self.session.source, LooksBetweenRuns):
            await self.session.source.look_between_runs(seconds)
            self.view.poll = seconds
            self.refresh_screens()

    def show_run(self, index: int) -> None:
        """Back to the timeline, to this moment."""
        while not isinstance(self.screen, TimelineScreen) and len(self.screen_stack) > 2:
            self.pop_screen()
        self.view.go_to(index)
        self.refresh_screens()

    def copy_lines(self, lines: Sequence[Line]) -> None:
        """To the clipboard, and to a file for terminals that have none."""
        self.copy(lines)
        show_notice(self.screen, save(lines), seconds=4)

    async def action_quit(self) -> None:
        """Leave; the source lets go of the kernel first."""
        if self._watcher is not None and not self._let_go.is_set():
            self._watcher.cancel()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LEAVING):
                    await self._let_go.wait()
        self.exit(self._status, return_code=self._status)
