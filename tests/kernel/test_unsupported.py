"""Tests kernels that kernelscope cannot attach to: the error names each, and nothing is left in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kernelscope.errors import UnsupportedKernelError
from kernelscope.kernel.auditor import audit
from kernelscope.kernel.live_source import detach_probe
from tests.kernel import foreign
from tests.kernel.test_manners import EXPRESSION
from tests.kernel.watching import evaluate, watching
from tests.support.kernels import KernelProcess


@contextmanager
def foreign_kernel(folder: Path, kind: str) -> Iterator[KernelProcess]:
    with KernelProcess(folder, launcher=(str(foreign.__file__), kind)) as kernel:
        yield kernel


def requests_of(kernel: KernelProcess) -> list[dict[str, Any]]:
    """Return the requests to execute that the kernel has received so far."""
    kernel.run("now")
    lines = kernel.log.read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith('{"code')][:-1]


async def refusal_of(kernel: KernelProcess) -> UnsupportedKernelError:
    """Return the error of attaching, which detaching raises as well."""
    async with watching(kernel) as watch:
        error = await watch.wait_for_error()
    assert isinstance(error, UnsupportedKernelError)
    assert error.exit_code == 3
    assert "ipykernel 6 or 7" in error.hint
    with pytest.raises(UnsupportedKernelError) as detaching:
        await detach_probe(kernel.connection_file)
    assert detaching.value.title == error.title
    with pytest.raises(UnsupportedKernelError) as audited:
        await audit(kernel.connection_file, seconds=1)
    assert audited.value.title == error.title
    return error


@pytest.mark.fault(14)
async def test_a_kernel_of_another_language_is_named_and_gets_no_code_to_run(tmp_path: Path) -> None:
    with foreign_kernel(tmp_path, "echo") as kernel:
        error = await refusal_of(kernel)
        requests = requests_of(kernel)
    assert "speaks echo" in error.title
    assert [(one["code"], one["silent"]) for one in requests] == [("", True)] * 3
    assert requests[-1]["left"] == {**requests[0]["left"], "modules": [], "callbacks": 0}


@pytest.mark.fault(15)
@pytest.mark.parametrize(
    ("kind", "words"), [("python", "no IPython kernel runs here"), ("shell", "its kernel is builtins.object")]
)
async def test_a_python_kernel_other_than_ipykernel_is_named_and_not_changed(
    tmp_path: Path, kind: str, words: str
) -> None:
    with foreign_kernel(tmp_path, kind) as kernel:
        before = kernel.run("before") and requests_of(kernel)[-1]["left"]
        error = await refusal_of(kernel)
        after = requests_of(kernel)[-1]["left"]
    assert words in error.title
    assert after == before
    assert after["modules"] == []


@pytest.mark.fault(15)
@pytest.mark.parametrize(
    ("change", "restore", "words"),
    [
        ("ip.kernel = None", "ip.kernel = kernel", "no IPython kernel runs here"),
        ("ipykernel.version_info = (5, 5, 6)", "ipykernel.version_info = release", "ipykernel 5.5.6 is too old"),
    ],
)  # fmt: skip
async def test_an_ipykernel_without_what_the_probe_needs_is_named(
    kernel: KernelProcess, change: str, restore: str, words: str
) -> None:
    """A changed version simulates the old ipykernel, which would need an old Python."""
    kernel.run(
        "import ipykernel; ip = get_ipython(); kernel = ip.kernel; release = ipykernel.version_info\n"
        + change
    )
    client = kernel.client()
    state = EXPRESSION.replace("ip.kernel.comm_manager", "kernel.comm_manager").replace(
        "{'get_ipython': get_ipython}", "{'get_ipython': get_ipython, 'kernel': kernel}"
    )
    before = evaluate(client, state)
    error = await refusal_of(kernel)
    assert words in error.title
    assert evaluate(client, state) == before
    kernel.run(restore)
    async with watching(kernel) as watch:
        await watch.wait_for_attach()


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelProcess]:
    with KernelProcess(tmp_path_factory.mktemp("kernel")) as process:
        yield process
