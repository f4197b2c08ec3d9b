"""What a timeline knows at this moment, in the form in which simulations ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from kernelscope.cellcode.definitions import NotebookDefinitions
from kernelscope.cellcode.effects import CellEffects
from kernelscope.cellcode.reader import read_cell
from kernelscope.domain.changes import Run
from kernelscope.domain.facts import ObjectFacts
from kernelscope.domain.names import root_of
from kernelscope.forecast.library_calls import known_calls
from kernelscope.timeline.view import TimelineView
from kernelscope.verdicts.judge import tokens_in_use


class Present:
    """The names and objects of this moment; another moment needs another one.

    Args:
        timeline: what is known of the kernel.
        notebook: what the cells until now define, if that is known already.
    """

    def __init__(self, timeline: TimelineView, notebook: NotebookDefinitions | None = None) -> None:
        self._timeline = timeline
        self._known_definitions = notebook

    @property
    def epoch(self) -> int:
        """Of the kernel."""
        return self._timeline.epoch

    @property
    def names(self) -> Mapping[str, int]:
        """The token of what every name holds."""
        return self._timeline.names

    @property
    def objects(self) -> Mapping[int, ObjectFacts]:
        """Every object that is known, by token."""
        return self._timeline.objects

    @property
    def trained(self) -> Mapping[int, bool | None]:
        """Whether each network has learned anything, by token."""
        return self._timeline.trained

    @cached_property
    def in_use(self) -> frozenset[int]:
        """Tokens of the objects that a name reaches."""
        return tokens_in_use(self.objects, self.names)

    @cached_property
    def names_by_root(self) -> Mapping[str, list[str]]:
        """Every name that ever held a model, by the variable through which it is reached."""
        names: dict[str, list[str]] = {}
        for row in self._timeline.rows():
            if row.whole is None:
                names.setdefault(root_of(row.name), []).append(row.name)
        return names

    def facts_after(self, name: str, run: Run) -> ObjectFacts | None:
        """What the name held after this run, as it was then."""
        entry = self._timeline.entry_at(name, run.moment)
        return entry.facts if entry is not None else None

    def was_saved_since(self, file: str, run: Run) -> bool:
        """Whether a later run wrote a model to this file."""
        later = self._timeline.moments[run.moment + 1 :]
        accesses = (c.persistence for m in later for c in m.changes if c.persistence is not None)
        return any(access.action == "saved" and access.file == file for access in accesses)

    def count_effects(self, run: Run) -> CellEffects:
        """What the source of the cell says; the functions that it calls may be defined in other cells."""
        return read_cell(run.facts.python, self._definitions, known_calls())

    @cached_property
    def _definitions(self) -> NotebookDefinitions:
        return self._known_definitions or NotebookDefinitions(
            cell.runs[-1].facts.python for cell in self._timeline.cells()
        )
