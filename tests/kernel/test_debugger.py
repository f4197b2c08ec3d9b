"""Steps through a watched kernel's cells with a debugger, and compares with an unwatched kernel."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.kernel.watching import LONG, watching
from tests.support.kernels import KernelProcess

if TYPE_CHECKING:
    from jupyter_client.blocking.client import BlockingKernelClient

CELL = "first = 1\nsecond = 2\nmodel.fit(X, y)"
SETUP = (
    "from sklearn.linear_model import LogisticRegression\nX, y = [[0.0], [1.0]], [0, 1]\n"
    "model = LogisticRegression()"
)
STEPS = 12


class Debugger:
    """Debugs over the control channel, as JupyterLab does."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self._client, self._numbers = client, itertools.count(1)
        self.ask("initialize", clientID="test", adapterID="python", pathFormat="path", linesStartAt1=True)
        self.ask("attach")

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        content = {
            "seq": next(self._numbers), "type": "request", "command": command, "arguments": arguments,
        }  # fmt: skip
        request = self._client.session.msg("debug_request", content)
        self._client.control_channel.send(request)
        while True:
            reply = self._client.get_control_msg(timeout=LONG)
            if reply["parent_header"].get("msg_id") == request["header"]["msg_id"]:
                body: dict[str, Any] = reply["content"].get("body") or {}
                return body

    def break_at(self, code: str, line: int) -> None:
        source = self.ask("dumpCell", code=code)["sourcePath"]
        self.ask("setBreakpoints", source={"path": source}, breakpoints=[{"line": line}])
        self.ask("configurationDone")

    def step_over(self, code: str, steps: int) -> list[tuple[str, str]]:
        """Step until the cell ends, at most so often; returns the file name and function of each stop."""
        cell, places = self._client.execute(code), list[tuple[str, str]]()
        while (thread := self._stopped_thread(cell)) is not None:
            frame = self.ask("stackTrace", threadId=thread)["stackFrames"][0]
            path = Path(frame.get("source", {}).get("path", "?"))
            places.append(("cell" if "ipykernel_" in str(path) else path.name, frame["name"]))
            self.ask("next" if len(places) < steps else "continue", threadId=thread)
        return places

    def _stopped_thread(self, cell: str) -> int | None:
        """Return the id of the stopped thread; ``None`` once the cell has ended."""
        while True:
            message = self._client.get_iopub_msg(timeout=LONG)
            content = message["content"]
            if message["msg_type"] == "debug_event" and content["event"] == "stopped":
                thread: int = content["body"]["threadId"]
                return thread
            if content.get("execution_state") == "idle" and message["parent_header"].get("msg_id") == cell:
                return None


def places_of(kernel: KernelProcess) -> list[tuple[str, str]]:
    client = kernel.client()
    client.wait_for_ready(timeout=LONG)
    debugger = Debugger(client)
    debugger.break_at(CELL, 2)
    places = debugger.step_over(CELL, STEPS)
    debugger.ask("disconnect", restart=False, terminateDebuggee=False)
    return places


@pytest.mark.fault(103)
async def test_stepping_over_the_last_line_of_a_cell_never_stops_in_the_probe(
    python: str, tmp_path: Path
) -> None:
    """ipykernel turns ``justMyCode`` off, so that the debugger steps into every file."""
    places = []
    for is_watched in (False, True):
        folder = tmp_path / str(is_watched)
        folder.mkdir()
        with KernelProcess(folder, python) as kernel:
            kernel.run(SETUP)
            if not is_watched:
                places.append(places_of(kernel))
                continue
            async with watching(kernel) as watch:
                await watch.wait_for_attach()
                places.append(places_of(kernel))
                await watch.wait_for_runs(1)
    plain, beside_a_watcher = places
    assert [file for file, _ in plain][:2] == ["cell", "cell"]
    assert beside_a_watcher == plain
