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
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanner, "SECONDS", 60.0)


def told(look: NamespaceScanner) -> dict[str, Any]:
    found: dict[str, Any] = {**look.scan()}
    json.dumps(found)
    return found


def test_names() -> None:
    a, b, c = (LogisticRegression() for _ in range(3))
    space = {
        "a": a, "again": a, "d": {"lr": b, 3: c, ("t",): LogisticRegression()}, "l": [1, a, [b]],
        "trainer": Trainer(c), "_": a, "_3": a, "__": b, "_i1": "x", "Out": {3: a}, "In": [a], "_oh": {1: a},
        "__main": a, "n": 3, "f": len, "cls": LogisticRegression, "_private": b,
    }  # fmt: skip
    names = told(make_scanner(space))["names"]
    assert set(names) == {
        "a", "again", "d['lr']", "d[3]", "l[1]", "l[2][0]", "trainer.model", "__main", "_private",
    }  # fmt: skip
    assert names["a"] == names["again"] == names["l[1]"] == names["__main"]


def test_generations_are_numbered_in_the_order_of_the_namespace() -> None:
    space = {"d": {"x": LogisticRegression()}, "a": LogisticRegression(), "t": Trainer(LogisticRegression())}
    found = told(make_scanner(space))
    numbers = {o["token"]: o["generation"] for o in found["objects"]}
    assert {n: numbers[t] for n, t in found["names"].items()} == {"d['x']": 1, "a": 2, "t.model": 3}


def test_differences_only() -> None:
    space: dict[str, Any] = {"a": LogisticRegression(), "b": SGDClassifier()}
    look = make_scanner(space)
    assert len(told(look)["objects"]) == 2
    assert told(look) == {"names": {}, "objects": [], "cut": []}
    space["a"].fit(X, Y)
    second = told(look)
    assert [o["cls"].rpartition(".")[2] for o in second["objects"]] == ["LogisticRegression"]
    assert second["names"] == {}
    space["b"].set_params(alpha=1.0)
    assert told(look)["objects"][0]["params"]["alpha"] == 1.0
    del space["b"]
    assert told(look)["names"] == {"b": None}
    assert set(look.everything()["names"]) == {"a"}


def test_a_new_object_at_the_old_address_is_another_generation() -> None:
    space: dict[str, Any] = {}
    look, addresses, generations = make_scanner(space), set(), set()
    for _ in range(30):
        space.clear()
        space["m"] = SGDClassifier()
        (fact,) = told(look)["objects"]
        addresses.add(fact["id"])
        generations.add(fact["generation"])
    assert len(addresses) < 30, "no address came back: the test proves nothing"
    assert generations == set(range(1, 31))


def test_parts_of_composites() -> None:
    pipe = Pipeline([("scale", StandardScaler()), ("clf", LogisticRegression())])
    columns = ColumnTransformer([("num", StandardScaler(), [0]), ("rest", "passthrough", [1])])
    search = GridSearchCV(pipe, {"clf__C": [0.1, 1.0]}, cv=2)
    vote = VotingClassifier([("a", LogisticRegression()), ("b", GaussianNB())])
    space = {"pipe": pipe, "columns": columns, "search": search, "vote": vote}
    look = make_scanner(space)
    labels = labels_of(told(look), look)
    assert labels["pipe"] == ["['scale']", "['clf']"]
    assert labels["columns"] == ["['num']"]
    assert labels["search"] == [".estimator"]
    assert labels["vote"] == ["['a']", "['b']"]
    for model in (columns, search, vote):
        model.fit(X, Y)
    labels = labels_of(told(look), look)
    assert ".best_estimator_" in labels["search"]
    assert {".estimators_[0]", ".estimators_[1]"} <= set(labels["vote"])
    pipe.named_steps["clf"].C = 7.0
    changed = told(look)["objects"]
    assert [o["params"].get("C") for o in changed] == [7.0]


def labels_of(found: dict[str, Any], look: NamespaceScanner) -> dict[str, list[str]]:
    records = {o["token"]: o for o in look.everything()["objects"]}
    return {n: [p["label"] for p in records[t]["parts"]] for n, t in look.names.items()}


