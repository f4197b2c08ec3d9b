"""``kernelscope info``: versions, paths and configuration."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from kernelscope import __version__
from kernelscope.cli.options import notes
from kernelscope.system import description
from kernelscope.text import clean
from kernelscope.userfiles import clipboard_file

_PACKAGES = (
    "textual",
    "jupyter_client",
    "jupyter_core",
    "ipykernel",
    "pyzmq",
    "click",
    "msgspec",
    "scikit-learn",
)
VARIABLES = {
    "JUPYTER_RUNTIME_DIR": "where connection files are looked for",
    "XDG_RUNTIME_DIR": "where VS Code's are",
    "TMPDIR": "where temporary files are",
    "XDG_CACHE_HOME": "where the file with the latest copy is",
    "NO_COLOR": "no colours",
    "TERM": "what the terminal can do",
    "COLORTERM": "how many colours it has",
}


@click.command(
    short_help="Show versions, paths and configuration.",
    epilog=notes("kernelscope info", "kernelscope info --json"),
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def info(as_json: bool) -> None:
    """Show versions, paths and configuration, to send along with a report.

    There is no configuration file: options and these environment variables are all. No kernel is asked
    anything, and no key is read.
    """
    import msgspec

    facts = _collect()
    if as_json:
        click.echo(msgspec.json.encode(facts))
        return
    for heading, entries in facts.items():
        click.echo(heading)
        width = max(len(name) for name in entries)
        for name, value in entries.items():
            shown = "-" if value is None else ", ".join(value) if isinstance(value, list) else str(value)
            click.echo(f"  {name:<{width}}  {clean(shown, limit=4_096) or '-'}")


def _collect() -> dict[str, dict[str, Any]]:
    import platform
    import sqlite3

    from kernelscope.kernel.inject import kernel_modules
    from kernelscope.kernel.runtime_dirs import lock_dir, runtime_dirs

    return {
        "versions": {
            "kernelscope": __version__,
            "python": platform.python_version(),
            **{name: _version(name) for name in _PACKAGES},
            "sqlite": sqlite3.sqlite_version,
            "platform": description(),
        },
        "paths": {
            "kernelscope": _package_folder(),
            "python": sys.executable,
            "runtime_dirs": [clean(str(folder), limit=4_096) for folder in runtime_dirs()],
            "notes": str(lock_dir()),
            "copies": clean(str(clipboard_file()), limit=4_096),
            "recordings": "where --record and -o say",
            "config_file": None,
            "cache": None,
        },
        "kernel": {"modules": list(kernel_modules())},
        "environment": {name: _clean_or_none(os.environ.get(name)) for name in VARIABLES},
        "terminal": {
            "stdin": _is_terminal(sys.stdin),
            "stdout": _is_terminal(sys.stdout),
            "stderr": _is_terminal(sys.stderr),
            "size": _size(),
            "encoding": getattr(sys.stdout, "encoding", None),
        },
    }


def _version(package: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _package_folder() -> str:
    from importlib.resources import files

    return str(files("kernelscope"))


def _clean_or_none(value: str | None) -> str | None:
    return None if value is None else clean(value, limit=4_096)


def _is_terminal(stream: Any) -> bool:
    return stream is not None and stream.isatty()


def _size() -> str | None:
    for stream in (sys.stdout, sys.stderr, sys.stdin):
        try:
            size = os.get_terminal_size(stream.fileno())
        except (OSError, ValueError, AttributeError):
            continue
        return f"{size.columns}x{size.lines}"
    return None
