"""How PyTorch's modules, optimizers, schedulers and tensors are read.

Sees: every parameter and buffer of the whole module, by content (samples of large ones) and by ``Tensor._version``.
Cannot see: what lies on another device; of that the version alone tells.  ``Tensor._version`` counts writes in
place.  It misses ``fused=True`` optimizers, writes through ``.data``, and those through a numpy view; the content
shows all of these.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from contextlib import contextmanager
from typing import Any, Iterator

from ...probe.library import MISSING, LibraryReader, Part, Values
from ...probe.tensors import TensorReader
from ...probe.types import (
    TypeInfo,
    attributes_of,
    class_dict,
    class_module,
    exact_pairs,
    has_plain_keys,
    instance_dict,
    is_atom,
    is_one_of,
    mro_of,
    names_in,
    pairs_of,
    qualified_name,
)

MOST_TENSORS = 400
"""Of one model; further ones are not evaluated."""
MOST_PARTS = 16
_MOST_MODULES = 4_000
_TENSOR_STORES = ("_parameters", "_buffers")
_STORES = (*_TENSOR_STORES, "_modules")
"""Where a module keeps what reads as its attributes (``Module.__getattr__`` in torch/nn/modules/module.py)."""
_LOSS = "torch.nn.modules.loss._Loss"
_OWN_MODULES = "torch.nn.modules."
_MOST_SETTINGS = 128
"""Children and settings of one network."""
_NO_SETTINGS = frozenset(
    {
        "training",
        "inplace",
        "in_features",
        "out_features",
        "in_channels",
        "out_channels",
        "num_features",
        "num_embeddings",
        "embedding_dim",
        "input_size",
        "hidden_size",
        "num_layers",
        "embed_dim",
        "kdim",
        "vdim",
        "head_dim",
        "batch_first",
        "bias",
    }
)
"""Of a module: its mode, how it saves memory, and what the shapes of its weights tell."""


class TorchModule(LibraryReader):
    """``torch.nn.Module``: parameters and buffers of the whole tree, by their dotted names."""

    by_attributes = False
    is_linked = True
    levels = 1

    def is_model(self, obj: Any) -> bool:
        """A loss or an activation has nothing that could learn."""
        return bool(self._tensors_of(obj, 1))

    def split(self, obj: Any, info: TypeInfo) -> tuple[Values, Values]:
        """Hyper-parameters are plain values that the constructor takes (``Dropout.p``), the modules that it is made
        of, and the settings of these."""
        own = attributes_of(obj)
        params: Values = {n: v for n, v in own if n in info.params and is_atom(v)}
        params.update(_structure_of(obj))
        return params, dict(self._tensors_of(obj, MOST_TENSORS))

    def parts(self, obj: Any) -> list[Part]:
        """Its direct children that hold tensors."""
        children = [(n, m) for n, m in _children(obj) if self._tensors_of(m, 1)]
        return [(_step(n), None, m) for n, m in children[:MOST_PARTS]]

    def owned_tensors(self, obj: Any) -> list[Any]:
        """Its parameters; buffers are no optimizer's."""
        return [t for _, t in self._tensors_of(obj, MOST_TENSORS)]

    def training_evidence(self, obj: Any) -> list[str]:
        """A gradient is left behind by training."""
        has_gradient = self.tensors.has_gradient
        return ["gradients"] if any(has_gradient(t) for t in self.owned_tensors(obj)) else []

    def write_counts(self, obj: Any) -> list[int | None]:
        """Of every tensor."""
        return [self.tensors.version(t) for t in self.owned_tensors(obj)]

    def attribute(self, obj: Any, name: str) -> Any:
        """A parameter, a buffer or a child."""
        own = instance_dict(obj)
        for kind in _STORES:
            store: Any = own.get(kind) if own is not None else None
            if is_one_of(type(store), (dict, OrderedDict)) and has_plain_keys(store) and name in store:
                return dict.__getitem__(store, name)
        return MISSING

    def item(self, obj: Any, key: Any) -> Any:
        """``net[0]``: a child under the name ``"0"``."""
        return self.attribute(obj, str(key)) if is_atom(key) else MISSING

    def _tensors_of(self, module: Any, most: int) -> list[tuple[str, Any]]:
        """(dotted name, tensor) of the first parameters and buffers in a module's tree."""
        tensors: list[tuple[str, Any]] = []
        seen: set[int] = set()
        pending = [("", module)]
        while pending and len(tensors) < most and len(seen) < _MOST_MODULES:
            prefix, here = pending.pop()
            if id(here) in seen or _is_loss(here):
                continue
            seen.add(id(here))
            own = instance_dict(here)
            for kind in _TENSOR_STORES:
                store = own.get(kind) if own is not None else None
                for name, value in exact_pairs(store, most):
                    if type(name) is str and self.tensors.is_tensor(value):
                        tensors.append((prefix + name, value))
            below = [(f"{prefix}{name}.", child) for name, child in _children(here)]
            pending += reversed(below)
        return tensors[:most]


