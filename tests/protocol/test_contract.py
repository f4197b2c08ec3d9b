"""What the probe of a real kernel sends and what this side declares are the same, key by key and both ways."""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Any

import msgspec

from kernelscope.domain.facts import Observation
from kernelscope.kernel import inject
from kernelscope.kernel.inject import value_of
from kernelscope.protocol.wire import AttachReply, Greeting
from tests.kernel.watching import value, watching
from tests.support.kernels import KernelProcess

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
}
"""By struct, what the probe does not send of the cells above."""


def sent(found: Any, wanted: Any, keys: dict[str, set[str]]) -> None:
    """Notes by struct every key that is in what was sent."""
    for kind in kinds_of(wanted):
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and isinstance(found, dict):
            keys.setdefault(kind.__name__, set()).update(found)
            for field in msgspec.structs.fields(kind):
                if field.name in found:
                    sent(found[field.name], field.type, keys)
        origin, inner = typing.get_origin(kind), typing.get_args(kind)
        if origin is tuple and isinstance(found, list):
            for item in found:
                sent(item, inner[0], keys)
        if origin is dict and isinstance(found, dict):
            for item in found.values():
                sent(item, inner[1], keys)


def kinds_of(wanted: Any) -> Iterator[Any]:
    """What a value of an annotation can be."""
    if typing.get_origin(wanted) in (typing.Union, UnionType):
        for kind in typing.get_args(wanted):
            if kind is not NoneType:
                yield from kinds_of(kind)
    else:
        yield wanted


def declared(name: str) -> set[str]:
    from kernelscope.domain import facts
    from kernelscope.protocol import wire

    kind = getattr(facts, name, None) or getattr(wire, name)
    return {field.encode_name for field in msgspec.structs.fields(kind)}


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
    sent(reply, AttachReply, keys)
    assert keys["AttachReply"] == declared("AttachReply")
    assert keys["KernelReply"] == declared("KernelReply")
    assert keys["Snapshot"] == declared("Snapshot")
    seen = {name for name in ("Call", "LocalModel") if name not in keys}
    assert seen == set() if reply["kernel"]["sees_calls"] else seen == {"Call", "LocalModel"}
    for name in sorted({*keys} - {"AttachReply", "KernelReply", "Snapshot"}):
        assert keys[name] - declared(name) == set(), name
        assert declared(name) - keys[name] <= NEVER.get(name, set()), name
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
