"""Numbers of things: one spelling of ``1 run`` and ``1,200 runs`` on the screen and in every export."""

from __future__ import annotations


def quantity(number: int, noun: str) -> str:
    """``1 run``, ``1,200 runs``: for nouns whose plural takes an ``s``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
