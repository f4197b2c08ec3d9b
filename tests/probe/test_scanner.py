from __future__ import annotations

import gc
import json
import time
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from kernelscope.probe import scanner, walk
from kernelscope.probe.names import UserNames
from kernelscope.probe.scanner import NamespaceScanner
from tests.support.probe import make_code_reader, make_scanner

X = np.arange(60.0).reshape(20, 3) % 7
Y = np.arange(20) % 2


class Trainer:
    def __init__(self, model: Any) -> None:
        self.model = model


@pytest.fixture(autouse=True)
def unlimited_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanner, "SECONDS", 120.0)
    monkeypatch.setattr(scanner, "FIRST_SECONDS", 60.0)


def scan(look: NamespaceScanner) -> dict[str, Any]:
    observation: dict[str, Any] = {**look.scan()}
    json.dumps(observation)
    return observation


def test_names_are_found_in_containers_and_attributes() -> None:
    a, b, c = (LogisticRegression() for _ in range(3))
    space = {
        "a": a, "again": a, "d": {"lr": b, 3: c, ("t",): LogisticRegression()}, "l": [1, a, [b]],
        "trainer": Trainer(c), "_": a, "_3": a, "__": b, "_i1": "x", "Out": {3: a}, "In": [a], "_oh": {1: a},
        "__main": a, "n": 3, "f": len, "cls": LogisticRegression, "_private": b,
    }  # fmt: skip
    names = scan(make_scanner(space))["names"]
    assert set(names) == {
        "a", "again", "d['lr']", "d[3]", "l[1]", "l[2][0]", "trainer.model", "__main", "_private",
    }  # fmt: skip
    assert names["a"] == names["again"] == names["l[1]"] == names["__main"]


def test_generations_are_numbered_in_the_order_of_the_namespace() -> None:
    space = {"d": {"x": LogisticRegression()}, "a": LogisticRegression(), "t": Trainer(LogisticRegression())}
    observation = scan(make_scanner(space))
    numbers = {o["token"]: o["generation"] for o in observation["objects"]}
    assert {n: numbers[t] for n, t in observation["names"].items()} == {"d['x']": 1, "a": 2, "t.model": 3}


def test_only_differences_are_reported() -> None:
    space: dict[str, Any] = {"a": LogisticRegression(), "b": SGDClassifier()}
    look = make_scanner(space)
    assert len(scan(look)["objects"]) == 2
    assert scan(look) == {"names": {}, "objects": [], "cut": []}
    space["a"].fit(X, Y)
    second = scan(look)
    assert [o["cls"].rpartition(".")[2] for o in second["objects"]] == ["LogisticRegression"]
    assert second["names"] == {}
    space["b"].set_params(alpha=1.0)
    assert scan(look)["objects"][0]["params"]["alpha"] == 1.0
    del space["b"]
    assert scan(look)["names"] == {"b": None}
    assert set(look.everything()["names"]) == {"a"}


def test_a_new_object_at_the_old_address_is_another_generation() -> None:
    space: dict[str, Any] = {}
    look, addresses, generations = make_scanner(space), set(), set()
    for _ in range(30):
        space.clear()
        space["m"] = SGDClassifier()
        (fact,) = scan(look)["objects"]
        addresses.add(fact["id"])
        generations.add(fact["generation"])
    assert len(addresses) < 30, "no address was reused: the test proves nothing"
    assert generations == set(range(1, 31))


def test_parts_of_composites_are_reported() -> None:
    pipe = Pipeline([("scale", StandardScaler()), ("clf", LogisticRegression())])
    columns = ColumnTransformer([("num", StandardScaler(), [0]), ("rest", "passthrough", [1])])
    search = GridSearchCV(pipe, {"clf__C": [0.1, 1.0]}, cv=2)
    vote = VotingClassifier([("a", LogisticRegression()), ("b", GaussianNB())])
    space = {"pipe": pipe, "columns": columns, "search": search, "vote": vote}
    look = make_scanner(space)
    labels = labels_of(scan(look), look)
    assert labels["pipe"] == ["['scale']", "['clf']"]
    assert labels["columns"] == ["['num']"]
    assert labels["search"] == [".estimator"]
    assert labels["vote"] == ["['a']", "['b']"]
    for model in (columns, search, vote):
        model.fit(X, Y)
    labels = labels_of(scan(look), look)
    assert ".best_estimator_" in labels["search"]
    assert {".estimators_[0]", ".estimators_[1]"} <= set(labels["vote"])
    pipe.named_steps["clf"].C = 7.0
    changed = scan(look)["objects"]
    assert [o["params"].get("C") for o in changed] == [7.0]


