"""Finds the saves and loads that a cell's source contains: which file, and which model.

Sees: calls of the libraries' own functions and methods by what they are, not by their names, with a path
that is a text, a ``Path``, an open file, or put together of these; a state dict on its way to a file or
from one, also by way of a name.  Cannot see: a path that is the result of a call, and a file that is
written by other code; of these the model may be reported, and no file.
"""

from __future__ import annotations

import ast
import io
from typing import TYPE_CHECKING, Any, Callable, Iterator

from .lookups import find_function, time_written, was_written
from .resolve import SEARCH_DEPTH, Resolver
from .standins import NewInstance, Scope
from .tables import Entry
from .types import qualified_name

if TYPE_CHECKING:
    from . import wire


_MOST_STAMPS = 1_000


class Memory:
    """What outlasts a cell: which names hold something that was read from a file, or a model's state."""

    def __init__(self) -> None:
        self.loaded: dict[str, tuple[int, wire.FileAccess | None]] = {}
        """Global names that hold what was read from a file: the id of it, and the load."""
        self.states: dict[str, tuple[int, list[int]]] = {}
        """Global names that hold the live tensors of models: the id of it, and the models."""
        self._stamps: dict[str, int] = {}
        """By path, when the file was written that a cell's source saves to, as of that cell's end."""

    def was_saved(self, path: str | None, since: float) -> bool:
        """Whether a file was written since then; one that has the time of an earlier cell's end was not."""
        if not was_written(path, since) or path is None:
            return False
        stamp = time_written(path)
        if len(self._stamps) >= _MOST_STAMPS:
            self._stamps.clear()
        before, self._stamps[path] = self._stamps.get(path), stamp
        return before != stamp