class TorchOptimizer(LibraryReader):
    """``torch.optim.Optimizer``: settings per group, and the state it keeps per parameter."""

    by_attributes = False
    is_linked = True
    _PARAMETERS_READ = 4
    """Parameters whose state is read: a step advances that of all of them."""
    _NO_SETTINGS = ("params", "param_names")
    """Of a group: what it works on."""

    def split(self, obj: Any, info: TypeInfo) -> tuple[Values, Values]:
        """Those of the first group bear their plain names."""
        params: Values = {}
        for place, group in enumerate(_groups(obj)[:MOST_PARTS]):
            for name, value in pairs_of(group, 64):
                if type(name) is str and name not in self._NO_SETTINGS:
                    params[f"{name}[{place}]" if place else name] = value
        learned: Values = {}
        state = (instance_dict(obj) or {}).get("state")
        for place, (_, kept) in enumerate(exact_pairs(state, self._PARAMETERS_READ)):
            learned.update({f"state[{place}].{n}": v for n, v in exact_pairs(kept, 16) if type(n) is str})
        return params, learned

    def parts(self, obj: Any) -> list[Part]:
        """It has none: it works on a model's parameters."""
        return []

    def objects_worked_on(self, obj: Any) -> list[Any]:
        """The parameters that it changes."""
        tensors = [dict(pairs_of(group, 64)).get("params") for group in _groups(obj)]
        return [t for many in tensors if type(many) is list for t in many[:MOST_TENSORS]]


class TorchScheduler(LibraryReader):
    """``torch.optim.lr_scheduler``: it changes its optimizer's settings."""

    by_attributes = False
    is_helper = True
    is_linked = True

    def split(self, obj: Any, info: TypeInfo) -> tuple[Values, Values]:
        """Nothing of its own is reported."""
        return {}, {}

    def parts(self, obj: Any) -> list[Part]:
        """It has none."""
        return []

    def objects_worked_on(self, obj: Any) -> list[Any]:
        """Its optimizer."""
        return [v for n, v in attributes_of(obj) if n == "optimizer"]


def _is_loss(module: Any) -> bool:
    """A loss may hold the weights of its classes; it learns nothing."""
    return any(qualified_name(base) == _LOSS for base in mro_of(type(module)))


def _structure_of(module: Any) -> list[tuple[str, Any]]:
    """(path, child) of the modules in its tree, each followed by (path, value) of its settings.

    Settings are read of PyTorch's own modules alone: those of others may count what passes through.
    """
    structure: list[tuple[str, Any]] = []
    seen = {id(module)}
    pending = [(_step(n), child) for n, child in reversed(_children(module))]
    while pending and len(structure) < _MOST_SETTINGS:
        path, child = pending.pop()
        structure.append((path.lstrip("."), child))
        if id(child) in seen:
            continue
        seen.add(id(child))
        if class_module(type(child)).startswith(_OWN_MODULES):
            own = attributes_of(child)
            structure += [(f"{path}.{n}".lstrip("."), v) for n, v in own if is_atom(v) and _is_setting(n)]
        pending += [(path + _step(n), below) for n, below in reversed(_children(child))]
    return structure[:_MOST_SETTINGS]