def labels_of(observation: dict[str, Any], look: NamespaceScanner) -> dict[str, list[str]]:
    records = {o["token"]: o for o in look.everything()["objects"]}
    return {n: [p["label"] for p in records[t]["parts"]] for n, t in look.names.items()}


@pytest.mark.fault(67)
def test_a_composite_may_contain_itself() -> None:
    pipe = Pipeline([("a", StandardScaler())])
    pipe.steps.append(("self", pipe))
    search = GridSearchCV(pipe, {})
    search.estimator = search
    loop: list[Any] = [pipe]
    loop.append(loop)
    look = make_scanner({"pipe": pipe, "search": search, "loop": loop})
    assert set(scan(look)["names"]) == {"pipe", "search", "loop[0]"}
    assert scan(look)["objects"] == []


MODELS: list[Any] = [
    LogisticRegression, SGDClassifier, StandardScaler, PCA, GaussianNB, KNeighborsClassifier, SVC,
    DecisionTreeClassifier, lambda: RandomForestClassifier(5), lambda: GradientBoostingClassifier(n_estimators=3),
    # Both run lscpu to count the cores.
    *(pytest.param(m, marks=pytest.mark.kernel) for m in (KMeans, lambda: HistGradientBoostingClassifier(max_iter=2))),
    lambda: IsolationForest(n_estimators=3),
    lambda: MLPClassifier(max_iter=1), GaussianProcessClassifier,
    lambda: Pipeline([("a", StandardScaler()), ("b", LogisticRegression())]),
    lambda: GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2),
    lambda: VotingClassifier([("a", GaussianNB())]),
]  # fmt: skip


@pytest.mark.parametrize("make", MODELS, ids=lambda m: type(m()).__name__)
@pytest.mark.filterwarnings("ignore")
def test_the_scanner_keeps_nothing_alive(make: Callable[[], Any]) -> None:
    """A model and what it learned are freed as early as without the probe."""
    space: dict[str, Any] = {"m": make(), "d": {"k": [make()]}}
    look = make_scanner(space)
    reader = make_code_reader(space, look)
    scan(look)
    space["m"].fit(X, Y)
    scan(look)
    reader.read("m.fit(X, Y); d['k'][0].score(m)", 0.0)
    scan(look)
    gc.collect()
    gc.disable()
    try:
        references = [weakref.ref(space["m"])]
        references += [
            weakref.ref(v) for v in vars(space["m"]).values() if type(v) is np.ndarray and v is not X
        ]
        space["m"] = None
        assert references[0]() is None, "freed by its reference count, not by the collector"
    finally:
        gc.enable()
    gc.collect()
    assert [r() for r in references if r() is not None] == []
    assert scan(look)["names"] == {"m": None}


def test_a_limit_on_nodes_hides_no_global_and_hidden_names_do_not_count_as_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    boxes: dict[str, Any] = {f"box{i}": [LogisticRegression()] for i in range(20)}
    space = {**boxes, "m": LogisticRegression()}
    look = make_scanner(space)
    assert len(scan(look)["names"]) == 21
    monkeypatch.setattr(walk, "MOST_NODES", 5)
    look.walks._is_limited = True  # so that all globals are walked again, and the new bound applies to them
    space["box18"][0] = LogisticRegression()
    del space["box0"], space["box19"]
    space["m"] = LogisticRegression()
    observation = scan(look)
    assert observation["cut"] == ["what lies in containers beyond the first 5"]
    assert observation["names"].pop("m") is not None, "a global is scanned nevertheless"
    assert observation["names"] == {"box0[0]": None, "box18[0]": None, "box19[0]": None}
    assert observation["unreached"] == ["box18[0]"], (
        "it may hold another model; the globals of the others are gone"
    )
    assert not look.reached_again
    monkeypatch.undo()
    space["another"] = []  # nothing is walked again while nothing differs
    observation = scan(look)
    assert observation["cut"] == []
    assert list(observation["names"]) == ["box18[0]"]
    assert look.reached_again
    assert len(look.everything()["names"]) == 19
    assert scan(look) == {"names": {}, "objects": [], "cut": []}
    assert not look.reached_again


def test_names_hidden_by_a_limit_on_models_do_not_count_as_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    space: dict[str, Any] = {f"m{i}": LogisticRegression() for i in range(8)}
    look = make_scanner(space)
    scan(look)
    monkeypatch.setattr(walk, "MOST_MODELS", 5)
    space["m7"] = LogisticRegression()
    observation = scan(look)
    assert observation["cut"] == ["models beyond the first 5"]
    assert (observation["names"], observation["unreached"]) == ({"m7": None}, ["m7"]), (
        "the others are unchanged"
    )
    monkeypatch.undo()
    space["another"] = []  # nothing is walked again while nothing differs
    assert list(scan(look)["names"]) == ["m7"]


