"""What a run pays for being watched, beside other ways of looking at the same models in the same kernel."""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks.kernels import fill, kernel_process, time_hooks, value_in, watched
from tests.benchmarks.peers import inspector_script
from tests.benchmarks.rows import Row, row_of

TOPIC = "cost of a run"
CELLS = 40
OTHERS = """
def others():
    import gc, pickle, hashlib, time, joblib, statistics
    from IPython.utils.capture import capture_output
    ip = get_ipython()
    estimators = [v for n, v in ip.user_ns.items() if n[:1] == "m" and n[1:].isdigit()]
    cold = bytearray(64 << 20)
    def floor(): return [tuple(map(id, m.__dict__.values())) for m in estimators]
    def whos():
        with capture_output(): ip.run_line_magic("whos", "")
    def pickled(): return [hashlib.blake2b(pickle.dumps(m, 5)).digest() for m in estimators]
    def hashed():
        for m in estimators:
            try: joblib.hash(m)
            except ValueError: pass
    def timed(function, times, flush=False):
        taken = []
        for _ in range(times):
            if flush: cold[::64] = bytes(len(cold) // 64)
            begun = time.perf_counter(); function(); taken.append((time.perf_counter() - begun) * 1_000)
        return taken
    inspect = globals().get("_jupyterlab_variableinspector_dict_list", lambda: None)
    return {
        "JupyterLab's variable inspector": timed(inspect, 3),
        "floor: ids of all attributes, caches cold": timed(floor, 15, True),
        "%whos": timed(whos, 5), "pickle + blake2b": timed(pickled, 5), "joblib.hash": timed(hashed, 3),
    }
"""
_RATIOS = {"%whos": 20, "pickle + blake2b": 30, "joblib.hash": 300, "JupyterLab's variable inspector": 200}
"""How many times below these a run has to stay at 100 models."""


def measure() -> Iterator[Row]:
    """Rows for 10, 100 and 1,000 models."""
    for models in (10, 100, 1_000):
        with kernel_process() as kernel:
            fill(kernel, models)
            kernel.run(inspector_script(), timeout=120)
            kernel.run(OTHERS)
            kernel.run("beside = others()")
            beside: dict[str, list[float]] = value_in(kernel, "beside")
            with watched(kernel):
                unrelated = time_hooks(kernel, ["v1 = v1 + 1.0"] * CELLS)
                refits = time_hooks(kernel, ["m0.fit(X, y)"] * CELLS)
                new = time_hooks(kernel, ["m0 = LogisticRegression().fit(X, y)"] * CELLS)
        floor = sorted(beside["floor: ids of all attributes, caches cold"])[7]
        goal = {10: 0.3, 100: max(1.0, 3 * floor), 1_000: 1.5 * floor}[models]
        for name, times in (("no model", unrelated), ("one model refitted", refits), ("one model made", new)):
            yield row_of(TOPIC, f"{models:,} models, {name}", times[2:], "ms", goal)
        for name, times in beside.items():
            yield row_of(TOPIC, f"{models:,} models, {name}", times, "ms")
        if models == 100:
            middle = sorted(unrelated)[CELLS // 2]
            for name, least in _RATIOS.items():
                ratio = middle / sorted(beside[name])[len(beside[name]) // 2]
                yield Row(TOPIC, f"100 models, of {name}", ratio, "", goal=1 / least)
