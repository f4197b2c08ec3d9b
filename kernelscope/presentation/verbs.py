"""What running a cell does to a name, as a verb with an object."""

from __future__ import annotations

from kernelscope.domain.changes import Verdict

DOES = {
    Verdict.CREATED: "creates",
    Verdict.RESET: "resets",
    Verdict.REFITTED: "refits",
    Verdict.CONTINUED: "continues",
    Verdict.FITTED: "fits",
    Verdict.PARAMS: "changes parameters of",
    Verdict.EDITED: "edits",
    Verdict.RESTORED: "restores",
    Verdict.COPIED: "makes a copy in",
    Verdict.ALIASED: "gives another name to",
    Verdict.CLEARED: "clears",
    Verdict.SAVED: "saves",
    Verdict.DELETED: "deletes",
    Verdict.UNKNOWN: "changes, unknown how,",
    Verdict.UNTOUCHED: "leaves alone",
}
"""What a cell does, as a verb with an object."""

WOULD = {
    Verdict.CREATED: "create",
    Verdict.RESET: "reset",
    Verdict.REFITTED: "refit",
    Verdict.CONTINUED: "continue",
    Verdict.FITTED: "fit",
    Verdict.PARAMS: "change parameters of",
    Verdict.EDITED: "edit",
    Verdict.RESTORED: "restore",
    Verdict.COPIED: "make a copy in",
    Verdict.ALIASED: "give another name to",
    Verdict.CLEARED: "clear",
    Verdict.SAVED: "save",
    Verdict.DELETED: "delete",
    Verdict.UNKNOWN: "change, unknown how,",
    Verdict.UNTOUCHED: "leave alone",
}
"""What it would do; with ``would`` before it nobody takes it for something seen."""
