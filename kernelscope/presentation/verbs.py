"""One table of verbs: each verdict in every form that a sentence needs."""

from __future__ import annotations

from msgspec import Struct

from kernelscope.domain.changes import Verdict
from kernelscope.presentation.segments import Segment, Sentence, sentence

_NAME = "{}"
"""Where the name stands in a form."""


class Verb(Struct, frozen=True):
    """The forms of one verb."""

    does: str
    """What a run does to a name: ``resets {}``."""
    do: str
    """What it would do, after ``would`` or ``may``."""
    done: str
    """What was done to the name: ``reset``."""
    short: str
    """The verdict in half a sentence, for the legend and the help."""


VERBS = {
    Verdict.CREATED: Verb("creates {}", "create {}", "created", "it was made here"),
    Verdict.RESET: Verb("resets {}", "reset {}", "reset", "another, new object: nothing is carried over"),
    Verdict.REFITTED: Verb("refits {}", "refit {}", "refitted", "same object, learned from scratch"),
    Verdict.CONTINUED: Verb("continues {}", "continue {}", "continued", "same object, learning went on"),
    Verdict.FITTED: Verb("fits {}", "fit {}", "fitted", "same object, learned for the first time"),
    Verdict.PARAMS: Verb(
        "changes parameters of {}",
        "change parameters of {}",
        "given other hyper-parameters",
        "same object, other hyper-parameters",
    ),
    Verdict.EDITED: Verb("edits {}", "edit {}", "edited", "same object, learned attributes set by hand"),
    Verdict.FAILED: Verb(
        "leaves {} half fitted",
        "leave {} half fitted",
        "left half fitted",
        "same object, a learning call raised and left something behind",
    ),
    Verdict.RESTORED: Verb("restores {}", "restore {}", "restored", "a learned state came back from a file"),
    Verdict.COPIED: Verb(
        "copies a learned state into {}",
        "copy a learned state into {}",
        "copied",
        "a new object that carries a known learned state",
    ),
    Verdict.ALIASED: Verb(
        "points {} at another object",
        "point {} at another object",
        "aliased",
        "a second name for an object already known",
    ),
    Verdict.CLEARED: Verb("clears {}", "clear {}", "cleared", "same object, what it had learned is gone"),
    Verdict.SAVED: Verb("saves {}", "save {}", "saved", "written to a file, otherwise unchanged"),
    Verdict.DELETED: Verb("deletes {}", "delete {}", "deleted", "the name holds no model any more"),
    Verdict.UNKNOWN: Verb(
        "changes {} in an unknown way",
        "change {} in an unknown way",
        "changed in an unknown way",
        "it changed, and kernelscope will not guess how",
    ),
    Verdict.UNTOUCHED: Verb("leaves {} alone", "leave {} alone", "left alone", "nothing happened to it"),
}


def does(verdict: Verdict, names: Segment | Sentence) -> Sentence:
    """What a run does to these names: ``resets model``."""
    before, after = around_name(VERBS[verdict].does)
    return sentence(before, names, after)


def would_do(verdict: Verdict, names: Segment | Sentence, *, is_sure: bool) -> Sentence:
    """What it would do: ``would reset model``, which cannot be mistaken for an observation."""
    before, after = around_name(VERBS[verdict].do)
    return sentence(f"{'would' if is_sure else 'may'} {before}", names, after)


def around_name(form: str) -> tuple[str, str]:
    """What stands before and after the name in a form of a verb, with its spaces."""
    before, _, after = form.partition(_NAME)
    return before, after
