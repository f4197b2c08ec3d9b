"""Tells what an object is from its type and its instance dictionary.

None of the user's code is run: no ``isinstance``, ``hasattr`` or ``getattr``, all of which can land
in a metaclass, a property or ``__getattr__``.  The getters below are those of ``type`` and
``object`` themselves.
"""

from __future__ import annotations

import os
import sys
import types
import weakref
from collections import OrderedDict, defaultdict
from itertools import islice
from typing import Any, Iterable

from .tables import Tables

mro_of = type.__dict__["__mro__"].__get__
class_dict = type.__dict__["__dict__"].__get__
_qualname_of = type.__dict__["__qualname__"].__get__
_module_of = type.__dict__["__module__"].__get__
_flags_of = type.__dict__["__flags__"].__get__
_get = object.__getattribute__


def is_one_of(cls: type, wanted: tuple[type, ...]) -> bool:
    """Whether ``cls`` is one of these very types.

    ``cls in wanted`` would ask: a metaclass may define ``__eq__``.
    """
    # fault: 60a
    return any(cls is candidate for candidate in wanted)


ATOMS = frozenset(id(cls) for cls in (type(None), bool, int, float, complex, str, bytes))
"""Ids of the immutable builtin types that hold nothing else; these types never go away."""

OPAQUE, ESTIMATOR, CONTAINER, USER_OBJECT, UNREADABLE = range(5)
"""Kinds of types.  The last is that of models whose library is switched off: nothing is reported of them."""

ATTRIBUTES, ITEMS, LIST, TUPLE, FIELDS, QUEUE, NAMESPACE, ARRAY, SERIES, FRAME = range(10)
"""Shapes of containers: how what they hold is taken out.  The first is that of the user's objects."""
_SHAPES = (
    ("dict", ITEMS),
    ("list", LIST),
    ("collections.deque", QUEUE),
    ("types.SimpleNamespace", NAMESPACE),
)
"""By a type's name, the shape of its objects and of those of derived types."""
_EXACT_SHAPES = {
    "argparse.Namespace": NAMESPACE,
    "numpy.ndarray": ARRAY,
    "pandas.core.series.Series": SERIES,
    "pandas.core.frame.DataFrame": FRAME,
    "pandas.Series": SERIES,
    "pandas.DataFrame": FRAME,
}
_CO_VARKEYWORDS = 0x08
_METHOD_TYPES = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    classmethod,
    staticmethod,
)
_SMALL, _BIG = 256, 1 << 200
_HEAP_TYPE = 1 << 9
"""Of a type's flags (``Py_TPFLAGS_HEAPTYPE``): every class that Python code can make has it."""
_TRIES = 3
_MOST_KEYS = 10_000
_DICTS = (dict, OrderedDict, defaultdict)
MOST_ATTRIBUTES = 400
LONGEST_NAME = 200
_MISSING = object()
_numpy: list[type] = []
_LIBRARY = os.path.dirname(os.__file__) + os.sep


def qualified_name(cls: type) -> str:
    """``module.Class``; of a class that lies about itself, what can be read without asking it."""
    module, name = _text(_module_of, cls), _text(_qualname_of, cls)
    return (name if module in ("", "builtins") else module + "." + name)[:200]


def class_name(cls: type) -> str:
    """``__qualname__``, without asking the class."""
    return _text(_qualname_of, cls)


def class_module(cls: type) -> str:
    """``__module__``, without asking the class."""
    return _text(_module_of, cls)


def _text(getter: object, cls: type) -> str:
    try:
        value = getter(cls)  # type: ignore[operator]
    except AttributeError:  # `__module__` was deleted from the class
        return ""
    # fault: 70a
    return value if type(value) is str else ""


def instance_dict(obj: object) -> dict[str, object] | None:
    """The object's own attributes, or ``None`` if reading them could run the user's code."""
    for cls in mro_of(type(obj)):
        entry = class_dict(cls).get("__dict__")
        if entry is not None:
            # fault: 62a
            if type(entry) is not types.GetSetDescriptorType:
                return None
            break
    else:
        return None
    # fault: 58a
    own = _get(obj, "__dict__")
    return own if type(own) is dict else None


def class_attribute(cls: type, name: str) -> object:
    """The first entry for ``name`` along the MRO, not bound; ``None`` if there is none."""
    for base in mro_of(cls):
        entry = class_dict(base).get(name, _MISSING)
        if entry is not _MISSING:
            return entry
    return None


