"""Watches a kernel with thousands of hostile objects: none of their code runs, none is kept, none is slow to scan."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kernelscope.domain.facts import Opaque, Signature
from tests.kernel.watching import evaluate, watching
from tests.support import pythons
from tests.support.kernels import KernelProcess

HERE = Path(__file__).parent
BATCHES, SIZE = 17, 120
SEED = int(os.environ.get("KERNELSCOPE_TEST_SEED", "4"))
"""Seed of the objects; change it by hand for others."""
MOST_S = 0.4
"""CPU seconds that a hook may take: for a look, and for reading a cell's source."""
PUT_IN = "".join(
    f"m = types.ModuleType({name!r}); sys.modules[{name!r}] = m; exec({(HERE / (name + '.py')).read_text()!r}, m.__dict__)\n"
    for name in ("hostile", "menagerie")
)
SETUP = f"import sys, types\n{PUT_IN}del m\nimport menagerie, gc, weakref\nfrom sklearn.linear_model import LogisticRegression"


@pytest.mark.long
@pytest.mark.fault(57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70)
@pytest.mark.parametrize("python", pythons.oldest_and_newest(), ids=pythons.environment_name)
async def test_thousands_of_hostile_objects_are_scanned_without_running_their_code(
    python: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with KernelProcess(tmp_path, python) as kernel:
        client = kernel.client()
        assert kernel.run(SETUP)["status"] == "ok"
        async with watching(kernel) as watch:
            await watch.wait_for_attach()
            evaluate(client, "menagerie.time_hooks(get_ipython().events.callbacks)")
            tripped, alive, before = 0, 0, len(watch.runs)
            for number in range(BATCHES):
                reply = kernel.run(f"menagerie.batch(globals(), {SEED * 1_000 + number}, {SIZE})")
                assert reply["status"] == "ok", reply
                kernel.run("if not gc: x0.fit(x1)\ny = [x2, x3]; model = LogisticRegression(C=2.0)")
                await watch.wait_for_runs(before + 2 * (number + 1))
                tripped += evaluate(client, "menagerie.count_calls()")
                kernel.run("for i in range(120): del globals()[f'x{i}']\ndel y, i; _ = gc.collect()")
                before += 1
                await watch.wait_for_runs(before + 2 * (number + 1))
                alive += evaluate(client, "sum(r() is not None for r in menagerie.watched)")
            control = await _control(kernel)
            assert control > SIZE
            longest = max(evaluate(client, "menagerie.hooks"))
            texts = [
                value.text
                for observation in watch.observations
                for facts in observation.objects
                for value in (*facts.params.values(), *facts.learned.values())
                if isinstance(value, Opaque | Signature)
            ]
            learned = {n: s for o in watch.observations for f in o.objects for n, s in f.learned.items()}
            cell = "u = menagerie.Undead(); keeper = LogisticRegression(u); keeper.coef_ = [u]; keeper.intercept_ = u"
            for code in (cell, "keeper.n_iter_ = 1", "del keeper, u; print(len(menagerie.freed))"):
                assert kernel.run(code)["status"] == "ok"
            assert evaluate(client, "len(menagerie.freed)") == 1, "freed at the del and only there"
        assert not any("the look after" in cut for run in watch.runs for cut in run.cut)
        for name in ("many_", "strided_", "digits_", "text_"):
            assert str(learned[name].digest).startswith("~"), f"{name} is reported as cut"
        assert learned["digits_"].text == "int of 3321930 bits"
        assert learned["strided_"].text == "float64 array (1342177280,)"
        assert learned["deep_"].digest is None
        assert (learned["nan_"].text, learned["zero_"].text) == ("nan", "-0.0")
        assert learned["proxy_"].text == "Proxy"
        table = (
            f"{BATCHES * SIZE} objects, {len(watch.runs)} runs, {len(texts)} values reported; of their code was run: "
            f"{tripped} (control: {control}); kept alive: {alive}; "
            f"longest hook: {longest / 0.07:.1f} of the two budgets; reported as cut: {sum(bool(r.cut) for r in watch.runs)}"
        )
        record_property("table", table)
        assert (tripped, alive) == (0, 0), table
        assert longest < MOST_S, table
        assert max(map(len, texts)) <= 200
        assert kernel.run("1")["status"] == "ok"


async def _control(kernel: KernelProcess) -> int:
    kernel.run(f"menagerie.batch(globals(), {SEED * 1_000}, {SIZE})")
    return int(evaluate(kernel.client(), "menagerie.examine_naively(globals())"))
