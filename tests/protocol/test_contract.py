"""Compares, key by key and both ways, what the probe of a real kernel sends with what this side declares."""

from __future__ import annotations

import json
import typing
from pathlib import Path
from typing import Any

import msgspec

from kernelscope.domain.facts import Observation
from kernelscope.kernel import inject
from kernelscope.kernel.inject import value_of
from kernelscope.protocol.wire import AttachReply, Greeting
from tests.kernel.watching import evaluate, watching
from tests.protocol.test_forms import fields_of, kinds_of
from tests.support.kernels import KernelProcess

CELLS = (
    "import pickle\nfrom sklearn.linear_model import LogisticRegression, SGDClassifier\n"
    "from sklearn.pipeline import make_pipeline\nfrom sklearn.preprocessing import StandardScaler\n"
    "X, y = [[0.0], [1.0], [2.0]], [0, 1, 1]",
    "pipe = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)\nm = SGDClassifier()",
    "def train(data):\n    inner = LogisticRegression()\n    inner.fit(data, y)\ntrain(X)\nm.fit(X, y)\nm.coef_ = m.coef_ * 2",
    "with open('m.pickle', 'wb') as file: pickle.dump(m, file)\nm.classes_ = [1]\nm.coef_ = None",
)
HIDDEN = "filled, boxes = {}, {}\nboxes['a'] = {'b': [SGDClassifier()]}"
LOST = (
    "import threading\nstop = threading.Event()\nthreading.Thread(target=stop.wait, daemon=True).start()",
    "filled.update({i: {j: [[] for _ in range(20)] for j in range(20)} for i in range(20)})",
    "boxes['a']['b'][0] = SGDClassifier()",
    # An array that is read in full in those looks that have the time for it: in one of these at least.
    "import numpy as np\nheavy = LogisticRegression(class_weight=np.zeros(100_000))",
    *["heavy.set_params(class_weight=heavy.class_weight + 1)"] * 4,
    # A change whose turn comes late: 300 models wait, and each look compares 16 of them at least.
    "for place in range(300): exec(f'many_{place} = SGDClassifier()')",
    "late = LogisticRegression(class_weight=np.zeros(100_000))\nlate.coef_ = weights = np.zeros(100_000)",
    "weights += 1",
    *["print(1)"] * 25,
)
NEVER = {
    "Signature": {"version", "lacks_values"},  # of PyTorch's tensors
    "Observation": {"switched_off", "unreadable"},  # no reader of a library raises
}
"""By struct, the keys that the probe does not send for the cells above."""


def collect_keys(message: Any, wanted: Any, keys: dict[str, set[str]]) -> None:
    """Add every key of a message to its struct's set."""
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


def ask(kernel: KernelProcess, request: inject.ProbeRequest) -> Any:
    """Send a request; returns the loader's answer."""
    value = evaluate(kernel.client(), f"[{request.expression()}][0]")
    return json.loads(value_of({"status": "ok", "data": {"text/plain": repr(value)}}) or "")


async def test_the_probe_sends_what_is_declared_and_nothing_else(python: str, tmp_path: Path) -> None:
    """A key that is misspelt on one side would silently become a default on the other."""
    keys: dict[str, set[str]] = {}
    with KernelProcess(tmp_path, python) as kernel:
        kernel.run(CELLS[0])
        async with watching(kernel) as watch:
            await watch.wait_for_attach()
            for cell in (*CELLS[1:], HIDDEN, *LOST):
                assert kernel.run(cell)["status"] == "ok", cell
            await watch.wait_for_runs(len(CELLS) + len(LOST))
            greeting = ask(kernel, inject.GREETING)
            request = inject.attach("another", Greeting(greeting["session"], 1e12), visits=True)
            reply = ask(kernel, request)
            audited = ask(kernel, inject.look_inside())
        detached = ask(kernel, inject.DETACH)
    assert greeting.keys() == fields_of("Greeting").keys()
    assert audited["probe"].keys() == fields_of("AuditInfo").keys()
    assert detached.keys() == fields_of("DetachReply").keys()
    collect_keys(reply, AttachReply, keys)
    assert keys["AttachReply"] == fields_of("AttachReply").keys()
    assert keys["KernelReply"] == fields_of("KernelReply").keys()
    assert keys["Snapshot"] == fields_of("Snapshot").keys()
    unsent = {name for name in ("Call", "LocalModel") if name not in keys}
    assert unsent == set() if reply["kernel"]["sees_calls"] else unsent == {"Call", "LocalModel"}
    for name in sorted({*keys} - {"AttachReply", "KernelReply", "Snapshot"}):
        assert keys[name] - fields_of(name).keys() == set(), name
        assert fields_of(name).keys() - keys[name] <= NEVER.get(name, set()), name
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
