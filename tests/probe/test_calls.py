"""Tests the calls that the probe sees, in kernels whose interpreter reports them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sklearn.linear_model import LogisticRegression

from kernelscope.domain.facts import Observation
from kernelscope.probe.calls import CallWatcher
from kernelscope.probe.identity import Tokens
from tests.kernel.watching import Watcher, evaluate, watching
from tests.support.kernels import KernelProcess
from tests.support.probe import make_types

SETUP = """
import gc, weakref
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelEncoder, StandardScaler
X, y = np.arange(20.0).reshape(10, 2), np.arange(10) % 2

class Mine(BaseEstimator):
    def fit(self, X, y=None):
        kept = locals()
        X = None
        self.kept_ = kept
        return self

class Lender(BaseEstimator):
    def fit(self, big):
        alive = weakref.ref(big)
        del big
        gc.collect()
        self.freed_ = alive() is None
        return self

class Slots(BaseEstimator):
    __slots__ = ("seen_",)
    def fit(self, X, y=None):
        return self

class Inner(LogisticRegression):
    def fit(self, X, y):
        return super().fit(X, y)

class Big:
    pass

def train(m):
    return m.fit(X, y)

def lost():
    LogisticRegression().fit(X, y)

def refuses(m):
    try:
        m.fit(X, None)
    except Exception:
        pass

