"""The form of everything that the probe sends, and of the attach request that it receives.

For the type checker alone: this module is never sent to a kernel, and the others import it only if
``TYPE_CHECKING``, so that it costs the kernel nothing.  The receiving side declares the same messages as
msgspec structs of the same names, in ``kernelscope/domain/facts.py`` and ``kernelscope/protocol/wire.py``,
where each field is documented; ``tests/protocol/test_forms.py`` compares the two.

A key of a class with ``total=False`` may be missing.
"""

from __future__ import annotations

from typing import Any, Sequence, TypedDict, Union

# Values.


class _AnyOpaque(TypedDict):
    """A value that is no plain scalar."""

    text: str
    digest: str | None
    serial: int


class Opaque(_AnyOpaque, total=False):
    """One that was read in full is given that digest, too."""

    full: str


Value = Union[bool, int, float, str, None, Opaque]


class _NamedSignature(TypedDict):
    text: str
    serial: int


class Signature(_NamedSignature, total=False):
    """One learned attribute."""

    digest: str
    full: str
    number: float
    version: int
    is_none: bool
    lacks_values: bool


# Objects.


class Part(TypedDict):
    """An estimator that another one holds."""

    label: str
    token: int
    key: str | None


class _AnyObjectFacts(TypedDict):
    """One model object, as it was when the probe looked."""

    token: int
    generation: int | None
    cls: str
    library: str
    id: int
    by_address: bool
    params: dict[str, Value]
    learned: dict[str, Signature]
    parts: list[Part]
    bases: Sequence[str]
    not_evaluated: list[str]
    partners: list[int]
    signs: Sequence[str]
    known: str
    helper: bool


class ObjectFacts(_AnyObjectFacts, total=False):
    """One model object that is new or differs."""

    since: int


# What a run did.


class RunFacts(TypedDict):
    """One execution of one cell."""

    execution_count: int
    code: str
    code_cut: bool
    transformed: str
    code_hash: str
    status: str
    started: float
    seconds: float
    cell_id: str | None
    client: str | None


class Call(TypedDict):
    """Calls of one method on one object that were seen."""

    token: int
    cls: str
    method: str
    times: int
    returned: int
    inside: str | None
    nested: bool
    given: Sequence[str]
    error: str
    via: str
    through: str
    path: str | None
    part: bool
    running: bool


class LocalModel(TypedDict):
    """A model that was fitted inside a call and that no name reaches."""

    token: int
    generation: int
    cls: str
    method: str
    inside: str
    id: int


class MethodInCode(TypedDict):
    """A method call that a cell's source contains."""

    method: str
    token: int | None
    inside: str | None
    cls: str | None
    sure: bool
    given: Sequence[str]
    part: bool
    state_of: int | None


class _CodeAsRead(TypedDict):
    methods: list[MethodInCode]
    assigned: list[list[Any]]
    copies: list[str]
    classes_copied: list[str]
    keeps_results: bool
    classes_called: list[str]
    gradients: bool
    tensor_writes: list[str]
    complete: bool


class CodeFacts(_CodeAsRead, total=False):
    """What a cell can have done, by its source."""

    company: bool


class _AnyFileAccess(TypedDict):
    action: str
    call: str
    path: str | None
    touched: bool


class FileAccess(_AnyFileAccess, total=False):
    """A save or load that a cell's source contains."""

    name: str | None
    token: int | None


class CodeReading(TypedDict):
    """What the reader of cells returns; a part of an observation."""

    code: CodeFacts
    files: list[FileAccess]


# Observations.


class Cost(TypedDict):
    """What the probe has cost so far."""

    hooks: int
    median: float
    p99: float
    longest: float
    sent: int
    not_evaluated: int
    failures: int


class SwitchedOff(TypedDict):
    """A library that is not read any more."""

    library: str
    error: str


class _Difference(TypedDict):
    names: dict[str, int | None]
    objects: list[ObjectFacts]
    cut: list[str]


class NotCompared(TypedDict):
    """Models whose content had no turn in a look: how many, and after which run those that wait longest had one."""

    models: int
    after: dict[str, int]


class Findings(_Difference, total=False):
    """An observation before it is published: what a look returns, and what is added of a run."""

    unreached: list[str]
    unreadable: list[str]
    cut_count: int
    not_compared: NotCompared
    switched_off: list[SwitchedOff]
    run: RunFacts
    calls: list[Call]
    locals: list[LocalModel]
    files: list[FileAccess]
    code: CodeFacts
    sees_calls: bool
    late: bool


class Publication(TypedDict):
    """What is added to an observation as it is published."""

    seq: int
    hook_seconds: float
    cost: Cost


class Observation(Findings, Publication):
    """What one look found, as the difference to the look before."""


class State(TypedDict):
    """What looks amount to."""

    names: dict[str, int]
    objects: list[ObjectFacts]


class Base(State):
    """What is kept of the oldest observations."""

    seq: int


class Snapshot(Base):
    """What observations are differences to."""

    cut: list[str]
    cut_count: int
    switched_off: list[SwitchedOff]


# Messages on the comm.


class Movement(TypedDict):
    """A model that is seen to change while a cell runs."""

    name: str
    cls: str
    generation: int | None
    text: str


class Pulse(TypedDict):
    """A sign that a run is still at work."""

    execution_count: int
    seconds: float
    next: float
    moved: list[Movement]


class _AnyMessage(TypedDict):
    kind: str


class Message(_AnyMessage, total=False):
    """What is sent, without the probe's name."""

    observation: str
    pulse: str
    reason: str


class Push(Message):
    """One message on the comm."""

    nonce: str


# Answers of the loader.


class AttachRequest(TypedDict):
    """What ``kernelscope/kernel/inject.py`` asks the loader for."""

    do: str
    session: str
    until: float
    wire: int
    version: str
    checksum: str
    sources: str
    watcher: str
    pid: int
    process_started: str
    machine: str
    keep: float
    poll: float | None
    visits: bool


class KernelReply(TypedDict):
    """Which kernel this is."""

    python: str
    pid: int
    execution_count: int
    notebook: str | None
    ipykernel: str
    cwd: str
    sees_calls: bool


class AttachReply(TypedDict):
    """The answer to an attach."""

    wire: int
    nonce: str
    comm_id: str
    version: str
    local: bool
    seq: int
    kernel: KernelReply
    pulses: bool
    cost: Cost
    base: Snapshot
    history: list[Observation]


class Status(TypedDict):
    """Which probe is in the kernel."""

    nonce: str
    seq: int
    hooked: bool


class _AnyGreeting(TypedDict):
    session: str
    clock: float


class Greeting(_AnyGreeting, total=False):
    """The answer to a greeting."""

    nonce: str
    seq: int
    hooked: bool


class AuditInfo(TypedDict):
    """What an audit reports of the probe.

    ``compared_after`` has for each name the execution count of the run after which the content of its model was last
    compared, and ``latest`` is that of the latest run.
    """

    version: str
    watchers: int
    cost: Cost
    switched_off: list[SwitchedOff]
    compared_after: dict[str, int]
    latest: int


class DetachReply(TypedDict):
    """The answer to a detach."""

    detached: bool


class _AnyRefusal(TypedDict):
    error: str


class Refusal(_AnyRefusal, total=False):
    """Why the loader did not install the probe."""

    detail: str