def test_thousands_of_small_containers_hide_no_global() -> None:
    space: dict[str, Any] = {f"l{i}": [i] for i in range(4_200)}
    space["model"] = LogisticRegression()
    look = make_scanner(space)
    assert list(scan(look)["names"]) == ["model"]
    assert look.cut == ["what lies in containers beyond the first 4,000"]
    space["model"] = LogisticRegression()
    assert list(scan(look)["names"]) == ["model"]


@pytest.mark.proof
def test_one_deep_value_leaves_room_for_the_names_beside_it() -> None:
    space = {"records": [[[[0, []] for _ in range(64)] for _ in range(64)] for _ in range(64)]}
    space |= {"m": LogisticRegression()}
    observation = scan(make_scanner(space))
    assert set(observation["names"]) == {"m"}
    assert observation["cut"] == ["what lies in containers beyond the first 4,000"]


@pytest.mark.proof
def test_one_big_container_does_not_hide_the_others() -> None:
    nest = {i: {j: [LogisticRegression() for _ in range(20)] for j in range(20)} for i in range(20)}
    look = make_scanner(
        {"d": {"a": {"b": LogisticRegression()}}, "nest": nest, "late": {"m": LogisticRegression()}}
    )
    observation = scan(look)
    assert {"d['a']['b']", "late['m']"} <= set(observation["names"])
    assert observation["cut"]


@pytest.mark.proof
def test_what_ipython_adds_with_each_run_is_not_scanned() -> None:
    """Neither IPython's own names, nor models that only ``Out`` still keeps."""
    out: dict[int, Any] = {}
    space: dict[str, Any] = {"In": [], "Out": out, "m": LogisticRegression(), "_i": ""}
    look = make_scanner(space)
    visited = []
    for run in range(1, 3_001):
        space[f"_i{run}"] = "m = LogisticRegression(); m"
        space["m"] = out[run] = space[f"_{run}"] = LogisticRegression()
        assert list(scan(look)["names"]) == ["m"]
        visited.append(look.visited)
    assert max(visited[100:]) <= max(visited[:100]), "the maximum of the first hundred looks"
    assert max(visited) < 30
    out.clear()
    for run in range(1, 3_001):
        del space[f"_{run}"]
    for _ in range(300):
        scan(look)
    assert len(look.tracked) == 1, "objects that died unseen are forgotten in time"


def test_names_keep_the_order_of_the_namespace_however_it_changes() -> None:
    """A name that was deleted and added again comes last; deleting one of IPython's own names is harmless."""
    space: dict[Any, Any] = {"a": 1, "_i1": "", "b": 2, "c": 3}
    names = UserNames(space)
    # What each step deletes, and what it then adds.
    steps: dict[str, tuple[list[str], dict[Any, Any]]] = {
        "as it was": ([], {}),
        "run 2": ([], {"_i2": "", "d": 4}),
        "again": (["a"], {"e": 5, "a": 6}),
        "the last one": (["a"], {"f": 7, "a": 8}),
        "the input": (["_i2"], {"g": 9}),
        "run 3": (["b"], {"_i3": "", "_3": 10, "b": 11, 5: 12, "x" * 300: 13}),
        "reset": ([*"acdefgb", "_i1", "_i3", "_3"], {"z": 14}),
    }
    for what, (taken, added) in steps.items():
        for name in taken:
            del space[name]
        space.update(added)
        plain = [
            (k, v) for k, v in space.items() if type(k) is str and not k.startswith("_") and len(k) < 300
        ]
        assert list(zip(*names.read(), strict=True)) == plain, what


def test_a_name_like_ipython_s_that_the_user_adds_again_hides_nothing() -> None:
    space: dict[str, Any] = {"_i1": "", "_i0": 5}
    names = UserNames(space)
    assert list(zip(*names.read(), strict=True)) == []
    del space["_i0"]
    space.update({"model": 1, "_i0": 6})
    assert list(zip(*names.read(), strict=True)) == [("model", 1)]


class Equal(str):
    """A key that is not a plain string and compares by its own code."""

    __slots__ = ()
    comparisons = 0

    def __hash__(self) -> int:
        return hash("model")

    def __eq__(self, other: object) -> bool:
        Equal.comparisons += 1
        return False


