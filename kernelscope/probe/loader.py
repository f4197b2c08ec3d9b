"""The probe's one entry: evaluated in the kernel as a single expression, once per attach.

Everything here is in a try: the answer is a JSON text in any case, so that the kernel neither
raises nor prints.  The modules get builtins of their own, so that a name the user replaces in
``builtins`` later does not reach them.
"""

# The expression that carries this file binds ``request`` before it runs it (see kernel/inject.py).


def _kernelscope(request: str) -> str:  # noqa: C901 - one function, so that one name is enough
    """Does what ``request`` (JSON) asks for; answers in JSON, whatever happens."""
    try:
        import base64
        import builtins
        import json
        import sys
        import types
        import zlib

        package = "_kernelscope_probe"

        def answer(what: object) -> str:
            # pyzmq sends what is longer than 64 KiB without a copy, and starts a thread for that which stays.
            text = json.dumps(what)
            if len(text) < 32_768:
                return text
            return "z" + base64.b64encode(zlib.compress(text.encode(), 1)).decode()

        asked = json.loads(request)
        shell = sys.modules.get("IPython.core.getipython")
        ip = shell.get_ipython() if shell is not None else None
        if ip is None or getattr(ip, "kernel", None) is None:
            return json.dumps({"error": "unsupported", "detail": "no IPython kernel runs here"})
        kernel = type(ip.kernel)
        if not any(cls.__module__ == "ipykernel.ipkernel" for cls in kernel.__mro__):
            detail = "its kernel is " + kernel.__module__ + "." + kernel.__qualname__ + ", not ipykernel's"
            return json.dumps({"error": "unsupported", "detail": detail})
        release = getattr(sys.modules.get("ipykernel"), "version_info", (6,))
        if release[0] < 6:
            detail = "ipykernel " + ".".join(map(str, release)) + " is too old"
            return json.dumps({"error": "unsupported", "detail": detail})
        locked = getattr(sys, "_is_gil_enabled", None)
        if locked is not None and not locked():
            return json.dumps({"error": "unsupported", "detail": "a free-threaded Python runs here"})
        installed = sys.modules.get(package + ".agent")
        agent = getattr(installed, "AGENT", None)
        if asked["do"] == "audit":
            own = dict(vars(builtins))
            exec(compile(asked["source"], "<kernelscope audit>", "exec", 0, True), own)  # noqa: S102 - the probe's own
            there = None if agent is None else agent.there()
            return answer({"report": own["report"](ip), "probe": there})
        if asked["do"] == "detach":
            if agent is not None:
                agent.take_out()
            return json.dumps({"detached": agent is not None})
        if agent is not None and agent.checksum != asked["checksum"]:
            return json.dumps({"error": "version", "detail": agent.version})
        if agent is None:
            sources = json.loads(zlib.decompress(base64.b64decode(asked["sources"])))
            own = dict(vars(builtins))
            made = []
            try:
                for name, source in sources:
                    full = package + ("." + name if name else "")
                    module = types.ModuleType(full)
                    module.__dict__["__builtins__"] = own
                    module.__dict__["__package__"] = package
                    if not name:
                        module.__dict__["__path__"] = []
                    sys.modules[full] = module
                    made.append(full)
                    exec(compile(source, "<kernelscope " + full + ">", "exec", 0, True), module.__dict__)  # noqa: S102 - the probe itself
                own_names = vars(sys.modules[package + ".agent"])
                agent = own_names["Agent"](ip, asked["version"], asked["checksum"])
                own_names["AGENT"] = agent
            except BaseException:
                for full in made:
                    sys.modules.pop(full, None)
                raise
        try:
            return answer(agent.attach(asked))
        except BaseException:
            agent.release(asked["watcher"])  # who never hears of it will not take it back
            raise
    except BaseException as error:  # noqa: BLE001 - SystemExit from in here would end the user's kernel
        detail = type(error).__name__ + ": " + str(error)[:300]
        plain = "".join(c if c.isprintable() and c not in '"\\' else "?" for c in detail)
        return '{"error": "failed", "detail": "' + plain + '"}'  # `json` may be what failed
