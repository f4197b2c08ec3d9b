"""Tests what the source of a cell alone says about a re-run."""

from __future__ import annotations

from time import process_time

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from kernelscope.cellcode.definitions import NotebookDefinitions
from kernelscope.cellcode.reader import read_cell


@pytest.mark.parametrize(
    ("code", "origin"),
    [
        ("m = Ridge()", "new"),
        ("m = lm.Ridge().fit(X, y)", "new"),
        ("m = [Ridge(), Ridge()]", "new"),
        ("m = {k: Ridge(alpha=k) for k in (1, 2)}", "new"),
        ("m = joblib.load('a')['model']", "new"),
        ("m = copy.deepcopy(a)", "new"),
        ("m = GridSearchCV(a, {}).fit(X, y).best_estimator_", "new"),
        ("m = a", "alias"),
        ("m = models['lr']", "alias"),
        ("m = 3", "constant"),
        ("m = get()", "perhaps stored"),
        ("m = models[best]", "item"),
        ("m = models.get('a')", "conditional"),
        ("m = a if a else Ridge()", "conditional"),
        ("first, *rest = models", "loop"),
    ],
)
def test_the_origin_of_a_binding_is_read(code: str, origin: str) -> None:
    assert read_cell(code).bindings[0].origin == origin


@pytest.mark.parametrize(
    ("definition", "origin"),
    [
        ("def make():\n    return Ridge()", "new"),
        ("def make():\n    m = Ridge()\n    m.fit(X, y)\n    return m", "new"),
        ("def make():\n    m = Ridge()\n    return m.fit(X, y)", "new"),
        ("def make():\n    return Ridge(), Lasso()", "new"),
        ("def make(a=1):\n    if a:\n        return Ridge()\n    return Lasso()", "new"),
        ("@cache\ndef make():\n    return Ridge()", "perhaps stored"),
        ("def make():\n    return KEPT['a']", "perhaps stored"),
        ("def make():\n    return KEPT[a]", "perhaps stored"),
        ("def make():\n    return model", "perhaps stored"),
        ("def make():\n    global m\n    m = m or Ridge()\n    return m", "conditional"),
        ("def make():\n    return make()", "perhaps stored"),
        ("class make:\n    pass", "new"),
        ("class make(metaclass=Single):\n    pass", "perhaps stored"),
        ("class make:\n    def __new__(cls):\n        return cls.one", "perhaps stored"),
    ],
)
def test_the_result_of_a_user_s_function_is_read(definition: str, origin: str) -> None:
    assert read_cell("m = make()", NotebookDefinitions([definition])).bindings[-1].origin == origin


def test_a_function_that_gets_a_class_may_create_it() -> None:
    train = "def train(cls, **kw):\n    m = cls(**kw)\n    m.fit(X, y)\n    return m"

    assert read_cell("m = train(Ridge, alpha=2)", NotebookDefinitions([train])).bindings[0].origin == "new"
    assert read_cell("m = train(kept)", NotebookDefinitions([train])).bindings[0].origin == "perhaps stored"


def test_a_function_binds_its_globals() -> None:
    make = "def make():\n    global m\n    other = 1\n    m = Ridge()"

    bindings = read_cell("make()", NotebookDefinitions([make])).bindings

    assert [(b.target, b.origin) for b in bindings] == [("m", "new")]


@pytest.mark.parametrize(
    "code",
    ["", "m = (", "%%bash\nls", "\x00", "x" * 100_000 + "(", "(" * 5_000],
    ids=["nothing", "broken", "another language", "a NUL", "long", "deep"],
)
def test_source_that_is_not_python_has_no_effects(code: str) -> None:
    assert read_cell(code).bindings == ()


def test_magics_are_left_out() -> None:
    effects = read_cell("%%time\n%matplotlib inline\n!ls\nm = Ridge()")

    assert (effects.readable, [b.target for b in effects.bindings]) == (True, ["m"])


@pytest.mark.parametrize(
    ("code", "needs", "consumes"),
    [
        ("m.fit(X, y)", {"m", "X", "y"}, ()),
        ("m = Ridge()\nm.fit(X)", {"Ridge", "X"}, ()),
        ("for m in models:\n    m.fit(X)", {"models", "X"}, ()),
        ("total += 1", {"total"}, ()),
        ("del m", set(), ("m",)),
        ("del m\nm = Ridge()", {"Ridge"}, ()),
        ("m = 1\ndel m", set(), ()),
        ("def f():\n    return hidden", set(), ()),
    ],
)
def test_names_that_a_cell_needs_and_consumes_are_read(
    code: str, needs: set[str], consumes: tuple[str, ...]
) -> None:
    effects = read_cell(code)

    assert (set(effects.needs), effects.consumes) == (needs, consumes)


