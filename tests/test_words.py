"""Tests what commands print about expectations, names and themselves: check, explain, help, manual, completion, info."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from kernelscope import cli
from kernelscope.cli.manual import PAGE, render_manual
from kernelscope.domain.events import Detached
from kernelscope.expectations.grammar import LANGUAGE
from kernelscope.session import Session
from kernelscope.storage.recorder import Recorder
from tests.support.script import ScriptedSource, churn

BIN = Path(sys.executable).parent
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command; returns its exit status, output and messages."""

    def call(*arguments: str) -> tuple[int, str, str]:
        status = 0
        try:
            cli.main(list(arguments))
        except SystemExit as end:
            status = int(end.code or 0)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return status, out, err

    return call


@pytest.fixture
def recording(tmp_path: Path) -> str:
    """A recording of the scripted session."""
    session = Session(ScriptedSource([*churn().events, Detached("over")]))
    recorder = Recorder(tmp_path / "a.kscope", pytest.fail)
    session.listen(recorder)
    asyncio.run(session.run())
    recorder.close()
    return str(tmp_path / "a.kscope")


# Expectations and histories of a recording.


def test_outcomes_are_printed_as_lines_and_decide_the_status(run: Run, recording: str) -> None:
    assert run("check", recording, "--expect", "*: created at most once")[:2] == (
        0,
        "holds      *: created at most once\n",
    )
    status, out, err = run("check", recording, "--expect", "*: not reset", "--expect", "modle: not reset")
    assert (status, err) == (1, "")
    assert re.match(r"BROKEN     \*: not reset\n {11}In \[\d+\] \w+ was replaced", out)
    assert re.search(
        r"UNDECIDED  modle: not reset\n {11}no model was ever called modle; did you mean model\?", out
    )


def test_results_as_json(run: Run, recording: str) -> None:
    status, out, _ = run("check", recording, "--json", "--expect", "*: not reset", "--expect", "*: untouched")
    results = [json.loads(line) for line in out.splitlines()]
    assert status == 1
    assert [r["outcome"] for r in results] == ["broken", "broken"]
    assert {*results[0]} == {"type", "expectation", "outcome", "findings"}
    assert {*results[0]["findings"][0]} == {"name", "epoch", "execution_count", "sentence", "change"}
    assert {f["change"]["verdict"] for f in results[0]["findings"]} == {"reset"}


def test_expectations_come_from_a_file_as_well(run: Run, recording: str, tmp_path: Path) -> None:
    (file := tmp_path / "e.txt").write_text("# all of them\n\n*: created at most once\n  pipe: not deleted\n")
    assert run("check", recording, "--expect", f"@{file}")[1].count("\n") == 2
    file.write_text("*: created\n*: craeted\n")
    status, out, err = run("check", recording, "--expect", f"@{file}")
    assert (status, out) == (2, "")
    assert "e.txt, line 2: an expectation cannot be read" in err
    assert "did you mean created?" in err
    file.write_text("# none\n")
    assert run("check", recording, "--expect", f"@{file}")[0] == 2
    assert run("check", recording, "--expect", "@nowhere")[0] == 2


def test_an_invalid_recording_or_expectation_is_an_error(run: Run, recording: str, tmp_path: Path) -> None:
    (empty := tmp_path / "b.kscope").touch()
    assert run("check", str(empty), "--expect", "*: created")[0] == 5
    assert run("explain", str(empty), "model")[0] == 5
    assert run("explain", str(tmp_path / "none.kscope"), "model")[0] == 5
    assert run("check", recording)[0] == 2
    status, out, err = run("check", recording, "--expect", "model: nto reset")
    assert (status, out) == (2, "")
    assert err.splitlines()[1:] == ["  model: nto reset", "         ^^^ did you mean not?"]
    assert run("watch", "nothing-like-it", "--expect", "model")[0] == 2, "before it looks for a kernel"


def test_a_name_is_explained_from_a_recording(run: Run, recording: str) -> None:
    status, out, err = run("explain", recording, "model")
    assert (status, err) == (0, "")
    assert out.splitlines()[0] == "model"
    assert "Now model holds" in out
    record = json.loads(run("explain", recording, "model", "--json")[1])
    assert {*record} == {"type", "schema", "name", "story", "holds", "end", "again"}
    assert "left out" not in out
    assert all(c["sentence"] in out for c in record["story"])
    count = next(c["execution_count"] for c in record["story"] if c["kind"] == "run")
    early = json.loads(run("explain", recording, "model", "--at", f"1:{count}", "--json")[1])
    assert early["story"] == [c for c in record["story"] if c["execution_count"] <= count and c["epoch"] == 1]


def test_an_unknown_name_is_an_error(run: Run, recording: str) -> None:
    status, out, err = run("explain", recording, "modle")
    assert (status, out) == (1, "")
    assert "no model was ever called modle; did you mean model?" in err
    assert run("explain", recording, "model", "--at", "999")[0] == 1
    assert run("explain", recording, "model", "--at", "soon")[0] == 2
    assert run("explain", "a", "b", "c")[0] == 2


# Help and manual.


@pytest.mark.parametrize("name", sorted(cli.cli.commands))
def test_the_help_of_a_command_has_an_example_that_can_be_read(name: str, run: Run) -> None:
    status, out, _ = run(name, "--help")
    assert status == 0
    examples = re.findall(
        rf"^    (?:source <\()?(kernelscope(?: {name})? .*|kernelscope {name})$", out, re.MULTILINE
    )
    assert examples or name == "completion"
    assert max(map(len, out.splitlines())) < 100


