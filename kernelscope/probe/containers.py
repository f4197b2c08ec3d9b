"""What containers hold, taken out in C: none of the user's code runs, whatever a class overrides.

Sees: dicts, lists, tuples and deques, with the classes derived from them; named tuples; namespaces; attributes of the
user's objects, also in slots; arrays of objects; the cells of pandas' series and frames that hold objects.
"""

from __future__ import annotations

import collections
import types
from itertools import islice
from typing import Any, Iterable

from .types import (
    ARRAY,
    ATTRIBUTES,
    FIELDS,
    FRAME,
    ITEMS,
    LIST,
    LONGEST_NAME,
    NAMESPACE,
    QUEUE,
    SERIES,
    TUPLE,
    class_attribute,
    class_dict,
    class_module,
    has_plain_keys,
    instance_dict,
    is_one_of,
    is_small_atom,
    mro_of,
    ndarray_type,
    pairs_of,
)

MOST_IN_CONTAINER = 64
"""Items of one container that are looked at: a list of a million floats costs 21 ms in full."""
_C_DESCRIPTORS = (types.GetSetDescriptorType, types.MemberDescriptorType)
_namespace_dict = types.SimpleNamespace.__dict__["__dict__"].__get__

BY_PLACE, BY_KEY, BY_ATTRIBUTE, AS_WRITTEN = "place", "key", "attribute", "written"
"""How an item is reached: ``[0]``, ``['key']``, ``.attribute``; or its key says it."""


class Contents:
    """The first items of a container."""

    __slots__ = ("keys", "reached", "size", "values")

    def __init__(self, keys: list[Any] | None, values: list[Any], size: int, reached: str = BY_PLACE) -> None:
        self.keys = keys
        """``None``: they are places, or were not asked for."""
        self.values = values
        self.size = size
        """How many items there are in all."""
        self.reached = reached


_NOTHING = Contents([], [], 0)


def first_items(value: Any, shape: int, *, needs_keys: bool = True) -> Contents:
    """What a container holds, or an object of the user's, within bounds.

    Args:
        shape: of its type.
    """
    if shape == LIST:
        values = list(islice(list.__iter__(value), MOST_IN_CONTAINER))
        return _with_attributes(value, Contents(None, values, list.__len__(value)))
    if shape == TUPLE:
        return Contents(None, list(islice(tuple.__iter__(value), MOST_IN_CONTAINER)), tuple.__len__(value))
    if shape == ITEMS:
        return _with_attributes(value, _of_dict(value, BY_KEY, needs_keys=needs_keys))
    if shape == ATTRIBUTES:
        return _attributes(value, needs_keys=needs_keys)
    reader = _READERS.get(shape)
    return _NOTHING if reader is None else reader(value)


def written(contents: Contents, place: int) -> str:
    """How an expression goes on to reach an item."""
    if contents.reached == BY_PLACE or contents.keys is None:
        return f"[{place}]"
    key = contents.keys[place]
    if contents.reached == BY_KEY:
        return f"[{key!r}]"
    return f".{key}" if contents.reached == BY_ATTRIBUTE else key


def can_be_written(contents: Contents, place: int, longest: int) -> bool:
    """Whether an item can be reached by an expression: its key is a small number, or a text of no more than 80
    characters; as an attribute, of ``longest``."""
    if contents.reached == BY_PLACE or contents.keys is None:
        return True
    key = contents.keys[place]
    if contents.reached == AS_WRITTEN:
        return key is not None
    if contents.reached == BY_KEY:
        return is_plain_key(key)
    return type(key) is str and len(key) <= longest


def is_plain_key(key: Any) -> bool:
    """Whether a key is short and says what it is."""
    kind = type(key)
    return (kind is int and is_small_atom(key)) or (kind is str and len(key) <= 80)


def _of_dict(own: Any, reached: str, *, needs_keys: bool) -> Contents:
    try:
        keys = list(islice(dict.keys(own), MOST_IN_CONTAINER)) if needs_keys else None
        values = list(islice(dict.values(own), MOST_IN_CONTAINER))
    except RuntimeError:  # another thread changes it
        pairs = pairs_of(own, MOST_IN_CONTAINER)
        keys, values = [key for key, _ in pairs], [item for _, item in pairs]
    return Contents(keys, values, dict.__len__(own), reached)


def _with_attributes(value: Any, items: Contents) -> Contents:
    """The items of an object of a derived class, and the attributes that it has beside them."""
    own = None if is_one_of(type(value), (dict, list)) else instance_dict(value)
    if not own or (items.reached == BY_KEY and items.keys is None):
        return items
    pairs = [(n, v) for n, v in pairs_of(own, MOST_IN_CONTAINER) if type(n) is str]
    keys = [_written_key(items, place) for place in range(len(items.values))]
    return Contents(
        [*keys, *(f".{name}" for name, _ in pairs)],
        [*items.values, *(attribute for _, attribute in pairs)],
        items.size + len(own),
        AS_WRITTEN,
    )


def _written_key(contents: Contents, place: int) -> str | None:
    return written(contents, place) if can_be_written(contents, place, LONGEST_NAME) else None


def _attributes(value: Any, *, needs_keys: bool) -> Contents:
    own = instance_dict(value)
    slots = _slots(value)
    if own is not None and not slots:
        return _of_dict(own, BY_ATTRIBUTE, needs_keys=needs_keys)
    pairs = [*slots.items(), *(pairs_of(own, MOST_IN_CONTAINER) if own is not None else ())]
    keys, values = [key for key, _ in pairs], [item for _, item in pairs]
    return Contents(keys[:MOST_IN_CONTAINER], values[:MOST_IN_CONTAINER], len(pairs), BY_ATTRIBUTE)


