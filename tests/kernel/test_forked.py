"""The kernels that tests fork behave like those that a notebook server starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kernelscope.kernel.processes import find_kernel_process, has_kernel_process
from tests.kernel.watching import evaluate
from tests.support import pythons
from tests.support.kernels import KernelProcess
from tests.support.zygote import nursery

# `python -m` starts with `runpy`.
ASK = """(lambda os, signal, sys, threading, __main__: {
    "modules": sorted(set(sys.modules) - {"runpy"}),
    "path": sys.path,
    "environment": sorted(os.environ),
    "ipython": get_ipython().profile_dir.location,
    "folder": os.getcwd(),
    "files": {n: os.path.realpath("/proc/self/fd/%d" % n).split(":")[0] for n in range(3)},
    "signals": {n: str(signal.getsignal(n)).split(" at ")[0] for n in (1, 2, 13, 15, 17)},
    "threads": sorted(t.name.split("-")[0] for t in threading.enumerate()),
    "names": sorted(vars(__main__)),
})(*map(__import__, ("os", "signal", "sys", "threading", "__main__")))""".replace("\n", " ")


def describe(kernel: KernelProcess) -> dict[str, Any]:
    """Return what a kernel's own process looks like."""
    return dict(evaluate(kernel.client(), ASK))


@pytest.mark.parametrize("python", pythons.oldest_and_newest(), ids=pythons.environment_name)
def test_a_forked_kernel_looks_like_a_started_one(python: str, tmp_path: Path) -> None:
    with KernelProcess(tmp_path, python) as kernel:
        started = describe(kernel)
    with KernelProcess(tmp_path, python, nursery=nursery(python, ())) as kernel:
        forked = describe(kernel)
        assert find_kernel_process(kernel.connection_file) == kernel.pid
        assert has_kernel_process(kernel.connection_file)
        pid = kernel.pid
        kernel.restart()
        assert kernel.pid != pid
    assert forked == started
