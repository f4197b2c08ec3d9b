"""Tests how the command line reads its arguments, before it looks for a kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernelscope.cli import cli, main


@pytest.mark.parametrize(("word", "meant"), [("wacth", "watch"), ("detatch", "detach"), ("audits", "audit")])
def test_a_mistyped_command_is_not_taken_for_a_kernel(
    word: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([word])
    assert ended.value.code == 2
    assert f"Did you mean `kernelscope {meant}`?" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["watch", "5e1c", "kernel-wacth.json", "nothing like it"])
def test_an_argument_unlike_any_command_is_used_as_it_is(
    word: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    with pytest.raises(SystemExit):
        main([word])
    assert "Did you mean" not in capsys.readouterr().err


def test_an_existing_file_is_a_connection_file(
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
    output = capsys.readouterr().err
    assert output.startswith("kernelscope: internal error: KeyError: 'sum")
    assert "Traceback" not in output
    assert "\x1b" not in output.replace("\\x1b", "")
