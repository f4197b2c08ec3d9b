"""Whether another walk would find the same models under the same names, decided without walking."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression, SGDClassifier

from kernelscope.probe.names import UserNames
from kernelscope.probe.structure import Structure
from kernelscope.probe.walk import NamespaceWalk
from tests.support.probe import make_types


class Owner:
    """Of the user's own."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


class Looker:
    """Walks one namespace, and compares it with what the last walk found."""

    def __init__(self, space: dict[str, Any]) -> None:
        self.types = make_types()
        self.names = UserNames(space)
        self.structure = Structure(self.types)
        self.walk()

    def walk(self) -> dict[str, int]:
        """Walk again; return the id of the model that each name reaches."""
        names, values = self.names.read()
        self.structure.clear()
        self.structure.compare(names, values)
        walked = zip(range(len(names)), names, values, strict=True)
        walk = NamespaceWalk(self.names, self.types, lambda _: True, walked)
        for name, (value, node) in walk.opened.items():
            self.structure.keep(name, value, node)
        return {name: id(model) for name, model in walk.names.items()}

    def is_same(self) -> bool:
        """Whether nothing has changed that another walk would find."""
        difference = self.structure.compare(*self.names.read())
        return not difference.changed and not difference.gone


def space() -> dict[str, Any]:
    return {
        "m": LogisticRegression(), "n": 3, "text": "a", "d": {"lr": LogisticRegression(), "n": 1},
        "l": [1, LogisticRegression(), [LogisticRegression()]], "o": Owner(model=LogisticRegression(), n=1),
        "losses": [0.5], "empty": {},
    }  # fmt: skip


def replace_in_nested_list(s: dict[str, Any]) -> None:
    s["l"][2][0] = LogisticRegression()


DIFFERENT: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a name holds another model": lambda s: s.update(m=LogisticRegression()),
    "a name holds a model now": lambda s: s.update(n=LogisticRegression()),
    "a name holds none any more": lambda s: s.update(m=1),
    "a new name": lambda s: s.update(new=LogisticRegression()),
    "a deleted name": lambda s: s.pop("m"),
    "another name for it": lambda s: s.update(again=s["m"]),
    "one name for another": lambda s: s.update(again=s.pop("m")),
    "an item": lambda s: s["d"].update(lr=LogisticRegression()),
    "a new item": lambda s: s["d"].update(other=LogisticRegression()),
    "another key": lambda s: s["d"].update(other=s["d"].pop("lr")),
    "an item behind a number": lambda s: s["l"].insert(0, 0),
    "an item of a nested list": replace_in_nested_list,
    "an attribute": lambda s: setattr(s["o"], "model", LogisticRegression()),
    "a first model": lambda s: s["empty"].update(lr=LogisticRegression()),
    "a container in place of a number": lambda s: s.update(n=[LogisticRegression()]),
    "a model among numbers": lambda s: s["losses"].append(LogisticRegression()),
}


@pytest.mark.parametrize("change", DIFFERENT.values(), ids=DIFFERENT.keys())
def test_a_change_of_what_names_reach_is_found(change: Callable[[dict[str, Any]], Any]) -> None:
    namespace = space()
    looker = Looker(namespace)
    assert looker.is_same()
    change(namespace)
    assert not looker.is_same()
    looker.walk()
    assert looker.is_same()


SAME: dict[str, Callable[[dict[str, Any]], Any]] = {
    "nothing": lambda s: None,
    "another number": lambda s: s.update(n=4),
    "another type of value": lambda s: s.update(n="four"),
    "a new number": lambda s: s.update(k=5),
    "a name of a number is gone": lambda s: s.pop("n"),
    "a number in a list": lambda s: s["losses"].append(0.25),
    "a number in a dict": lambda s: s["d"].update(n="two"),
    "an attribute that is a number": lambda s: setattr(s["o"], "n", 2),
    "what a model learned": lambda s: s["m"].fit([[0.0], [1.0]], [0, 1]),
}


@pytest.mark.parametrize("change", SAME.values(), ids=SAME.keys())
def test_what_is_no_model_and_holds_none_changes_nothing(change: Callable[[dict[str, Any]], Any]) -> None:
    namespace = space()
    looker = Looker(namespace)
    for _ in range(3):
        change(namespace) if "gone" not in namespace else None
        assert looker.is_same()
        namespace["gone"] = namespace.get("gone", 0)
    assert looker.walk() == Looker(namespace).walk()


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("a", "b", "c", "d['x']", "d['y']", "l")),
        st.sampled_from(("model", "other", "number", "gone", "same")),
    ),
    max_size=12,
)


@settings(deadline=None)
@given(STEPS)
def test_whatever_is_called_the_same_a_walk_finds_the_same(steps: list[tuple[str, str]]) -> None:
    models: list[Any] = [LogisticRegression(), SGDClassifier()]
    namespace: dict[str, Any] = {"d": {}, "l": [], "a": 1}
    looker = Looker(namespace)
    found = looker.walk()
    for place, what in steps:
        value: Any = {"model": models[0], "other": LogisticRegression(), "number": 1.5}.get(what, models[1])
        models.append(value)
        holder, key = (namespace["d"], place[3]) if place.startswith("d[") else (namespace, place)
        if place == "l":
            namespace["l"].append(value)
        elif what == "gone":
            holder.pop(key, None)
        else:
            holder[key] = value
        is_same = looker.is_same()
        now = Looker(namespace).walk()
        assert now == found or not is_same
        if not is_same:
            found = looker.walk()


def test_an_object_of_another_type_at_the_same_address_counts_as_another() -> None:
    namespace: dict[str, Any] = {"x": Owner()}
    looker = Looker(namespace)
    for _ in range(200):
        address = id(namespace["x"])
        namespace["x"] = None
        namespace["x"] = LogisticRegression()
        if id(namespace["x"]) == address:
            break
        namespace["x"] = Owner()
        looker.walk()
    else:
        pytest.skip("no address came back")
    assert not looker.is_same()