def _slots(value: Any) -> dict[str, Any]:
    """What the slots of an object hold, read by the descriptors that ``__slots__`` makes."""
    slots: dict[str, Any] = {}
    for cls in mro_of(type(value)):
        own = class_dict(cls)
        if "__slots__" not in own:
            continue
        for name, entry in list(own.items()):
            if type(entry) is types.MemberDescriptorType and not name.startswith("__") and name not in slots:
                try:
                    slots[name] = entry.__get__(value)
                except AttributeError:  # nothing is bound to it
                    continue
    return slots


def _namespace(value: Any) -> Contents:
    own = _namespace_dict(value) if any(c is types.SimpleNamespace for c in mro_of(type(value))) else None
    own = instance_dict(value) if own is None else own
    return _of_dict(own, BY_ATTRIBUTE, needs_keys=True) if type(own) is dict else _NOTHING


def _named_tuple(value: Any) -> Contents:
    names = class_attribute(type(value), "_fields")
    values = list(islice(tuple.__iter__(value), MOST_IN_CONTAINER))
    if type(names) is not tuple or len(names) != tuple.__len__(value):
        return Contents(None, values, tuple.__len__(value))
    return Contents(list(names[:MOST_IN_CONTAINER]), values, len(names), BY_ATTRIBUTE)


def _queue(value: Any) -> Contents:
    length = collections.deque.__len__(value)
    try:
        values = list(islice(collections.deque.__iter__(value), MOST_IN_CONTAINER))
    except RuntimeError:  # another thread changes it
        values = list(collections.deque.copy(value))[:MOST_IN_CONTAINER]
    return Contents(None, values, length)


def _array(value: Any) -> Contents:
    if not holds_objects(value):
        return _NOTHING
    values = list(islice(value.flat, MOST_IN_CONTAINER))
    if value.ndim == 1:
        return Contents(None, values, value.size)
    return Contents(
        [index_of(place, value.shape) for place in range(len(values))], values, value.size, AS_WRITTEN
    )


def index_of(place: int, shape: tuple[int, ...]) -> str:
    """How the item at this place of an array is reached."""
    along = []
    for length in reversed(shape):
        place, rest = divmod(place, length)
        along.append(rest)
    return str(along[::-1])


def holds_objects(array: Any) -> bool:
    """Whether numpy's array holds Python objects."""
    return _is_array(array) and array.dtype.kind == "O"


# pandas keeps blocks of columns of one type, each an array with a row for each column
# (pandas/core/internals/managers.py).


def _series(value: Any) -> Contents:
    manager = _c_attribute(value, "_mgr")
    (labels, *_), cells = _axes(manager) or [[]], []
    for _, array in _object_blocks(manager):
        cells = [(f"[{label!r}]", item) for label, item in zip(labels, array.flat)]
    return _cells(cells)


def _frame(value: Any) -> Contents:
    manager = _c_attribute(value, "_mgr")
    axes, cells = _axes(manager), []
    if len(axes) != 2:
        return _NOTHING
    columns, rows = axes
    for places, array in _object_blocks(manager):
        for place, along in zip(places, array if array.ndim == 2 else ()):
            column = columns[place] if place < len(columns) else None
            if type(column) is str or type(column) is int:
                cells += [(f"[{column!r}][{row!r}]", item) for row, item in zip(rows, along.flat)]
    return _cells(cells)


_READERS = {
    NAMESPACE: _namespace,
    FIELDS: _named_tuple,
    QUEUE: _queue,
    ARRAY: _array,
    SERIES: _series,
    FRAME: _frame,
}


def _cells(cells: list[tuple[str, Any]]) -> Contents:
    first = cells[:MOST_IN_CONTAINER]
    return Contents([key for key, _ in first], [item for _, item in first], len(cells), AS_WRITTEN)


def _object_blocks(manager: Any) -> Iterable[tuple[list[int], Any]]:
    """The places of the columns of each block of objects, and its array."""
    blocks = _c_attribute(manager, "blocks")
    for block in blocks if type(blocks) is tuple else ():
        array, places = (
            _c_attribute(block, "values"),
            _c_attribute(_c_attribute(block, "_mgr_locs"), "as_array"),
        )
        if holds_objects(array) and _is_array(places):
            yield places.tolist(), array


def _axes(manager: Any) -> list[list[Any]]:
    axes = _c_attribute(manager, "axes")
    return [_labels(axis) for axis in axes] if type(axes) is list else []


def _labels(axis: Any) -> list[Any]:
    """The first labels of an index; only numbers and texts count.

    Texts lie in an array of numpy's or, where pyarrow is installed, of pyarrow's (pandas/core/arrays/string_.py and
    string_arrow.py).
    """
    along, data = _c_attribute(axis, "_range"), _c_attribute(axis, "_data")
    if type(along) is range:
        return list(along[:MOST_IN_CONTAINER])
    array = data if _is_array(data) else _c_attribute(data, "_ndarray")
    arrow = _c_attribute(data, "_pa_array")
    labels: list[Any] = []
    if _is_array(array):
        labels = array[:MOST_IN_CONTAINER].tolist()
    elif class_module(type(arrow)) == "pyarrow.lib":
        labels = arrow.slice(0, MOST_IN_CONTAINER).to_pylist()
    return [label if is_one_of(type(label), (str, int)) else None for label in labels]


def _is_array(value: Any) -> bool:
    return is_one_of(type(value), (ndarray_type(),))


def _c_attribute(obj: Any, name: str) -> Any:
    """An attribute that stands in the instance dictionary, or that C code gives; ``None`` for any other."""
    own = instance_dict(obj)
    if own is not None and has_plain_keys(own) and name in own:
        return own[name]
    entry: Any = class_attribute(type(obj), name)
    return entry.__get__(obj) if is_one_of(type(entry), _C_DESCRIPTORS) else None
