"""Values as facts: a short text (``texts``), a digest of the content, and nothing of the user's kept.

Only exact builtin types, exact numpy arrays and scalars, a library's own tensors (``tensors``) and instance
dictionaries are looked into; of all else the type is reported.  A digest is exact up to ``WHOLE`` bytes of an array;
beyond, it is of evenly spread samples and starts with ``~``: two that differ prove a change, two that agree prove
nothing.  What a cell could have touched is read in full all the same, up to ``IN_FULL`` bytes in a look, and has a
second digest, of all of it.

Sees: writes in place (``coef_[0] += 1``, ``partial_fit``, a warm-started MLP) up to ``WHOLE`` bytes of each
array, and in sampled places beyond; of a tensor also its count of writes.  Cannot see: one element in
80 MB, what lies behind a class without a plain instance dictionary, what a closure holds, a set's order;
these have no digest, or a sampled one.  What the time budget left out is not
evaluated, and nothing is concluded from it.
"""

from __future__ import annotations

import hashlib
import math
import types
import zlib
from typing import TYPE_CHECKING, Any, Callable

from .budget import Budget
from .fingerprints import OF_THE_VIEW, FingerprintReader, c_get
from .identity import Binding, Tokens
from .tensors import TensorContent, Tensors
from .texts import LONGEST, TextWriter
from .types import (
    ESTIMATOR,
    TypeCache,
    instance_dict,
    is_atom,
    is_one_of,
    is_small_atom,
    mro_of,
    ndarray_type,
    pairs_of,
    qualified_name,
)

if TYPE_CHECKING:
    from . import wire

WHOLE = 1 << 18
"""Bytes of an array that are always read in full."""
IN_FULL = 32_000_000
"""Bytes of larger arrays that one look reads in full, of models that the cell could have touched."""
KEPT = 1 << 14
"""Bytes of an array that are kept, to compare with instead of hashing again."""
SAMPLES, SAMPLE = 64, 1_024
"""How many pieces of a larger array are read, and how many items each has."""
# fault: 65a
MOST_ITEMS, MOST_DEPTH = 200, 6
"""Of a container: items and levels that are looked at."""
_ENDS = 4_096
"""Of a number, text or item that is too long to be read in full: what is read of either end."""

_EXACT = 1 << 53
"""Integers below it are exact in every JSON reader."""

Feed = Callable[[bytes], object]


class OutOfTimeError(Exception):
    """A look has used up its time; what is left is reported as not evaluated."""


