"""Tests the history for later watchers: base and observations together contain everything that was sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kernelscope.probe import history
from kernelscope.probe.history import Base, History

if TYPE_CHECKING:
    import pytest


def an_object(token: int, *parts: int, text: str = "") -> Any:
    return {"token": token, "parts": [{"token": part} for part in parts], "text": text}


def an_observation(seq: int, names: dict[str, int | None], *objects: Any) -> Any:
    return {"seq": seq, "names": names, "objects": list(objects)}


def test_observations_are_kept_in_order() -> None:
    store = History()
    for seq in (1, 2, 3):
        store.add(json.dumps(an_observation(seq, {})))
    assert [o["seq"] for o in store.observations()] == [1, 2, 3]
    assert store.base.snapshot()["seq"] == 0


def test_the_oldest_are_folded_into_the_base(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [json.dumps(an_observation(seq, {f"n{seq}": seq}, an_object(seq))) for seq in range(1, 6)]
    monkeypatch.setattr(history, "HISTORY_BYTES", len(texts[0]) * 2)
    store = History()
    for text in texts:
        store.add(text)
    assert [o["seq"] for o in store.observations()] == [4, 5]
    base = store.base.snapshot()
    assert base["seq"] == 3
    assert base["names"] == {"n1": 1, "n2": 2, "n3": 3}
    assert [o["token"] for o in base["objects"]] == [1, 2, 3]


def test_one_observation_is_kept_however_large_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "HISTORY_BYTES", 1)
    store = History()
    for seq in (1, 2):
        store.add(json.dumps(an_observation(seq, {})))
    assert [o["seq"] for o in store.observations()] == [2]


def test_a_base_contains_only_what_names_reach_including_parts() -> None:
    base = Base()
    objects = [an_object(1, 2), an_object(2, 3), an_object(3), an_object(4)]
    base.start({"names": {"pipe": 1, "gone": 4}, "objects": objects})
    base.fold(an_observation(1, {"gone": None}, an_object(2, 3, text="changed")))
    sent: Any = base.snapshot()
    assert sent["names"] == {"pipe": 1}
    assert [(o["token"], o["text"]) for o in sent["objects"]] == [(1, ""), (2, "changed"), (3, "")]
    base.fold(an_observation(2, {"pipe": 5}, an_object(5)))
    assert [o["token"] for o in base.snapshot()["objects"]] == [5]


def test_a_base_does_not_grow_with_the_observations_that_it_takes_in() -> None:
    base = Base()
    for seq in range(1, 2_000):
        base.fold(an_observation(seq, {"m": seq}, an_object(seq)))
        assert len(base._objects) <= 300
