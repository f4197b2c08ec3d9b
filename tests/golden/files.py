"""Golden files: where they are, how they are read and written, and how two versions of one differ.

``facts/seen/torch.txt`` has a section for each notebook of ``tests/scenarios/torch.toml``, for the Pythons in
which calls are seen; ``unseen`` is for Python 3.11.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.golden import rendering
from tests.golden.notebooks import Notebook, notebooks
from tests.golden.playing import PlayResult
from tests.golden.rendering import Line

FOLDER = Path(__file__).parent
KINDS = ("facts", "sentences")
PLACES = {"3.11": "unseen", "3.12": "seen", "3.13": "seen"}
"""The folder for a version of Python.  Calls are seen from 3.12 on; nothing else makes a difference."""

_NOTHING = ("(nothing)",)
_NOTEBOOK, _STEP, _BETWEEN = "# ", "## ", " | "


class Difference(NamedTuple):
    """One subject of one step whose text is different now."""

    step: str
    subject: str
    was: tuple[str, ...]
    now: tuple[str, ...]

    def __str__(self) -> str:
        was = "".join(f"\n    was: {text}" for text in self.was)
        now = "".join(f"\n    is:  {text}" for text in self.now)
        return f"  {self.step}, {self.subject}{was}{now}"


def render(notebook: Notebook, result: PlayResult) -> dict[str, list[Line]]:
    """Render the lines of each kind."""
    return {
        "facts": rendering.facts(result.records, notebook.steps, result.folder),
        "sentences": rendering.sentences(result.records, notebook.steps, result.folder),
    }


def read(kind: str, version: str, name: str) -> list[Line] | None:
    """Return the committed lines of a notebook; ``None`` if there are none."""
    return read_file(_path(kind, version, name)).get(name)


def write(kind: str, results: Mapping[tuple[str, str], Sequence[Line]]) -> Iterator[str]:
    """Replace what is committed of these notebooks and leave the others; yield what is wrong, a line each.

    Args:
        kind: ``facts`` or ``sentences``.
        results: the lines by the version of Python and the notebook's name.
    """
    written: dict[tuple[str, str], str] = {}
    for (version, name), lines in sorted(results.items()):
        first = written.setdefault((PLACES[version], name), version)
        if first == version:
            _replace(_path(kind, version, name), name, lines)
        elif differing := list(differences(results[first, name], lines)):
            yield f"{name}: the {kind} of Python {first} (was) and {version} (is) differ"
            yield from map(str, differing)


def read_file(path: Path) -> dict[str, list[Line]]:
    """Return the notebooks in a golden file; none if there is no file."""
    sections: dict[str, list[Line]] = {}
    name = step = ""
    for text in path.read_text(encoding="utf-8").split("\n") if path.exists() else ():
        if text.startswith(_STEP):
            step = text.removeprefix(_STEP)
        elif text.startswith(_NOTEBOOK):
            name = text.removeprefix(_NOTEBOOK)
            sections[name] = []
        elif text:
            subject, _, rest = text.partition(_BETWEEN)
            sections[name].append(Line(step, subject, rest))
    return sections


def differences(was: Sequence[Line], now: Sequence[Line]) -> Iterator[Difference]:
    """Yield the differences, in the order of the notebook."""
    old, new = _by_subject(was), _by_subject(now)
    for step, subject in dict.fromkeys((*old, *new)):
        before, after = old.get((step, subject), _NOTHING), new.get((step, subject), _NOTHING)
        if before != after:
            yield Difference(step, subject, before, after)


def _by_subject(lines: Iterable[Line]) -> dict[tuple[str, str], tuple[str, ...]]:
    texts: dict[tuple[str, str], tuple[str, ...]] = {}
    for line in lines:
        texts[line.step, line.subject] = (*texts.get((line.step, line.subject), ()), line.text)
    return texts


def _path(kind: str, version: str, name: str) -> Path:
    return FOLDER / kind / PLACES[version] / f"{name.partition(':')[0]}.txt"


def _replace(path: Path, name: str, lines: Sequence[Line]) -> None:
    """Write the section of one notebook, and remove those of notebooks that no longer exist."""
    sections = read_file(path) | {name: list(lines)}
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join(_section(n, sections[n]) for n in notebooks() if n in sections)
    path.write_text(text, encoding="utf-8")


def _section(name: str, lines: Sequence[Line]) -> str:
    text, step = [f"{_NOTEBOOK}{name}"], ""
    for line in lines:
        if line.step != step:
            step = line.step
            text.append(f"{_STEP}{step}")
        text.append(f"{line.subject}{_BETWEEN}{line.text}")
    return "\n".join(text) + "\n"
