"""Tests a watched kernel's messages with jupyter_kernel_test and the rules of the message spec."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from jupyter_kernel_test import KernelTests, msgspec_v5

from tests.conftest import interpreter
from tests.kernel.test_manners import read_record, watch_process
from tests.kernel.watching import LONG
from tests.support.kernels import KernelProcess, wait_until_ready

if TYPE_CHECKING:
    from jupyter_client.blocking.client import BlockingKernelClient

Message = dict[str, Any]


def is_ours(message: Message) -> bool:
    return str(message["content"].get("comm_id")).startswith("kernelscope-")


class Watched(KernelTests):  # type: ignore[misc]
    """Its client ignores messages on comms that it did not open, as every front end does: the suite's
    schemas have no ``comm_msg``."""

    version: ClassVar[str]
    kernel: ClassVar[KernelProcess]
    watcher: ClassVar[Popen[str]]
    passed_over: ClassVar[list[Message]]

    language_name = "python"
    file_extension = ".py"
    code_hello_world = "print('hello, world')"
    code_stderr = "import sys; print('test', file=sys.stderr)"
    completion_samples: ClassVar = [{"text": "impor", "matches": {"import"}}, {"text": "from imp"}]
    complete_code_samples: ClassVar = ["1", "print('hello, world')", "def f(x):\n  return x*2\n\n\n"]
    incomplete_code_samples: ClassVar = ["print('''hello", "def f(x):\n  x*2"]
    invalid_code_samples: ClassVar = ["import = 7q"]
    code_page_something = "zip?"
    code_generate_error = "raise"
    code_execute_result: ClassVar = [
        {"code": "1+2+3", "result": "6"},
        {"code": "[n*n for n in range(1, 4)]", "result": "[1, 4, 9]"},
    ]
    code_display_data: ClassVar = [
        {"code": "from IPython.display import HTML, display; display(HTML('<b>b</b>'))", "mime": "text/html"},
        {"code": "from IPython.display import Math, display; display(Math('x'))", "mime": "text/latex"},
    ]
    code_history_pattern = "1?2*"
    supported_history_operations = ("tail", "search")
    code_inspect_sample = "zip"
    code_clear_output = "from IPython.display import clear_output; clear_output()"

    @classmethod
    def setUpClass(cls) -> None:
        python = interpreter(cls.version)
        cls.folder = Path(tempfile.mkdtemp())
        cls.kernel = KernelProcess(cls.folder, python)
        cls.kc = cls.kernel.client()
        wait_until_ready(cls.kc)
        cls.watcher = watch_process(cls.kernel)
        read_record(cls.watcher, "attached")
        channel: Any = cls.kc.iopub_channel
        receive, cls.passed_over = channel.get_msg, []

        def received(*args: Any, **named: Any) -> Message:
            while is_ours(message := receive(*args, **named)):
                cls.passed_over.append(message)
            return dict(message)

        channel.get_msg = received

    @classmethod
    def tearDownClass(cls) -> None:
        with cls.watcher:
            cls.watcher.kill()
        cls.kernel.stop()
        shutil.rmtree(cls.folder, ignore_errors=True)
        assert cls.passed_over, "it was watched"


class TestNewest(Watched):
    version = "own"


class TestOldest(Watched):
    version = "3.10"


del KernelTests, Watched  # pytest would collect them


@pytest.fixture(params=[False, True], ids=["alone", "watched"], scope="module")
def kernel_and_client(
    request: pytest.FixtureRequest, python: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[bool, BlockingKernelClient]]:
    """Whether the kernel is watched, and a client."""
    with KernelProcess(tmp_path_factory.mktemp("spec"), python) as kernel:
        client = kernel.client()
        wait_until_ready(client)
        if not request.param:
            yield False, client
            return
        with watch_process(kernel) as watcher:
            read_record(watcher, "attached")
            yield True, client
            watcher.kill()


CASES: dict[str, Callable[[BlockingKernelClient], str]] = {
    "a cell": lambda c: c.execute("x = 1"),
    "output": lambda c: c.execute("print(1); display(2); 3"),
    "error": lambda c: c.execute("1 / 0"),
    "syntax": lambda c: c.execute("def broken(:"),
    "exit": lambda c: c.execute("raise SystemExit"),
    "expressions": lambda c: c.execute("", user_expressions={"a": "x", "b": "1 / 0"}),
    "silent": lambda c: c.execute("print(1)", silent=True),
    "a tool's": lambda c: c.execute("5", store_history=False),
    "updated": lambda c: c.execute("h = display(1, display_id='d'); h.update(2)"),
    "page": lambda c: c.execute("zip?"),
    "complete": lambda c: c.complete("pri"),
    "inspect": lambda c: c.inspect("zip"),
    "history": lambda c: c.history(hist_access_type="tail", n=3),
    "is complete": lambda c: c.is_complete("def f():"),
    "kernel info": lambda c: c.kernel_info(),
    "comm info": lambda c: c.comm_info("jupyter.widget"),
}
shapes_by_python: dict[str, list[Any]] = {}


@pytest.mark.fault(41)
def test_every_request_gets_the_same_messages_as_unwatched(
    kernel_and_client: tuple[bool, BlockingKernelClient], request: pytest.FixtureRequest
) -> None:
    is_watched, client = kernel_and_client
    shapes: list[Any] = []
    for case, ask in CASES.items():
        msg_id = ask(client)
        reply = client.get_shell_msg(timeout=LONG)
        messages = [reply]
        while True:
            message = client.get_iopub_msg(timeout=LONG)
            if message["parent_header"].get("msg_id") != msg_id:
                continue
            messages.append(message)
            if message["content"].get("execution_state") == "idle":
                break
        states = [m["content"]["execution_state"] for m in messages if m["msg_type"] == "status"]
        assert (messages[1]["msg_type"], states) == ("status", ["busy", "idle"]), case
        for message in messages:
            assert_follows_spec(message, msg_id)
        shapes += [(case, m["msg_type"], sorted(m["content"])) for m in messages if not is_ours(m)]
        runs = is_watched and case in ("a cell", "output", "error", "syntax", "exit", "updated", "page")
        assert sum(map(is_ours, messages)) == runs, f"{case}: one message per counted run"
    known = shapes_by_python.setdefault(str(request.node.callspec.params["python"]), shapes)
    assert shapes == known


def assert_follows_spec(message: Message, parent: str) -> None:
    """Check a message as jupyter_kernel_test does, and what that leaves out as ipykernel's own tests do."""
    header = message["header"]
    assert message["parent_header"]["msg_id"] == parent
    assert {"msg_id", "username", "session", "date", "msg_type", "version"} <= set(header)
    assert header["date"].tzinfo is not None
    if message["msg_type"] != "comm_msg":
        plain = {k: v for k, v in message.items() if k in msgspec_v5.msg_schema["properties"]}
        msgspec_v5.validate_message(plain, message["msg_type"], parent)
        return
    content = message["content"]
    assert type(content["comm_id"]) is str
    assert type(content["data"]) is dict
    assert message["metadata"] == {}
    # Front ends treat data with a `state` as a widget's.
    assert list(content["data"]) == ["kernelscope"]


@pytest.mark.fault(41)
def test_the_comm_is_listed_with_its_target(kernel_and_client: tuple[bool, BlockingKernelClient]) -> None:
    is_watched, client = kernel_and_client
    client.comm_info()
    while "comms" not in (content := client.get_shell_msg(timeout=LONG)["content"]):
        pass
    assert [comm["target_name"] for comm in content["comms"].values()] == ["kernelscope"] * is_watched
