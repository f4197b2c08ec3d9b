"""Checks every byte that reaches a real terminal: hostile text in every screen, line and message."""

from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import pytest

from kernelscope.domain.events import Detached, Event
from kernelscope.storage.recorder import Recorder
from kernelscope.text import clean_block
from tests.kernel.watching import watching
from tests.support.kernels import KernelProcess
from tests.support.script import Story, call, churn, learn
from tests.support.terminal import Terminal

STEERING = (
    "\x1b[2J\x1b[31m",
    "\x1b]0;owned\x07",
    "\x1b]52;c;b3duZWQ=\x07",
    "\x1b]8;;http://evil\x1b\\x\x1b]8;;\x1b\\",
    "\x1bP+q544e\x1b\\\x1b_app\x1b\\\x1b^pm\x1b\\",
    "\x9b31m\x9d0;x\x9c\x90q\x9c",
    "a\x00b\x07c\x08d\re\x7f",
)
SURROGATES = ("\ud800x\udfff", "caf\udce9")
MARKUP = ("x[/]y[/b]", "[@click=app.quit]x[/]", "[bold red]x", "$ks-loss", "[link=http://evil]x[/link]")
WIDTHS = (
    "\u202egpj.exe\u202c\u2066x\u2069",
    "a\u200b\u200c\u200d\u2060\ufeffb",
    "\u3164\u115f\u1160\u034f",
    "e" + "\u0301" * 5_000,
    "\u1100" + "\u1161" * 5_000,
    "模型" * 30,
    "👩\u200d👩\u200d👧 ❤\ufe0f 👍🏽 🇩🇪",
    "क\u094dषि" * 20,
    "a\tb\nc\r\nd\u2028e\x85f",
)

_TIMELINE = "F $ latest"
_JOURNEY = (
    ("F$goj", _TIMELINE),  # unfolded
    *(("\r", "What happened"), *[("\x1b[C", "What happened")] * 4, ("y", "Copied"), ("q", _TIMELINE)),
    *(("d", "before and after"), ("o", "before and after"), ("q", _TIMELINE)),
    *(
        ("c", "re-running each one"),
        ("j\r", "Runs of this cell"),
        ("q", "re-running each one"),
        ("q", _TIMELINE),
    ),
    *(("gGk", _TIMELINE), ("y", "Copied")),
    *(("?", "Keys and glyphs"), ("zz", "zz"), ("\x1b", "-Keys and glyphs")),
    *((":", "Search for commands"), ("zz", "zz"), ("\x1b", "-zz")),
)
"""Keys, and text that must then be on the screen, or after a dash must not: the keys draw every screen."""


def story_of(texts: Iterable[str], *, notebook: str = "/tmp/a.ipynb") -> Story:
    """Build a story with each text as a name, a class, a hyper-parameter, a value, a learned attribute and a source."""
    story = Story(notebook=notebook)
    story.attach()
    for text in texts:
        model = story.new(f"lib.{text}", {text: text, "C": 1.0})
        story.run(f"{text} = 1\n# {text}", names={f"m['{text}']": model})
        model = learn(model, text, "coef_", C=text)
        story.run(f"{text}.fit()", objects=[model], calls=[call(model, text)])
    return story


def write_hostile_recording(events: Iterable[Event], path: Path) -> Path:
    """Write a recording as a stranger could: with any content, none of it escaped."""
    Recorder(path, lambda why: None).close()
    database = sqlite3.connect(path)
    bodies = [(json.dumps(msgspec.to_builtins(event)),) for event in events]
    database.executemany("INSERT INTO events (body) VALUES (?)", bodies)
    database.commit()
    database.close()
    return path


def kernelscope(*arguments: str, folder: Path, size: tuple[int, int] = (120, 36)) -> Terminal:
    env = {"XDG_CACHE_HOME": str(folder / "cache"), "JUPYTER_RUNTIME_DIR": str(folder)}
    return Terminal("-m", "kernelscope", *arguments, size=size, env=env)


def visit_every_screen(path: Path, folder: Path) -> Terminal:
    """Replay a recording and visit every screen of the dashboard; returns the terminal after its end."""
    with kernelscope("replay", str(path), folder=folder) as terminal:
        terminal.wait_until_shown("space plays it")
        for keys, text in _JOURNEY:
            terminal.press(keys)
            if text.startswith("-"):
                terminal.wait_until_gone(text[1:])
            else:
                terminal.wait_until_shown(text)
            terminal.wait_until_quiet()
        assert terminal.process.poll() is None, "no text acts as a command"
        for line in range(3, 12):
            assert terminal.cells[line][78] == "│", f"its width was measured wrongly:\n{terminal.screen}"
        terminal.press("\x03")
        assert terminal.wait() == 0
        assert terminal.restored
    return terminal


