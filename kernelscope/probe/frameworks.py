"""How the models of each framework are read: which of their values are hyper-parameters, which were
learned, what they are made of, and what they hold without being made of it.

Only instance dictionaries, exact containers and C-level getters are read; nothing is imported, and no
method of a model is called but where a framework keeps its state in C (LightGBM's and CatBoost's own
getters, which only read).

What each signal can and cannot see:

- PyTorch: every parameter and buffer of the whole module, by content (samples of large ones) and by
  ``Tensor._version``; not what lies on another device (of that the version alone tells).
- Keras: every weight of every layer, by content, with TensorFlow's own read operation.
- LightGBM: the number of rounds of a ``Booster``.  XGBoost's getter for it configures the booster and
  may warn, in the user's own cell, so a ``Booster`` of XGBoost is not read at all; what is done to it
  is told by the calls.
- CatBoost: the number of trees and the values of the leaves.
- statsmodels: the attributes of the results object; not what it computes on demand.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from typing import Any, Optional, Tuple

from . import tensors
from .types import (
    TypeInfo,
    attributes_of,
    class_attribute,
    instance_dict,
    is_atom,
    is_one_of,
    mro_of,
    names_in,
    pairs_of,
    parameters_and_learned,
    qualified_name,
)

MOST_TENSORS = 400
"""Of one model; further ones are not evaluated."""
MOST_PARTS = 16
_MOST_MODULES = 4_000
_MOST_TREES = 2_000
_UNREAD = object()
"""Has no digest: of what stands for it nothing is concluded."""
_DICTS = (dict, OrderedDict)

Values = dict[str, object]
Part = Tuple[str, Optional[str], Any]
"""(label, key, model): how it is reached, and the prefix of its hyper-parameters, if any."""


class Family:
    """The reading of an object that follows no other rule: scikit-learn's, and whatever is like it."""

    helper = False
    """Held beside a model (a scheduler): it has no row of its own, but may hold what is gone."""
    levels = 3
    """How deep parts of parts are told."""
    computed: frozenset[str] = frozenset()
    """Learned values that are made anew for each look."""

    def is_model(self, obj: Any) -> bool:
        """Whether this object, of a class of models, is one."""
        return True

    def split(self, obj: Any, info: TypeInfo) -> tuple[Values, Values]:
        """Hyper-parameters, and everything learned."""
        return parameters_and_learned(obj, info)

    def parts(self, obj: Any) -> list[Part] | None:
        """The models that it is made of; ``None``: those among its attributes."""
        return None

    def owned(self, obj: Any) -> list[Any]:
        """Tensors that are this model's own."""
        return []

    def held(self, obj: Any) -> list[Any]:
        """Tensors and models that it works on without being made of them."""
        return []

    def signs(self, obj: Any) -> list[str]:
        """What shows that it learned before it was first seen."""
        return []


class TorchModule(Family):
    """``torch.nn.Module``: parameters and buffers of the whole tree, by their dotted names."""

    levels = 1

    def is_model(self, obj: Any) -> bool:
        """A loss or an activation has nothing that could learn."""
        return bool(_tensors_of(obj, 1))

    def split(self, obj: Any, info: TypeInfo) -> tuple[Values, Values]:
        """Hyper-parameters are plain values that the constructor takes (``Dropout.p``)."""
        own = attributes_of(obj)
        params = {n: v for n, v in own if n in info.params and is_atom(v)}
        return params, dict(_tensors_of(obj, MOST_TENSORS))

    def parts(self, obj: Any) -> list[Part]:
        """Its direct children that hold tensors."""
        children = [(n, m) for n, m in _children(obj) if _tensors_of(m, 1)]
        return [(f"[{n}]" if n.isdigit() else f".{n}", None, m) for n, m in children[:MOST_PARTS]]

    def owned(self, obj: Any) -> list[Any]:
        """Its parameters; buffers are no optimizer's."""
        return [t for _, t in _tensors_of(obj, MOST_TENSORS)]

    def signs(self, obj: Any) -> list[str]:
        """A gradient is left behind by training."""
        return ["gradients"] if any(tensors.has_gradient(t) for t in self.owned(obj)) else []


