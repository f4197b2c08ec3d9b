"""How Keras models are read, and TensorFlow's variables, in which they keep their weights.

Sees: every weight of every layer, by content, with TensorFlow's own read operation.  Cannot see: variables that live
in a graph, or on another device than the CPU.
"""

from __future__ import annotations

import sys
from typing import Any

from ...probe.library import LibraryReader, Part, Values
from ...probe.tensors import TensorReader, Tensors
from ...probe.types import (
    TypeInfo,
    attributes_of,
    class_module,
    class_name,
    dtype_name,
    instance_dict,
    is_atom,
    mro_of,
    names_in,
)

MOST_WEIGHTS = 400
"""Of one model; further ones are not evaluated."""
MOST_PARTS = 16
_MOST_LAYERS = 4_000
_MOST_SETTINGS = 128
"""Layers and settings of one model."""
_OWN_LAYERS = "keras.src.layers."
_INPUT = "InputLayer"
"""What a model adds by itself, once it knows the shape of its input."""
_VARIABLE_STORES = ("_trainable_variables", "_non_trainable_variables")


class KerasModel(LibraryReader):
    """``keras.Model``: the weights of every layer, by their paths."""

    by_attributes = False
    is_linked = True
    levels = 1

    def split(self, obj: Any, info: TypeInfo) -> tuple[Values, Values]:
        """Hyper-parameters are what it was compiled with, as far as that is plain, its layers, and their settings."""
        own = dict(attributes_of(obj))
        params: Values = {}
        optimizer = own.get("optimizer", own.get("_optimizer"))
        if optimizer is not None:
            params["optimizer"] = class_name(type(optimizer))
            rate = _learning_rate_of(instance_dict(optimizer) or {}, self.tensors)
            if rate is not None:
                params["learning_rate"] = rate
        if type(own.get("loss")) is str:
            params["loss"] = own["loss"]
        params.update(_structure_of(obj))
        return params, dict(_weights_of(obj))

    def parts(self, obj: Any) -> list[Part]:
        """Models among its layers (a pretrained base)."""
        parts: list[Part] = []
        for layer in _layers(obj)[:MOST_PARTS]:
            name = (instance_dict(layer) or {}).get("name")
            if type(name) is str:
                parts.append((f".{name}", None, layer))
        return parts

    def owned_tensors(self, obj: Any) -> list[Any]:
        """Its weights."""
        return [v for _, v in _weights_of(obj)]

    def training_evidence(self, obj: Any) -> list[str]:
        """Its optimizer counts the steps it took."""
        own = dict(attributes_of(obj))
        return _steps_taken(instance_dict(own.get("optimizer", own.get("_optimizer"))) or {}, self.tensors)


class KerasOptimizer(LibraryReader):
    """``keras.optimizers.Optimizer``: its settings, the steps it has counted, and what it keeps per weight."""

    by_attributes = False
    is_linked = True
    _VARIABLES_READ = 8
    """Of those that it keeps: a step changes all of them."""
    _NO_SETTINGS = ("name", "built")

    def split(self, obj: Any, info: TypeInfo) -> tuple[Values, Values]:
        """One that has taken no step has learned nothing, although its counter is there."""
        own = instance_dict(obj) or {}
        params: Values = {"learning_rate": _learning_rate_of(own, self.tensors)}
        for name, value in attributes_of(obj):
            if is_atom(value) and not name.startswith("_") and name not in self._NO_SETTINGS:
                params[name] = value
        if "iterations" not in _steps_taken(own, self.tensors):
            return params, {}
        learned: Values = {}
        for variable in _items_of(own.get("_variables"))[: self._VARIABLES_READ]:
            path, value = _path_and_value(variable)
            if path is not None and value is not None and not path.endswith("/learning_rate"):
                learned[path.partition("/")[2] or path] = value
        return params, learned

    def parts(self, obj: Any) -> list[Part]:
        """It has none: it works on a model's weights."""
        return []

    def objects_worked_on(self, obj: Any) -> list[Any]:
        """The weights that it changes, once it was built with them."""
        variables = _items_of((instance_dict(obj) or {}).get("_trainable_variables"))[:MOST_WEIGHTS]
        values = [_path_and_value(variable)[1] for variable in variables]
        return [value for value in values if value is not None]

    def training_evidence(self, obj: Any) -> list[str]:
        """It counts the steps that it has taken."""
        return _steps_taken(instance_dict(obj) or {}, self.tensors)


def _learning_rate_of(optimizer: dict[str, Any], tensors: Tensors) -> object:
    """As it was given, not as float32 has it; of a schedule, its class."""
    kept = optimizer.get("_learning_rate")
    number = _number(_path_and_value(kept)[1], tensors)
    if number is not None:
        return float(f"{float(number):.6g}")
    return None if kept is None else class_name(type(kept))


