"""Saves and loads that a cell's source contains: which file, and which model.

Sees: calls of the libraries' own functions and methods by what they are, not by their names, with a path
that is a text, a ``Path``, an open file, or put together of these; a state dict on its way to a file or
from one, also by way of a name.  Cannot see: a path that is the result of a call, and a file that is
written by other code; of these the model may be told, and no file.
"""

from __future__ import annotations

import ast
import io
from typing import TYPE_CHECKING, Any, Iterator

from .resolve import HELD_DEPTH, New, Resolver, known, touched
from .types import qualified_name

if TYPE_CHECKING:
    from . import wire

FILES = (
    ("pickle", "dump", "save"), ("pickle", "load", "load"),
    ("joblib", "dump", "save"), ("joblib", "load", "load"),
    ("cloudpickle", "dump", "save"), ("cloudpickle", "load", "load"),
    ("dill", "dump", "save"), ("dill", "load", "load"),
    ("skops.io", "dump", "save"), ("skops.io", "load", "load"),
    ("torch", "save", "save"), ("torch", "load", "load"),
    ("keras.src.saving.saving_api", "save_model", "save"), ("keras.src.saving.saving_api", "load_model", "load"),
    ("statsmodels.iolib.smpickle", "save_pickle", "save"), ("statsmodels.iolib.smpickle", "load_pickle", "load"),
)  # fmt: skip
DUMPS = (("pickle", "dumps"), ("cloudpickle", "dumps"), ("dill", "dumps"))
_PATHS = ("file", "filename", "f", "filepath", "fname", "path", "f_params", "model_file")
LOADS_INTO = frozenset({"load_state_dict", "load_model", "load_weights", "set_weights", "load_params"})
SAVES_ITSELF = frozenset({"save_model", "save", "save_weights", "save_params"})
BY_METHOD = frozenset({"xgboost", "lightgbm", "catboost", "keras", "statsmodels", "skorch"})
"""Libraries whose models are saved by a method of their own."""


class Memory:
    """What outlasts a cell: which names hold something that was read from a file, or a model's state."""

    def __init__(self) -> None:
        self.loaded: dict[str, tuple[int, wire.FileAccess | None]] = {}
        """Global names that hold what was read from a file: the id of it, and the load."""
        self.states: dict[str, tuple[int, list[int]]] = {}
        """Global names that hold the live tensors of models: the id of it, and the models."""


