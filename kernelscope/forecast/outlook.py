"""What running a cell again would do, as values."""

from __future__ import annotations

from msgspec import Struct

from kernelscope.domain.changes import Verdict
from kernelscope.forecast.reasons import Doubt, Reason


class Forecast(Struct, frozen=True):
    """What running a cell again would do to one name."""

    name: str
    verdict: Verdict | None
    """``untouched`` if it is known that nothing would happen; ``None`` if nothing is known."""
    reason: Reason
    sure: bool = True
    """Nothing speaks against it."""


class Outlook(Struct, frozen=True):
    """What running a cell again would do, as far as is known."""

    forecasts: tuple[Forecast, ...] = ()
    doubt: Doubt | None = None
    """Why less than usual is known about this cell; no forecast of it is sure then."""
