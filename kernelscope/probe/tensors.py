"""Tensors of PyTorch and TensorFlow, read without running the user's code.

Only exact types of the libraries themselves are read, by their C-level getters.  What lies on
another device than the CPU, or in a form that numpy does not have, is not read: moving it here would
wait for the device.  ``Tensor._version`` counts writes in place; it misses ``fused=True`` optimizers,
writes through ``.data``, and those through a numpy view, all of which the content shows.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import Any, Iterator

from .types import class_dict, dtype_name, instance_dict, names_in

WHOLE = 1 << 14
"""Bytes of a tensor that are always read in full."""
SAMPLES = 1_024
"""Items of a larger one that are read: a step of any optimizer changes nearly all of them, and the
count of writes tells of one that changes few."""
_TORCH = ("Tensor", "Parameter", "Buffer", "UninitializedParameter", "UninitializedBuffer")

_VARIABLES = (
    ("tensorflow.python.ops.resource_variable_ops", "ResourceVariable"),
    # Made while a function is traced: by a model that its first `fit` builds.
    ("tensorflow.python.eager.polymorphic_function.polymorphic_function", "UnliftedInitializerVariable"),
)
_torch_types: set[int] = set()
_tensorflow_types: set[int] = set()
_base: list[Any] = []
"""``torch._C.TensorBase``, once it is there.  Types are told by their ids: these never go away, and
hashing a type could run its metaclass."""


def refresh() -> None:
    """Notes the frameworks' types, once they are imported; called at the start of each look."""
    if not _torch_types and "torch" in sys.modules:
        parameters, torch, core = (names_in(n) for n in ("torch.nn.parameter", "torch", "torch._C"))
        found = [torch.get("Tensor"), *(parameters.get(name) for name in _TORCH[1:])]
        if found[0] is not None and found[1] is not None and "TensorBase" in core:
            _base.append(core["TensorBase"])
            _torch_types.update(id(t) for t in found if t is not None)
    if not _tensorflow_types and "tensorflow" in sys.modules:
        variables = [names_in(module).get(name) for module, name in _VARIABLES]
        if None not in variables:
            _tensorflow_types.update(map(id, variables))


def is_tensor(value: object) -> bool:
    """Whether it is of a tensor type that can be read here."""
    kind = id(type(value))
    return kind in _torch_types or kind in _tensorflow_types


def version(value: object) -> int | None:
    """How often a PyTorch tensor was written in place; ``None`` for what does not count it."""
    if id(type(value)) not in _torch_types:
        return None
    try:
        with _unseen():
            found = _getter("_version")(value)
    except (RuntimeError, TypeError):  # made in inference mode
        return None
    return found if type(found) is int else None


def has_gradient(value: object) -> bool:
    """Whether a PyTorch parameter has been through a backward pass, and its gradient is still there."""
    if id(type(value)) not in _torch_types:
        return False
    try:
        with _unseen():
            return bool(_getter("is_leaf")(value)) and _getter("grad")(value) is not None
    except (RuntimeError, TypeError):
        return False


def content(value: Any) -> Any:
    """A numpy array over the tensor's content, not a copy where the library can do without; ``None`` where
    it cannot be read."""
    try:
        return _of_tensorflow(value) if id(type(value)) in _tensorflow_types else _of_torch(value)
    except Exception as error:  # a library's refusal, whatever its type: the content stays unread
        if type(error) is TimeoutError:  # the user's
            raise
        return None


class Reading:
    """One tensor, as it was at one moment."""

    __slots__ = ("raw", "version", "whole")

    def __init__(self, raw: bytes | None, whole: bool, version: int | None) -> None:
        self.raw, self.whole, self.version = raw, whole, version


def read(value: Any) -> Reading:
    """The bytes of a small tensor, or of items spread evenly over a large one, and its version."""
    array = content(value)
    if array is None or array.dtype.hasobject:
        return Reading(None, False, version(value))
    whole = array.nbytes <= WHOLE
    # `flat` picks items in C, whatever the strides; an odd step does not stay in one column.
    picked = array if whole else array.flat[:: max(1, array.size // SAMPLES) | 1]
    return Reading(picked.tobytes(), whole, version(value))


def text(value: Any) -> str:
    """Its element type and shape."""
    if id(type(value)) in _tensorflow_types:
        array = content(value)
        return "tensor" if array is None else f"{dtype_name(array.dtype)} tensor {array.shape}"
    try:
        with _unseen():
            shape = tuple(_getter("shape")(value))
            dtype = str(_getter("dtype")(value)).rpartition(".")[2]
    except (RuntimeError, TypeError, ValueError):  # not initialised yet
        return "tensor"
    return f"{dtype} tensor {shape}"


@contextmanager
def _unseen() -> Iterator[None]:
    """Neither the user's function modes nor dispatch modes see what is read meanwhile: with a mode
    entered, even PyTorch's plain getters call it."""
    core = names_in("torch._C")
    with core["DisableTorchFunction"](), core["_DisableTorchDispatch"]():
        yield


def _getter(name: str) -> Any:
    return class_dict(_base[0])[name].__get__


def _method(name: str) -> Any:
    return class_dict(_base[0])[name]


def _of_torch(tensor: Any) -> Any:
    with _unseen():
        if not _getter("is_cpu")(tensor):
            return None
        plain = _method("detach")(tensor)
        if str(_getter("dtype")(plain)) == "torch.bfloat16":  # numpy has none: its bits will do
            plain = _method("view")(plain, names_in("torch")["int16"])
        return _method("numpy")(plain)


def _of_tensorflow(variable: Any) -> Any:
    read = names_in("tensorflow.python.ops.gen_resource_variable_ops")["read_variable_op"]
    own: dict[str, Any] = instance_dict(variable) or {}
    handle = own["_handle"]
    if own.get("_in_graph_mode") is not False or "CPU" not in str(handle.device):
        return None
    return read(handle, dtype=own["_dtype"])._numpy_internal()
