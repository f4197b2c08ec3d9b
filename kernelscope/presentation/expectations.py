"""What became of expectations, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from kernelscope.expectations.results import (
    ChangeCounts,
    Finding,
    KernelDied,
    KnownAtAttach,
    LookCutShort,
    NeverSeen,
    NotWatched,
    ObservationsLost,
    StillRunning,
    TooFew,
)
from kernelscope.presentation.explain import explain
from kernelscope.presentation.moments import run_label
from kernelscope.presentation.segments import Sentence, join, quote, sentence
from kernelscope.presentation.verbs import VERBS


def finding_sentence(finding: Finding) -> Sentence:
    """Why an expectation does not hold, or why that cannot be decided."""
    epoch = f"in epoch {finding.epoch}: " if finding.epoch > 1 else ""
    return sentence(epoch, _reason(finding))


def _reason(finding: Finding) -> Sentence:
    name = quote(finding.name)
    match finding.reason:
        case ChangeCounts() as counts:
            return _change(finding, counts)
        case TooFew(words=words, times=times):
            done = " or ".join(VERBS[word].done for word in sorted(words))
            often = {1: "once", 2: "twice"}.get(times, f"{times} times")
            return sentence(name, f" was {done} only {often}" if times else f" was never {done}")
        case NeverSeen(is_pattern=is_pattern, close_names=close):
            called = "ever had a name like" if is_pattern else "was ever called"
            return sentence(f"no model {called} ", name, did_you_mean(close))
        case KnownAtAttach(after=after):
            already = " held a model already when it was first seen "
            return sentence(name, already, _after(after), "; how it came to that is not known")
        case NotWatched(last=last):
            return sentence(run_label(1), " to ", run_label(last), " ran before anything was watched")
        case ObservationsLost(count=count, after=after):
            return sentence(f"{count} observations were lost ", _after(after))
        case KernelDied(after=after):
            return sentence("the kernel died ", _after(after), ", perhaps in a cell that was not observed")
        case LookCutShort(execution_count=count):
            ending = " could not be looked at, and no later look made good for it"
            return sentence(run_label(count), ending)
        case StillRunning(after=after):
            return sentence("the cell that began ", _after(after), " was still running at the end")


def _change(finding: Finding, counts: ChangeCounts) -> Sentence:
    times = "" if counts.times is None else f" ({counts.times} times by now)"
    doubt = " Whether that is all cannot be decided." if counts.may_be_more else ""
    return sentence(() if finding.change is None else explain(finding.change), times, doubt)


def did_you_mean(names: Sequence[str]) -> Sentence:
    """Names that may be meant, as the end of a sentence."""
    return sentence("; did you mean ", join(" or ", map(quote, names)), "?") if names else ()


def _after(execution_count: int) -> Sentence:
    return sentence("after ", run_label(execution_count)) if execution_count else sentence("at the beginning")
