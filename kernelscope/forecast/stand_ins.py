"""Stand-ins for what does not exist: objects that a simulated run would make, values that it would set."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from kernelscope.domain.facts import Opaque, Signature, Value

_FIRST = 1 << 62
"""The probe counts objects from 1, and gets nowhere near."""


class StandIns:
    """A token for the object that would take the place of each one that the cell's last run made.

    No object has such a token, so that the judge can take simulated objects as it takes seen ones.

    Args:
        originals: tokens of the objects that the last run made.
    """

    def __init__(self, originals: Iterable[int]) -> None:
        self._by_original = {original: _FIRST + place for place, original in enumerate(sorted(originals))}
        self._tokens = frozenset(self._by_original.values())

    def of(self, original: int) -> int | None:
        """The token of the object that would be made in place of this one; ``None``: it would not be made again."""
        return self._by_original.get(original)

    def is_simulated(self, token: int) -> bool:
        """Whether a simulated object has this token."""
        return token in self._tokens


class UnknownValue(Opaque, frozen=True):
    """What a hyper-parameter would be set to, if the source tells no more than that it would change."""


def make_changed_value(earlier: Value) -> UnknownValue:
    """What a hyper-parameter with this value would have afterwards: another one, more is not known."""
    serial = earlier.serial + 1 if isinstance(earlier, Opaque) else 0
    return UnknownValue("", serial=serial)


def rebind_signature(signature: Signature) -> Signature:
    """A learned attribute after it was bound to another value: the content is not known, but differs."""
    digest = None if signature.digest is None else f"{signature.digest}+"
    full = None if signature.full is None else f"{signature.full}+"
    version = None if signature.version is None else signature.version + 1
    return replace(signature, serial=signature.serial + 1, digest=digest, full=full, version=version)
