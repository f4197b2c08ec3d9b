"""Derives from the rules of all libraries what the probe must know of them, as data that is sent with the install."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from kernelscope.libraries.base import AttributeKind, LibraryRules

Table = tuple[str, ...]
Row = tuple[str, ...]
"""A function: its module, its name, and what a table adds."""


class KernelTables(Struct, frozen=True, kw_only=True):
    """The tables of all libraries together; ``kernelscope/probe/tables.py`` declares the same fields."""

    folders: Mapping[str, Table]
    """By folder, the kinds of objects that it knows."""
    # Which library an object belongs to.
    bases: Mapping[str, str]
    """By class, the kind of its objects: models by what they are."""
    duck_bases: Mapping[str, str]
    holders: Table
    """Classes of libraries that are looked into as the user's own are."""
    """By class, the kind of its objects if they have ``required_methods``, too."""
    default_library: str
    required_methods: Table
    # Attributes.
    configuration: Table
    """Never reported, of whatever object."""
    unreported: Mapping[str, Table]
    """By kind, attributes that are not reported."""
    plain_packages: Table
    c_state: Mapping[str, Table]
    # Calls that are seen.
    watched_methods: Table
    local_fit_methods: Table
    early_classes: tuple[tuple[str, Table], ...]
    """(module, names of classes)."""
    method_wrappers: tuple[tuple[str, str, Table, str], ...]
    """(module, function, functions nested in it, variable that holds the method)."""
    passing_frames: Table
    """Names of functions through which a call on an object passes on its way to the method that learns."""
    continuation_args: Table
    state_carriers: Table
    """Methods that pickling and copying call to read or write the state of an object."""
    copying_modules: Table
    storing_modules: Table
    """Their functions read and write files of their own."""
    process_modules: Table
    """They exchange objects with other processes."""
    # Calls in the source.
    fit_methods: Table
    """The bare name tells that something is fitted."""
    changing_methods: Table
    """Something may be changed; many other objects have such a method, too."""
    read_only_methods: Table
    self_returning_methods: Table
    gradient_methods: Table
    """They compute gradients, on whatever object: a loss, a tape."""
    gradient_functions: Table
    """The same, called on a module."""
    gradient_steps: Table
    """They change weights by gradients, on whatever object."""
    gradient_attributes: Table
    """Attributes of a tensor that hold its gradient."""
    assigning_methods: Table
    """They write to the tensor that they are called on."""
    initialisers: Table
    """Names in a function's code by which it sets weights."""
    initialising_modules: Table
    applying_methods: Mapping[str, str]
    """They run a function on every part of a network, and the call that setting weights by it is reported as."""
    networks: Table
    optimizers: Table
    stepping_methods: Table
    """Given an optimizer, a library's object calls them on it."""
    function_attributes: Table
    """Attributes of a callable that hold the function that it stands for."""
    lazy_modules: Mapping[str, str]
    training_functions: tuple[Row, ...]
    # Copies and files.
    copying_functions: tuple[Row, ...]
    """(module, function, ``copy`` or ``load bytes``)."""
    copying_methods: Table
    live_states: Table
    """Kinds of objects whose state goes on changing with them."""
    state_methods: Table
    """They give a model's tensors."""
    parameter_methods: Table
    """They give its hyper-parameters."""
    file_functions: tuple[Row, ...]
    """(module, function, ``save``, ``load`` or ``load into``, the module as users write it)."""
    pickler_classes: tuple[Row, ...]
    """(module, class, ``saver`` or ``loader``, the module as users write it)."""
    dumping_functions: tuple[Row, ...]
    path_arguments: Table
    loading_methods: Table
    state_loading_methods: Table
    """Those that take a state that came from a file or from memory."""
    saving_methods: Table
    with_own_files: Table
    """Kinds of objects that are saved by a method of their own."""
    making_methods: Table
    """Methods of classes that make an object from a file."""
    trainer_saving_methods: Table
    """Methods of trainers that save the network that they hold."""
    loading_args: Table
    """Arguments of trainers' methods: a file that is put into the network that they are given."""
    file_constructor_args: Table
    text_constructor_args: Table


def derive_tables(rules: Sequence[LibraryRules], folders: Mapping[str, Table], default: str) -> KernelTables:
    """The tables of these rules.

    Args:
        folders: by folder, the kinds of objects that it knows.
        default: the kind of what no library claims.
    """
    return KernelTables(
        folders=folders,
        default_library=default,
        **_bases(rules, default),
        **_attributes(rules),
        **_seen_calls(rules),
        **_calls_in_source(rules),
        **_copies_and_files(rules),
    )


def _bases(rules: Sequence[LibraryRules], default: str) -> dict[str, Any]:
    plain = [r for r in rules if r.library != default]
    return {
        "bases": {base: r.library for r in plain if not r.required_methods for base in r.bases},
        "duck_bases": {base: r.library for r in plain if r.required_methods for base in r.bases},
        "holders": _union(r.holders for r in rules),
        "required_methods": next(r.required_methods for r in rules if r.library == default),
    }


def _attributes(rules: Sequence[LibraryRules]) -> dict[str, Any]:
    return {
        "configuration": _union(r.names_of(AttributeKind.CONFIGURATION) for r in rules),
        "unreported": {
            r.library: _union(a.names for a in r.attributes if not a.reported)
            for r in rules
            if any(not a.reported for a in r.attributes)
        },
        "plain_packages": _union(r.plain_packages for r in rules),
        "c_state": {cls: getters for r in rules for cls, getters in r.c_state.items()},
    }


