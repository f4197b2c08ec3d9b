"""The dashboard: runs a session and shows its timeline on the terminal."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from kernelscope.errors import KernelscopeError
from kernelscope.protocol.stored import About
from kernelscope.session import Session
from kernelscope.timeline.timeline import Update
from kernelscope.tui.base_app import BaseApp
from kernelscope.tui.navigation import AppNavigator
from kernelscope.tui.render import show_notice
from kernelscope.tui.screens.base import CommandScreen, Navigator
from kernelscope.tui.screens.failure import FailureScreen
from kernelscope.tui.screens.timeline import TimelineScreen
from kernelscope.tui.state.spans import line, safe_span
from kernelscope.tui.state.view_state import ViewState

if TYPE_CHECKING:
    from textual.worker import Worker


_FRAME_S = 1 / 30
"""Seconds between two refreshes, however fast events arrive."""
_STICKY_S = 86_400.0
"""Seconds that a warning stays: until it is clicked away."""
_CLOSE_TIMEOUT_S = 2.0
"""Seconds that the source has to detach from the kernel before the app exits anyway."""


class KernelscopeApp(BaseApp[int]):
    """Runs a session and shows its timeline; ``run()`` returns the exit status.

    Args:
        session: not started yet; the app runs it and closes it on exit.
        title: shown in place of the notebook's name.
        poll: seconds between polls, if the source polls between runs.
        about: describes the recording that is replayed; ``None``: this is no replay.
        play: play a recording from its start instead of showing its end.
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
        self.navigator: Navigator = AppNavigator(self, heading=title, poll=poll)
        self._status = 0
        """The exit status that ``run()`` returns."""
        self._heading = title
        self._watcher: Worker[None] | None = None
        self._session_ended = asyncio.Event()
        self._refresh_due = False

    def on_mount(self) -> None:
        """Show the timeline and start the session."""
        self.session.listen(self._schedule_refresh)
        self._timeline = TimelineScreen(self.view, self._heading)
        self.push_screen(self._timeline)
        self._watcher = self.run_worker(self._run_session(), name="session", exit_on_error=False)

    def leave(self, status: int) -> None:
        """See ``BaseApp``; the source detaches from the kernel first."""
        self._status = status
        self.run_worker(self.action_quit(), name="leave")

    # The session.

    async def _run_session(self) -> None:
        try:
            await self.session.run()
        except KernelscopeError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - a user gets a sentence, never a traceback
            self._fail(
                KernelscopeError(f"kernelscope hit an internal error: {type(error).__name__}: {error}")
            )
        finally:
            self._session_ended.set()

    def _fail(self, error: KernelscopeError) -> None:
        """Remember the exit status; an error before the first attach gets a screen, later ones the banner."""
        self._status = error.exit_code
        if self.session.view.kernel is None:
            self.push_screen(FailureScreen(error))

    def warn(self, text: str) -> None:
        """Show an error that does not end the session, until it is clicked away."""
        show_notice(self, line(safe_span(text, limit=1_000)), seconds=_STICKY_S, warning=True)

    def _schedule_refresh(self, _: Update) -> None:
        """Collapse a burst of updates: the first one schedules the refresh that shows them all."""
        if not self._refresh_due:
            self._refresh_due = True
            self.set_timer(_FRAME_S, self._refresh)

    def _refresh(self) -> None:
        self._refresh_due = False
        self.view.recording = self.session.recording is not None
        self.view.update()
        self.refresh_screens()
        if self._play and self.view.whole.moments:
            self._play = False
            self._timeline.play()

    def refresh_screens(self) -> None:
        """Redraw the screen on top, if it shows the view."""
        if self.screen_stack and isinstance(self.screen, CommandScreen):
            self.screen.refresh_view()

    async def action_quit(self) -> None:
        """Exit after the source has detached from the kernel."""
        if self._watcher is not None and not self._session_ended.is_set():
            self._watcher.cancel()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                    await self._session_ended.wait()
        self.exit(self._status, return_code=self._status)
