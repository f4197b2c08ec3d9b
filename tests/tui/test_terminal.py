"""Runs kernelscope on terminals of every kind, and checks how it leaves them and the kernel."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kernelscope.storage.recorder import Recorder
from kernelscope.timeline.timeline import Update
from tests.kernel.watching import INSTALLED, evaluate
from tests.support.kernels import KernelProcess
from tests.support.script import Story, churn
from tests.support.terminal import Terminal

HERE = Path(__file__).parents[2]


def write_recording(story: Story, path: Path) -> str:
    recorder = Recorder(path, lambda why: None)
    for event in story.events:
        recorder(Update(event))
    recorder.close()
    return str(path)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_recording(churn(), tmp_path_factory.mktemp("recording") / "a.kscope")


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelProcess]:
    with KernelProcess(tmp_path_factory.mktemp("kernel")) as process:
        yield process


def replay(recording: str, size: tuple[int, int] = (120, 36), env: dict[str, str] | None = None) -> Terminal:
    return Terminal("-m", "kernelscope", "replay", recording, size=size, env=env)


# Sizes.


@pytest.mark.fault(78)
@pytest.mark.parametrize(
    ("size", "text"), [((1, 1), "k"), ((20, 5), "kernelscope needs"), ((10_000, 1), "needs 60×12")]
)
def test_no_size_crashes_the_dashboard(recording: str, size: tuple[int, int], text: str) -> None:
    with replay(recording, size) as terminal:
        terminal.wait_until_shown(text)
        terminal.press("oq")
        assert terminal.wait() == 0
        assert terminal.strange == []
        assert terminal.restored


@pytest.mark.fault(78)
def test_many_resizes_end_at_the_last_size(recording: str) -> None:
    with replay(recording) as terminal:
        terminal.wait_until_shown("RESTORED")
        for number in range(200):
            terminal.resize(1 + number * 37 % 300, 1 + number * 23 % 90)
        terminal.wait_until_quiet()  # Textual may handle one signal inside another, and use the earlier size
        terminal.resize(100, 30)
        terminal.wait_until(
            lambda t: "RESTORED" in t.screen and "END" in t.lines[0] and "q quit" in t.lines[29]
        )
        terminal.press("q")
        assert terminal.wait() == 0
        assert terminal.restored


# Limited terminals, and none.


@pytest.mark.fault(78)
def test_a_terminal_without_cursor_control_gets_lines(recording: str, kernel: KernelProcess) -> None:
    with replay(recording, env={"TERM": "dumb"}) as terminal:
        assert terminal.wait() == 0
        assert "restored" in terminal.printed
        assert terminal.shapes <= {"\r", "\n"}
    attach = ("-m", "kernelscope", "attach", str(kernel.connection_file))
    with Terminal(*attach, env={"TERM": "dumb"}) as terminal:
        terminal.wait_until_shown("attached to")
        terminal.press("\x03")
        assert terminal.wait() == 130
        assert terminal.shapes <= {"\r", "\n"}
        assert "printing the runs as lines" in terminal.screen
    assert not evaluate(kernel.client(), INSTALLED)


def run_piped(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kernelscope", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


@pytest.mark.fault(78)
def test_without_a_terminal_there_are_lines_or_an_error(recording: str, kernel: KernelProcess) -> None:
    lines = run_piped("replay", recording)
    assert (lines.returncode, lines.stderr) == (0, "")
    assert "\x1b" not in lines.stdout
    assert "restored" in lines.stdout
    refused = run_piped("attach", str(kernel.connection_file))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "needs a terminal" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.fault(79)
def test_the_dashboard_can_be_read_without_colours(recording: str) -> None:
    screens: dict[str, str] = {}
    for name, keys, env in (
        ("dark", "", {}),
        ("light", "t", {}),
        ("no colour", "", {"NO_COLOR": "1"}),
        ("16 colours", "", {"TERM": "xterm-16color", "COLORTERM": ""}),
    ):
        with replay(recording, env=env) as terminal:
            terminal.wait_until_shown("RESTORED")
            terminal.press(keys + "o")
            terminal.wait_until_shown("▾")
            terminal.wait_until_quiet()
            screens[name] = terminal.screen
            terminal.press("q")
            assert terminal.wait() == 0
            assert terminal.restored
    assert set(screens.values()) == {screens["dark"]}, screens
    for glyph in "●○◆➤◇▲✎↺≈=✕▣⊘▌":
        assert glyph in screens["dark"]


# A kernel at work.

_POLLS = "'kernelscope-poll' in [t.name for t in __import__('threading').enumerate()]"
_TRAINING = """
import os
from sklearn.linear_model import SGDClassifier
clf = SGDClassifier()
while not os.path.exists("enough"): clf.partial_fit([[0.0], [1.0]], [0, 1], classes=[0, 1])
"""


def test_polling_a_real_kernel_takes_a_key_and_a_confirmation(kernel: KernelProcess) -> None:
    client = kernel.client()
    with Terminal("-m", "kernelscope", str(kernel.connection_file)) as terminal:
        terminal.wait_until_shown("No models yet")
        terminal.press("p")
        terminal.wait_until_shown("Poll between runs as well?")
        assert not evaluate(client, _POLLS)
        terminal.press("\r")
        terminal.wait_until_shown("polls every 5 s")
        terminal.wait_until(lambda t: evaluate(client, _POLLS))
        terminal.press("p")
        terminal.wait_until_shown("Stop polling between runs?")
        terminal.press("\r")
        terminal.wait_until_gone("polls every 5 s")
        terminal.wait_until(lambda t: not evaluate(client, _POLLS))
        terminal.press("q")
        assert terminal.wait() == 0


def test_movements_of_a_real_running_cell_are_shown(kernel: KernelProcess) -> None:
    client = kernel.client()
    with Terminal("-m", "kernelscope", str(kernel.connection_file)) as terminal:
        terminal.wait_until_shown("No models yet")
        client.execute("clf = None")
        request = client.execute(_TRAINING)
        terminal.wait_until(lambda t: "has been running for" in t.screen and "∿ clf t_ " in t.screen)
        (kernel.folder / "enough").touch()
        while client.get_shell_msg(timeout=60)["parent_header"].get("msg_id") != request:
            pass
        terminal.wait_until(lambda t: "CREATED" in t.screen and "∿" not in t.screen)
        terminal.press("q")
        assert terminal.wait() == 0
    client.execute_interactive("del clf", timeout=60)


# How it ends.


@pytest.mark.fault(80)
def test_the_dashboard_can_be_suspended_and_continued(recording: str) -> None:
    with replay(recording) as terminal:
        terminal.wait_until_shown("RESTORED")
        for _ in range(2):
            terminal.press("\x1a")
            terminal.wait_until(lambda t: is_stopped(t) and t.restored)
            terminal.cells = [[" "] * 120 for _ in range(36)]
            os.kill(terminal.process.pid, signal.SIGCONT)
            terminal.wait_until(lambda t: "RESTORED" in t.screen and "1049" in t.modes)
        terminal.press("q")
        assert terminal.wait() == 0
        assert terminal.restored


def is_stopped(terminal: Terminal) -> bool:
    status = Path(f"/proc/{terminal.process.pid}/stat").read_text()
    return status.rpartition(")")[2].split()[0] == "T"


def _sent(name: str) -> Callable[[Terminal], None]:
    return lambda terminal: os.kill(terminal.process.pid, getattr(signal, name))


_ENDS: dict[str, tuple[Callable[[Terminal], None], int]] = {
    "q": (lambda terminal: terminal.press("q"), 0),
    "ctrl+c": (lambda terminal: terminal.press("\x03"), 0),
    "SIGINT": (_sent("SIGINT"), 130),
    "SIGTERM": (_sent("SIGTERM"), 130),
    "SIGHUP": (_sent("SIGHUP"), 130),
    "closed": (Terminal.hang_up, 130),
}


@pytest.mark.fault(80)
def test_however_it_ends_the_probe_is_uninstalled_and_the_terminal_restored(
    kernel: KernelProcess, record_property: Callable[[str, object], None]
) -> None:
    client = kernel.client()
    took = {}
    for name, (end, status) in _ENDS.items():
        with Terminal("-m", "kernelscope", str(kernel.connection_file)) as terminal:
            terminal.wait_until_shown("No models yet")
            assert evaluate(client, INSTALLED)
            began = time.monotonic()
            end(terminal)
            assert terminal.wait() == status, name
            took[name] = time.monotonic() - began
            assert terminal.closed or terminal.restored, name
            assert terminal.strange == []
            assert "Traceback" not in terminal.printed
        assert not evaluate(client, INSTALLED), name
    record_property(
        "table", "\n".join(f"{n:<8} {s:.2f} s until the process had ended" for n, s in took.items())
    )


@pytest.mark.fault(80)
def test_quitting_does_not_wait_for_a_busy_kernel(kernel: KernelProcess) -> None:
    """The kernel reads the detach after its cell has ended; our process has ended long before."""
    client, go = kernel.client(), kernel.folder / "go"
    for end in (_sent("SIGHUP"), Terminal.hang_up):
        with Terminal("-m", "kernelscope", str(kernel.connection_file)) as terminal:
            terminal.wait_until_shown("No models yet")
            request = client.execute("import os, time\nwhile not os.path.exists('go'): time.sleep(0.02)")
            terminal.wait_until_shown("showing after")
            end(terminal)
            assert terminal.wait() == 130
            assert terminal.closed or terminal.restored
        go.touch()
        while client.get_shell_msg(timeout=60)["parent_header"].get("msg_id") != request:
            pass
        go.unlink()
        assert not evaluate(client, INSTALLED)


@pytest.mark.fault(80)
def test_a_terminal_that_disappears_without_a_signal_is_noticed(kernel: KernelProcess) -> None:
    """No signal comes, but every write fails."""
    client = kernel.client()
    with Terminal("-m", "kernelscope", str(kernel.connection_file), controlling=False) as terminal:
        terminal.wait_until_shown("No models yet")
        terminal.hang_up()
        for _ in range(3):
            client.execute_interactive("pass", timeout=60)
        assert terminal.wait() != 0
    assert not evaluate(client, INSTALLED)


@pytest.mark.fault(80)
def test_the_picker_restores_the_terminal_too(tmp_path: Path) -> None:
    for name in ("SIGTERM", "SIGHUP"):
        with Terminal("-m", "kernelscope", env={"JUPYTER_RUNTIME_DIR": str(tmp_path)}) as terminal:
            terminal.wait_until_shown("No running kernel found")
            _sent(name)(terminal)
            assert terminal.wait() == 130
            assert terminal.restored


_STUMBLES = """
import sys
from kernelscope.cli import main
from kernelscope.tui.state.view_state import ViewState
def broken(view): raise RuntimeError("odd \\x1b]0;owned\\x07[/b]")
ViewState.sort = broken
main(sys.argv[1:])
"""


@pytest.mark.fault(80, 73)
def test_a_bug_of_our_own_is_a_sentence_and_the_probe_is_uninstalled(kernel: KernelProcess) -> None:
    with Terminal("-c", _STUMBLES, str(kernel.connection_file)) as terminal:
        terminal.wait_until_shown("No models yet")
        terminal.press("s")
        assert terminal.wait() == 1
        assert r"kernelscope hit an internal error: RuntimeError: odd \x1b]0;owned\x07[/b]" in terminal.screen
        assert "Traceback" not in terminal.printed
        assert terminal.strange == []
        assert terminal.restored
    assert not evaluate(kernel.client(), INSTALLED)
