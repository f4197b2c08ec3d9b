"""A script: a kernel whose messages have valid signatures and false contents.

``python lying.py KIND -f FILE``: it answers a greeting and an attach as a probe does, and then does what
``KIND`` says (see ``LIES``).  Each stage is a line on its standard output.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel

from kernelscope.protocol.wire import WIRE

COMM = "kernelscope-lie"
RUN = {"code": "pass", "code_hash": "ab", "status": "ok", "started": 1.5, "seconds": 0.1}
LARGE = 100_000_000
OUTPUTS = 6
MODELS, LOOKS = 3_000, 40


def model(token: int, serial: int) -> dict[str, Any]:
    """Build a model that was fitted ``serial`` times."""
    return {
        "token": token, "generation": token, "cls": "sklearn.linear_model._logistic.LogisticRegression",
        "library": "sklearn", "id": 4096 + token, "params": {"C": 1.0},
        "learned": {"coef_": {"text": "array", "serial": serial, "digest": f"{token} {serial}"}},
    }  # fmt: skip


def observation(seq: int, **differs: Any) -> dict[str, Any]:
    return {"seq": seq, "run": {"execution_count": seq, **RUN}, **differs}


def names(count: int) -> dict[str, int]:
    return {f"m{i}": i for i in range(count)}


def models(serial: int = 1) -> list[dict[str, Any]]:
    return [model(token, serial) for token in range(MODELS)]


class Liar(Kernel):
    """Behaves like a probe until it sends something that cannot be true."""

    implementation, implementation_version, banner = "liar", "1", ""
    language_info = {"name": "python", "mimetype": "text/x-python", "file_extension": ".py"}  # noqa: RUF012
    lie = ""

    def do_execute(  # type: ignore[override] # the rest of the arguments differs from version to version
        self, code: str, silent: bool, *_: Any, user_expressions: dict[str, str] | None = None, **__: Any
    ) -> dict[str, Any]:
        values = {name: self.answer(expression) for name, expression in (user_expressions or {}).items()}
        return {"status": "ok", "execution_count": 0, "payload": [], "user_expressions": values}

    def answer(self, question: str) -> dict[str, Any]:
        """Return what the probe's loader would answer."""
        assert self.session is not None
        if '"do": "greet"' in question:
            text = json.dumps({"session": self.session.session, "clock": 0.0})
        else:
            text = json.dumps({**self.attached(), **LIES[self.lie][0]()})
            self.io_loop.call_later(0, self.go_on)
        return {"status": "ok", "data": {"text/plain": repr(text)}, "metadata": {}}

    def attached(self) -> dict[str, Any]:
        return {
            "wire": WIRE, "nonce": "lie", "comm_id": COMM, "version": "0.1.0", "seq": 0, "local": False,
            "kernel": {"python": "3.12.1", "pid": 42, "execution_count": 0},
            "base": {"seq": 0, "names": {}, "objects": []}, "history": [],
        }  # fmt: skip

    def go_on(self) -> None:
        print("answered", file=sys.__stdout__, flush=True)
        LIES[self.lie][1](self)

    def push(self, text: str) -> None:
        push_data = {"nonce": "lie", "kind": "observation", "observation": text}
        self.publish("comm_msg", {"comm_id": COMM, "data": {"kernelscope": push_data}})

    def publish(self, kind: str, content: dict[str, Any]) -> None:
        assert self.session is not None
        self.session.send(self.iopub_socket, kind, content, ident=b"kernel.lie")


def usual_answer() -> dict[str, Any]:
    return {}


def send_nothing(_: Liar) -> None:
    """Send nothing after the answer."""


def many_outputs(size: int) -> Callable[[Liar], None]:
    def publish_outputs(liar: Liar) -> None:
        text = "x" * size
        for _ in range(OUTPUTS):
            liar.publish("display_data", {"data": {"text/plain": text}, "metadata": {}})
        liar.push(json.dumps(observation(1)))

    return publish_outputs


def long_history() -> dict[str, Any]:
    """Build the largest plausible history, which takes long to judge."""
    looks = [observation(seq + 1, objects=models(seq + 2)) for seq in range(LOOKS)]
    base = {"seq": 0, "names": names(MODELS), "objects": models()}
    return {"base": base, "history": looks, "seq": LOOKS}


LIES: dict[str, tuple[Callable[[], dict[str, Any]], Callable[[Liar], None]]] = {
    "names": (
        usual_answer,
        lambda liar: liar.push(json.dumps(observation(1, names=names(100_000), objects=models()))),
    ),
    "objects": (
        usual_answer,
        lambda liar: liar.push(json.dumps(observation(1, objects=[model(1, 1)] * 30_000))),
    ),
    "values": (usual_answer, lambda liar: liar.push("[" + "0," * 3_000_000 + "0]")),
    "history": (lambda: {"history": [{"seq": seq + 1} for seq in range(200_000)]}, send_nothing),
    "long history": (long_history, send_nothing),
    "answer": (lambda: {"version": "x" * LARGE}, send_nothing),
    "outputs": (usual_answer, many_outputs(LARGE)),
    "small outputs": (usual_answer, many_outputs(100)),
}
"""By kind: what the answer to an attach contains besides the usual, and what follows it."""


def main(lie: str, arguments: list[str]) -> None:
    Liar.lie = lie
    IPKernelApp.launch_instance(arguments, kernel_class=Liar)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
