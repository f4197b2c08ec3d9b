"""Glyphs: one for each verdict, readable without colour, and those of the lifeline."""

from __future__ import annotations

from kernelscope.domain.changes import Verdict

# fault: 79a
GLYPHS = {
    Verdict.CREATED: "●",
    Verdict.RESET: "○",
    Verdict.REFITTED: "◆",
    Verdict.CONTINUED: "➤",
    Verdict.FITTED: "◇",
    Verdict.PARAMS: "▲",
    Verdict.EDITED: "✎",
    Verdict.FAILED: "!",
    Verdict.RESTORED: "↺",
    Verdict.COPIED: "≈",
    Verdict.ALIASED: "=",
    Verdict.CLEARED: "⊘",
    Verdict.SAVED: "▣",
    Verdict.DELETED: "✕",
    Verdict.UNKNOWN: "?",
    Verdict.UNTOUCHED: "·",
}
"""Each one cell wide, no two alike."""

LINE_FITTED = "━"
"""The lifeline of a model that has learned something."""
LINE_BARE = "─"
"""The lifeline of a model that has learned nothing yet."""
HATCH = "╌"
"""What was before the attach: unknown."""
WALL = "┃"
"""An attach or a restart: nothing is known across it."""

LIVE = "∿"
"""It is seen to change while its cell is still running: there is no verdict yet."""

LEGEND = tuple(v for v in GLYPHS if v is not Verdict.UNTOUCHED)
"""The verdicts in the order of the legend."""

LOSS = frozenset({Verdict.RESET, Verdict.CLEARED, Verdict.DELETED})
"""The learned state or the object itself is gone: shown in the colour of a loss."""
DOUBT = frozenset({Verdict.REFITTED, Verdict.EDITED, Verdict.FAILED, Verdict.UNKNOWN})
"""Worth a second look: shown in the colour of a doubt."""
