"""Reads connection info from standard input: it works like a file, and its key is written nowhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.watching import LONG
from tests.support.kernels import KernelProcess

MODEL = "from sklearn.linear_model import LogisticRegression\nmodel = LogisticRegression()"


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[KernelProcess]:
    (folder := tmp_path / "kernel").mkdir()
    with KernelProcess(folder) as process:
        yield process


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that contains every folder for a program's own files."""
    (folder := tmp_path / "private").mkdir()
    for name in (
        "TMPDIR",
        "HOME",
        "XDG_CACHE_HOME",
        "XDG_RUNTIME_DIR",
        "XDG_DATA_HOME",
        "JUPYTER_RUNTIME_DIR",
    ):
        (folder / name).mkdir(mode=0o700)
        monkeypatch.setenv(name, str(folder / name))
    return folder


def files_with_key(folder: Path, kernel: KernelProcess) -> list[Path]:
    key = json.loads(kernel.connection_file.read_text())["key"].encode()
    assert len(key) > 8
    return [path for path in folder.rglob("*") if path.is_file() and key in path.read_bytes()]


def connect_info(kernel: KernelProcess) -> bytes:
    """Return what ``%connect_info`` prints."""
    return kernel.connection_file.read_bytes() + b"\n\nPaste the above JSON into a file, and connect with:\n"


@contextmanager
def watch(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "kernelscope", *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def send_info(process: subprocess.Popen[bytes], kernel: KernelProcess) -> None:
    assert process.stdin is not None
    process.stdin.write(connect_info(kernel))
    process.stdin.flush()


def close_input(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    process.stdin = None


def test_a_killed_watcher_leaves_no_key(kernel: KernelProcess, private: Path) -> None:
    with watch("watch", "-", "--json") as process:
        send_info(process, kernel)
        close_input(process)
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        assert (first["type"], first["kernel"]["connection_file"]) == ("attached", "standard input")
        assert files_with_key(private, kernel) == []
        process.kill()
        process.wait(LONG)
        assert files_with_key(private, kernel) == []
    (control := private / "TMPDIR" / "control").write_bytes(connect_info(kernel))
    assert files_with_key(private, kernel) == [control]


def test_a_watcher_that_is_killed_before_it_attaches_leaves_no_key(
    kernel: KernelProcess, private: Path
) -> None:
    busy = kernel.queue("from pathlib import Path\nwhile not Path('go').exists(): pass")
    with watch("watch", "-", "--json") as process:
        send_info(process, kernel)
        assert files_with_key(private, kernel) == []
        close_input(process)
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["type"] == "waiting"
        assert files_with_key(private, kernel) == []
        process.kill()
        process.wait(LONG)
        assert files_with_key(private, kernel) == []
    (kernel.folder / "go").touch()
    assert kernel.wait(busy)["status"] == "ok"


def test_runs_and_a_restart_are_reported_as_with_a_file(kernel: KernelProcess, private: Path) -> None:
    with watch("watch", "-", "--json") as process:
        send_info(process, kernel)
        close_input(process)
        assert process.stdout is not None
        while (first := json.loads(process.stdout.readline()))["type"] == "waiting":
            pass
        assert first["type"] == "attached"
        kernel.run(MODEL)
        records: list[dict[str, Any]] = []
        while not records or records[-1]["type"] != "execution":
            records.append(json.loads(process.stdout.readline()))
        assert [change["verdict"] for change in records[-1]["changes"]] == ["created"]
        kernel.restart()
        while records[-1]["type"] != "attached":
            records.append(json.loads(process.stdout.readline()))
        assert records[-1]["epoch"] == 2


def test_the_other_commands_read_it_too(kernel: KernelProcess, private: Path, tmp_path: Path) -> None:
    kernel.run(MODEL)
    for arguments, output in (
        (["explain", "-", "model"], b"model"),
        (["export", "-", "--to", "markdown"], b"model"),
        (["audit", "-", "--for", "0s"], b"standard input"),
        (["detach", "-"], b"there was no probe in the kernel"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "kernelscope", *arguments],
            input=connect_info(kernel), capture_output=True, check=False, timeout=LONG,
        )  # fmt: skip
        assert done.returncode == 0, (arguments, done.stderr)
        assert output in done.stdout, arguments
    assert files_with_key(private, kernel) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hb_port": 0}, "standard input: hb_port is 0"),
        ({"key": "another"}, "the kernel does not answer to the key in standard input"),
        ({"transport": "ipc", "ip": None}, "standard input: ip is missing"),
    ],
)
def test_invalid_info_is_a_clear_error(
    kernel: KernelProcess, private: Path, changes: dict[str, object], words: str
) -> None:
    raw = {**json.loads(kernel.connection_file.read_text()), **changes}
    raw = {name: value for name, value in raw.items() if value is not None}
    done = subprocess.run(
        [sys.executable, "-m", "kernelscope", "detach", "-"],
        input=json.dumps(raw).encode(), capture_output=True, check=False, timeout=LONG,
    )  # fmt: skip
    assert done.returncode == 3
    assert words in done.stderr.decode()
    assert list((private / "TMPDIR").iterdir()) == []


