"""``kernelscope explain``: the history of one name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kernelscope.cli.options import CONNECTION, LATE, NO_KERNEL, asking_options, notes
from kernelscope.cli.shell_completion import names
from kernelscope.cli.sources import load_session
from kernelscope.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from kernelscope.kernel.attach_options import AttachOptions
    from kernelscope.session import Session
    from kernelscope.timeline.view import TimelineView


@click.command(
    short_help="Show what happened to one name, in sentences.",
    epilog=notes(
        "kernelscope explain model",
        "kernelscope explain churn.ipynb \"models['lr']\" --at 12",
        "kernelscope explain run.kscope model --json",
        about=f"{CONNECTION} FILE is a recording.",
        exits=f"1 if nothing is known about NAME; {NO_KERNEL}; {LATE}; 5 if FILE cannot be opened.",
    ),
)
@click.argument("words", nargs=-1, required=True, metavar="[CONNECTION|FILE] NAME", shell_complete=names)
@click.option("--at", metavar="N", help="Only up to In [N]; 2:7 is In [7] after the first restart (epoch 2).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@asking_options
def explain(words: tuple[str, ...], at: str | None, as_json: bool, options: AttachOptions) -> None:
    """Show what happened to one name, oldest first, how that is known, and what running cells again does to it.

    A live kernel is asked once. If a probe was asked to stay in it (watch --keep), the history includes
    what that probe saw, even while no kernelscope was running; otherwise it begins with what is there now.
    """
    if len(words) > 2:
        raise UsageError(
            "explain takes a connection or a recording, and one name", "kernelscope explain model"
        )
    where = words[0] if len(words) == 2 else None
    moment = _parse_moment(at) if at is not None else None
    session = load_session(where, options)
    _print_history(session.view, words[-1], moment, as_json, _count_forgotten(session))


_MOST_NAMES = 20
"""The most names that a message lists."""


def _parse_moment(text: str) -> tuple[int | None, int]:
    """The epoch, if it is given, and the execution count."""
    epoch, _, count = text.rpartition(":")
    count = count.removeprefix("[").removesuffix("]")
    if not (count.isdecimal() and (epoch.isdecimal() or not epoch)):
        raise UsageError(f"{text!r} is not a run", "Write 12 for In [12], and 2:12 for In [12] in epoch 2.")
    return int(epoch) if epoch else None, int(count)


def _count_forgotten(session: Session) -> int:
    """How many observations the probe did not keep."""
    from kernelscope.domain.events import Attached

    attaches = [past.event.base.seq for past in session.past if isinstance(past.event, Attached)]
    return attaches[-1] if attaches else 0


def _print_history(
    timeline: TimelineView, written: str, moment: tuple[int | None, int] | None, as_json: bool, forgotten: int
) -> None:
    from kernelscope.domain.names import canonical_name
    from kernelscope.export.history import history_json, history_text
    from kernelscope.presentation.history import find_moment, known_runs, name_history

    name, until = canonical_name(written), None
    if not timeline.track(name):
        raise _unknown_name(timeline, name)
    if moment is not None:
        epoch, count = moment[0] or timeline.epoch, moment[1]
        until = find_moment(timeline, epoch, count)
        if until is None:
            first, last = known_runs(timeline, epoch)
            raise UnknownNameError(
                f"In [{count}] was not seen" + (f" in epoch {epoch}" if epoch != 1 else ""),
                f"The known runs are those after In [{first}], up to In [{last}].",
            )
    history = name_history(timeline, name, until, forgotten)
    click.echo(history_json(history) if as_json else history_text(history))


def _unknown_name(timeline: TimelineView, name: str) -> UnknownNameError:
    from kernelscope.expectations.checker import close_names
    from kernelscope.presentation.expectations import did_you_mean
    from kernelscope.presentation.segments import text_of

    rows = timeline.rows()
    meant = text_of(did_you_mean(close_names(name, rows)))
    names = [row.name for row in rows if row.whole is None]
    more = f" and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else ""
    known = f"The names: {', '.join(names[:_MOST_NAMES])}{more}." if rows else ""
    if timeline.cut:
        left_out = f"The latest look left out: {'; '.join(timeline.cut)}."
        return UnknownNameError(
            f"no model called {name} was seen{meant}, but not everything was looked at",
            f"{left_out} {known}".rstrip(),
        )
    return UnknownNameError(f"no model was ever called {name}{meant}", known or "There was no model at all.")
