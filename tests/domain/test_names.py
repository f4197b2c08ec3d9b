"""Tests the one parser of names."""

from __future__ import annotations

import pytest

from kernelscope.domain.names import NamePath, canonical_name, is_reached_through, names_through, root_of


@pytest.mark.parametrize(
    ("name", "root", "outers"),
    [
        ("m", "m", []),
        ("models['a.b']", "models", ["models"]),
        ("models['a[0]']", "models", ["models"]),
        ('models["it\'s"].x', "models", ['models["it\'s"]', "models"]),
        (r"models['it\'s']", "models", ["models"]),
        ("e.model", "e", ["e"]),
        ("a[0].b", "a", ["a[0]", "a"]),
        ("a[0][1]", "a", ["a[0]", "a"]),
        ("", "", []),
        ("a[", "a", ["a"]),
        ("a['x", "a", ["a"]),
        ("['x']", "", [""]),
    ],
)
def test_a_name_is_split_into_root_and_steps_and_joined_again(
    name: str, root: str, outers: list[str]
) -> None:
    path = NamePath.parse(name)

    assert (str(path), path.root, root_of(name)) == (name, root, root)
    assert list(map(str, path.outers)) == outers
    assert (path.outer and str(path.outer)) == (outers[0] if outers else None)


@pytest.mark.parametrize(
    ("name", "item", "index", "attribute"),
    [
        ("m", None, None, None),
        ("models['lr']", "'lr'", None, None),
        ("models[12]", "12", 12, None),
        ("models[12].steps", None, None, "steps"),
        ("models[-1]", "-1", None, None),
        ("models[²]", "²", None, None),
        (f"models[{'9' * 5_000}]", "9" * 5_000, None, None),
        ("models[", None, None, None),
    ],
)
def test_the_last_step_of_a_name_is_found(
    name: str, item: str | None, index: int | None, attribute: str | None
) -> None:
    path = NamePath.parse(name)

    assert (path.item, path.index, path.attribute) == (item, index, attribute)


def test_names_reached_through_a_name_are_found() -> None:
    names = ["m", "m.x", "m[0]", "m[0].y", "model", "mm.x"]

    assert names_through("m", names) == ["m", "m.x", "m[0]", "m[0].y"]
    assert is_reached_through("m[0].y", "m[0]")
    assert not is_reached_through("m", "m[0]")


def test_a_typed_name_is_normalized_to_the_timeline_s_spelling() -> None:
    assert canonical_name('models["lr"].x') == "models['lr'].x"
    assert canonical_name("models['lr']") == "models['lr']"