@pytest.mark.parametrize(
    "command", [["export", "--to", "csv", "-o"], ["record", "-o"], ["watch", "--record"]]
)
def test_the_connection_file_and_its_notebook_are_not_overwritten(
    kernel: KernelProcess, tmp_path: Path, command: list[str]
) -> None:
    (notebook := tmp_path / "churn.ipynb").write_text('{"cells": [], "nbformat": 4}')
    raw = {**json.loads(kernel.connection_file.read_text()), "jupyter_session": str(notebook)}
    (file := tmp_path / "kernel-copy.json").write_text(json.dumps(raw))
    file.chmod(0o600)
    (link := tmp_path / "link").symlink_to(file)
    os.link(notebook, hard := tmp_path / "hard")
    before = file.read_bytes(), notebook.read_bytes()
    for output in (file, link, notebook, hard):
        done = subprocess.run(
            [sys.executable, "-m", "kernelscope", command[0], str(file), *command[1:], str(output)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=LONG,
        )  # fmt: skip
        assert done.returncode == 2, (output, done.stderr)
        assert f"the output ({output}) is the same file as the source" in done.stderr
    assert (file.read_bytes(), notebook.read_bytes()) == before


def test_a_notebook_that_only_the_kernel_knows_is_not_overwritten(tmp_path: Path) -> None:
    (notebook := tmp_path / "churn.ipynb").write_text('{"cells": [], "nbformat": 4}')
    (folder := tmp_path / "kernel").mkdir()
    with KernelProcess(folder, env={"JPY_SESSION_NAME": str(notebook)}) as kernel:
        for output, status in ((notebook, 2), (tmp_path / "other.csv", 0)):
            done = subprocess.run(
                [
                    sys.executable, "-m", "kernelscope", "export", str(kernel.connection_file), "--to", "csv",
                    "-o", str(output),
                ],
                stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=LONG,
            )  # fmt: skip
            assert done.returncode == status, done.stderr
    assert notebook.read_text() == '{"cells": [], "nbformat": 4}'
    assert (tmp_path / "other.csv").read_text().startswith("epoch,")


def test_an_export_does_not_replace_the_file_that_it_reads_from_standard_input(kernel: KernelProcess) -> None:
    before = kernel.connection_file.read_bytes()
    command = [
        sys.executable,
        "-m",
        "kernelscope",
        "export",
        "-",
        "--to",
        "csv",
        "-o",
        str(kernel.connection_file),
    ]
    with kernel.connection_file.open("rb") as standard_input:
        done = subprocess.run(
            command, stdin=standard_input, capture_output=True, text=True, check=False, timeout=LONG
        )
    assert done.returncode == 2
    assert "is the same file as the source" in done.stderr
    assert kernel.connection_file.read_bytes() == before
