"""Runs `kernelscope record` and `replay` as a user does, with a real kernel."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from kernelscope.domain.events import Observed
from kernelscope.storage.recording import RecordingSource
from tests.kernel.watching import LONG
from tests.support.kernels import KernelProcess
from tests.support.recordings import events_in

MODEL = "from sklearn.linear_model import LogisticRegression\nmodel = LogisticRegression()"
LONG_ONES = f"{MODEL}\nmodel.set_params(penalty='p' * 5_000_000)\n# " + "x" * 5_000_000


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelProcess]:
    with KernelProcess(tmp_path_factory.mktemp("kernel")) as process:
        yield process


class RunningCommand:
    """Runs a command and collects the lines of one of its streams."""

    def __init__(self, process: subprocess.Popen[str], stream: Any) -> None:
        self.process = process
        self.lines: list[str] = []
        self._more = threading.Condition()
        self._reader = threading.Thread(target=self._read, args=(stream,))
        self._reader.start()

    def _read(self, stream: Any) -> None:
        for line in stream:
            with self._more:
                self.lines.append(line)
                self._more.notify_all()

    def wait_until(self, fact: Callable[[list[str]], object]) -> None:
        with self._more:
            assert self._more.wait_for(lambda: fact(self.lines), LONG), self.lines

    def wait_for_end(self, *, by: signal.Signals | None = None) -> int:
        if by is not None:
            self.process.send_signal(by)
        status = self.process.wait(LONG)
        self._reader.join(LONG)
        return status


@contextmanager
def run_command(*arguments: str, tells: str = "stderr") -> Iterator[RunningCommand]:
    command = [sys.executable, "-m", "kernelscope", *arguments]
    with subprocess.Popen(command, text=True, **{tells: subprocess.PIPE}) as process:  # type: ignore[call-overload]
        running = RunningCommand(process, getattr(process, tells))
        try:
            yield running
        finally:
            process.kill()


def replay(path: Path, *options: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "kernelscope", "replay", "--json", *options, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=LONG)
    return [json.loads(line) for line in done.stdout.splitlines()]


def has_attached(lines: list[str]) -> bool:
    return any("Ctrl-C ends it" in line for line in lines)


def counts(records: list[dict[str, Any]]) -> list[int]:
    return [record["execution_count"] for record in records if record["type"] == "execution"]


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_each_run_is_in_the_file_whatever_ends_the_recording(
    kernel: KernelProcess, tmp_path: Path, end: signal.Signals
) -> None:
    path = tmp_path / "a.kscope"
    with (
        run_command("record", str(kernel.connection_file), "-o", str(path)) as record,
        run_command("watch", str(kernel.connection_file), "--json", tells="stdout") as watch,
    ):
        record.wait_until(has_attached)
        watch.wait_until(lambda lines: lines)
        ran = [
            kernel.run(code)["execution_count"] for code in (MODEL, "model.fit([[0], [1]], [0, 1])", "1/0")
        ]
        watch.wait_until(lambda lines: len(counts([json.loads(line) for line in lines])) == 3)
        with run_command("replay", str(path), "--json", "--follow", tells="stdout") as follow:
            follow.wait_until(lambda lines: len(counts([json.loads(line) for line in lines])) == 3)
        assert record.wait_for_end(by=end) == (130 if end != signal.SIGKILL else -end)
        assert watch.wait_for_end(by=signal.SIGTERM) == 130
        if end != signal.SIGKILL:
            assert f"`kernelscope replay {path}` opens it" in "".join(record.lines)
        records = [json.loads(line) for line in watch.lines]

    again = replay(path)
    assert counts(again) == ran
    assert [r for r in again if r["type"] == "execution"] == [r for r in records if r["type"] == "execution"]
    about = RecordingSource(path).about()
    assert about.kernel is not None
    assert about.kernel.pid == kernel.pid
    assert (about.ended is None) == (end is signal.SIGKILL)
    key = json.loads(kernel.connection_file.read_text())["key"].encode()
    assert not any(key in file.read_bytes() for file in tmp_path.iterdir())


async def test_a_very_long_text_is_cut_and_stored_once(kernel: KernelProcess, tmp_path: Path) -> None:
    path = tmp_path / "a.kscope"
    with run_command("record", str(kernel.connection_file), "-o", str(path)) as record:
        record.wait_until(has_attached)
        for _ in range(3):
            kernel.run(LONG_ONES, timeout=LONG * 4)
        record.wait_for_end(by=signal.SIGTERM)
    assert sum(file.stat().st_size for file in [path]) < 250_000
    with closing(sqlite3.connect(path)) as database:
        long_ones = "SELECT count(*), max(length(source)) FROM sources WHERE length(source) > 1000"
        assert database.execute(long_ones).fetchone() == (1, 65_536)
    runs = [event.observation.run for event in await events_in(path) if isinstance(event, Observed)]
    assert [run.code_cut for run in runs if run is not None] == [True, True, True]


def test_an_existing_file_or_a_full_disk_is_exit_status_5(kernel: KernelProcess, tmp_path: Path) -> None:
    (tmp_path / "thesis").write_text("years of work")
    with run_command("record", str(kernel.connection_file), "-o", str(tmp_path / "thesis")) as record:
        assert record.wait_for_end() == 5
        assert "exists already" in "".join(record.lines)
    assert (tmp_path / "thesis").read_text() == "years of work"

    path = tmp_path / "a.kscope"
    limited = ["sh", "-c", 'ulimit -f 160; exec "$@"', "sh", sys.executable, "-m", "kernelscope", "record"]
    with subprocess.Popen(
        [*limited, str(kernel.connection_file), "-o", str(path)], stderr=subprocess.PIPE, text=True
    ) as process:
        record = RunningCommand(process, process.stderr)
        record.wait_until(has_attached)
        for number in range(12):
            kernel.run(f"a = {number}  # " + "x" * 10_000)
        assert record.wait_for_end() == 5
        assert "the recording has ended" in "".join(record.lines)
    assert 0 < len(counts(replay(path))) < 12


def test_rejudging_a_recorded_session_gives_the_same_verdicts(kernel: KernelProcess, tmp_path: Path) -> None:
    path = tmp_path / "a.kscope"
    kernel.run("model = None")
    with run_command("record", str(kernel.connection_file), "-o", str(path)) as record:
        record.wait_until(has_attached)
        for code in (MODEL, MODEL, "model.fit([[0], [1]], [0, 1])", "del model"):
            kernel.run(code)
        record.wait_for_end(by=signal.SIGTERM)
    stored = replay(path)
    assert [r["changes"][0]["verdict"] for r in stored if r["type"] == "execution"] == [
        "created",
        "reset",
        "fitted",
        "deleted",
    ]
    assert replay(path, "--rejudge") == stored
