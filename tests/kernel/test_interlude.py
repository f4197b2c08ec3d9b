"""How often a real kernel is looked at: once per run, and once more only if something can have happened in between."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.kernel.watching import LONG, evaluate, watching
from tests.support import pythons
from tests.support.kernels import KernelProcess

SETUP = """
class Model:
    def get_params(self, deep=True): return {}
    def fit(self): self.learned_ = 1
m = Model()
"""
HELPER = """
import asyncio, pathlib
def later(model):
    asyncio.get_event_loop().call_later(0.01, change, model)
def change(model):
    model.fit()
    pathlib.Path("done").touch()
"""
SCANNER = "__import__('sys').modules['_kernelscope_probe.probe.agent'].AGENT.observer.scanner"
COUNT = f"""
def count():
    scanner, looks = {SCANNER}, []
    scan = scanner.scan
    def counted(*arguments, **named):
        looks.append(1)
        return scan(*arguments, **named)
    scanner.scan = counted
    return looks
looks = count()
"""


@pytest.mark.parametrize(
    "python", dict.fromkeys([sys.executable, *pythons.oldest_and_newest()]), ids=pythons.environment_name
)
async def test_a_quiet_kernel_is_looked_at_once_per_run(python: str, tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text(HELPER)
    with KernelProcess(tmp_path, python) as kernel:
        kernel.run(SETUP)
        async with watching(kernel) as watch:
            await watch.wait_for_attach()
            kernel.run(COUNT)
            for _ in range(20):
                kernel.run("x = 1")
            assert evaluate(kernel.client(), "len(looks)") == 21, "that of the cell that counts is the first"
            kernel.run("import helper\nhelper.later(m)")
            async with asyncio.timeout(LONG):
                while not (tmp_path / "done").exists():  # noqa: ASYNC110 - another process makes it
                    await asyncio.sleep(0.01)
            kernel.run("y = 1")
            await watch.wait_until(lambda w: w.codes[-1:] == ["y = 1"])
            between = [observation for observation in watch.observations if observation.run is None]
            assert [len(observation.objects) for observation in between] == [1], "no cell did it"
            assert not watch.runs[-1].objects