def test_a_key_that_is_not_a_plain_string_is_not_compared() -> None:
    space: dict[Any, Any] = {Equal("other"): 0, "model": 1, "_i1": ""}
    names = UserNames(space)
    Equal.comparisons = 0
    assert list(zip(*names.read(), strict=True)) == [("model", 1)]
    space.__setitem__("second", 2)
    assert list(zip(*names.read(), strict=True)) == [("model", 1), ("second", 2)]
    assert Equal.comparisons == 0


def test_containers_of_many_models_are_cut() -> None:
    many: dict[str, Any] = {f"k{i}": LogisticRegression() for i in range(100)}
    look = make_scanner({"many": many})
    observation = scan(look)
    assert len(observation["names"]) == 64
    assert observation["cut"] == ["many: all but 64 of its 100 items"]
    many["k5"] = many.pop("k5")  # now last, beyond the limit
    assert "many['k5']" not in scan(look)["names"]
    del many["k7"]
    observation = scan(look)
    assert observation["names"]["many['k7']"] is None
    assert "unreached" not in observation, "it is not beyond the limit, either"
    many["k8"] = LogisticRegression()
    del many["k9"]
    many["k9"] = LogisticRegression()
    observation = scan(look)
    assert observation["names"]["many['k8']"] is not None
    assert observation["unreached"] == ["many['k9']"], "beyond the limit"


def test_a_list_of_numbers_costs_nothing_and_is_not_cut() -> None:
    space = {"l": list(range(10**6)), "d": dict.fromkeys(range(10**6)), "t": tuple("x" * 10**5)}
    look = make_scanner(space)
    start = time.process_time()
    for _ in range(20):
        assert scan(look) == {"names": {}, "objects": [], "cut": []}
    assert time.process_time() - start < 0.1


def test_a_look_out_of_time_reports_it_and_the_next_one_completes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    space = {f"m{i}": LogisticRegression().fit(X, Y) for i in range(3)}
    look = make_scanner(space)
    monkeypatch.setattr(scanner, "SECONDS", -1.0)
    observation = scan(look)
    assert len(observation["names"]) == 3
    assert all("coef_" in o["not_evaluated"] and not o["learned"] for o in observation["objects"])
    again = scan(look)
    assert again["names"] == {}
    assert again["not_compared"]["models"] == 3
    monkeypatch.undo()
    monkeypatch.setattr(scanner, "SECONDS", 60.0)
    observation = scan(look)
    assert observation["names"] == {}
    assert all(not o["not_evaluated"] and o["learned"]["coef_"]["digest"] for o in observation["objects"])


def test_the_next_look_reports_what_an_interrupted_look_did_not(monkeypatch: pytest.MonkeyPatch) -> None:
    space = {"a": LogisticRegression(), "b": LogisticRegression()}
    look = make_scanner(space)
    scan(look)
    space["a"].fit(X, Y)
    space["b"].fit(X, Y)
    with monkeypatch.context() as broken:
        looked = []

        def raise_at_second(obj: Any, references: Any) -> bool:
            looked.append(obj)
            if len(looked) == 2:
                raise KeyboardInterrupt
            return False

        broken.setattr(look.describer, "is_unchanged", raise_at_second)
        with pytest.raises(KeyboardInterrupt):
            look.scan()
    assert {o["generation"] for o in scan(look)["objects"]} == {1, 2}


def test_strange_keys_and_attributes_are_harmless() -> None:
    model = LogisticRegression()
    model.__dict__[3] = model.__dict__["n" * 10_000] = 1
    pipe = Pipeline([("s" * 10_000, LogisticRegression())])
    space: dict[Any, Any] = {
        "m": model, "p": pipe, "d": {10**6_000: LogisticRegression(), "k" * 10**6: LogisticRegression()},
        3: LogisticRegression(), "x" * 10**6: LogisticRegression(),
    }  # fmt: skip
    look = make_scanner(space)
    observation = scan(look)
    assert set(observation["names"]) == {"m", "p"}
    assert len(json.dumps(observation)) < 20_000
    assert scan(look)["objects"] == []


@pytest.mark.proof
def test_an_unchanged_look_is_cheap() -> None:
    space: dict[str, Any] = {f"m{i}": GaussianNB().fit(X, Y) for i in range(100)}
    look = make_scanner(space)
    scan(look)
    best = min(_timed(look) for _ in range(20))
    assert best < 0.02, f"{best * 1000:.1f} ms"


def _timed(look: NamespaceScanner) -> float:
    start = time.process_time()
    look.scan()
    return time.process_time() - start


