"""How scikit-learn's objects are read: by their attributes; a pipeline also gives its steps by name and by place.

Sees: every attribute in the instance dictionary, arrays by content (``values``).  Cannot see: state in C that no
attribute shows, except that of decision trees.
"""

from __future__ import annotations

from typing import Any

from ...probe.library import MISSING, LibraryReader, NamedItems
from ...probe.types import has_plain_keys, instance_dict, qualified_name

_PIPELINES = frozenset({"sklearn.pipeline.Pipeline", "imblearn.pipeline.Pipeline"})
_NAMED_STEPS = "named_steps"
_MOST_STEPS = 64


class SklearnReader(LibraryReader):
    """``BaseEstimator`` and what is built on it."""

    def attribute(self, obj: Any, name: str) -> Any:
        """``pipe.named_steps``."""
        return (NamedItems(_steps(obj)) or MISSING) if name == _NAMED_STEPS else MISSING

    def item(self, obj: Any, key: Any) -> Any:
        """``pipe["scale"]`` and ``pipe[-1]`` (``Pipeline.__getitem__`` in sklearn/pipeline.py)."""
        steps = _steps(obj)
        if type(key) is int:
            values = list(steps.values())
            return values[key] if -len(values) <= key < len(values) else MISSING
        return steps.get(key, MISSING) if type(key) is str else MISSING


def _steps(obj: Any) -> dict[str, Any]:
    """A pipeline's steps by name; empty for anything else."""
    own = instance_dict(obj) if qualified_name(type(obj)) in _PIPELINES else None
    steps: Any = own.get("steps") if own is not None and has_plain_keys(own) else None
    pairs = list(steps[:_MOST_STEPS]) if type(steps) is list else []
    plain = all(type(p) is tuple and len(p) == 2 and type(p[0]) is str for p in pairs)
    return dict(pairs) if plain else {}


READERS = {"sklearn": SklearnReader}
