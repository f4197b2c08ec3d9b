"""How long the judgement of one run takes that changes every model."""

from __future__ import annotations

import time
from collections.abc import Iterator

from kernelscope.domain.events import Observed
from tests.benchmarks.rows import Row, row_of
from tests.support.facts import Watch, call_of, model, observation, rebind, run_facts

TOPIC = "judging"
MODELS = 50
RUNS = 60


def measure() -> Iterator[Row]:
    """Rows for one run that refits each of 50 models, and for one that changes none."""
    models = {f"m{place}": model(place + 1) for place in range(MODELS)}
    watch = Watch(**models)
    refits: list[float] = []
    unchanged: list[float] = []
    for count in range(1, 2 * RUNS, 2):
        models = {name: rebind(facts) for name, facts in models.items()}
        calls = tuple(call_of(facts) for facts in models.values())
        changes = observation(
            watch.next_seq(), run_facts(count), None, models.values(), calls=calls, sees_calls=True
        )
        nothing = observation(watch.next_seq(), run_facts(count + 1), sees_calls=True)
        for seen, times in ((changes, refits), (nothing, unchanged)):
            begun = time.perf_counter()
            watch.apply(Observed(1, seen))
            times.append((time.perf_counter() - begun) * 1_000)
    yield row_of(TOPIC, f"a run that refits {MODELS} models", refits[5:], "ms", 2.0)
    yield row_of(TOPIC, f"a run that changes none of {MODELS}", unchanged[5:], "ms")