def pairs_of(mapping: Any, most: int) -> list[tuple[Any, Any]]:
    """The first items of an exact dict, copied in C: other threads may change it meanwhile.

    Making the pairs can start a garbage collection and with it another thread; a copy of the dict
    makes none.
    """
    for _ in range(_TRIES):
        items = dict.items(mapping)
        # fault: 48a
        try:
            return list(items) if dict.__len__(mapping) <= most else list(islice(items, most))
        # fault: 72a
        except RuntimeError:
            mapping = dict(mapping) if type(mapping) is dict else mapping
    return []


def exact_pairs(mapping: Any, most: int) -> list[tuple[Any, Any]]:
    """The first items of a dict of one of Python's own types; none of anything else."""
    return pairs_of(mapping, most) if is_one_of(type(mapping), _DICTS) else []


def has_plain_keys(mapping: dict[Any, Any]) -> bool:
    """Whether a look-up runs nothing of the user's: another key may have the same hash, and ``__eq__``."""
    if dict.__len__(mapping) > _MOST_KEYS:
        return False
    return ATOMS.issuperset(map(id, map(type, dict.keys(mapping))))


def dtype_name(dtype: Any) -> str:
    """``dtype.name`` of numpy's; that itself runs Python code of numpy's, in which a debugger would stop."""
    if dtype.isbuiltin == 1 and dtype.kind in _NUMERIC_KINDS:
        return _NUMERIC_KINDS[dtype.kind] + str(8 * dtype.itemsize)
    if dtype.isbuiltin == 1 and dtype.kind in _OTHER_KINDS:
        return _OTHER_KINDS[dtype.kind]
    if dtype.kind in _TEXT_KINDS and dtype.itemsize:
        return _TEXT_KINDS[dtype.kind] + str(8 * dtype.itemsize)
    name: str = dtype.name
    return name


_NUMERIC_KINDS = {"f": "float", "i": "int", "u": "uint", "c": "complex"}
_OTHER_KINDS = {"b": "bool", "O": "object"}
_TEXT_KINDS = {"U": "str", "S": "bytes"}


def is_class(value: object) -> bool:
    """Whether ``value`` is a class, without asking it (``isinstance`` would: ``__class__``)."""
    return any(base is type for base in mro_of(type(value)))


def is_atom(value: object) -> bool:
    """Whether ``value`` is of an immutable builtin type that holds nothing else."""
    return id(type(value)) in ATOMS


def is_small_atom(value: Any) -> bool:
    """Whether the probe may keep ``value`` itself: an atom that takes next to no memory.

    Without keeping it, its address could come back with another value (a float attribute that is
    set twice between two looks).
    """
    kind = type(value)
    if kind is str or kind is bytes:
        return len(value) <= _SMALL
    if kind is int:
        return bool(-_BIG < value < _BIG)
    return id(kind) in ATOMS


class TypeInfo:
    """What is known of one type; made once per type."""

    __slots__ = ("bases", "kind", "library", "name", "numpy_scalar", "params", "shape")

    def __init__(self, cls: type, user_owned: bool, tables: Tables) -> None:
        self.name = qualified_name(cls)
        self.params: frozenset[str] = frozenset()
        self.bases: tuple[str, ...] = ()
        names = [self.name, *(qualified_name(base) for base in mro_of(cls)[1:-1])]
        self.library = _library_of(names, tables)
        """Whose rules and reader apply; set for every type, model or not."""
        self.numpy_scalar = (
            self.name.startswith("numpy.")
            and not _flags_of(cls) & _HEAP_TYPE
            and any(qualified_name(base) == "numpy.generic" for base in mro_of(cls))
            and self.name != "numpy.void"
        )
        """Of numpy's own scalar types, whose values are immutable and plain (those of ``void`` are not)."""
        shape = _shape_of(cls, names)
        self.shape = ATTRIBUTES if shape is None else shape
        if is_one_of(cls, (dict, list, tuple)):
            self.kind = CONTAINER
        elif any(name in tables.bases for name in names) or _has_methods(cls, tables.required_methods):
            self.kind = ESTIMATOR
            self.params = _parameter_names(cls)
            self.bases = tuple(names[1:25])
        elif shape is not None:
            self.kind = CONTAINER
        else:
            is_holder = not tables.holders.isdisjoint(names)
            self.kind = USER_OBJECT if user_owned or is_holder else OPAQUE


def _shape_of(cls: type, names: list[str]) -> int | None:
    """How what objects of a type hold is taken out; ``None``: they are no containers.

    Args:
        names: the type's own and those of its bases, along the MRO.
    """
    if any(base is tuple for base in mro_of(cls)):
        return FIELDS if type(class_attribute(cls, "_fields")) is tuple else TUPLE
    for name, shape in _SHAPES:
        if name in names:
            return shape
    return _EXACT_SHAPES.get(names[0])