class TorchOptimizer(Family):
    """``torch.optim.Optimizer``: settings per group, and the state it keeps per parameter."""

    _LOOKED_AT = 4
    """Parameters whose state is read: a step advances that of all of them."""

    def split(self, obj: Any, info: TypeInfo) -> tuple[Values, Values]:
        """Those of the first group bear their plain names."""
        params: Values = {}
        for place, group in enumerate(_groups(obj)[:MOST_PARTS]):
            for name, value in pairs_of(group, 64):
                if type(name) is str and name not in ("params", "param_names"):
                    params[f"{name}[{place}]" if place else name] = value
        learned: Values = {}
        state = (instance_dict(obj) or {}).get("state")
        for place, (_, kept) in enumerate(_pairs(state, self._LOOKED_AT)):
            learned.update({f"state[{place}].{n}": v for n, v in _pairs(kept, 16) if type(n) is str})
        return params, learned

    def parts(self, obj: Any) -> list[Part]:
        """None: it works on a model's parameters."""
        return []

    def held(self, obj: Any) -> list[Any]:
        """The parameters that it changes."""
        given = [dict(pairs_of(group, 64)).get("params") for group in _groups(obj)]
        return [t for many in given if type(many) is list for t in many[:MOST_TENSORS]]


class TorchScheduler(Family):
    """``torch.optim.lr_scheduler``: it changes its optimizer's settings."""

    helper = True

    def split(self, obj: Any, info: TypeInfo) -> tuple[Values, Values]:
        """Nothing of its own is told."""
        return {}, {}

    def parts(self, obj: Any) -> list[Part]:
        """None."""
        return []

    def held(self, obj: Any) -> list[Any]:
        """Its optimizer."""
        return [v for n, v in attributes_of(obj) if n == "optimizer"]


class KerasModel(Family):
    """``keras.Model``: the weights of every layer, by their paths."""

    levels = 1

    def split(self, obj: Any, info: TypeInfo) -> tuple[Values, Values]:
        """What it was compiled with counts as hyper-parameters, as far as it is plain."""
        own = dict(attributes_of(obj))
        params: Values = {}
        optimizer = own.get("optimizer", own.get("_optimizer"))
        if optimizer is not None:
            params["optimizer"] = type.__dict__["__qualname__"].__get__(type(optimizer))
            rate = (instance_dict((instance_dict(optimizer) or {}).get("_learning_rate")) or {}).get("_value")
            array = tensors.content(rate) if tensors.is_tensor(rate) else None
            if array is not None and array.ndim == 0:
                # As it was given, not as float32 has it.
                params["learning_rate"] = float(f"{float(array):.6g}")
        if type(own.get("loss")) is str:
            params["loss"] = own["loss"]
        return params, dict(_weights_of(obj))

    def parts(self, obj: Any) -> list[Part]:
        """Models among its layers (a pretrained base)."""
        found: list[Part] = []
        for layer in _layers(obj)[:MOST_PARTS]:
            name = (instance_dict(layer) or {}).get("name")
            if type(name) is str:
                found.append((f".{name}", None, layer))
        return found

    def owned(self, obj: Any) -> list[Any]:
        """Its weights."""
        return [v for _, v in _weights_of(obj)]

    def signs(self, obj: Any) -> list[str]:
        """Its optimizer counts the steps it took."""
        own = dict(attributes_of(obj))
        optimizer = instance_dict(own.get("optimizer", own.get("_optimizer"))) or {}
        counter = (instance_dict(optimizer.get("_iterations")) or {}).get("_value")
        array = tensors.content(counter) if tensors.is_tensor(counter) else None
        return ["iterations"] if array is not None and array.ndim == 0 and int(array) > 0 else []