m, sgd, scaler, mine, inner = LogisticRegression(), SGDClassifier(), StandardScaler(), Mine(), Inner()
labels = LabelEncoder()
pipe = Pipeline([("scale", StandardScaler()), ("clf", LogisticRegression())])
search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2)
"""


@pytest.fixture
def kernel(call_seeing_python: str, tmp_path: Path) -> Iterator[KernelProcess]:
    with KernelProcess(tmp_path, call_seeing_python) as process:
        yield process


class CallRecorder:
    """Runs cells and collects the calls that the probe saw in each."""

    def __init__(self, kernel: KernelProcess, watch: Watcher) -> None:
        self.kernel, self.watch, self.names = kernel, watch, dict[str, int]()

    async def run(self, code: str) -> Observation:
        count = len(self.watch.runs) + 1
        reply = self.kernel.run(code)
        assert reply["status"] == "ok", reply
        observation = (await self.watch.wait_for_runs(count))[-1]
        assert observation.cut == ()
        for name, token in observation.names.items():
            if token is None:
                del self.names[name]
            else:
                self.names[name] = token
        return observation

    async def calls_of(self, code: str) -> list[tuple[Any, ...]]:
        """Run a cell; returns (name, method, times, returned, inside, nested) of each call on a named object."""
        by_token = {t: n for n, t in self.names.items()}
        observation = await self.run(code)
        by_token |= {t: n for n, t in self.names.items()}
        return [
            (by_token.get(c.token, "part"), c.method, c.times, c.returned, c.inside, c.nested)
            for c in observation.calls
            if not c.method.startswith("__")
        ]


async def test_calls_on_named_objects_are_seen(kernel: KernelProcess) -> None:
    kernel.run(SETUP)
    client = kernel.client()
    async with watching(kernel) as watch:
        observation = await watch.wait_for_attach()
        assert observation.kernel.sees_calls
        cells = CallRecorder(kernel, watch)
        cells.names.update(observation.base.names)
        expected: dict[str, list[tuple[Any, ...]]] = {
            "m.fit(X, y)": [("m", "fit", 1, 1, None, False)],
            "for _ in range(3): sgd.partial_fit(X, y, classes=[0, 1])": [("sgd", "partial_fit", 3, 3, None, False)],
            "train(m)": [("m", "fit", 1, 1, "train", False)],
            "_ = [train(k) for k in (m, m)]": [("m", "fit", 2, 2, "train", False)],
            "_ = list(k.fit(X, y) for k in [m])": [("m", "fit", 1, 1, None, False)],
            "(lambda k: k.fit(X, y))(m)": [("m", "fit", 1, 1, "<lambda>", False)],
            "class Body:\n    m.fit(X, y)\n    kept = 3\nassert Body.kept == 3": [("m", "fit", 1, 1, "Body", False)],
            "refuses(m)": [("m", "fit", 1, 0, "refuses", False)],
            "refuses(m); train(m)": [("m", "fit", 2, 1, "refuses", False)],
            "_ = scaler.fit_transform(X)": [("scaler", "fit_transform", 1, 1, None, False)],
            "_ = labels.fit_transform(y)": [("labels", "fit_transform", 1, 1, None, False)],
            "inner.fit(X, y)": [("inner", "fit", 1, 1, None, False)],
            "mine.fit(X)": [("mine", "fit", 1, 1, None, False)],
            "m.predict(X)": [],
        }  # fmt: skip
        for code, calls in expected.items():
            assert await cells.calls_of(code) == calls, code
        locals_of_fit = "(sorted(mine.kept_), mine.kept_['X'] is X)"
        assert evaluate(client, locals_of_fit) == (["X", "self", "y"], True), (
            "what `locals()` returned belongs to the user"
        )
        whole = await cells.calls_of("pipe.fit(X, y)")
        assert ("pipe", "fit", 1, 1, None, False) in whole
        assert [c for c in whole if c[0] == "part"] == [
            ("part", "fit_transform", 1, 1, None, True),
            ("part", "fit", 1, 1, None, True),
        ]
        whole = await cells.calls_of("search.fit(X, y)")
        assert ("search", "fit", 1, 1, None, False) in whole
        assert all(nested for *_, nested in whole if _[0] != "search")


async def test_local_models_are_reported(kernel: KernelProcess) -> None:
    kernel.run(SETUP)
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        cells = CallRecorder(kernel, watch)
        observation = await cells.run("lost(); lost()")
        assert {(o.method, o.inside) for o in observation.locals} == {("fit", "lost")}
        generations = [o.generation for o in observation.locals]
        assert len(set(generations)) == len(generations)
        assert min(generations) > 7
        observation = await cells.run("search.fit(X, y); pipe.fit(X, y)")
        assert observation.locals == (), "a library's clones are not the user's"
        observation = await cells.run(
            "from sklearn.preprocessing import MaxAbsScaler\ndef scaled(): return MaxAbsScaler().fit_transform(X)\n"
            "z = scaled()"
        )
        assert {(o.cls.rpartition(".")[2], o.inside) for o in observation.locals} == {
            ("MaxAbsScaler", "scaled")
        }
        observation = await cells.run("def give(): return LogisticRegression().fit(X, y)\nk = give()")
        assert observation.locals == (), "a name reaches it"


async def test_arguments_of_a_call_are_freed_as_usual(kernel: KernelProcess) -> None:
    kernel.run(SETUP)
    client = kernel.client()
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        cells = CallRecorder(kernel, watch)
        await cells.run("lender, slots = Lender(), Slots()")
        await cells.run("lender.fit(Big()); slots.fit(X)")
        assert evaluate(client, "lender.freed_") is True
        for _ in range(3):
            observation = await cells.run("slots.fit(X)")
        assert observation.sees_calls, "an object without weak references is not a failure"
        await cells.run("gone = weakref.ref(LogisticRegression().fit(X, y))")
        assert evaluate(client, "gone() is None") is True


async def test_calls_are_seen_in_threads_and_forests(kernel: KernelProcess) -> None:
    kernel.run(
        SETUP
        + "import threading\nfrom sklearn.ensemble import RandomForestClassifier\nf = RandomForestClassifier(40, n_jobs=2)"
    )
    async with watching(kernel) as watch:
        observation = await watch.wait_for_attach()
        cells = CallRecorder(kernel, watch)
        cells.names.update(observation.base.names)
        whole = await cells.calls_of("f.fit(X, y)")
        assert ("f", "fit", 1, 1, None, False) in whole
        code = "t = threading.Thread(target=train, args=(m,)); t.start(); t.join()"
        assert await cells.calls_of(code) == [("m", "fit", 1, 1, "train", False)]


async def test_the_tool_id_is_released(kernel: KernelProcess) -> None:
    client = kernel.client()
    kernel.run(SETUP)
    tools = "[__import__('sys').monitoring.get_tool(i) for i in range(6)]"
    events = (
        "[__import__('sys').monitoring.get_local_events(i, c) for i in (3, 4) if not "
        "__import__('sys').monitoring.use_tool_id(i, 'test') for c in (Mine.fit.__code__,)]"
    )
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        assert evaluate(client, tools)[4] == "kernelscope"
        kernel.run("m.fit(X, y); mine.fit(X)")
        await watch.wait_for_runs(1)
    assert evaluate(client, tools) == [None] * 6
    assert evaluate(client, events) == [0, 0]


async def test_another_tool_may_take_the_tool_id(kernel: KernelProcess) -> None:
    kernel.run(SETUP)
    client = kernel.client()
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        kernel.run("import sys\nsys.monitoring.free_tool_id(4)\nsys.monitoring.use_tool_id(4, 'mine')")
        kernel.run("m.fit(X, y)")
        await watch.wait_for_runs(2)
    assert evaluate(client, "sys.monitoring.get_tool(4)") == "mine"
    assert (
        evaluate(
            client,
            "'_kernelscope_probe' in sys.modules or len(get_ipython().events.callbacks['pre_run_cell'])",
        )
        == 0
    )


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="calls can be seen here")
def test_before_3_12_no_call_is_seen_and_nothing_breaks() -> None:
    types = make_types()
    watcher = CallWatcher(types, Tokens(), {})
    watcher.begin()
    watcher.watch_class(LogisticRegression)
    watcher.watch_libraries()
    assert not watcher.active
    assert watcher.drain() == []
    watcher.end()
    watcher.end()


def test_a_decorator_s_frame_has_the_receiver_among_its_arguments() -> None:
    this, that = object(), object()
    passes_on = CallWatcher(make_types(), Tokens(), {})._passes_on

    def inner_f(*args: object, **_: object) -> tuple[bool, bool]:
        return passes_on(sys._getframe(), this), passes_on(sys._getframe(), that)

    assert inner_f(this, 1) == (True, False)
    assert inner_f() == (False, False)
