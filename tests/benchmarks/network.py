"""What a run pays for a network of 100 million parameters with its optimizer; needs PyTorch."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

from tests.benchmarks.kernels import kernel_process, time_hooks, watched
from tests.benchmarks.rows import Row, row_of, show

TOPIC = "network"
CELLS = 20
SETUP = """
import torch
net = torch.nn.Sequential(*(torch.nn.Linear(3162, 3162) for _ in range(10)))
optimizer = torch.optim.Adam(net.parameters())
x = torch.ones(1, 3162)
def step():
    optimizer.zero_grad(); net(x).sum().backward(); optimizer.step()
step()
"""


def measure() -> Iterator[Row]:
    """Rows for a run beside the network, and for one that trains it; none without PyTorch."""
    if importlib.util.find_spec("torch") is None:
        show(f"\n{TOPIC}\n  PyTorch is not installed: left out")
        return
    with kernel_process() as kernel:
        kernel.run(SETUP, timeout=600)
        with watched(kernel):
            beside = time_hooks(kernel, ["1"] * CELLS)
            step = time_hooks(kernel, ["step()"] * CELLS)
    yield row_of(TOPIC, "100 M parameters with Adam, a run beside them", beside[2:], "ms", 5.0)
    yield row_of(TOPIC, "100 M parameters with Adam, a step", step[2:], "ms", 5.0)