class GradientBooster(Family):
    """XGBoost's and LightGBM's: the scikit-learn interface over a ``Booster``, and the ``Booster``."""

    _CACHES = frozenset({"_evals_result", "_best_score", "evals_result_", "_le", "_class_map"})
    _EXTRA = ("kwargs", "_other_params")
    """Attributes that keep what the constructor took beyond its named arguments."""

    def split(self, obj: Any, info: TypeInfo) -> tuple[Values, Values]:
        """The ``Booster`` is a part; of LightGBM's the number of rounds is read."""
        if info.name.endswith(".Booster"):
            return {}, _rounds(obj)
        params, learned = parameters_and_learned(obj, info)
        for extra in self._EXTRA:
            more = learned.pop(extra, params.pop(extra, None))
            for name, value in pairs_of(more, 64) if type(more) is dict else ():
                if type(name) is str:
                    params[name] = value
                    learned.pop(name, None)
        return params, {n: v for n, v in learned.items() if n not in self._CACHES}

    def parts(self, obj: Any) -> list[Part]:
        """What ``get_booster()`` and ``booster_`` give."""
        found = [v for n, v in attributes_of(obj) if n == "_Booster" and v is not None]
        return [("._Booster", None, v) for v in found]


class CatBoost(Family):
    """``catboost.CatBoost``: hyper-parameters in one dict, what was learned in a C object."""

    computed = frozenset({"leaf_values"})

    def split(self, obj: Any, info: TypeInfo) -> tuple[Values, Values]:
        """The object in C stays the same through every fit: its trees are read."""
        own = dict(attributes_of(obj))
        given = own.get("_init_params")
        params: Values = dict.fromkeys(info.params)  # what was not given is None in effect
        params.update((n, v) for n, v in _pairs(given, 128) if type(n) is str)
        trees = own.get("_tree_count")
        if trees is None:
            return params, {}
        return params, {"_tree_count": trees, "leaf_values": _leaf_values(own.get("_object"), trees)}

    def parts(self, obj: Any) -> list[Part]:
        """None."""
        return []


class StatsModels(Family):
    """Results of statsmodels, which are made by a fit and never learn again."""

    _NOT_LEARNED = frozenset({"model", "mle_settings", "mle_retvals", "data_in_cache"})

    def split(self, obj: Any, info: TypeInfo) -> tuple[Values, Values]:
        """A wrapper stands for the results in it; what is computed on demand lies in ``_cache``."""
        inner = (instance_dict(obj) or {}).get("_results", obj)
        learned = {
            n: v for n, v in attributes_of(inner) if n not in self._NOT_LEARNED and not n.startswith("_")
        }
        return {}, learned

    def parts(self, obj: Any) -> list[Part]:
        """None."""
        return []


class Skorch(Family):
    """``skorch.NeuralNet``: an estimator around a PyTorch module."""

    _PREFIXES = ("module__", "optimizer__", "criterion__", "iterator_train__", "iterator_valid__")
    _CACHES = frozenset({"virtual_params_", "prefixes_", "cuda_dependent_attributes_", "init_context_"})

    def split(self, obj: Any, info: TypeInfo) -> tuple[Values, Values]:
        """Its history is told by its length: an entry per epoch."""
        params, learned = parameters_and_learned(obj, info)
        for name in [n for n in learned if n.startswith(self._PREFIXES) or "__" in n[1:]]:
            params[name] = learned.pop(name)
        history = learned.get("history_")
        if any(base is list for base in type.__dict__["__mro__"].__get__(type(history))):
            learned["history_"] = list.__len__(history)  # type: ignore[arg-type]
        kept = {n: v for n, v in learned.items() if n not in self._CACHES and not n.startswith("_")}
        return params, kept


_PLAIN = Family()
_FAMILIES: dict[str, Family] = {
    "torch": TorchModule(),
    "torch.optim": TorchOptimizer(),
    "torch.lr_scheduler": TorchScheduler(),
    "keras": KerasModel(),
    "xgboost": GradientBooster(),
    "lightgbm": GradientBooster(),
    "catboost": CatBoost(),
    "statsmodels": StatsModels(),
    "skorch": Skorch(),
}


LINKED = frozenset({"torch", "torch.optim", "torch.lr_scheduler", "keras"})
"""Libraries in which one model's values are another one's business."""


def family_of(info: TypeInfo) -> Family:
    """How objects of this type are read."""
    return _FAMILIES.get(info.library, _PLAIN)


# PyTorch.