@pytest.mark.fault(67)
def test_a_composite_in_itself() -> None:
    pipe = Pipeline([("a", StandardScaler())])
    pipe.steps.append(("self", pipe))
    search = GridSearchCV(pipe, {})
    search.estimator = search
    loop: list[Any] = [pipe]
    loop.append(loop)
    look = make_scanner({"pipe": pipe, "search": search, "loop": loop})
    assert set(told(look)["names"]) == {"pipe", "search", "loop[0]"}
    assert told(look)["objects"] == []


MODELS: list[Any] = [
    LogisticRegression, SGDClassifier, StandardScaler, PCA, GaussianNB, KNeighborsClassifier, SVC,
    DecisionTreeClassifier, lambda: RandomForestClassifier(5), lambda: GradientBoostingClassifier(n_estimators=3),
    # Both have lscpu count the cores.
    *(pytest.param(m, marks=pytest.mark.kernel) for m in (KMeans, lambda: HistGradientBoostingClassifier(max_iter=2))),
    lambda: IsolationForest(n_estimators=3),
    lambda: MLPClassifier(max_iter=1), GaussianProcessClassifier,
    lambda: Pipeline([("a", StandardScaler()), ("b", LogisticRegression())]),
    lambda: GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2),
    lambda: VotingClassifier([("a", GaussianNB())]),
]  # fmt: skip


@pytest.mark.parametrize("make", MODELS, ids=lambda m: type(m()).__name__)
@pytest.mark.filterwarnings("ignore")
def test_nothing_is_kept_alive(make: Callable[[], Any]) -> None:
    """A model dies at the moment at which it would have died, and what it learned dies with it."""
    space: dict[str, Any] = {"m": make(), "d": {"k": [make()]}}
    look = make_scanner(space)
    reader = make_code_reader(space, look)
    told(look)
    space["m"].fit(X, Y)
    told(look)
    reader.read("m.fit(X, Y); d['k'][0].score(m)", 0.0)
    told(look)
    gc.collect()
    gc.disable()
    try:
        watched = [weakref.ref(space["m"])]
        watched += [weakref.ref(v) for v in vars(space["m"]).values() if type(v) is np.ndarray and v is not X]
        space["m"] = None
        assert watched[0]() is None, "freed by its reference count, not by the collector"
    finally:
        gc.enable()
    gc.collect()
    assert [r() for r in watched if r() is not None] == []
    assert told(look)["names"] == {"m": None}


def test_a_bound_on_nodes_hides_no_global_and_what_it_hides_is_not_called_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    boxes: dict[str, Any] = {f"box{i}": [LogisticRegression()] for i in range(20)}
    space = {**boxes, "m": LogisticRegression()}
    look = make_scanner(space)
    assert len(told(look)["names"]) == 21
    monkeypatch.setattr(walk, "MOST_NODES", 5)
    space["box18"][0] = LogisticRegression()
    del space["box0"], space["box19"]
    space["m"] = LogisticRegression()
    found = told(look)
    assert found["cut"] == ["what lies in containers beyond the first 5"]
    assert found["names"].pop("m") is not None, "a global is looked at all the same"
    assert found["names"] == {"box0[0]": None, "box18[0]": None, "box19[0]": None}
    assert found["unreached"] == ["box18[0]"], "it may hold another model; the globals of the others are gone"
    assert not look.reached_again
    monkeypatch.undo()
    found = told(look)
    assert found["cut"] == []
    assert list(found["names"]) == ["box18[0]"]
    assert look.reached_again
    assert len(look.everything()["names"]) == 19
    assert told(look) == {"names": {}, "objects": [], "cut": []}
    assert not look.reached_again


def test_a_bound_on_models_hides_names_and_calls_none_of_them_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    space: dict[str, Any] = {f"m{i}": LogisticRegression() for i in range(8)}
    look = make_scanner(space)
    told(look)
    monkeypatch.setattr(walk, "MOST_MODELS", 5)
    space["m7"] = LogisticRegression()
    found = told(look)
    assert found["cut"] == ["models beyond the first 5"]
    assert (found["names"], found["unreached"]) == ({"m7": None}, ["m7"]), "and the others are as they were"
    monkeypatch.undo()
    assert list(told(look)["names"]) == ["m7"]


