"""The probe's one entry: evaluated in the kernel as a single expression, once per attach.

Everything here is in a try: the answer is a JSON text in any case, so that the kernel neither
raises nor prints.  The modules get builtins of their own, so that a name the user replaces in
``builtins`` later does not reach them.
"""

# The expression that carries this file calls ``_kernelscope`` with the request (see kernel/inject.py).
# It may meet an agent of another version: of that one it uses what every version has, ``version``,
# ``attach``, ``status``, ``is_abandoned``, ``remove_watcher``, ``evict``, ``uninstall`` and the module's ``WIRE``.

from __future__ import annotations

from typing import Any

_PACKAGE = "_kernelscope_probe"


def _kernelscope(request: str) -> str:
    """Does what ``request`` (JSON) asks for; answers in JSON, whatever happens."""
    try:
        return _answer(request)
    # fault: 29a
    # fault: 26b
    # fault: 26a
    except BaseException as error:  # noqa: BLE001 - SystemExit from in here would end the user's kernel
        _keep_for_the_user(error)
        detail = type(error).__name__ + ": " + str(error)[:300]
        plain = "".join(c if c.isprintable() and c not in '"\\' else "?" for c in detail)
        return '{"error": "failed", "detail": "' + plain + '"}'  # `json` may be what failed


def _keep_for_the_user(error: BaseException) -> None:
    """Hand a Stop, or a timeout of the user's, to the probe if one is there: it may be meant for a queued cell."""
    try:
        handle = getattr(_agent(), "handle", None)
        if handle is not None and not isinstance(error, Exception):
            handle(error)
    except BaseException:  # noqa: BLE001, S110 - the answer must be sent
        pass


def _answer(request: str) -> str:
    """As ``_kernelscope``, and may raise."""
    import json
    import sys

    asked = json.loads(request)
    _no_longer_waits(asked["note"], asked["token"])
    shell = sys.modules.get("IPython.core.getipython")
    ip = shell.get_ipython() if shell is not None else None
    # fault: 15b
    if ip is None or getattr(ip, "kernel", None) is None:
        return json.dumps({"error": "unsupported", "detail": "no IPython kernel runs here"})
    kernel = type(ip.kernel)
    # fault: 15c
    if not any(cls.__module__ == "ipykernel.ipkernel" for cls in kernel.__mro__):
        detail = "its kernel is " + kernel.__module__ + "." + kernel.__qualname__ + ", not ipykernel's"
        return json.dumps({"error": "unsupported", "detail": detail})
    release = getattr(sys.modules.get("ipykernel"), "version_info", (6,))
    # fault: 15a
    if release[0] < 6:
        detail = "ipykernel " + ".".join(map(str, release)) + " is too old"
        return json.dumps({"error": "unsupported", "detail": detail})
    locked = getattr(sys, "_is_gil_enabled", None)
    # fault: 49a
    if locked is not None and not locked():
        return json.dumps({"error": "unsupported", "detail": "a free-threaded Python runs here"})
    agent = _agent()
    before = _parent_for(agent, None) or _parent_before(ip)
    try:
        text = _done(ip, agent, asked)
        _give_back(ip, before)
    except BaseException:
        agent = _agent()
        if agent is not None and asked["do"] == "attach":
            agent.remove_watcher(asked["watcher"])  # who never hears of it will not take it back
        _give_back(ip, before)
        raise
    return text


def _no_longer_waits(note: str, token: str) -> None:
    """Removes the file that says that this request waits (see kernel/turn.py)."""
    import os

    try:
        with open(note) as file:
            waited = file.read().startswith(token)
        if waited:
            os.unlink(note)
    except (OSError, ValueError):
        pass  # there is none, or it was removed already


def _agent() -> Any:
    """The probe that is there; ``None`` where none is."""
    import sys

    return getattr(sys.modules.get(_PACKAGE + ".probe.agent"), "AGENT", None)


def _wire() -> Any:
    """The wire that the probe speaks which is there."""
    import sys

    return vars(sys.modules[_PACKAGE + ".probe.agent"])["WIRE"]


def _parent_for(agent: Any, parent: dict[str, Any] | None) -> dict[str, Any] | None:
    """The parent that the probe has seen, else the one that is given; another version may know none."""
    remember = getattr(agent, "background_parent", None)
    return parent if remember is None else remember(parent)


def _done(ip: Any, agent: Any, asked: dict[str, Any]) -> str:
    """What is asked for, in a kernel that it can be asked of."""
    import builtins
    import json
    import time

    session = ip.kernel.session.session
    if asked["do"] == "greet":
        there = {} if agent is None else agent.status()
        return json.dumps({"session": session, "clock": time.monotonic(), **there})
    if asked["do"] == "audit":
        own = dict(vars(builtins))
        exec(compile(asked["source"], "<frozen kernelscope audit>", "exec", 0, True), own)  # noqa: S102 - the probe's own
        there = None if agent is None else agent.audit_info()
        return _pack({"report": own["report"](ip), "probe": there})
    if asked["do"] == "detach":
        if agent is not None:
            agent.evict()
        return json.dumps({"detached": agent is not None})
    # fault: 21a
    # fault: 20a
    if asked["session"] != session or time.monotonic() > asked["until"]:
        return json.dumps({"error": "stale"})
    # fault: 88a
    if agent is not None and asked["wire"] != _wire():
        # fault: 88b
        if not agent.is_abandoned():
            return json.dumps({"error": "version", "detail": agent.version})
        agent.uninstall()
        agent = None
    if agent is None:
        agent = _install(ip, asked)
    return _pack(agent.attach(asked))


