"""Proves the oath's second article: the probe does not delay when the user's objects are freed."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kernel.watching import evaluate, watching
from tests.support.kernels import KernelProcess

HERE = Path(__file__).parent
SOURCES = {"living": HERE / "living.py", "steps": HERE.parent / "estimators" / "steps.py"}
SETUP = "import sys, types\n" + "".join(
    f"m = types.ModuleType({name!r}); sys.modules[{name!r}] = m; exec({path.read_text(encoding='utf-8')!r}, m.__dict__)\n"
    for name, path in SOURCES.items()
)
LET_GO = "freed = living.delete_all(globals(), len(kinds))"
ALONE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}


async def measure_frees(kernel: KernelProcess, kinds: str) -> tuple[int, list[str], list[str]]:
    """Return how many models were fitted, and when each was freed, in the same kernel unwatched and watched."""
    client = kernel.client()
    make = "fitted = living.make(globals(), kinds)"
    for cell in (f"{SETUP}del m\nimport living, steps\nkinds = list({kinds})", make, "f0", LET_GO):
        reply = kernel.run(cell, timeout=240)
        assert reply["status"] == "ok", reply
    plain = json.loads(evaluate(client, "__import__('json').dumps(freed)"))
    kernel.run("del freed")
    async with watching(kernel) as watch:
        await watch.wait_for_attach()
        for number, cell in enumerate((make, "f0", "looked = 1", "looked = 2", LET_GO), start=1):
            reply = kernel.run(cell, timeout=240)
            assert reply["status"] == "ok", reply
            await watch.wait_for_runs(number)
        names = {n for o in watch.observations for n in o.names}
        watched = json.loads(evaluate(client, "__import__('json').dumps(freed)"))
        assert len(names & {name.split()[0] for name in watched}) > 0.9 * len(watched), (
            "the probe looked at them"
        )
        return int(evaluate(client, "fitted")), plain, watched


@pytest.mark.long
@pytest.mark.fault(51)
async def test_every_estimator_is_freed_when_it_would_have_been(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with KernelProcess(tmp_path, env=ALONE) as kernel:
        fitted, plain, watched = await measure_frees(kernel, "living.estimators(steps, globals())")
    counts = Counter(when.split(" ", 1)[1] for when in watched)
    record_property("table", f"{len(watched)} models, {fitted} of them fitted: {dict(counts)}")
    assert watched == plain
    assert "f0 never" in plain, "IPython's own Out keeps the value of a cell's last line"
    assert counts["never"] == 1
    assert len(watched) > 400
    assert fitted > 0.9 * len(watched) / 2


@pytest.mark.frameworks
async def test_every_framework_s_model_is_freed_when_it_would_have_been(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    for module in ("torch", "xgboost", "lightgbm", "catboost", "statsmodels", "skorch"):
        pytest.importorskip(module, reason=f"{module} is not installed")
    with KernelProcess(tmp_path, sys.executable, env=ALONE) as kernel:
        fitted, plain, watched = await measure_frees(kernel, "living.frameworks(globals())")
    counts = Counter(when.split(" ", 1)[1] for when in watched)
    record_property("table", f"{len(watched)} models, {fitted} of them fitted: {dict(counts)}")
    assert watched == plain
    assert fitted == len(watched) / 2
