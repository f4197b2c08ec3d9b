"""Models that a look has no time for are described later, and are not taken for new ones."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kernelscope.probe import scanner
from kernelscope.probe.mentions import Touched
from kernelscope.probe.newcomers import LEAST_PER_LOOK
from kernelscope.probe.postponed import Postponed
from kernelscope.probe.scanner import NamespaceScanner
from tests.support.probe import make_scanner

ATTACHED_AFTER = 7


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """No look has any time for new models."""
    monkeypatch.setattr(scanner, "FIRST_SECONDS", -1.0)


def models(number: int) -> dict[str, Any]:
    return {f"m{place}": LogisticRegression(C=place + 1.0) for place in range(number)}


def described(findings: Any) -> dict[str, Any]:
    """By name, the facts of what a look found."""
    by_token = {facts["token"]: facts for facts in findings["objects"]}
    return {name: by_token[token] for name, token in findings["names"].items()}


def attach(space: dict[str, Any]) -> tuple[NamespaceScanner, dict[str, Any]]:
    look = make_scanner(space)
    return look, described(look.scan(run=ATTACHED_AFTER))


@pytest.mark.usefixtures("hurried")
def test_each_look_describes_some_until_all_are_known() -> None:
    space = models(5 * LEAST_PER_LOOK - 3)
    look, found = attach(space)
    assert len(found) == LEAST_PER_LOOK
    assert not look.behind, "each of them is dated by itself"
    assert len(look.cut) == len(space) - len(found)
    for _ in range(4):
        assert look.has_more
        later = described(look.scan(Touched(), ATTACHED_AFTER, is_between_runs=True))
        assert not found.keys() & later.keys()
        assert {facts["known"] for facts in later.values()} == {"attach"}
        assert not any("since" in facts for facts in later.values())
        found |= later
    assert found.keys() == space.keys()
    assert sorted(facts["generation"] for facts in found.values()) == list(range(1, len(space) + 1))
    assert not look.has_more
    last = look.scan(Touched(), ATTACHED_AFTER + 1)
    assert (last["names"], last["objects"]) == ({}, [])


@pytest.mark.usefixtures("hurried")
def test_what_the_cell_can_have_touched_goes_first() -> None:
    look, _ = attach(models(100))
    words = frozenset({"m97", "m55"})
    found = described(look.scan(Touched(words), ATTACHED_AFTER, is_between_runs=True))
    assert {"m55", "m97"} < found.keys()


@pytest.mark.usefixtures("hurried")
def test_a_name_that_got_another_model_meanwhile_names_the_first_run_that_can_have_done_it() -> None:
    space = models(60)
    look, _ = attach(space)
    space["m50"] = LogisticRegression()
    found: dict[str, Any] = {}
    for run in range(ATTACHED_AFTER + 1, ATTACHED_AFTER + 9):
        found |= described(look.scan(Touched(), run))
    assert found["m50"]["since"] == ATTACHED_AFTER + 1
    assert found["m50"]["known"] == ""
    assert found["m51"]["known"] == "attach"


@pytest.mark.usefixtures("hurried")
def test_what_one_run_made_is_dated_to_it() -> None:
    space = models(3)
    look, _ = attach(space)
    space |= {f"new{place}": LogisticRegression() for place in range(40)}
    made = ATTACHED_AFTER + 1
    first = described(look.scan(Touched(), made))
    later: dict[str, Any] = {}
    while look.has_more:
        later |= described(look.scan(Touched(), made, is_between_runs=True))
    assert first.keys() | later.keys() == space.keys() - models(3).keys()
    assert not any("since" in facts for facts in first.values())
    assert {facts["since"] for facts in later.values()} == {made}
    assert {facts["known"] for facts in later.values()} == {""}


@pytest.mark.usefixtures("hurried")
def test_a_name_that_is_gone_before_its_turn_is_never_reported() -> None:
    space = models(60)
    look, found = attach(space)
    gone = [name for name in space if name not in found][:10]
    for name in gone:
        del space[name]
    while look.has_more:
        later = look.scan(Touched(), ATTACHED_AFTER + 1)
        assert "unreached" not in later
        found |= described(later)
    assert found.keys() == space.keys()


@pytest.mark.usefixtures("hurried")
def test_a_name_whose_new_model_has_no_turn_yet_is_not_gone() -> None:
    space = models(10)
    look, before = attach(space)
    kept = space["m9"]
    space |= {name: LogisticRegression(C=9.0) for name in (*models(9), *(f"x{place}" for place in range(40)))}
    space["m9"] = LogisticRegression(C=9.0)
    found: dict[str, Any] = {}
    for run in range(ATTACHED_AFTER + 1, ATTACHED_AFTER + 9):
        findings = look.scan(Touched(), run)
        gone = {name for name, token in findings["names"].items() if token is None}
        assert gone <= set(findings.get("unreached", ())), (
            "its model is gone, and what it holds is not known yet"
        )
        assert "m9" not in gone, "its model lives on"
        found |= described(
            {**findings, "names": {n: t for n, t in findings["names"].items() if t is not None}}
        )
    assert kept is not space["m9"]
    assert {facts["params"]["C"] for facts in found.values()} == {9.0}
    assert found["m9"]["token"] != before["m9"]["token"]


@pytest.mark.usefixtures("hurried")
def test_the_parts_of_a_postponed_model_are_known_as_it_is() -> None:
    space = {**models(LEAST_PER_LOOK), "pipe": make_pipeline(StandardScaler(), LogisticRegression())}
    look, found = attach(space)
    assert "pipe" not in found
    later = look.scan(Touched(), ATTACHED_AFTER, is_between_runs=True)
    assert [facts["known"] for facts in later["objects"]] == ["attach"] * 3


def test_nothing_is_postponed_as_long_as_there_is_time() -> None:
    look = make_scanner(models(200))
    found = described(look.scan(run=ATTACHED_AFTER, first_seconds=float("inf")))
    assert len(found) == 200
    assert not look.has_more


def test_a_name_is_dated_by_what_it_reached_at_the_attach() -> None:
    postponed = Postponed()
    postponed.begin(7)
    for name, token in (("same", 1), ("other", 2), ("again", 3)):
        postponed.add(name, token, 7)
    postponed.begin(8)
    postponed.take_up(["again"])
    postponed.add("again", 4, 8)
    postponed.add("new", 5, 8)
    postponed.end()
    postponed.begin(9)
    postponed.take_up(["same", "other", "again", "new"])
    assert postponed.describe("same", 1) == 0
    assert postponed.describe("other", 9) == 8
    assert postponed.describe("again", 4) == 8
    assert postponed.describe("new", 5) == 8
    assert postponed.describe("never", 5) is None
    postponed.end()
    assert not postponed


def test_a_look_that_is_broken_off_forgets_no_date() -> None:
    postponed = Postponed()
    postponed.begin(7)
    postponed.add("m", 1, 7)
    postponed.end()
    postponed.begin(8)
    postponed.take_up(["m"])
    postponed.begin(8)
    assert postponed.next_roots(()) == ["m"]
    postponed.take_up(["m"])
    assert postponed.describe("m", 1) == 0
