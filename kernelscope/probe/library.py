"""The protocol between the probe and a library's ``in_kernel.py``, and what the probe holds of all libraries.

``in_kernel.py`` runs in the kernel: Python 3.9, standard library and the probe's own modules only.  It may define

``READERS``
    a class derived from ``LibraryReader`` for each kind of object that is not read by its attributes alone;
``TENSORS``
    a class derived from ``TensorReader``, if the library has tensors of its own.

A reader looks at instance dictionaries, exact containers and C-level getters (see ``types``).  It runs none of the
user's code, imports nothing, and calls no method of a model unless the library keeps the state in C and
the method only reads.

A reader that raises is switched off with all of its folder: the objects of that library are then left out,
and the watchers get a report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Optional, Tuple

from .interrupts import is_own_failure
from .tables import Tables
from .tensors import Tensors
from .types import TypeInfo, class_dict, is_one_of, pairs_of, parameters_and_learned, qualified_name

if TYPE_CHECKING:
    from . import wire

_get_args = class_dict(BaseException)["args"].__get__
MISSING = object()
"""A reader's answer to what it does not know."""
LONGEST_ERROR = 200
_MOST_FURTHER_PARAMS = 64

Values = dict[str, object]
Part = Tuple[str, Optional[str], Any]
"""(label, key, model): how it is reached, and the prefix of its hyper-parameters, if any."""


class NamedItems(dict):  # type: ignore[type-arg] # 3.9 subscribes no base at run time
    """Items that an expression reaches both as ``owner["name"]`` and as ``owner.name``."""


class LibraryReader:
    """Reads the objects of one library; this one, by their attributes, as scikit-learn's developer guide lays them out."""

    by_attributes = True
    """Everything that it reports is an attribute in the instance dictionary."""
    is_helper = False
    """Its objects work on a model (a scheduler): they have no row, but may hold what is gone."""
    is_linked = False
    """One model's values are another one's business: an optimizer changes those of a network."""
    levels = 3
    """How deep parts of parts are reported."""
    computed: frozenset[str] = frozenset()
    """Learned values that are made for each look: another object each time."""
    part_methods: frozenset[str] = frozenset()
    """Methods that hand out a part: ``result`` knows it."""
    further_params: str | None = None
    """The attribute with the dict of what the constructor took beyond its named arguments, if there is one."""

    def __init__(self, library: str, tables: Tables, tensors: Tensors) -> None:
        self.tensors = tensors
        self.unreported = tables.configuration | tables.unreported.get(library, frozenset())
        """Attributes that are configuration or caches, and are not reported."""

    def is_model(self, obj: Any) -> bool:
        """Whether this object, of a class of models, is one."""
        return True

    def split(self, obj: Any, info: TypeInfo) -> tuple[Values, Values]:
        """Hyper-parameters, and everything learned."""
        params, learned = parameters_and_learned(obj, info, self.unreported)
        if self.further_params is not None:
            _add_further_params(self.further_params, params, learned)
        return params, learned

    def parts(self, obj: Any) -> list[Part] | None:
        """The models that it is made of; ``None``: those among its attributes."""
        return None

    def owned_tensors(self, obj: Any) -> list[Any]:
        """Tensors that are this model's own."""
        return []

    def objects_worked_on(self, obj: Any) -> list[Any]:
        """Tensors and models that it works on without being made of them."""
        return []

    def training_evidence(self, obj: Any) -> list[str]:
        """What shows that it learned before it was first seen."""
        return []

    def write_counts(self, obj: Any) -> list[int | None] | None:
        """How often each of its tensors was written, for looks while a run lasts; ``None``: its attributes tell."""
        return None

    def attribute(self, obj: Any, name: str) -> Any:
        """What ``obj.name`` gives although it does not stand in the instance dictionary, or ``MISSING``."""
        return MISSING

    def item(self, obj: Any, key: Any) -> Any:
        """What ``obj[key]`` gives, or ``MISSING``."""
        return MISSING

    def result(self, obj: Any, method: str) -> Any:
        """What ``obj.method()`` gives, for one of ``part_methods``, or ``MISSING``."""
        return MISSING


