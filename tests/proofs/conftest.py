"""Runs each proof with both supported ipykernels: the newest in the test's own Python, and 6.29."""

from __future__ import annotations

import pytest

from tests.conftest import interpreter


@pytest.fixture(params=["own", "3.10"], ids=["ipykernel 7", "ipykernel 6"], scope="module")
def python(request: pytest.FixtureRequest) -> str:
    """An interpreter for kernels."""
    return interpreter(request.param)
