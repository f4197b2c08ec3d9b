"""Checks a session against expectations, and reports the outcome as lines and as an exit status."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from kernelscope.cli.runtime import NO, print_message, run
from kernelscope.domain.events import Attached
from kernelscope.errors import UnreachableError
from kernelscope.expectations.checker import ExpectationChecker
from kernelscope.expectations.language import Expectation
from kernelscope.export.expectations import expectation_record, result_lines
from kernelscope.presentation.expectations import finding_sentence
from kernelscope.presentation.segments import text_of
from kernelscope.protocol.records import encode
from kernelscope.session import Session
from kernelscope.text import escape_json
from kernelscope.timeline.timeline import Update


def report_expectations(
    session: Session, expected: Sequence[Expectation], as_json: bool, *, at_once: bool = True
) -> None:
    """Runs the session to its end, and exits with 1 unless every expectation holds.

    A kernel that has ended is no error here: it has nothing more to report.

    Args:
        session: not yet run.
        expected: at least one.
        as_json: print the results as JSON lines.
        at_once: report a broken expectation on standard error as soon as it is broken.
    """
    checker = ExpectationChecker(expected, session.view)
    session.listen(lambda update: _check(checker, update, at_once=at_once))
    is_interrupted = False
    try:
        run(session.run())
    except UnreachableError as error:
        if session.view.kernel is None:
            raise
        print_message(error.title)
    except KeyboardInterrupt:
        if session.view.kernel is None:
            raise
        is_interrupted = True
    results = checker.results()
    if as_json:
        for result in results:
            sys.stdout.buffer.write(escape_json(encode(expectation_record(result))))
        sys.stdout.buffer.flush()
    else:
        for line in result_lines(results):
            click.echo(line)
    if any(result.outcome != "holds" for result in results):
        raise SystemExit(NO)
    if is_interrupted:
        raise KeyboardInterrupt


def _check(checker: ExpectationChecker, update: Update, *, at_once: bool) -> None:
    findings = checker(update)
    if not at_once:
        return
    skipped = update.moments[0].execution_count if isinstance(update.event, Attached) else 0
    if skipped:
        print_message(f"In [1] to In [{skipped}] ran before the attach and are not checked")
    for finding in findings:
        print_message(f"expected otherwise: {text_of(finding_sentence(finding))}")
