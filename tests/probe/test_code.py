from __future__ import annotations

import linecache
import os
import sys
import time
import types
import warnings
from pathlib import Path
from typing import Any

import joblib  # type: ignore[import-untyped]
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from kernelscope.probe import cell_notes
from tests.support.probe import make_code_reader, make_scanner

DEFINITIONS = """
from IPython import get_ipython
import copy, functools, joblib, os, pathlib, pickle
from pathlib import Path
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import cross_val_score

def train(m, data=None):
    print(m)
    return m.fit(X, y)

def twice(m):
    train(m)
    return train(m)

def save(m, where):
    with open(where, "wb") as f:
        pickle.dump(m, f)

def again(n):
    return again(n - 1)

def deep0(m): return deep1(m)
def deep1(m): return deep2(m)
def deep2(m): return deep3(m)
def deep3(m): return deep4(m)
def deep4(m): return deep5(m)
def deep5(m): return m.fit(X, y)

def wrap(function):
    return function

class Base:
    def __init__(self, m):
        self.m = m
        m.fit(X, y)

class Trainer(Base):
    def go(self):
        self.m.partial_fit(X, y)

    @classmethod
    def made(cls, m=None):
        m.fit(X)

class Quiet:
    def __init__(self, m): self.m = m
    def run(self): self.m.fit(X, y)
"""


class Cells:
    """A namespace, and a reader of cells for it."""

    def __init__(self, folder: Path) -> None:
        self.space: dict[str, Any] = {"__name__": "__main__", "X": [[0.0]], "y": [0], "folder": folder}
        self.run(DEFINITIONS)
        self.m, self.other = LogisticRegression(), SGDClassifier()
        self.pipe = Pipeline([("s", StandardScaler()), ("c", LogisticRegression())])
        self.space.update(m=self.m, other=self.other, pipe=self.pipe, models={"lr": self.m}, several=[self.m])
        self.space["step"] = self.pipe.steps[-1][1]
        self.look = make_scanner(self.space)
        self.reader = make_code_reader(self.space, self.look)
        self.look.scan()

    def run(self, source: str) -> None:
        """Run a cell as IPython does, with its source registered for tracebacks."""
        name = f"<cell {hash(source)}>"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        exec(compile(source, name, "exec"), self.space)

    def read(self, source: str) -> dict[str, Any]:
        parsed = TransformerManager().transform_cell(source)  # type: ignore[no-untyped-call]
        facts = self.reader.read(parsed, time.time())
        return {**facts["code"], "files": facts["files"]}

    def methods(self, source: str) -> list[tuple[str, str | None, str | None]]:
        """Return (method, the receiver's name, the enclosing function) of each call."""
        return [(c["method"], self.name(c["token"]), c["inside"]) for c in self.read(source)["methods"]]

    def name(self, token: int | None) -> str | None:
        return next((n for n, t in self.look.names.items() if t == token), None) if token else str(token)

    def complete(self, source: str) -> bool:
        return bool(self.read(source)["complete"])


@pytest.fixture
def cells(tmp_path: Path) -> Cells:
    return Cells(tmp_path)


@pytest.fixture(autouse=True)
def unlimited_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cell_notes, "SECONDS", 60.0)


