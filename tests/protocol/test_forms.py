"""Compares the messages that the probe declares with those that this side declares.

The TypedDicts of the probe (``kernelscope/probe/wire.py``) are compared with the structs of this side; ``test_contract``
compares these with what the probe of a real kernel sends.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator, Sequence
from types import NoneType, UnionType
from typing import Any, Literal, is_typeddict

import msgspec
import pytest

from kernelscope.domain import facts
from kernelscope.kernel import inject
from kernelscope.probe import wire as probe_wire
from kernelscope.protocol import audit, wire
from kernelscope.protocol.wire import Greeting

FORMS = {
    name: form for name, form in vars(probe_wire).items() if is_typeddict(form) and not name.startswith("_")
}
PARTS = {
    "CodeReading": "Observation",
    "Findings": "Observation",
    "Publication": "Observation",
    "State": "Snapshot",
    "Base": "Snapshot",
    "Message": "Push",
    "Status": "Greeting",
}
"""Forms that are part of a message, by that message."""
REQUESTS = {"AttachRequest"}
"""Forms that the probe receives."""
STRUCTS: dict[str, type[msgspec.Struct]] = {
    **{
        name: kind
        for module in (facts, wire)
        for name, kind in vars(module).items()
        if isinstance(kind, type)
    },
    "AuditInfo": audit.InstalledProbe,
}
MESSAGES = sorted(FORMS.keys() - PARTS.keys() - REQUESTS)


def fields_of(name: str) -> dict[str, Any]:
    """Return the fields of a struct, by their keys in a message."""
    return {field.encode_name: field for field in msgspec.structs.fields(STRUCTS[name])}


@pytest.mark.parametrize("name", MESSAGES)
def test_both_sides_declare_the_same_keys(name: str) -> None:
    assert set(FORMS[name].__annotations__) == fields_of(name).keys()


@pytest.mark.parametrize("name", MESSAGES)
def test_a_key_that_may_be_missing_has_a_default(name: str) -> None:
    fields = fields_of(name)
    required = {key for key, field in fields.items() if field.required}
    assert required <= FORMS[name].__required_keys__


@pytest.mark.parametrize("name", MESSAGES)
def test_each_value_is_of_the_type_that_is_declared_for_it(name: str) -> None:
    """The struct accepts everything that is sent and nothing else, except ``None`` as a default."""
    fields = fields_of(name)
    for key, sent_type in typing.get_type_hints(FORMS[name]).items():
        sends, takes = list(kinds_of(sent_type)), list(kinds_of(fields[key].type))
        place = f"{name}.{key}: {sent_type} and {fields[key].type}"
        assert all(any(is_same(a, b) for b in takes) for a in sends), place
        assert all(any(is_same(a, b) for a in sends) for b in takes if b is not NoneType), place


@pytest.mark.parametrize(("part", "whole"), PARTS.items())
def test_a_part_has_only_keys_of_the_whole(part: str, whole: str) -> None:
    assert FORMS[part].__annotations__.keys() <= FORMS[whole].__annotations__.keys()


def test_an_attach_request_has_the_keys_that_the_probe_expects() -> None:
    request = inject.attach("watcher", Greeting("session", 0.0)).request
    assert request.keys() == probe_wire.AttachRequest.__annotations__.keys()


def is_same(sent_type: Any, taken: Any) -> bool:
    """Whether a type of the probe and one of this side have one form in JSON."""
    if sent_type is Any or sent_type is taken:
        return True
    if is_typeddict(sent_type):
        return STRUCTS.get(sent_type.__name__) is taken
    if typing.get_origin(taken) is Literal:
        return all(type(choice) is sent_type for choice in typing.get_args(taken))
    outer, inner = typing.get_origin(sent_type), typing.get_args(sent_type)
    taken_outer, taken_inner = typing.get_origin(taken), typing.get_args(taken)
    if outer in (list, Sequence) and taken_outer is tuple:
        return all(is_accepted(inner[0], item) for item in taken_inner if item is not ...)
    if outer is dict and taken_outer is dict:
        return is_same(inner[0], taken_inner[0]) and is_accepted(inner[1], taken_inner[1])
    return False


def is_accepted(sent_type: Any, taken: Any) -> bool:
    """Whether each type of a union is the same."""
    return all(any(is_same(a, b) for b in kinds_of(taken)) for a in kinds_of(sent_type))


def kinds_of(wanted: Any) -> Iterator[Any]:
    """Yield the types that a value of an annotation can have."""
    if typing.get_origin(wanted) in (typing.Union, UnionType):
        for kind in typing.get_args(wanted):
            yield from kinds_of(kind)
    else:
        yield wanted
