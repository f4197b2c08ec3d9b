"""What the reader sees first of every verdict: a glyph that reads without colour, and a word."""

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
    Verdict.RESTORED: "↺",
    Verdict.COPIED: "≈",
    Verdict.ALIASED: "=",
    Verdict.CLEARED: "⊘",
    Verdict.SAVED: "▣",
    Verdict.DELETED: "✕",
    Verdict.UNKNOWN: "?",
    Verdict.UNTOUCHED: "·",
}
"""One cell wide each, and no two alike."""

LINE_FITTED = "━"
"""The lifeline of a model that has learned something."""
LINE_BARE = "─"
"""The lifeline of a model that has learned nothing yet."""
HATCH = "╌"
"""What was before the attach: unknown."""
WALL = "┃"
"""An attach or a restart: nothing is known across it."""

LIVE = "∿"
"""It is seen to change while its cell still runs: no verdict yet."""

LEGEND = tuple(v for v in GLYPHS if v is not Verdict.UNTOUCHED)
"""The verdicts in the order in which the legend tells them."""

LOSS = frozenset({Verdict.RESET, Verdict.CLEARED, Verdict.DELETED})
"""What had been learned, or the object itself, is gone: told in the colour of a loss."""
DOUBT = frozenset({Verdict.REFITTED, Verdict.EDITED, Verdict.UNKNOWN})
"""Worth a second look: told in the colour of a doubt."""