@pytest.mark.parametrize(
    ("source", "methods"),
    [
        ("m.fit(X, y)", [("fit", "m", None)]),
        ("models['lr'].fit(X, y)", [("fit", "m", None)]),
        ("several[0].fit(X, y)", [("fit", "m", None)]),
        ("several[-1].fit(X, y).predict(X)", [("predict", "m", None), ("fit", "m", None)]),
        ("m.set_params(C=2).fit(X, y)", [("fit", "m", None), ("set_params", "m", None)]),
        ("m = LogisticRegression().fit(X, y)", [("fit", "m", None)]),
        ("LogisticRegression().fit(X, y)", [("fit", "None", None)]),
        ("for i in range(3):\n    other.partial_fit(X, y)", [("partial_fit", "other", None)]),
        ("for m in [1]:\n    m.fit(X)", [("fit", "None", None)]),
        ("[m.fit(X) for m in several]", [("fit", "None", None)]),
        ("{k: m.fit(X) for k, m in models.items()}", [("fit", "None", None)]),
        ("[other.fit(X) for m in several]", [("fit", "other", None)]),
        ("if X:\n    m.fit(X, y)\nelse:\n    other.fit(X, y)", [("fit", "m", None), ("fit", "other", None)]),
        ("try:\n    m.fit(X)\nexcept E:\n    pass\nfinally:\n    other.fit(X)", [("fit", "m", None), ("fit", "other", None)]),
        ("while True:\n    m.fit(X, y)", [("fit", "m", None)]),
        ("match X:\n    case 1:\n        m.fit(X)", [("fit", "m", None)]),
        ("(lambda: m.fit(X))", []),
        ("(lambda e, f: f.fit(X))(other, f=m)", [("fit", "m", None)]),
        ("pipe[-1].fit(X, y)", [("fit", "step", None)]),
        ("pipe['c'].fit(X, y)", [("fit", "step", None)]),
        ("pipe.named_steps['c'].fit(X, y)", [("fit", "step", None)]),
        ("pipe.named_steps.c.fit(X, y)", [("fit", "step", None)]),
        ("def f():\n    m.fit(X, y)", []),
        ("class A:\n    m.fit(X, y)", [("fit", "m", None)]),
        ("def f(a=m.fit(X)): ...", [("fit", "m", None)]),
        ("train(m)", [("fit", "m", "train")]),
        ("train(data=1, m=other)", [("fit", "other", "train")]),
        ("twice(m)", [("fit", "m", "train")]),
        ("again(3)", []),
        ("%time m.fit(X, y)", [("fit", "m", None)]),
        ("%%time\nm.fit(X, y)", [("fit", "m", None)]),
        ("%%capture\ntrain(other)", [("fit", "other", "train")]),
        ("f = m.fit(X) if X else other.fit(X)", [("fit", "other", None), ("fit", "m", None)]),
        ("(n := m).fit(X)", [("fit", "m", None)]),
        ("Trainer(m)", [("fit", "m", "__init__")]),
        ("Trainer(other).go()", [("partial_fit", "None", "go"), ("fit", "other", "__init__")]),
        ("Trainer.made(other)", [("fit", "other", "made")]),
        ("Quiet(m).run()", [("fit", "None", "run")]),
        ("list(map(m.fit, X))", [("fit", "m", None)]),
        ("list(map(train, several))", [("fit", "None", "train")]),
        ("list(map(lambda k: k.fit(X), several))", [("fit", "None", "<lambda>")]),
        ("await m.fit(X)", [("fit", "m", None)]),
    ],
)  # fmt: skip
def test_method_calls_are_read(
    cells: Cells, source: str, methods: list[tuple[str, str | None, str | None]]
) -> None:
    if source.startswith("match") and sys.version_info < (3, 10):
        pytest.skip("no match statement")
    assert sorted(cells.methods(source)) == sorted(methods)


@pytest.mark.parametrize(
    ("source", "complete"),
    [
        ("m.fit(X, y)", True),
        ("x = 1\nprint(m, len(several))", True),
        ("train(m)", True),
        ("m.coef_ = 3", True),
        ("again(3)", True),
        ("%time m.predict(X)", True),
        ("class A:\n    x = 1", True),
        ("Trainer(m)", True),
        ("def f():\n    whatever()", True),
        ("s = cross_val_score(m, X, y)", False),
        ("exec('m.fit()')", True),
        ("exec(text)", False),
        ("unknown_function()", False),
        ("(lambda: 1)()", True),
        ("list(map(lambda k: k.fit(X), several))", False),
        ("list(map(train, several))", False),
        ("list(map(m.fit, several))", False),
        ("for k in several:\n    k.learn()", False),
        ("deep0(m)", False),
        ("@unknown\ndef f(): ...", False),
        ("@wrap\ndef f(): ...", False),
        ("%run other.py", False),
        ("%%bash\nls", False),
        ("!ls", False),
        ("Trainer.made(m)", True),
        ("syntax error here", False),
        ("x = '" + "a" * 70_000 + "'", False),
        ("print(" + "+".join(["1"] * 20_000) + ")", False),
        ("(" * 300 + ")" * 300, False),
    ],
)
def test_incomplete_reading_is_reported(cells: Cells, source: str, complete: bool) -> None:
    assert cells.complete(source) == complete


def test_writes_to_attributes_are_read(cells: Cells) -> None:
    read = cells.read(
        "m.coef_[0, 1] += 1\nmodels['lr'].C = 2\ndel other.t_\npipe.named_steps['c'].x = 1\na.b = 3"
    )
    writes = [(cells.name(t), attribute) for t, attribute in read["assigned"]]
    assert writes == [("m", "coef_"), ("m", "C"), ("other", "t_"), ("step", "x")]