def _tensors_of(module: Any, most: int) -> list[tuple[str, Any]]:
    """(dotted name, tensor) of the first parameters and buffers in a module's tree."""
    found: list[tuple[str, Any]] = []
    seen: set[int] = set()
    pending = [("", module)]
    while pending and len(found) < most and len(seen) < _MOST_MODULES:
        prefix, here = pending.pop()
        if id(here) in seen or _is_loss(here):
            continue
        seen.add(id(here))
        own = instance_dict(here)
        for kind in ("_parameters", "_buffers"):
            held = own.get(kind) if own is not None else None
            for name, value in _pairs(held, most):
                if type(name) is str and tensors.is_tensor(value):
                    found.append((prefix + name, value))
        below = [(f"{prefix}{name}.", child) for name, child in _children(here)]
        pending += reversed(below)
    return found[:most]


def _is_loss(module: Any) -> bool:
    """A loss may hold the weights of its classes; it learns nothing."""
    return any(qualified_name(base) == "torch.nn.modules.loss._Loss" for base in mro_of(type(module)))


def _children(module: Any) -> list[tuple[str, Any]]:
    own = instance_dict(module)
    held = own.get("_modules") if own is not None else None
    return [(n, m) for n, m in _pairs(held, MOST_TENSORS) if type(n) is str and m is not None]


def _pairs(mapping: Any, most: int) -> list[tuple[Any, Any]]:
    """The first items of a dict that cannot run the user's code."""
    return pairs_of(mapping, most) if is_one_of(type(mapping), (*_DICTS, defaultdict)) else []


def _groups(optimizer: Any) -> list[Any]:
    groups = (instance_dict(optimizer) or {}).get("param_groups")
    return [g for g in groups if type(g) is dict] if type(groups) is list else []


# Keras.


def _layers(model: Any) -> list[Any]:
    """The layers that a layer holds: a list of Keras' own, copied by the base class's method."""
    held = (instance_dict(model) or {}).get("_layers")
    is_list = any(base is list for base in type.__dict__["__mro__"].__get__(type(held)))
    return list.copy(held) if is_list else []  # type: ignore[arg-type]


def _weights_of(model: Any) -> list[tuple[str, Any]]:
    """(path, value) of the weights of a model and all its layers."""
    found: dict[int, tuple[str, Any]] = {}
    seen: set[int] = set()
    pending = [model]
    while pending and len(found) < MOST_TENSORS and len(seen) < _MOST_MODULES:
        layer = pending.pop(0)
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        own = instance_dict(layer) or {}
        for kind in ("_trainable_variables", "_non_trainable_variables"):
            held = own.get(kind)
            for variable in held if type(held) is list else ():
                inner = instance_dict(variable) or {}
                path, value = inner.get("_path"), inner.get("_value")
                if type(path) is str and value is not None:
                    found.setdefault(id(value), (path, value))
        pending += _layers(layer)
    names: dict[str, Any] = {}
    for path, value in found.values():
        name = path if path not in names else f"{path}#{len(names)}"
        names[name] = value
    return list(names.items())[:MOST_TENSORS]


# Boosters.


def _rounds(booster: Any) -> Values:
    """How many rounds a ``Booster`` of LightGBM has, as its C library says."""
    library, ctypes = (names_in(n) for n in ("lightgbm.basic", "ctypes"))
    handle = (instance_dict(booster) or {}).get("_handle")
    if "_LIB" not in library or type(handle) is not ctypes.get("c_void_p") or not handle.value:  # type: ignore[attr-defined]
        return {}
    rounds = ctypes["c_int"](0)
    failed = library["_LIB"].LGBM_BoosterGetCurrentIteration(handle, ctypes["byref"](rounds))
    return {} if failed else {"rounds": int(rounds.value)}


def _leaf_values(inner: Any, trees: Any) -> Any:
    """The values of all leaves, as CatBoost's C object gives them: a copy; of too many trees they are
    not evaluated."""
    kind = type(inner)
    own = names_in("_catboost").get("_CatBoost")
    if kind is not own or type(trees) is not int or trees > _MOST_TREES:
        return _UNREAD
    getter: Any = class_attribute(kind, "_get_leaf_values")
    return getter(inner)
