"""The protocol that every library's ``rules.py`` follows: what calls and attributes mean, each with its source.

A library is a folder with ``rules.py`` (this protocol, outside the kernel), ``in_kernel.py`` (how its objects are read,
see ``kernelscope/probe/library.py``) and ``scenarios.toml`` (labelled notebooks that the tests play).  ``rules.py``
defines ``RULES``: one ``LibraryRules`` for each kind of object that the library has.

Rules state facts about a library and judge nothing.  Everything that the probe must know of them is data, derived by
``kernelscope.libraries.kernel_tables``.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import ClassVar, Literal

from msgspec import Struct

from kernelscope.domain.facts import ObjectFacts, Part


class Effect(StrEnum):
    """What one call does to the learned state of the object it is made on."""

    REFITS = "refits"
    """What was learned before is thrown away; learning starts from nothing."""
    CONTINUES = "continues"
    """Learning goes on from where it was (from nothing, if nothing was learned yet)."""
    LEARNS = "learns"
    """From nothing or from where it was: that is not known."""
    CLEARS = "clears"
    """What was learned is thrown away, and nothing takes its place: random weights are nothing learned."""
    RESTORES = "restores"
    """A state made elsewhere is put in."""
    READS = "reads"
    """The whole state is read out, as a save or a copy does."""
    NONE = "none"


class AttributeKind(StrEnum):
    """What an attribute that is no hyper-parameter stands for."""

    LEARNED = "learned"
    """Without it the object cannot be used."""
    VALIDATION = "validation"
    """Set while ``fit`` checks its input: a refused ``fit`` leaves it behind."""
    CACHE = "cache"
    """Written by using the object."""
    STATISTICS = "statistics"
    """Updated by a forward pass in training mode, without an optimizer."""
    CONFIGURATION = "configuration"
    """How the object behaves, kept beside the hyper-parameters."""


class Calls(Struct, frozen=True, kw_only=True):
    """What calling one of these methods does."""

    methods: tuple[str, ...]
    effect: Effect
    source: str
    """A page or ``file: function`` that can be read again."""
    on_partner: Effect = Effect.NONE
    """What it does to the models that the object works on (an optimizer's ``step``)."""
    watched: bool = False
    """The probe sees the calls as they happen, from CPython 3.12 on, on models of every library."""
    in_code: Literal["fits", "changes", ""] = ""
    """What the bare name tells of a receiver that is not known: that something is fitted, or that something may be
    changed (many other objects have such a method, too)."""
    fits_local: bool = False
    """A model that no name reaches is reported by it."""


class Attributes(Struct, frozen=True, kw_only=True):
    """What attributes of these names are."""

    kind: AttributeKind
    names: tuple[str, ...]
    source: str
    reported: bool = True
    """The probe reports them; configuration never is."""


class Arguments(Struct, frozen=True, kw_only=True):
    """Arguments that decide what a call does.

    ``continues``: training goes on from the model that it is given · ``path``: a file's path · ``file``: of a
    constructor, the file that the object is loaded from · ``text``: of a constructor, the state itself · ``loads``: of a
    trainer's method, the file that it puts into the network that it is given.
    """

    kind: Literal["continues", "path", "file", "text", "loads"]
    names: tuple[str, ...]
    source: str


class Functions(Struct, frozen=True, kw_only=True):
    """Functions of a module, and what they do.

    ``save`` and ``load``: a file · ``saver`` and ``loader``: a class whose ``dump`` or ``load`` does, with the file that it is
    made with · ``load into``: a file, into the object that is given first · ``dump`` and ``load bytes``: bytes in memory · ``copy``: an object out of another's
    state · ``clone``: one like it that has learned nothing · ``train``: a new model, trained · ``make``: a new object at each call.
    """

    action: Literal[
        "save", "load", "saver", "loader", "load into", "dump", "load bytes", "copy", "clone", "train", "make"
    ]
    module: str
    names: tuple[str, ...]
    source: str
    shown: str = ""
    """The module as users write it, if it is another one."""


class FileMethods(Struct, frozen=True, kw_only=True):
    """Methods by which an object goes to a file or comes from one.

    ``load state``: what is loaded is an argument, and came from a file or from memory · ``make``: of a class, that makes an
    object from a file · ``save its network``: of a trainer, that saves the network that it holds.
    """

    action: Literal["save", "load", "load state", "make", "save its network"]
    methods: tuple[str, ...]
    source: str


class Names(Struct, frozen=True, kw_only=True):
    """Other names that the probe must know; ``KernelTables`` says what each kind is used for."""

    kind: Literal[
        "read only", "sets parameters", "returns itself", "copies itself", "state", "parameters", "assigns", "initialises",
        "applies", "carries a state", "copying module", "storing module", "process module", "gradient method", "gradient function", "gradient step", "gradient attribute", "passing frame", "function attribute", "converts",
    ]  # fmt: skip
    names: tuple[str, ...]
    source: str
    counts_as: str = ""
    """The call that it is reported as."""


class EarlyClasses(Struct, frozen=True):
    """Classes whose calls are seen from the import of their module on."""

    module: str
    names: tuple[str, ...]


class MethodWrapper(Struct, frozen=True):
    """A function of a library that runs instead of many methods, so that calls of all of these are seen in it."""

    module: str
    function: str
    nested: tuple[str, ...]
    """The functions in it, from outside in; the last one runs."""
    argument: str
    """Its variable that holds the method."""


class ModelKind(StrEnum):
    """How people speak of models: ``kernelscope.presentation.words`` has the words for each."""

    MODEL = "model"
    NETWORK = "network"
    OPTIMIZER = "optimizer"


Objects = Mapping[int, ObjectFacts]
"""What is known of every object, by token: composites are judged with their parts."""


class LibraryRules:
    """What a library's own documentation or source says of one kind of object; the defaults say nothing.

    A library declares what it can as data, and overrides a method only if the answer depends on the object.
    """

    library: ClassVar[str]
    """Names the kind: ``ObjectFacts.library``.  The name of the folder, or that and a suffix (``torch.optim``)."""
    source: ClassVar[str]
    """Where the rules come from: a page or a file that can be read again."""

    bases: ClassVar[tuple[str, ...]] = ()
    """Qualified names of the classes whose objects are of this kind, theirs and those of derived classes."""
    required_methods: ClassVar[tuple[str, ...]] = ()
    """Methods that a class must have as well; without any, its objects are models by what they are."""

    calls: ClassVar[tuple[Calls, ...]] = ()
    attributes: ClassVar[tuple[Attributes, ...]] = ()
    arguments: ClassVar[tuple[Arguments, ...]] = ()
    functions: ClassVar[tuple[Functions, ...]] = ()
    file_methods: ClassVar[tuple[FileMethods, ...]] = ()
    names: ClassVar[tuple[Names, ...]] = ()
    early_classes: ClassVar[tuple[EarlyClasses, ...]] = ()
    method_wrappers: ClassVar[tuple[MethodWrapper, ...]] = ()
    has_live_states: ClassVar[bool] = False
    """The state that it gives is made of its own tensors, which go on changing."""
    holders: ClassVar[tuple[str, ...]] = ()
    """Classes of the library whose objects are no models and hold some as attributes."""
    initialising_modules: ClassVar[tuple[str, ...]] = ()
    """Modules whose functions write to the weights that they are given."""
    plain_packages: ClassVar[tuple[str, ...]] = ()
    """Prefixes of classes whose instance dictionaries tell their whole content."""
    c_state: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """By class without an instance dictionary, the getters that only read."""
    lazy_modules: ClassVar[Mapping[str, str]] = {}
    """By class of an object that stands for a module: the module."""

    is_network: ClassVar[bool] = False
    """It has weights from its first moment on, so that only its history shows whether it has learned anything."""
    counts_writes: ClassVar[bool] = False
    """Every write to its values is counted, so that an equal state without one was not written."""
    born_fitted: ClassVar[bool] = False
    """Its objects come into being by training (a ``Booster``, results)."""
    works_on_arguments: ClassVar[bool] = False
    """It does not hold the models that it works on: any of its library may be one."""
    network_part: ClassVar[str] = ""
    """The label of the part whose weights are what it has learned, if it wraps a network."""
    learns_with_partners: ClassVar[bool] = False
    """Training a model that it works on is a call on that model, and changes its own state, too."""
    runs_compiled: ClassVar[bool] = False
    """Its methods may run within a compiled function, where no call is seen."""
    has_immutable_values: ClassVar[bool] = False
    """Its values are never written: using it, too, can put equal ones in their places."""
    untraced_loads: ClassVar[frozenset[str]] = frozenset()
    """Methods that put a learned state in although the object itself looks as if it had learned nothing."""
    model_kind: ClassVar[ModelKind] = ModelKind.MODEL
    warm_start_param: ClassVar[str] = ""
    """The hyper-parameter that makes ``fit`` go on from where it was."""
    usual_fit_method: ClassVar[str] = "fit"
    """The method that learns, if it is not known which one was called."""

    @property
    def is_optimizer(self) -> bool:
        """Whether it trains the models that it works on."""
        return any(calls.on_partner is not Effect.NONE for calls in self.calls)

    def effect(self, facts: ObjectFacts, method: str, args: tuple[str, ...] = ()) -> Effect:
        """What calling ``method`` does.

        Args:
            facts: the object, with its hyper-parameters.
            args: the continuation arguments that the call has.
        """
        calls = self._calls.get(method)
        effect = Effect.NONE if calls is None else calls.effect
        continues = effect is Effect.REFITS and not self.continuation_args.isdisjoint(args)
        return Effect.CONTINUES if continues else effect

    def effect_on_partner(self, method: str) -> Effect:
        """What calling ``method`` does to the models that the object works on."""
        calls = self._calls.get(method)
        return Effect.NONE if calls is None else calls.on_partner

    @cached_property
    def _calls(self) -> Mapping[str, Calls]:
        """By method; the first entry that names it counts."""
        return {method: calls for calls in reversed(self.calls) for method in calls.methods}

    @cached_property
    def continuation_args(self) -> frozenset[str]:
        """Arguments with which a call goes on from a model that it is given."""
        return frozenset(n for a in self.arguments if a.kind == "continues" for n in a.names)

    def names_of(self, kind: AttributeKind) -> frozenset[str]:
        """The attributes of one kind."""
        return self._names_by_kind[kind]

    @cached_property
    def _names_by_kind(self) -> Mapping[AttributeKind, frozenset[str]]:
        pairs = [(a.kind, name) for a in self.attributes for name in a.names]
        return {kind: frozenset(name for k, name in pairs if k is kind) for kind in AttributeKind}

    def is_training_function(self, function: str) -> bool:
        """Whether a function of this name makes a trained model."""
        return any(function in f.names for f in self.functions if f.action == "train")

    def converts(self, method: str) -> bool:
        """Whether calling ``method`` changes how values are stored, and not what was learned."""
        return any(method in n.names for n in self.names if n.kind == "converts")

    def is_statistic(self, attribute: str) -> bool:
        """Whether a forward pass updates the attribute, without an optimizer."""
        return attribute.replace("/", ".").rpartition(".")[2] in self.names_of(AttributeKind.STATISTICS)

    def is_unread(self, facts: ObjectFacts) -> bool:
        """Whether nothing of its learned state can be looked at, so that calls alone tell of it."""
        return False

    def is_fitted(self, facts: ObjectFacts, objects: Objects) -> bool:
        """Whether the object has learned anything that it can be used with."""
        return False

    def shows_learning(self, facts: ObjectFacts) -> bool:
        """Whether the state of the object shows by itself whether it has learned anything; otherwise its history does."""
        return not self.is_network

    def shows_as_learned(self, facts: ObjectFacts, objects: Objects) -> bool | None:
        """Whether an object of unknown history has learned anything; ``None``: it does not show it."""
        return self.is_fitted(facts, objects) if self.shows_learning(facts) else None

    def was_written(self, facts: ObjectFacts) -> bool:
        """Whether the values themselves show that they were changed after they were made."""
        return False

    def fits_parts_in_place(self, facts: ObjectFacts) -> bool:
        """Whether the parts it was given as parameters are those it learns and predicts with
        (a pipeline), or clones of them (a search, a voting classifier)."""
        return False

    def is_template(self, facts: ObjectFacts, part: Part) -> bool:
        """Whether a learned part is only what the object makes clones of."""
        return False

    def is_learned(self, attribute: str) -> bool:
        """Whether an instance attribute belongs to the learned state at all."""
        return True

    def is_validation_only(self, facts: ObjectFacts, attributes: tuple[str, ...]) -> bool:
        """Whether these attributes are no more than what ``fit`` sets before it learns, so that one that is
        refused leaves them behind."""
        return False

    def is_core_unchanged(self, facts: ObjectFacts, changed: tuple[str, ...]) -> bool:
        """Whether that without which it cannot be used is there, and none of the attributes that changed."""
        core = self.names_of(AttributeKind.LEARNED)
        return any(name in facts.learned and name not in changed for name in core)
