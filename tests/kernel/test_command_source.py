"""Tests `watch -- COMMAND`, which watches the kernels of a command from before their first cell."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
import pytest

from kernelscope.demo import DemoSource
from tests.support.kernels import KernelProcess

BIN = Path(sys.executable).parent
LONG = 60.0
CREATE = "from sklearn.linear_model import LogisticRegression\nmodel = LogisticRegression()"
FIT = "model.fit([[0], [1]], [0, 1])"
RESET = "model = LogisticRegression(C=0.5)"
EXECUTE = "jupyter", "execute", "churn.ipynb"

START = """
from jupyter_client.manager import start_new_kernel
def run(client, code):
    client.execute_interactive(code, output_hook=lambda m: None, timeout=60)
"""


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use a private runtime directory, and turn off debugpy's slow file validation."""
    (tmp_path / "runtime").mkdir(mode=0o700)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")


def write_notebook(folder: Path, *cells: str) -> None:
    """Write a notebook with these cells as ``churn.ipynb``."""
    document = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in cells])  # type: ignore[no-untyped-call]
    nbformat.write(document, folder / "churn.ipynb")  # type: ignore[no-untyped-call]


def run_watch(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kernelscope", "watch", *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONG,
    )


def records(done: subprocess.CompletedProcess[str], kind: str) -> list[dict[str, Any]]:
    return [r for r in map(json.loads, done.stdout.splitlines()) if r["type"] == kind]


def test_a_notebook_that_resets_a_model_fails(tmp_path: Path) -> None:
    write_notebook(tmp_path, CREATE, FIT, RESET)
    expected = "--expect", "model: not reset", "--expect", "*: never unknown"
    done = run_watch(tmp_path, "--json", *expected, "--", *EXECUTE)

    assert done.returncode == 1, done.stderr
    (attached,) = records(done, "attached")
    assert attached["kernel"]["execution_count"] == 0
    assert [r["execution_count"] for r in records(done, "execution")] == [1, 2, 3]
    outcomes = {r["expectation"]: r for r in records(done, "expectation")}
    assert [r["outcome"] for r in outcomes.values()] == ["broken", "holds"]
    (finding,) = outcomes["model: not reset"]["findings"]
    assert (finding["name"], finding["execution_count"]) == ("model", 3)
    assert finding["change"]["verdict"] == "reset"
    assert "expected otherwise: In [3] model was replaced" in done.stderr
    assert "executing churn.ipynb" in done.stderr.lower(), "the command's own output goes to standard error"


def test_a_kernel_that_dies_in_a_cell_fails_the_check(tmp_path: Path) -> None:
    code = f"{START}\nm, c = start_new_kernel()\nrun(c, {CREATE!r})\n"
    code += "c.execute('import os; os._exit(1)')\nwhile m.is_alive(): pass\nc.stop_channels()"
    done = run_watch(tmp_path, "--json", "--expect", "model: not reset", "--", sys.executable, "-c", code)

    assert done.returncode == 1, done.stderr
    (result,) = records(done, "expectation")
    assert result["outcome"] == "unknown"
    sentence = result["findings"][0]["sentence"]
    assert "the kernel died after In [1]" in sentence or "still running at the end" in sentence


def test_successive_kernels_are_epochs_and_a_concurrent_one_is_reported_as_not_watched(
    tmp_path: Path,
) -> None:
    end = "c.stop_channels(); m.shutdown_kernel()"
    one_by_one = f"{START}\nfor _ in 'ab':\n  m, c = start_new_kernel()\n  run(c, {CREATE!r})\n  {end}\n"
    beside = "m, c = start_new_kernel(); n, d = start_new_kernel()\n" + end.replace("c.", "d.").replace(
        "m.", "n."
    )
    script = f"{one_by_one}\n{beside}\n{end}"
    done = run_watch(tmp_path, "--json", "--expect", "*: created once", "--", sys.executable, "-c", script)

    assert done.returncode == 1
    assert [r["epoch"] for r in records(done, "attached")] == [1, 2, 3]
    assert [(r["epoch"], r["execution_count"]) for r in records(done, "execution")] == [(1, 1), (2, 1)]
    assert [r["outcome"] for r in records(done, "expectation")] == ["holds"]
    assert "a kernel that started beside another one is not watched" in done.stderr
    assert "cannot be decided for kernels that were not watched" in done.stderr


@pytest.mark.parametrize(
    ("command", "status", "message"),
    [
        (["--", "true"], 3, "true started no kernel that could be watched"),
        (["--", "sh", "-c", "exit 7"], 7, "ended with exit status 7"),
        (["--", "no-such-command-here"], 2, "cannot be run"),
        (["--"], 2, "a command after --"),
        (["5e1c", "--", "true"], 2, "a connection, or a command"),
    ],
)
def test_a_command_without_a_kernel_is_an_error(
    tmp_path: Path, command: list[str], status: int, message: str
) -> None:
    done = run_watch(tmp_path, *command)
    assert (done.returncode, done.stdout.replace("detached: true has ended\n", "")) in [
        (status, ""),
        (status, "detached: sh -c exit 7 has ended\n"),
    ]
    assert message in done.stderr


