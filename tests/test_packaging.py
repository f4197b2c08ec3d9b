"""Tests what a user gets: the wheel, in an environment of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import venv
import zipfile
from pathlib import Path

import pytest

from kernelscope import __version__

ROOT = Path(__file__).parent.parent
_PATIENCE_S = 600


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and its dependencies; the wheel is in its ``dist``."""
    folder = tmp_path_factory.mktemp("packaging")
    source = folder / "source"
    shutil.copytree(
        ROOT / "kernelscope", source / "kernelscope", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    venv.create(folder / "venv", with_pip=True)
    run(folder, "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", "dist", "./source")
    run(folder, "pip", "install", "--quiet", str(wheel(folder)))
    return folder


def run(home: Path, program: str, *arguments: str) -> str:
    """Run a program of the environment without a terminal; returns its output."""
    bin_folder = home / "venv" / "bin"
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [bin_folder / program, *arguments],
        cwd=home,
        env={**inherited, "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_S,
    )
    assert done.returncode == 0, f"{program} {arguments}: {done.stdout}\n{done.stderr}"
    return done.stdout


def wheel(home: Path) -> Path:
    (path,) = (home / "dist").glob("*.whl")
    return path


def test_the_wheel_holds_every_file_of_the_package_and_no_other(home: Path) -> None:
    names = zipfile.ZipFile(wheel(home)).namelist()

    package = {name for name in names if name.startswith("kernelscope/")}
    rest = {name for name in names if name not in package}
    source = home / "source"
    expected = {
        path.relative_to(source).as_posix()
        for path in (source / "kernelscope").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert package == expected
    for name in (
        "py.typed",
        "LICENSE",
        "demo/demo.ipynb",
        "probe/loader.py",
        "tui/kernelscope.tcss",
        "export/assets/page.html",
        "export/assets/paper.html",
        "docs/records.md",
        "CHANGES.md",
    ):
        assert f"kernelscope/{name}" in package
    manual = f"kernelscope-{__version__}.data/data/share/man/man1/kernelscope.1"
    assert manual in rest
    assert all(name.startswith(f"kernelscope-{__version__}.dist-info/") for name in rest - {manual})
    assert any(name.endswith("LICENSE") for name in rest)


def test_the_installed_package_is_the_wheel_s(home: Path) -> None:
    path = run(home, "python", "-c", "import kernelscope; print(kernelscope.__file__)")

    assert Path(path.strip()).is_relative_to(home / "venv")
    assert run(home, "kernelscope", "--version").strip().endswith(__version__)
    assert run(home, "python", "-m", "kernelscope", "--version").strip().endswith(__version__)
    assert "CONNECTION" in run(home, "jupyter", "kernelscope", "--help")
    assert (home / "venv" / "share" / "man" / "man1" / "kernelscope.1").exists()
    assert run(home, "kernelscope", "help", "records").startswith("The JSON records\n")


def test_every_import_of_the_installed_package_works(home: Path) -> None:
    code = (
        "import importlib, pkgutil, kernelscope\n"
        "for module in pkgutil.walk_packages(kernelscope.__path__, 'kernelscope.'):\n"
        "    if '.probe' not in module.name and not module.name.endswith('__main__'):\n"
        "        importlib.import_module(module.name)\n"
        "        print(module.name)\n"
    )

    assert "kernelscope.tui.app" in run(home, "python", "-W", "error", "-c", code).split()


def test_the_demo_without_a_terminal_prints_its_runs_and_ends(home: Path) -> None:
    lines = run(home, "kernelscope", "demo").splitlines()

    assert lines[0].startswith("attached to ")
    assert lines[-1] == "detached: the demo notebook has been run"
    changes = [line.split()[:2] for line in lines if line.startswith("  ")]
    for verdict in ("created", "reset", "saved"):
        assert [verdict, "my_model"] in changes
    assert sum(words[0] == "reset" for words in changes) == 3
