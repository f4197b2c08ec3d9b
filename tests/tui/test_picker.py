from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual.widgets import OptionList

from kernelscope.kernel.entry import KernelEntry
from kernelscope.tui.picker_app import PickerApp
from tests.tui.helpers import screen_text, settle, wait_until

if TYPE_CHECKING:
    import pytest

CHURN = KernelEntry(
    Path("/r/kernel-1.json"), "1", "idle", "jupyter", "/home/ada/churn.ipynb", "python3", 880.0
)
EDA = KernelEntry(
    Path("/r/kernel-2.json"), "2", "busy", "vs code", "/home/ada/eda[b].ipynb", "python3", 1_000.0
)
STALE = KernelEntry(Path("/r/kernel-3.json"), "3", "dead", "console", started=0.0)


class Finder:
    def __init__(self, *entries: KernelEntry) -> None:
        self.entries: Sequence[KernelEntry] = entries
        self.calls = 0

    async def __call__(self) -> Sequence[KernelEntry]:
        self.calls += 1
        return self.entries


def picker(find: Finder) -> PickerApp:
    return PickerApp(find, looked_in=["/r"], every=0.02, now=lambda: 1_000.0)


async def test_enter_attaches_to_the_highlighted_kernel() -> None:
    app = picker(find := Finder(STALE, CHURN, EDA))
    async with app.run_test(size=(100, 24)) as pilot:
        await wait_until(pilot, lambda: app.screen.query_one(OptionList).option_count == 3)
        screen = screen_text(app)
        assert "churn.ipynb" in screen
        assert "2 min ago" in screen
        assert "eda[b].ipynb" in screen
        assert "dead" in screen
        assert "stale" in screen
        app.simulate_key("j")
        await wait_until(pilot, lambda: app.screen.query_one(OptionList).highlighted == 1)
        calls = find.calls
        await wait_until(pilot, lambda: find.calls > calls + 1)
        assert app.screen.query_one(OptionList).highlighted == 1
        app.simulate_key("enter")
        await settle(pilot)
    assert app.return_value == EDA


async def test_a_dead_kernel_cannot_be_chosen() -> None:
    app = picker(Finder(STALE))
    async with app.run_test(size=(100, 24)) as pilot:
        await wait_until(pilot, lambda: "No running kernel found" in screen_text(app))
        assert "(1 stale connection file)" in screen_text(app)
        app.simulate_key("enter")
        await settle(pilot)
        assert app.is_running
        app.simulate_key("d")
        await settle(pilot)
    assert app.return_value == "demo"


async def test_a_new_kernel_appears_by_itself() -> None:
    app = picker(find := Finder())
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_until(pilot, lambda: "No running kernel found" in screen_text(app))
        find.entries = [CHURN]
        await wait_until(pilot, lambda: "churn.ipynb" in screen_text(app))
        app.simulate_key("q")
        await settle(pilot)
    assert app.return_value is None


async def test_typing_filters_the_kernels() -> None:
    app = picker(Finder(CHURN, EDA))
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_until(pilot, lambda: app.screen.query_one(OptionList).option_count == 2)
        for key in ("slash", "e", "d", "a"):
            app.simulate_key(key)
            await settle(pilot)
        await wait_until(pilot, lambda: app.screen.query_one(OptionList).option_count == 1)
        app.simulate_key("enter")
        await settle(pilot)
        app.simulate_key("enter")
        await settle(pilot)
    assert app.return_value == EDA


async def test_a_recording_can_be_opened_instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(["older.kscope", "newer[b].kscope"]):
        (tmp_path / name).write_bytes(b"x" * 1_500_000)
        os.utime(tmp_path / name, (number * 100.0, number * 100.0))
    app = picker(Finder(CHURN))
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_until(pilot, lambda: "churn.ipynb" in screen_text(app))
        app.simulate_key("o")
        await wait_until(pilot, lambda: "newer[b].kscope" in screen_text(app))
        assert "1.5 MB" in screen_text(app)
        assert "15 min ago" in screen_text(app)
        app.simulate_key("enter")
        await settle(pilot)
    assert app.return_value == Path("newer[b].kscope")


async def test_a_missing_recording_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    app = picker(Finder(CHURN))
    async with app.run_test(size=(80, 24)) as pilot:
        app.simulate_key("o")
        await wait_until(pilot, lambda: "No recordings (*.kscope) in this folder" in screen_text(app))
        app.simulate_key("enter")
        app.simulate_key("q")
        await wait_until(pilot, lambda: "churn.ipynb" in screen_text(app))
