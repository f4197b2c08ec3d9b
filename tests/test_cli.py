"""What the command line makes of words, before any kernel is looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernelscope.cli import cli, main


@pytest.mark.parametrize(("word", "meant"), [("wacth", "watch"), ("detatch", "detach"), ("audits", "audit")])
def test_a_mistyped_command_is_no_kernel(word: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([word])
    assert ended.value.code == 2
    assert f"Did you mean `kernelscope {meant}`?" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["watch", "5e1c", "kernel-wacth.json", "nothing like it"])
def test_what_is_no_misspelling_is_taken_as_it_is(
    word: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    with pytest.raises(SystemExit):
        main([word])
    assert "Did you mean" not in capsys.readouterr().err


def test_a_file_of_that_name_is_a_connection_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wacth").touch()
    with pytest.raises(SystemExit):
        main(["wacth"])
    assert "Did you mean" not in capsys.readouterr().err


def test_a_bug_ends_with_a_sentence_and_no_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise KeyError("sum\x1b[2J")

    monkeypatch.setattr(cli.commands["ls"], "callback", fail)
    with pytest.raises(SystemExit) as ended:
        main(["ls"])
    assert ended.value.code == 1
    shown = capsys.readouterr().err
    assert shown.startswith("kernelscope: internal error: KeyError: 'sum")
    assert "Traceback" not in shown
    assert "\x1b" not in shown.replace("\\x1b", "")
