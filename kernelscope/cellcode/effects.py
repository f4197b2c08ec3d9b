"""What a cell does when it runs, as its syntax tells: bindings, settings, deletes, method calls."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from msgspec import Struct

from kernelscope.cellcode.control import REACHED, Guard
from kernelscope.domain.facts import Scalar
from kernelscope.domain.names import NamePath


class Origin(StrEnum):
    """Where the value comes from that a name is bound to."""

    ALIAS = "alias"
    """Another name holds it."""
    NEW = "new"
    """It is another object each time."""
    PERHAPS_STORED = "perhaps stored"
    """A call returns it, which may return the same object each time: its code could not be read."""
    CONDITIONAL = "conditional"
    """A condition decides whether it is a new object or one that was stored."""
    LOOP = "loop"
    """It is an item of what a loop goes through, or of what is unpacked."""
    ITEM = "item"
    """It is an item that is looked up by a key that the syntax does not tell."""
    CONSTANT = "constant"


class ValueOrigin(Struct, frozen=True):
    """The origin of one value."""

    origin: Origin
    text: str = ""
    """Of an alias: the name.  Of a new object: what makes it, e.g. ``Ridge``.  Of a loop or an item: the name of
    the container."""
    copied: str | None = None
    """What is copied by ``copy.deepcopy`` and the like, if that is a name."""


class Binding(Struct, frozen=True):
    """A name, item or attribute that the cell assigns to."""

    target: str
    """As the timeline spells names: ``m``, ``models['lr']``, ``trainer.model``."""
    value: ValueOrigin
    guard: Guard = REACHED
    step: int = 0
    """Bindings of one step (``a, b = b, a``) are made at once."""
    some_item: bool = False
    """An item of ``target`` is bound, and the syntax does not tell which: ``models[key] = …``."""

    @property
    def origin(self) -> Origin:
        """Where the value comes from."""
        return self.value.origin

    @property
    def is_conditional(self) -> bool:
        """Whether some condition decides about it."""
        return self.guard.conditional


class ValueSource(StrEnum):
    """What goes into the value of a setting."""

    CONSTANT = "constant"
    NAMES = "names"
    """What names hold that are not its receiver."""
    ITSELF = "itself"
    """What it was before: ``m.C *= 2``."""
    CALL = "call"
    """What a call returns."""


class Setting(Struct, frozen=True):
    """An attribute or a hyper-parameter that the cell sets."""

    receiver: str
    attribute: str | None
    """``None``: the syntax does not tell which, as in ``m.set_params(**values)``."""
    source: ValueSource
    value: Scalar = None
    """Of a constant that is a plain scalar."""
    has_value: bool = False
    """Whether ``value`` is known."""
    some_item: bool = False
    """Only a part of the attribute's value is written: ``m.coef_[0] = 1``."""


class MethodCall(Struct, frozen=True):
    """A method call in the cell, or in a function of the user's that the cell calls."""

    receiver: str
    method: str
    is_conditional: bool


class CellEffects(Struct, frozen=True):
    """All that one cell does, as its syntax tells."""

    readable: bool = False
    """Whether the cell is Python that could be read."""
    bindings: tuple[Binding, ...] = ()
    settings: tuple[Setting, ...] = ()
    needs: frozenset[str] = frozenset()
    """Names that it reads before it binds them itself."""
    deletes: tuple[str, ...] = ()
    """Names that it deletes."""
    consumes: tuple[str, ...] = ()
    """Names that it deletes and never binds: they have to be defined again before it can run again."""
    appends_to: frozenset[str] = frozenset()
    """Lists that it appends to."""
    methods: tuple[MethodCall, ...] = ()

    @property
    def exact_bindings(self) -> tuple[Binding, ...]:
        """The bindings whose target the syntax tells in full."""
        return tuple(b for b in self.bindings if not b.some_item)

    def binding_of(self, name: str) -> Binding | None:
        """The last binding of this name, else of the container or object that it is reached through."""
        for binding in reversed(self.bindings):
            if binding.target == name and not binding.some_item:
                return binding
        for outer in map(str, NamePath.parse(name).outers):
            for binding in reversed(self.bindings):
                if binding.target == outer:
                    return binding
        return None

    def is_conditional(self, method: str, receivers: Collection[str]) -> bool:
        """Whether some condition decides about every call of this method on these receivers (on any receiver,
        if the cell does not name one of these)."""
        calls = [call for call in self.methods if call.method == method]
        mine = [call for call in calls if call.receiver in receivers] or calls
        return bool(mine) and all(call.is_conditional for call in mine)