def _install(ip: Any, asked: dict[str, Any]) -> Any:
    """Runs the modules that were sent and makes the agent; if that fails, none of them stays."""
    import base64
    import builtins
    import json
    import sys
    import zlib

    sent = json.loads(zlib.decompress(base64.b64decode(asked["sources"])))
    own = dict(vars(builtins))
    before = set(sys.modules)
    try:
        for name, source in sent["modules"]:
            _run_module(name, source, own)
        modules = {folder: _run_library(name, source, own) for folder, name, source in sent["libraries"]}
        library, agent = (vars(sys.modules[_PACKAGE + ".probe." + name]) for name in ("library", "agent"))
        libraries = library["Libraries"](library["Tables"](sent["tables"]), modules)
        agent["AGENT"] = agent["Agent"](ip, asked["version"], asked["checksum"], libraries)
    except BaseException:
        for full in [n for n in list(sys.modules) if type(n) is str and n not in before]:
            if full == _PACKAGE or full.startswith(_PACKAGE + "."):
                sys.modules.pop(full, None)
        raise
    return agent["AGENT"]


def _run_library(name: str, source: str, own: dict[str, Any]) -> Any:
    """What a library's module defines; a text says why it could not be run: the other libraries do without it."""
    try:
        return _run_module(name, source, own)
    except Exception as error:  # noqa: BLE001 - what it raises is reported, whatever it is
        return type(error).__name__ + ": " + str(error)[:200]


def _run_module(name: str, source: str, own: dict[str, Any]) -> dict[str, Any]:
    """One module of the probe or of a library, in packages of the same names as in kernelscope."""
    import sys
    import types

    full = _PACKAGE
    for part in ("", *name.split(".")):
        full += "." + part if part else ""
        if full not in sys.modules:
            module = sys.modules[full] = types.ModuleType(full)
            module.__dict__["__builtins__"] = own
            module.__dict__["__path__"] = []
    module.__dict__["__package__"] = full.rpartition(".")[0]
    del module.__dict__["__path__"]  # it is no package
    # Debuggers step over files of such a name, as over Python's own frozen modules.
    # fault: 103a
    exec(compile(source, "<frozen kernelscope " + full + ">", "exec", 0, True), module.__dict__)  # noqa: S102 - the probe itself
    return module.__dict__


def _pack(what: object) -> str:
    """As JSON; what is longer than 64 KiB pyzmq would send without a copy, and start a thread that stays."""
    import base64
    import json
    import zlib

    text = json.dumps(what)
    if len(text) < 32_768:
        return text
    return "z" + base64.b64encode(zlib.compress(text.encode(), 1)).decode()


def _parent_before(ip: Any) -> dict[str, Any] | None:
    """The message that output of the user's threads and tasks belonged to until this request came, as far
    as the kernel still tells; ``None`` where it does not.

    For every request ipykernel makes that one the parent of all output whose origin it does not know.
    7.1 and newer copy the shell's context variables just before they do.  Of 6 what is left is which
    message each thread and each asyncio task was started by, and the newest is taken; that of a thread whose
    class has a ``run`` of its own, such as ``threading.Timer``, is not known there.
    """
    import contextvars

    try:
        context, shown = getattr(ip.kernel, "_shell_context", None), getattr(ip, "_parent_header", None)
        if type(context) is contextvars.Context and type(shown) is contextvars.ContextVar:
            parent = context.get(shown)
            return parent if type(parent) is dict and parent.get("header") else None
        own = ip.parent_header["header"]["msg_id"]
        headers = [h for h in _headers_of_background(ip.kernel) if h.get("msg_id") not in (None, own)]
        newest = max(headers, key=lambda h: str(h.get("date")), default=None)
    except Exception:  # noqa: BLE001 - an ipykernel that keeps these things elsewhere
        newest = None
    return None if newest is None else {**newest, "header": newest, "parent_header": {}, "content": {}}


def _headers_of_background(kernel: Any) -> list[dict[str, Any]]:
    """The headers of the messages by which living threads and asyncio tasks were started."""
    import contextvars
    import gc
    import sys

    stream = kernel._stdout
    headers = list(getattr(stream, "_thread_to_parent_header", {}).values())
    asyncio, tasks = sys.modules["_asyncio"], sys.modules["asyncio.tasks"]
    known = getattr(tasks, "_scheduled_tasks", None) or getattr(tasks, "_all_tasks", None)
    # What a task holds is asked of the garbage collector: before 3.12 nothing else tells its context.
    holders = [task for task in [r() for r in list(getattr(known, "data", ()))] if type(task) is asyncio.Task]
    holders += list(getattr(kernel.io_loop.asyncio_loop, "_scheduled", ()))
    for held in gc.get_referents(*holders):
        if type(held) is contextvars.Context:
            headers.append(held.get(stream._parent_header))  # noqa: PERF401 - one step, one line
    return [h for h in headers if type(h) is dict]


def _give_back(ip: Any, before: dict[str, Any] | None) -> None:
    """Threads and tasks print and display where they did, those that a task starts from now on, too."""
    try:
        parent = _parent_for(_agent(), before)
        if parent is None:
            return
        # fault: 38a
        ip.set_parent(parent)
        if "_new_threads_parent_header" in ip.kernel.__dict__:
            ip.kernel._new_threads_parent_header = parent["header"]
    except BaseException:  # noqa: BLE001, S110 - a stream of the user's that refuses refuses every request
        pass