class Files:
    """The saves and loads of one cell."""

    def __init__(self, at: Resolver, memory: Memory, add_copy: Callable[[str], None], since: float) -> None:
        self._at, self._memory, self._add_copy, self._since = at, memory, add_copy, since
        self._tables = at.tables
        self.facts: list[wire.FileAccess] = []
        """``FileAccess`` facts, as they are sent."""
        self.handled: set[int] = set()
        """Ids of the calls in the tree that the reading of another call has reported already."""
        self.target: str | None = None
        """The global name that the statement at hand assigns to."""
        self.targets: tuple[str, ...] = ()
        """All of them, if it assigns to names only."""
        self._saved: dict[str, bool] = {}
        """By path, whether this cell has written the file."""
        self._states: dict[str, list[int]] = {}
        """Names that this cell bound to a ``state_dict()``, and the models that it is of."""

    def aim(
        self, target: str | None, value: ast.expr | None, scope: Scope, targets: tuple[str, ...] = ()
    ) -> None:
        """The statement at hand binds this name; what it was bound to before is forgotten.

        Args:
            target: the name; ``None``: none, or several.
            targets: all the names that it binds, if it binds nothing else.
        """
        self.target, self.targets = target, targets
        if target is None or value is None:
            return
        self._memory.loaded.pop(target, None)
        self._memory.states.pop(target, None)
        self.bind_states(target, value, scope)
        tokens = self._states[target]
        if tokens and not any(self._may_copy(n) for n in ast.walk(value)):
            self._memory.states[target] = (id(self._at.value_of_name(target)), tokens)

    def _may_copy(self, node: ast.AST) -> bool:
        """Whether it is a call that may give other tensors than the models' own."""
        return isinstance(node, ast.Call) and getattr(node.func, "attr", "") not in self._tables.state_methods

    def bound_or_new(self, new: NewInstance) -> Any:
        """The new object, if the statement binds it to a name; else what stands for it."""
        value = self._at.value_of_name(self.target)
        return value if type(value) is new.cls else new

    def token_of_new(self, new: NewInstance) -> int | None:
        """The token of a new model that the statement binds to a name; ``None``: some other one."""
        value = self._at.value_of_name(self.target)
        return self._at.token(value) if type(value) is new.cls else None

    def bind_states(self, name: str | None, value: ast.expr, scope: Scope) -> None:
        """``state = {"model": net.state_dict()}``: what a save of that name is a save of."""
        if name is not None:
            self._states[name] = list(dict.fromkeys(self._states_in(value, scope)))

    def read_or_write(self, node: ast.Call, access: Entry, scope: Scope) -> None:
        """A call of a function that writes or reads files; to or from a buffer in memory it is a copy."""
        module, function, action, shown = access
        place = 0 if action == "load" else 1
        if self._is_memory(node, place, scope):
            if action == "load":
                self._add_copy(f"{module}.{function}")
            return
        path = self.path_argument(node, place, scope)
        fact = access_fact(action, f"{shown}.{function}", path)
        if action == "save":
            self.add_save(fact, node.args[0] if node.args else None, scope)
        elif action == "load into":
            token = self._at.token(self._at.value(node.args[0], scope)) if node.args else None
            self.facts.append({**fact, "action": "load", "name": None, "token": token})
        else:
            self.add_load(fact)

    def save_by_method(self, node: ast.Call, scope: Scope) -> None:
        """``booster.save_model(path)``, ``model.save(path)``: also of a part of a named model."""
        method = node.func.attr  # type: ignore[attr-defined]
        fact = access_fact("save", method, self.path_argument(node, 0, scope))
        self.add_save(fact, node.func.value, scope)  # type: ignore[attr-defined]

    def state_owners(self, node: ast.expr, scope: Scope) -> list[int]:
        """Models whose live tensors are put in: no copy of them was ever made."""
        tokens = list(dict.fromkeys(self._states_in(node, scope)))
        if tokens and any(self._may_copy(n) for n in ast.walk(node)):
            return []
        if isinstance(node, ast.Name) and not tokens:
            state_id, kept = self._memory.states.get(node.id, (0, []))
            tokens = kept if state_id == id(self._at.value_of_name(node.id)) else []
        return tokens

    def load_by_method(self, node: ast.Call, receiver: Any, scope: Scope) -> None:
        """``net.load_state_dict(torch.load(path))``, ``model.load_weights(path)``; nothing if what is
        put in comes from memory."""
        method = node.func.attr  # type: ignore[attr-defined]
        token = self.token_of_new(receiver) if type(receiver) is NewInstance else self._at.token(receiver)
        if method in self._tables.state_loading_methods:
            access = self._read_from(node.args[0], scope) if node.args else None
            if access is None:
                return
        else:
            access = access_fact("load", method, self.path_argument(node, 0, scope))
        self.facts.append(
            {**access, "name": None, "token": token, "touched": was_written(access["path"], None)}
        )

    def load_by_class(self, node: ast.Call, method: str, scope: Scope) -> None:
        """``Model.from_pretrained(path)``."""
        self.add_load(access_fact("load", method, self.path_argument(node, 0, scope)))

    def save_item(self, saved: ast.expr, scope: Scope) -> None:
        """``shelf["m"] = m``."""
        self.add_save(access_fact("save", "shelve", None), saved, scope)

    def load_item(self) -> None:
        """``m = shelf["m"]``."""
        self.add_load(access_fact("load", "shelve", None))

    def store(self, words: list[str]) -> None:
        """``%store m`` and ``%store -r m``: IPython keeps a variable in a file of its profile."""
        names = [word for word in words if not word.startswith("-")]
        action = "load" if "-r" in words else "save"
        if action == "save" and any(word.startswith("-") for word in words):
            return  # it deletes what is stored
        for name in names:
            token = self._at.token(self._at.value_of_name(name))
            fact = access_fact(action, "%store", None)
            self.facts.append({**fact, "name": name, "token": token})

    def load_by_constructor(self, node: ast.Call, callee: Any, scope: Scope) -> None:
        """An object that is made from a file or from a text, such as ``Booster(model_file=path)``."""
        if any(k.arg in self._tables.text_constructor_args for k in node.keywords):
            self._add_copy(qualified_name(callee))
        if any(k.arg in self._tables.file_constructor_args for k in node.keywords):
            path = self.path_argument(node, 9, scope)
            self.add_load(access_fact("load", qualified_name(callee), path))

    def handle_save_of_bytes(self, node: ast.Call, method: str, scope: Scope) -> bool:
        """Notes ``path.write_bytes(pickle.dumps(m))``, ``file.write(pickle.dumps(m))``; whether it is one."""
        arg = node.args[0] if node.args else None
        if method not in ("write", "write_bytes") or not isinstance(arg, ast.Call) or not arg.args:
            return False
        dumped = find_function(self._at.value(arg.func, scope), self._tables.dumping_functions)
        if dumped is None or not isinstance(node.func, ast.Attribute):
            return False
        path = self._at.path(node.func.value, scope)
        fact = access_fact("save", ".".join(dumped), path)
        self.add_save(fact, arg.args[0], scope)
        return True

    def handle_load_of_bytes(self, node: ast.Call, copied: Entry, scope: Scope) -> bool:
        """Notes ``pickle.loads(path.read_bytes())``, ``pickle.loads(file.read())``; whether it is one."""
        arg = node.args[0] if node.args else None
        reads = isinstance(arg, ast.Call) and isinstance(arg.func, ast.Attribute)
        if not reads or copied[2] != "load bytes" or arg.func.attr not in ("read", "read_bytes"):  # type: ignore[union-attr]
            return False
        path = self._at.path(arg.func.value, scope)  # type: ignore[union-attr]
        self.add_load(access_fact("load", ".".join(copied[:2]), path))
        return True

    def add_save(self, fact: wire.FileAccess, saved: ast.expr | None, scope: Scope) -> None:
        """One fact per model in what is saved; one without a model if none is known."""
        fact["touched"] = self.was_saved(fact["path"])
        fact["name"] = saved.id if isinstance(saved, ast.Name) else None
        tokens = list(dict.fromkeys(self._tokens_in(saved, scope))) if saved is not None else []
        tokens += [t for t in self._states_in(saved, scope) if t not in tokens]
        if isinstance(saved, ast.Name) and not tokens:
            saved_id, before = self._memory.states.get(saved.id, (0, []))
            is_still = saved_id == id(self._at.value_of_name(saved.id))
            tokens = self._states.get(saved.id, before if is_still else [])
        self.facts += [{**fact, "token": token} for token in tokens] or [{**fact, "token": None}]

    def was_saved(self, path: str | None) -> bool:
        """Asked once per path and cell: what one cell saves twice was written."""
        if path is not None and path not in self._saved:
            self._saved[path] = self._memory.was_saved(path, self._since)
        return path is not None and self._saved[path]

    def add_load(self, fact: wire.FileAccess) -> None:
        """Into the name that the statement assigns to, if it is one."""
        fact["touched"] = was_written(fact["path"], None)
        if self.targets and all(self._at.is_plain_data(self._at.value_of_name(n)) for n in self.targets):
            return  # no model came of it
        if self.target is not None:
            value = self._at.value_of_name(self.target)
            fact["name"] = self.target
            fact["token"] = self._at.token(value)
            self._memory.loaded[self.target] = (id(value), fact)
        self.facts.append(fact)

    def _is_memory(self, node: ast.Call, place: int, scope: Scope) -> bool:
        """Whether what is written to, or read from, is a buffer in memory and no file."""
        return len(node.args) > place and type(self._at.value(node.args[place], scope)) is io.BytesIO

    def path_argument(self, node: ast.Call, place: int, scope: Scope) -> str | None:
        """The path among a call's arguments: in this place, or under one of its usual names."""
        arguments = {k.arg: k.value for k in node.keywords}
        named = next((arguments[n] for n in self._tables.path_arguments if n in arguments), None)
        where = node.args[place] if len(node.args) > place else named
        return self._at.path(where, scope) if where is not None else None

    def _read_from(self, node: ast.expr, scope: Scope) -> wire.FileAccess | None:
        """The load that an expression's value comes from."""
        while isinstance(node, ast.Subscript):
            node = node.value
        if isinstance(node, ast.Name):
            loaded_id, fact = self._memory.loaded.get(node.id, (0, None))
            return fact if fact is not None and loaded_id == id(self._at.value_of_name(node.id)) else None
        if isinstance(node, ast.Call):
            access = find_function(self._at.value(node.func, scope), self._tables.file_functions)
            if access is not None and access[2] == "load":
                self.handled.add(id(node))
                return access_fact("load", ".".join(access[:2]), self.path_argument(node, 0, scope))
        return None

    def _states_in(self, node: ast.expr | None, scope: Scope) -> Iterator[int]:
        """Models whose tensors an expression asks for, as ``net.state_dict()`` does."""
        for part in ast.walk(node) if node is not None else ():
            if (
                isinstance(part, ast.Call)
                and isinstance(part.func, ast.Attribute)
                and part.func.attr in self._tables.state_methods
            ):
                token = self._at.token(self._at.value(part.func.value, scope))
                if token is not None:
                    yield token

    def _tokens_in(self, node: ast.expr, scope: Scope) -> Iterator[int]:
        """Models that the expression's value is or holds."""
        if isinstance(node, ast.Dict):
            for item in node.values:
                yield from self._tokens_in(item, scope)
        elif isinstance(node, (ast.List, ast.Tuple)):
            for item in node.elts:
                yield from self._tokens_in(item, scope)
        else:
            yield from self._at.tokens_in(self._at.value(node, scope), SEARCH_DEPTH)


def access_fact(action: str, call: str, path: str | None) -> wire.FileAccess:
    """Whether the file was touched is not known yet."""
    return {"action": action, "call": call, "path": path, "touched": False}