def test_no_folder_stays_behind_even_if_the_command_did_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there.kscope").touch()
    with TemporaryDirectory(dir="/tmp") as temporary:  # its path is short enough for a socket
        monkeypatch.setenv("TMPDIR", temporary)
        for file, status in (("there.kscope", 5), ("new.kscope", 3)):
            done = run_watch(tmp_path, "--record", file, "--", "sh", "-c", 'ls "$TMPDIR"')
            assert done.returncode == status, done.stderr
            assert ("kernelscope-" in done.stderr) == (file == "new.kscope"), "there is one meanwhile"
            assert list(Path(temporary).iterdir()) == []
        assert run_watch(tmp_path, "--", "no-such-command-here").returncode == 2
        assert list(Path(temporary).iterdir()) == []


def test_a_demo_that_does_not_start_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = sorted(tmp_path.iterdir())
    DemoSource()
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("in_order", [True, False])
def test_a_running_kernel_is_judged_after_its_shutdown(tmp_path: Path, in_order: bool) -> None:
    with KernelProcess(tmp_path) as kernel:
        command = [sys.executable, "-m", "kernelscope", "watch", str(kernel.connection_file)]
        process = subprocess.Popen(
            [*command, "--expect", "model: not reset"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        while (line := process.stdout.readline()).startswith("waiting"):
            pass  # the kernel is slow to answer on a busy machine
        assert line.startswith("attached")
        kernel.run(CREATE)
        if in_order:
            kernel.client().shutdown()
            kernel.process.wait(LONG)
        else:
            kernel.kill()
        kernel.connection_file.unlink()  # as the process that started it does
        out, err = process.communicate(timeout=LONG)
    assert process.returncode == (0 if in_order else 1), out
    assert out.splitlines()[-1 if in_order else -2].split()[0] == ("holds" if in_order else "UNDECIDED")
    assert "has ended" in err


def test_the_kernel_does_not_notice_the_command_and_also_starts_unwatched(tmp_path: Path) -> None:
    code = f'{START}\nm, c = start_new_kernel()\nrun(c, \'import os; open("env", "w").write(str(os.environ))\')\n'
    code += "c.stop_channels(); m.shutdown_kernel()"
    gone = {"JUPYTER_DEFAULT_PROVISIONER_NAME": "kernelscope", "KERNELSCOPE_MEETING": str(tmp_path / "gone")}
    subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, **gone}, check=True, timeout=LONG
    )
    output = (tmp_path / "env").read_text()
    assert "JUPYTER_RUNTIME_DIR" in output
    assert "KERNELSCOPE_MEETING" not in output
    assert "PROVISIONER" not in output


def test_a_signal_ends_the_command(tmp_path: Path) -> None:
    code = f"{START}\nimport os\nm, c = start_new_kernel()\nrun(c, {CREATE!r})\n"
    code += "open('pid', 'w').write(f'{os.getpid()}')\nimport time; time.sleep(60)"
    arguments = ["--expect", "model: reset", "--", sys.executable, "-c", code]
    process = subprocess.Popen(
        [sys.executable, "-m", "kernelscope", "watch", *arguments],
        cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    while "created" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    out = process.communicate(timeout=LONG)[0]
    assert process.returncode == 1
    assert "detached: on request" in out
    assert out.splitlines()[-2:] == ["BROKEN     model: reset", "           model was never reset"]
    pid = (tmp_path / "pid").read_text() if (tmp_path / "pid").exists() else ""
    assert not pid or not Path(f"/proc/{pid}").exists()


SLOW_TO_END = """
import sys
class Slow:
    def __del__(self, sleep=__import__("time").sleep):
        sleep(3)
sys.slow = Slow()  # goes after the kernel's sockets
"""


@pytest.mark.parametrize("cells", [(CREATE, FIT), (CREATE, SLOW_TO_END)], ids=["ordinary", "slow to end"])
def test_a_kernel_that_is_shutting_down_is_not_reported_as_unreachable(
    tmp_path: Path, cells: tuple[str, ...]
) -> None:
    write_notebook(tmp_path, *cells)
    for _ in range(3):
        done = run_watch(tmp_path, "--json", "--", *EXECUTE)
        assert done.returncode == 0, done.stderr
        assert [r["execution_count"] for r in records(done, "execution")] == [1, 2]
        assert [r["state"] for r in records(done, "kernel") if r["state"] == "unreachable"] == []


def test_a_stopped_kernel_is_reported_as_not_answering(tmp_path: Path) -> None:
    stop = "import os, signal\nopen('pid', 'w').write(str(os.getpid()))\nos.kill(os.getpid(), signal.SIGSTOP)"
    write_notebook(tmp_path, CREATE, stop)
    process = subprocess.Popen(
        [sys.executable, "-m", "kernelscope", "watch", "--", *EXECUTE],
        cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    output = ""
    try:
        while not output.startswith("kernel not answering"):
            output = process.stdout.readline()
            assert output
    finally:
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGCONT)
    out = process.communicate(timeout=LONG)[0]
    assert "its process is stopped" in output
    assert process.returncode == 0
    assert "In [2]" in out


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_two_signals_at_once_leave_no_folder(name: str) -> None:
    """``timeout`` sends one to the process and one to its group."""
    number = getattr(signal, name)
    command = [sys.executable, "-m", "kernelscope", "watch", "--", "sleep", "60"]
    for _ in range(4):
        with TemporaryDirectory() as folder:  # of a short name, for the socket
            process = subprocess.Popen(
                command, env={**os.environ, "TMPDIR": folder}, start_new_session=True,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            while not any(Path(folder).glob("kernelscope-*/meeting")):
                assert process.poll() is None
                time.sleep(0.01)
            os.killpg(process.pid, number)
            os.killpg(process.pid, number)
            process.wait(timeout=LONG)
            assert list(Path(folder).iterdir()) == []