def _seen_calls(rules: Sequence[LibraryRules]) -> dict[str, Any]:
    calls = [c for r in rules for c in r.calls]
    return {
        "watched_methods": _union(c.methods for c in calls if c.watched),
        "local_fit_methods": _union(c.methods for c in calls if c.fits_local),
        "early_classes": tuple((e.module, e.names) for r in rules for e in r.early_classes),
        "method_wrappers": tuple(
            (w.module, w.function, w.nested, w.argument) for r in rules for w in r.method_wrappers
        ),
        "passing_frames": _names_of_kind(rules, "passing frame"),
        "continuation_args": _arguments(rules, "continues"),
        "state_carriers": _names_of_kind(rules, "carries a state"),
        "copying_modules": _names_of_kind(rules, "copying module"),
        "storing_modules": _names_of_kind(rules, "storing module"),
        "process_modules": _names_of_kind(rules, "process module"),
    }


def _calls_in_source(rules: Sequence[LibraryRules]) -> dict[str, Any]:
    calls = [c for r in rules for c in r.calls]
    return {
        "fit_methods": _union(c.methods for c in calls if c.in_code == "fits"),
        "changing_methods": _union(c.methods for c in calls if c.in_code == "changes"),
        "read_only_methods": _names_of_kind(rules, "read only"),
        "self_returning_methods": _names_of_kind(rules, "returns itself"),
        "gradient_methods": _names_of_kind(rules, "gradient method"),
        "gradient_functions": _names_of_kind(rules, "gradient function"),
        "gradient_steps": _names_of_kind(rules, "gradient step"),
        "gradient_attributes": _names_of_kind(rules, "gradient attribute"),
        "assigning_methods": _names_of_kind(rules, "assigns"),
        "initialisers": _names_of_kind(rules, "initialises"),
        "initialising_modules": _union(r.initialising_modules for r in rules),
        "applying_methods": _substitutes(rules, "applies"),
        "networks": tuple(r.library for r in rules if r.is_network),
        "optimizers": tuple(r.library for r in rules if r.is_optimizer),
        "stepping_methods": _union(c.methods for c in calls if c.on_partner is not c.on_partner.NONE),
        "function_attributes": _names_of_kind(rules, "function attribute"),
        "lazy_modules": {cls: module for r in rules for cls, module in r.lazy_modules.items()},
        "training_functions": _functions(rules, "train"),
    }


def _copies_and_files(rules: Sequence[LibraryRules]) -> dict[str, Any]:
    methods = [m for r in rules for m in r.file_methods]
    return {
        "copying_functions": (*_actions(rules, "copy"), *_actions(rules, "load bytes")),
        "copying_methods": _names_of_kind(rules, "copies itself"),
        "state_methods": _names_of_kind(rules, "state"),
        "live_states": tuple(r.library for r in rules if r.has_live_states),
        "parameter_methods": _names_of_kind(rules, "parameters"),
        "file_functions": (*_files(rules, "save"), *_files(rules, "load"), *_files(rules, "load into")),
        "pickler_classes": (*_files(rules, "saver"), *_files(rules, "loader")),
        "dumping_functions": _functions(rules, "dump"),
        "path_arguments": (*_arguments(rules, "path"), *_arguments(rules, "file")),
        "loading_methods": _union(m.methods for m in methods if m.action in ("load", "load state")),
        "making_methods": _union(m.methods for m in methods if m.action == "make"),
        "state_loading_methods": _union(m.methods for m in methods if m.action == "load state"),
        "saving_methods": _union(m.methods for m in methods if m.action == "save"),
        "with_own_files": tuple(r.library for r in rules if any(m.action == "save" for m in r.file_methods)),
        "trainer_saving_methods": _union(m.methods for m in methods if m.action == "save its network"),
        "loading_args": _arguments(rules, "loads"),
        "file_constructor_args": _arguments(rules, "file"),
        "text_constructor_args": _arguments(rules, "text"),
    }


def _union(tables: Iterable[Iterable[str]]) -> Table:
    """Every name once, in a fixed order: what is sent does not depend on how sets are hashed."""
    return tuple(sorted({name for names in tables for name in names}))


def _names_of_kind(rules: Sequence[LibraryRules], kind: str) -> Table:
    return _union(n.names for r in rules for n in r.names if n.kind == kind)


def _substitutes(rules: Sequence[LibraryRules], kind: str) -> dict[str, str]:
    return {name: n.counts_as for r in rules for n in r.names if n.kind == kind for name in n.names}


def _arguments(rules: Sequence[LibraryRules], kind: str) -> Table:
    return _union(a.names for r in rules for a in r.arguments if a.kind == kind)


def _functions(rules: Sequence[LibraryRules], action: str) -> tuple[Row, ...]:
    return _rows(rules, action, lambda module, name, _: (module, name))


def _actions(rules: Sequence[LibraryRules], action: str) -> tuple[Row, ...]:
    return _rows(rules, action, lambda module, name, _: (module, name, action))


def _files(rules: Sequence[LibraryRules], action: str) -> tuple[Row, ...]:
    return _rows(rules, action, lambda module, name, shown: (module, name, action, shown or module))


def _rows(rules: Sequence[LibraryRules], action: str, row: Callable[[str, str, str], Row]) -> tuple[Row, ...]:
    functions = [f for r in rules for f in r.functions if f.action == action]
    return tuple(dict.fromkeys(row(f.module, name, f.shown) for f in functions for name in f.names))