class Files:
    """The saves and loads of one cell."""

    def __init__(self, at: Resolver, memory: Memory, copies: dict[str, None], since: float) -> None:
        self._at, self._memory, self._copies, self._since = at, memory, copies, since
        self.facts: list[wire.FileAccess] = []
        """A ``FileAccess`` of the timeline each."""
        self.told: set[int] = set()
        """Ids of the calls in the tree that another call's reading has told already."""
        self.target: str | None = None
        """The global name that the statement at hand assigns to."""
        self._states: dict[str, list[int]] = {}
        """Names that this cell bound to a ``state_dict()``, and the models that it is of."""

    def aim(self, target: str | None, value: ast.expr | None, scope: dict[str, Any]) -> None:
        """The statement at hand binds this name; what it was bound to before is forgotten."""
        self.target = target
        if target is None or value is None:
            return
        self._memory.loaded.pop(target, None)
        self._memory.states.pop(target, None)
        self.holds_states(target, value, scope)
        tokens = self._states[target]
        if tokens and not any(_copies(n) for n in ast.walk(value)):
            self._memory.states[target] = (id(self._at.held_by_name(target)), tokens)

    def held(self, new: New) -> Any:
        """The new object, where the statement binds it to a name; else what stands for it."""
        held = self._at.held_by_name(self.target)
        return held if type(held) is new.cls else new

    def made(self, new: New) -> int | None:
        """The token of a new model that the statement binds to a name; ``None``: some other one."""
        held = self._at.held_by_name(self.target)
        return self._at.token(held) if type(held) is new.cls else None

    def holds_states(self, name: str | None, value: ast.expr, scope: dict[str, Any]) -> None:
        """``state = {"model": net.state_dict()}``: what a save of that name is a save of."""
        if name is not None:
            self._states[name] = list(dict.fromkeys(self._states_in(value, scope)))

    def access(self, node: ast.Call, access: tuple[str, ...], scope: dict[str, Any]) -> None:
        """A call of a function that writes or reads files; to or from a buffer in memory it is a copy."""
        module, function, action = access
        place = 1 if action == "save" else 0
        if self._is_memory(node, place, scope):
            if action == "load":
                self._copies[f"{module}.{function}"] = None
            return
        path = self._path_given(node, place, scope)
        module = module.partition(".")[0] if ".src." in module or "smpickle" in module else module
        fact: wire.FileAccess = {
            "action": action,
            "call": f"{module}.{function}",
            "path": path,
            "touched": False,
        }
        if action == "save":
            self._saves(fact, node.args[0] if node.args else None, scope)
        else:
            self._loads(fact)

    def saves_itself(self, node: ast.Call, scope: dict[str, Any]) -> None:
        """``booster.save_model(path)``, ``model.save(path)``: also of a part of a named model."""
        method = node.func.attr  # type: ignore[attr-defined]
        fact: wire.FileAccess = {
            "action": "save",
            "call": method,
            "path": self._path_given(node, 0, scope),
            "touched": False,
        }
        self._saves(fact, node.func.value, scope)  # type: ignore[attr-defined]

    def loads_into(self, node: ast.Call, receiver: Any, scope: dict[str, Any]) -> None:
        """``net.load_state_dict(torch.load(path))``, ``model.load_weights(path)``; nothing where what is
        put in comes from memory."""
        method = node.func.attr  # type: ignore[attr-defined]
        token = self.made(receiver) if type(receiver) is New else self._at.token(receiver)
        if method in ("load_state_dict", "set_weights"):
            found = self._read_from(node.args[0], scope) if node.args else None
            if found is None:
                return
        else:
            found = {
                "action": "load",
                "call": method,
                "path": self._path_given(node, 0, scope),
                "touched": False,
            }
        self.facts.append({**found, "name": None, "token": token, "touched": touched(found["path"], None)})

    def constructed(self, node: ast.Call, callee: Any, scope: dict[str, Any]) -> None:
        """``Booster(model_file=path)``, ``Booster(model_str=text)``."""
        if any(k.arg == "model_str" for k in node.keywords):
            self._copies[qualified_name(callee)] = None
        if any(k.arg == "model_file" for k in node.keywords):
            path = self._path_given(node, 9, scope)
            self._loads({"action": "load", "call": qualified_name(callee), "path": path, "touched": False})

    def written_bytes(self, node: ast.Call, method: str, scope: dict[str, Any]) -> bool:
        """``path.write_bytes(pickle.dumps(m))``, ``file.write(pickle.dumps(m))``: a save."""
        given = node.args[0] if node.args else None
        if method not in ("write", "write_bytes") or not isinstance(given, ast.Call) or not given.args:
            return False
        made = known(self._at.value(given.func, scope), DUMPS)
        if made is None or not isinstance(node.func, ast.Attribute):
            return False
        path = self._at.path(node.func.value, scope)
        fact: wire.FileAccess = {"action": "save", "call": ".".join(made), "path": path, "touched": False}
        self._saves(fact, given.args[0], scope)
        return True

    def read_bytes(self, node: ast.Call, made: tuple[str, ...], scope: dict[str, Any]) -> bool:
        """``pickle.loads(path.read_bytes())``, ``pickle.loads(file.read())``: a load."""
        given = node.args[0] if node.args else None
        reads = isinstance(given, ast.Call) and isinstance(given.func, ast.Attribute)
        if not reads or made[1] != "loads" or given.func.attr not in ("read", "read_bytes"):  # type: ignore[union-attr]
            return False
        path = self._at.path(given.func.value, scope)  # type: ignore[union-attr]
        self._loads({"action": "load", "call": ".".join(made), "path": path, "touched": False})
        return True

    def _saves(self, fact: wire.FileAccess, saved: ast.expr | None, scope: dict[str, Any]) -> None:
        """One fact per model in what is saved; one without a model where none could be told."""
        fact["touched"] = touched(fact["path"], self._since)
        fact["name"] = saved.id if isinstance(saved, ast.Name) else None
        tokens = list(dict.fromkeys(self._tokens_in(saved, scope))) if saved is not None else []
        tokens += [t for t in self._states_in(saved, scope) if t not in tokens]
        if isinstance(saved, ast.Name) and not tokens:
            held, before = self._memory.states.get(saved.id, (0, []))
            is_still = held == id(self._at.held_by_name(saved.id))
            tokens = self._states.get(saved.id, before if is_still else [])
        self.facts += [{**fact, "token": token} for token in tokens] or [{**fact, "token": None}]

    def _loads(self, fact: wire.FileAccess) -> None:
        """Into the name that the statement assigns to, where it is one."""
        fact["touched"] = touched(fact["path"], None)
        if self.target is not None:
            held = self._at.held_by_name(self.target)
            fact["name"] = self.target
            fact["token"] = self._at.token(held)
            self._memory.loaded[self.target] = (id(held), fact)
        self.facts.append(fact)

    def _is_memory(self, node: ast.Call, place: int, scope: dict[str, Any]) -> bool:
        """Whether what is written to, or read from, is a buffer in memory and no file."""
        return len(node.args) > place and type(self._at.value(node.args[place], scope)) is io.BytesIO

    def _path_given(self, node: ast.Call, place: int, scope: dict[str, Any]) -> str | None:
        """The path among a call's arguments: in this place, or under one of its usual names."""
        arguments = {k.arg: k.value for k in node.keywords}
        named = next((arguments[n] for n in _PATHS if n in arguments), None)
        where = node.args[place] if len(node.args) > place else named
        return self._at.path(where, scope) if where is not None else None

    def _read_from(self, node: ast.expr, scope: dict[str, Any]) -> wire.FileAccess | None:
        """The load that an expression's value comes from."""
        while isinstance(node, ast.Subscript):
            node = node.value
        if isinstance(node, ast.Name):
            held, fact = self._memory.loaded.get(node.id, (0, None))
            return fact if fact is not None and held == id(self._at.held_by_name(node.id)) else None
        if isinstance(node, ast.Call):
            access = known(self._at.value(node.func, scope), FILES)
            if access is not None and access[2] == "load":
                self.told.add(id(node))
                return {
                    "action": "load",
                    "call": ".".join(access[:2]),
                    "path": self._path_given(node, 0, scope),
                    "touched": False,
                }
        return None

    def _states_in(self, node: ast.expr | None, scope: dict[str, Any]) -> Iterator[int]:
        """Models whose ``state_dict()`` or ``get_weights()`` an expression asks for."""
        for part in ast.walk(node) if node is not None else ():
            if (
                isinstance(part, ast.Call)
                and isinstance(part.func, ast.Attribute)
                and part.func.attr in ("state_dict", "get_weights")
            ):
                token = self._at.token(self._at.value(part.func.value, scope))
                if token is not None:
                    yield token

    def _tokens_in(self, node: ast.expr, scope: dict[str, Any]) -> Iterator[int]:
        """Models that the expression's value is or holds."""
        if isinstance(node, ast.Dict):
            for item in node.values:
                yield from self._tokens_in(item, scope)
        elif isinstance(node, (ast.List, ast.Tuple)):
            for item in node.elts:
                yield from self._tokens_in(item, scope)
        else:
            yield from self._at.tokens_held(self._at.value(node, scope), HELD_DEPTH)


def _copies(node: ast.AST) -> bool:
    """Whether it is a call that may give other tensors than the models' own."""
    own = ("state_dict", "get_weights")
    return isinstance(node, ast.Call) and getattr(node.func, "attr", "") not in own
