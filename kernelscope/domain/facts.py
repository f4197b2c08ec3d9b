"""What the probe saw: the facts from which every verdict is made.

All of these are frozen values.  They hold no judgement: a fact says "the attribute ``coef_`` was
bound to another object", never "the model was refitted".  Text in them has been made safe to
display where it entered (see ``kernelscope.protocol.wire``).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from msgspec import Struct

Scalar = bool | int | float | str | None
"""A parameter value that is shown and compared as it is."""


class Opaque(Struct, frozen=True):
    """A value that is no plain scalar: an array, a callable, a list, a held estimator.

    Two of them are equal when both digests are known and equal; without digests, when ``serial``
    says that the attribute still holds the object that it held.
    """

    text: str
    """How it is shown, e.g. ``float64 array (3,)``; never the user's own ``repr``."""
    digest: str | None = None
    """Of the content; ``None`` where the content was not evaluated."""
    serial: int = 0
    """How often this attribute has been bound to another object since the owner was first seen."""
    full: str | None = None
    """Of all content, where ``digest`` is of samples: as it was when a run that could touch it had ended."""

    def same_as(self, other: object) -> bool:
        """Whether both stand for one value, as far as is known."""
        if not isinstance(other, Opaque):
            return False
        equal = equal_content(self, other)
        if equal is not None:
            return equal
        return self.serial == other.serial and self.text == other.text


def equal_content(one: Opaque | Signature, other: Opaque | Signature) -> bool | None:
    """Whether two values have the same content, by all of it or else by samples; ``None`` if that is not known."""
    if one.full is not None and other.full is not None:
        return one.full == other.full
    if one.digest is None or other.digest is None:
        return None
    return one.digest == other.digest


def reads_the_same(one: Opaque | Signature, other: Opaque | Signature) -> bool:
    """Whether two values are the same as far as was looked, also if their content was not evaluated."""
    equal = equal_content(one, other)
    return one.text == other.text and (one.digest == other.digest if equal is None else equal)


Value = Scalar | Opaque


class Signature(Struct, frozen=True):
    """What is known about one learned attribute without running the user's code."""

    text: str
    """Kind and size, e.g. ``float64 array (1, 2)``, or the value itself where it is a scalar."""
    serial: int
    """How often the attribute has been bound to another object since the owner was first seen."""
    digest: str | None = None
    """Of the content; ``None`` where the content was not evaluated."""
    full: str | None = None
    """Of all content, where ``digest`` is of samples: as it was when a run that could touch it had ended."""
    number: float | None = None
    """The value, where it is one real number: counters such as ``t_`` and ``n_iter_``."""
    version: int | None = None
    """Of a tensor that counts how often it was written in place: the count."""
    is_none: bool = False
    """The attribute is there and holds ``None``."""
    lacks_values: bool = False
    """It is a tensor whose values are not made yet: it has no shape, or that of an empty one."""

    @property
    def is_read_in_full(self) -> bool:
        """Whether what is known of its content is known of all of it."""
        return self.full is not None or (self.digest is not None and not self.digest.startswith("~"))


class Part(Struct, frozen=True):
    """An estimator that another one holds."""

    label: str
    """How it is reached from its whole, e.g. ``['clf']`` or ``.best_estimator_``."""
    token: int
    key: str | None = None
    """The prefix of its hyper-parameters on the whole (``clf`` for ``clf__C``); ``None`` for a
    part that was learned rather than given, empty for one that was given without a name."""


class ObjectFacts(Struct, frozen=True):
    """One model object, as it was when the probe looked."""

    token: int
    """Names the object for as long as it lives; never handed out again."""
    generation: int | None
    """Set from the first time that a name reached the object (or a local model was reported)."""
    cls: str
    """Qualified class name, e.g. ``sklearn.linear_model._logistic.LogisticRegression``."""
    library: str
    """Whose rules apply, by the classes it inherits from: ``sklearn``, ``torch``, … or ``other``."""
    id: int
    """``id()`` of the object: for display only, CPython hands it out again."""
    by_address: bool = False
    """It allows no weak reference: another object of its class that got its address would count as it."""
    params: dict[str, Value] = {}
    learned: dict[str, Signature] = {}
    parts: tuple[Part, ...] = ()
    bases: tuple[str, ...] = ()
    """Qualified names of the library classes it inherits from, nearest first."""
    not_evaluated: tuple[str, ...] = ()
    """Attributes that a budget left out; of these nothing may be concluded."""
    partners: tuple[int, ...] = ()
    """Tokens of models that it works on without being made of them: those whose parameters an
    optimizer changes, a scheduler's optimizer.  They may be gone already."""
    signs: tuple[str, ...] = ()
    """What shows whether it had learned before it was first seen: ``gradients`` left behind, an optimizer's
    ``iterations``, or that it has made none (``no iterations``)."""
    known: str = ""
    """How it was known before it was first reported: as a ``part`` of an object with many (a tree of a forest), as a
    ``local`` model, or as one that was there at the ``attach`` and for which there was no time then; empty if it is
    new, or was reported before."""
    helper: bool = False
    """No model, but something that works on one (a scheduler): it has no row."""
    since: int | None = None
    """Its content had its turn only now: the execution count of the first run that can have done what differs."""


