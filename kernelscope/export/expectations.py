"""What became of expectations, as lines for people and as records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kernelscope.expectations.results import Result
from kernelscope.presentation.expectations import finding_sentence
from kernelscope.presentation.segments import text_of
from kernelscope.protocol.records import Record, change_record
from kernelscope.text import clean

_LONGEST = 65_536
_OUTCOMES = {"holds": "holds", "broken": "BROKEN", "unknown": "UNDECIDED"}
"""An undecidable expectation fails."""


def result_lines(results: Sequence[Result]) -> Iterator[str]:
    """A line for each expectation, and below it one for each reason why it does not hold."""
    for result in results:
        yield f"{_OUTCOMES[result.outcome]:<9}  {clean(result.expectation.text, limit=_LONGEST)}"
        yield from (
            f"           {clean(text_of(finding_sentence(f)), limit=_LONGEST)}" for f in result.findings
        )


def expectation_record(result: Result) -> Record:
    """The record of one result."""
    return {
        "type": "expectation",
        "expectation": result.expectation.text,
        "outcome": result.outcome,
        "findings": [
            {
                "name": finding.name,
                "epoch": finding.epoch or None,
                "execution_count": finding.execution_count,
                "sentence": text_of(finding_sentence(finding)),
                "change": None if finding.change is None else change_record(finding.change),
            }
            for finding in result.findings
        ],
    }
