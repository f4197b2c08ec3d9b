"""What the probe must know of libraries beyond how their objects are read: data that came with the install request.

It is derived from the ``rules.py`` of every library (``KernelTables`` in ``kernelscope/libraries/base.py`` says
what each table means and declares the same fields), so that no name of a library's stands in the probe.
"""

from __future__ import annotations

from typing import Any


class Tables:
    """The tables of all libraries, as they are looked things up in."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.folders: dict[str, list[str]] = data["folders"]
        # Which library an object belongs to.
        self.bases: dict[str, str] = data["bases"]
        self.duck_bases: dict[str, str] = data["duck_bases"]
        self.default_library: str = data["default_library"]
        self.required_methods: list[str] = data["required_methods"]
        # Attributes.
        self.configuration = frozenset(data["configuration"])
        self.unreported = {library: frozenset(names) for library, names in data["unreported"].items()}
        self.plain_packages = tuple(data["plain_packages"])
        self.c_state: dict[str, list[str]] = data["c_state"]
        # Calls that are seen.
        self.making_methods = frozenset(data["making_methods"])
        self.live_states = frozenset(data["live_states"])
        self.holders = frozenset(data["holders"])
        self.watched_methods: list[str] = data["watched_methods"]
        self.state_carriers = frozenset(data["state_carriers"])
        self.copying_modules = frozenset(data["copying_modules"])
        self.storing_modules = frozenset(data["storing_modules"])
        self.process_modules: list[str] = data["process_modules"]
        self.local_fit_methods = frozenset(data["local_fit_methods"])
        self.early_classes: list[list[Any]] = data["early_classes"]
        self.method_wrappers: list[list[Any]] = data["method_wrappers"]
        self.passing_frames = frozenset(data["passing_frames"])
        self.continuation_args: list[str] = data["continuation_args"]
        # Calls in the source.
        self.fit_methods = frozenset(data["fit_methods"])
        self.changing_methods = frozenset(data["changing_methods"])
        self.telling_methods = self.fit_methods | self.changing_methods
        """Their bare name tells something of a receiver that is not known."""
        self.read_only_methods = frozenset(data["read_only_methods"])
        self.self_returning_methods = frozenset(data["self_returning_methods"])
        self.gradient_methods = frozenset(data["gradient_methods"])
        self.gradient_functions = frozenset(data["gradient_functions"])
        self.gradient_steps = frozenset(data["gradient_steps"])
        self.gradient_attributes = frozenset(data["gradient_attributes"])
        self.assigning_methods = frozenset(data["assigning_methods"])
        self.initialisers = frozenset(data["initialisers"])
        self.initialising_modules = frozenset(data["initialising_modules"])
        self.applying_methods: dict[str, str] = data["applying_methods"]
        self.networks = frozenset(data["networks"])
        self.optimizers = frozenset(data["optimizers"])
        self.stepping_methods = frozenset(data["stepping_methods"])
        self.function_attributes = frozenset(data["function_attributes"])
        self.lazy_modules: dict[str, str] = data["lazy_modules"]
        self.training_functions = _entries(data["training_functions"])
        # Copies and files.
        self.copying_functions = _entries(data["copying_functions"])
        self.copying_methods = frozenset(data["copying_methods"])
        self.state_methods = frozenset(data["state_methods"])
        self.parameter_methods = frozenset(data["parameter_methods"])
        self.file_functions = _entries(data["file_functions"])
        self.pickler_classes = _entries(data["pickler_classes"])
        self.dumping_functions = _entries(data["dumping_functions"])
        self.path_arguments: list[str] = data["path_arguments"]
        self.loading_methods = frozenset(data["loading_methods"])
        self.state_loading_methods = frozenset(data["state_loading_methods"])
        self.saving_methods = frozenset(data["saving_methods"])
        self.with_own_files = frozenset(data["with_own_files"])
        self.trainer_saving_methods = frozenset(data["trainer_saving_methods"])
        self.loading_args = frozenset(data["loading_args"])
        self.file_constructor_args = frozenset(data["file_constructor_args"])
        self.text_constructor_args = frozenset(data["text_constructor_args"])


Entry = tuple[str, ...]
"""A function of a library: its module, its name, and what the table adds."""


def _entries(rows: list[list[str]]) -> tuple[Entry, ...]:
    return tuple(tuple(row) for row in rows)