class Call(Struct, frozen=True):
    """Calls of one method on one object, seen as they happened (CPython 3.12+)."""

    token: int
    cls: str
    method: str
    times: int
    returned: int
    """How many of them came back without raising."""
    inside: str | None = None
    """The user's own function in which the first of them was made; ``None`` at top level."""
    nested: bool = False
    """Made by another seen call, as ``Pipeline.fit`` does with its steps."""
    given: tuple[str, ...] = ()
    """Of its arguments those that decide what it does and that are not ``None``: ``xgb_model``, ``init_model``."""
    error: str = ""
    """The class of the error that ended the run and came out of this call."""
    via: str = ""
    """Of a state that is put in or taken out, how: by a ``copy`` in memory, from or to another ``process``, or a
    ``file``; empty: that is not known."""
    through: str = ""
    """The function that the user's code called for it: ``pandas.read_pickle``."""
    path: str | None = None
    """Of the file; absolute."""
    part: bool = False
    """Made on one of the many parts of the object that are recorded as one value: a tree of a forest."""
    running: bool = False
    """One of them has not ended yet: a thread is in the middle of it."""

    @property
    def has_raised(self) -> bool:
        """Whether all of them ended, and none returned."""
        return not self.returned and not self.running


class MethodInCode(Struct, frozen=True):
    """A method call that the cell's source, or a function it reaches, contains."""

    method: str
    token: int | None = None
    """The receiver, if the source names it."""
    inside: str | None = None
    """The user's function that contains it."""
    cls: str | None = None
    """Of a receiver that the code has just made, whichever object that is: its class."""
    sure: bool = False
    """It stands where nothing decides whether it is reached, and the run raised nothing."""
    given: tuple[str, ...] = ()
    """Of its keyword arguments those that decide what it does: ``xgb_model``, ``init_model``."""
    part: bool = False
    """Made on one of the many parts of the receiver that are recorded as one value."""
    state_of: int | None = None
    """The object whose live state it puts in."""


class FileAccess(Struct, frozen=True):
    """A save or load that the cell's source contains."""

    action: Literal["save", "load"]
    call: str
    """The function, e.g. ``joblib.dump``."""
    name: str | None = None
    """The name that was saved or that received what was loaded."""
    token: int | None = None
    """The object that ``name`` held (for a load: holds now)."""
    path: str | None = None
    """Absolute; ``None`` if the source does not say."""
    touched: bool = False
    """The file exists and, for a save, was written since the run started."""


class SavedFile(Struct, frozen=True):
    """What a file holds: the latest save into it that was seen."""

    generation: int | None
    epoch: int
    execution_count: int
    """Of the run that wrote it."""


class CodeFacts(Struct, frozen=True):
    """What the cell can have done, read from its source and from the functions it reaches."""

    methods: tuple[MethodInCode, ...] = ()
    assigned: tuple[tuple[int, str], ...] = ()
    """(token, attribute) pairs that the source writes to."""
    copies: tuple[str, ...] = ()
    """Calls that make one object out of another's state in memory: ``copy.deepcopy``, …"""
    gradients: bool = False
    """It computes gradients: ``loss.backward()``, ``tape.gradient(loss, weights)``."""
    tensor_writes: tuple[Literal["value", "gradient step"], ...] = ()
    """How it writes into tensors in place, whichever these are; a step uses gradients: ``w -= lr * w.grad``."""
    company: bool = False
    """A thread that was not there at the attach was alive: what happened may be none of the cell's doing."""
    complete: bool = False
    """Every call could be followed; where it is false more may have happened."""
    classes_called: tuple[str, ...] = ()
    """Classes of models that the source calls: what a constructor sets is nothing learned."""
    classes_copied: tuple[str, ...] = ()
    """Classes of the models that ``copies`` are of; an empty one if it is not known what is copied."""

    keeps_results: bool = False
    """A library's wrapper around one of the user's functions is called, which may give what it has given before."""

    def may_copy(self, classes: Collection[str]) -> bool:
        """Whether a copy can be of an object of one of these classes."""
        is_unclear = not self.classes_copied or "" in self.classes_copied
        return bool(self.copies) and (is_unclear or any(cls in classes for cls in self.classes_copied))