def test_copies_are_read(cells: Cells) -> None:
    source = "c = copy.deepcopy(m)\nd = pickle.loads(pickle.dumps(m))\nfrom copy import copy as cc\ne = cc(m)"
    cells.run("from copy import copy as cc")
    assert cells.read(source)["copies"] == ["copy.deepcopy", "pickle.loads", "copy.copy"]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("joblib.dump(m, 'a.joblib')", "a.joblib"),
        ("joblib.dump(m, filename='a.joblib')", "a.joblib"),
        ("joblib.dump(m, folder / 'a.joblib')", "a.joblib"),
        ("joblib.dump(m, Path(folder, 'b') / f'a.{1 + 1 and \"x\"}')", None),
        ("n = 3\njoblib.dump(m, folder / f'a{number}.joblib')", "a7.joblib"),
        ("joblib.dump(m, os.path.join(text, 'a'))", "a"),
        ("joblib.dump(m, text + '/' + 'a')", "a"),
        ("with open(folder / 'a', 'wb') as f:\n    pickle.dump(m, f)", "a"),
        ("with (folder / 'a').open('wb') as f:\n    pickle.dump(m, f)", "a"),
        ("pickle.dump(m, open(text + '/a', 'wb'))", "a"),
        ("pickle.dump(m, opened)", "opened"),
        ("save(m, folder / 'a')", "a"),
        ("joblib.dump(m, unknown())", None),
        ("joblib.dump(m, f'{huge}')", None),
        ("joblib.dump(m, f'{1.5}')", None),
    ],
)
def test_saves_are_read(
    cells: Cells, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, name: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    with (tmp_path / "opened").open("wb") as opened:
        cells.space.update(text=str(tmp_path), number=7, opened=opened, huge=10**6_000)
        (fact,) = cells.read(source)["files"]
    assert fact["action"] == "save"
    assert cells.name(fact["token"]) == "m" or "save(" in source
    assert fact["path"] == (None if name is None else str(tmp_path / name))
    assert fact["touched"] == (name == "opened")


def test_loads_are_read(cells: Cells, tmp_path: Path) -> None:
    joblib.dump(cells.m, tmp_path / "a")
    (fact,) = cells.read("m = joblib.load(folder / 'a')")["files"]
    assert (fact["action"], fact["name"], fact["path"], fact["touched"]) == (
        "load",
        "m",
        str(tmp_path / "a"),
        True,
    )
    assert cells.name(fact["token"]) == "m"
    (fact,) = cells.read("m = joblib.load(folder / 'none')")["files"]
    assert not fact["touched"]


def test_no_code_of_the_user_is_run(cells: Cells, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even if it replaces something that the reader knows."""
    ran: list[str] = []

    def fail_if_called(name: str) -> Any:
        return lambda *a, **k: ran.append(name)

    class Raw(__import__("io").RawIOBase):  # type: ignore[misc]
        name = property(fail_if_called("name"))

        def writable(self) -> bool:
            return True

    module_with_getattr = types.ModuleType("lazy")
    module_with_getattr.__dict__["__getattr__"] = fail_if_called("module __getattr__")
    cells.space.update(f=__import__("io").BufferedWriter(Raw()), lazy=module_with_getattr, text="a")
    with monkeypatch.context() as patched:
        patched.setattr(joblib, "dump", fail_if_called("dump"))
        for source in (
            "pickle.dump(m, f)",
            "lazy.thing.fit()",
            "joblib.dump(m, os.path.join(text, 'x'))",
            "pickle.dump(m, open('x', 'wb'))",
        ):
            cells.reader.read(source, 0.0)
    assert ran == []


def test_a_wrapper_s_globals_run_nothing(cells: Cells) -> None:
    """A library's wrapper may have a dict of its own for its globals, and any object for its ``__name__``."""
    ran: list[str] = []

    class Name:
        def __eq__(self, other: object) -> bool:
            ran.append("__eq__")
            return True

        __hash__ = None  # type: ignore[assignment]

    class Space(dict[str, Any]):
        def get(self, *_: Any) -> Any:
            ran.append("get")

    code = compile("def kept(m): ...", "/usr/lib/python3/dist-packages/kept.py", "exec").co_consts[0]
    wrapper = types.FunctionType(code, Space(__name__=Name()))
    wrapper.__wrapped__ = cells.space["train"]  # type: ignore[attr-defined]
    cells.space["kept"] = wrapper

    read = cells.reader.read("kept(m)", 0.0)["code"]

    assert ran == []
    assert [(m["method"], m["inside"], m["sure"]) for m in read["methods"]] == [("fit", "train", False)]
    assert read["keeps_results"]
    assert not read["complete"]


@pytest.mark.fault(30)
def test_reading_emits_no_warning_and_leaves_the_filters_unchanged(
    cells: Cells, capfd: pytest.CaptureFixture[str]
) -> None:
    """The user has seen the parser's warnings already; repeating them would be the probe's doing."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        before, version = list(warnings.filters), getattr(warnings, "_filters_version", None)
        read = cells.read("p = '\\d'\nm.fit(X, y) if 1 is 1else 0")
        assert warnings.filters == before
        assert getattr(warnings, "_filters_version", None) == version
    assert caught == []
    assert read["methods"]
    assert capfd.readouterr() == ("", "")


def test_a_changed_file_is_read_again(cells: Cells) -> None:
    cells.run("def learn(m):\n    m.fit(X)")
    assert cells.methods("learn(m)") == [("fit", "m", "learn")]
    name = cells.space["learn"].__code__.co_filename
    source = "def learn(m):\n    m.partial_fit(X)"
    linecache.cache[name] = (len(source), 1.0, source.splitlines(keepends=True), name)
    assert cells.methods("learn(m)") == [("partial_fit", "m", "learn")]


def test_a_function_without_source_is_read_by_its_names(cells: Cells) -> None:
    exec(compile("def hidden(m):\n    m.fit(X)", "<nowhere>", "exec"), cells.space)
    assert cells.methods("hidden(m)") == [("fit", "None", "hidden")]
    assert not cells.complete("hidden(m)")


def test_reading_out_of_time_is_incomplete(cells: Cells, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cell_notes, "SECONDS", -1.0)
    assert not cells.complete("m.fit(X)")


@pytest.mark.proof
def test_a_long_cell_takes_bounded_time(cells: Cells, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    start = time.process_time()
    cells.reader.read("train(m)\n" * 7_000, 0.0)
    cells.reader.read("x = [" + "1," * 30_000 + "]", 0.0)
    assert time.process_time() - start < 2.0


ROUNDABOUT = """
import functools, io, operator

def timed(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        finally:
            print(function.__name__)
    return wrapper

@timed
def learn(model, *, data=None):
    return model.fit(data, y)

def outer(model):
    def inner(n=1):
        return model.partial_fit(X, y)
    return inner()

@functools.lru_cache(maxsize=None)
def cached(alpha):
    return m.fit(X, y)

class Call:
    def __call__(self, model): return model.fit(X, y)

bound, part, call = m.fit, functools.partial(train, m), Call()
buffer = io.BytesIO()
"""


@pytest.mark.parametrize(
    ("source", "methods"),
    [
        ("learn(m)", [("fit", "m", "learn")]),
        ("learn(other, data=X)", [("fit", "other", "learn")]),
        ("outer(other)", [("partial_fit", "other", "inner")]),
        ("cached(1.0)", [("fit", "m", "cached")]),
        ("call(m)", [("fit", "m", "__call__")]),
        ("bound(X, y)", [("fit", "m", None)]),
        ("part()", [("fit", "m", "train")]),
        ("getattr(m, 'fit')(X, y)", [("fit", "m", None)]),
        ("SGDClassifier.partial_fit(other, X, y)", [("partial_fit", "other", None)]),
        ("operator.methodcaller('fit', X, y)(m)", [("fit", "m", None)]),
        ("list(map(operator.methodcaller('fit', X, y), [m]))", [("fit", "None", None)]),
    ],
)  # fmt: skip
def test_indirect_calls_are_followed(
    cells: Cells, source: str, methods: list[tuple[str, str | None, str | None]]
) -> None:
    cells.space["m"] = cells.m
    cells.run(ROUNDABOUT)

    assert cells.methods(source) == methods


@pytest.mark.parametrize(
    ("source", "written"),
    [
        ("m.coef_, m.intercept_ = 1, 2", {"coef_", "intercept_"}),
        ("[m.coef_, *m.rest_] = 1, 2, 3", {"coef_", "rest_"}),
        ("setattr(m, 'coef_', 1)", {"coef_"}),
        ("delattr(m, 'coef_')", {"coef_"}),
    ],
)
def test_other_ways_to_write_attributes_are_read(cells: Cells, source: str, written: set[str]) -> None:
    assert {name for _, name in cells.read(source)["assigned"]} == written


def test_a_name_that_is_set_through_computed_text_is_not_reported(cells: Cells) -> None:
    read = cells.read("for name in 'ab': setattr(m, name + '_', 1)")
    assert read["assigned"] == []
    assert not read["complete"]


@pytest.mark.parametrize(
    "source",
    [
        "for name, model in models.items():\n    joblib.dump(model, f'{name}.joblib')",
        "for i, model in enumerate(several): pickle.dump(model, open(f'{i}.pkl', 'wb'))",
        "for path, model in zip(['a'], several): save(model, path)",
        "[joblib.dump(model, f'{name}.joblib') for name, model in models.items()]",
        "{name: save(model, name) for name, model in models.items()}",
        "for model in [m]: save(model, 'a')",
    ],
)
def test_saves_in_a_loop_are_resolved(cells: Cells, source: str) -> None:
    saves = [f for f in cells.read(source)["files"] if f["action"] == "save"]
    assert "m" in [cells.name(f["token"]) for f in saves]
    assert all(f["path"] for f in saves if f["token"] is not None)


def test_a_buffer_in_memory_is_not_a_file(cells: Cells) -> None:
    cells.run(ROUNDABOUT)
    assert cells.read("pickle.dump(m, buffer)")["files"] == []
    read = cells.read("c = pickle.load(buffer)")
    assert (read["files"], read["copies"]) == ([], ["pickle.load"])
    assert cells.read("pickle.dump(m, io.BytesIO())")["files"] == []


def test_a_script_that_is_run_is_read(cells: Cells, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("from sklearn.linear_model import LogisticRegression\nm.fit(X, y)\n")
    assert cells.methods(f"%run {script}") == [("fit", "m", None)]
    assert cells.methods(f"%run -i {tmp_path / 'train'} --fast") == [("fit", "m", None)]
    assert not cells.complete(f"%run {tmp_path / 'nowhere'}")


def test_a_module_that_is_reloaded_runs_once_more(cells: Cells, tmp_path: Path) -> None:
    path = tmp_path / "reloaded_helpers.py"
    path.write_text("def train():\n    m.fit()\ntrain()\n")
    helpers = types.ModuleType("reloaded_helpers")
    helpers.__dict__.update(__file__=str(path), m=cells.m)
    cells.space["helpers"] = helpers
    cells.run("import importlib")

    assert cells.methods("importlib.reload(helpers)") == [("fit", "m", "train")]


def test_a_pipe_is_not_read_as_a_script(cells: Cells, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    assert not cells.complete(f"%run {tmp_path / 'pipe.py'}")


def test_a_helper_module_s_function_is_read_with_its_own_names(
    cells: Cells, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "helpers_of_mine.py").write_text(
        "import pickle as p\n\ndef keep(model, path):\n    with open(path, 'wb') as f:\n        p.dump(model, f)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    cells.run("import helpers_of_mine")
    (saved,) = cells.read("helpers_of_mine.keep(m, 'm.pkl')")["files"]
    assert (saved["action"], cells.name(saved["token"]), Path(saved["path"]).name) == ("save", "m", "m.pkl")


def test_a_name_that_the_cell_rebinds_later_does_not_show_what_it_held(cells: Cells) -> None:
    cells.run("m.fit_before = 1")
    assert cells.methods("m.fit(X, y)\nm = other") == [("fit", "None", None)]
    assert cells.methods("m = other\nm.fit(X, y)") == [("fit", "m", None)]
    assert cells.methods("if X:\n    m.fit(X, y)\nfor m in several: pass") == [("fit", "None", None)]
    assert cells.methods("m.fit(X, y)\ndef f():\n    m = 1") == [("fit", "m", None)]


def test_a_class_method_of_a_base_is_followed(cells: Cells) -> None:
    cells.run(
        "class Kept:\n    @classmethod\n    def load(cls, path):\n        return pickle.load(open(path, 'rb'))\n"
        "class Own(Kept): pass"
    )
    (load,) = cells.read("t = Own.load('m.pkl')")["files"]
    assert (load["action"], Path(load["path"]).name) == ("load", "m.pkl")


def test_a_method_that_sets_an_attribute_still_knows_its_object(cells: Cells) -> None:
    cells.run(
        "class Runner:\n"
        "    def __init__(self): self.model = m\n"
        "    def go(self):\n"
        "        self.data, self.n = X, 1\n"
        "        self.model.fit(self.data, y)\n"
        "runner = Runner()"
    )
    assert cells.methods("runner.go()") == [("fit", "m", "go")]


def test_a_user_s_fit_reports_what_it_fits_but_not_its_own_steps(cells: Cells) -> None:
    cells.run(
        "from sklearn.base import BaseEstimator, clone\n"
        "class Thin(BaseEstimator):\n"
        "    def __init__(self, inner=None): self.inner = inner\n"
        "    def fit(self, X, y=None):\n"
        "        self.partial_fit(X)\n"
        "        self.other_ = clone(self.inner).fit(X, y)\n"
        "        self.inner.fit(X, y)\n"
        "    def partial_fit(self, X): pass\n"
        "thin = Thin(m)"
    )
    cells.look.scan()
    assert cells.methods("thin.fit(X)") == [("fit", "thin", None), ("fit", "m", "fit")]
    assert cells.complete("thin.fit(X)")


def test_a_name_for_a_bound_method_is_followed_to_its_object(cells: Cells) -> None:
    cells.run("quiet = Quiet(m)\nrun, learn, later = quiet.run, m.fit, functools.partial(train, m)")

    assert ("fit", "m", "run") in cells.methods("run()")
    assert cells.methods("learn(X, y)") == [("fit", "m", None)]
    assert cells.methods("later()") == [("fit", "m", "train")]


def test_a_method_that_is_looked_up_by_name_may_be_called(cells: Cells) -> None:
    assert cells.methods("reset = getattr(m, 'reset_parameters', None)") == [
        ("reset_parameters", "None", None)
    ]
    assert not cells.complete("learn = getattr(m, 'fit')")


def test_a_new_object_s_methods_are_followed_to_what_it_holds(cells: Cells) -> None:
    cells.run(
        "class Fluent(Quiet):\n    def fit(self):\n        self.m.fit(X, y)\n        return self\nf = Fluent(m)"
    )

    assert cells.methods("f = Fluent(m).fit()") == [("fit", "m", "fit")]
    assert cells.methods("Fluent(m).fit()") == [("fit", "None", "fit")]


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("w -= 0.1 * w.grad", "gradient step"),
        ("w.sub_(0.1 * w.grad)", "gradient step"),
        ("w.add_(w.grad, alpha=-0.1)", "gradient step"),
        ("w -= 1", "value"),
        ("w.zero_()", "value"),
        ("w.assign_sub(0.1)", "value"),
    ],
)
def test_a_write_into_an_unknown_tensor_is_reported_with_its_kind(
    cells: Cells, source: str, kind: str
) -> None:
    cells.space["w"] = 1.0

    code = cells.read(source)
    assert (code["tensor_writes"], code["gradients"], code["methods"]) == ([kind], False, [])


@pytest.mark.parametrize(
    "source",
    [
        "w.backward()",
        "os.grad(loss, [w])",
        "unheard_of.backward()",
        "grads = w.gradient(loss, [w])",
    ],
)
def test_a_cell_that_computes_gradients_is_reported_as_one(cells: Cells, source: str) -> None:
    cells.space["w"] = 1.0

    code = cells.read(source)
    assert (code["tensor_writes"], code["gradients"], code["methods"]) == ([], True, [])


def test_a_step_by_gradients_is_reported_without_knowing_of_which_weights(cells: Cells) -> None:
    cells.space["w"] = 1.0

    assert cells.methods("w.apply_gradients(zip(grads, [w]))") == [("apply_gradients", "None", None)]


def test_a_gradient_of_an_array_library_is_not_training(cells: Cells) -> None:
    assert not cells.read("os.gradient([1.0, 2.0])")["gradients"]


def test_copying_a_model_s_attribute_does_not_copy_the_model(cells: Cells) -> None:
    assert cells.read("best = copy.deepcopy(m.get_params())")["copies"] == []
    assert cells.read("best = copy.deepcopy(m)")["copies"] == ["copy.deepcopy"]