def test_thousands_of_small_containers_hide_no_global() -> None:
    space: dict[str, Any] = {f"l{i}": [i] for i in range(4_200)}
    space["model"] = LogisticRegression()
    look = make_scanner(space)
    assert list(told(look)["names"]) == ["model"]
    assert look.cut == ["what lies in containers beyond the first 4,000"]
    space["model"] = LogisticRegression()
    assert list(told(look)["names"]) == ["model"]


@pytest.mark.proof
def test_one_deep_value_leaves_room_for_the_names_beside_it() -> None:
    space = {"records": [[[[0, []] for _ in range(64)] for _ in range(64)] for _ in range(64)]}
    space |= {"m": LogisticRegression()}
    found = told(make_scanner(space))
    assert set(found["names"]) == {"m"}
    assert found["cut"] == ["what lies in containers beyond the first 4,000"]


@pytest.mark.proof
def test_one_big_container_does_not_blind_the_look_in_the_others() -> None:
    nest = {i: {j: [LogisticRegression() for _ in range(20)] for j in range(20)} for i in range(20)}
    look = make_scanner(
        {"d": {"a": {"b": LogisticRegression()}}, "nest": nest, "late": {"m": LogisticRegression()}}
    )
    found = told(look)
    assert {"d['a']['b']", "late['m']"} <= set(found["names"])
    assert found["cut"]


@pytest.mark.proof
def test_what_ipython_adds_with_each_run_is_not_gone_through() -> None:
    """Neither its own names, nor the models that ``Out`` keeps after no name holds them."""
    out: dict[int, Any] = {}
    space: dict[str, Any] = {"In": [], "Out": out, "m": LogisticRegression(), "_i": ""}
    look = make_scanner(space)
    visited = []
    for run in range(1, 3_001):
        space[f"_i{run}"] = "m = LogisticRegression(); m"
        space["m"] = out[run] = space[f"_{run}"] = LogisticRegression()
        assert list(told(look)["names"]) == ["m"]
        visited.append(look.visited)
    assert max(visited[100:]) <= max(visited[:100]), "the most of the first hundred looks"
    assert max(visited) < 30
    out.clear()
    for run in range(1, 3_001):
        del space[f"_{run}"]
    for _ in range(300):
        told(look)
    assert len(look.tracked) == 1, "what died out of sight is forgotten in time"


def test_names_in_the_order_of_the_namespace_however_it_changes() -> None:
    """What was deleted and added again stands at the end; deleting one of IPython's own names does no harm."""
    space: dict[Any, Any] = {"a": 1, "_i1": "", "b": 2, "c": 3}
    names = UserNames(space)
    # What each step takes away, and what it adds then.
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
        assert names.pairs() == plain, what


def test_a_name_like_ipython_s_that_the_user_adds_again_hides_nothing() -> None:
    space: dict[str, Any] = {"_i1": "", "_i0": 5}
    names = UserNames(space)
    assert names.pairs() == []
    del space["_i0"]
    space.update({"model": 1, "_i0": 6})
    assert names.pairs() == [("model", 1)]


class Equal(str):
    """A key that is no plain string, and is asked for by its own code."""

    __slots__ = ()
    comparisons = 0

    def __hash__(self) -> int:
        return hash("model")

    def __eq__(self, other: object) -> bool:
        Equal.comparisons += 1
        return False


def test_a_key_that_is_no_plain_string_is_not_compared() -> None:
    space: dict[Any, Any] = {Equal("other"): 0, "model": 1, "_i1": ""}
    names = UserNames(space)
    Equal.comparisons = 0
    assert names.pairs() == [("model", 1)]
    space.__setitem__("second", 2)
    assert names.pairs() == [("model", 1), ("second", 2)]
    assert Equal.comparisons == 0


