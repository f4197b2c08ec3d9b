"""How objects of unknown origin with ``get_params`` and ``fit`` are read: by their attributes.

Sees: every attribute in the instance dictionary.  Cannot see: state in C, behind properties or in closures.
"""

from __future__ import annotations

from ...probe.library import LibraryReader

READERS = {"other": LibraryReader}
