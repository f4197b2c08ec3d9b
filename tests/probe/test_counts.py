"""What a look goes through, in counts that depend on no machine: it grows with what changed, and not with what is there."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from kernelscope.probe import scanner
from kernelscope.probe.mentions import Touched
from kernelscope.probe.scanner import LEAST_WAITING, MOST_NAMED, NamespaceScanner
from tests.support.probe import make_scanner

NOTHING = Touched()


@pytest.fixture(autouse=True)
def no_soft_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """No look has time for more than the least number of waiting contents."""
    monkeypatch.setattr(scanner, "SOFT_SECONDS", -1.0)
    monkeypatch.setattr(scanner, "SECONDS", 60.0)


def fitted(number: int) -> LogisticRegression:
    model = LogisticRegression()
    model.coef_ = np.full((1, 3), float(number))
    return model


def watched(models: int) -> tuple[dict[str, Any], NamespaceScanner]:
    space: dict[str, Any] = {f"m{place}": fitted(place) for place in range(models)}
    space["_i1"] = "an input, as IPython keeps it: only what stands behind the latest may be new"
    look = make_scanner(space)
    look.scan(run=1, first_seconds=float("inf"))
    return space, look


@pytest.mark.parametrize("models", [100, 400])
def test_an_unchanged_run_describes_nothing_and_compares_the_least(models: int) -> None:
    space, look = watched(models)
    space["number"] = 1.0
    for run in range(2, 40):
        space["number"] += 1.0
        findings = look.scan(NOTHING, run)
        assert (findings["names"], findings["objects"], findings["cut"]) == ({}, [], [])
        assert look.describer.described == 0
        assert len(look.describer.compared) == LEAST_WAITING
        assert findings["not_compared"]["models"] == models - LEAST_WAITING


def test_what_an_unchanged_run_reports_does_not_grow_with_the_models() -> None:
    sizes = []
    for models in (100, 400):
        _, look = watched(models)
        sizes.append(len(json.dumps(look.scan(NOTHING, 2))))
    assert max(sizes) - min(sizes) < MOST_NAMED
    assert max(sizes) < 500


@pytest.mark.parametrize("models", [100, 400])
def test_one_model_that_is_fitted_again_is_all_that_is_described(models: int) -> None:
    space, look = watched(models)
    space["m7"].coef_ = np.ones((1, 3))
    findings = look.scan(Touched(frozenset({"m7"})), 2)
    assert [facts["generation"] for facts in findings["objects"]] == [8]
    assert look.describer.described == 1
    assert look.sight.compared_one_by_one <= 32, "those of its chunk"


@pytest.mark.parametrize("models", [100, 400])
def test_one_name_that_gets_another_model_is_all_that_is_walked(models: int) -> None:
    space, look = watched(models)
    before = look.walks.visited
    for run in range(2, 30):
        space["m7"] = fitted(run)  # often at the address of the one before
        findings = look.scan(Touched(frozenset({"m7"})), run)
        assert list(findings["names"]) == ["m7"]
        assert look.walks.visited < 5 < before


@pytest.mark.parametrize("models", [100, 400])
def test_no_content_waits_longer_than_its_bound(models: int) -> None:
    space, look = watched(models)
    least = math.ceil(models / LEAST_WAITING)
    for place in (0, models // 2, models - 1):
        space[f"m{place}"].coef_[0, 0] += 0.5
    found: dict[int, int] = {}
    for run in range(2, 2 + least):
        for facts in look.scan(NOTHING, run)["objects"]:
            found[facts["generation"] or 0] = run
            assert facts.get("since", run) == 2, "any run since the first one can have done it"
    assert sorted(found) == sorted({1, models // 2 + 1, models})


@pytest.mark.parametrize("models", [100, 400])
def test_a_write_in_place_is_found_in_the_run_that_mentions_the_model(models: int) -> None:
    space, look = watched(models)
    for run, place in enumerate((models - 1, 3, models // 2), 2):
        space[f"m{place}"].coef_[0, 0] += 0.5
        (facts,) = look.scan(Touched(frozenset({f"m{place}", "np"})), run)["objects"]
        assert facts["generation"] == place + 1
        assert "since" not in facts or facts["since"] < run


def test_what_a_look_goes_through_does_not_grow_with_the_runs() -> None:
    space, look = watched(50)
    visited = []
    for run in range(2, 500):
        space[f"_i{run}"] = "x"
        space["m3"] = fitted(run)
        look.scan(Touched(frozenset({"m3"})), run)
        visited.append(look.visited)
    assert max(visited[400:]) <= max(visited[5:50])
