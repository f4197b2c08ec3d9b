"""How Keras models are read, and TensorFlow's variables, in which they keep their weights.

Sees: every weight of every layer, by content, with TensorFlow's own read operation.  Cannot see: variables that live
in a graph, or on another device than the CPU.
"""

from __future__ import annotations

import sys
from typing import Any

from ...probe.library import LibraryReader, Part, Values
from ...probe.tensors import TensorReader
from ...probe.types import TypeInfo, attributes_of, class_name, dtype_name, instance_dict, mro_of, names_in

MOST_WEIGHTS = 400
"""Of one model; further ones are not evaluated."""
MOST_PARTS = 16
_MOST_LAYERS = 4_000
_VARIABLE_STORES = ("_trainable_variables", "_non_trainable_variables")


class KerasModel(LibraryReader):
    """``keras.Model``: the weights of every layer, by their paths."""

    by_attributes = False
    is_linked = True
    levels = 1

    def split(self, obj: Any, info: TypeInfo) -> tuple[Values, Values]:
        """What it was compiled with counts as hyper-parameters, as far as it is plain."""
        own = dict(attributes_of(obj))
        params: Values = {}
        optimizer = own.get("optimizer", own.get("_optimizer"))
        if optimizer is not None:
            params["optimizer"] = class_name(type(optimizer))
            rate = (instance_dict((instance_dict(optimizer) or {}).get("_learning_rate")) or {}).get("_value")
            number = self._number(rate)
            if number is not None:
                params["learning_rate"] = float(
                    f"{float(number):.6g}"
                )  # as it was given, not as float32 has it
        if type(own.get("loss")) is str:
            params["loss"] = own["loss"]
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
        optimizer = instance_dict(own.get("optimizer", own.get("_optimizer"))) or {}
        number = self._number((instance_dict(optimizer.get("_iterations")) or {}).get("_value"))
        if number is None:
            return []
        return ["iterations"] if int(number) > 0 else ["no iterations"]

    def _number(self, variable: Any) -> Any:
        """What a variable without dimensions holds."""
        array = self.tensors.content(variable) if self.tensors.is_tensor(variable) else None
        return array if array is not None and array.ndim == 0 else None


def _layers(model: Any) -> list[Any]:
    """The layers that a layer holds: a list of Keras' own, copied by the base class's method."""
    layers = (instance_dict(model) or {}).get("_layers")
    is_list = any(base is list for base in mro_of(type(layers)))
    return list.copy(layers) if is_list else []  # type: ignore[arg-type]


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
                inner = instance_dict(variable) or {}
                path, value = inner.get("_path"), inner.get("_value")
                if type(path) is str and value is not None:
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


READERS = {"keras": KerasModel}
TENSORS = TensorFlowVariables