def _steps_taken(optimizer: dict[str, Any], tensors: Tensors) -> list[str]:
    number = _number(_path_and_value(optimizer.get("_iterations"))[1], tensors)
    if number is None:
        return []
    return ["iterations"] if int(number) > 0 else ["no iterations"]


def _number(variable: Any, tensors: Tensors) -> Any:
    """What a variable without dimensions holds."""
    array = tensors.content(variable) if tensors.is_tensor(variable) else None
    return array if array is not None and array.ndim == 0 else None


def _path_and_value(variable: Any) -> tuple[str | None, Any]:
    """Of a variable of Keras' own: its path, and the tensor that it stands for."""
    inner = instance_dict(variable) or {}
    path = inner.get("_path")
    return path if type(path) is str else None, inner.get("_value")


def _items_of(kept: Any) -> list[Any]:
    """What a list holds: a plain one, Keras' own, or one that TensorFlow has wrapped, which keeps its items beside it."""
    if not any(base is list for base in mro_of(type(kept))):
        return []
    wrapped = (instance_dict(kept) or {}).get("_storage")
    return list(wrapped) if type(wrapped) is list else list.copy(kept)


def _structure_of(model: Any) -> list[tuple[str, Any]]:
    """(name, layer) of its layers, each followed by (name, value) of its settings.

    Settings are read of Keras' own layers alone: those of others may count what passes through.
    """
    structure: list[tuple[str, Any]] = []
    for layer in _layers(model):
        own = instance_dict(layer) or {}
        name = own.get("name")
        if type(name) is not str or class_name(type(layer)) == _INPUT or len(structure) >= _MOST_SETTINGS:
            continue
        structure.append((name, layer))
        if any(_items_of(own.get(kind)) for kind in (*_VARIABLE_STORES, "_layers")):
            structure.append((f"{name}.trainable", own.get("_trainable")))
        if class_module(type(layer)).startswith(_OWN_LAYERS):
            pairs = attributes_of(layer)
            structure += [(f"{name}.{n}", v) for n, v in pairs if type(v) is float and not n.startswith("_")]
    return structure


def _layers(model: Any) -> list[Any]:
    """The layers that a layer holds: a list of Keras' own, copied by the base class's method."""
    return _items_of((instance_dict(model) or {}).get("_layers"))


def _weights_of(model: Any) -> list[tuple[str, Any]]:
    """(path, value) of the weights of a model and all its layers."""
    weights: dict[int, tuple[str, Any]] = {}
    seen: set[int] = set()
    pending = [model]
    while pending and len(weights) < MOST_WEIGHTS and len(seen) < _MOST_LAYERS:
        layer = pending.pop(0)
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        own = instance_dict(layer) or {}
        for kind in _VARIABLE_STORES:
            store = own.get(kind)
            for variable in store if type(store) is list else ():
                path, value = _path_and_value(variable)
                if path is not None and value is not None:
                    weights.setdefault(id(value), (path, value))
        pending += _layers(layer)
    names: dict[str, Any] = {}
    for path, value in weights.values():
        names[path if path not in names else f"{path}#{len(names)}"] = value
    return list(names.items())[:MOST_WEIGHTS]


class TensorFlowVariables(TensorReader):
    """``tf.Variable`` as Keras makes it, read eagerly on the CPU."""

    _CLASSES = (
        ("tensorflow.python.ops.resource_variable_ops", "ResourceVariable"),
        # Made while a function is traced: by a model that its first `fit` builds.
        ("tensorflow.python.eager.polymorphic_function.polymorphic_function", "UnliftedInitializerVariable"),
    )

    def types(self) -> list[type]:
        """Once TensorFlow is imported."""
        if "tensorflow" not in sys.modules:
            return []
        classes = [names_in(module).get(name) for module, name in self._CLASSES]
        return [] if None in classes else classes  # type: ignore[return-value]

    def content(self, tensor: Any) -> Any:
        """By TensorFlow's own read operation, which no mode of the user's sees."""
        read = names_in("tensorflow.python.ops.gen_resource_variable_ops")["read_variable_op"]
        own: dict[str, Any] = instance_dict(tensor) or {}
        handle = own["_handle"]
        if own.get("_in_graph_mode") is not False or "CPU" not in str(handle.device):
            return None
        return read(handle, dtype=own["_dtype"])._numpy_internal()

    def type_and_shape(self, tensor: Any) -> tuple[str, tuple[int, ...]] | None:
        """From the content: the variable's own attributes are properties."""
        try:
            array = self.content(tensor)
        except Exception as error:  # TensorFlow's refusal, whatever its type
            if type(error) is TimeoutError:  # the user's
                raise
            array = None
        return None if array is None else (dtype_name(array.dtype), array.shape)


READERS = {"keras": KerasModel, "keras.optimizers": KerasOptimizer}
TENSORS = TensorFlowVariables
