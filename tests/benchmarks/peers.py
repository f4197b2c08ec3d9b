"""Other tools that look at a kernel, from PyPI; in an environment of their own, which is kept in the cache folder."""

from __future__ import annotations

import ast
import functools
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

from platformdirs import user_cache_path

_FOLDER = user_cache_path("kernelscope-benchmarks")
_INSPECTOR = "lckr_jupyterlab_variableinspector"
_ENTRY = "_jupyterlab_variableinspector_dict_list"
_BUILD_TOOLS = ("meson-python", "cython", "ninja")
_PACKAGES = ("flowbook-python", "ipyflow", "ipykernel", "scikit-learn", "matplotlib", "pandas", *_BUILD_TOOLS)


@functools.cache
def environment() -> Path:
    """The interpreter of an environment with FlowBook and ipyflow; made on first use."""
    folder = _FOLDER / "peers"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *_PACKAGES], check=True)
        (folder / "complete").touch()
    return python


@functools.cache
def gallery() -> list[Path]:
    """The examples of scikit-learn's gallery, from its source distribution.

    pip unpacks that and then asks it for its metadata, which fails without a compiler; the files are there by then.
    """
    folder = _FOLDER / "gallery"
    if not list(folder.rglob("plot_*.py")):
        folder.mkdir(parents=True, exist_ok=True)
        options = ("--no-clean", "--no-deps", "--no-build-isolation", "--no-binary", "scikit-learn")
        command = [
            str(environment()),
            "-m",
            "pip",
            "download",
            "-q",
            *options,
            "-d",
            str(folder),
            "scikit-learn",
        ]
        subprocess.run(
            command, env={**os.environ, "TMPDIR": str(folder)}, stderr=subprocess.DEVNULL, check=False
        )
    return sorted(folder.rglob("examples/**/plot_*.py"))


@functools.cache
def inspector_script() -> str:
    """The script by which JupyterLab's variable inspector reads a kernel.

    It stands in the extension's JavaScript, as a literal that Python reads the same way.
    """
    folder = _FOLDER / "inspector"
    if not list(folder.glob("*.whl")):
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), _INSPECTOR]
        subprocess.run(command, check=True)
    (wheel, *_) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        sources = [archive.read(name).decode() for name in archive.namelist() if name.endswith(".js")]
    literals = (match.group() for source in sources for match in re.finditer(r"'(?:[^'\\\n]|\\.)*'", source))
    script = next(text for text in literals if f"def {_ENTRY}" in text)
    return str(ast.literal_eval(script))