@pytest.fixture(scope="module")
def harmless(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """The terminal after the same visit with plain words."""
    folder = tmp_path_factory.mktemp("plain")
    return visit_every_screen(
        write_hostile_recording(story_of(f"word{i}" for i in range(9)).events, folder / "a.kscope"), folder
    )


@pytest.mark.fault(73, 74, 75, 76, 81)
@pytest.mark.parametrize(
    "texts",
    [STEERING + SURROGATES, MARKUP, WIDTHS],
    ids=["steering", "markup", "widths"],
)
def test_no_text_of_a_recording_controls_the_terminal(
    texts: tuple[str, ...], harmless: Terminal, tmp_path: Path
) -> None:
    story = story_of(texts, notebook=f"/tmp/{texts[0]}.ipynb")

    terminal = visit_every_screen(write_hostile_recording(story.events, tmp_path / "a.kscope"), tmp_path)

    assert terminal.strange == []
    assert terminal.shapes <= harmless.shapes
    copied = [base64.b64decode(text).decode() for text in terminal.clipboard]
    assert len(copied) == 2
    (file,) = (path for path in (tmp_path / "cache").rglob("*") if path.is_file())
    assert file.read_text() == copied[-1] + "\n"
    assert all(char.isprintable() or char == "\n" for text in copied for char in text)


@pytest.mark.fault(73)
def test_pasted_text_does_not_control_the_terminal(tmp_path: Path) -> None:
    path = write_hostile_recording(churn().events, tmp_path / "a.kscope")
    with kernelscope("replay", str(path), folder=tmp_path) as terminal:
        terminal.wait_until_shown("RESTORED")
        for opens, text in (("/", "filter by name"), ("?", "type to search"), (":", "Search for commands")):
            terminal.press(opens)
            terminal.wait_until_shown(text)
            terminal.press("\x1b[200~pasted\x9b31m\x07\u202e\x1b]0;owned\x1b[201~")
            terminal.wait_until_shown("pasted")
            terminal.press("\x1b")
            terminal.wait_until_gone("pasted")
        assert terminal.strange == []


_HOSTILE = STEERING[1] + "\x9b31m\u202e[/b]"
_CELL = f"""
class Base: pass
def fit(self, X=None): self.coef_ = 1.0; return self
def make(text):
    named = text.replace("\\0", "").encode(errors="ignore").decode()
    made = type(named, (sklearn_base,), {{"fit": fit, "__init__": lambda self, C=text: None}})()
    made.C = text
    return made
from sklearn.base import BaseEstimator as sklearn_base
m = {{text: make(text).fit() for text in {[*STEERING, *MARKUP, *SURROGATES, *WIDTHS[:3]]!r}}}
# {_HOSTILE!s}
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelProcess]:
    """A kernel whose files and notebook have hostile names, too."""
    folder = tmp_path_factory.mktemp("hostile")
    with KernelProcess(
        folder,
        name=f"kernel-{_HOSTILE.replace('/', '')}.json",
        extra={"jupyter_session": f"/tmp/{_HOSTILE.replace('/', '')}.ipynb"},
    ) as process:
        yield process


def run_code(kernel: KernelProcess, code: str) -> None:
    client = kernel.client()
    client.execute_interactive(code, timeout=60, output_hook=lambda message: None)


@pytest.mark.fault(73, 74, 75, 76)
@pytest.mark.parametrize("how", [["watch"], ["watch", "--json"], ["attach"]], ids=" ".join)
def test_no_text_of_a_kernel_controls_the_terminal(kernel: KernelProcess, how: list[str]) -> None:
    with kernelscope(*how, str(kernel.connection_file), folder=kernel.folder) as terminal:
        terminal.wait_until(lambda t: "attached" in t.printed or "idle" in t.printed)
        run_code(kernel, _CELL)
        terminal.wait_until(lambda t: "m['" in t.printed)
        if how == ["attach"]:
            for keys, text in (("$\r", "What happened"), ("q", _TIMELINE), ("c", "re-running each one")):
                terminal.press(keys)
                terminal.wait_until_shown(text)
        run_code(kernel, "del m")
        terminal.wait_until_quiet()
        terminal.press("\x03")
        assert terminal.wait() in (0, 130)
        assert terminal.strange == []
        assert terminal.restored


@pytest.mark.fault(9, 73)
@pytest.mark.parametrize("how", [["ls"], ["ls", "--json"]], ids=" ".join)
def test_no_file_name_controls_the_terminal(kernel: KernelProcess, how: list[str]) -> None:
    with kernelscope(*how, folder=kernel.folder) as terminal:
        assert terminal.wait() == 0
        assert "owned" in terminal.printed
        assert terminal.strange == []


@pytest.mark.fault(73)
def test_the_picker_s_text_does_not_control_the_terminal(kernel: KernelProcess) -> None:
    other = kernel.folder / "kernel-\x1b]0;stale\x07.json"
    other.write_text(kernel.connection_file.read_text())
    other.chmod(0o600)
    try:
        with kernelscope(folder=kernel.folder) as terminal:
            terminal.wait_until_shown("Attach to a kernel")
            terminal.wait_until(lambda t: t.screen.count(r"\x1b]0;owned") == 2)
            terminal.press("\x1b")
            assert terminal.wait() == 0
            assert terminal.strange == []
            assert terminal.restored
    finally:
        other.unlink()


def _broken_inputs(folder: Path) -> Iterable[tuple[list[str], int]]:
    (wrong := folder / f"a{STEERING[1]}.json").write_text(json.dumps({"transport": _HOSTILE, "ip": _HOSTILE}))
    wrong.chmod(0o600)
    (text := folder / f"b{STEERING[1]}.kscope").write_text(_HOSTILE * 200)
    bad = write_hostile_recording([Detached("over")], folder / "c.kscope")
    database = sqlite3.connect(bad)
    database.execute("UPDATE events SET body = ?", [json.dumps({"type": _HOSTILE, _HOSTILE: 1})])
    database.commit()
    database.close()
    yield ["attach", _HOSTILE], 3
    yield ["attach", str(wrong)], 3
    yield ["replay", str(text)], 5
    yield ["replay", "--json", str(bad)], 5
    yield ["attach", f"--no-such{_HOSTILE}"], 2
    yield ["watch", "--poll", _HOSTILE], 2


@pytest.mark.fault(73)
def test_no_error_controls_the_terminal(tmp_path: Path) -> None:
    for arguments, status in _broken_inputs(tmp_path):
        with kernelscope(*arguments, folder=tmp_path) as terminal:
            if arguments == ["replay", str(tmp_path / f"b{STEERING[1]}.kscope")]:
                terminal.wait_until(lambda t: "is not a recording" in t.printed)  # a long path wraps the line
                terminal.press("q")
            assert terminal.wait() == status, terminal.printed
            assert terminal.printed
            assert terminal.strange == [], arguments


@pytest.mark.fault(77)
async def test_the_kernel_sends_the_first_64_kib_of_a_long_source_and_a_hash(kernel: KernelProcess) -> None:
    code = "# " + "x\x1b" * 1_000_000
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        client = kernel.client()
        for source in (code, code + "y"):
            client.execute(source)
        first, second = [o.run for o in await watch.wait_for_runs(2)]
    for run, source in ((first, code), (second, code + "y")):
        assert run is not None
        assert run.code_cut
        assert run.code == clean_block(source[:65_536])
        assert run.code_hash == hashlib.blake2b(source.encode(), digest_size=12).hexdigest()


@pytest.mark.fault(81)
@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("""'{"type":"waiting","reason":"' || printf('%.*c', 64000000, 'x') || '"}'""", "not a recording"),
        ("printf('%.*c', 100000, '[')", "event 1 cannot be read"),
        (
            """'{"type":"lost","epoch":1,"count":' || printf('%.*c', 10000, '9') || '}'""",
            "event 1 cannot be read",
        ),
        ("""'{"type":"lost","epoch":1,"count":1e999}'""", "event 1 cannot be read"),
    ],
    ids=["64 MB", "deep", "a huge number", "infinite"],
)
def test_an_impossibly_large_recording_is_refused(body: str, why: str, tmp_path: Path) -> None:
    path = write_hostile_recording([Detached("over")], tmp_path / "a.kscope")
    database = sqlite3.connect(path)
    database.execute(f"UPDATE events SET body = {body}")
    database.commit()
    database.close()
    with kernelscope("replay", "--json", str(path), folder=tmp_path) as terminal:
        assert terminal.wait() == 5
        assert why in terminal.printed
        assert "Traceback" not in terminal.printed
