"""Reads what a cell can have called, from its source and from the functions of the user's that it reaches.

Nothing is run: names are looked up in the namespace and in module and instance dictionaries.  Reported
are the methods that can have been called on which model, the attributes written to, copies in
memory, and saves and loads with their files.  What could not be followed makes the answer
incomplete, never wrong: ``complete`` is false then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..cellcode.magics import without_magics
from ..cellcode.syntax import parse
from .arguments import ArgumentBinder
from .calls_in_code import CallReader
from .cell_notes import CellNotes, OutOfTimeError
from .frame import Frame
from .functions import FunctionReader
from .identity import Tokens
from .library import Libraries
from .methods import MethodReader
from .persistence import Files, Memory
from .resolve import Resolver
from .sources import Sources
from .statements import CellReading
from .types import TypeCache

if TYPE_CHECKING:
    from . import wire

LONGEST = 1 << 16
"""Characters of a cell beyond which it is not read."""


class CodeReader:
    """Reads cells against one namespace."""

    def __init__(
        self, namespace: dict[str, Any], types_: TypeCache, tokens: Tokens, libraries: Libraries
    ) -> None:
        self.resolver = Resolver(namespace, types_, tokens, libraries)
        self._libraries = libraries
        self._sources = Sources(types_)
        self._memory = Memory()

    def read(self, source: str, since: float) -> wire.CodeReading:
        """``{"code": CodeFacts, "files": [FileAccess, …]}`` of a cell that has just run.

        ``since``: seconds since the epoch when it began, to know files that it wrote.
        """
        reading = self._begin(since)
        tree = parse(source) if len(source) <= LONGEST else None
        if tree is None:
            reading.notes.complete = False
            # IPython keeps no Python of a cell that it does not store.
            tree = parse(without_magics(source)) if len(source) <= LONGEST else None
        try:
            if tree is not None:
                reading.block(tree.body, Frame({}, None, 0))
        except (OutOfTimeError, RecursionError):
            reading.notes.complete = False
        except Exception as error:
            if self._libraries.folder_at_fault(error) is None:
                raise
            reading.notes.complete = False  # the next look will meet the same reader, and report it
        return {"code": reading.notes.facts(), "files": reading.files.facts}

    def _begin(self, since: float) -> CellReading:
        notes = CellNotes()
        files = Files(self.resolver, self._memory, notes.add_copy, since)
        reading = CellReading(self.resolver, ArgumentBinder(self.resolver), notes, files)
        reading.functions = FunctionReader(reading, self._sources)
        reading.methods = MethodReader(reading)
        reading.calls = CallReader(reading)
        return reading
