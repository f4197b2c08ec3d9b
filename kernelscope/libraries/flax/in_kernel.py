"""Reads flax.nnx modules and optimizers, and the JAX arrays that their variables hold.

Sees: every parameter and statistic of the whole module, by content.  An array is never written: a step puts others in
their places.  Cannot see: arrays on another device than the CPU, those that are still being computed, and what
lives in a trace.
"""

from __future__ import annotations

import sys
import types
from time import perf_counter, sleep
from typing import Any

from ...probe.library import LibraryReader, Part, Values
from ...probe.tensors import TensorReader
from ...probe.types import (
    TypeInfo,
    attributes_of,
    class_attribute,
    class_module,
    exact_pairs,
    instance_dict,
    is_atom,
    mro_of,
    names_in,
    qualified_name,
)

MOST_ARRAYS = 400
"""Of one module; further ones are not evaluated."""
MOST_PARTS = 16
_MOST_MODULES = 4_000
_MOST_SETTINGS = 128
_MODULE = "flax.nnx.module.Module"
_VARIABLE = "flax.nnx.variablelib.Variable"
_NOTHING_LEARNED = frozenset(
    {"RngState", "RngKey", "RngCount", "Cache", "Intermediate", "Perturbation", "MetricState"}
)
"""Variables that using a module writes."""
_RAW_VALUE = ("_raw_value", "raw_value")
"""Where a variable keeps its array: a slot, or an attribute before flax 0.12 (flax/nnx/variablelib.py)."""


class FlaxModule(LibraryReader):
    """``flax.nnx.Module``: the variables of the whole tree, by their dotted names."""

    by_attributes = False
    is_linked = True
    levels = 1

    def is_model(self, obj: Any) -> bool:
        """An activation or a dropout has nothing that could learn."""
        return bool(_variables_of(obj, 1))

    def split(self, obj: Any, info: TypeInfo) -> tuple[Values, Values]:
        """Hyper-parameters are plain values, and the modules that it is made of with theirs."""
        params: Values = {n: v for n, v in attributes_of(obj) if is_atom(v) and not n.startswith("_")}
        for path, child in _children_below(obj):
            if len(params) >= _MOST_SETTINGS:
                break
            params[path] = child
            if class_module(type(child)).startswith("flax.nnx.nn."):
                pairs = attributes_of(child)
                params.update({f"{path}.{n}": v for n, v in pairs if type(v) is float})
        return params, dict(_variables_of(obj, MOST_ARRAYS))

    def parts(self, obj: Any) -> list[Part]:
        """Its direct children that hold variables."""
        children = [(n, m) for n, m in _children(obj) if _variables_of(m, 1)]
        return [(f"[{n}]" if n.isdigit() else f".{n}", None, m) for n, m in children[:MOST_PARTS]]

    def owned_tensors(self, obj: Any) -> list[Any]:
        """Its arrays."""
        return [array for _, array in _variables_of(obj, MOST_ARRAYS)]


class FlaxOptimizer(LibraryReader):
    """``flax.nnx.Optimizer``: the steps it has counted, and what it keeps per parameter."""

    by_attributes = False
    is_linked = True
    _ARRAYS_READ = 8

    def split(self, obj: Any, info: TypeInfo) -> tuple[Values, Values]:
        """Its settings lie in functions.  One that has taken no step has learned nothing."""
        own = instance_dict(obj) or {}
        if self._steps(own) == 0:
            return {}, {}
        learned: Values = {"step": _array_of(own.get("step"))}
        pending: list[Any] = [own.get("opt_state")]
        while pending and len(learned) <= self._ARRAYS_READ:
            here = pending.pop()
            array = _array_of(here)
            if array is not None:
                learned[f"opt_state[{len(learned) - 1}]"] = array
            elif any(base is tuple for base in mro_of(type(here))):
                pending += reversed(list(tuple.__iter__(here)))
            else:
                own_state = here if type(here) is dict else _mapping_of(here)
                pending += reversed([value for _, value in exact_pairs(own_state, MOST_ARRAYS)])
        return {}, learned

    def parts(self, obj: Any) -> list[Part]:
        """It has none: it is given the module with each step."""
        return []

    def training_evidence(self, obj: Any) -> list[str]:
        """It counts the steps that it has taken."""
        steps = self._steps(instance_dict(obj) or {})
        return [] if steps is None else ["iterations"] if steps else ["no iterations"]

    def _steps(self, own: dict[str, Any]) -> int | None:
        array = _array_of(own.get("step"))
        content = self.tensors.content(array) if self.tensors.is_tensor(array) else None
        return int(content) if content is not None and content.ndim == 0 else None


