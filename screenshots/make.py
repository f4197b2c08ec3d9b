"""Makes the README's pictures: ``record`` runs the demo, ``render`` draws the screen from that recording, and ``page``
takes screenshots of the exported page, for which it needs Chromium.

The recording has one JSON event per line.  Values that differ from run to run (clocks, addresses, digests, the demo's
folder) are normalised, so that a new recording differs from the old one only if the product does.  Record with
Python 3.12 or newer, where learning calls are observed.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from kernelscope.demo import DemoSource
from kernelscope.domain.events import Attached, Detached, Event, KernelChanged, Observed, Progress
from kernelscope.domain.facts import Cost
from kernelscope.export.page import write_html
from kernelscope.kernel.entry import KernelEntry
from kernelscope.session import Session
from kernelscope.timeline.timeline import Timeline
from kernelscope.timeline.view import TimelineView
from kernelscope.tui.app import KernelscopeApp
from kernelscope.tui.picker_app import PickerApp

if TYPE_CHECKING:
    from textual.app import App
    from textual.pilot import Pilot

HERE = Path(__file__).parent
RECORDING = HERE / "demo.jsonl"
FOLDER = "/home/ada/work"
_STARTED = 1_780_000_000.0
_MINUTE = 60.0
_TIMEOUT_S = 20.0
_CELL = 12.2
"""The width of a character in the pictures."""


# The recording.


class ReplaySource:
    """Emits all recorded events at once, then stays open as a live kernel would."""

    def __init__(self, events: list[Event]) -> None:
        self._events = events
        self._closed = asyncio.Event()

    async def events(self) -> AsyncIterator[Event]:
        """Emit all events in order; ends after ``close``."""
        for event in self._events:
            yield event
        await self._closed.wait()

    async def close(self) -> None:
        """End ``events``; may be called twice."""
        self._closed.set()


def read(path: Path = RECORDING) -> list[Event]:
    """Read the recorded events."""
    decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
    return [decoder.decode(line) for line in path.read_bytes().splitlines()]


async def record(path: Path = RECORDING) -> None:
    """Run the demo in a kernel and write its events."""
    source = DemoSource()
    try:
        # Kernel states and progress arrive at any time: with them, recordings would differ in their order.
        events = [event async for event in source.events()]
    finally:
        await source.close()
    normalised = _Normaliser().normalise(
        event for event in events if not isinstance(event, (KernelChanged, Progress, Detached))
    )
    written = b"".join(msgspec.json.encode(event) + b"\n" for event in normalised)
    await asyncio.to_thread(path.write_bytes, written)


def _cost(runs: int) -> Cost:
    return Cost(runs, median=0.0012, p99=0.0042, longest=0.0068, sent=900 * runs)


class _Normaliser:
    """Replaces the values that differ between two runs of the same notebook."""

    def __init__(self) -> None:
        self._digests: dict[str, str] = {}
        self._folder = ""
        self._runs = 0

    def normalise(self, events: Iterable[Event]) -> list[Event]:
        """Normalise all events; at the end the kernel is idle."""
        normalised = [self._normalise_event(event) for event in events]
        return [*normalised, KernelChanged(1, "idle")]

    def _normalise_event(self, event: Event) -> Event:
        built: dict[str, Any] = msgspec.to_builtins(event)
        if isinstance(event, Attached):
            self._folder = str(Path(event.kernel.connection_file).parent)
            built["kernel"]["pid"] = 4711
            built["cost"] = msgspec.to_builtins(_cost(1))
        elif isinstance(event, Observed):
            run = built["observation"]["run"]
            run["started"] = _STARTED + _MINUTE * self._runs
            run["seconds"] = 0.41
            run["client"] = "demo"
            built["observation"]["hook_seconds"] = 0.0012
            built["observation"]["cost"] = msgspec.to_builtins(_cost(self._runs + 1))
            self._runs += 1
        normalised: Event = msgspec.convert(self._normalise_value(built), Event)
        return normalised

    def _normalise_value(self, value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            built = {name: self._normalise_value(item, name) for name, item in value.items()}
            if "id" in built:  # which addresses are reused differs from run to run
                built["id"] = 0x7F3A_0000_1000 + 0x90 * built["token"]
            return built
        if isinstance(value, (list, tuple)):
            return [self._normalise_value(item, key) for item in value]
        if key == "digest" and isinstance(value, str):
            return self._digests.setdefault(value, f"digest-{len(self._digests) + 1}")
        if isinstance(value, str):
            return re.sub(re.escape(self._folder) + r"(?=/|$)", FOLDER, value) if self._folder else value
        return value


# The pictures.


@dataclass(frozen=True)
class Shot:
    """One picture: a terminal of some size after some keys."""

    name: str
    keys: tuple[str, ...]
    size: tuple[int, int] = (120, 36)


_MY_MODEL_RESET = ("F", "g", "less_than_sign", "less_than_sign")
"""Keys that move the cursor to ``my_model`` in In [11], the first of its two resets."""

SHOTS = (
    Shot("timeline", _MY_MODEL_RESET),
    Shot("timeline-80x24", _MY_MODEL_RESET, (80, 24)),
    Shot("evidence", (*_MY_MODEL_RESET, "enter")),
    Shot("unfolded", ("F", "g", "j", "o", *["less_than_sign"] * 2)),
    Shot("diff", ("F", "g", "j", "j", "j", "less_than_sign", "d")),
    Shot("cells", ("c", "j")),
    Shot("help", (*_MY_MODEL_RESET, "question_mark")),
    Shot("light", (*_MY_MODEL_RESET, "t")),
)
PICKER = "picker"
NAMES = (*(shot.name for shot in SHOTS), PICKER)

_NOW = _STARTED
_RUNTIME = Path("/home/ada/.local/share/jupyter/runtime")
KERNELS = (
    KernelEntry(_RUNTIME / "kernel-5e1c.json", "5e1c", "idle", "jupyter", f"{FOLDER}/churn.ipynb", "python3", _NOW - 120),
    KernelEntry(_RUNTIME / "kernel-v3a90.json", "v3a90", "live", "vs code", f"{FOLDER}/eda.ipynb", "python3", None, _NOW - 5_400),
    KernelEntry(_RUNTIME / "kernel-9c02.json", "9c02", "busy", "jupyter", f"{FOLDER}/night.ipynb", "python3", _NOW),
    KernelEntry(_RUNTIME / "kernel-71230.json", "71230", "live", "console", None, "python3", None, _NOW - 600),
    KernelEntry(_RUNTIME / "kernel-4711.json", "4711", "dead", "console", None, "python3", None, _NOW - 86_400),
)  # fmt: skip
"""The kernels in the picture of the picker."""


async def picture(name: str, events: list[Event]) -> str:
    """Draw one picture as SVG."""
    if name == PICKER:
        return await _picker()
    shot = next(shot for shot in SHOTS if shot.name == name)
    runs = sum(isinstance(event, Observed) for event in events)
    app = KernelscopeApp(Session(ReplaySource(events)), title="demo.ipynb")
    async with app.run_test(size=shot.size, notifications=False) as pilot:
        await _until(pilot, lambda: app.view.columns.count >= runs and app.view.lines)
        for key in shot.keys:
            app.simulate_key(key)
            await pilot.pause()
        return await _svg(app, pilot)


async def _picker() -> str:
    async def find() -> tuple[KernelEntry, ...]:
        return KERNELS

    app = PickerApp(find, every=3_600.0, now=lambda: _NOW)
    async with app.run_test(size=(120, 36)) as pilot:
        await _until(pilot, lambda: "churn.ipynb" in _text_of(app))
        return await _svg(app, pilot)


async def _svg(app: App[Any], pilot: Pilot[Any]) -> str:
    """Draw the screen as SVG that fetches no font."""
    await pilot.pause()
    drawn = app.export_screenshot(title="kernelscope", simplify=True)
    drawn = re.sub(r"@font-face\s*\{.*?\}\s*", "", drawn, flags=re.DOTALL)
    return re.sub(
        r'( x=")([\d.]+)(" y="[\d.]+" textLength=")([\d.]+)("[^>]*>)((?:&#160;)+)',
        _strip_leading_spaces,
        drawn,
    )


def _strip_leading_spaces(text: re.Match[str]) -> str:
    """Move the start of a text to its first letter: not every viewer keeps leading spaces."""
    spaces = _CELL * text[6].count(";")
    return f"{text[1]}{float(text[2]) + spaces:g}{text[3]}{float(text[4]) - spaces:g}{text[5]}"


def _text_of(app: App[Any]) -> str:
    return app.export_screenshot(simplify=True)


async def _until(pilot: Pilot[Any], fact: Callable[[], object]) -> None:
    deadline = asyncio.get_running_loop().time() + _TIMEOUT_S
    while not fact():
        if asyncio.get_running_loop().time() > deadline:
            raise TimeoutError("the screen did not show it in time")
        await pilot.pause(0.01)
    await pilot.pause()


async def render(folder: Path = HERE) -> None:
    """Draw every picture."""
    events = read()
    for name in NAMES:
        (folder / f"{name}.svg").write_text(await picture(name, events), encoding="utf-8")


# The exported page.

PAGES = {"page": (), "page-dark": ("--force-dark-mode",)}
"""Additional arguments for the browser, by picture."""
PAGE_SIZE = (1280, 760)
_BROWSER = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
)


def export(events: list[Event], path: Path) -> None:
    """Export the recording as a page."""
    timeline = Timeline()
    for event in events:
        timeline.apply(event)
    with path.open("w", encoding="utf-8") as out:
        write_html(TimelineView(timeline), out)


async def page(folder: Path = HERE) -> None:
    """Take screenshots of the page in light and dark mode, with the first reset of ``my_model`` selected."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise FileNotFoundError("chromium not found (Debian: apt-get install chromium)")
    with tempfile.TemporaryDirectory() as work:
        written = Path(work, "demo.html")
        export(read(), written)
        for name, arguments in PAGES.items():
            command = [
                chromium,
                *_BROWSER,
                *arguments,
                f"--user-data-dir={work}/{name}",
                f"--window-size={PAGE_SIZE[0]},{PAGE_SIZE[1]}",
                f"--screenshot={folder / name}.png",
                f"{written.as_uri()}#m11.r0",
            ]
            process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
            if await process.wait():
                raise ChildProcessError(f"chromium ended with {process.returncode}")


def main(arguments: list[str]) -> int:
    """Run ``record``, ``render`` or ``page``."""
    work: dict[str, Callable[[], Awaitable[None]]] = {"record": record, "render": render, "page": page}
    if len(arguments) != 1 or arguments[0] not in work:
        sys.stderr.write("usage: make.py record | render | page\n")
        return 2

    async def run() -> None:
        await work[arguments[0]]()

    asyncio.run(run())
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
