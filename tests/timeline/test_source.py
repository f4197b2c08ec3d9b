"""What a cell's text alone tells of a second run."""

from __future__ import annotations

from time import process_time

import pytest

from kernelscope.cellcode.source import Surroundings, read, root_of


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("m = Ridge()", "makes"),
        ("m = lm.Ridge().fit(X, y)", "makes"),
        ("m = [Ridge(), Ridge()]", "makes"),
        ("m = {k: Ridge(alpha=k) for k in (1, 2)}", "makes"),
        ("m = joblib.load('a')['model']", "makes"),
        ("m = copy.deepcopy(a)", "makes"),
        ("m = GridSearchCV(a, {}).fit(X, y).best_estimator_", "makes"),
        ("m = a", "alias"),
        ("m = models['lr']", "alias"),
        ("m = 3", "plain"),
        ("m = get()", "may keep"),
        ("m = models[best]", "item"),
        ("m = models.get('a')", "maybe"),
        ("m = a if a else Ridge()", "maybe"),
        ("first, *rest = models", "loop"),
    ],
)
def test_what_a_name_is_bound_to(code: str, kind: str) -> None:
    assert read(code).bindings[0].kind == kind


@pytest.mark.parametrize(
    ("definition", "kind"),
    [
        ("def make():\n    return Ridge()", "makes"),
        ("def make():\n    m = Ridge()\n    m.fit(X, y)\n    return m", "makes"),
        ("def make():\n    m = Ridge()\n    return m.fit(X, y)", "makes"),
        ("def make():\n    return Ridge(), Lasso()", "makes"),
        ("def make(a=1):\n    if a:\n        return Ridge()\n    return Lasso()", "makes"),
        ("@cache\ndef make():\n    return Ridge()", "may keep"),
        ("def make():\n    return KEPT['a']", "may keep"),
        ("def make():\n    return KEPT[a]", "may keep"),
        ("def make():\n    return model", "may keep"),
        ("def make():\n    global m\n    m = m or Ridge()\n    return m", "maybe"),
        ("def make():\n    return make()", "may keep"),
        ("class make:\n    pass", "makes"),
        ("class make(metaclass=Single):\n    pass", "may keep"),
        ("class make:\n    def __new__(cls):\n        return cls.one", "may keep"),
    ],
)
def test_what_a_function_of_the_users_hands_out(definition: str, kind: str) -> None:
    assert read("m = make()", Surroundings([definition])).bindings[-1].kind == kind


def test_a_class_given_to_a_function_is_what_it_makes() -> None:
    train = "def train(cls, **kw):\n    m = cls(**kw)\n    m.fit(X, y)\n    return m"

    assert read("m = train(Ridge, alpha=2)", Surroundings([train])).bindings[0].kind == "makes"
    assert read("m = train(kept)", Surroundings([train])).bindings[0].kind == "may keep"


def test_a_function_binds_its_globals() -> None:
    make = "def make():\n    global m\n    other = 1\n    m = Ridge()"

    told = read("make()", Surroundings([make])).bindings

    assert [(b.target, b.kind) for b in told] == [("m", "makes")]


@pytest.mark.parametrize(
    "code",
    ["", "m = (", "%%bash\nls", "\x00", "x" * 100_000 + "(", "(" * 5_000],
    ids=["nothing", "broken", "another language", "a NUL", "long", "deep"],
)
def test_whatever_is_no_python_is_not_read(code: str) -> None:
    assert read(code).bindings == ()


def test_magics_are_left_out() -> None:
    told = read("%%time\n%matplotlib inline\n!ls\nm = Ridge()")

    assert (told.readable, [b.target for b in told.bindings]) == (True, ["m"])


@pytest.mark.parametrize(
    ("code", "needs", "lost"),
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
def test_what_a_cell_needs_and_what_it_takes_away(code: str, needs: set[str], lost: tuple[str, ...]) -> None:
    told = read(code)

    assert (set(told.needs), told.lost) == (needs, lost)


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
def test_whether_a_condition_decides_about_a_call(code: str, conditional: bool) -> None:
    assert read(code).is_conditional("fit", {"m"}) is conditional


def test_what_is_gone_through_once_is_a_condition() -> None:
    code = "for b in batches:\n    m.partial_fit(b)"

    for made in (
        "batches = iter(data)",
        "batches = (b for b in data)",
        "def g():\n    yield 1\nbatches = g()",
    ):
        assert read(code, Surroundings([made])).is_conditional("partial_fit", {"m"})
    assert not read(code, Surroundings(["batches = [1, 2]"])).is_conditional("partial_fit", {"m"})


@pytest.mark.parametrize(
    ("name", "root"), [("m", "m"), ("models['a.b']", "models"), ("e.model", "e"), ("a[0].b", "a")]
)
def test_the_root_of_a_name(name: str, root: str) -> None:
    assert root_of(name) == root


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
def test_odd_sources_are_read_or_given_up_in_time(code: str) -> None:
    started = process_time()  # not the time of day: others may keep this machine busy

    assert read(code).settings == ()
    assert process_time() - started < 2.0