def test_containers_of_many_models() -> None:
    many: dict[str, Any] = {f"k{i}": LogisticRegression() for i in range(100)}
    look = make_scanner({"many": many})
    found = told(look)
    assert len(found["names"]) == 64
    assert found["cut"] == ["many: all but 64 of its 100 items"]
    many["k5"] = many.pop("k5")  # at the end now, where nobody looks
    assert "many['k5']" not in told(look)["names"]
    del many["k7"]
    found = told(look)
    assert found["names"]["many['k7']"] is None
    assert "unreached" not in found, "it is not further back, either"
    many["k8"] = LogisticRegression()
    del many["k9"]
    many["k9"] = LogisticRegression()
    found = told(look)
    assert found["names"]["many['k8']"] is not None
    assert found["unreached"] == ["many['k9']"], "where nobody looks"


def test_a_list_of_numbers_costs_nothing_and_is_no_cut() -> None:
    space = {"l": list(range(10**6)), "d": dict.fromkeys(range(10**6)), "t": tuple("x" * 10**5)}
    look = make_scanner(space)
    begun = time.process_time()
    for _ in range(20):
        assert told(look) == {"names": {}, "objects": [], "cut": []}
    assert time.process_time() - begun < 0.1


def test_no_time_left_is_told_and_made_good(monkeypatch: pytest.MonkeyPatch) -> None:
    space = {f"m{i}": LogisticRegression().fit(X, Y) for i in range(3)}
    look = make_scanner(space)
    monkeypatch.setattr(scanner, "SECONDS", -1.0)
    found = told(look)
    assert len(found["names"]) == 3
    assert all("coef_" in o["not_evaluated"] and not o["learned"] for o in found["objects"])
    again = told(look)
    assert again["names"] == {}
    assert len(again["cut"]) == 3
    monkeypatch.undo()
    monkeypatch.setattr(scanner, "SECONDS", 60.0)
    found = told(look)
    assert found["names"] == {}
    assert all(not o["not_evaluated"] and o["learned"]["coef_"]["digest"] for o in found["objects"])


def test_a_look_that_was_broken_off_is_told_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    space = {"a": LogisticRegression(), "b": LogisticRegression()}
    look = make_scanner(space)
    told(look)
    space["a"].fit(X, Y)
    space["b"].fit(X, Y)
    with monkeypatch.context() as broken:
        looked = []

        def raising(obj: Any, watched: Any) -> bool:
            looked.append(obj)
            if len(looked) == 2:
                raise KeyboardInterrupt
            return False

        broken.setattr(look, "_is_unchanged", raising)
        with pytest.raises(KeyboardInterrupt):
            look.scan()
    assert {o["generation"] for o in told(look)["objects"]} == {1, 2}


def test_strange_keys_and_attributes() -> None:
    model = LogisticRegression()
    model.__dict__[3] = model.__dict__["n" * 10_000] = 1
    pipe = Pipeline([("s" * 10_000, LogisticRegression())])
    space: dict[Any, Any] = {
        "m": model, "p": pipe, "d": {10**6_000: LogisticRegression(), "k" * 10**6: LogisticRegression()},
        3: LogisticRegression(), "x" * 10**6: LogisticRegression(),
    }  # fmt: skip
    look = make_scanner(space)
    found = told(look)
    assert set(found["names"]) == {"m", "p"}
    assert len(json.dumps(found)) < 20_000
    assert told(look)["objects"] == []


@pytest.mark.proof
def test_an_unchanged_look_is_cheap() -> None:
    space: dict[str, Any] = {f"m{i}": GaussianNB().fit(X, Y) for i in range(100)}
    look = make_scanner(space)
    told(look)
    best = min(_timed(look) for _ in range(20))
    assert best < 0.02, f"{best * 1000:.1f} ms"


def _timed(look: NamespaceScanner) -> float:
    begun = time.process_time()
    look.scan()
    return time.process_time() - begun


def test_given_a_search_whose_masked_arrays_were_shown_when_looked_at_again_then_nothing_differs() -> None:
    search = GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 2]}, cv=2).fit(X, Y)
    look = make_scanner({"search": search})
    before = look.scan()["objects"]

    repr(search.cv_results_)  # sets `_fill_value` of a masked array, as scikit-learn's HTML does
    search.cv = 3
    told = [o for o in look.scan()["objects"] if "GridSearchCV" in o["cls"]]

    earlier = next(o for o in before if "GridSearchCV" in o["cls"])
    assert told[0]["learned"]["cv_results_"]["digest"] == earlier["learned"]["cv_results_"]["digest"]