def _add_further_params(attribute: str, params: Values, learned: Values) -> None:
    """Replace the attribute by the hyper-parameters in its dict; one that is an attribute as well is nothing learned."""
    further: Any = learned.pop(attribute, params.pop(attribute, None))
    for name, value in pairs_of(further, _MOST_FURTHER_PARAMS) if type(further) is dict else ():
        if type(name) is str:
            params[name] = value
            learned.pop(name, None)


class Libraries:
    """The readers and tables of all libraries, and which of them are switched off.

    Args:
        tables: what the install request brought.
        modules: by folder, what each ``in_kernel.py`` defines; a text instead says why it could not be run.
    """

    def __init__(self, tables: Tables, modules: Mapping[str, dict[str, Any] | str]) -> None:
        self.tables, self.tensors = tables, Tensors()
        self.switched_off: dict[str, str] = {}
        """By folder, the error."""
        self._default = LibraryReader(tables.default_library, tables, self.tensors)
        self._readers: dict[str, LibraryReader] = {}
        self._folder_of_module: dict[str, str] = {}
        for folder, defined in modules.items():
            if type(defined) is str:
                self.switched_off[folder] = defined
            else:
                self._add(folder, defined)  # type: ignore[arg-type]

    def _add(self, folder: str, defined: dict[str, Any]) -> None:
        self._folder_of_module[defined["__name__"]] = folder
        try:
            if "TENSORS" in defined:
                self.tensors.add(folder, defined["TENSORS"]())
            for library in self.tables.folders.get(folder, ()):
                reader = defined.get("READERS", {}).get(library, LibraryReader)
                self._readers[library] = reader(library, self.tables, self.tensors)
        except Exception as error:
            if not is_own_failure(error):
                raise
            self.switch_off(folder, error)

    def reader_of(self, info: TypeInfo) -> LibraryReader:
        """How objects of this type are read."""
        return self._readers.get(info.library, self._default)

    @property
    def part_methods(self) -> frozenset[str]:
        """Methods of any library that hand out a part of their object."""
        return frozenset(method for reader in self._readers.values() for method in reader.part_methods)

    def folder_at_fault(self, error: BaseException) -> str | None:
        """The folder of the library whose reader raised; ``None`` if it was something else, or that is off already.

        What comes from outside, a lack of memory or an interrupt, is no fault of the reader that it falls into.
        """
        if is_one_of(type(error), (MemoryError, RecursionError)) or not is_own_failure(error):
            return None
        step, folder = error.__traceback__, None
        while step is not None:
            folder = self._folder_of_module.get(step.tb_frame.f_globals.get("__name__", ""), folder)
            step = step.tb_next
        return folder if folder not in self.switched_off else None

    def switch_off(self, folder: str, error: BaseException) -> list[str]:
        """Stop reading the objects of a library for as long as the probe is here; returns the names of its kinds."""
        self.switched_off[folder] = f"{qualified_name(type(error))}: {_message(error)}"[:LONGEST_ERROR]
        self.tensors.remove(folder)
        return self.tables.folders.get(folder, [])

    def unreadable(self) -> list[str]:
        """The kinds of objects that belong to a library that is switched off."""
        return [kind for folder in self.switched_off for kind in self.tables.folders.get(folder, ())]

    def report(self) -> list[wire.SwitchedOff]:
        """``SwitchedOff`` facts, as they are sent."""
        return [{"library": folder, "error": error} for folder, error in self.switched_off.items()]


def _message(error: BaseException) -> str:
    """The text that an error was raised with; the error's own ``__str__`` may be anything."""
    args = _get_args(error)
    return args[0] if args and type(args[0]) is str else ""
