"""How classes and values are written wherever they are shown: one spelling for sentences, forecasts and tables."""

from __future__ import annotations

from kernelscope.domain.facts import Opaque, Value


def format_value(value: Value) -> str:
    """A parameter value as it stands in a sentence."""
    return value.text if isinstance(value, Opaque) else repr(value)


def short_class(cls: str | None) -> str:
    """The last part of a qualified class name."""
    return cls.rsplit(".", 1)[-1] if cls else "model"