class RunFacts(Struct, frozen=True):
    """One execution of one cell."""

    execution_count: int
    code: str
    code_hash: str
    """Of the whole source, which ``code`` may hold only the start of."""
    status: Literal["ok", "error", "interrupted"]
    started: float
    """Seconds since the epoch, by the kernel's wall clock: a label, never used for order."""
    seconds: float
    cell_id: str | None = None
    client: str | None = None
    """The ``session`` of the client that asked for the run."""
    code_cut: bool = False
    transformed: str = ""
    """The source as IPython has made Python of it, if it has magics in it."""

    @property
    def python(self) -> str:
        """The source without magics, as far as that is known."""
        return self.transformed or self.code


class LocalModel(Struct, frozen=True):
    """A model that the user's code fitted inside a call, and that no name reaches."""

    token: int
    generation: int
    cls: str
    method: str
    inside: str
    id: int


class Cost(Struct, frozen=True):
    """What the probe has cost its kernel since it was put in."""

    hooks: int = 0
    """How often it was at work: for each run (the hooks before and after it are one), and for each look between runs."""
    median: float = 0.0
    """Seconds of the kernel's time that one of the latest thousand took: looking, encoding and sending."""
    p99: float = 0.0
    longest: float = 0.0
    """Of all."""
    sent: int = 0
    """Bytes of JSON that were pushed."""
    not_evaluated: int = 0
    """Values and objects that a budget left out, summed over all looks."""
    failures: int = 0
    """Of the probe's own; none of them reached the user."""


class Movement(Struct, frozen=True):
    """A model that is seen to change while a cell still runs."""

    name: str
    cls: str
    generation: int | None
    text: str
    """What moved, e.g. ``t_ 1200 → 1800``."""


class SwitchedOff(Struct, frozen=True):
    """A library whose objects are not read any more, because reading one of them raised."""

    library: str
    """The name of its folder."""
    error: str
    """Class and message of what was raised."""


class NotCompared(Struct, frozen=True):
    """Models whose content had no turn in a look."""

    models: int
    """How many; that each of them holds the same objects as before was seen all the same."""
    after: dict[str, int] = {}
    """Names of those that have waited longest, with the execution count of the run after which they had their last
    turn."""


class Observation(Struct, frozen=True):
    """What one look at the kernel found, as the difference to the look before."""

    seq: int
    """Numbered without gaps per probe: a gap is a loss."""
    run: RunFacts | None = None
    """``None`` for a look between runs: what it found was done by no cell."""
    names: dict[str, int | None] = {}
    """Names that hold another token than before; ``None``: not that model any more, and no other that was seen."""
    unreached: tuple[str, ...] = ()
    """Of the names whose model is gone, those that a budget left out: they may hold another one."""
    objects: tuple[ObjectFacts, ...] = ()
    """Objects that are new or differ."""
    unreadable: tuple[str, ...] = ()
    """Of the unreached names, those that hold a model which cannot be read any more: its library is switched off, or
    that of one of its parts."""
    switched_off: tuple[SwitchedOff, ...] = ()
    """Libraries that this look did not read."""
    not_compared: NotCompared | None = None
    """``None``: the content of every model was compared."""
    calls: tuple[Call, ...] = ()
    locals: tuple[LocalModel, ...] = ()
    files: tuple[FileAccess, ...] = ()
    code: CodeFacts = CodeFacts()
    sees_calls: bool = False
    """Calls of learning methods were watched during this run (``sys.monitoring``)."""
    cut: tuple[str, ...] = ()
    """What this look left out, and why; empty when it saw all.  The first of it, if it is much."""
    cut_count: int = 0
    """How much that is in all."""
    hook_seconds: float = 0.0
    """What the probe took of the kernel for this run, in seconds of wall time: the hooks before and after it, and
    encoding.  Sending this observation is not over when it is written, so it counts in the next one."""
    late: bool = False
    """The look before it failed, or a run before it could not be looked at: what it found may have
    happened then."""
    cost: Cost | None = None
    """What the probe had cost before this observation was sent."""


class Snapshot(Struct, frozen=True):
    """Everything the probe knew at one moment: what observations are differences to."""

    seq: int = 0
    names: dict[str, int] = {}
    objects: tuple[ObjectFacts, ...] = ()
    cut: tuple[str, ...] = ()
    """What the latest look before the answer to the attach left out, and why.  The first of it, if it is much."""
    cut_count: int = 0
    """How much that is in all."""
    switched_off: tuple[SwitchedOff, ...] = ()
    """Libraries that the latest look did not read."""


class KernelFacts(Struct, frozen=True):
    """Which kernel this is."""

    connection_file: str
    python: str
    pid: int
    execution_count: int
    """Of the last run before the attach; 0 in a fresh kernel."""
    implementation: str = "ipython"
    notebook: str | None = None
    ipykernel: str = ""
    cwd: str = ""
    sees_calls: bool = False
