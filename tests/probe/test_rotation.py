"""Whose content is looked at next."""

from __future__ import annotations

from kernelscope.probe.rotation import Rotation


def rotation_of(*tokens: int) -> Rotation:
    rotation = Rotation()
    for token in tokens:
        rotation.add(token)
    return rotation


def test_every_object_has_its_turn() -> None:
    rotation = rotation_of(*range(10))
    seen: list[int] = []
    for _ in range(5):
        for token in rotation.first(2):
            rotation.note(token)
            seen.append(token)
    assert seen == list(range(10))


def test_what_was_looked_at_out_of_turn_waits_again() -> None:
    rotation = rotation_of(1, 2, 3)
    rotation.note(1)
    assert rotation.first(3) == [2, 3, 1]


def test_what_comes_into_sight_was_looked_at_just_now_and_what_leaves_it_is_forgotten() -> None:
    rotation = rotation_of(1, 2, 3)
    rotation.discard(2)
    rotation.add(4)
    rotation.note(2)
    assert rotation.first(9) == [1, 3, 4]
