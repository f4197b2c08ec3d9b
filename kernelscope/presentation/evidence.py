"""Evidence as sentences, one for each piece of it."""

from __future__ import annotations

from kernelscope.domain.changes import Change, Late
from kernelscope.domain.evidence import (
    AttributesChanged,
    AttributesNotRead,
    AttributesSetInCode,
    CallInCode,
    CallSeen,
    Circumstance,
    CopyInCode,
    CounterFell,
    Evidence,
    KnownObject,
    LayersReplaced,
    LibraryNotRead,
    LoadInCode,
    NewObject,
    OldSentence,
    PartEvidence,
    SaveInCode,
    SeenAtAttach,
    StateReadFromFile,
)
from kernelscope.presentation.segments import Sentence, first_names, join, quote, sentence

_CIRCUMSTANCES = {
    Circumstance.ADDRESS_REUSED: sentence(
        "the same ", quote("id()"), " as the object before: the address was used again, it is another object"
    ),
    Circumstance.NO_WEAK_REFERENCES: sentence(
        "its class allows no weak references: it may be another object at the same address"
    ),
    Circumstance.NO_MODEL_NOW: sentence("the name holds no model any more"),
    Circumstance.NAME_NOT_REACHED: sentence(
        "the look did not reach the name, and the object that it held is gone"
    ),
    Circumstance.NO_GLOBAL_NAME: sentence("no global name reaches the object"),
    Circumstance.PARAMS_DIFFER: sentence("hyper-parameters read before and after differ"),
    Circumstance.STATE_DIFFERS: sentence("its recorded state differs"),
    Circumstance.PART_REPLACED: sentence("a part that it works with is another one"),
    Circumstance.ONLY_STATISTICS_DIFFER: sentence(
        "only the batch statistics differ: a forward pass in training mode updates them"
    ),
    Circumstance.MOST_WEIGHTS_EQUAL: sentence("most of its weights are unchanged"),
    Circumstance.WRITTEN_OFTEN: sentence(
        "its weights were written more often than making it does, by code that was not followed"
    ),
    Circumstance.STATE_UNREADABLE: sentence("what it has learned cannot be read"),
    Circumstance.PART_NOT_READ: sentence(
        "it was done to one of its many parts, which are recorded as one value"
    ),
    Circumstance.UNFITTED_MODEL_MENTIONED: sentence(
        "the cell mentions an unfitted model of the same class, and may have fitted clones of it"
    ),
    Circumstance.CHANGED_UNSEEN: sentence(
        "it changed before in a way that was not seen: whether it had learned by then is not known"
    ),
    Circumstance.FROM_ANOTHER_PROCESS: sentence("it came back from another process"),
    Circumstance.COPIED_IN_MEMORY: sentence("it was seen being copied in memory"),
    Circumstance.STATE_PUT_IN: sentence(
        "its state was put in from elsewhere (", quote("__setstate__"), " seen)"
    ),
    Circumstance.PARTS_KEEP_STATE: sentence("its parts were there before, and keep what they have learned"),
    Circumstance.NO_LOAD_IN_CODE: sentence("it is fitted, and no load or copy is in the code"),
    Circumstance.ORIGIN_NOT_SEEN: sentence("it came with a learned state, from where was not seen"),
    Circumstance.EQUALS_KNOWN_STATE: sentence(
        "what it has learned is equal to what was known before: learned once more or brought in"
    ),
    Circumstance.EQUALS_KNOWN_NETWORK: sentence("its weights are those of a network that was known before"),
    Circumstance.EQUALS_UNTRAINED_NETWORK: sentence("it equals a network that has learned nothing"),
    Circumstance.CONTAINS_TRAINED_COPY: sentence("it is made of a copy of a network that had learned before"),
    Circumstance.EQUAL_AFTER_CALL: sentence(
        "it ran to its end, and what was learned is equal to what was known before"
    ),
    Circumstance.EQUAL_CONTENT: sentence("what it holds now is equal to what it held before"),
    Circumstance.FIT_REFUSED: sentence(
        "only what ", quote("fit()"), " sets before it learns differs: what it was given was refused"
    ),
    Circumstance.GRADIENT_STEP_IN_CODE: sentence(
        "the cell writes weights in place by their gradients, as an optimizer does"
    ),
    Circumstance.NO_LEARNING_CALL_IN_CODE: sentence("the cell calls nothing that learns"),
    Circumstance.NO_LEARNING_CALL_SEEN: sentence("no call that learns was seen"),
    Circumstance.MAY_BE_SKIPPED: sentence("the code may have gone past it"),
    Circumstance.ORDER_UNKNOWN: sentence("which of these came last is not known"),
    Circumstance.REFIT_OR_CONTINUATION: sentence("the code may refit or continue; calls are not seen here"),
}
_EARLIER = "an earlier look failed or did not reach everything, so "
_HOW = {"bound": "bound to a new value", "written": "written in place", "lost": "gone"}


