"""The dashboard: a session's timeline on a terminal."""

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


_FRAME = 1 / 30
"""Seconds: however fast events come, the screen follows at most once in this time."""
_STAYS = 86_400.0
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
        self.navigator: Navigator = AppNavigator(self, heading=title, poll=poll)
        self._status = 0
        """What ``run()`` gives back."""
        self._heading = title
        self._watcher: Worker[None] | None = None
        self._let_go = asyncio.Event()
        self._due = False

    def on_mount(self) -> None:
        """Begin."""
        self.session.listen(self._schedule_refresh)
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
        if self.session.view.kernel is None:
            self.push_screen(FailureScreen(error))

    def warn(self, text: str) -> None:
        """Of what goes wrong beside the session, which goes on; it stays until it is clicked away."""
        show_notice(self, line(safe_span(text, limit=1_000)), seconds=_STAYS, warning=True)

    def _schedule_refresh(self, _: Update) -> None:
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
        """Every screen that shows the view draws it again."""
        if self.screen_stack and isinstance(self.screen, CommandScreen):
            self.screen.refresh_view()

    async def action_quit(self) -> None:
        """Leave; the source lets go of the kernel first."""
        if self._watcher is not None and not self._let_go.is_set():
            self._watcher.cancel()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LEAVING):
                    await self._let_go.wait()
        self.exit(self._status, return_code=self._status)