def _has_methods(cls: type, required: list[str]) -> bool:
    """Whether these stand as methods in the class or its bases."""
    for name in required:
        entry = class_attribute(cls, name)
        # Other descriptors (scikit-learn's available_if) are methods in effect; a property is not.
        if entry is None or any(base is property for base in mro_of(type(entry))):
            return False
        if not is_one_of(type(entry), _METHOD_TYPES) and class_attribute(type(entry), "__get__") is None:
            return False
    return True


def _library_of(names: list[str], tables: Tables) -> str:
    """By the nearest base whose objects are models by what they are, else by one that needs methods as well.

    Args:
        names: the type's own and those of its bases, along the MRO.
    """
    for name in names:
        if name in tables.bases:
            return tables.bases[name]
    return next((tables.duck_bases[n] for n in names[1:] if n in tables.duck_bases), tables.default_library)


def _parameter_names(cls: type) -> frozenset[str]:
    """Names of the constructor's arguments, as ``BaseEstimator._get_param_names`` finds them.

    A constructor that takes ``**kwargs`` hands them to its base (XGBoost's do), so the base's are
    parameters as well.
    """
    names: set[str] = set()
    for base in mro_of(cls):
        init = _unwrap_function(class_dict(base).get("__init__"))
        if init is None:
            continue
        code = init.__code__
        names.update(code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount])
        if not code.co_flags & _CO_VARKEYWORDS:
            break
    return frozenset(names)


def _unwrap_function(entry: object) -> types.FunctionType | None:
    """The function that a decorator wraps, if it says so as ``functools.wraps`` and scikit-learn do."""
    for _ in range(8):
        if type(entry) is not types.FunctionType:
            return None
        own = entry.__dict__
        inner = own.get("deprecated_original", own.get("__wrapped__"))
        if type(inner) is not types.FunctionType:
            return entry
        entry = inner
    return None


def names_in(module: str) -> dict[str, Any]:
    """What a module holds; empty if it is not imported."""
    imported = sys.modules.get(module)
    return imported.__dict__ if type(imported) is types.ModuleType else {}


def ndarray_type() -> type:
    """numpy's array type; a stand-in that no value has, until numpy is imported."""
    if not _numpy:
        array = names_in("numpy").get("ndarray")
        if type(array) is not type:
            return TypeInfo
        _numpy.append(array)
    return _numpy[0]


class TypeCache:
    """``TypeInfo`` per type, without keeping a user's class alive."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self._known: dict[int, tuple[weakref.ref[type], TypeInfo]] = {}
        self._unreadable: set[str] = set()
        """Libraries whose objects cannot be read any more."""

    def forbid(self, libraries: Iterable[str]) -> None:
        """Models of these libraries are not read from now on."""
        self._unreadable.update(libraries)
        for _, info in list(self._known.values()):
            self._mark(info)

    def _mark(self, info: TypeInfo) -> None:
        if info.kind == ESTIMATOR and info.library in self._unreadable:
            info.kind = UNREADABLE

    def of(self, cls: type) -> TypeInfo:
        """What is known of this type."""
        known = self._known.get(id(cls))
        # fault: 71a
        if known is not None and known[0]() is cls:
            return known[1]
        info = TypeInfo(cls, self.is_user_module(_text(_module_of, cls)), self.tables)
        self._mark(info)
        self._known[id(cls)] = (weakref.ref(cls), info)
        return info

    def is_user_module(self, name: str) -> bool:
        """``__main__``, or a module whose file lies outside the Python installation."""
        if name == "__main__":
            return True
        module = sys.modules.get(name)
        if type(module) is not types.ModuleType:
            return False
        return self.is_user_file(_get(module, "__dict__").get("__file__"))

    def is_user_file(self, path: object) -> bool:
        """Whether a source file is the user's own rather than a library's."""
        if (
            type(path) is not str
            or path.startswith("<")
            or "site-packages" in path
            or "dist-packages" in path
        ):
            return False
        return not path.startswith(_LIBRARY)


def attributes_of(obj: object) -> list[tuple[str, object]]:
    """(name, value) of the instance dictionary, in its order; other keys than plain names may be in it."""
    own = instance_dict(obj)
    pairs = pairs_of(own, MOST_ATTRIBUTES) if own is not None else []
    return [(name, value) for name, value in pairs if type(name) is str and len(name) <= LONGEST_NAME]


def parameters_and_learned(
    obj: object, info: TypeInfo, unreported: frozenset[str]
) -> tuple[dict[str, object], dict[str, object]]:
    """Instance attributes, parted into hyper-parameters and everything else but what is not reported."""
    params: dict[str, object] = {}
    learned: dict[str, object] = {}
    # fault: 61a
    for name, value in attributes_of(obj):
        if name in info.params:
            params[name] = value
        elif name not in unreported:
            learned[name] = value
    return params, learned
