"""What the probe sends and what this side declares are the same, key by key and both ways.

By declaration: the TypedDicts of the probe (``kernelscope/probe/wire.py``) against the structs of this side.  And by
what the probe of a real kernel sends.
"""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, is_typeddict

import msgspec
import pytest

from kernelscope.domain import facts
from kernelscope.domain.facts import Observation
from kernelscope.kernel import inject
from kernelscope.kernel.inject import value_of
from kernelscope.probe import wire as probe_wire
from kernelscope.protocol import audit, wire
from kernelscope.protocol.wire import AttachReply, Greeting
from tests.kernel.watching import value, watching
from tests.support.kernels import KernelProcess

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
"""Forms that are only a part of a message, and of which one."""
REQUESTS = {"AttachRequest"}
"""Forms that the probe receives."""
STRUCTS: dict[str, type[msgspec.Struct]] = {
    **{
        name: kind
        for module in (facts, wire)
        for name, kind in vars(module).items()
        if isinstance(kind, type)
    },
    "AuditInfo": audit.ProbeThere,
}
MESSAGES = sorted(FORMS.keys() - PARTS.keys() - REQUESTS)


def declared(name: str) -> dict[str, Any]:
    """The fields of a struct, by the key that stands for each in a message."""
    return {field.encode_name: field for field in msgspec.structs.fields(STRUCTS[name])}


@pytest.mark.parametrize("name", MESSAGES)
def test_both_sides_declare_the_same_keys(name: str) -> None:
    assert set(FORMS[name].__annotations__) == declared(name).keys()


@pytest.mark.parametrize("name", MESSAGES)
def test_a_key_that_may_be_missing_has_a_default(name: str) -> None:
    fields = declared(name)
    required = {key for key, field in fields.items() if field.required}
    assert required <= FORMS[name].__required_keys__


@pytest.mark.parametrize("name", MESSAGES)
def test_each_value_is_of_the_type_that_is_declared_for_it(name: str) -> None:
    """The struct takes all that is sent, and nothing that never is, except for ``None`` as a default."""
    fields = declared(name)
    for key, sent_type in typing.get_type_hints(FORMS[name]).items():
        sends, takes = list(kinds_of(sent_type)), list(kinds_of(fields[key].type))
        where = f"{name}.{key}: {sent_type} and {fields[key].type}"
        assert all(any(is_same(a, b) for b in takes) for a in sends), where
        assert all(any(is_same(a, b) for a in sends) for b in takes if b is not NoneType), where


@pytest.mark.parametrize(("part", "whole"), PARTS.items())
def test_a_part_has_keys_of_the_whole_alone(part: str, whole: str) -> None:
    assert FORMS[part].__annotations__.keys() <= FORMS[whole].__annotations__.keys()


def test_an_attach_request_has_the_keys_that_the_probe_expects() -> None:
    request = inject.attach("watcher", Greeting("session", 0.0)).request
    assert request.keys() == probe_wire.AttachRequest.__annotations__.keys()


def is_same(sent_type: Any, taken: Any) -> bool:
    """Whether a type of the probe's and one of this side stand for one form in JSON."""
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
    """As ``is_same``, of unions."""
    return all(any(is_same(a, b) for b in kinds_of(taken)) for a in kinds_of(sent_type))


CELLS = (
    "import pickle\nfrom sklearn.linear_model import LogisticRegression, SGDClassifier\n"
    "from sklearn.pipeline import make_pipeline\nfrom sklearn.preprocessing import StandardScaler\n"
    "X, y = [[0.0], [1.0], [2.0]], [0, 1, 1]",
    "pipe = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)\nm = SGDClassifier()",
    "def train(data):\n    inner = LogisticRegression()\n    inner.fit(data, y)\ntrain(X)\nm.fit(X, y)\nm.coef_ = m.coef_ * 2",
    "with open('m.pickle', 'wb') as file: pickle.dump(m, file)\nm.classes_ = [1]",
)
HIDDEN = "filled, boxes = {}, {}\nboxes['a'] = {'b': [SGDClassifier()]}"
LOST = (
    "import threading\nstop = threading.Event()\nthreading.Thread(target=stop.wait, daemon=True).start()",
    "filled.update({i: {j: [[] for _ in range(20)] for j in range(20)} for i in range(20)})",
    "boxes['a']['b'][0] = SGDClassifier()",
)
NEVER = {
    "Signature": {"version"},  # of PyTorch's tensors
    "Observation": {"switched_off", "unreadable"},  # no reader of a library raises
}
"""By struct, what the probe does not send of the cells above."""


def collect_keys(message: Any, wanted: Any, keys: dict[str, set[str]]) -> None:
    """Add by struct every key that is in a message."""
    for kind in kinds_of(wanted):
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and isinstance(message, dict):
            keys.setdefault(kind.__name__, set()).update(message)
            for field in msgspec.structs.fields(kind):
                if field.name in message:
                    collect_keys(message[field.name], field.type, keys)
        origin, inner = typing.get_origin(kind), typing.get_args(kind)
        if origin is tuple and isinstance(message, list):
            for item in message:
                collect_keys(item, inner[0], keys)
        if origin is dict and isinstance(message, dict):
            for item in message.values():
                collect_keys(item, inner[1], keys)


def kinds_of(wanted: Any) -> Iterator[Any]:
    """What a value of an annotation can be."""
    if typing.get_origin(wanted) in (typing.Union, UnionType):
        for kind in typing.get_args(wanted):
            yield from kinds_of(kind)
    else:
        yield wanted


async def test_the_probe_sends_what_is_declared_and_nothing_else(python: str, tmp_path: Path) -> None:
    """A key that is misspelt on one side would silently become a default on the other."""
    keys: dict[str, set[str]] = {}
    with KernelProcess(tmp_path, python) as kernel:
        kernel.run(CELLS[0])
        async with watching(kernel) as watch:
            await watch.attached()
            for cell in (*CELLS[1:], HIDDEN, *LOST):
                assert kernel.run(cell)["status"] == "ok", cell
            await watch.ran(len(CELLS) + len(LOST))
            client = kernel.client()
            greeting = Greeting(value(client, "get_ipython().kernel.session.session"), 1e12)
            expression = inject.attach("another", greeting, visits=True).expression()
            shown = value(client, f"[{expression}][0]")
        reply = json.loads(value_of({"status": "ok", "data": {"text/plain": repr(shown)}}) or "")
    collect_keys(reply, AttachReply, keys)
    assert keys["AttachReply"] == declared("AttachReply").keys()
    assert keys["KernelReply"] == declared("KernelReply").keys()
    assert keys["Snapshot"] == declared("Snapshot").keys()
    unsent = {name for name in ("Call", "LocalModel") if name not in keys}
    assert unsent == set() if reply["kernel"]["sees_calls"] else unsent == {"Call", "LocalModel"}
    for name in sorted({*keys} - {"AttachReply", "KernelReply", "Snapshot"}):
        assert keys[name] - declared(name).keys() == set(), name
        assert declared(name).keys() - keys[name] <= NEVER.get(name, set()), name
    assert {
        "Observation",
        "ObjectFacts",
        "RunFacts",
        "Signature",
        "Part",
        "FileAccess",
        "CodeFacts",
        "MethodInCode",
    } <= {*keys}
    assert msgspec.convert(reply["history"], list[Observation])
