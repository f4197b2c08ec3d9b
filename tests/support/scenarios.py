"""Plays labelled notebooks in real kernels, and compares what ``watch --json`` reports with the labels.

A file holds ``[[scenario]]`` tables with ``id``, optional ``needs`` (packages in the kernel), ``before`` (cells that
run before the attach) and ``fresh`` (the notebook is the first to import anything), and ``[[scenario.step]]`` tables: ``code``, ``again``
(run that step's code once more, counted from 1) or ``restart``, and ``expect``: per name a verdict, a
list of accepted verdicts, or a table of keys that the change must have.  A name that
``expect`` leaves out must not be reported (``lenient`` allows it).  ``forecast``: per name the verdict that the
record must forecast.  ``local``: classes that must be reported as local if calls are seen; an empty list allows
none.  ``seen`` replaces labels of ``expect`` if calls are seen; ``status`` and ``rerun_of`` are those of the run.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from kernelscope.libraries.registry import registry
from tests.support.kernels import KernelProcess
from tests.support.zygote import Forked, Zygote, nursery

WAIT_S = 180.0
FOLDER = Path(__file__).parents[1] / "scenarios"

Record = dict[str, Any]
Scenario = dict[str, Any]


def labelled_notebooks() -> dict[str, Scenario]:
    """Every labelled notebook, by ``FILE:ID`` or ``LIBRARY:ID``: the general ones, and those of each library."""
    general = ((path.stem, path) for path in sorted(FOLDER.glob("*.toml")))
    own = ((lib.name, Path(lib.path, "scenarios.toml")) for lib in registry().libraries)
    return {f"{name}:{s['id']}": s for name, path in (*general, *own) for s in scenarios_of(path)}


def scenarios_of(path: Path) -> list[Scenario]:
    """Return the scenarios of one file."""
    scenarios: list[Scenario] = tomllib.loads(path.read_text(encoding="utf-8"))["scenario"]
    return scenarios


@cache
def _zygote() -> Zygote:
    return Zygote()


class WatchProcess:
    """Runs ``kernelscope watch --json`` in a process of its own, and collects its records."""

    def __init__(self, connection_file: Path, *options: str) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._out, self._err = (Path(self._folder.name, name) for name in ("out", "err"))
        os.mkfifo(self._out)
        arguments = ("watch", str(connection_file), "--json", *options)
        self._process = Forked(_zygote().start(self._out, *arguments, err=self._err))
        self.records: list[Record] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with self._out.open(encoding="utf-8") as out:
            for line in out:
                with self._news:
                    self.records.append(json.loads(line))
                    self._news.notify_all()

    def records_of(self, kind: str) -> list[Record]:
        """Return the records of one type so far."""
        return [r for r in self.records if r["type"] == kind]

    def wait_attached(self, epoch: int) -> None:
        """Wait for the attach of this epoch."""
        self._wait(lambda: len(self.records_of("attached")) >= epoch, f"attach {epoch}")

    def wait_run(self, epoch: int, count: int) -> Record:
        """Wait for this run; returns its record."""

        def matches() -> list[Record]:
            return [
                r
                for r in self.records_of("execution")
                if (r["epoch"], r["execution_count"]) == (epoch, count)
            ]

        self._wait(lambda: bool(matches()), f"run [{count}] of epoch {epoch}")
        return matches()[0]

    def has_run(self, code: str, seconds: float) -> bool:
        """Whether a run whose code begins with this is reported within that time."""
        with self._news:
            return self._news.wait_for(
                lambda: any(record["code"].startswith(code) for record in self.records_of("execution")),
                seconds,
            )

    def _wait(self, condition: Any, what: str) -> None:
        end = time.monotonic() + WAIT_S
        with self._news:
            while not self._news.wait_for(condition, 1.0):
                if self._process.poll() is not None and not condition():
                    errors = self._err.read_text(encoding="utf-8")
                    raise RuntimeError(f"kernelscope ended before {what}:\n{errors}")
                if time.monotonic() > end:
                    raise TimeoutError(f"{what} was not reported")

    def stop(self) -> str:
        """End it as Ctrl-C does; returns its standard error."""
        self._process.terminate()
        assert self._process.wait(10) is not None, "it still runs"
        self._reader.join(10)
        errors = self._err.read_text(encoding="utf-8")
        self._folder.cleanup()
        return errors


def play(scenario: Scenario, folder: Path, python: str, imported: tuple[str, ...] | None = None) -> list[str]:
    """Return a line for each label that is not met.

    Args:
        scenario: the labelled notebook.
        folder: the kernel's folder.
        python: the kernel's interpreter.
        imported: modules that a forked kernel has already imported; ``None`` starts a fresh kernel.
    """
    parent = None if imported is None else nursery(python, imported)
    with KernelProcess(folder, python, nursery=parent) as kernel:
        for code in scenario.get("before", ()):
            kernel.run(code)
        watching = WatchProcess(kernel.connection_file)
        try:
            watching.wait_attached(1)
            wrong = list(_steps(scenario, kernel, watching))
        finally:
            errors = watching.stop()
    return [*wrong, *([f"standard error: {errors}"] if "Traceback" in errors else [])]


def _steps(scenario: Scenario, kernel: KernelProcess, watching: WatchProcess) -> Iterator[str]:
    epoch, codes = 1, []
    for number, step in enumerate(scenario["step"], 1):
        if step.get("restart"):
            kernel.restart()
            epoch += 1
            watching.wait_attached(epoch)
            codes.append("")
            continue
        code = step["code"] if "code" in step else codes[step["again"] - 1]
        codes.append(code)
        record = watching.wait_run(epoch, kernel.run(code)["execution_count"])
        for problem in problems(step, record, watching.records_of("attached")[-1]["kernel"]["sees_calls"]):
            yield f"step {number}: {problem}"


def label_problems(scenario: Scenario, records: Sequence[Record]) -> Iterator[str]:
    """Yield a line for each label that the records of a whole notebook do not meet."""
    attached = [record for record in records if record["type"] == "attached"]
    executions = iter([record for record in records if record["type"] == "execution"])
    epoch = 0
    for number, step in enumerate(scenario["step"], 1):
        if step.get("restart"):
            epoch += 1
            continue
        for problem in problems(step, next(executions), attached[epoch]["kernel"]["sees_calls"]):
            yield f"step {number}: {problem}"


def problems(step: dict[str, Any], record: Record, sees_calls: bool) -> Iterator[str]:
    changes = {c["name"]: c for c in record["changes"] if c["scope"] == "global"}
    expected = {**step.get("expect", {}), **(step.get("seen", {}) if sees_calls else {})}
    for key in ("status", "rerun_of"):
        if key in step and record[key] != step[key]:
            yield f"{key} should be {step[key]}, is {record[key]}"
    for name, wanted in expected.items():
        labels = wanted if isinstance(wanted, dict) else {"verdict": wanted}
        for key, value in labels.items():
            got = changes.get(name, {"verdict": "untouched"}).get(key)
            if not _meets(got, value):
                yield f"{name}: {key} should be {value}, is {got}: {changes.get(name, {}).get('explanation')}"
    for name in changes.keys() - expected.keys() if not step.get("lenient") else ():
        yield f"{name}: should be untouched, is {changes[name]['verdict']}: {changes[name]['explanation']}"
    yield from _forecast_problems(step, record)
    yield from _local_problems(step, record, sees_calls)


def _forecast_problems(step: dict[str, Any], record: Record) -> Iterator[str]:
    forecasts = {forecast["name"]: forecast["verdict"] for forecast in record.get("forecast", ())}
    for name, wanted in step.get("forecast", {}).items():
        got = forecasts.get(name, "untouched")
        if not _meets(got, wanted):
            yield f"{name}: its forecast should be {wanted}, is {got}"


def _local_problems(step: dict[str, Any], record: Record, sees_calls: bool) -> Iterator[str]:
    classes = [c["class"].rpartition(".")[2] for c in record["changes"] if c["scope"] == "local"]
    for cls in step.get("local", ()) if sees_calls else ():
        if cls not in classes:
            yield f"a local {cls} should be reported, {classes} are"
    if classes and step.get("local") == []:
        yield f"no local model should be reported, {classes} are"


def _meets(got: Any, wanted: Any) -> bool:
    if isinstance(wanted, list) and not isinstance(got, list):
        return got in wanted
    if isinstance(wanted, dict) and isinstance(got, dict):
        return all(_meets(got.get(key), value) for key, value in wanted.items())
    return bool(got == wanted)
