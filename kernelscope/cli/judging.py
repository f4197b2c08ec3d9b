"""What became of expectations, as words and as an exit status."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from kernelscope.cli.running import run, talk
from kernelscope.domain.events import Attached
from kernelscope.errors import UnreachableError
from kernelscope.expectations.checker import ExpectationChecker
from kernelscope.expectations.language import Expectation
from kernelscope.export.expectations import expectation_record, result_lines
from kernelscope.presentation.expectations import finding_sentence
from kernelscope.presentation.segments import text_of
from kernelscope.protocol.records import encode
from kernelscope.session import Session
from kernelscope.text import escaped_json
from kernelscope.timeline.timeline import Update

NO = 1
"""The exit status that says no."""


def judged(session: Session, expected: Sequence[Expectation], as_json: bool, *, at_once: bool = True) -> None:
    """Runs the session to its end, and ends with exit status 1 unless all that is expected holds.

    A kernel that has ended has nothing more to say: that is no error here.

    Args:
        session: not yet run.
        expected: at least one.
        as_json: the results are JSON lines.
        at_once: what is broken is said on standard error as soon as it is.
    """
    checker = ExpectationChecker(expected, session.timeline)
    session.listen(lambda update: _hear(checker, update, at_once=at_once))
    interrupted = False
    try:
        run(session.run())
    except UnreachableError as error:
        if session.timeline.kernel is None:
            raise
        talk(error.title)
    except KeyboardInterrupt:
        if session.timeline.kernel is None:
            raise
        interrupted = True
    results = checker.results()
    if as_json:
        for result in results:
            sys.stdout.buffer.write(escaped_json(encode(expectation_record(result))))
        sys.stdout.buffer.flush()
    else:
        for line in result_lines(results):
            click.echo(line)
    if any(result.outcome != "holds" for result in results):
        raise SystemExit(NO)
    if interrupted:
        raise KeyboardInterrupt


def _hear(checker: ExpectationChecker, update: Update, *, at_once: bool) -> None:
    broken = checker(update)
    if not at_once:
        return
    begun = update.moments[0].execution_count if isinstance(update.event, Attached) else 0
    if begun:
        talk(f"what In [1] to In [{begun}] did was not seen, and is not judged")
    for finding in broken:
        talk(f"expected otherwise: {text_of(finding_sentence(finding))}")