def test_given_a_search_whose_masked_arrays_were_shown_when_looked_at_again_then_nothing_differs() -> None:
    search = GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 2]}, cv=2).fit(X, Y)
    look = make_scanner({"search": search})
    before = look.scan()["objects"]

    repr(search.cv_results_)  # sets `_fill_value` of a masked array, as scikit-learn's HTML does
    search.cv = 3
    scan = [o for o in look.scan()["objects"] if "GridSearchCV" in o["cls"]]

    earlier = next(o for o in before if "GridSearchCV" in o["cls"])
    assert scan[0]["learned"]["cv_results_"]["digest"] == earlier["learned"]["cv_results_"]["digest"]


def test_given_a_big_forest_when_a_name_reaches_a_tree_then_it_was_known_as_a_part() -> None:
    names: dict[str, Any] = {"rf": RandomForestClassifier(20, random_state=0).fit(X, Y)}
    look = make_scanner(names)
    look.scan()
    names["tree"] = names["rf"].estimators_[7]
    scan = {o["cls"].rpartition(".")[2]: o for o in look.scan()["objects"]}

    assert scan["DecisionTreeClassifier"]["known"] == "part"
    assert ".estimators_[7]" in [p["label"] for p in scan["RandomForestClassifier"]["parts"]]


def test_given_a_forest_grown_in_this_run_when_a_name_reaches_a_tree_then_it_was_not_known() -> None:
    names: dict[str, Any] = {"rf": RandomForestClassifier(20, random_state=0).fit(X, Y)}
    look = make_scanner(names)
    look.scan()
    names["tree"] = names["rf"].fit(X, Y).estimators_[7]
    scan = [o for o in look.scan()["objects"] if o["token"] == look.names["tree"]]

    assert [o["known"] for o in scan] == [""]


def test_given_a_local_model_that_was_numbered_when_a_name_reaches_it_then_it_was_known_as_local() -> None:
    names: dict[str, Any] = {}
    local = LogisticRegression().fit(X, Y)
    look = make_scanner(names)
    look.scan()
    number = look.number(local)
    look.scan()
    names["m"] = local
    (scan,) = look.scan()["objects"]

    assert (scan["known"], scan["generation"]) == ("local", number)


@pytest.mark.proof
def test_every_global_is_reached_whatever_comes_before_it() -> None:
    """Nested containers exhaust the limit of their own level only, and hide no name beside them."""
    space: dict[str, Any] = {f"grid{i}": [[[] for _ in range(60)] for _ in range(60)] for i in range(80)}
    space["n"] = model = LogisticRegression()
    look = make_scanner(space)
    assert list(scan(look)["names"]) == ["n"]
    assert look.cut
    del space["n"]
    space["late"], space["n"] = LogisticRegression(), model
    assert list(scan(look)["names"]) == ["late"], "n still holds what it held, beyond the limit"


class Owner:
    """A class of the user's with many attributes."""


def test_a_name_beyond_the_limit_of_a_value_does_not_count_as_gone() -> None:
    owner = Owner()
    owner.__dict__.update({f"a{i}": i for i in range(70)}, model=LogisticRegression())
    numbers: dict[Any, Any] = {"m": LogisticRegression(), **{i: i for i in range(70)}}
    items: list[Any] = [LogisticRegression() for _ in range(20)]
    first = Owner()
    first.__dict__.update(model=LogisticRegression(), **{f"a{i}": i for i in range(70)})
    look = make_scanner({"first": first, "numbers": numbers, "items": items})
    assert len(scan(look)["names"]) == 22
    trainer = first.__dict__.pop("model")
    first.__dict__["model"] = trainer
    numbers["m"] = numbers.pop("m")
    items[:16] = range(16)
    observation = scan(look)
    gone = {f"items[{i}]" for i in range(16)}
    assert set(observation["names"]) == gone, "the others hold what they held, beyond the limit"
    assert set(observation.get("unreached", ())) == gone, (
        "items is not looked into as long as it begins with numbers"
    )
    del first.__dict__["model"], numbers["m"], trainer
    observation = scan(look)
    assert observation["names"] == {"first.model": None, "numbers['m']": None}
    assert "unreached" not in observation


def test_a_model_that_was_out_of_reach_is_not_reported_as_created_when_it_is_reached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    space: dict[str, Any] = {f"box{i}": [[]] for i in range(5)}
    space["late"] = {}
    look = make_scanner(space)
    monkeypatch.setattr(walk, "MOST_NODES", 3)
    scan(look)
    space["late"]["m"] = LogisticRegression()
    assert scan(look)["names"] == {}
    monkeypatch.undo()
    space["another"] = []  # nothing is walked again while nothing differs
    assert list(scan(look)["names"]) == ["late['m']"]
    assert look.reached_again
    space["late"]["n"] = LogisticRegression()
    assert list(scan(look)["names"]) == ["late['n']"]
    assert not look.reached_again
