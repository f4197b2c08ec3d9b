"""Reads a method call that stands in the source: on a model, on an object of the user, or on an unknown receiver."""

from __future__ import annotations

import ast
import types
from typing import Any, Sequence

from .frame import Frame
from .picklers import read_pickler
from .standins import NewInstance, Scope, Unknown
from .statements import CellReading
from .trainers import TrainerReader, is_none, models_among
from .types import (
    CONTAINER,
    ESTIMATOR,
    OPAQUE,
    USER_OBJECT,
    attributes_of,
    class_attribute,
    class_name,
    is_class,
    is_one_of,
    ndarray_type,
    qualified_name,
)

_MUTATORS = frozenset(
    (
        *("append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse", "update", "setdefault"),
        *("popitem", "appendleft", "popleft", "rotate", "fill", "put", "partition", "resize"),
    )
)
"""Methods that change Python's own containers, and numpy's arrays, in place."""
_MAGICS = ("run_line_magic", "run_cell_magic")


class MethodReader:
    """Reads one method call after another of one cell."""

    def __init__(self, reading: CellReading) -> None:
        self._reading = reading
        self._at, self._notes, self._files = reading.at, reading.notes, reading.files
        self._tables = reading.tables
        self._trainers = TrainerReader(reading)

    def read(self, node: ast.Call, receiver: Any, method: str, frame: Frame) -> bool:
        """Whether the call needs no further reading."""
        functions = self._reading.functions
        if method in _MAGICS:
            functions.read_magic(node, frame)
            return True
        if self._files.handle_save_of_bytes(node, method, frame.scope) or read_pickler(
            self._reading, node, receiver, frame.scope
        ):
            return True
        if method in self._tables.making_methods and is_class(receiver):
            self._files.load_by_class(node, method, frame.scope)
            return True
        kind = self._at.kind(receiver)
        on_a_tensor = kind == OPAQUE and self._on_a_tensor(node, method, frame)
        if method in _MUTATORS and kind in (OPAQUE, CONTAINER):
            self._mutates(node.func.value, receiver, frame.scope)  # type: ignore[attr-defined]
        self._trainers.read(node, receiver, method, frame)
        if type(receiver) is Unknown:
            if not on_a_tensor and method in self._tables.telling_methods:
                self._notes.add(method, None, frame.inside, args=self.continuation_args(node))
            self._notes.complete = self._notes.complete and method in self._tables.fit_methods
            return True
        if type(receiver) is NewInstance and not self._at.makes_a_model(receiver):
            instance = self._files.bound_or_new(receiver)
            functions.descend(class_attribute(receiver.cls, method), instance, node, frame)
            return True
        if kind == ESTIMATOR or type(receiver) is NewInstance:
            self._on_a_model(node, receiver, method, frame)
            return True
        if kind == USER_OBJECT:
            functions.descend(class_attribute(type(receiver), method), receiver, node, frame)
            return True
        return self._on_an_object_of_a_library(node, receiver, method, frame) or on_a_tensor

    def _mutates(self, owner: ast.expr, receiver: Any, scope: Scope) -> None:
        """``forest.estimators_.pop()``, and ``w.fill(0)`` if it is not known whose array that is."""
        if not self._reading.note_write(owner, scope) and is_one_of(type(receiver), (ndarray_type(),)):
            self._notes.add_tensor_write("value")

    def _on_an_object_of_a_library(self, node: ast.Call, receiver: Any, method: str, frame: Frame) -> bool:
        """``trainer.fit(net)``, ``scaler.step(optimizer)``."""
        if method in self._tables.fit_methods:
            self._notes.add(method, None, frame.inside, qualified_name(type(receiver)))
            is_known = self._fits_an_argument(node, method, self._tables.networks, frame)
            return self._fits_what_it_holds(receiver, method, frame) or is_known
        steps = method in self._tables.stepping_methods
        return steps and self._fits_an_argument(node, method, self._tables.optimizers, frame)

    def _fits_an_argument(self, node: ast.Call, method: str, wanted: frozenset[str], frame: Frame) -> bool:
        """A library's trainer: a network that it is given learns, an optimizer steps; whether there is one."""
        models = models_among(node, wanted, self._at, frame)
        for model in models:
            self._notes.add(method, self._at.token(model), frame.inside)
        return bool(models)

    def _fits_what_it_holds(self, receiver: Any, method: str, frame: Frame) -> bool:
        """``trainer.train()``: the networks learn that the trainer has as attributes; whether there are any."""
        reached = dict(attributes_of(receiver)).values()
        models = [m for m in reached if self._at.library(m) in self._tables.networks]
        for model in models:
            name = f"{class_name(type(receiver))}.{method}"
            self._notes.add(name, self._at.token(model), frame.inside)
        return bool(models)

    def _on_a_tensor(self, node: ast.Call, method: str, frame: Frame) -> bool:
        """Calls on tensors, tapes and what computes with them: ``loss.backward()``, ``w.add_(1)``."""
        owner: ast.expr = node.func.value  # type: ignore[attr-defined]
        in_place = method.endswith("_") and not method.endswith("__")
        assigns = method in self._tables.assigning_methods
        if in_place or assigns:
            self.note_write_in_place(owner, frame.scope, [*node.args, *(k.value for k in node.keywords)])
        of_a_module = type(self._at.value(owner, frame.scope)) is types.ModuleType
        if method in (self._tables.gradient_functions if of_a_module else self._tables.gradient_methods):
            self._notes.add_gradients()
            return True
        if method in self._tables.gradient_steps and not of_a_module:
            self._notes.add(method, None, frame.inside)
            return True
        return assigns

    def _on_a_model(self, node: ast.Call, receiver: Any, method: str, frame: Frame) -> None:
        has_own_files = self._at.library(receiver) in self._tables.with_own_files
        if method in self._tables.loading_methods:
            self._files.load_by_method(node, receiver, frame.scope)
        elif method in self._tables.saving_methods and has_own_files:
            self._files.save_by_method(node, frame.scope)
        elif method in self._tables.copying_methods and has_own_files:
            copied = receiver.cls if type(receiver) is NewInstance else type(receiver)
            self._notes.add_copy(f"{self._at.library(receiver)}'s {method}", qualified_name(copied))
        args = self.continuation_args(node)
        if type(receiver) is NewInstance:
            token = self._files.token_of_new(receiver)
            self._notes.add(method, token, frame.inside, qualified_name(receiver.cls), args)
            self._initialises(node, method, token, frame)
            return
        token = self._at.token(receiver)
        owners: list[int] = []
        if method in self._tables.state_loading_methods and node.args:
            owners = self._files.state_owners(node.args[0], frame.scope)
            if owners == [token] and self._at.library(receiver) not in self._tables.live_states:
                owners = []
        self._notes.add(method, token, frame.inside, args=args, state_of=owners[0] if owners else None)
        self._initialises(node, method, token, frame)
        function = class_attribute(type(receiver), method)
        if method in self._tables.fit_methods:
            self._follow_own_fit(function, receiver, token, node, frame)
        elif method not in self._tables.read_only_methods:
            with self._notes.within_methods_of(token):
                self._reading.functions.descend(function, receiver, node, frame)

    def _follow_own_fit(
        self, function: Any, receiver: Any, token: int | None, node: ast.Call, frame: Frame
    ) -> None:
        """Follow a ``fit`` that the user wrote, to find the other models that it fits."""
        complete, fresh = self._notes.complete, token not in self._notes.learning
        self._notes.learning.add(token)
        with self._notes.within_methods_of(token):
            self._reading.functions.descend(function, receiver, node, frame)
        self._notes.complete = complete
        if fresh:
            self._notes.learning.discard(token)

    def note_write_in_place(self, target: ast.expr, scope: Scope, values: Sequence[ast.expr] = ()) -> None:
        """``net.weight.fill_(0)``, and ``p.mul_(0.5)`` if it is not known what ``p`` is."""
        kind = self._reading.kind_of_write(values)
        if not self._reading.note_write(target, scope) or kind == "gradient step":
            self._notes.add_tensor_write(kind)

    def _initialises(self, node: ast.Call, method: str, token: int | None, frame: Frame) -> None:
        """``net.apply(f)`` with an ``f`` of the user's that sets weights."""
        counts_as = self._tables.applying_methods.get(method)
        function = self._at.value(node.args[0], frame.scope) if counts_as is not None and node.args else None
        if type(function) is types.FunctionType and self._at.is_users(function):
            # A text: `getattr(m, "reset_parameters")`.
            texts = (c for c in function.__code__.co_consts if type(c) is str)
            if not self._tables.initialisers.isdisjoint((*function.__code__.co_names, *texts)):
                self._notes.add(counts_as or method, token, function.__code__.co_name)

    def continuation_args(self, node: ast.Call) -> tuple[str, ...]:
        """Keyword arguments that make a call go on from a model, but for those that are ``None``."""
        keywords = (k for k in node.keywords if k.arg in self._tables.continuation_args)
        return tuple(k.arg for k in keywords if k.arg and not is_none(k.value))