def test_every_command_is_in_the_help(run: Run) -> None:
    listed = [name for members in cli.GROUPS.values() for name in members]
    assert {*cli.cli.commands} <= {*listed}
    assert len(listed) == len(set(listed))
    out = run("--help")[1]
    for name, command in cli.cli.commands.items():
        assert re.search(rf"^  {name} +{re.escape(command.short_help or '')}$", out, re.MULTILINE)


def test_the_manual_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_manual(), "python -m kernelscope.cli.manual writes it"


def test_the_manual_can_be_shown(tmp_path: Path) -> None:
    if shutil.which("groff") is None:
        pytest.skip("there is no groff")
    done = subprocess.run(
        ["groff", "-man", "-Tascii", "-ww", "-P-cbou", "-rLL=100n", str(PAGE)], capture_output=True, text=True, check=True
    )  # fmt: skip
    assert done.stderr == ""
    for name, command in cli.cli.commands.items():
        assert f"kernelscope {name}" in done.stdout
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.opts[-1] in done.stdout
    assert all(" ".join(line.split()) in " ".join(done.stdout.split()) for line in LANGUAGE.splitlines())


# Versions and paths.


def test_info_prints_versions_and_paths_and_no_key(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kernel-5e1c.json").write_text('{"key": "5ecret-5ecret"}')
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("TERM", "xterm\x1b[31m")
    status, out, err = run("info")
    assert (status, err) == (0, "")
    assert str(tmp_path) in out
    assert "\x1b" not in out
    record = json.loads(run("info", "--json")[1])
    assert {*record} == {"versions", "paths", "kernel", "environment", "terminal"}
    assert record["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert str(tmp_path) in record["paths"]["runtime_dirs"]
    assert "5ecret" not in out + json.dumps(record)


def test_info_loads_nothing_heavy() -> None:
    code = "import sys; from kernelscope.cli import main; main(['info'])"
    show_modules = (
        "; print([m for m in ('textual', 'sklearn', 'jupyter_client', 'zmq', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code + show_modules], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


# Completion.


def suggest(shell: str, script: str, home: Path) -> list[str]:
    """Return what the shell suggests for a command line, with the completion script loaded."""
    executable = shutil.which(shell)
    if executable is None:
        pytest.skip(f"there is no {shell}")
    environment = {
        **os.environ,
        "JUPYTER_RUNTIME_DIR": str(home),
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
    }
    environment.pop("XDG_RUNTIME_DIR", None)
    done = subprocess.run(
        [executable, "-c", script],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.split()


BASH = """
source <(kernelscope completion bash)
COMP_WORDS=({words}) COMP_CWORD={place}
_kernelscope_completion kernelscope 2>/dev/null
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(
    ("words", "place", "wanted"),
    [
        ("kernelscope ''", 1, {"watch", "explain", "kernel-5e1c.json", "churn.ipynb"}),
        ("kernelscope wa", 1, {"watch"}),
        ("kernelscope kernel-5", 1, {"kernel-5e1c.json"}),
        ("kernelscope watch --ex", 2, {"--expect"}),
        ("kernelscope attach ch", 2, {"churn.ipynb"}),
        ("kernelscope replay ''", 2, {"a.kscope"}),
        ("kernelscope explain a", 2, {"a.kscope"}),
        ("kernelscope explain a.kscope mo", 3, {"model"}),
        ("kernelscope completion ''", 2, {"bash", "zsh", "fish"}),
    ],
)
def test_bash_completes_arguments(words: str, place: int, wanted: set[str], recording: str) -> None:
    home = Path(recording).parent
    info = {"jupyter_session": str(home / "churn.ipynb"), "key": "5ecret"}
    (home / "kernel-5e1c.json").write_text(json.dumps(info))
    suggestions = suggest("bash", BASH.format(words=words, place=place), home)
    assert wanted <= {*suggestions}
    if words.split()[-1] != "''":
        assert all(word.startswith(words.split()[-1]) for word in suggestions)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_completion_script_can_be_parsed_by_its_shell(shell: str, run: Run, tmp_path: Path) -> None:
    status, out, _ = run("completion", shell)
    assert status == 0
    assert "_KERNELSCOPE_COMPLETE" in out
    (script := tmp_path / "script").write_text(out)
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    subprocess.run([shell, "-n", str(script)], check=True)


def test_expectations_are_completed_word_by_word() -> None:
    from kernelscope.cli.shell_completion import words

    def completions(text: str) -> list[str]:
        command = cli.cli.commands["check"]
        return [str(item.value) for item in words(click.Context(command), command.params[1], text)]

    assert completions("model") == ["model: not", "model: only", "model: untouched"]
    assert completions("model: not re") == ["model: not refitted", "model: not reset", "model: not restored"]
    assert completions("model:")[:2] == ["model: not", "model: never"]
    assert "model: untouched after" in completions("model: untouched ")


# Standard output on a full disk.


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize(
    "words",
    [("explain", "model"), ("export", "--to", "csv"), ("export", "--to", "html"), ("replay",), ("info",), ("--help",), ("help",), ("help", "wire")],
    ids=" ".join,
)  # fmt: skip
def test_standard_output_on_a_full_disk_is_an_error_in_one_sentence(
    recording: str, words: tuple[str, ...]
) -> None:
    """It is not exit status 1, which means that the answer is no."""
    arguments = [words[0], *([recording] if words[0] in ("explain", "export", "replay") else []), *words[1:]]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "kernelscope", *arguments],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60,
        )  # fmt: skip
    assert done.returncode == 5, done.stderr
    assert "cannot be written" in done.stderr
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") <= 2
