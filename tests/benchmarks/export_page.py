"""Measures size and speed of an exported page of a long session: ``python -m tests.benchmarks.export_page``.

5,000 runs x 50 models, every run changes one of them.  The times are those of a headless Chromium on this
machine; a page is usable where a key is drawn within a frame or two, and where that does not grow with
the session: the ratio to a page of 100 runs says so.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from kernelscope.domain.facts import ObjectFacts
from kernelscope.export.csv_table import write_csv
from kernelscope.export.markdown import write_markdown
from kernelscope.export.page import write_html
from kernelscope.timeline.timeline import Timeline
from kernelscope.timeline.view import TimelineView
from tests.support.browser import chromium
from tests.support.script import Story, call, learn

_KEYS = ("l", "j", ">", "}", "k", "h", "<", "{", "$", "0")
_KEYED = """
const done = arguments[arguments.length - 1], keys = arguments[0], took = [];
const next = (i) => {
  if (i === keys.length) return done(took);
  const began = performance.now();
  document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: keys[i], bubbles: true, cancelable: true }));
  requestAnimationFrame(() => setTimeout(() => { took.push(performance.now() - began); next(i + 1); }));
};
next(0);
"""
"""Measures from the key to after the frame that shows it; at 60 frames a second some 17 ms are waiting."""
_LOADED = """
const shown = performance.getEntriesByType('navigation')[0];
return [shown.domInteractive, shown.loadEventEnd, document.querySelectorAll('#app *').length];
"""


def long_session(runs: int, models: int = 50) -> Timeline:
    """Build a session whose runs each create, fit or refit one of the models; every cell has another source."""
    story, models_by_name = Story(), dict[str, ObjectFacts]()
    story.attach()
    for number in range(runs):
        name = f"model_{number % models:02}"
        source = f"{name}.fit(X_train[{number}:], y_train[{number}:])  # run {number}: ".ljust(100, "x")
        if name not in models_by_name or number // models % 20 == 0:
            models_by_name[name] = learn(story.new(), tag=str(number))
            story.run(source, names={name: models_by_name[name]}, calls=[call(models_by_name[name])])
        else:
            models_by_name[name] = learn(models_by_name[name], tag=str(number))
            story.run(source, objects=[models_by_name[name]], calls=[call(models_by_name[name])])
    return story.timeline()


def keys(page: Path) -> tuple[list[float], list[float]]:
    """Measure the milliseconds until the page could be used and was loaded, and those of each key."""
    with chromium(1280, 800) as browser:
        browser.get(page.as_uri())
        loaded: list[float] = browser.execute_script(_LOADED)
        took: list[float] = browser.execute_async_script(_KEYED, _KEYS * 20)
    return loaded, took


def main() -> None:
    """Build the sessions, export them, and print the measurements."""
    medians = []
    for runs in (100, 5_000):
        timeline = long_session(runs)
        with tempfile.TemporaryDirectory() as folder:
            for name, write in (("html", write_html), ("csv", write_csv), ("md", write_markdown)):
                path = Path(folder, f"session.{name}")
                began = time.perf_counter()
                with path.open("w", encoding="utf-8") as out:
                    write(TimelineView(timeline), out)
                took = time.perf_counter() - began
                _say(
                    f"{runs:>6} runs  {name:<5} {path.stat().st_size / 1e6:7.2f} MB  written in {took:6.2f} s"
                )
            (interactive, loaded, elements), took_ms = keys(Path(folder, "session.html"))
        medians.append(statistics.median(took_ms))
        _say(
            f"{'':>12} usable after {interactive:.0f} ms, loaded after {loaded:.0f} ms, {elements:.0f} elements"
        )
        p95 = statistics.quantiles(took_ms, n=20)[-1]
        _say(f"{'':>12} a key: {medians[-1]:.1f} ms at the median, {p95:.1f} ms at the 95th percentile")
    _say(f"a key of the long session takes {medians[1] / medians[0]:.2f} times that of the short one")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