def _array_of(variable: Any) -> Any:
    """The array that a variable holds; ``None`` if it is no variable, or holds something else."""
    if not any(qualified_name(base) == _VARIABLE for base in mro_of(type(variable))):
        return None
    slot = class_attribute(type(variable), _RAW_VALUE[0])
    if type(slot) is types.MemberDescriptorType:
        try:
            return slot.__get__(variable)
        except AttributeError:  # it is deleted
            return None
    return (instance_dict(variable) or {}).get(_RAW_VALUE[1])


def _mapping_of(state: Any) -> Any:
    """What a ``State`` or an ``nnx.Dict`` holds by name."""
    own = instance_dict(state)
    return own.get("_mapping", own) if own is not None else None


def _is_learned(variable: Any) -> bool:
    names = {qualified_name(base).rpartition(".")[2] for base in mro_of(type(variable))}
    return "Variable" in names and names.isdisjoint(_NOTHING_LEARNED)


def _variables_of(module: Any, most: int) -> list[tuple[str, Any]]:
    """(dotted name, array) of the first parameters and statistics in a module's tree."""
    arrays: list[tuple[str, Any]] = []
    seen: set[int] = set()
    pending = [("", module)]
    while pending and len(arrays) < most and len(seen) < _MOST_MODULES:
        prefix, here = pending.pop()
        if id(here) in seen:
            continue
        seen.add(id(here))
        for name, value in attributes_of(here):
            array = _array_of(value) if _is_learned(value) else None
            if array is not None:
                arrays.append((prefix + name, array))
        pending += reversed([(f"{prefix}{name}.", child) for name, child in _children(here)])
    return arrays[:most]


def _children(module: Any) -> list[tuple[str, Any]]:
    """(name, child) of the modules among its attributes; what an ``nnx.List`` holds are attributes, too."""
    return [(n, v) for n, v in attributes_of(module) if _is_module(v)]


def _children_below(module: Any) -> list[tuple[str, Any]]:
    """(path, child) of all modules in its tree."""
    below: list[tuple[str, Any]] = []
    pending = [(name, child) for name, child in reversed(_children(module))]
    seen = {id(module)}
    while pending and len(below) < _MOST_SETTINGS:
        path, child = pending.pop()
        below.append((path, child))
        if id(child) not in seen:
            seen.add(id(child))
            pending += [(f"{path}.{n}", deeper) for n, deeper in reversed(_children(child))]
    return below


def _is_module(value: Any) -> bool:
    return any(qualified_name(base) == _MODULE for base in mro_of(type(value)))


class JaxArrays(TensorReader):
    """``jax.Array`` on one CPU device.

    Its content is read by the C++ method that ``numpy.asarray`` ends in (jax/_src/array.py: ``_value``), which keeps no
    copy.  That would wait for a computation that is under way; here one is waited for only briefly.
    """

    _PATIENCE_S = 0.1
    _PAUSE_S = 0.0002

    _MODULES = ("jaxlib._jax", "jaxlib.xla_extension")
    """Where the class lies, and where it lay before jaxlib 0.6."""

    def types(self) -> list[type]:
        """Once JAX is imported."""
        if "jax" not in sys.modules:
            return []
        classes = [names_in(module).get("ArrayImpl") for module in self._MODULES]
        return [cls for cls in classes if cls is not None]

    def __init__(self) -> None:
        self._is_patient = True
        """The last array that was waited for became ready."""

    def content(self, tensor: Any) -> Any:
        """Shares the array's memory."""
        if tensor.is_deleted() or not self._is_on_one_cpu(tensor) or not self._is_ready(tensor):
            return None
        array = tensor._single_device_array_to_np_array_did_copy()[0]
        if array.dtype.isbuiltin != 1:  # numpy has no bfloat16: its bits will do
            return array.view(f"u{array.dtype.itemsize}")
        return array

    def type_and_shape(self, tensor: Any) -> tuple[str, tuple[int, ...]] | None:
        """Known of every array, also of one that was given away."""
        return str(tensor.dtype), tuple(tensor.shape)

    def _is_ready(self, tensor: Any) -> bool:
        until = perf_counter() + self._PATIENCE_S
        while not tensor.is_ready():
            if not self._is_patient or perf_counter() > until:
                self._is_patient = False
                return False
            sleep(self._PAUSE_S)
        self._is_patient = True
        return True

    def _is_on_one_cpu(self, tensor: Any) -> bool:
        devices = list(tensor.devices())
        return len(devices) == 1 and devices[0].platform == "cpu"


READERS = {"flax": FlaxModule, "flax.optimizer": FlaxOptimizer}
TENSORS = JaxArrays
