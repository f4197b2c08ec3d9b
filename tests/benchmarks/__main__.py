"""``python -m tests.benchmarks [TOPIC …] [--json FILE]`` measures; ``… compare OLD NEW`` compares two such files."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from tests.benchmarks.rows import Row, comparison_of, read, show, table_of, write

TOPICS = ("run_cost", "notebooks", "lines", "growth", "network", "judging", "screen", "start")


def main() -> int:
    """1 if a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help=", ".join(TOPICS))
    parser.add_argument("--json", type=Path, help="write the rows into this file, too")
    options = parser.parse_args()
    if options.topics[:1] == ["compare"]:
        old, new = options.topics[1:]
        show(comparison_of(read(Path(old)), read(Path(new))))
        return 0
    rows: list[Row] = []
    for topic in options.topics or TOPICS:
        measured = list(importlib.import_module(f"tests.benchmarks.{topic}").measure())
        show(table_of(measured))
        rows += measured
    if options.json is not None:
        write(rows, options.json)
    return int(any(row.goal is not None and row.value > row.goal for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