def evidence_sentences(change: Change) -> tuple[Sentence, ...]:
    """The evidence of a change, a sentence for each piece."""
    sentences = tuple(evidence_sentence(each) for each in change.evidence)
    return sentences if change.late is None else (*sentences, _late(change.late))


def _late(late: Late) -> Sentence:
    if late.since is None:
        return sentence(_EARLIER, "this may have happened before")
    return sentence(_EARLIER, f"any run from In [{late.since}] on can have done it")


def evidence_sentence(evidence: Evidence) -> Sentence:  # noqa: C901 - a case per kind of evidence
    """One piece of evidence, without capital and full stop."""
    match evidence:
        case Circumstance():
            return _CIRCUMSTANCES[evidence]
        case CallSeen():
            return _call_seen(evidence)
        case CallInCode(method=method, inside=None):
            return sentence("the cell calls ", _call(method))
        case CallInCode(method=method, inside=inside):
            return sentence(_call(inside), " calls ", _call(method))
        case LayersReplaced(names=names):
            what = "layer was" if len(names) == 1 else "layers were"
            whose = "it" if len(names) == 1 else "they"
            return sentence(
                first_names(names), f": the {what} replaced or removed, with what {whose} had learned"
            )
        case LoadInCode(call=call, path=path):
            return sentence("the cell calls ", _call(call), _after(" on ", path))
        case CopyInCode(calls=calls):
            return sentence("the cell calls ", first_names(calls), quote("()"))
        case SaveInCode(call=call, path=path, written=written):
            how = "was written during the run" if written else "is named by the cell; no write was seen"
            return sentence("the cell calls ", _call(call), ", and its file", _after(" ", path), f" {how}")
        case AttributesSetInCode(names=names):
            return sentence("the cell writes to ", first_names(names))
        case AttributesChanged(how=how, names=names, sampled=sampled):
            parts = sentence(" (by samples of ", first_names(sampled), ")") if sampled else ()
            return sentence(first_names(names), f" {_HOW[how]}", parts)
        case AttributesNotRead(names=names):
            return sentence(first_names(names), " could not be looked at")
        case LibraryNotRead(library=library, error=error):
            return sentence("objects of ", quote(library), " are not read any more: ", quote(error))
        case CounterFell(name=name, before=before, after=after):
            return sentence(quote(name), " fell from ", quote(before), " to ", quote(after))
        case NewObject(generation=generation):
            number = "" if generation is None else f" #{generation},"
            return sentence(f"a new object,{number} first seen in this run")
        case KnownObject(generation=generation):
            return sentence(f"the object was known before as {generation_name(generation)}")
        case StateReadFromFile(function=function, path=path):
            return sentence("its state was seen coming out of ", _file_of(path), " by ", quote(function))
        case SeenAtAttach(had_learned=had_learned):
            if had_learned is None:
                return sentence("it was there at the attach: whether it had learned before is not known")
            what = "had learned before" if had_learned else "had learned nothing"
            return sentence(f"it was there at the attach, and it shows that it {what}")
        case PartEvidence(label=label, evidence=inner):
            return sentence("its part ", quote(label), ": ", evidence_sentence(inner))
        case OldSentence(text=text):
            return (quote(text),)


def _file_of(path: str | None) -> Sentence:
    return sentence("a file") if path is None else sentence(quote(path))


def generation_name(generation: int | None) -> str:
    """How an object is called by its generation; parts have none."""
    return "a part" if generation is None else f"#{generation}"


def evidence_text(change: Change) -> Sentence:
    """All evidence of a change, on one line."""
    return join("; ", evidence_sentences(change))


def _call_seen(call: CallSeen) -> Sentence:
    times = "" if call.times == 1 else f" {call.times} times"
    inside = sentence(" inside ", _call(call.inside)) if call.inside else ()
    ending = "" if call.came_back else ", and was still at work" if call.running else ", and raised an error"
    return sentence(_call(call.method), f" seen{times}", inside, ending)


def _call(name: str | None) -> Sentence:
    return (quote(f"{name}()"),)


def _after(preposition: str, path: str | None) -> Sentence:
    return sentence(preposition, quote(path)) if path else ()