@pytest.mark.parametrize(
    ("code", "conditional"),
    [
        ("m.fit(X)", False),
        ("if a:\n    m.fit(X)", True),
        ("if a:\n    m.fit(X)\nm.fit(X)", False),
        ("for i in range(3):\n    m.fit(X)", False),
        ("while a:\n    m.fit(X)", True),
        ("a and m.fit(X)", True),
        ("try:\n    use(m)\nexcept ValueError:\n    m.fit(X)", True),
        ("def f():\n    if a:\n        m.fit(X)\nf()", True),
        ("def f():\n    m.fit(X)\nif a:\n    f()", True),
        ("def f():\n    m.fit(X)\nf()", False),
        ("other.fit(X)\nif a:\n    m.fit(X)", True),
    ],
)
def test_conditional_calls_are_recognized(code: str, conditional: bool) -> None:
    assert read_cell(code).is_conditional("fit", {"m"}) is conditional


def test_a_loop_through_an_iterator_is_conditional() -> None:
    code = "for b in batches:\n    m.partial_fit(b)"

    for definitions in (
        "batches = iter(data)",
        "batches = (b for b in data)",
        "def g():\n    yield 1\nbatches = g()",
    ):
        assert read_cell(code, NotebookDefinitions([definitions])).is_conditional("partial_fit", {"m"})
    assert not read_cell(code, NotebookDefinitions(["batches = [1, 2]"])).is_conditional("partial_fit", {"m"})


@pytest.mark.parametrize(
    "code",
    [
        "x = '\\d'",
        "m = f" + "(1)" * 1_000,
        "m = f(" + ", ".join(f"g({n})" for n in range(5_000)) + ")",
        "m = " + " + ".join(["a"] * 5_000),
        "m = " + " or ".join(["f()"] * 5_000),
        "if a:\n" + "elif a:\n".join(["    m.fit(X)\n"] * 1_000),
        "m" + ".a" * 2_000 + ".fit(X)",
    ],
    ids=[
        "a warning",
        "calls of calls",
        "many calls",
        "a long sum",
        "a long or",
        "a long elif",
        "a long chain",
    ],
)
def test_odd_source_is_read_or_rejected_in_time(code: str) -> None:
    started = process_time()  # CPU time: the machine may be busy

    assert read_cell(code).settings == ()
    assert process_time() - started < 2.0


MAKES = "m = Ridge().fit(X, y)"


def transform(cell: str) -> str:
    """Make Python of a cell as IPython does."""
    transformers = TransformerManager()  # type: ignore[no-untyped-call] # IPython has few types
    return str(transformers.transform_cell(cell))


@pytest.mark.parametrize(
    "cell",
    [
        f"files = !ls\n{MAKES}",
        f"x = %sql select 1\n{MAKES}",
        f"m?\n{MAKES}",
        f"{MAKES}\nm.fit??",
        f"rest = (7\n  % 4)\n{MAKES}",
        f"%matplotlib inline\n{MAKES}",
        f"%time {MAKES}",
        f"%%time\n{MAKES}",
        f"%%capture shown\n{MAKES}",
        f"%%time\n%timeit -n 1 -r 1 pass\n{MAKES}",
        "m = %time Ridge().fit(X, y)",
        f"if X:\n    !ls\n{MAKES}",
    ],
)
def test_a_cell_is_read_as_ipython_has_transformed_it(cell: str) -> None:
    transformed = transform(cell)
    bindings = [b for b in read_cell(transformed).bindings if b.target == "m"]

    assert [(str(b.origin), b.is_conditional) for b in bindings] == [("new", False)]
    assert "get_ipython" not in read_cell(transformed).needs


@pytest.mark.parametrize(
    "cell", ["%%html\n<b>m = Ridge()</b>", "%%bash\nm=Ridge", "!ls", "%sql m = Ridge()", "m?"]
)
def test_a_cell_that_runs_no_python_binds_nothing(cell: str) -> None:
    effects = read_cell(transform(cell))

    assert effects.readable
    assert effects.bindings == ()
