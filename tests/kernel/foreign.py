"""A script: kernels that are not IPython's, on ipykernel's own sockets.

``python foreign.py KIND -f FILE``: ``echo`` is of another language, ``python`` evaluates expressions as
Python and has no IPython, ``shell`` has IPython's shell in a kernel of its own, as xeus-python has.  Each
prints a line of JSON for every request to execute.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel
from IPython.core.interactiveshell import InteractiveShell


class Foreign(Kernel):
    """Prints each request to execute, and what an attach has left in its process."""

    implementation, implementation_version, banner = "foreign", "1", ""
    language_info = {"name": "echo", "mimetype": "text/plain", "file_extension": ".echo"}  # noqa: RUF012

    def do_execute(  # type: ignore[override] # the rest of the arguments differs from version to version
        self,
        code: str,
        silent: bool,
        store_history: bool = True,
        user_expressions: dict[str, str] | None = None,
        allow_stdin: bool = False,
        **_: Any,
    ) -> dict[str, Any]:
        """Evaluate expressions, if its language is Python."""
        values = {name: self.value(expression) for name, expression in (user_expressions or {}).items()}
        print(json.dumps({"code": code, "silent": silent, "left": traces()}), file=sys.__stdout__, flush=True)
        count = self.execution_count
        return {"status": "ok", "execution_count": count, "payload": [], "user_expressions": values}

    def value(self, expression: str) -> dict[str, Any]:
        """Return the value in IPython's format."""
        if self.language_info["name"] != "python":
            return {"status": "error", "ename": "NotEcho", "evalue": "", "traceback": []}
        text = repr(eval(expression, {"__builtins__": __builtins__}))
        return {"status": "ok", "data": {"text/plain": text}, "metadata": {}}


class Pythonic(Foreign):
    """A Python kernel without IPython."""

    implementation = "pythonic"
    language_info = {"name": "python", "mimetype": "text/x-python", "file_extension": ".py"}  # noqa: RUF012


def traces() -> dict[str, Any]:
    """Return what an attach could have left in this process."""
    shell = InteractiveShell.instance() if InteractiveShell.initialized() else None
    callbacks = shell.events.callbacks.values() if shell is not None else ()
    return {
        "modules": [name for name in sys.modules if name.startswith("_kernelscope")],
        "imported": len(sys.modules),
        "callbacks": sum(map(len, callbacks)),
    }


def main(kind: str, arguments: list[str]) -> None:
    if kind == "shell":
        InteractiveShell.instance().kernel = object()  # type: ignore[attr-defined]
    IPKernelApp.launch_instance(arguments, kernel_class=Foreign if kind == "echo" else Pythonic)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
