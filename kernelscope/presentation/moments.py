"""Labels of moments: one spelling of ``In [8]`` and ``After In [8]`` everywhere."""

from __future__ import annotations

from kernelscope.domain.changes import Moment
from kernelscope.presentation.segments import Sentence, quote, sentence


def run_label(execution_count: int) -> Sentence:
    """``In [8]``."""
    return (quote(f"In [{execution_count}]"),)


def after_label(execution_count: int) -> Sentence:
    """``After In [8]``, to begin a sentence with."""
    return sentence("After ", run_label(execution_count)) if execution_count else sentence("At the beginning")


def moment_label(moment: Moment) -> Sentence:
    """``In [8]``, ``After In [8], between runs``, or which attach it is."""
    after = sentence("After ", run_label(moment.execution_count))
    match moment.kind:
        case "run":
            return run_label(moment.execution_count)
        case "between":
            return sentence(after, ", between runs")
        case _ if moment.index:
            return sentence("Attached again" if moment.execution_count else "Kernel restarted")
        case _ if moment.execution_count:
            return sentence("At the attach, after ", run_label(moment.execution_count))
        case _:
            return sentence("At the attach")
