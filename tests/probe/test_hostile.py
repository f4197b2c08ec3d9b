"""Proves the oath's third article: no code of the user is run, whatever is in the namespace."""

from __future__ import annotations

import contextlib
import json
import random
import time
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from kernelscope.probe import cell_notes, scanner
from tests.probe.hostile import Tripwires, hostile_objects
from tests.support.probe import make_code_reader, make_scanner

CELLS = (
    "{x}.fit(X, y)",
    "y = {x}.a.b.c(1)",
    "{x}['coef_'][0].fit(X)",
    "train({x}, key={x})",
    "joblib.dump({x}, {x})",
    "pickle.load({x})",
    "m = copy.deepcopy({x})",
    "p = f'{{{x}}}/{{{x}.name}}' + {x}",
    "q = folder / {x}",
    "for m in {x}: m.partial_fit(X)",
    "with {x} as f: pickle.dump(model, f)",
    "with open({x}) as f: pickle.dump({x}, f)",
    "{x}.coef_ = {x}; del {x}.coef_",
    "[m.fit({x}) for m in {x}]",
    "z = os.path.join({x}, 'a')",
)


def put_somewhere(dice: random.Random, number: int, thing: Any, space: dict[str, Any]) -> None:
    """Put the object somewhere where the probe looks."""
    name = f"x{number}"
    model = LogisticRegression()
    match dice.randrange(8):
        case 0:
            space[name] = [thing, model]
        case 1:
            space[name] = {"a": thing, number: model}
        case 2:
            model.C = thing
            space[name] = model
        case 3:
            model.coef_ = thing
            model.classes_ = [thing, {"a": thing}]
            space[name] = model
        case 4:
            model.coef_ = np.empty(2, dtype=object)
            model.coef_[0] = thing
            space[name] = model
        case 5:
            space[name] = Pipeline([("a", thing), ("b", model)])
        case _:
            space[name] = thing


@pytest.mark.parametrize("seed", range(5))
def test_no_code_of_hostile_objects_is_run(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanner, "SECONDS", 120.0)
    monkeypatch.setattr(scanner, "FIRST_SECONDS", 60.0)
    monkeypatch.setattr(cell_notes, "SECONDS", 60.0)
    wires, dice = Tripwires(), random.Random(seed)
    exec(
        "import copy, joblib, os, pickle, pathlib\ndef train(m, key=None): m.fit()",
        space := {"__name__": "__main__"},
    )
    space["model"], space["folder"] = LogisticRegression(), __import__("pathlib").Path("/tmp")
    for number, thing in enumerate(hostile_objects(wires, seed, 120)):
        put_somewhere(dice, number, thing, space)
    looking = make_scanner(space)
    reader = make_code_reader(space, looking)
    wires.tripped.clear()
    for _ in range(3):
        observation = looking.scan()
        json.dumps(observation)
        assert not observation["cut"]
    for number in range(120):
        for cell in CELLS:
            json.dumps(reader.read(cell.format(x=f"x{number}"), time.time()))
    assert wires.tripped == []
    assert looking.names["model"], "the plain model beside them is reported"


def test_the_tripwires_work() -> None:
    """Everything that the probe must not do triggers them."""
    wires = Tripwires()
    for thing in hostile_objects(wires, 1, 50):
        for look_at in (repr, hash, bool, lambda x: x == 1, lambda x: x.coef_, lambda x: x.get_params()):
            with contextlib.suppress(Exception):  # they may raise anything
                look_at(thing)
    assert len(wires.tripped) > 100