class ValueReader:
    """Turns values into facts, within one look's time budget."""

    def __init__(self, types_: TypeCache, tokens: Tokens, tensors: Tensors) -> None:
        self._types, self._tokens, self._tensors = types_, tokens, tensors
        self._texts = TextWriter(types_, tensors)
        self.fingerprints = FingerprintReader(types_, tokens, self.small_bytes)
        self._budget = Budget(float("inf"))
        self._contents: dict[int, TensorContent] = {}
        """By id, the tensors that this look has read already: a network's parts hold the same."""
        self.is_thorough = True
        """Of a model that the cell could have touched: another object at the address of the one before is noticed, and
        larger arrays are read in full, as far as there is room for it in the look."""
        self._room = IN_FULL
        """Bytes of them that may still be read."""
        self._is_reading_in_full = False

    def begin(self, seconds: float) -> None:
        """A new look may take this long."""
        self._budget = Budget(seconds)
        self._contents = {}
        self.is_thorough, self._room = True, IN_FULL
        self._tensors.refresh()

    def end(self) -> None:
        """The look is over: what was read in it is out of date."""
        self._contents = {}

    def overdue(self) -> bool:
        """Whether the look has used up its time."""
        return self._budget.is_spent()

    def parameter(self, value: Any, binding: Binding) -> wire.Value:
        """A scalar as it is; else ``{"text", "digest", "serial"}``."""
        if _is_plain(value):
            if not binding.holds(value):
                binding.bind(value)
            plain: wire.Value = value
            return plain
        self._refresh(value, binding)
        opaque: wire.Opaque = {"text": binding.text, "digest": binding.digest, "serial": binding.serial}
        if binding.full is not None:
            opaque["full"] = binding.full
        return opaque

    def signature(self, value: Any, binding: Binding, computed: bool = False) -> wire.Signature:
        """A ``Signature`` of one learned attribute; one that is
        ``computed`` is another object at each look, which means nothing."""
        self._refresh(value, binding)
        signature: wire.Signature = {"text": binding.text, "serial": 0 if computed else binding.serial}
        if binding.digest is not None:
            signature["digest"] = binding.digest
        if binding.full is not None:
            signature["full"] = binding.full
        if is_one_of(type(value), (int, float)) and _is_plain(value):
            signature["number"] = float(value)
        if binding.version is not None:
            signature["version"] = binding.version
        if value is None:
            signature["is_none"] = True
        if binding.lacks_values:
            signature["lacks_values"] = True
        return signature

    def is_still(self, value: Any, binding: Binding) -> bool:
        """Whether value and content are those of the last look, if that can be decided cheaply."""
        if not binding.holds(value):
            return False
        if self._tensors.is_tensor(value):
            now = self._tensor(value)
            return (now.version, now.raw) == (binding.version, binding.raw)
        if binding.raw is not None:
            same: bool = value.tobytes() == binding.raw
            return same
        if binding.fingerprint is not None:
            return self.fingerprints.is_same(value, binding.fingerprint)
        return binding.is_settled

    def _refresh(self, value: Any, binding: Binding) -> None:
        """Brings the binding's serial, text and digest up to date."""
        is_same = binding.holds(value)
        if is_same and is_small_atom(value) and not binding.late:
            return
        if not is_same:
            binding.bind(value)
        if not is_same or binding.late:
            self._describe(value, binding)
        if self._tensors.is_tensor(value):
            self._refresh_tensor(value, binding)
            return
        binding.version = None
        raw = self.small_bytes(value)
        if raw is not None and raw == binding.raw:
            return
        digest = hashlib.blake2b(digest_size=12)
        try:
            exact = self._feed(digest.update, value, 0)
        except OutOfTimeError:
            binding.digest = binding.raw = binding.full = None
            binding.late = True
            return
        binding.late = False
        binding.raw = raw
        if is_same and not is_atom(value):  # its content differs, and with it perhaps its type and shape
            self._describe(value, binding)
        before, binding.digest = binding.digest, _digest_text(digest, exact)
        self._refresh_full(value, binding, is_same and before == binding.digest, exact)
        binding.is_constant = self._is_constant(value)
        takes = (
            exact
            and raw is None
            and not (is_atom(value) or binding.is_constant or type(value) is ndarray_type())
        )
        binding.fingerprint = self.fingerprints.take(value) if takes else None

    def _is_constant(self, value: Any) -> bool:
        """Whether the content stays as it is for as long as this is the object that is bound."""
        if type(value) is tuple:
            return len(value) <= MOST_ITEMS and all(map(is_small_atom, value))
        return self._types.of(type(value)).kind == ESTIMATOR

    def _refresh_full(self, value: Any, binding: Binding, is_same: bool, exact: bool | None) -> None:
        """Read what only samples were taken of in full, if that is this model's turn.

        Args:
            is_same: it is the same object, with the same samples: what was known of all of it may still be so.
        """
        full = self._full_digest(value) if exact is False and self.is_thorough else None
        if full is not None or not is_same:
            binding.full = full

    def _full_digest(self, value: Any) -> str | None:
        """Of all content; ``None`` if there is no room for it in this look."""
        digest = hashlib.blake2b(digest_size=12)
        self._is_reading_in_full = True
        try:
            return digest.hexdigest() if self._feed(digest.update, value, 0) else None
        except OutOfTimeError:
            return None
        finally:
            self._is_reading_in_full = False

    def _refresh_tensor(self, value: Any, binding: Binding) -> None:
        """A tensor is compared by its count of writes, and by samples that are spread over all of it."""
        now = self._tensor(value)
        binding.version, binding.late = now.version, False
        if now.raw is None:
            binding.raw = binding.digest = None
        elif now.raw != binding.raw or binding.digest is None:
            binding.raw = now.raw
            self._describe(value, binding)
            digest = hashlib.blake2b(now.raw, digest_size=12, key=binding.text.encode()[:64])
            binding.digest = ("" if now.whole else "~") + digest.hexdigest()

    def _describe(self, value: Any, binding: Binding) -> None:
        binding.text = self._texts.text(value)
        binding.lacks_values = self._tensors.is_tensor(value) and self._tensors.lacks_values(value)

    def _tensor(self, value: Any) -> TensorContent:
        content = self._contents.get(id(value))
        if content is None:
            content = self._contents[id(value)] = self._tensors.read(value)
        return content

    def small_bytes(self, value: Any, most: int = KEPT) -> bytes | None:
        """The bytes of a plain array or scalar of numpy's, where there are no more, for comparing in C."""
        kind = type(value)
        if kind is not ndarray_type() and not self._types.of(kind).numpy_scalar:
            return None
        if value.nbytes > most or value.dtype.hasobject:
            return None
        content: bytes = value.tobytes()
        return content

    # Content.

    def _feed(self, update: Feed, value: Any, depth: int) -> bool | None:  # noqa: C901 - one branch per kind
        """Feeds the value's content to a hash.

        Returns whether all of it was fed; ``None`` where there is something in it that cannot be
        looked at, so that no digest can stand for it.
        """
        if depth > MOST_DEPTH:
            return None
        if self._budget.is_spent():
            raise OutOfTimeError
        kind = type(value)
        if is_atom(value):
            return _feed_atom(update, value)
        if kind is list or kind is tuple:
            step = max(1, len(value) // MOST_ITEMS)
            _put(update, kind.__name__, str(len(value)).encode())
            return self._feed_items(update, list(value[::step]), depth, step == 1)
        # fault: 64a
        if kind is dict:
            flat = [x for pair in pairs_of(value, MOST_ITEMS) for x in pair]
            _put(update, "dict", str(len(value)).encode())
            return self._feed_items(update, flat, depth, len(value) <= MOST_ITEMS)
        if kind is set or kind is frozenset:
            return None
        if kind is ndarray_type():
            return self._feed_array(update, value, depth)
        if self._tensors.is_tensor(value):
            content = self._tensor(value)
            if content.raw is None:
                return None
            _put(update, self._tensors.text(value), content.raw)
            return content.whole
        if self._types.of(kind).numpy_scalar:
            if value.nbytes > WHOLE:
                return None
            _put(update, qualified_name(kind), value.tobytes())
            return True
        if kind is types.FunctionType:
            return self._feed_function(update, value, depth)
        if kind is types.BuiltinFunctionType or kind is type:
            _put(update, "named", self._texts.text(value).encode("utf-8", "replace"))
            return True
        return self._feed_object(update, value, depth)

    def _feed_items(self, update: Feed, items: list[Any], depth: int, whole: bool) -> bool | None:
        exact = whole
        for item in items:
            fed = self._feed(update, item, depth + 1)
            if fed is None:
                return None
            exact = exact and fed
        return exact

    def _feed_function(self, update: Feed, function: Any, depth: int) -> bool | None:
        """By name, code and defaults; what a closure holds is not looked into."""
        if function.__closure__ is not None:
            return None
        _put(update, "function", self._texts.text(function).encode("utf-8", "replace"))
        defaults = (function.__defaults__, function.__kwdefaults__)
        fed = self._feed(update, defaults, depth + 1)
        return fed and self._feed_code(update, function.__code__, depth + 1)

    def _feed_code(self, update: Feed, code: types.CodeType, depth: int) -> bool | None:
        _put(update, "code", code.co_code)
        exact = self._feed(update, code.co_names, depth + 1)
        for constant in code.co_consts if depth <= MOST_DEPTH else ():
            inner = type(constant) is types.CodeType
            fed = (
                self._feed_code(update, constant, depth + 1) if inner else self._feed(update, constant, depth)
            )
            exact = exact and fed
        return exact if depth <= MOST_DEPTH else None

    def _feed_array(self, update: Feed, array: Any, depth: int) -> bool | None:
        dtype, size = array.dtype, array.size
        _put(update, "array", (dtype.str + str(array.shape)).encode())
        if dtype.hasobject:
            if size > MOST_ITEMS:
                return None
            return self._feed_items(update, array.ravel().tolist(), depth, whole=True)
        if array.nbytes <= WHOLE:
            _put(update, "", array.tobytes())
            return True
        if self._is_reading_in_full and array.nbytes <= self._room:
            self._room -= array.nbytes
            _put(update, "crc", b"%x" % _checksum(array))
            return True
        if array.itemsize > _ENDS:
            return None
        # `flat` reads item by item in C and copies only what is asked for, whatever the strides.
        # fault: 66a
        flat, step = array.flat, max(1, size // SAMPLES)
        for start in range(0, size, step):
            _put(update, "", flat[start : start + max(1, 8 * SAMPLE // array.itemsize)].tobytes())
            if self._budget.is_spent():
                raise OutOfTimeError
        return False

    def _feed_object(self, update: Feed, value: Any, depth: int) -> bool | None:
        """An estimator by its token, another object by its class and instance dictionary."""
        info = self._types.of(type(value))
        if info.kind == ESTIMATOR:
            _put(update, "model", str(self._tokens.of(value)).encode())
            return True
        _put(update, "object", info.name.encode("utf-8", "replace"))
        getters = self._types.tables.c_state.get(info.name)
        if getters is not None:
            state = [c_get(value, name) for name in getters]
            return self._feed_items(update, state, depth, whole=True)
        own = instance_dict(value)
        if own is None or not info.name.startswith(self._types.tables.plain_packages):
            return None
        content: bool | None = True
        if any(base is ndarray_type() for base in mro_of(type(value))):  # a masked array, a matrix, a memmap
            content = self._feed_array(update, ndarray_type().view(value, ndarray_type()), depth)  # type: ignore[attr-defined]
            own = {n: v for n, v in pairs_of(own, MOST_ITEMS) if type(n) is str and n not in OF_THE_VIEW}
        fed = self._feed(update, own, depth + 1)
        return None if content is None or fed is None else content and fed


def _is_plain(value: Any) -> bool:
    """Whether JSON says the value as it is: no NaN, no huge integer, no long text."""
    # fault: 59a
    kind = type(value)
    if kind is float:
        return math.isfinite(value)
    if kind is int:
        return bool(-_EXACT < value < _EXACT)
    if kind is str:
        return len(value) <= LONGEST
    return kind is bool or value is None


def _feed_atom(update: Feed, value: Any) -> bool:
    kind = type(value)
    if kind is int and value.bit_length() > WHOLE:
        ends = (value >> (value.bit_length() - _ENDS), value & ((1 << _ENDS) - 1))
        _put(update, "int", f"{value.bit_length()} {ends[0]:x} {ends[1]:x}".encode())
        return False
    if (kind is str or kind is bytes) and len(value) > WHOLE:
        _put(update, kind.__name__, str(len(value)).encode())
        for start in range(0, len(value), len(value) // SAMPLES):
            _feed_atom(update, value[start : start + SAMPLE])
        _feed_atom(update, value[-SAMPLE:])
        return False
    if kind is int:
        width = value.bit_length() // 8 + 1
        _put(update, "int", value.to_bytes(width, "little", signed=True))
    elif kind is str:
        _put(update, "str", value.encode("utf-8", "surrogatepass"))
    elif kind is bytes:
        _put(update, "bytes", value)
    else:
        _put(update, kind.__name__, repr(value).encode())
    return True


def _digest_text(digest: Any, exact: bool | None) -> str | None:
    return None if exact is None else ("" if exact else "~") + str(digest.hexdigest())


def _checksum(array: Any) -> int:
    """Of all bytes of an array, at some gigabytes a second; two contents have the same one in 4 billion times."""
    if not array.ndim:
        return zlib.crc32(array.tobytes())
    if array.flags.c_contiguous:
        return zlib.crc32(array.view("u1"))
    # In the order of the items, whatever their order in memory: a copy may have another one.
    checksum, step = 0, max(1, WHOLE * len(array) // array.nbytes)
    for start in range(0, len(array), step):
        checksum = zlib.crc32(array[start : start + step].tobytes(), checksum)
    return checksum


def _put(update: Feed, label: str, content: bytes) -> None:
    """Length-prefixed, so that no two values feed the same bytes."""
    update(f"{label}:{len(content)}:".encode())
    update(content)
