"""An audit as a table for people, or as one JSON object."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Literal

import msgspec
from msgspec import Struct

from kernelscope.presentation.quantities import quantity
from kernelscope.protocol.audit import Audit, InstalledProbe
from kernelscope.text import clean

AuditFinding = Literal["same", "ours", "theirs", "left", "changed"]
"""``ours``: the probe's while it watched, gone afterwards; ``theirs``: by cells that ran meanwhile; ``left``: the
probe's, and still there; ``changed``: by an unknown cause."""


_OURS = "kernelscope"
_MOST_NAMED = 3
_COUNTED = frozenset(
    {
        "names",
        "In",
        "Out",
        "callbacks",
        "modules",
        "comms",
        "threads",
        "file descriptors",
        "linecache",
        "builtins",
    }
)


class AuditRow(Struct, frozen=True):
    """One thing that was looked at, at three moments."""

    what: str
    before: str
    during: str
    after: str
    finding: AuditFinding
    detail: str = ""


def rows(audit: Audit) -> Iterator[AuditRow]:
    """Compares the three looks, item by item, in the order of the kernel's report."""
    for what, before in audit.before.report.items():
        during, after = audit.during.report.get(what, ()), audit.after.report.get(what, ())
        finding, detail = _finding(audit, before, during, after)
        yield AuditRow(
            what, _describe(what, before), _describe(what, during), _describe(what, after), finding, detail
        )


def is_clean(audit: Audit) -> bool:
    """Whether everything is unchanged, except for what cells did meanwhile."""
    return all(row.finding not in ("left", "changed") for row in rows(audit))


def json_text(audit: Audit) -> str:
    """The audit as one JSON object: the rows, the cost (seconds and bytes), and what else was measured."""
    return msgspec.json.encode(
        {
            "type": "audit",
            "clean": is_clean(audit),
            "kernel": audit.kernel,
            "rows": list(rows(audit)),
            "cost": audit.cost,
            "lost": audit.lost,
            "compared": _compared(audit.during.probe),
            "seconds": round(audit.seconds, 3),
            "requests": audit.requests,
            "runs": audit.runs,
            "last_activity": audit.activity,
        }
    ).decode()


def _compared(probe: InstalledProbe | None) -> dict[str, Any] | None:
    """How long ago the content of each model was compared."""
    if probe is None:
        return None
    turns = [{"name": name, "last_turn": count} for name, count in probe.compared_after.items()]
    return {"latest_run": probe.latest, "models": turns}


def table(audit: Audit) -> str:
    """The audit as aligned columns, followed by the cost and what the audit itself did."""
    lines = [("", "BEFORE", "WATCHED", "AFTER", "")]
    lines += [(r.what, r.before, r.during, r.after, _words(r)) for r in rows(audit)]
    widths = [max(len(row[column]) for row in lines) for column in range(4)]
    aligned = [
        "  ".join((*(f"{c:<{w}}" for c, w in zip(row, widths, strict=False)), row[4])).rstrip()
        for row in lines
    ]
    return "\n".join((*aligned, "", *_below(audit)))


def _below(audit: Audit) -> Iterator[str]:
    cost = audit.cost
    yield f"kernel         {audit.kernel}"
    yield (
        f"a run          takes {_ms(cost.median)} at the median, {_ms(cost.p99)} at the 99th percentile, "
        f"{_ms(cost.longest)} at most: hooks, encoding and sending ({cost.hooks} so far)"
    )
    yield (
        f"cost           {cost.sent:,} bytes sent, {cost.not_evaluated} values not evaluated, "
        f"{cost.failures} errors of its own, {audit.lost} observations lost"
    )
    if audit.during.probe is not None:
        yield f"content        {_describe_turns(audit.during.probe)}"
    for off in audit.during.probe.switched_off if audit.during.probe is not None else ():
        yield f"not read       objects of {off.library}, because reading one raised {off.error}"
    if audit.activity is None:
        yield "last activity  no server of this machine owns this kernel"
    else:
        moved = audit.activity.end - audit.activity.begin
        still = "did not move" if moved == 0 else f"moved by {moved:.1f} s"
        yield f"last activity  {still} in the {audit.seconds:.0f} s in which it was only listened to"
    yield (
        f"the audit      made {audit.requests} silent requests; they set ip.last_execution_result and the last "
        "activity"
    )
    if audit.before.probe is not None:
        yield f"not ours       another kernelscope was watching already, version {audit.before.probe.version}"
    if audit.runs:
        yield f"meanwhile      In {list(audit.runs)} ran: what they changed is theirs"
    bad = sum(row.finding in ("left", "changed") for row in rows(audit))
    yield "result         " + (f"{bad} things have changed" if bad else "everything is unchanged")


def _describe_turns(probe: InstalledProbe) -> str:
    """How long ago the content of the models was compared, in words."""
    if not probe.compared_after:
        return "no models"
    name, last = min(probe.compared_after.items(), key=lambda turn: turn[1])
    late = sum(count < probe.latest for count in probe.compared_after.values())
    if not late:
        return "of every model compared after the latest run"
    return (
        f"{late:,} of {quantity(len(probe.compared_after), 'model')} not compared after the latest run; "
        f"{name} waits longest: {quantity(probe.latest - last, 'run')}"
    )


def _finding(
    audit: Audit, before: tuple[str, ...], during: tuple[str, ...], after: tuple[str, ...]
) -> tuple[AuditFinding, str]:
    if before == during == after:
        return "same", ""
    if after == before:
        return "ours", _difference(before, during)
    left = [item for item in set(after) - set(before) if _OURS in item]
    if left and audit.after.probe is None:
        return "left", ", ".join(sorted(left))
    return ("theirs" if audit.runs else "changed"), _difference(before, after)


def _difference(one: tuple[str, ...], other: tuple[str, ...]) -> str:
    gone, come = sorted(set(one) - set(other)), sorted(set(other) - set(one))
    ours = [item for item in come if _OURS in item]
    changes = [f"+ {len(ours)} of kernelscope's"] if ours else []
    changes += [f"+ {item}" for item in come if item not in ours] + [f"- {item}" for item in gone]
    more = f" and {len(changes) - _MOST_NAMED} more" if len(changes) > _MOST_NAMED else ""
    return clean(", ".join(changes[:_MOST_NAMED]) + more, limit=120)


def _words(row: AuditRow) -> str:
    match row.finding:
        case "same":
            return "same"
        case "ours":
            return f"unchanged; meanwhile {row.detail}"
        case "theirs":
            return f"by the cells that ran: {row.detail}"
        case "left":
            return f"LEFT BEHIND: {row.detail}"
        case "changed":
            return f"CHANGED: {row.detail}"


def _describe(what: str, items: tuple[str, ...]) -> str:
    """How many items there are, the only item if it is a number, or a fingerprint of what cannot be counted."""
    if len(items) == 1 and items[0].isdecimal():
        return items[0]
    if what in _COUNTED:
        return str(len(items))
    return hashlib.blake2b("\n".join(items).encode("utf-8", "backslashreplace"), digest_size=3).hexdigest()


def _ms(seconds: float) -> str:
    return f"{seconds * 1_000:.1f} ms"