def _step(name: str) -> str:
    """How a child is reached: ``net[0]``, ``net.head``."""
    return f"[{name}]" if name.isdigit() else f".{name}"


def _is_setting(name: str) -> bool:
    return not name.startswith("_") and name not in _NO_SETTINGS


def _children(module: Any) -> list[tuple[str, Any]]:
    own = instance_dict(module)
    children = own.get("_modules") if own is not None else None
    return [(n, m) for n, m in exact_pairs(children, MOST_TENSORS) if type(n) is str and m is not None]


def _groups(optimizer: Any) -> list[Any]:
    groups = (instance_dict(optimizer) or {}).get("param_groups")
    return [g for g in groups if type(g) is dict] if type(groups) is list else []


class TorchTensors(TensorReader):
    """``torch.Tensor`` and PyTorch's own classes of parameters, on the CPU."""

    _CLASSES = ("Parameter", "Buffer", "UninitializedParameter", "UninitializedBuffer")

    def __init__(self) -> None:
        self._base: Any = None
        """``torch._C.TensorBase``, once it is there."""

    def types(self) -> list[type]:
        """Once PyTorch is imported."""
        if "torch" not in sys.modules:
            return []
        parameters, torch, core = (names_in(n) for n in ("torch.nn.parameter", "torch", "torch._C"))
        classes = [torch.get("Tensor"), *(parameters.get(name) for name in self._CLASSES)]
        if classes[0] is None or classes[1] is None or "TensorBase" not in core:
            return []
        self._base = core["TensorBase"]
        return [cls for cls in classes if cls is not None]

    def version(self, tensor: Any) -> int | None:
        """``Tensor._version``."""
        try:
            with _without_modes():
                count = self._getter("_version")(tensor)
        except (RuntimeError, TypeError):  # made in inference mode
            return None
        return count if type(count) is int else None

    def has_gradient(self, tensor: Any) -> bool:
        """Of a leaf."""
        try:
            with _without_modes():
                return bool(self._getter("is_leaf")(tensor)) and self._getter("grad")(tensor) is not None
        except (RuntimeError, TypeError):
            return False

    def content(self, tensor: Any) -> Any:
        """Shares the tensor's memory."""
        with _without_modes():
            if not self._getter("is_cpu")(tensor):
                return None
            plain = self._method("detach")(tensor)
            if str(self._getter("dtype")(plain)) == "torch.bfloat16":  # numpy has none: its bits will do
                plain = self._method("view")(plain, names_in("torch")["int16"])
            return self._method("numpy")(plain)

    def type_and_shape(self, tensor: Any) -> tuple[str, tuple[int, ...]] | None:
        """One that is not initialised has no shape."""
        try:
            with _without_modes():
                shape = tuple(self._getter("shape")(tensor))
                dtype = str(self._getter("dtype")(tensor)).rpartition(".")[2]
        except (RuntimeError, TypeError, ValueError):
            return None
        return dtype, shape

    def _getter(self, name: str) -> Any:
        return class_dict(self._base)[name].__get__

    def _method(self, name: str) -> Any:
        return class_dict(self._base)[name]


@contextmanager
def _without_modes() -> Iterator[None]:
    """Neither the user's function modes nor dispatch modes see what is read meanwhile: with a mode
    entered, even PyTorch's plain getters call it."""
    core = names_in("torch._C")
    with core["DisableTorchFunction"](), core["_DisableTorchDispatch"]():
        yield


READERS = {"torch": TorchModule, "torch.optim": TorchOptimizer, "torch.lr_scheduler": TorchScheduler}
TENSORS = TorchTensors