def test_given_a_big_forest_when_a_name_reaches_a_tree_then_it_was_known_as_a_part() -> None:
    names: dict[str, Any] = {"rf": RandomForestClassifier(20, random_state=0).fit(X, Y)}
    look = make_scanner(names)
    look.scan()
    names["tree"] = names["rf"].estimators_[7]
    told = {o["cls"].rpartition(".")[2]: o for o in look.scan()["objects"]}

    assert told["DecisionTreeClassifier"]["known"] == "part"
    assert ".estimators_[7]" in [p["label"] for p in told["RandomForestClassifier"]["parts"]]


def test_given_a_forest_grown_in_this_run_when_a_name_reaches_a_tree_then_it_was_not_known() -> None:
    names: dict[str, Any] = {"rf": RandomForestClassifier(20, random_state=0).fit(X, Y)}
    look = make_scanner(names)
    look.scan()
    names["tree"] = names["rf"].fit(X, Y).estimators_[7]
    told = [o for o in look.scan()["objects"] if o["token"] == look.names["tree"]]

    assert [o["known"] for o in told] == [""]


def test_given_a_local_model_that_was_numbered_when_a_name_reaches_it_then_it_was_known_as_local() -> None:
    names: dict[str, Any] = {}
    local = LogisticRegression().fit(X, Y)
    look = make_scanner(names)
    look.scan()
    number = look.number(local)
    look.scan()
    names["m"] = local
    (told,) = look.scan()["objects"]

    assert (told["known"], told["generation"]) == ("local", number)


@pytest.mark.proof
def test_whatever_stands_before_it_a_global_is_reached() -> None:
    """Containers of containers use up what one level may take out of them, and hide no name beside them."""
    space: dict[str, Any] = {f"grid{i}": [[[] for _ in range(60)] for _ in range(60)] for i in range(80)}
    space["n"] = model = LogisticRegression()
    look = make_scanner(space)
    assert list(told(look)["names"]) == ["n"]
    assert look.cut
    del space["n"]
    space["late"], space["n"] = LogisticRegression(), model
    assert list(told(look)["names"]) == ["late"], "n holds what it held, further back"


class Owner:
    """Of the user's own, with many attributes."""


def test_what_lies_beyond_what_is_read_of_a_value_is_not_called_gone() -> None:
    owner = Owner()
    owner.__dict__.update({f"a{i}": i for i in range(70)}, model=LogisticRegression())
    numbers: dict[Any, Any] = {"m": LogisticRegression(), **{i: i for i in range(70)}}
    items: list[Any] = [LogisticRegression() for _ in range(20)]
    first = Owner()
    first.__dict__.update(model=LogisticRegression(), **{f"a{i}": i for i in range(70)})
    look = make_scanner({"first": first, "numbers": numbers, "items": items})
    assert len(told(look)["names"]) == 22
    kept = first.__dict__.pop("model")
    first.__dict__["model"] = kept
    numbers["m"] = numbers.pop("m")
    items[:16] = range(16)
    found = told(look)
    gone = {f"items[{i}]" for i in range(16)}
    assert set(found["names"]) == gone, "the others hold what they held, where nobody looks"
    assert set(found.get("unreached", ())) == gone, (
        "items is not looked into as long as it begins with numbers"
    )
    del first.__dict__["model"], numbers["m"], kept
    found = told(look)
    assert found["names"] == {"first.model": None, "numbers['m']": None}
    assert "unreached" not in found


def test_what_was_out_of_reach_is_not_told_as_made_in_the_run_that_made_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    space: dict[str, Any] = {f"box{i}": [[]] for i in range(5)}
    space["late"] = {}
    look = make_scanner(space)
    told(look)
    monkeypatch.setattr(walk, "MOST_NODES", 3)
    space["late"]["m"] = LogisticRegression()
    assert told(look)["names"] == {}
    monkeypatch.undo()
    assert list(told(look)["names"]) == ["late['m']"]
    assert look.reached_again
    space["late"]["n"] = LogisticRegression()
    assert list(told(look)["names"]) == ["late['n']"]
    assert not look.reached_again
